# SPDX-License-Identifier: GPL-2.0-or-later
"""What holds the daemon back: the limit on its own CPU time, and an operator who pauses
it. What is told meanwhile stays right, and goes on afterwards where it was."""

import statistics
import subprocess
import time

import lab as labs
import tap
import watch
from monitor import Monitor
from test_packets import FRAMES, UNBOUNDED, mac, wait_flows

SIZE = 200
FRAME = SIZE + 4            # with the FCS
FLOOD_HZ, CALM_HZ = 40_000, 40
LIMIT = 2                   # percent of a core
WINDOW_S, WINDOWS = 4, 5
LATE_S = 2.5                # polling is 1 s; a machine under a flood is slow


def lab():
    return tap.fixture(labs.Lab)


def guests():
    """One that floods, one that goes about its business; both paused, without a guest."""
    found = getattr(guests, "made", None)
    if found is None:
        found = guests.made = [lab().define_tiny(name) for name in ("flood", "calm")]
        for guest in found:
            guest.start(paused=True)
    return found


def counter(guest, name):
    return int(lab().run(["cat", f"/sys/class/net/{guest.taps()[0]}/statistics/{name}"]).stdout)


def frames(guest, per_second):
    """To nobody, until it is ended."""
    process = lab().popen(["python3", FRAMES, "tap", guest.taps()[0], str(10**9), str(SIZE),
                           "52:54:00:ff:ff:01", mac(guest), str(per_second)],
                          stdout=subprocess.DEVNULL)
    tap.on_exit(process.end)
    return process


def volume(flows):
    """What a collector makes of them: each sample times its rate."""
    return sum(flow.content["sampling_rate"] * flow.record("0:1")["frame_length"]
               for flow in flows)


def cpu_windows(monitor):
    """Percent of a core, of some windows one after another."""
    used = []
    for _ in range(WINDOWS):
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
        sent, began = counter(flood, "rx_packets"), time.time()
        senders = [frames(flood, FLOOD_HZ), frames(calm, CALM_HZ)]
        cut = monitor.wait_status(lambda status: status["cpu"]["factor"] > 1 and status["cpu"], 40,
                                  "a brake")
        tap.diagnostics(f"after {time.time() - began:.1f} s: {cut}")
        time.sleep(3)
        used = cpu_windows(monitor)
        now, status = time.time(), monitor.status()
        for sender in senders:
            sender.end()
        sent = counter(flood, "rx_packets") - sent
        flows = [wait_flows(monitor, lab().ifindex(guest.taps()[0])) for guest in (flood, calm)]
        rates = [sorted({flow.content["sampling_rate"] for flow in part}) for part in flows]
        estimate = (volume(flows[0]) + flows[0][-1].content["drops"] * FRAME) / (sent * FRAME)
        tap.diagnostics(f"CPU {[round(share, 1) for share in used]} %, then {status['cpu']}; "
                        f"rates {rates}; {len(flows[0])} samples, estimate {estimate:.3f}")
        median = statistics.median(used)
        assert median <= LIMIT * 1.5, f"{median:.1f} % of a core"
        assert "[daemon] cpu-limit = 2: at most" in monitor.log()
        check_rates(rates[0])
        tap.equal(rates[1], [1], "rates of the calm tap")
        numbers = watch.sequences(flows[1])
        tap.equal(numbers, list(range(1, len(numbers) + 1)), "its sequence")
        tap.between(estimate, 0.95, 1.05, "the flood's bytes")
        pools = [flow.content["sample_pool"] for flow in flows[0]]
        tap.equal(pools, sorted(pools), "pools in order")
        tap.between(pools[-1], sent * 0.95, sent * 1.05, "pool")
        for guest in (flood, calm):
            gap = watch.longest_gap(monitor.collector.vm(guest.uuid, began), began, now)
            assert gap < LATE_S, f"{guest.name}: {gap:.1f} s between counter samples"
        monitor.collector.check()


def check_rates(rates):
    assert rates[-1] >= 8, rates
    for rate in rates:
        assert rate & (rate - 1) == 0, rates


if __name__ == "__main__":
    tap.main(globals(), system=True)
