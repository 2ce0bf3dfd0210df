#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What one poll of one VM costs the daemon and libvirtd, on real QEMUs (paused, 16 MiB); what it
costs libvirtd if a client asks with one call for each statistic (one-by-one.c); and the floor of
the daemon's share: what the libvirt client costs a process that asks the daemon's question and does
nothing else (stats-alone.c), one VM at a time and as many together as the daemon has due together.
How much of all that is the machine's, pages.c tells: what a page costs that was not touched for a
while.

    bench-libvirt.py [--json FILE] [--before DAEMON] [--vms N]...      40 VMs unless told otherwise

CPU time of the processes, by the kernel's exact clock. The daemon, the other clients and, with
--before, a virt-sflowd of another build take turns; VSF_BENCH_TIMES=N makes N times as many. Nothing
is asserted but that the polls took place."""

import os
import subprocess
import sys
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))

import lab as labs  # noqa: E402
import measure  # noqa: E402
import whole  # noqa: E402
from crowd import Crowd  # noqa: E402

URI = "qemu:///system"
TIMES = int(os.environ.get("VSF_BENCH_TIMES", "1"))
ROUNDS = 3 * TIMES      # of the fast polling
FAST_S, SLOW_S = 5, 20  # polling
SETTLE_S = 8            # what a start asks once is over
IDLE_S = 5
GOALS = {"daemon_us": 100, "libvirtd_ratio": 0.6}
MOST_TOGETHER = 16      # VMs in one call of the daemon's
OWN, BEFORE, OTHER = "virt-sflowd", "virt-sflowd before", "one call each"


class Earlier(whole.Quiet):
    """A daemon of another build."""

    path = None

    def program(self, name):
        return self.path if name == "virt-sflowd" else super().program(name)


def find_process(lab, name):
    for pid in lab.sandbox.processes():
        try:
            with open(f"/proc/{pid}/comm") as file:
                if file.read().strip() == name:
                    return pid
        except OSError:
            continue
    raise AssertionError(f"{name} does not run")


def spent_ns(pids, seconds):
    """CPU time of each in so many seconds."""
    before = [measure.cpu_ns(pid) for pid in pids]
    time.sleep(seconds)
    return [measure.cpu_ns(pid) - then for pid, then in zip(pids, before)]


def by_daemon(lab, crowd, polling, seconds, who=OWN):
    made = Earlier if who == BEFORE else whole.Quiet
    with made(lab, name="virt-sflowd", polling=polling, sampling=512) as monitor:
        crowd.monitor = monitor
        for vm in crowd.vms:
            crowd.wait_complete(vm, 0, timeout=60)
        time.sleep(SETTLE_S)
        began = time.time()
        daemon, libvirtd = spent_ns([monitor.pid, find_process(lab, "libvirtd")], seconds)
        ended = time.time()
        time.sleep(1)
        polls = sum(began <= sample.time < ended for samples in crowd.samples(began).values()
                    for sample in samples)
        monitor.collector.check()
    return part(who, len(crowd.vms), polling, seconds, polls, daemon, libvirtd)


def by_client(lab, crowd, polling, seconds, who, program, *arguments):
    program = os.path.join(labs.build_folder(), "tests", "bench", program)
    client = lab.popen([program, URI, polling, *arguments], stdin=subprocess.PIPE,
                       stdout=subprocess.PIPE, text=True)
    if client.stdout.readline().strip() != "ready":
        raise AssertionError(f"{program} does not start")
    time.sleep(1)
    own, libvirtd = spent_ns([find_process(lab, os.path.basename(program)),
                              find_process(lab, "libvirtd")], seconds)
    client.stdin.close()
    total = int(client.stdout.readline() or 0)
    client.wait(30)
    # It asks evenly, also in the second before.
    return part(who, len(crowd.vms), polling, seconds, total * seconds / (seconds + 1), own,
                libvirtd)


def due_together(vms):
    """VMs in one slot of the daemon's on average, as daemon/schedule.c has them."""
    slots = next((slots for slots in (3, 6) if vms < slots * 16), 12)
    return min(max(vms // slots, 1), MOST_TOGETHER)


def a_round(lab, crowd, polling, seconds):
    """Everyone's turn."""
    together = due_together(len(crowd.vms))
    if Earlier.path:
        yield by_daemon(lab, crowd, polling, seconds, BEFORE)
    yield by_daemon(lab, crowd, polling, seconds)
    yield by_client(lab, crowd, polling, seconds, OTHER, "one-by-one")
    yield by_client(lab, crowd, polling, seconds, "floor, 1 a call", "stats-alone", 1)
    yield by_client(lab, crowd, polling, seconds, f"floor, {together} a call", "stats-alone",
                    together)


def part(who, vms, polling, seconds, polls, daemon_ns, libvirtd_ns):
    if polls < 0.7 * vms * seconds / polling:
        raise AssertionError(f"{who}: {polls} polls of {vms} VMs in {seconds} s")
    return {"who": who, "vms": vms, "polling": polling, "seconds": seconds, "polls": polls,
            "daemon_us": daemon_ns / 1000 / polls,
            "libvirtd_us": libvirtd_ns / 1000 / polls, "load": measure.load()}


def page_ns():
    """What a page costs that is touched at once, and after a pause."""
    program = os.path.join(labs.build_folder(), "tests", "bench", "pages")
    return [int(word) for word in subprocess.check_output([program], text=True).split()]


def bench(lab, count):
    crowd = Crowd(type("NoMonitor", (), {"lab": lab}), count)
    for process in crowd.virsh("start {} --paused"):
        process.wait(600)
    if len(crowd.running()) != count:
        raise AssertionError("not all VMs run:\n" + lab.logs())
    time.sleep(2)
    idle, = spent_ns([find_process(lab, "libvirtd")], IDLE_S)
    parts, pages = [], []
    for _ in range(ROUNDS):
        pages.append(page_ns())
        parts.extend(a_round(lab, crowd, FAST_S, 2 * FAST_S))
    parts.extend(a_round(lab, crowd, SLOW_S, SLOW_S * TIMES))
    for vm in crowd.vms:
        pid = crowd.processes().get(vm.name)
        if pid is None:
            raise AssertionError(f"{vm.name} ended meanwhile")
    return {"vms": count, "libvirtd_idle_us_per_s": idle / 1000 / IDLE_S, "parts": parts,
            "page_ns": pages, "medians": medians(parts), "ratios": ratios(parts)}


def medians(parts):
    """[who, polling, virt-sflowd's or the client's, libvirtd's] of all turns."""
    found = {}
    for one in parts:
        found.setdefault((one["polling"], one["who"]), []).append(one)
    return [[who, polling, *(measure.quantile([one[key] for one in turns], 0.5)
                             for key in ("daemon_us", "libvirtd_us"))]
            for (polling, who), turns in found.items()]


def ratios(parts):
    """libvirtd's cost by the daemon over that by the other, of each turn."""
    found = {}
    for own, other in zip((one for one in parts if one["who"] == OWN),
                          (one for one in parts if one["who"] == OTHER)):
        found.setdefault(own["polling"], []).append(own["libvirtd_us"] / other["libvirtd_us"])
    return {polling: {"median": measure.quantile(values, 0.5), "least": min(values),
                      "most": max(values)} for polling, values in found.items()}


def show(result):
    at_once, after_pause = zip(*result["page_ns"])
    print(f"a page that is touched, before each round: {at_once} ns at once, {after_pause} ns after "
          "a pause")
    measure.show(
        f"CPU time of one poll of one VM, us; {result['vms']} VMs with a disk and a NIC; "
        f"libvirtd alone: {result['libvirtd_idle_us_per_s']:.0f} us a second",
        [("who asks", "polling", "polls", "its own", "libvirtd", "load")]
        + [(one["who"], one["polling"], round(one["polls"]), one["daemon_us"], one["libvirtd_us"],
            one["load"]) for one in result["parts"]]
        + [("goal", None, None, float(GOALS["daemon_us"]), None, None)])
    measure.show("Medians of these", [("who asks", "polling", "its own", "libvirtd"),
                                      *map(tuple, result["medians"])])
    measure.show("libvirtd's, over the other client's in the same turn",
                 [("polling", "median", "least", "most"),
                  *((polling, *(each[key] for key in ("median", "least", "most")))
                    for polling, each in result["ratios"].items()),
                  ("goal", GOALS["libvirtd_ratio"], None, None)])


def set_before(parser):
    parser.add_argument("--before", help="virt-sflowd of another build, to compare with")
    return lambda options: setattr(Earlier, "path", options.before)


def main():
    results = whole.main(__doc__, [40], labs.Lab, bench, "libvirt", GOALS, set_before)
    if results is None:
        return whole.SKIPPED
    for result in results:
        show(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
