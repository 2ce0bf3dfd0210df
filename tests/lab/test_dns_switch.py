# SPDX-License-Identifier: GPL-2.0-or-later
"""Open vSwitch's own sFlow ([ovs] mode = configure) as DNS names collectors and rates: real dnsmasq,
ovsdb-server and ovs-vswitchd, and another agent's row beside ours."""

import subprocess
import time

import lab as labs
import tap
from monitor import Monitor
from switch import PROGRAMS, Switch
from test_packets import FRAMES, mac
from zone import DOMAIN, HERE, TTL_S, Zone

CHANGE_S = 30       # a change of what DNS says comes into force within so many
PATIENCE_S = 30     # for a machine that is busy, and a look at the rows every 5 s
STEP_S = TTL_S + CHANGE_S + PATIENCE_S
QUIET_S = 3         # the switch has a frame every 10 ms
OURS = [["virt-sflow", "virt-sflowd"]]
RIVAL_PORT = 7009
C1, C2, GHOST = (f"{name}.{DOMAIN}" for name in ("c1", "c2", "ghost"))


def lab():
    return tap.fixture(labs.Lab)


def zone():
    tap.need("dnsmasq", *PROGRAMS)
    return tap.fixture(make_zone)


def make_zone():
    return Zone(lab())


def collector(port):
    return zone().collector(port)


def monitor():
    return tap.fixture(make_monitor)


def make_monitor():
    return Monitor(lab(), start=False, sampling=1, polling=1, dns_sd="on",
                   sections={"ovs": {"mode": "configure"}})


def switch():
    """With a VM on ovs0, whose interface has frames all the time, and another agent's ovs1."""
    if not hasattr(switch, "made"):
        zone()
        switch.made = tap.fixture(lambda: Switch(lab(), "ovs0"))
        switch.made.vsctl("add-br", "ovs1", "--", "set", "bridge", "ovs1", "datapath_type=netdev",
                          "--", "--id=@s", "create", "sflow", "agent=lo",
                          f'targets="{HERE}:{RIVAL_PORT}"', "sampling=7", "polling=3",
                          "external_ids:owner=other", "--", "set", "bridge", "ovs1", "sflow=@s")
        switch.rivals = rivals()
        guest = lab().define_tiny("web01", nics=[lab().nic(source="ovs0", extra=Switch.PORT)])
        guest.start(paused=True)
        switch.device, = guest.taps()
        lab().popen(["python3", FRAMES, "tap", switch.device, str(10 ** 6), "600",
                     "52:54:00:ff:ff:01", mac(guest), "100"], stdout=subprocess.DEVNULL)
    return switch.made


def row():
    """Our bridge's sFlow row, or None; there is never a second one of ours."""
    rows, bridges = switch().tables("sflow", "bridge")
    ours = [one for one in rows if one["external_ids"][1] == OURS]
    of_bridge = {one["name"]: one["sflow"] for one in bridges}["ovs0"]
    tap.equal([one["_uuid"] for one in ours], [of_bridge] if of_bridge[0] == "uuid" else [])
    return ours[0] if ours else None


def rivals():
    """The other agent's bridge's row and all else that is not ours, as they stand."""
    rows = switch.made.rows("sflow")
    return ([one for one in rows if one["external_ids"][1] != OURS],
            {one["name"]: one["sflow"] for one in switch.made.rows("bridge")}["ovs1"])


def settings(found):
    """(targets, sampling, polling, header) of a row."""
    targets = found["targets"]
    targets = sorted(targets[1]) if isinstance(targets, list) else [targets]
    return targets, found["sampling"], found["polling"], found["header"]


def wait_row(ports, sampling, polling, header=128, timeout=STEP_S):
    """Until our row has these, and no other agent's was touched; the row."""
    wanted = [f"{HERE}:{port}" for port in sorted(ports)], sampling, polling, header
    deadline = time.monotonic() + timeout
    while (found := row()) is None or settings(found) != wanted:
        assert time.monotonic() < deadline, f"wanted {wanted}: {found}; {monitor().status()['ovs']}"
        time.sleep(0.2)
    tap.equal(rivals(), switch.rivals, "rows of others")
    return found


def flows(port, since):
    """The switch's own packets there: it is another sub-agent than the daemon."""
    return [flow for flow in collector(port).flows(since=since) +
            collector(port).samples("0:1", since=since)
            if flow.datagram.content["sub_agent_id"] != monitor().status()["sub_agent_id"]]


def wait_flows(port, sampling):
    since = time.time()
    collector(port).wait(
        lambda: [flow for flow in flows(port, since) if flow.content["sampling_rate"] == sampling],
        PATIENCE_S, f"the switch's packets at {port}, of 1 in {sampling}")


def state():
    return next(one["state"] for one in monitor().status()["taps"] if one["name"] == switch.device)


def wait_state(wanted):
    monitor().wait_status(lambda _: state() == wanted, PATIENCE_S, f"a tap {wanted}")


def test_first_answer():
    """The switch sends to the collector of DNS, at its rate, and never to the configured one from
    then on"""
    for port in (7001, 7002, RIVAL_PORT):
        collector(port)
    zone().serve([(C1, 7001)], ["sampling=64", "polling=5"])
    switch()
    monitor().start()
    wait_row([7001], 64, 5)
    wait_flows(7001, 64)
    wait_state("by its switch")
    since = time.time() + 0.5
    time.sleep(QUIET_S)
    tap.equal(monitor().collector.samples(since=since), [], "to the configured collector")


def test_collector_is_added():
    """A collector that DNS names beside the first one has the switch's packets too"""
    before = row()
    zone().serve([(C1, 7001), (C2, 7002)], ["sampling=64", "polling=5"])
    after = wait_row([7001, 7002], 64, 5)
    tap.equal(after["_uuid"], before["_uuid"], "the row")
    for port in (7001, 7002):
        wait_flows(port, 64)


def test_collector_is_removed_and_the_rate_changes():
    """A collector that DNS names no more has nothing of the switch's, and rate, interval and header
    are the new ones, in one row that stays"""
    before = row()
    zone().serve([(C2, 7002)], ["sampling=128", "polling=7", "headerBytes=100"])
    after = wait_row([7002], 128, 7, 100)
    tap.equal(after["_uuid"], before["_uuid"], "the row")
    wait_flows(7002, 128)
    since = time.time()
    time.sleep(QUIET_S)
    collector(7002).wait(lambda: flows(7002, since), PATIENCE_S, "packets")
    tap.equal(flows(7001, since), [], "to a collector that is gone")
    tap.equal(state(), "by its switch")


def test_no_name_server():
    """Without a name server the row stays"""
    before = row()
    zone().stop()
    monitor().wait_status(lambda status: status["dns_sd"]["state"] == "failing", STEP_S,
                          "the failure")
    wait_flows(7002, 128)
    tap.equal(row(), before)
    tap.equal(rivals(), switch.rivals, "rows of others")


def test_collector_without_an_address():
    """Where DNS names a collector instead whose name has no address the old one has nothing of the
    switch's any more: there is no row until there is one to send to"""
    zone().serve([(GHOST, 7001)], ["sampling=128", "polling=5"], hosts=[])
    monitor().wait_status(
        lambda status: [one["collector"] for one in status["collectors"]] == [f"{GHOST}:7001"],
        STEP_S, "the collector")
    deadline = time.monotonic() + PATIENCE_S
    while row() is not None:
        assert time.monotonic() < deadline, f"it still sends: {row()}"
        time.sleep(0.2)
    tap.equal(rivals(), switch.rivals, "rows of others")
    wait_state("sampling")
    since = time.time() + 1
    time.sleep(1 + QUIET_S)
    tap.equal(flows(7002, since), [], "to a collector that is gone")
    zone().serve([(GHOST, 7001)], ["sampling=128", "polling=5"])
    wait_row([7001], 128, 5, timeout=2 * STEP_S)
    wait_flows(7001, 128)
    wait_state("by its switch")


def test_end():
    """The daemon's end takes our row away, and leaves the other agent's"""
    tap.equal(monitor().stop(), 0, "exit status")
    tap.equal(row(), None)
    tap.equal(rivals(), switch.rivals, "rows of others")


if __name__ == "__main__":
    tap.main(globals(), system=True)
