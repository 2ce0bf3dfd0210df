# SPDX-License-Identifier: GPL-2.0-or-later
"""Who talks to whom: the VMs and the interfaces at both ends of what was sampled."""

import os
import time

import lab as labs
import tap
from monitor import Monitor

FRAMES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "frames.py")
OUTSIDE = "02:00:00:00:00:99"
BROADCAST = "ff:ff:ff:ff:ff:ff"
PINGS = 5


def lab():
    return tap.fixture(labs.Lab)


def pair():
    """Two guests that run, each with a NIC on the bridge and a macvtap over v0."""
    found = getattr(pair, "made", None)
    if found is None:
        lab().run("ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up")
        found = pair.made = [
            lab().boot(name, nics=[lab().nic(), lab().nic(kind="direct", source="v0",
                                                          address=f"10.79.0.{number}/24")])
            for number, name in enumerate(("a", "b"), 1)]
    return found


class Ends:
    """What the samples of one daemon should name."""

    def __init__(self, monitor):
        self.monitor = monitor
        self.index = {}
        for guest in pair():
            for device in guest.taps():
                monitor.wait_sampling(device)
            self.index[guest] = monitor.vm(guest)["index"]

    def samples(self, guest, nic, source, destination, quiet=0.8):
        """(input, output, sender's index, receiver's) of the tap's samples of frames with
        these addresses, once no more come; every flow sample has entities."""
        ifindex, seen = lab().ifindex(guest.taps()[nic]), -1
        while True:
            flows = self.monitor.collector.flows(ifindex)
            if len(flows) == seen:
                break
            seen = len(flows)
            time.sleep(quiet)
        wanted = (destination + source).replace(":", "")
        found = []
        for flow in flows:
            entities = flow.record("0:2210")
            for end in "src", "dst":
                tap.equal(entities[f"{end}_class"], 3 if entities[f"{end}_index"] else 0)
            if flow.record("0:1")["header"].startswith(wanted):
                found.append((flow.content["input"]["value"], flow.content["output"]["value"],
                              entities["src_index"], entities["dst_index"]))
        return found

    def expect(self, guest, nic, source, destination, count, ends, what):
        tap.equal(self.samples(guest, nic, source, destination), [ends] * count, what)


def talk(nic, addresses):
    """a pings b between these NICs; both know each other's MAC."""
    for guest, other, address in zip(pair(), pair()[::-1], addresses[::-1]):
        guest.run(f"arp -s {address} {other.nics[nic].mac}")
    pair()[0].run(f"ping -c {PINGS} -i 0.1 {addresses[1]}")


def check_talk(ends, nic):
    a, b = pair()
    indexes = [lab().ifindex(guest.taps()[nic]) for guest in (a, b)]
    macs = [guest.nics[nic].mac for guest in (a, b)]
    there = (*indexes, ends.index[a], ends.index[b])
    back = (*indexes[::-1], ends.index[b], ends.index[a])
    for guest in a, b:
        ends.expect(guest, nic, *macs, PINGS, there, f"requests on {guest.name}'s tap")
        ends.expect(guest, nic, *macs[::-1], PINGS, back, f"replies on {guest.name}'s tap")


def test_two_vms_on_a_bridge():
    """Both VMs and both interfaces are named when two VMs of one bridge talk"""
    a, b = pair()
    with Monitor(lab(), capture={"direction": "both"}, sampling=1, polling=0) as monitor:
        ends = Ends(monitor)
        assert ends.index[a] != ends.index[b], ends.index
        talk(0, [a.address, b.address])
        check_talk(ends, 0)
        monitor.collector.check()


def test_two_vms_on_macvtaps():
    """So they are on macvtaps of one interface"""
    a, b = pair()
    with Monitor(lab(), capture={"direction": "both"}, sampling=1, polling=0) as monitor:
        ends = Ends(monitor)
        talk(1, [guest.nics[1].address.split("/")[0] for guest in (a, b)])
        check_talk(ends, 1)
        monitor.collector.check()


def test_once():
    """With direction = once the sender's sample names both"""
    a, b = pair()
    with Monitor(lab(), sampling=1, polling=0) as monitor:
        ends = Ends(monitor)
        talk(0, [a.address, b.address])
        indexes = [lab().ifindex(guest.taps()[0]) for guest in (a, b)]
        ends.expect(a, 0, a.nics[0].mac, b.nics[0].mac, PINGS,
                    (*indexes, ends.index[a], ends.index[b]), "requests")
        ends.expect(b, 0, b.nics[0].mac, a.nics[0].mac, PINGS,
                    (*indexes[::-1], ends.index[b], ends.index[a]), "replies")
        ends.expect(b, 0, a.nics[0].mac, b.nics[0].mac, 0, None, "requests once more")


def test_the_outside():
    """The outside is no VM, and its interface is 0"""
    a, _ = pair()
    gateway = "52:54:00:ff:ff:01"
    with Monitor(lab(), capture={"direction": "both"}, sampling=1, polling=0) as monitor:
        ends = Ends(monitor)
        lab().run(["ip", "neigh", "replace", a.address, "lladdr", a.nics[0].mac, "dev",
                   lab().bridge, "nud", "permanent"])
        a.run(f"arp -s {lab().address} {gateway}")
        a.run(f"ping -c {PINGS} -i 0.1 {lab().address}")
        ifindex = lab().ifindex(a.taps()[0])
        ends.expect(a, 0, a.nics[0].mac, gateway, PINGS, (ifindex, 0, ends.index[a], 0), "to it")
        ends.expect(a, 0, gateway, a.nics[0].mac, PINGS, (0, ifindex, 0, ends.index[a]),
                    "from it")
        # What is for many has no destination; who sent it is known.
        lab().run(["python3", FRAMES, "tap", a.taps()[0], "3", "60", BROADCAST, a.nics[0].mac])
        ends.expect(a, 0, a.nics[0].mac, BROADCAST, 3, (ifindex, 0, ends.index[a], 0), "to all")


def test_a_suspended_vm():
    """A VM that does not run gets nothing, and is known again when it runs"""
    a, b = pair()
    with Monitor(lab(), sampling=1, polling=0) as monitor:
        ends = Ends(monitor)
        addresses = a.nics[0].mac, b.nics[0].mac
        indexes = [lab().ifindex(guest.taps()[0]) for guest in (a, b)]
        lab().virsh("suspend", "b")
        try:
            monitor.wait_vm(b, lambda vm: vm["state"] == "paused")
            lab().run(["python3", FRAMES, "tap", a.taps()[0], "3", "60", *reversed(addresses)])
            ends.expect(a, 0, *addresses, 3, (indexes[0], 0, ends.index[a], 0), "while it stands")
        finally:
            lab().virsh("resume", "b")
        monitor.wait_vm(b, lambda vm: vm["state"] == "running")
        monitor.collector.clear()
        lab().run(["python3", FRAMES, "tap", a.taps()[0], "3", "60", *reversed(addresses)])
        ends.expect(a, 0, *addresses, 3, (*indexes, ends.index[a], ends.index[b]), "again")


def test_a_forged_source():
    """A VM that forges another one's MAC is named itself, and that MAC is nobody's then"""
    a, b = pair()
    with Monitor(lab(), capture={"direction": "both"}, sampling=1, polling=0) as monitor:
        ends = Ends(monitor)
        device, ifindex = a.taps()[0], lab().ifindex(a.taps()[0])
        lab().run(["python3", FRAMES, "tap", device, "3", "60", OUTSIDE, b.nics[0].mac])
        ends.expect(a, 0, b.nics[0].mac, OUTSIDE, 3, (ifindex, 0, ends.index[a], 0), "forged")
        lab().run(["python3", FRAMES, "tap", device, "3", "60", b.nics[0].mac, a.nics[0].mac])
        ends.expect(a, 0, a.nics[0].mac, b.nics[0].mac, 3, (ifindex, 0, ends.index[a], 0),
                    "to the victim")


if __name__ == "__main__":
    tap.main(globals(), system=True)
