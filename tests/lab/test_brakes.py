# SPDX-License-Identifier: GPL-2.0-or-later
"""What holds the daemon back: the limit on its own CPU time. What is told meanwhile stays
right. test_pauses.py has the operator who pauses it."""

import statistics
import time

import tap
import watch
from monitor import Monitor
from test_flood import FRAME, LATE_S, counter, frames, guests, lab
from test_packets import UNBOUNDED, wait_flows

FLOOD_HZ, CALM_HZ = 40_000, 40
LIMIT = 1                   # percent of a core
WINDOW_S, WINDOWS = 3, 5


def keep_sending(guest, per_second):
    """Until the test is over, or what it returns is ended."""
    process = frames(guest, 10**9, per_second)
    tap.on_exit(process.end)
    return process


def volume(flows):
    """What a collector makes of them: each sample times its rate."""
    return sum(flow.content["sampling_rate"] * flow.record("0:1")["frame_length"]
               for flow in flows)


def cpu_windows(monitor, count):
    """Percent of a core, of some windows one after another."""
    used = []
    for _ in range(count):
        began, cpu = time.monotonic(), monitor.cpu_seconds()
        time.sleep(WINDOW_S)
        used.append(100 * (monitor.cpu_seconds() - cpu) / (time.monotonic() - began))
    return used


def test_cpu_limit():
    """Above cpu-limit who floods is sampled more coarsely until the daemon keeps it; what is
    computed of the samples stays right, nobody else has fewer, counters are on time"""
    flood, calm = guests()
    # Without the bounds that would cut the flood before it costs much.
    with Monitor(lab(), capture={"direction": "in", **UNBOUNDED}, sampling=1, polling=1,
                 sections={"daemon": {"cpu-limit": LIMIT}}) as monitor:
        for guest in (flood, calm):
            monitor.wait_sampling(guest.taps()[0])
            monitor.vm_records(guest.uuid, since=time.time())
        idle, = cpu_windows(monitor, 1)
        sent, began = counter(flood, "rx_packets"), time.time()
        senders = [keep_sending(flood, FLOOD_HZ), keep_sending(calm, CALM_HZ)]
        cut = monitor.wait_status(lambda status: status["cpu"]["factor"] > 1 and status["cpu"], 40,
                                  "a brake")
        tap.diagnostics(f"after {time.time() - began:.1f} s: {cut}")
        time.sleep(3)
        # The limit is over 30 s: where a sample costs much, it takes more than one step.
        deadline = time.monotonic() + 30
        while cpu_windows(monitor, 1)[0] > LIMIT and time.monotonic() < deadline:
            pass
        used = cpu_windows(monitor, WINDOWS)
        now, status = time.time(), monitor.status()
        for sender in senders:
            sender.end()
        sent = counter(flood, "rx_packets") - sent
        flows = [wait_flows(monitor, lab().ifindex(guest.taps()[0])) for guest in (flood, calm)]
        tap.diagnostics(f"CPU {idle:.1f} % idle, {[round(share, 1) for share in used]} % in the "
                        f"flood, then {status['cpu']}")
        median = statistics.median(used)
        # The limit counts, unless sanitizers make the counters alone cost more.
        assert median <= 1.5 * max(LIMIT, idle), f"{median:.1f} % of a core, {idle:.1f} % idle"
        assert f"[daemon] cpu-limit = {LIMIT}: at most" in monitor.log()
        check_flood(flows[0], sent)
        if status["cpu"]["max_samples_per_second"] > 20 * CALM_HZ:
            check_calm(flows[1])
        for guest in (flood, calm):
            gap = watch.longest_gap(monitor.collector.vm(guest.uuid, began), began, now)
            assert gap < LATE_S, f"{guest.name}: {gap:.1f} s between counter samples"
        monitor.collector.check()


def check_flood(flows, sent):
    """Its samples say how coarse they are, and their sum is its bytes."""
    rates = sorted({flow.content["sampling_rate"] for flow in flows})
    assert rates[-1] >= 8, rates
    for rate in rates:
        assert rate & (rate - 1) == 0, rates
    estimate = (volume(flows) + flows[-1].content["drops"] * FRAME) / (sent * FRAME)
    tap.diagnostics(f"rates {rates}; {len(flows)} samples, estimate {estimate:.3f}")
    tap.between(estimate, 0.95, 1.05, "the flood's bytes")
    pools = [flow.content["sample_pool"] for flow in flows]
    tap.equal(pools, sorted(pools), "pools in order")
    tap.between(pools[-1], sent * 0.95, sent * 1.05, "pool")


def check_calm(flows):
    tap.equal({flow.content["sampling_rate"] for flow in flows}, {1}, "rates of the calm tap")
    numbers = watch.sequences(flows)
    tap.equal(numbers, list(range(1, len(numbers) + 1)), "its sequence")


if __name__ == "__main__":
    tap.main(globals(), system=True)
