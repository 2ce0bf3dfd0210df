# SPDX-License-Identifier: GPL-2.0-or-later
"""A real Open vSwitch inside a lab, with its datapath in user space (netdev), since the kernel's is a
module that a test must not load:

    with Switch(lab, "ovs0") as switch: ... lab.nic(source=switch.bridge, extra=switch.PORT)

libvirt finds it as it would find the host's, at /run/openvswitch, which is the lab's own."""

import json
import os
import time

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
PROGRAMS = ("ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl")


class Switch:
    PORT = "<virtualport type='openvswitch'/>"  # what makes a NIC's tap a port of it

    def __init__(self, lab, bridge):
        self.lab, self.bridge = lab, bridge
        self._processes = []

    def __enter__(self):
        os.makedirs(self.lab.path("run", "openvswitch"), exist_ok=True)
        self.lab.run(["ovsdb-tool", "create", "/run/openvswitch/conf.db", SCHEMA])
        self._start("ovsdb-server", ["/run/openvswitch/conf.db",
                                     "--remote=punix:/run/openvswitch/db.sock"])
        self._wait("db.sock")
        self.lab.run(["ovs-vsctl", "--timeout=10", "--no-wait", "init"])
        self._start("ovs-vswitchd", ["unix:/run/openvswitch/db.sock"])
        self.vsctl("add-br", self.bridge, "--", "set", "bridge", self.bridge,
                   "datapath_type=netdev")
        self.lab.run(["ip", "link", "set", self.bridge, "up"])
        return self

    def __exit__(self, *_):
        for process in reversed(self._processes):
            process.end()

    def vsctl(self, *words):
        return self.lab.run(["ovs-vsctl", "--timeout=20", *words]).stdout

    def tables(self, *tables):
        """Of each [{column: value as OVSDB's JSON has it}], all of one moment."""
        lists = [word for table in tables for word in ("--", "list", table)][1:]
        text = self.vsctl("--no-wait", "--format=json", *lists)
        found = []
        while text:
            told, end = json.JSONDecoder().raw_decode(text)
            found.append([dict(zip(told["headings"], row)) for row in told["data"]])
            text = text[end:].lstrip()
        return found

    def rows(self, table):
        return self.tables(table)[0]

    def _start(self, program, arguments):
        self._processes.append(self.lab.daemon(program, [program, *arguments]))

    def _wait(self, name):
        deadline = time.monotonic() + 20
        while not os.path.exists(self.lab.path("run", "openvswitch/" + name)):
            if time.monotonic() > deadline:
                raise AssertionError(f"no /run/openvswitch/{name}: {self.lab.logs()}")
            time.sleep(0.02)
