# SPDX-License-Identifier: GPL-2.0-or-later
"""Taps that change hands, names and namespaces under their samplers: what is sent of them is
the right VM's, or nothing. test_hostile.py has those that are deleted and set down."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time

import domains
import links
import tap
import watch
from test_hostile import ETHERTYPE, lab, monitor, payloads

ROUNDS = 20 if os.environ.get("VSF_LONG") else 3
REUSED_S = 0.010    # a name is another's so soon, once at least
TRIES = 20


def truth():
    return tap.fixture(make_truth)


def make_truth():
    return links.Links(lab())


def pair():
    """Two paused VMs, whose taps have names."""
    if not hasattr(pair, "made"):
        monitor()
        truth()
        pair.made = [lab().define_tiny(name, nics=[lab().nic(target=f"tap-{name}")])
                     for name in ("one", "two")]
        for domain in pair.made:
            domain.start(paused=True)
            domain.link = truth().named(f"tap-{domain.name}")
    for domain in pair.made:
        monitor().collector.wait(lambda: adapters_since(domain, time.time() - 1)[-1:]
                                 == [domain.link.ifindex], 10, f"{domain.name} with its tap")
    return pair.made


def adapters_since(domain, since):
    """ifIndex of its NIC, 0 for none, in each of its samples."""
    return [watch.adapters(sample)[domain.nics[0].mac]
            for sample in monitor().collector.vm(domain.uuid, since)]


def frame(text):
    return b"\xff" * 6 + bytes.fromhex("525400ffff01") + ETHERTYPE + text.encode().ljust(50, b"\0")


def speakers(ifindex, since):
    """Whose frames were sampled there, by the names in them."""
    return {payload.decode() for payload in payloads(ifindex, since)}


@contextlib.contextmanager
def spoken_to(*found):
    """Meanwhile frames go out of each of these links, whatever it is called, with the name
    of the VM that it belongs to: [(link, name)]."""
    stopping = threading.Event()

    def speak(link, name):
        with lab().socket(socket.AF_PACKET, socket.SOCK_RAW) as port:
            port.bind((link.name, 0))  # to the ifIndex: the name may change
            bound.release()
            while not stopping.wait(0.005):
                try:
                    port.send(frame(name))
                except OSError:  # it is down
                    pass

    bound = threading.Semaphore(0)
    threads = [threading.Thread(target=speak, args=one, daemon=True) for one in found]
    try:
        for thread in threads:
            thread.start()
            assert bound.acquire(timeout=10), "no socket on the tap"
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def batch(*lines):
    """Link commands, one right after the other, in one process."""
    lab().run(["ip", "-batch", "-"], input="".join(f"link {line}\n" for line in lines))


def wait_right(domain, link, what):
    """Until the VM has its tap and packets of it, and nobody else's."""
    since = time.time()
    monitor().collector.wait(lambda: adapters_since(domain, since)[-1:] == [link.ifindex], 10,
                             f"{what}: {domain.name} with {link}")
    monitor().collector.wait(lambda: speakers(link.ifindex, since), 10,
                             f"{what}: packets of {domain.name}")


def only_right(since, *found):
    """Whatever was sent of these VMs and links since then is right, or of none."""
    for link, domain in found:
        seen = speakers(link.ifindex, since)
        assert seen <= {domain.name}, f"{link}: packets of {seen}"
        ports = set(adapters_since(domain, since))
        assert ports <= {0, link.ifindex}, f"{domain.name}: {ports}, not {link}"


def handover(name, since):
    """How long the name was nobody's, in seconds, each time it passed on to another link."""
    held = sorted((start, link.ifindex, end) for link in truth().all() for (start, n), end in
                  zip(link.names, [t for t, _ in link.names[1:]] + [link.until or time.time()])
                  if n == name)
    return [later[0] - earlier[2] for earlier, later in zip(held, held[1:])
            if later[0] >= since and later[1] != earlier[1]]


def test_names_swapped():
    """The taps of two running VMs swap their names, again and again: packets and counters
    stay with the tap"""
    one, two = pair()
    since = time.time()
    with spoken_to((one.link, "one"), (two.link, "two")):
        for _ in range(ROUNDS * 2):  # in the end each has its own name
            a, b = one.link.name, two.link.name
            batch(f"set {a} down", f"set {b} down", f"set {a} name tap-x", f"set {b} name {a}",
                  f"set tap-x name {b}", f"set {a} up", f"set {b} up")
            deadline = time.monotonic() + 10
            while (one.link.name, two.link.name) != (b, a):
                assert time.monotonic() < deadline, (one.link, two.link)
                time.sleep(0.005)
            time.sleep(0.3)
        for domain in (one, two):
            wait_right(domain, domain.link, "after the swaps")
    only_right(since, (one.link, one), (two.link, two))
    gaps = handover("tap-one", since)
    tap.equal(len(gaps), ROUNDS * 2)
    tap.diagnostics(f"another's after {min(gaps) * 1000:.1f} to {max(gaps) * 1000:.1f} ms")
    assert min(gaps) < REUSED_S


TAKE_NAME = "link set tap-two name tap-one\n" * 20000


def take_name():
    return lab().popen(["ip", "-force", "-batch", "-"], stdin=subprocess.PIPE,
                       stderr=subprocess.DEVNULL, text=True)


def has_name(domain):
    """Whether its tap has the name that it started with."""
    return f"tap-{domain.name}" in lab().run(["ls", "/sys/class/net"]).stdout.split()


def test_name_taken():
    """A VM's QEMU is killed and its tap's name goes to another VM's tap at once: that one's
    packets and counters are never the dead one's"""
    one, two = pair()
    gaps = []
    while len(gaps) < ROUNDS or min(gaps) >= REUSED_S and len(gaps) < TRIES:
        since = time.time()
        old = one.link
        lab().run("ip link set tap-two down")
        with spoken_to((two.link, "two")):
            taking = take_name()
            os.kill(one.pid(), signal.SIGKILL)
            deadline = time.monotonic() + 10
            # Refused, and tried again, until the kernel has let the name go.
            taking.communicate(TAKE_NAME)
            while has_name(two):
                assert time.monotonic() < deadline, "tap-one is still the dead one's"
                take_name().communicate(TAKE_NAME)
            lab().run("ip link set tap-one up")
            wait_right(two, two.link, "under the other's name")
        monitor().wait_status(lambda status: [vm["domain"] for vm in status["vms"]] == ["two"])
        only_right(since, (old, one), (two.link, two))
        gaps += handover("tap-one", since)
        batch("set tap-one down", "set tap-one name tap-two", "set tap-two up")
        one.wait_state("shut off")
        one.start(paused=True)
        one.link = truth().named("tap-one")
        pair()
    tap.diagnostics("another's after " + " ".join(f"{gap * 1000:.1f}" for gap in gaps) + " ms")
    assert min(gaps) < REUSED_S


def test_name_reused():
    """A VM ends and libvirt gives its tap's name at once to a NIC that is plugged into another:
    each has its own, or none"""
    other = lab().define_tiny("heir", nics=[])
    first = lab().define_tiny("late", nics=[lab().nic(target="tap-late")])
    monitor()
    for domain in (other, first):
        domain.start(paused=True)
        tap.on_exit(lambda domain=domain: lab().virsh("undefine", domain.uuid))
    tap.on_exit(other.destroy)
    gaps = []
    for number in range(ROUNDS):
        since = time.time()
        if number > 0:
            first.start(paused=True)
        old = truth().named("tap-late")
        nic = domains.Nic(f"52:54:00:ee:00:{number:02x}", target="tap-late")
        lab().write("run/vsf/nic.xml", nic.xml())
        if number % 2 == 0:  # else it ends before it is known
            wait_spoken(first, old)
        lab().virsh("destroy late; attach-device heir /run/vsf/nic.xml --live")
        new = truth().named("tap-late")
        assert new is not old
        gaps += handover("tap-late", since)
        wait_spoken(other, new, nic.mac)
        tap.equal(speakers(old.ifindex, since) - {"late"}, set(), f"{old}")
        tap.equal(speakers(new.ifindex, since), {"heir"}, f"{new}")
        ports = [watch.adapters(sample) for sample in monitor().collector.vm(other.uuid, since)]
        assert {seen.get(nic.mac, 0) for seen in ports} <= {0, new.ifindex}, ports
        assert set(adapters_since(first, since)) <= {0, old.ifindex}, old
        # The name is free again.
        lab().run(["ip", "link", "del", "tap-late"])
    tap.diagnostics("another's after " + " ".join(f"{gap * 1000:.1f}" for gap in gaps) + " ms")


def wait_spoken(domain, link, mac_address=None):
    mac_address = mac_address or domain.nics[0].mac
    since = time.time()
    with spoken_to((link, domain.name)):
        monitor().collector.wait(lambda: speakers(link.ifindex, since), 10, f"packets of {link}")
        monitor().collector.wait(
            lambda: [s for s in monitor().collector.vm(domain.uuid, since)
                     if watch.adapters(s).get(mac_address) == link.ifindex],
            10, f"{domain.name} with {link}")


FAR = """
import socket, time
port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
port.bind(("tap-one", 0))
for _ in range(20):
    port.send(bytes.fromhex("{frame}"))
    time.sleep(0.005)
"""


def test_moved():
    """A tap in another namespace is nobody's here, nor are foreign ones that take its name and
    its ifIndex; back again, it is its VM's"""
    one, two = pair()
    old = one.link
    lab().run("ip netns add far")
    tap.on_exit(lambda: lab().run("ip netns del far; ip link del below"))
    since = time.time()
    with spoken_to((old, "one"), (two.link, "two")):
        time.sleep(0.5)
        lab().run(["ip", "link", "set", "tap-one", "netns", "far"])
        moved = time.time()
        lab().run("ip -n far link set tap-one up")
        lab().run(["ip", "netns", "exec", "far", "python3", "-c",
                   FAR.format(frame=frame("far").hex())])
        for make in ("ip tuntap add dev tap-one mode tap",
                     "ip tuntap add dev below mode tap && ip link set below up && "
                     f"ip link add link below name tap-one index {old.ifindex} type macvtap"):
            lab().run(make + " && ip link set tap-one up")
            foreign = truth().named("tap-one")
            assert foreign is not old
            with spoken_to((foreign, "foreign")):
                time.sleep(3)
            lab().run("ip link del tap-one")
            tap.equal(speakers(foreign.ifindex, since) - {"one"}, set(), make)
            tap.equal(monitor().collector.samples("0:4", f"0:{foreign.ifindex}", moved + 1.5), [],
                      make)
        tap.equal(foreign.ifindex, old.ifindex)
        gone = moved + 1.5  # what was under way has left
        ports = adapters_since(one, gone)
        assert ports and set(ports) == {0}, f"one: {ports} while its tap is elsewhere"
        last = monitor().collector.vm(one.uuid, gone)[-1]
        tap.equal(last.record("0:2104")["bytes_in"], None)
        assert last.record("0:2101")["cpuTime"] is not None
        tap.equal(speakers(old.ifindex, since) - {"one"}, set())
        tap.equal(monitor().collector.samples(source=f"0:{old.ifindex}", since=gone), [])
        lab().run("ip netns exec far ip link set tap-one netns 1 && ip link set tap-one up")
    one.link = truth().named("tap-one")
    tap.diagnostics(f"ifIndex {old.ifindex}, back as {one.link.ifindex}")
    with spoken_to((one.link, "one")):
        wait_right(one, one.link, "back again")
    only_right(gone, (one.link, one), (two.link, two))


def test_nothing_malformed():
    """Every datagram of this run decodes"""
    monitor().collector.check()


if __name__ == "__main__":
    tap.main(globals(), system=True)
