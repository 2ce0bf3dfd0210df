# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of VMs' lives look at beside the collector: libvirt's events
with their times, the end of a process, and series of samples."""

import datetime
import itertools
import os
import re
import select
import threading
import time

_numbers = itertools.count(1)
_EVENT = re.compile(r"^(\S+ [\d:.]+)\+0000: event '([\w-]+)' for domain '?(.*?)'?:\s+(.*)$",
                    re.M)


class Events:
    """    with Events(lab) as events: ... events.wait("web01", "Started", since=then)

    Events as virsh sees them. Ends with the libvirtd that it found."""

    def __init__(self, lab):
        self._lab = lab
        self._name = f"events-{next(_numbers)}"

    def __enter__(self):
        self._process = self._lab.daemon(
            self._name, ["stdbuf", "-oL", "virsh", "-q", "event", "--all", "--loop", "--timestamp"])
        # It does not say when it listens: until it has heard of this one.
        probe = self._name + "-probe"
        deadline = time.monotonic() + 20
        while not self.times(probe, "Undefined"):
            assert time.monotonic() < deadline, "virsh event hears nothing"
            self._lab.define_tiny(probe, nics=[])
            self._lab.virsh("undefine", probe)
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self._process.end()

    def times(self, name, word, since=0, kind="lifecycle"):
        """When events such as "Started Booted" came, seconds since the epoch."""
        with open(self._lab.path("log", self._name + ".out"), errors="replace") as file:
            text = file.read()
        found = []
        for moment, of, domain, what in _EVENT.findall(text):
            then = datetime.datetime.strptime(moment, "%Y-%m-%d %H:%M:%S.%f")
            then = then.replace(tzinfo=datetime.timezone.utc).timestamp()
            if (of, domain) == (kind, name) and what.startswith(word) and then >= since:
                found.append(then)
        return found

    def wait(self, name, word, since=0, timeout=30):
        deadline = time.monotonic() + timeout
        while not (times := self.times(name, word, since)):
            assert time.monotonic() < deadline, f"no event {word!r} for {name} within {timeout} s"
            time.sleep(0.02)
        return times[0]


class Death:
    """When a process (by its PID from outside the lab) ended, to the millisecond."""

    def __init__(self, pid):
        self._time = None
        self._descriptor = os.pidfd_open(pid)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self):
        select.select([self._descriptor], [], [])
        self._time = time.time()
        os.close(self._descriptor)

    def wait(self, timeout=60):
        self._thread.join(timeout)
        assert self._time is not None, f"the process lives on after {timeout} s"
        return self._time


def alive(process):
    """Whether a sandbox.Process still runs."""
    return process.poll() is None


# ------------------------------------------------------------------ samples

# What of a VM's sample only libvirt knows.
DISK = {"capacity", "allocation", "rd_req", "rd_bytes", "wr_req", "wr_bytes"}
# What /proc, the kernel's interface counters and libvirt's last word tell at any time.
HOSTS = {"state", "cpuTime", "nrVirtCpu", "bytes_in", "bytes_out", "pkts_in", "pkts_out"}


def unknown(sample):
    """Names of the numbers of a VM's sample that are not known, but for those that never are."""
    return {name for record in ("0:2101", "0:2102", "0:2103", "0:2104")
            for name, value in sample.record(record).items()
            if value is None and name not in ("errs", "available", "memory")}


def sequences(samples):
    return [sample.content["sequence"] for sample in samples]


def consecutive(samples, what="sequence numbers"):
    """Fails unless each number is one more than the last."""
    numbers = sequences(samples)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), f"{what}: {numbers}"


def runs(samples):
    """Samples of one source, split where its numbers begin again at 1."""
    parts = []
    for sample in samples:
        if not parts or sample.content["sequence"] == 1:
            parts.append([])
        parts[-1].append(sample)
    return parts


_GAUGES = {"format", "state", "nrVirtCpu", "capacity", "allocation", "available"}


def counters(sample):
    """(record, name) -> value of all counters of a VM's sample that are known."""
    return {(record, name): value for record in ("0:2101", "0:2103", "0:2104")
            for name, value in sample.record(record).items()
            if value is not None and name not in _GAUGES}


def counters_grow(samples):
    """Fails if one went back, but for where the sequence begins again; of one VM, or its run."""
    for run in runs(samples):
        consecutive(run)
        last = {}
        for sample in run:
            for name, value in counters(sample).items():
                assert value >= last.get(name, 0), f"{name} went from {last[name]} to {value}"
            last.update(counters(sample))


def longest_gap(samples, since, until):
    """The longest time without a sample between two moments, in seconds."""
    times = [since, *(sample.time for sample in samples if since < sample.time < until), until]
    return max(later - earlier for earlier, later in zip(times, times[1:]))


def adapters(sample):
    """guest MAC -> ifIndex of its tap"""
    return {adapter["macs"][0]: adapter["ifIndex"]
            for adapter in sample.record("0:2001")["adapters"]}


def frame(flow):
    return bytes.fromhex(flow.record("0:1")["header"])


def is_icmp(flow):
    header = frame(flow)
    return header[12:14] == b"\x08\x00" and header[23] == 1


def is_to(flow, mac):
    return frame(flow)[:6] == bytes.fromhex(mac.replace(":", ""))


def percentile(values, share):
    """By the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
