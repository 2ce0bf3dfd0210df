# SPDX-License-Identifier: GPL-2.0-or-later
"""virt-sflowd under test, running inside a lab and sending to a collector there."""

import json
import os
import signal
import time

from collector import Collector
from lab import build_folder

# What takes the packets, in all tests of the run that do not choose; else the daemon does.
BACKEND = os.environ.get("VSF_BACKEND")


class Monitor:
    """    with Lab() as lab, Monitor(lab, sampling=1, polling=5) as monitor:
            monitor.collector.flows() ...

    Keywords are keys of [sflow] (dashes as underscores); with `collectors` among them the
    collector is not given on the command line, which the file could not change; `sections` holds those of the
    others: {"capture": {"backend": "pcap"}}, and `capture` and `guest` are short for two
    of these; without "daemon" its cpu-limit is off. `start=False` leaves the start to
    start(). `prepare` is a command line that ends by executing what follows it
    (["prlimit", "--nofile=256"]); `environment` is added to the daemon's."""

    def __init__(self, lab, capture=None, guest=None, sections=None, start=True, arguments=(),
                 prepare=(), environment=None, name="virt-sflowd", port=6343, **sflow):
        self.lab = lab
        self.name = name
        self.collector = Collector(lab, port=port)
        self.process = None
        self._start = start
        self._named = [] if "collectors" in sflow else ["--collector", self.collector.target]
        self._arguments = list(arguments)
        self._prepare = list(prepare)
        if environment:
            self._prepare += ["env", *(f"{key}={value}" for key, value in environment.items())]
        self.config = os.path.join(lab.folder, name + ".conf")
        self.runtime, self.state = f"/run/{name}", f"/var/lib/libvirt/{name}"
        self._log_from = 0
        self._log_from = len(self.log())
        self.configure(capture=capture, guest=guest, sections=sections, **sflow)

    def configure(self, capture=None, guest=None, sections=None, **sflow):
        lines = []
        if BACKEND:
            capture = {"backend": BACKEND, **(capture or {})}
        # What is sampled must not depend on how slow the machine is, or its sanitizers.
        for section, values in {"sflow": sflow, "capture": capture, "guest": guest,
                                "daemon": {"cpu-limit": "off"}, **(sections or {})}.items():
            if values:
                lines += [f"[{section}]"]
                lines += [f"{key.replace('_', '-')} = {value}" for key, value in values.items()]
        with open(self.config, "w") as file:
            file.write("\n".join(lines) + "\n")

    @staticmethod
    def program(name):
        return os.path.join(build_folder(), "daemon", name)

    def __enter__(self):
        if self._start:
            self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        self.collector.close()

    def start(self, wait=True):
        since = len(self.log())
        self.process = self.lab.daemon(self.name, [
            *self._prepare, self.program("virt-sflowd"), "--config", self.config,
            *self._named, "--debug",
            "--runtime-dir", self.runtime, "--state-dir", self.state, *self._arguments])
        if wait:
            self.wait_log("started", since=since)

    def stop(self):
        """Ends it as an administrator would; its exit status."""
        if self.process is None:
            return None
        status = self.process.end()
        self.process = None
        return status

    def reload(self, **settings):
        """Another file (as in configure()) and SIGHUP: what the status says of it then."""
        before = self.status()["config"]["reload"]
        if settings:
            self.configure(**settings)
        os.kill(self.pid, signal.SIGHUP)
        return self.wait_status(
            lambda status: (lambda reload: reload["state"] != "reading" and
                            reload["good"] + reload["bad"] > before["good"] + before["bad"] and
                            reload)(status["config"]["reload"]), what="a reload")

    @property
    def pid(self):
        """From outside the lab."""
        for pid in self.lab.sandbox.processes():
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if words[0].endswith(b"/virt-sflowd") and self.config.encode() in words:
                return pid
        return None

    # ------------------------------------------------------------ looking in

    def command(self, *arguments, check=True, timeout=30):
        """The command virt-sflow, inside."""
        return self.lab.run([self.program("cli/virt-sflow"), *arguments], check=check,
                            timeout=timeout)

    def status(self):
        return json.loads(self.command("status", "--json", "--runtime-dir", self.runtime).stdout)

    def log(self):
        """What it logged since this Monitor was made."""
        if not os.path.exists(self.lab.path("log", self.name + ".out")):
            return ""
        with open(self.lab.path("log", self.name + ".out"), errors="replace") as file:
            return file.read()[self._log_from:]

    def wait_log(self, text, timeout=20, since=None):
        """Until the log holds `text` (after its first `since` characters)."""
        deadline = time.monotonic() + timeout
        while text not in self.log()[since or 0:]:
            if time.monotonic() > deadline:
                raise AssertionError(f"not in the log within {timeout} s: {text}")
            time.sleep(0.02)

    def wait_status(self, question, timeout=20, what="the awaited status"):
        """Until question(status) is true; returns what it returned."""
        deadline = time.monotonic() + timeout
        while True:
            answer = question(self.status())
            if answer:
                return answer
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: not within {timeout} s: {self.status()}")
            time.sleep(0.05)

    def wait_sampling(self, device, timeout=20):
        """Until a sampler sits on that tap; its entry in the status."""
        return self.wait_status(
            lambda status: next((tap for tap in status.get("taps", ())
                                 if tap["name"] == device and tap["state"] == "sampling"
                                 and tap["vm"]), None),
            timeout, f"a sampler on {device}")

    def wait_connected(self, timeout=20):
        self.wait_status(lambda status: status.get("libvirt", {}).get("connected"), timeout,
                         "a connection to libvirt")

    def vm(self, domain):
        """The status of a VM (a Guest); None while the daemon knows none."""
        return next((vm for vm in self.status().get("vms", ()) if vm["uuid"] == domain.uuid),
                    None)

    def wait_vm(self, domain, question, timeout=20, what="the awaited status"):
        """Until question(status of the VM) is true; returns what it returned."""
        deadline = time.monotonic() + timeout
        while True:
            vm = self.vm(domain)
            answer = vm and question(vm)
            if answer:
                return answer
            if time.monotonic() > deadline:
                raise AssertionError(f"{domain.name}: {what}: not within {timeout} s: {vm}")
            time.sleep(0.1)

    # ------------------------------------------------------------ samples

    def vm_records(self, uuid, since=0, timeout=30, what="a counter sample"):
        """The records of the VM's newest counter sample after `since` (seconds since
        the epoch), by format."""
        sample = self.collector.wait(
            lambda: (self.collector.vm(uuid, since) or [None])[-1], timeout, what)
        return records(sample)

    def tap_records(self, ifindex, since=0, timeout=30):
        sample = self.collector.wait(
            lambda: (self.collector.samples("0:4", f"0:{ifindex}", since) or [None])[-1], timeout,
            "an interface counter sample")
        return records(sample)

    def memory_kib(self):
        with open(f"/proc/{self.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    def n_threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def n_descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def records(sample):
    return {record["format"]: record for record in sample.content["records"]}
