# SPDX-License-Identifier: GPL-2.0-or-later
"""The configuration is changed while the daemon runs: what changed is in force, and whom it
does not concern does not notice."""

import os
import signal
import time

import lab as labs
import tap
import watch
from collector import Collector
from monitor import Monitor
from test_flood import frames
from test_packets import UNBOUNDED, wait_flows

RATE_HZ = 200
OTHER_PORT = 6410
HUPS = 1000
# Packet sockets tell by their inodes that a sampler was not touched.
CAPTURE = {"backend": "pcap", "direction": "in", **UNBOUNDED}


def lab():
    return tap.fixture(labs.Lab)


def guests():
    """Three paused VMs, without a guest: frames are sent from their taps."""
    found = getattr(guests, "made", None)
    if found is None:
        found = guests.made = [lab().define_tiny(name) for name in ("one", "two", "three")]
        for guest in found:
            guest.start(paused=True)
    return found


def ready(monitor):
    for guest in guests():
        monitor.wait_sampling(guest.taps()[0])
        monitor.vm_records(guest.uuid, since=time.time() - 5)


def entry(monitor, guest):
    return next(it for it in monitor.status()["taps"] if it["vm"] == guest.name)


def sockets(guest):
    """The inodes of the packet sockets on its tap, which a socket keeps for its life."""
    ifindex = str(lab().ifindex(guest.taps()[0]))
    lines = [line.split() for line in
             lab().run(["cat", "/proc/net/packet"]).stdout.splitlines()[1:]]
    return [line[8] for line in lines if line[4] == ifindex]


def check_every_frame(monitor, guest, count):
    """Each of the frames was sampled, one in one, and nothing beside."""
    flows = wait_flows(monitor, lab().ifindex(guest.taps()[0]))
    watch.consecutive(flows)
    tap.equal((len(flows), flows[-1].content["drops"], flows[-1].content["sample_pool"]),
              (count, 0, count), f"{guest.name}: samples, drops, pool")


def test_rule():
    """A rule for one VM changes its rate without a gap, and leaves the others' samplers alone:
    the same sockets, every frame sampled, sequence numbers that go on"""
    one, two, three = guests()
    count = 8 * RATE_HZ
    with Monitor(lab(), capture=CAPTURE, sampling=1, polling=1) as monitor:
        ready(monitor)
        before = {guest.name: sockets(guest) for guest in guests()}
        tap.equal({len(inodes) for inodes in before.values()}, {1}, "sockets on each tap")
        senders = [frames(guest, count, RATE_HZ) for guest in guests()]
        time.sleep(2)
        tap.equal(monitor.reload(capture=CAPTURE, sampling=1, polling=1,
                                 sections={"vm one": {"sampling": 4}})["state"], "ok")
        tap.equal([entry(monitor, guest)["sampling"] for guest in guests()], [4, 1, 1], "rates")
        time.sleep(2)
        # Another direction is another socket, of that tap alone.
        monitor.reload(capture=CAPTURE, sampling=1, polling=1,
                       sections={"vm one": {"sampling": 4},
                                 f"interface {three.taps()[0]}": {"direction": "both"}})
        monitor.wait_sampling(three.taps()[0])
        tap.equal(entry(monitor, three)["direction"], "both")
        for sender in senders:
            tap.equal(sender.wait(60), 0, "frames")
        tap.equal({guest.name: sockets(guest) == before[guest.name] for guest in guests()},
                  {"one": True, "two": True, "three": False}, "the same sockets")
        check_every_frame(monitor, two, count)
        flows = wait_flows(monitor, lab().ifindex(one.taps()[0]))
        watch.consecutive(flows)
        rates = [flow.content["sampling_rate"] for flow in flows]
        tap.equal((set(rates), rates), ({1, 4}, sorted(rates)), "its rates")
        tap.diagnostics(f"{rates.count(1)} samples at 1 in 1, {rates.count(4)} at 1 in 4")
        # The frames that were sampled one in one, and as many as their weight says.
        tap.between(rates.count(1) + 4 * rates.count(4), count * 0.75, count * 1.25, "its frames")
        watch.consecutive(wait_flows(monitor, lab().ifindex(three.taps()[0])))
        for guest in guests():
            watch.consecutive(monitor.collector.vm(guest.uuid))
        assert "configuration: in force now: [vm one]\n" in monitor.log()
        monitor.collector.check()


def test_broken():
    """A file that is wrong keeps what was in force, and says which line it is"""
    two = guests()[1]
    with Monitor(lab(), capture=CAPTURE, sampling=1, polling=1) as monitor:
        ready(monitor)
        count = 4 * RATE_HZ
        sender = frames(two, count, RATE_HZ)
        with open(monitor.config, "w") as file:
            file.write("[sflow]\nsampling = 7\n\n[vm one]\nsamplin = 4\n")
        reload = monitor.reload()
        place = f"{monitor.config}:5: [vm one] samplin: unknown key; did you mean sampling?"
        tap.equal((reload["state"], reload["error"][:len(place)]), ("failed", place))
        assert f"configuration: {place}" in monitor.log(), monitor.log()[-2000:]
        text = monitor.command("status", "--runtime-dir", monitor.runtime).stdout
        assert place in text, text
        tap.equal((entry(monitor, two)["sampling"], monitor.status()["config"]["sampling"]), (1, 1))
        # An address that is not here is found only when it is to be used.
        reload = monitor.reload(capture=CAPTURE, sampling=9, polling=1, agent_address="192.0.2.77")
        assert reload["error"].startswith(f"{monitor.config}:4: [sflow] agent-address: agent "
                                          "address 192.0.2.77: "), reload
        tap.equal(entry(monitor, two)["sampling"], 1)
        os.unlink(monitor.config)
        assert "cannot be read: No such file" in monitor.reload()["error"]
        tap.equal(sender.wait(60), 0, "frames")
        check_every_frame(monitor, two, count)
        reload = monitor.reload(capture=CAPTURE, sampling=3, polling=1)
        tap.equal((reload["state"], reload["error"], reload["good"], reload["bad"]),
                  ("ok", None, 1, 3))
        tap.equal(entry(monitor, two)["sampling"], 3)
        monitor.collector.check()


def collectors_of(monitor):
    return {it["collector"]: it for it in monitor.status()["collectors"]}


def test_collectors():
    """Collectors come and go while it runs; one that stays gets every datagram, and does not
    notice"""
    first = "127.0.0.1:6343"
    second = f"127.0.0.1:{OTHER_PORT}"
    with Monitor(lab(), collectors=first, capture=CAPTURE, sampling=1, polling=1) as monitor, \
            Collector(lab(), port=OTHER_PORT) as other:
        ready(monitor)
        began = collectors_of(monitor)[first]
        since = time.time()
        monitor.reload(collectors=f"{second} {first}", capture=CAPTURE, sampling=1, polling=1)
        other.wait(lambda: other.vm(guests()[0].uuid), 10, "a sample at the second")
        tap.equal(list(collectors_of(monitor)), [second, first])
        now = collectors_of(monitor)[first]
        assert now["datagrams"] > began["datagrams"] and now["since_s"] > began["since_s"], now
        time.sleep(2)
        monitor.reload(collectors=first, capture=CAPTURE, sampling=1, polling=1)
        gone = time.time() + 0.5
        time.sleep(2.5)
        tap.equal(list(collectors_of(monitor)), [first])
        tap.equal(other.samples(since=gone), [], "samples at one that is gone")
        numbers = [it.content["sequence"] for it in monitor.collector.datagrams()]
        tap.equal(numbers, list(range(numbers[0], numbers[0] + len(numbers))), "datagrams")
        assert monitor.collector.vm(guests()[0].uuid, since + 4), "no samples at the first"
        # What the daemon must be restarted for says so, and all else is in force.
        monitor.reload(collectors=first, capture=CAPTURE, sampling=2, polling=1,
                       sections={"libvirt": {"uri": "test:///default"}})
        tap.equal(monitor.status()["config"]["restart_needed"], ["[libvirt] uri"])
        tap.equal(monitor.status()["libvirt"]["uri"], "qemu:///system")
        tap.equal(entry(monitor, guests()[0])["sampling"], 2)
        assert "[libvirt] uri: read at the start alone" in monitor.log()
        monitor.collector.check()


def times_of(samples, since):
    return [sample.time for sample in samples if sample.time >= since]


def test_polling():
    """Another polling interval counts at once, for all or for one VM and its tap; who is not
    concerned keeps its turn"""
    one, two, _ = guests()
    with Monitor(lab(), capture=CAPTURE, sampling=0, polling=4,
                 sections={"host": {"enabled": "off"}}) as monitor:
        monitor.wait_connected()
        for guest in guests():
            monitor.vm_records(guest.uuid)
        settings = {"capture": CAPTURE, "sampling": 0, "polling": 4}
        monitor.reload(**settings, sections={"host": {"enabled": "off"}, "vm one": {"polling": 1}})
        since = time.time()
        time.sleep(9)
        counts = [len(times_of(monitor.collector.vm(guest.uuid), since)) for guest in (one, two)]
        tap.diagnostics(f"samples in 9 s: {counts}")
        tap.between(counts[0], 7, 10, "samples at polling 1")
        tap.between(counts[1], 2, 3, "samples at polling 4")
        ifindex = lab().ifindex(one.taps()[0])
        tap.between(len(monitor.collector.samples("0:4", f"0:{ifindex}", since)), 7, 10,
                    "its interface's samples")
        gaps = [later - earlier for earlier, later in
                zip(*(lambda times: (times, times[1:]))(
                    times_of(monitor.collector.vm(two.uuid), 0)))]
        tap.between(max(gaps), 0, 5.5, "seconds between two samples of the other")
        tap.equal(monitor.collector.samples("0:4", "2:1"), [], "the host's samples")
        monitor.reload(**settings | {"polling": 0})
        time.sleep(1.5)
        since = time.time()
        time.sleep(5)
        tap.equal(monitor.collector.samples("0:4", since=since), [], "counter samples while off")
        monitor.reload(**settings | {"polling": 1})
        host = monitor.collector.wait(lambda: monitor.collector.samples("0:4", "2:1", since), 10)
        monitor.vm_records(two.uuid, since=since)
        assert host[0].time <= monitor.collector.vm(two.uuid, since)[0].time, "the host comes first"
        for guest in (one, two):
            watch.consecutive(monitor.collector.vm(guest.uuid))
        monitor.collector.check()


def test_storm():
    """A thousand hangups harm nothing: no frame is lost for them, nothing grows, and the file is
    read once a second at most"""
    two = guests()[1]
    with Monitor(lab(), capture=CAPTURE, sampling=1, polling=1) as monitor:
        ready(monitor)
        monitor.reload()
        time.sleep(1.2)
        was = monitor.memory_kib(), monitor.n_descriptors(), monitor.n_threads()
        good = monitor.status()["config"]["reload"]["good"]
        sockets_before = [sockets(guest) for guest in guests()]
        count = 6 * RATE_HZ
        sender = frames(two, count, RATE_HZ)
        pid, began = monitor.pid, time.monotonic()
        for _ in range(HUPS):
            os.kill(pid, signal.SIGHUP)
            time.sleep(0.004)
        tap.equal(sender.wait(60), 0, "frames")
        time.sleep(1.2)
        took = time.monotonic() - began
        now = monitor.memory_kib(), monitor.n_descriptors(), monitor.n_threads()
        reloads = monitor.status()["config"]["reload"]["good"] - good
        tap.diagnostics(f"{HUPS} hangups in {took:.1f} s, {reloads} reloads; KiB, descriptors, "
                        f"threads {was} before, {now} after")
        tap.between(reloads, 1, int(took) + 2, "reloads")
        tap.equal((monitor.pid, [sockets(guest) for guest in guests()]), (pid, sockets_before))
        tap.between(now[1], was[1] - 2, was[1] + 2, "descriptors")  # a file or a call is open at times
        tap.between(now[0], 0, was[0] + 1024, "KiB")
        check_every_frame(monitor, two, count)
        for guest in guests():
            watch.consecutive(monitor.collector.vm(guest.uuid))
        monitor.collector.check()


if __name__ == "__main__":
    tap.main(globals(), system=True)
