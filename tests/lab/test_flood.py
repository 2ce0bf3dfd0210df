# SPDX-License-Identifier: GPL-2.0-or-later
"""One guest floods its tap: what it costs is bounded, what is told of it stays right, and
nobody else has less for it."""

import subprocess
import time

import lab as labs
import tap
import watch
from monitor import Monitor
from test_packets import FRAMES, mac, wait_flows

SIZE = 200
FRAME = SIZE + 4            # with the FCS
FLOOD, LONG_FLOOD = 1_500_000, 4_200_000
CALM_HZ = 200
MAX_PER_S = 5000            # the default of max-samples-per-second
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


def frames(guest, count, per_second=""):
    """To nobody: the bridge floods them to the other tap and to the host."""
    pace = [str(per_second)] if per_second else []
    return lab().popen(["python3", FRAMES, "tap", guest.taps()[0], str(count), str(SIZE),
                        "52:54:00:ff:ff:01", mac(guest), *pace], stdout=subprocess.DEVNULL)


def port(monitor, guest):
    return next(entry for entry in monitor.status()["taps"] if entry["vm"] == guest.name)


def flood_at(sampling, count, rate_of_calm):
    """Floods while the other one sends; what each tap's samples and counters say."""
    flood, calm = guests()
    with Monitor(lab(), capture={"direction": "in"}, sampling=sampling, polling=1) as monitor:
        for guest in (flood, calm):
            monitor.wait_sampling(guest.taps()[0])
            monitor.vm_records(guest.uuid, since=time.time())
        ifindexes = [lab().ifindex(guest.taps()[0]) for guest in (flood, calm)]
        sent = counter(flood, "rx_packets")
        began, cpu = time.time(), monitor.cpu_seconds()
        other = frames(calm, rate_of_calm * 1000, rate_of_calm) if rate_of_calm else None
        tap.equal(frames(flood, count).wait(120), 0, "frames")
        took = time.time() - began
        cpu = monitor.cpu_seconds() - cpu
        factor = port(monitor, flood)["factor"]
        if other is not None:
            other.end()
        sent = counter(flood, "rx_packets") - sent
        tap.equal(sent, count, "frames that the tap received")
        flows = [wait_flows(monitor, ifindex) for ifindex in ifindexes]
        now = time.time()
        tap.diagnostics(f"1 in {sampling}: {count / took:.0f} frames/s, factor {factor}, "
                        f"{len(flows[0])} samples, {flows[0][-1].content['drops']} lost, "
                        f"{100 * cpu / took:.0f} % of a core")
        for guest in (flood, calm):
            gap = watch.longest_gap(monitor.collector.vm(guest.uuid, began), began, now)
            assert gap < LATE_S, f"{guest.name}: {gap:.1f} s between counter samples"
        check_volume(flows[0], sampling, count)
        check_bounds(flows[0], began)
        monitor.collector.check()
        return monitor, flows, factor, took


def check_volume(flows, sampling, count):
    """Collectors multiply each sample by its rate: that is what was sent."""
    rates = {flow.content["sampling_rate"] for flow in flows}
    for rate in rates:
        k = rate // sampling
        assert rate % sampling == 0 and k & (k - 1) == 0, rates
    volume = sum(flow.content["sampling_rate"] * flow.record("0:1")["frame_length"]
                 for flow in flows)
    # What the ring lost until the flood was noticed is told as drops, and is no estimate.
    lost = flows[-1].content["drops"] * min(rates)
    tap.diagnostics(f"rates {sorted(rates)}: estimate {volume / (count * FRAME):.3f} of the bytes")
    # 5 %, or 4.5 standard deviations of what sampling at random lets one know.
    within = max(0.05, 4.5 * (max(rates) / count) ** 0.5)
    sent = count * FRAME
    tap.between(volume + lost * FRAME, sent * (1 - within), sent * (1 + within), "bytes")
    pools = [flow.content["sample_pool"] for flow in flows]
    tap.equal(pools, sorted(pools), "pools in order")
    tap.between(pools[-1], count * (1 - within), count * (1 + within), "pool")


def check_bounds(flows, began):
    """No second but the first has more samples than allowed (and some, for its edges)."""
    seconds = {}
    for flow in flows:
        second = int(flow.time - began)
        seconds[second] = seconds.get(second, 0) + 1
    later = [n for second, n in seconds.items() if second > 0]
    assert max(later, default=0) <= MAX_PER_S * 1.5, seconds


def test_flood_at_one():
    """Sampled at 1 in 1, a flood is bounded, its samples say so, and their sum is its bytes"""
    _, flows, factor, took = flood_at(1, FLOOD, CALM_HZ)
    assert factor > 1, factor
    # The other tap is sampled as configured, whole.
    rates = {flow.content["sampling_rate"] for flow in flows[1]}
    tap.equal(rates, {1}, "rates of the calm tap")
    tap.equal({flow.content["drops"] for flow in flows[1]}, {0}, "drops of the calm tap")
    numbers = [flow.content["sequence"] for flow in flows[1]]
    tap.equal(numbers, list(range(1, len(numbers) + 1)), "its sequence")
    # Its sender shares the two processors with the flood.
    tap.between(len(flows[1]), CALM_HZ * took * 0.3, CALM_HZ * (took + 5), "its samples")


def test_flood_at_default():
    """Sampled at 1 in 512, the same flood is left as it is"""
    _, flows, factor, _ = flood_at(512, LONG_FLOOD, 0)
    tap.equal(factor, 1)
    tap.equal({flow.content["drops"] for flow in flows[0]}, {0}, "drops")


def test_calm_again():
    """After ten calm seconds the rate goes back, step by step"""
    flood, _ = guests()
    with Monitor(lab(), capture={"direction": "in"}, sampling=1, polling=1) as monitor:
        monitor.wait_sampling(flood.taps()[0])
        tap.equal(frames(flood, 200_000).wait(60), 0, "frames")
        factor = port(monitor, flood)["factor"]
        assert factor > 1, factor
        began = time.time()
        calmer = monitor.wait_status(
            lambda status: next((entry for entry in status["taps"] if entry["vm"] == flood.name
                                 and entry["factor"] < factor), None), timeout=20)
        took = time.time() - began
        tap.equal((calmer["factor"], calmer["sampling"]), (factor // 2, factor // 2))
        assert took > 7, f"after {took:.1f} s"


if __name__ == "__main__":
    tap.main(globals(), system=True)
