# SPDX-License-Identifier: GPL-2.0-or-later
"""Each node's daemon, seen from afar: what collectors learn of it and of VMs in trouble,
from the wire alone, while real faults last."""

import os
import signal
import subprocess
import time

import lab as labs
import tap
from monitor import Monitor

POLLING = 1
SOURCE = "virt-sflowd-kvm-lab"
COUNTERS = ("cpu_ms", "flow_samples", "counter_samples", "metric_samples", "datagrams", "drops",
            "turns", "turns_missed", "agent_failures", "libvirt_outage_total_s", "send_errors")


def lab():
    return tap.fixture(labs.Lab)


def monitor():
    return tap.fixture(make_monitor)


def make_monitor():
    return Monitor(lab(), sampling=4, polling=POLLING)


def vms():
    """Two paused VMs, each with a tap and a disk."""
    found = getattr(vms, "made", None)
    if found is None:
        found = vms.made = [lab().define_tiny(name, disks=[lab().disk(name)])
                            for name in ("web01", "db01")]
        for domain in found:
            domain.start(paused=True)
        for domain in found:
            monitor().wait_sampling(domain.taps()[0])
    return found


def rounds(since=0, where=None):
    """[(time, {name: value})] of the daemon's own metrics, one for each time it told; a
    round that is split over datagrams is put together again."""
    found = []
    for sample in (where or monitor()).collector.samples("4300:1002", since=since):
        if sample.content["name"] != SOURCE:
            continue
        values = {entry["name"]: entry["value"] for entry in sample.content["metrics"]}
        if "version" in values or not found:
            found.append((sample.time, {}))
        assert not set(values) & set(found[-1][1]), "a metric stands twice in a round"
        found[-1][1].update(values)
    return [entry for entry in found if "version" in entry[1] and "send_errors" in entry[1]]


def wait_round(question, what, timeout=30, since=None):
    """Until the newest round after `since` (now, if not given) answers; its values."""
    since = time.time() if since is None else since

    def ask():
        seen = rounds(since)
        return seen[-1][1] if seen and question(seen[-1][1]) else None
    return monitor().collector.wait(ask, timeout, what)


def vm_metrics(domain, since):
    return monitor().collector.newest_metrics(domain.uuid, since)


def test_every_interval():
    """Once per interval the daemon tells what it is, what it watches and how late it is"""
    vms()
    since = time.time()
    last = wait_round(lambda values: values["vms"] == 2 and values["taps_sampled"] == 2
                      and values.get("libvirt_latency_p99_us") is not None, "a healthy round")
    time.sleep(5 * POLLING)
    told = rounds(since)
    gaps = [later[0] - earlier[0] for earlier, later in zip(told, told[1:])]
    tap.diagnostics(f"{len(told)} rounds, longest gap {max(gaps):.2f} s; lateness p99 "
                    f"{last['lateness_p99_us']} us, libvirt {last['libvirt_latency_p99_us']} us")
    tap.between(sum(gaps) / len(gaps), 0.8 * POLLING, 1.5 * POLLING, "mean interval")
    status = monitor().status()
    for name in ("version", "config_hash", "backend"):
        tap.equal(last[name], status["daemon"][name], name)
    tap.equal(last["version"], status["version"])
    tap.equal((last["taps_wanted"], last["cap_factor"], last["collectors"]), (2, 1, 1))
    tap.equal({name: last[name] for name in ("vms_stuck", "vms_stale", "collectors_down", "drops",
                                             "libvirt_outage_s", "agents_quarantined")},
              dict.fromkeys(("vms_stuck", "vms_stale", "collectors_down", "drops",
                             "libvirt_outage_s", "agents_quarantined"), 0))
    tap.between(last["lateness_p99_us"], 1, 2000000, "lateness")
    for (_, before), (_, after) in zip(told, told[1:]):
        for name in COUNTERS:
            assert after[name] >= before[name], f"{name} went from {before[name]} to {after[name]}"
    assert told[-1][1]["turns"] - told[0][1]["turns"] >= 4 * 2, "hosts and VMs have turns"


def test_status():
    """The status has the same, by the same names"""
    vms()
    values = wait_round(lambda values: True, "a round")
    own = monitor().status()["daemon"]
    tap.equal(set(values) - set(own), set())
    tap.equal(set(own) - set(values) - {"libvirt_latency_p99_us", "lateness_p99_us"}, set())


def test_hash():
    """A daemon whose collector is another one has another hash, with all else alike"""
    vms()
    ours = wait_round(lambda values: True, "a round")["config_hash"]
    assert len(ours) == 16 and int(ours, 16) >= 0, ours
    with Monitor(lab(), name="other", port=6350, sampling=4, polling=POLLING) as other:
        theirs = other.collector.wait(lambda: rounds(0, other), 20, "a round")[-1][1]["config_hash"]
    assert theirs != ours, "the same hash"


def test_stuck_vm():
    """A VM whose QEMU is stopped is counted as stuck and stale, and says so itself; its
    neighbour is neither; all is well again after it"""
    web, other = vms()
    pid = lab().qemu_pid(web.name)
    os.kill(pid, signal.SIGSTOP)
    try:
        stuck = wait_round(lambda values: values["vms_stuck"] == 1 and values["vms_stale"] == 1,
                           "a stuck VM")
        since = time.time()
        monitor().collector.wait(lambda: vm_metrics(web, since).get("stuck_s", 0) >= 2, 20,
                                 "the VM's own word")
        own = vm_metrics(web, since)
        assert own["stale_s"] >= own["stuck_s"] - 1, own
        tap.equal(vm_metrics(other, since)["stuck_s"], 0)
        tap.equal(vm_metrics(other, since)["stale_s"], 0)
        tap.equal((stuck["libvirt_outage_s"], stuck["vms"]), (0, 2))
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_round(lambda values: values["vms_stuck"] == 0 and values["vms_stale"] == 0, "no stuck VM")
    since = time.time()
    monitor().collector.wait(lambda: vm_metrics(web, since).get("stale_s") == 0, 20,
                             "the VM is not stale")


def test_outage():
    """While libvirtd is away its outage grows and every VM is stale, not stuck; then it is over
    and counted"""
    vms()
    before = wait_round(lambda values: True, "a round")
    lab().stop_libvirtd()
    try:
        away = wait_round(lambda values: values["libvirt_outage_s"] >= 2
                          and values["vms_stale"] == 2, "an outage")
        tap.equal((away["vms"], away["vms_stuck"], away["taps_sampled"]), (2, 0, 2))
        since = time.time()
        for domain in vms():
            monitor().collector.wait(lambda: vm_metrics(domain, since).get("stale_s", 0) >= 1, 20,
                                     f"{domain.name} is stale")
    finally:
        lab().start_libvirtd()
    after = wait_round(lambda values: values["libvirt_outage_s"] == 0 and values["vms_stale"] == 0,
                       "the end of the outage", 40)
    tap.between(after["libvirt_outage_total_s"] - before["libvirt_outage_total_s"], 2, 60,
                "counted outage")


def test_collector_down():
    """A second collector that refuses is told of at the first"""
    with Monitor(lab(), name="pair", port=6351, sampling=0, polling=POLLING,
                 arguments=["--collector", "127.0.0.1:6352"]) as pair:
        def down():
            seen = rounds(0, pair)
            return seen and seen[-1][1]["collectors_down"] == 1 and seen[-1][1]
        told = pair.collector.wait(down, 30, "a collector that is down")
        tap.equal(told["collectors"], 2)
        assert told["send_errors"] > 0, told


def test_cap():
    """A flood shows as the factor by which packets are sampled more coarsely"""
    web, _ = vms()
    with Monitor(lab(), name="capped", port=6353, sampling=1, polling=POLLING,
                 capture={"max_samples_per_second": 50}) as capped:
        capped.wait_sampling(web.taps()[0])
        flood = lab().popen(["ping", "-q", "-f", "-b", "-w", "6", "10.77.0.255"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def factor():
            seen = rounds(0, capped)
            return seen and seen[-1][1]["cap_factor"] > 1 and seen[-1][1]
        told = capped.collector.wait(factor, 20, "a cap in force")
        tap.diagnostics(f"cap factor {told['cap_factor']}")
        flood.wait(20)


def test_nothing_malformed():
    """Every datagram of this run decodes"""
    monitor().collector.check()


if __name__ == "__main__":
    tap.main(globals(), system=True)
