# SPDX-License-Identifier: GPL-2.0-or-later
"""A real Open vSwitch of the test's own: ovsdb-server and ovs-vswitchd with the datapath in user
space, all files in a folder, in the network namespace that we are in.

    with OpenVSwitch() as ovs: ovs.vsctl("add-br", "br0") ... [ovs] socket = {ovs.socket}"""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import started
from started import tap

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
PROGRAMS = ("ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl")


class OpenVSwitch:
    def __init__(self, vswitchd=True):
        if not os.path.exists(SCHEMA) or not all(map(shutil.which, PROGRAMS)):
            tap.skip("no Open vSwitch")
        if vswitchd and (not os.environ.get(started.IS_ROOT) or not os.path.exists("/dev/net/tun")):
            tap.skip("needs root and /dev/net/tun")
        self.folder = tempfile.mkdtemp(prefix="vsf-ovs-")
        self.socket = os.path.join(self.folder, "db.sock")
        self._environment = {**os.environ, "OVS_RUNDIR": self.folder, "OVS_DBDIR": self.folder,
                             "OVS_LOGDIR": self.folder, "OVS_SYSCONFDIR": self.folder}
        self._with_vswitchd = vswitchd
        self.server = self.vswitchd = None

    def __enter__(self):
        try:
            subprocess.run(["ovsdb-tool", "create", self._file("conf.db"), SCHEMA], check=True)
            self.start_server()
            self.vsctl("--no-wait", "init")
            if self._with_vswitchd:
                self.start_switch()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in (self.vswitchd, self.server):
            if process is not None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()
        shutil.rmtree(self.folder)

    def _file(self, name):
        return os.path.join(self.folder, name)

    def _start(self, program, *arguments):
        return subprocess.Popen([program, *arguments], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                env=self._environment, preexec_fn=started.die_with_parent)

    def start_server(self):
        self.server = self._start("ovsdb-server", self._file("conf.db"),
                                  f"--remote=punix:{self.socket}",
                                  f"--unixctl={self._file('server.ctl')}")
        self.wait(self._listens, "ovsdb-server")

    def start_switch(self):
        self.vswitchd = self._start("ovs-vswitchd", f"unix:{self.socket}",
                                    f"--unixctl={self._file('vswitchd.ctl')}",
                                    f"--pidfile={self._file('ovs-vswitchd.pid')}")

    def _listens(self):
        with socket.socket(socket.AF_UNIX) as one:
            return one.connect_ex(self.socket) == 0

    @staticmethod
    def wait(question, what):
        deadline = time.monotonic() + started.PATIENCE_S
        while not (answer := question()):
            assert time.monotonic() < deadline, what
            time.sleep(0.05)
        return answer

    def vsctl(self, *words):
        return subprocess.run(
            ["ovs-vsctl", f"--db=unix:{self.socket}", f"--timeout={started.PATIENCE_S}", *words],
            env=self._environment, check=True, capture_output=True, text=True).stdout.strip()

    def rows(self, table, *columns):
        """[{column: value as OVSDB's JSON has it}]"""
        return self.tables((table, *columns))[0]

    def tables(self, *wanted):
        """The same of several tables, each with its columns, as they are at one moment."""
        words = [word for table, *columns in wanted
                 for word in ("--", f"--columns={','.join(columns)}", "list", table)]
        told = map(json.loads, self.vsctl("--no-wait", "--format=json", *words).splitlines())
        return [[dict(zip(one["headings"], row)) for row in one["data"]] for one in told]
