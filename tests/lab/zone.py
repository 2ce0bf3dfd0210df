# SPDX-License-Identifier: GPL-2.0-or-later
"""A zone that a real dnsmasq serves, on a host of its own beside the lab."""

import os
import signal
import subprocess

from collector import Collector
from sandbox import Sandbox

DOMAIN = "lab.test"
SERVICE = "_sflow._udp." + DOMAIN
HERE, THERE = "10.79.0.1", "10.79.0.2"
TTL_S = 10  # the least that the daemon goes by


class Zone:
    """dnsmasq on a host of its own, behind a cable; the lab asks nobody else."""

    def __init__(self, lab):
        self.lab = lab
        self.process = None
        self._collectors = {}
        self.host = Sandbox("names", [])
        lab.sandbox.network_run(["ip", "link", "add", "names0", "type", "veth", "peer", "name",
                                 "lab0", "netns", str(self.host.pid)])
        lab.run(f"ip address add {HERE}/24 dev names0; ip link set names0 up")
        self.host.run(f"ip address add {THERE}/24 dev lab0; ip link set lab0 up")
        lab.write("resolv.conf", f"nameserver {THERE}\nsearch empty.test {DOMAIN}\n"
                  "options timeout:1 attempts:1\n")
        # In the lab's mount namespace alone; /run is the lab's own.
        lab.run(["sh", "-ec", """
            file=$(readlink -m /etc/resolv.conf)
            case $file in /run/*) mkdir -p "${file%/*}"; [ -e "$file" ] || : >"$file" ;; esac
            mount --bind "$1" "$file" """, "sh", os.path.join(lab.folder, "resolv.conf")])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.host.stop()

    def collector(self, port):
        """One that listens at that port of HERE, from its first use on."""
        if port not in self._collectors:
            self._collectors[port] = Collector(self.lab, HERE, port)
        return self._collectors[port]

    def serve(self, targets, strings, hosts=None, records=()):
        """The zone from now on: [(host, port)] of SRV records, and the TXT record's strings;
        `records`: the strings of more TXT records; `hosts`: those that have an address, unless it
        is all targets. It answers for its domain alone, with the SOA that tells how long an
        absence holds."""
        self.stop()
        with open(self.lab.path("log", "dnsmasq.out"), "ab") as log:
            self.process = self.host.popen([
                "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts",
                "--no-resolv", f"--listen-address={THERE}", "--bind-interfaces", "--user=root",
                "--pid-file=", f"--auth-zone={DOMAIN}", f"--auth-server=ns.{DOMAIN},{THERE}",
                f"--auth-ttl={TTL_S}", "--auth-zone=empty.test",
                *(f"--srv-host={SERVICE},{host},{port}" for host, port in targets),
                *(f"--host-record={host},{HERE}" for host in
                  sorted({host for host, _ in targets} if hosts is None else hosts)),
                *("--txt-record=" + ",".join([SERVICE, *one])
                  for one in (strings, *records) if one)],
                stdout=log, stderr=log)

    def lie(self):
        """A name server that answers each question with a circle of CNAME records, from now on:
        dnsmasq will not."""
        liar = self.host.popen(["python3", os.path.join(os.path.dirname(
            os.path.abspath(__file__)), "liar.py"), THERE], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
        assert liar.stdout.readline() == "ready\n"
        self.stop()
        self.process = liar
        liar.stdin.close()

    def stop(self, number=signal.SIGKILL):
        if self.process is not None:
            self.process.signal(number)
            self.process.wait(10)
            self.process = None
