# SPDX-License-Identifier: GPL-2.0-or-later
"""Collectors that fail, one after the other and each in its own way, beside two that
do not: these get everything, errors are counted and logged once, sends resume."""

import os
import signal
import subprocess
import time

import far as fars
import lab as labs
import tap
from monitor import Monitor
from test_packets import FRAMES, mac

LONG = bool(os.environ.get("VSF_LONG"))
FAULT_S = 20 if LONG else 2.5
PATIENCE_S = 15     # for a machine that is busy
GAP_S = 2.5         # ARP holds a datagram back for 3 s, a resolver for 5
NAME = "collector.example"
HEADERS_6 = 48      # of IPv6 and UDP, before a datagram
FRAMES_PER_S = 100
PLACES = {          # a port each, so that none can be taken for another
    "good": ("10.2.0.2", 7000),
    "refused": ("10.2.0.3", 7001),
    "dark": ("10.2.0.4", 7002),
    "unreachable": ("10.2.0.5", 7003),
    "named": ("10.2.0.6", 7004),
    "moved": ("10.2.0.7", 7004),
    "six": ("fd02::2", 7005),
    "slow": ("10.3.0.2", 7006),
    "thin": ("10.4.0.2", 7007),
}
TARGETS = {name: f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
           for name, (address, port) in PLACES.items()}
TARGETS["named"] = f"{NAME}:7004"
TARGETS["neighbour"] = "10.1.0.77:7008"
del TARGETS["moved"]


def lab():
    return tap.fixture(labs.Lab)


def far():
    return tap.fixture(make_far)


def make_far():
    return fars.Far(lab())


def names():
    if not hasattr(names, "made"):
        tap.need("dnsmasq")
        names.made = fars.Names(lab(), NAME)
        names.made.start(PLACES["named"][0])
    return names.made


def collector(name):
    """Listens from its first use on; close_collector() ends that."""
    listening = collector.__dict__.setdefault("listening", {})
    if name not in listening:
        listening[name] = far().collector(*PLACES[name])
    return listening[name]


def close_collector(name):
    collector.listening.pop(name).close()


def monitor():
    return tap.fixture(make_monitor)


def make_monitor():
    for name in PLACES:
        collector(name)
    names()
    return Monitor(lab(), sampling=1, polling=1,
                   arguments=[word for target in TARGETS.values()
                              for word in ("--collector", target)])


def traffic():
    """A VM whose interface has packets all the time."""
    if not hasattr(traffic, "made"):
        guest = traffic.made = lab().define_tiny("web01")
        guest.start(paused=True)
        monitor().wait_sampling(guest.taps()[0])
        lab().popen(["python3", FRAMES, "tap", guest.taps()[0], str(10 ** 6), "600",
                     "52:54:00:ff:ff:01", mac(guest), str(FRAMES_PER_S)],
                    stdout=subprocess.DEVNULL)
        for name in ("good", "refused", "dark", "unreachable", "named", "six", "slow", "thin"):
            wait_arrival(name, time.time())
    return traffic.made


def wait_arrival(name, since, timeout=PATIENCE_S):
    """The first datagram at that collector since then."""
    return collector(name).wait(lambda: next(iter(fars.after(collector(name), since)), None),
                                timeout, f"a datagram at {name}")


def entry(name):
    return next(entry for entry in monitor().status()["collectors"]
                if entry["collector"] == TARGETS[name])


def wait_entry(name, question, what, timeout=PATIENCE_S):
    monitor().wait_status(lambda _: question(entry(name)), timeout, what)
    return entry(name)


class Others:
    """    with Others(): ... the fault ...

    Afterwards: both good collectors have every datagram that left meanwhile, none late."""

    def __enter__(self):
        traffic()
        self.since = time.time()
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            return
        until = time.time()
        for name, one in (("near", monitor().collector), ("good", collector("good"))):
            one.wait(lambda: fars.after(one, until), PATIENCE_S, f"{name}: a datagram afterwards")
            got = fars.after(one, self.since)
            tap.equal(fars.missing(got), [], f"{name}: lost")
            times = [self.since, *(datagram.time for datagram in got)]
            gap = max(later - earlier for earlier, later in zip(times, times[1:]))
            tap.diagnostics(f"{name}: {len(got)} datagrams, none lost, longest gap {gap:.2f} s")
            assert gap < GAP_S, f"{name}: nothing for {gap:.1f} s"


def resumed(name, healed):
    """Datagrams arrive again, soon, and the numbers went on."""
    first = wait_arrival(name, healed)
    before = [datagram for datagram in collector("good").datagrams()
              if datagram.time < healed - GAP_S]
    assert first.content["sequence"] > before[-1].content["sequence"], "numbers began again"
    tap.diagnostics(f"{name}: resumed {first.time - healed:.2f} s after the fault's end")


def failing(name, kind, words, since):
    """Waits until errors of that kind are counted beyond those in `since`; nothing else may be."""
    now = wait_entry(name, lambda now: now["state"] == "failing" and
                     now["errors_by"][kind] > since["errors_by"][kind], f"{name}: {kind}")
    assert words in now["last_error"], now
    tap.equal(now["errors"], sum(now["errors_by"].values()))
    return now


def count_errors(name, since, *kinds):
    """What was counted since then, all of it of these kinds."""
    now = entry(name)
    grown = {kind: now["errors_by"][kind] - since["errors_by"][kind] for kind in now["errors_by"]
             if now["errors_by"][kind] != since["errors_by"][kind]}
    tap.diagnostics(f"{name}: {now['datagrams'] - since['datagrams']} sent, errors {grown}")
    assert grown and not set(grown) - set(kinds), f"{name}: {grown}"
    return grown


def failures(name):
    """How often the log says that it began to fail."""
    return sum("; going on" in line and "does not resolve" not in line
               for line in monitor().log().splitlines() if f"collector {TARGETS[name]}: " in line)


def test_refused():
    """A collector that is not running: its host's refusals are counted, the others get all"""
    traffic()
    before = entry("refused")
    with Others():
        close_collector("refused")
        failing("refused", "refused", "Connection refused", before)
        time.sleep(FAULT_S)
        healed = time.time()
        resumed("refused", healed)
        count_errors("refused", before, "refused")


def test_unreachable():
    """A router says that the collector's host cannot be reached"""
    traffic()
    before, route = entry("unreachable"), PLACES["unreachable"][0] + "/32"
    with Others():
        far().router.run(f"ip route add unreachable {route}")
        failing("unreachable", "unreachable", "No route to host", before)
        time.sleep(FAULT_S)
        far().router.run(f"ip route delete unreachable {route}")
        resumed("unreachable", time.time())
        count_errors("unreachable", before, "unreachable")


def test_black_hole():
    """A router swallows what goes to a collector, and says nothing; a neighbour never
    answers at all"""
    traffic()
    before, route = entry("dark"), PLACES["dark"][0] + "/32"
    with Others():
        far().router.run(f"ip route add blackhole {route}")
        began = time.time() + 0.5
        time.sleep(max(FAULT_S, 3))
        tap.equal(fars.after(collector("dark"), began), [], "came through a black hole")
        far().router.run(f"ip route delete blackhole {route}")
        resumed("dark", time.time())
        tap.equal(entry("dark")["errors"], before["errors"])
        now = wait_entry("neighbour", lambda now: now["errors_by"]["unreachable"],
                         "the neighbour that never answers")
        tap.equal(now["state"], "failing")
        tap.diagnostics(f"neighbour: {now['last_error']}, {now['errors_by']}")


def test_ipv6_gone():
    """The host's IPv6 address and route go and come back, another address than before"""
    traffic()
    before = entry("six")
    with Others():
        far().take_ipv6()
        tap.on_exit(lambda: lab().run("ip address add fd01::1/64 dev up0 nodad", check=False))
        failing("six", "unreachable", "Network is unreachable", before)
        time.sleep(FAULT_S)
        lab().run("ip address add fd01::9/64 dev up0 nodad && "
                  "ip route replace fd02::/64 via fd01::2")
        healed = time.time()
        resumed("six", healed)
        tap.equal(wait_arrival("six", healed).sender[0], "fd01::9")
        lab().run("ip address delete fd01::9/64 dev up0")
        far().give_ipv6()
        healed = time.time() + 0.2
        tap.equal(wait_arrival("six", healed).sender[0], "fd01::1")
        count_errors("six", before, "unreachable")


QUEUE_BYTES = 3300


def test_full_queue():
    """The interface to a collector sends slower than samples come: the rest is counted"""
    tap.need("tc")
    traffic()
    before = entry("slow")
    with Others():
        done = lab().run("tc qdisc add dev slow0 root tbf rate 16kbit burst 1600 "
                         f"limit {QUEUE_BYTES}", check=False)
        if done.returncode != 0:
            tap.skip("this kernel has no token bucket: " + done.stderr.strip())
        failing("slow", "full", "queue", before)
        time.sleep(FAULT_S)
        lab().run("tc qdisc delete dev slow0 root")
        healed = time.time()
        resumed("slow", healed)
        grown = count_errors("slow", before, "full")
        lost = fars.missing(collector("slow").datagrams())
        # What lay in the queue when that was taken away is lost and was no error.
        tap.diagnostics(f"slow: {len(lost)} lost")
        smallest = min(len(datagram.raw) for datagram in collector("slow").datagrams())
        tap.between(len(lost) - grown["full"], 0, QUEUE_BYTES // smallest,
                    f"lost without an error; datagrams of {smallest} bytes and more")
        tap.equal(fars.missing(fars.after(collector("slow"), healed + 0.5)), [])


def narrow(router_end, far_end, mtu):
    far().router.run(f"ip link set {router_end} mtu {mtu}")
    far().host.run(f"ip link set {far_end} mtu {mtu}")


def test_small_mtu():
    """A path with an MTU of 576 loses no datagram; with IPv6 and 1280 those up to the
    router's word, which is told"""
    traffic()
    before, failed = (entry("thin"), entry("six")), failures("six")
    with Others() as period:
        # Those sent before the router says so.
        narrow("thin0", "thin1", 576)
        narrow("net0", "far0", 1280)
        tap.on_exit(lambda: (narrow("thin0", "thin1", 1500), narrow("net0", "far0", 1500)))
        began = time.time()
        collector("thin").wait(
            lambda: sum(len(datagram.raw) > 576 for datagram in fars.after(
                collector("thin"), began)) >= 20, PATIENCE_S, "20 large datagrams")
        wait_entry("six", lambda now: (now["errors_by"]["too_big"] >
                                       before[1]["errors_by"]["too_big"]), "the router's word")
        told = time.time() + 0.5
        collector("six").wait(
            lambda: sum(len(datagram.raw) > 1280 - HEADERS_6 for datagram in fars.after(
                collector("six"), told)) >= 5, PATIENCE_S, "large datagrams over IPv6")
        thin, six = (fars.after(collector(name), period.since) for name in ("thin", "six"))
        tap.equal(fars.missing(thin), [], "lost on a path of 576")
        tap.equal(entry("thin")["errors"], before[0]["errors"])
        grown = count_errors("six", before[1], "too_big")
        tap.diagnostics(f"six: lost {fars.missing(six)}; thin: {len(thin)} datagrams, none lost")
        assert len(fars.missing(six)) <= grown["too_big"] <= 3, grown
        tap.equal(failures("six"), failed, "a smaller MTU is no failure")
        monitor().wait_log("a router on the way takes packets of up to 1280 bytes")


def test_name():
    """A name that stops resolving keeps its address; when it resolves to another, datagrams
    go there"""
    traffic()
    before, server = entry("named"), names().process
    with Others():
        server.signal(signal.SIGSTOP)  # hangs: no answer at all
        tap.on_exit(lambda: server.signal(signal.SIGCONT))
        close_collector("named")       # so that it is looked up
        failing("named", "refused", "Connection refused", before)
        now = wait_entry("named", lambda now: now["lookup_error"], "the failed lookup", 30)
        tap.diagnostics(f"named: {now['lookup_error']}, address {now['address']}")
        tap.equal(now["address"], "%s:%d" % PLACES["named"])
        healed = time.time()
        collector("named")
        resumed("named", healed)
        server.signal(signal.SIGKILL)
        server.signal(signal.SIGCONT)
        server.wait(10)
        names().start(PLACES["moved"][0])
        began = time.time()
        first = wait_arrival("moved", began - 1, 90)
        tap.diagnostics(f"named: at its new address after {first.time - began:.1f} s")
        now = wait_entry("named", lambda now: not now["lookup_error"], "a name that resolves")
        tap.equal(now["address"], "%s:%d" % PLACES["moved"])
        tap.equal(fars.after(collector("named"), first.time + 0.5), [], "still at the old one")
        count_errors("named", before, "refused")


def test_hanging_resolver():
    """While a resolver gives no answer the other collectors get all, and the daemon ends at once"""
    traffic()
    server = names().process
    names().patience(30)
    server.signal(signal.SIGSTOP)
    tap.on_exit(lambda: (server.signal(signal.SIGCONT), names().patience(1)))
    with Others(), Monitor(lab(), name="resolving", port=7200, polling=1,
                           arguments=["--collector", f"{NAME}:7201"]) as resolving:
        one = resolving.collector
        one.wait(lambda: len(one.datagrams()) >= 3, PATIENCE_S, "three datagrams")
        time.sleep(FAULT_S)
        tap.equal(fars.missing(one.datagrams()), [])
        told = resolving.status()["collectors"]
        tap.equal([(entry["state"], entry["errors"]) for entry in told],
                  [("sending", 0), ("resolving", 0)])
        began = time.monotonic()
        resolving.process.signal(signal.SIGTERM)
        tap.equal(resolving.process.wait(5), 0, "exit status")
        resolving.process = None
        tap.diagnostics(f"ended in {time.monotonic() - began:.2f} s")


def test_source_gone():
    """While the configured source-address is not the host's, nothing is sent; then it is"""
    traffic()
    lab().run("ip address add 10.1.0.5/24 dev up0")
    with far().collector("10.2.0.9", 7100) as one, Monitor(
            lab(), name="sourced", port=7101, polling=1, source_address="10.1.0.5",
            arguments=["--collector", "10.2.0.9:7100"]) as sourced:
        first = one.wait(one.datagrams)[0]
        tap.equal(first.sender[0], "10.1.0.5")
        lab().run("ip address delete 10.1.0.5/24 dev up0")
        gone = time.time()
        sourced.wait_log("cannot send from source-address 10.1.0.5")
        time.sleep(FAULT_S)
        tap.equal(fars.after(one, gone + 0.5), [], "sent without the source-address")
        lab().run("ip address add 10.1.0.5/24 dev up0")
        back = time.time()
        again = one.wait(lambda: fars.after(one, back), PATIENCE_S, "a datagram again")[0]
        tap.equal(again.sender[0], "10.1.0.5")
        tap.diagnostics(f"resumed {again.time - back:.2f} s after it was back")
        for target in ("10.2.0.9:7100", sourced.collector.target):
            tap.equal(sourced.log().count(f"collector {target}: cannot send from"), 1)


def test_logged_once():
    """Each failure is logged once when it begins and once when it is over"""
    traffic()
    monitor().wait_status(
        lambda status: all(entry["state"] == "sending" for entry in status["collectors"]
                           if entry["collector"] != TARGETS["neighbour"]),
        FAULT_S + 30, "every collector to work again")
    log = monitor().log()
    for name, target in TARGETS.items():
        began, over = failures(name), log.count(f"collector {target}: works again")
        tap.diagnostics(f"{name}: {began} begun, {over} over")
        assert began <= 1 and over == began - (name == "neighbour"), name
    for name in ("good", "dark", "thin"):
        tap.equal(failures(name), 0, name)
    lost, found = log.count("does not resolve any more"), log.count("its name resolves again")
    assert lost == found <= 1, (lost, found)


if LONG:
    def test_name_moves_unseen():
        """A name gets another address while its old one swallows everything: found in time"""
        traffic()
        one, other = PLACES["named"][0], PLACES["moved"][0]
        if entry("named")["address"].startswith(other):
            one, other = other, one
        arriving = "named" if other == PLACES["named"][0] else "moved"
        collector(arriving)
        with Others():
            far().router.run(f"ip route add blackhole {one}/32")
            names().process.end()
            names().start(other)
            began = time.time()
            first = wait_arrival(arriving, began, 120)
            tap.diagnostics(f"at its new address after {first.time - began:.0f} s")
            tap.equal(entry("named")["state"], "sending")


if __name__ == "__main__":
    tap.main(globals(), system=True)
