#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The numbers that the daemon is judged by, on a real hypervisor. None is asserted.

    bench-numbers.py [--json FILE] [NAME...]     VSF_BUILD: the build folder

NAME is a part: lead, first, idle, flows; all of them without one. Prints tables and
writes the same as JSON. (Not numbers.py: the standard library has a module of that name
and would import this one.)"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import sys
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))

import lab as labs  # noqa: E402
import measure  # noqa: E402
import tap  # noqa: E402
import whole  # noqa: E402
from monitor import Monitor  # noqa: E402

FRAMES = os.path.join(os.path.dirname(labs.__file__), "frames.py")

LEAD_STARTS = 20
FIRST_VMS, FIRST_ROUNDS = 20, 5
IDLE_VMS, IDLE_SETTLE_S, IDLE_S = 40, 25, 120
FLOW_RATES, FLOW_S = (500, 2000, 8000), 8
GOALS = {"first_p99_s": 0.5, "rss_mib": 30, "idle_percent": 0.1}


# ------------------------------------------------------------ the daemon's log

LINE = re.compile(r"^\[ *(\d+\.\d+)\] virt-sflowd: (?:debug: )?(.*)$", re.M)
RESUMED, STARTED = 4, 2   # libvirt's lifecycle events


def lines(text):
    """(monotonic seconds, text) of each line that --debug gave a time, in milliseconds."""
    return [(float(match[1]), match[2]) for match in LINE.finditer(text)]


def time_of(found, pattern):
    """When a line that matches was logged first; None if none was."""
    return next((at for at, text in found if re.search(pattern, text)), None)


def event_time(found, uuid, event):
    return time_of(found, rf"^{uuid}: libvirt event {event},")


def wait_ended(monitor, guests, since):
    for guest in guests:
        monitor.wait_log(f"domain {guest.uuid} ended", since=since, timeout=60)


# ------------------------------------------------------------ lead

def install_hook(lab):
    shutil.copy(os.path.join(labs.build_folder(), "hooks", "qemu-hook"),
                lab.path("etc", "hooks/qemu.d/50-virt-sflow"))
    # libvirtd notices the first hook only when it starts.
    lab.stop_libvirtd()
    lab.start_libvirtd()


def lead_ms(monitor, guest):
    """From `sampler on the tap` to `the CPUs run` as the daemon saw both; negative: late."""
    since = len(monitor.log())
    guest.start()
    monitor.wait_log(f"{guest.uuid}: libvirt event {STARTED},", since=since)
    monitor.wait_log(": sampling 1 in", since=since)
    found = lines(monitor.log()[since:])
    guest.destroy()
    wait_ended(monitor, [guest], since)
    return (event_time(found, guest.uuid, RESUMED) - time_of(found, ": sampling 1 in")) * 1000


def lead_of(lab, guest):
    with Monitor(lab, name="virt-sflow", sampling=512, polling=20) as monitor:
        monitor.wait_connected()
        before = measure.load()
        values = [lead_ms(monitor, guest) for _ in range(LEAD_STARTS)]
        return {**measure.spread(values), "starts": len(values),
                "late": sum(value < 0 for value in values),
                "hook_messages": monitor.status()["hook"]["received"],
                "load": [before, measure.load()]}


def bench_lead(lab):
    guest = lab.define_tiny("lead")
    result = {"without_hook": lead_of(lab, guest)}
    install_hook(lab)
    result["with_hook"] = lead_of(lab, guest)
    lab.virsh("undefine", "lead")
    measure.show(
        "Lead: the sampler is on the tap before the guest's CPUs run, ms",
        [("", "starts", "min", "median", "max", "late", "hook messages", "load")]
        + [(name.replace("_", " "), part["starts"], part["min"], part["p50"], part["max"],
            part["late"], part["hook_messages"], loads(part)) for name, part in result.items()])
    return result


# ------------------------------------------------------------ first samples

def start_at_once(lab, guests):
    processes = [lab.popen(["virsh", "-q", "start", guest.name]) for guest in guests]
    for process in processes:
        if process.wait(120) != 0:
            raise AssertionError("a VM does not start:\n" + lab.logs())


def destroy_at_once(lab, guests):
    for process in [lab.popen(["virsh", "-q", "destroy", guest.name]) for guest in guests]:
        process.wait(120)


def first_round(lab, monitor, guests):
    """Seconds from each VM's STARTED event to the arrival of its first counter sample."""
    since, before, began = len(monitor.log()), measure.load(), time.time()
    start_at_once(lab, guests)
    took = time.time() - began
    arrivals = {guest.uuid: monitor.collector.wait(
        lambda uuid=guest.uuid: monitor.collector.vm(uuid, since=began))[0].time
        for guest in guests}
    epoch = time.time() - time.monotonic()
    found = lines(monitor.log()[since:])
    delays = [arrivals[guest.uuid] - epoch - event_time(found, guest.uuid, STARTED)
              for guest in guests]
    resumed = [event_time(found, guest.uuid, RESUMED) for guest in guests]
    taps = {guest.uuid: guest.taps()[0] for guest in guests}
    leads = [(at - time_of(found, f"^{re.escape(taps[guest.uuid])}: sampling 1 in")) * 1000
             for guest, at in zip(guests, resumed)]
    result = {**measure.spread(delays), "delays": delays, "leads": leads, "starting_s": took,
              "load": [before, measure.load()]}
    destroy_at_once(lab, guests)
    wait_ended(monitor, guests, since)
    return result


def bench_first(lab):
    guests = [lab.define_tiny(f"first{number}") for number in range(FIRST_VMS)]
    with Monitor(lab, name="virt-sflow", sampling=512, polling=20) as monitor:
        monitor.wait_connected()
        # A fresh libvirtd's first start keeps questions about that VM waiting for up to a
        # second, whoever asks: shown, but not counted.
        cold = first_round(lab, monitor, guests)
        rounds = [first_round(lab, monitor, guests) for _ in range(FIRST_ROUNDS)]
    for guest in guests:
        lab.virsh("undefine", guest.name)
    every = measure.spread([delay for part in rounds for delay in part["delays"]])
    leads = [lead for part in (cold, *rounds) for lead in part["leads"]]
    leads = {**measure.spread(leads), "late": sum(lead < 0 for lead in leads)}
    measure.show(
        f"First counter sample: seconds after STARTED, {FIRST_VMS} VMs started at once",
        [("round", "p50", "p99", "max", "all started in", "load")]
        + [(number, part["p50"], part["p99"], part["max"], part["starting_s"], loads(part))
           for number, part in (("libvirtd new", cold), *enumerate(rounds, 1))]
        + [(f"1 to {FIRST_ROUNDS}", every["p50"], every["p99"], every["max"], None, None),
           ("goal", None, GOALS["first_p99_s"], None, None, None)])
    measure.show("Lead while they start at once, ms",
                 [("starts", "min", "median", "max", "late"),
                  (FIRST_VMS * (FIRST_ROUNDS + 1), leads["min"], leads["p50"], leads["max"],
                   leads["late"])])
    return {"all": every, "rounds": rounds, "new_libvirtd": cold, "lead": leads}


# ------------------------------------------------------------ idle

def find_process(lab, name):
    """From outside; the first of that name inside."""
    for pid in lab.sandbox.processes():
        with contextlib.suppress(OSError), open(f"/proc/{pid}/comm") as file:
            if file.read().strip() == name:
                return pid
    raise AssertionError(f"{name} does not run")


def idle_cpu(monitor, pids, seconds):
    """Percent of one core, and how often threads were put on a CPU per second."""
    since, load, began = time.time(), measure.load(), time.monotonic_ns()
    before = {name: (measure.cpu_ns(pid), measure.switches(pid)) for name, pid in pids.items()}
    time.sleep(seconds)
    took = time.monotonic_ns() - began
    result = {}
    for name, pid in pids.items():
        spent = measure.cpu_ns(pid) - before[name][0]
        switched = measure.switches_between(before[name][1], measure.switches(pid))
        result[name] = {"percent": spent * 100 / took, "switches_per_s": switched / took * 1e9}
    sent = [datagram for datagram in monitor.collector.datagrams() if datagram.time >= since]
    result["seconds"] = took / 1e9
    result["samples"] = sum(len(datagram.content["samples"]) for datagram in sent)
    result["datagrams"] = len(sent)
    result["load"] = [load, measure.load()]
    return result


def bench_idle(lab):
    guests = [lab.define_tiny(f"idle{number}") for number in range(IDLE_VMS)]
    with whole.Quiet(lab, name="virt-sflow", sampling=512, polling=20) as monitor:
        monitor.wait_connected()
        empty = measure.memory_kib(monitor.pid)
        for guest in guests:
            guest.start(paused=True)
        for guest in guests:
            monitor.wait_sampling(guest.taps()[0])
        pid = monitor.pid
        time.sleep(IDLE_SETTLE_S)
        cpu = idle_cpu(monitor, {"virt-sflowd": pid, "libvirtd": find_process(lab, "libvirtd")},
                       IDLE_S)
        memory = {**measure.memory_kib(pid), **measure.counts(pid)}
        monitor.collector.check()
    destroy_at_once(lab, guests)
    for guest in guests:
        lab.virsh("undefine", guest.name)
    measure.show("Memory of the daemon, KiB",
                 [("VMs", "RSS", "PSS", "anonymous", "rings", "files", "fds", "threads"),
                  (0, *empty.values(), None, None), (IDLE_VMS, *memory.values()),
                  ("goal", GOALS["rss_mib"] * 1024, *[None] * 6)])
    measure.show(
        f"CPU with {IDLE_VMS} idle VMs at polling 20, over {cpu['seconds']:.0f} s, "
        f"{cpu['samples']} samples in {cpu['datagrams']} datagrams, load {loads(cpu)}",
        [("", "% of a core", "goal", "thread switches / s"),
         *((name, cpu[name]["percent"], GOALS["idle_percent"] if name == "virt-sflowd" else None,
            cpu[name]["switches_per_s"]) for name in ("virt-sflowd", "libvirtd"))])
    return {"memory_kib": memory, "memory_kib_without_vms": empty, "cpu": cpu}


# ------------------------------------------------------------ flows

def flow_cost(lab, monitor, guest, rate):
    device, pid = guest.taps()[0], monitor.pid
    ifindex, load = lab.ifindex(device), measure.load()
    monitor.collector.clear()
    spent = measure.cpu_ns(pid)
    began = time.monotonic()
    lab.run(["python3", FRAMES, "tap", device, str(rate * FLOW_S), "200", "52:54:00:ff:ff:01",
             guest.nics[0].mac, str(rate)], timeout=120)
    took = time.monotonic() - began
    time.sleep(0.5)   # the last are on their way
    spent = measure.cpu_ns(pid) - spent
    samples = len(monitor.collector.flows(ifindex))
    return {"frames_per_s": rate * FLOW_S / took, "frames": rate * FLOW_S, "samples": samples,
            "datagrams": len(monitor.collector.datagrams()), "us_per_sample": spent / 1000 / samples,
            "percent": spent / took / 1e7, "load": [load, measure.load()]}


def bench_flows(lab):
    guest = lab.define_tiny("flows")
    guest.start(paused=True)
    unbounded = {"max_samples_per_second": 0, "max_host_samples_per_second": 0}
    with whole.Quiet(lab, name="virt-sflow", capture=unbounded, sampling=1, polling=0) as monitor:
        monitor.wait_sampling(guest.taps()[0])
        result = [flow_cost(lab, monitor, guest, rate) for rate in FLOW_RATES]
        monitor.collector.check()
    guest.destroy()
    lab.virsh("undefine", guest.name)
    measure.show(
        "Cost of flow samples, whole process, at 1 in 1",
        [("frames / s", "frames", "samples", "datagrams", "CPU us / sample",
          "% of a core", "load")]
        + [(round(part["frames_per_s"]), part["frames"], part["samples"], part["datagrams"],
            part["us_per_sample"], part["percent"], loads(part))
           for part in result])
    return result


# ------------------------------------------------------------ all

PARTS = {"lead": bench_lead, "first": bench_first, "idle": bench_idle, "flows": bench_flows}


def loads(part):
    return " to ".join(f"{value:.2f}" for value in part["load"])


def terminated(*_):
    raise SystemExit("terminated")   # so that the lab is left


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", help="file to write")
    parser.add_argument("part", nargs="*", help=" ".join(PARTS))
    options = parser.parse_args()
    unknown = set(options.part) - set(PARTS)
    if unknown:
        parser.error("no such part: " + " ".join(sorted(unknown)))
    reason = tap.system_reason()
    if reason:
        print("skipped:", reason)
        return whole.SKIPPED
    signal.signal(signal.SIGTERM, terminated)
    result = {"goals": GOALS}
    for name in options.part or PARTS:
        # A lab each, so that no part finds another's traces.
        with labs.Lab() as lab:
            if "machine" not in result:
                result["machine"] = measure.machine(lab.accelerator, labs.build_folder())
                print(", ".join(f"{key} {value}" for key, value in result["machine"].items()))
            result[name] = PARTS[name](lab)
        if options.json:
            with open(options.json, "w") as file:
                json.dump(result, file, indent=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
