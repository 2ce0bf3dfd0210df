# SPDX-License-Identifier: GPL-2.0-or-later
"""Packet samples: once, unbiased, and none lost of a million at full speed. test_packets_told.py
has the first ones, and those that other collectors count."""

import math
import os
import time

import lab as labs
import tap
from monitor import Monitor

FRAMES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "frames.py")
OUTSIDE = "02:00:00:00:00:99"
# One rate for all of a flood's samples.
UNBOUNDED = {"max_samples_per_second": 0, "max_host_samples_per_second": 0}


def lab():
    return tap.fixture(labs.Lab)


def pair():
    """Two paused VMs on the bridge, without a guest in them."""
    found = getattr(pair, "made", None)
    if found is None:
        found = pair.made = [lab().define_tiny(name) for name in ("a", "b")]
        for guest in found:
            guest.start(paused=True)
    return found


def mac(guest):
    return guest.nics[0].mac


def send(kind, device, count, size, destination, source, per_second=""):
    lab().run(["python3", FRAMES, kind, device, str(count), str(size), destination, source,
               *([str(per_second)] if per_second else [])], timeout=200)


def wait_flows(monitor, ifindex, since=0, quiet=0.8):
    """All flow samples of the tap once no more come."""
    seen = -1
    while True:
        flows = monitor.collector.flows(ifindex, since)
        if len(flows) == seen:
            return flows
        seen = len(flows)
        time.sleep(quiet)


def within_error(estimate, true, rate, what):
    """Six sigma of a 1-in-N binomial."""
    sigma = math.sqrt(true * (rate - 1))
    tap.between(estimate, true - 6 * sigma, true + 6 * sigma, what)


def check_estimate(flows, count, size, rate, what):
    estimate = sum(flow.content["sampling_rate"] for flow in flows)
    tap.diagnostics(f"{what}: {len(flows)} samples, estimate {estimate} of {count}")
    tap.equal({flow.content["sampling_rate"] for flow in flows}, {rate})
    within_error(estimate, count, rate, what)
    volume = sum(flow.content["sampling_rate"] * flow.record("0:1")["frame_length"]
                 for flow in flows)
    within_error(volume / (size + 4), count, rate, what + ", bytes")
    tap.equal({flow.content["drops"] for flow in flows}, {0}, "drops")
    pools = [flow.content["sample_pool"] for flow in flows]
    tap.equal(pools, sorted(pools), "pools in order")
    # From the first sample to the last the pool moves by the frames between them.
    between = count * (len(flows) - 1) / len(flows)
    tap.between(pools[-1] - pools[0], between * 0.95, between * 1.05, what + ", pool")


def test_million_between_vms():
    """A million frames between two local VMs are estimated within sampling error, once"""
    a, b = pair()
    with Monitor(lab(), capture=UNBOUNDED, sampling=100, polling=5) as monitor:
        for guest in (a, b):
            monitor.wait_sampling(guest.taps()[0])
        send("tap", a.taps()[0], 1_000_000, 200, mac(b), mac(a))
        flows = wait_flows(monitor, lab().ifindex(a.taps()[0]))
        check_estimate(flows, 1_000_000, 200, 100, "from a")
        tap.equal({flow.content["input"]["value"] for flow in flows},
                  {lab().ifindex(a.taps()[0])})
        tap.equal(len(wait_flows(monitor, lab().ifindex(b.taps()[0]))), 0,
                  "the same frames on b's tap")
        monitor.collector.check()


def test_million_from_outside():
    """A million frames from outside to a VM are estimated within sampling error, once"""
    _, b = pair()
    with Monitor(lab(), capture=UNBOUNDED, sampling=100, polling=5) as monitor:
        device = b.taps()[0]
        monitor.wait_sampling(device)
        # As fast as a bridge floods them, but not faster than the tap's queue is looked at.
        send("port", lab().bridge, 1_000_000, 200, mac(b), OUTSIDE)
        flows = wait_flows(monitor, lab().ifindex(device))
        check_estimate(flows, 1_000_000, 200, 100, "to b")
        tap.equal({flow.content["output"]["value"] for flow in flows}, {lab().ifindex(device)})


def test_million_to_outside():
    """A million frames from a VM to the outside are estimated within sampling error, once"""
    a, _ = pair()
    with Monitor(lab(), sampling=512, polling=5) as monitor:
        monitor.wait_sampling(a.taps()[0])
        send("tap", a.taps()[0], 1_000_000, 64, "52:54:00:ff:ff:01", mac(a))
        flows = wait_flows(monitor, lab().ifindex(a.taps()[0]))
        check_estimate(flows, 1_000_000, 64, 512, "to the host")
        tap.equal({int(flow.content["source"].split(":")[1]) for flow in monitor.collector.flows()},
                  {lab().ifindex(a.taps()[0])}, "sources")


def test_directions():
    """direction = both, in and out sample what they say"""
    a, b = pair()
    for direction, counts in (("both", (400, 400)), ("in", (400, 0)), ("out", (0, 400))):
        with Monitor(lab(), capture={"direction": direction}, sampling=1, polling=0) as monitor:
            for guest in (a, b):
                monitor.wait_sampling(guest.taps()[0])
            send("tap", a.taps()[0], 400, 100, mac(b), mac(a), per_second=2000)
            got = tuple(len(wait_flows(monitor, lab().ifindex(guest.taps()[0])))
                        for guest in (a, b))
            tap.equal(got, counts, direction)


def test_one_in_two():
    """At 1 in 2 every packet has the same chance, from the first on"""
    a, _ = pair()
    device, runs, each = a.taps()[0], 40, 50
    first = total = 0
    for run in range(4):
        # A new sampler each time: what is sampled of its first frames is what is tested.
        with Monitor(lab(), sampling=2, polling=0) as monitor:
            monitor.wait_sampling(device)
            send("tap", device, runs * each // 4, 90, "52:54:00:ff:ff:01", mac(a), per_second=4000)
            flows = wait_flows(monitor, lab().ifindex(device))
            total += len(flows)
            # Pools of 1 in 2 grow by 2 a sample on average; the first is near its start.
            first += flows[0].content["sample_pool"] <= 40
    count = runs * each
    sigma = math.sqrt(count) / 2
    tap.between(total, count / 2 - 6 * sigma, count / 2 + 6 * sigma, "samples")
    tap.equal(first, 4, "runs that sampled within their first 40 frames")


if __name__ == "__main__":
    tap.main(globals(), system=True)
