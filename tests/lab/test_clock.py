# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon's wall clock set back and forth by a day, and, as a fake, its monotonic clock after a
host that slept: intervals, sequence numbers and pools go on. By libfaketime, in the daemon alone:
the kernel's own clock, by which packets are stamped, stays. Where both are set is a unit test."""

import time

import lab as labs
import tap
import watch
from faked import Faked

POLLING = 1
PING_S = 0.05
DAY_S = 86400


def lab():
    return tap.fixture(labs.Lab)


def guest():
    """Pinged all the time."""
    found = getattr(guest, "made", None)
    if found is None:
        found = guest.made = lab().boot("web01")
        guest.ping = lab().popen(["ping", "-q", "-i", str(PING_S), found.address])
    return found


def check_counters(monitor, since, until, allowed_s=0):
    """Neither pauses nor bursts; numbers that count never go back."""
    domain = guest()
    ifindex = lab().ifindex(domain.taps()[0])
    collector = monitor.collector
    for what, samples in (("VM", collector.vm(domain.uuid, since)),
                          ("tap", collector.samples("0:4", f"0:{ifindex}", since)),
                          ("host", collector.samples("0:4", "2:1", since))):
        samples = [sample for sample in samples if sample.time < until]
        watch.consecutive(samples, what)
        gap = watch.longest_gap(samples, since, until)
        assert gap < 2.5 * POLLING + allowed_s, f"{what}: none for {gap:.1f} s"
        most = (until - since) / POLLING + 2
        assert len(samples) <= most, f"{what}: {len(samples)} samples in {until - since:.1f} s"
        for earlier, later in zip(samples, samples[1:]):
            for record, names in (("0:2101", ["cpuTime"]), ("0:2104", ["bytes_in", "bytes_out"]),
                                  ("0:1", ["ifInOctets", "ifOutOctets", "ifInUcastPkts"])):
                for name in names:
                    old, new = ((sample.record(record) or {}).get(name)
                                for sample in (earlier, later))
                    assert old is None or new is None or new >= old, f"{name}: {old}, then {new}"


def check_flows(monitor, since, until):
    """Samples come, and each one's pool is near what the rate says. The sum of frames that all
    samples stand for is judged by the last pool, which the kernel's counters give."""
    flows = [flow for flow in monitor.collector.flows(lab().ifindex(guest().taps()[0]), since)
             if flow.time < until]
    gap = watch.longest_gap(flows, since, until)
    assert gap < 3, f"no packet sampled for {gap:.1f} s"
    watch.consecutive(flows, "flows")
    tap.equal({flow.content["sampling_rate"] for flow in flows}, {2})
    pools = [flow.content["sample_pool"] for flow in flows]
    assert pools == sorted(pools), pools
    # A ping is two frames; those of one tick, 50 ms and a reading, may lie in between.
    frames = 2 * (flows[-1].time - flows[0].time) / PING_S
    tap.between(pools[-1] - pools[0], 0.6 * frames - 8, 1.2 * frames + 8, "pool")
    longest = max(later - earlier for earlier, later in zip(pools, pools[1:]))
    assert longest < 60, f"the pool jumps by {longest}"
    return len(flows), pools[-1] - pools[0], frames


def test_wall_clock():
    """The wall clock goes forth by a day, back by two and home again: nothing pauses, comes in a
    burst or goes back, and pools are right"""
    domain = guest()
    with Faked(lab(), "wall", 6344, sampling=2, polling=POLLING) as monitor:
        monitor.wait_sampling(domain.taps()[0])
        monitor.collector.wait(lambda: monitor.collector.vm(domain.uuid), 20, "a sample")
        before = monitor.status()["uptime_s"]
        for offset_s in (DAY_S, -DAY_S, 0):
            monitor.set_clock(offset_s)
            since = time.time() + 0.2
            time.sleep(5)
            until = time.time() - 0.5
            check_counters(monitor, since, until)
            n, pool, frames = check_flows(monitor, since, until)
            tap.diagnostics(f"{offset_s:+d} s: {n} samples, pool +{pool}, frames {frames:.0f}")
        tap.between(monitor.status()["uptime_s"] - before, 15, 30, "uptime")
        monitor.collector.check()


def test_sleep():
    """A fake of a host that slept an hour, all clocks of the daemon an hour later at once: no
    burst, and the turns go on"""
    domain = guest()
    with Faked(lab(), "slept", 6345, monotonic=True, sampling=2,
               polling=POLLING) as monitor:
        monitor.wait_sampling(domain.taps()[0])
        monitor.collector.wait(lambda: len(monitor.collector.vm(domain.uuid)) > 3, 20, "samples")
        since = time.time()
        monitor.set_clock(3600)
        time.sleep(6)
        until = time.time() - 0.5
        check_counters(monitor, since, until, allowed_s=POLLING)
        n, pool, frames = check_flows(monitor, since, until)
        tap.diagnostics(f"{n} samples, pool +{pool}, frames {frames:.0f}")
        monitor.collector.check()


if __name__ == "__main__":
    tap.main(globals(), system=True)
