# SPDX-License-Identifier: GPL-2.0-or-later
"""Many small VMs, paused, each with a tap and a disk, and what is to be said of all their
samples over a time in which something went wrong."""

import os
import time

import domains
import tap
import watch
from guest import Guest

PING_S = 0.5  # between two packets on every tap
COMMANDS = 4  # of virsh at a time


class Crowd:
    """    crowd = Crowd(monitor, 40)
        crowd.start()
        crowd.vms is a list of Guest, by number

    A tap of a paused VM has packets all the same: a ping to the bridge's broadcast address
    goes to each of them."""

    def __init__(self, monitor, n):
        self.monitor, self.lab = monitor, monitor.lab
        self.vms = []
        folder = os.path.join(self.lab.folder, "crowd")
        os.makedirs(folder)
        for number in range(n):
            name = f"vm{number:02}"
            disk = domains.Disk(os.path.join(folder, name + ".raw"), "vda", "raw")
            with open(disk.path, "wb") as file:
                file.truncate(1 << 20)
            nics = [self.lab.nic(number=10 + number)]
            identity = f"40404040-0000-4000-8000-{number:012}"
            xml = domains.tiny_xml(name, self.lab.accelerator, self.lab.emulator, nics=nics,
                                   disks=[disk], identity=identity)
            with open(os.path.join(folder, name + ".xml"), "w") as file:
                file.write(xml)
            self.vms.append(Guest(self.lab, name, identity, nics, None))
        self.lab.virsh(input="".join(f"define {folder}/{vm.name}.xml\n" for vm in self.vms))

    def virsh(self, line, vms=None):
        """Runs `line` for each ({} is its name), some at a time; the processes."""
        vms = self.vms if vms is None else vms
        scripts = [";".join(line.format(vm.name) for vm in vms[part::COMMANDS])
                   for part in range(min(COMMANDS, len(vms)))]
        return [self.lab.daemon(f"virsh-{part}", ["virsh", "-q", script])
                for part, script in enumerate(scripts)]

    def start(self, vms=None):
        """Starts those and waits until each has a complete sample."""
        began = time.time()
        for process in self.virsh("start {} --paused", vms):
            process.wait(120)
        for vm in self.vms if vms is None else vms:
            self.wait_complete(vm, began)

    def ping(self):
        self.lab.run(["ip", "neigh", "flush", "all"])
        return self.lab.popen(["ping", "-q", "-b", "-i", str(PING_S),
                               self.lab.address.rsplit(".", 1)[0] + ".255"])

    def running(self):
        return set(self.lab.virsh("list", "--name").split())

    def processes(self):
        """name -> PID (from outside) of every QEMU of the crowd's, libvirt's or not."""
        found = {}
        for pid in self.lab.sandbox.processes():
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().decode(errors="replace").split("\0")
            except OSError:
                continue
            name = next((word[6:].split(",")[0] for word in words if word.startswith("guest=")),
                        None)
            if name is not None:
                found[name] = pid
        return found

    def samples(self, since):
        """UUID -> counter samples of that VM, in order; one look at what arrived."""
        found = {vm.uuid: [] for vm in self.vms}
        names = {vm.uuid.replace("-", ""): vm.uuid for vm in self.vms}
        for sample in self.monitor.collector.samples("0:4", since=since):
            descr = sample.record("0:2000")
            uuid = names.get(descr["uuid"]) if descr else None
            if uuid is not None and sample.content["source"].startswith("3:"):
                found[uuid].append(sample)
        return found

    def wait_complete(self, vm, since, timeout=30):
        collector = self.monitor.collector
        collector.wait(
            lambda: any(not watch.unknown(sample) for sample in collector.vm(vm.uuid, since)),
            timeout, f"a complete sample of {vm.name}")


class Watched:
    """    with Watched(crowd, vms, interval) as period: ...

    Afterwards, of all `vms`: neither packets nor counters of a VM or its tap paused, sequence
    numbers went on, and indexes stayed. No pause: at most a second longer than always."""

    def __init__(self, crowd, vms, interval):
        self._crowd, self._vms, self._interval = crowd, vms, interval

    def __enter__(self):
        before = self._crowd.samples(0)
        self._sources = {vm.uuid: before[vm.uuid][-1].content["source"] for vm in self._vms}
        self._ports = {vm.uuid: watch.adapters(before[vm.uuid][-1])[vm.nics[0].mac]
                       for vm in self._vms}
        self.since = time.time()
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            return
        # Each has had its turn, and what is under way has arrived.
        time.sleep(max(0, self.since + self._interval + 1.5 - time.time()))
        now = time.time() - 0.5
        collector = self._crowd.monitor.collector
        taps, flows = {}, {}
        for sample in collector.samples("0:4", since=self.since):
            taps.setdefault(sample.content["source"], []).append(sample)
        for sample in collector.samples("0:3", since=self.since):
            flows.setdefault(sample.content["source"], []).append(sample)
        longest = {}
        for vm in self._vms:
            samples = taps.get(self._sources[vm.uuid], [])
            port = f"0:{self._ports[vm.uuid]}"
            tap.equal({watch.adapters(sample)[vm.nics[0].mac] for sample in samples},
                      {self._ports[vm.uuid]}, f"{vm.name}: its tap")
            for what, series, interval in (
                    ("VM counters", samples, self._interval),
                    ("tap counters", taps.get(port, []), self._interval),
                    ("packets", flows.get(port, []), PING_S)):
                assert series, f"{vm.name}: no {what}"
                gap = watch.longest_gap(series, self.since, now)
                longest[what] = max(longest.get(what, (-interval, "")), (gap - interval, vm.name))
                watch.consecutive(series, f"{vm.name}: {what}")
        for what, (late, name) in longest.items():
            tap.diagnostics(f"{what}: at most an interval and {late:.2f} s without ({name})")
        for what, (late, name) in longest.items():
            assert late <= 1, f"{name}: {what} paused for {late:.1f} s more than an interval"
        others = {uuid for uuid, samples in self._crowd.samples(self.since).items()
                  for sample in samples if uuid in self._sources
                  and sample.content["source"] != self._sources[uuid]}
        tap.equal(others, set(), "VMs whose index changed")
