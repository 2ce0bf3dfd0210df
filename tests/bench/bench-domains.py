#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A daemon with a thousand and more VMs: how late its main loop is, CPU, memory.

    bench-domains.py [--json FILE] [--vms N]...

Its hypervisor is libvirt's test driver, which runs inside the daemon, whose CPU time and memory
it shares: VMs are entries of a file, without processes, taps or counters. So what is measured is
what grows with the number of VMs: schedule, registry, libvirt calls, samples, datagrams.
VSF_BENCH_TIMES=N measures N times as long. Nothing is asserted but that all VMs were polled."""

import os
import struct
import sys
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))

import lab as labs  # noqa: E402
import measure  # noqa: E402
import whole  # noqa: E402
from monitor import Monitor  # noqa: E402

VMS = (1000, 5000)
POLLING_S = 20          # as it is shipped
WATCHED_S = POLLING_S * int(os.environ.get("VSF_BENCH_TIMES", "1"))
SETTLE_S = 3            # for what waits beside polls
KNOWN_S = 120           # until all are known
GOAL_LATE_MS = 10

# No disk: the driver has no numbers of one, and what lacks is asked for again and again.
DOMAIN = ("<domain type='test' id='{0}'><name>vm{0}</name>"
          "<uuid>11111111-0000-0000-0000-{0:012}</uuid><memory>65536</memory><vcpu>1</vcpu>"
          "<os><type arch='x86_64'>hvm</type></os><devices>"
          "<interface type='ethernet'><mac address='52:54:00:00:{1:02x}:{2:02x}'/></interface>"
          "</devices></domain>")


class Probed(Monitor):
    """Without --debug, with the probe of its main loop."""

    def start(self, wait=True):
        probe = os.path.join(labs.build_folder(), "tests", "bench", "loop-probe.so")
        self.process = self.lab.daemon(self.name, [
            "env", f"LD_PRELOAD={probe}", "VSF_LOOP_PROBE=/run/vsf/lateness",
            self.program("virt-sflowd"), "--config", self.config,
            "--collector", self.collector.target,
            "--runtime-dir", self.runtime, "--state-dir", self.state, *self._arguments])
        if wait:
            self.wait_log("started", timeout=60)

    def lateness(self):
        """Milliseconds, of each time the probe's timer ran."""
        with open(self.lab.path("run", "vsf/lateness"), "rb") as file:
            count = struct.unpack("=I", file.read(4))[0]
            return [us / 1000 for us in struct.unpack(f"={count}I", file.read(4 * count))]


def write_node(lab, count):
    lab.write("run/vsf/node.xml", "<node>" + "".join(
        DOMAIN.format(number, number >> 8, number & 255) for number in range(1, count + 1))
        + "</node>")


def wait_polled(monitor, count):
    """Until each VM has had a sample; its status, which is large, is asked seldom."""
    deadline = time.monotonic() + KNOWN_S
    while True:
        status = monitor.status()
        polled = sum(vm["counter_samples"] > 0 for vm in status["vms"])
        if len(status["vms"]) == polled == count:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"{polled} of {count} VMs are polled after {KNOWN_S} s")
        time.sleep(2)


def samples(status):
    return sum(vm["counter_samples"] for vm in status["vms"])


def watch(lab, count):
    write_node(lab, count)
    with Probed(lab, name="virt-sflowd", polling=POLLING_S, sampling=512,
                arguments=["--uri", "test:///run/vsf/node.xml"]) as monitor:
        wait_polled(monitor, count)
        time.sleep(SETTLE_S)
        before, load = samples(monitor.status()), measure.load()
        time.sleep(1)
        pid, n_late = monitor.pid, len(monitor.lateness())
        spent, began = measure.cpu_ns(pid), time.monotonic_ns()
        time.sleep(WATCHED_S)
        spent, took = measure.cpu_ns(pid) - spent, time.monotonic_ns() - began
        late = monitor.lateness()[n_late:]
        memory = {**measure.memory_kib(pid), **measure.counts(pid)}
        polls = samples(monitor.status()) - before
        monitor.collector.check()
    # A turn each way may have fallen into the second before, or the status after.
    if polls < count * (WATCHED_S // POLLING_S) or not late:
        raise AssertionError(f"{polls} polls of {count} VMs in {WATCHED_S} s, "
                             f"{len(late)} looks at the main loop")
    return {"vms": count, "polls": polls, "seconds": took / 1e9, "percent": spent * 100 / took,
            "us_per_poll": spent / 1000 / polls if polls else None,
            "late_ms": measure.spread(late), "looks": len(late), "memory_kib": memory,
            "load": [load, measure.load()]}


def show(results):
    measure.show(
        f"VMs of libvirt's test driver at polling {POLLING_S}, over {WATCHED_S} s; "
        "main loop late, ms (of which up to 1 is poll's own rounding)",
        [("VMs", "polls", "late p50", "p99", "max", "% of a core", "us / poll", "RSS MiB",
          "anonymous", "fds", "threads", "load")]
        + [(part["vms"], part["polls"], part["late_ms"]["p50"], part["late_ms"]["p99"],
            part["late_ms"]["max"], part["percent"], part["us_per_poll"],
            part["memory_kib"]["rss"] / 1024, part["memory_kib"]["anonymous"] / 1024,
            part["memory_kib"]["fds"], part["memory_kib"]["threads"],
            " to ".join(f"{value:.2f}" for value in part["load"])) for part in results]
        + [("goal", None, None, float(GOAL_LATE_MS), *[None] * 8)])


def main():
    results = whole.main(__doc__, VMS, lambda: labs.Lab(libvirtd=False), watch, "domains",
                       {"late_p99_ms": GOAL_LATE_MS})
    if results is None:
        return whole.SKIPPED
    show(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
