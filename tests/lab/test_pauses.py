# SPDX-License-Identifier: GPL-2.0-or-later
"""An operator who pauses the daemon: what is told meanwhile stays right, and goes on
afterwards where it was."""

import json
import os
import time

import hooks
import tap
import watch
from monitor import Monitor
from test_brakes import keep_sending
from test_flood import LATE_S, guests, lab
from truth import DISK, INTERVAL_S, TURN_S, available, memory

LONG = bool(os.environ.get("VSF_LONG"))
STALE_S = 60                # what an agent told is believed for so long
FOR_S = 3
NOBODY = 65534
# Asks as somebody else than the daemon's user.
ASK_AS = """
import os, socket, sys
os.setgroups([]); os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))
client = socket.socket(socket.AF_UNIX); client.connect(sys.argv[2])
client.sendall(sys.argv[3].encode() + b"\\n")
print(client.makefile().read())
"""


def web01():
    """A whole guest, with an agent; its balloon tells nothing."""
    found = getattr(web01, "made", None)
    if found is None:
        found = web01.made = lab().define_guest("web01", balloon_period=0, disks=[
            lab().disk("web01", size=DISK)])
        found.start(wait=False)
    return found


class Paused:
    """A daemon whose operator is about to pause it: a tap of which each packet is sampled, and
    an agent that answers."""

    def __init__(self, monitor):
        self.monitor = monitor
        self.calm, self.guest = guests()[1], web01()
        self.guest.wait_ready()
        self.ifindex = lab().ifindex(self.calm.taps()[0])
        monitor.wait_sampling(self.calm.taps()[0])
        keep_sending(self.calm, 100)
        monitor.wait_vm(self.guest, lambda vm: vm["agent"]["state"] == "answers", TURN_S)
        monitor.collector.wait(lambda: known(available(monitor, self.guest)), what="a guest's disk")
        self.wait_flow(0)

    def command(self, *words):
        return self.monitor.command(*words, "--runtime-dir", self.monitor.runtime).stdout

    def flows(self, since=0):
        return self.monitor.collector.flows(self.ifindex, since)

    def wait_flow(self, since):
        return self.monitor.collector.wait(lambda: self.flows(since), 15, "a flow sample")[0].time

    def requests(self):
        return self.monitor.vm(self.guest)["agent"]["requests"]

    def is_open(self):
        """Whether the kernel has a packet socket or a program on the tap."""
        return self.ifindex in hooks.samplers(lab())


def known(values):
    return bool(values) and values[-1] is not None


def paused_monitor():
    return Monitor(lab(), capture={"direction": "in"}, sampling=1, polling=1,
                   guest={"filesystems_interval": INTERVAL_S})


def test_pause_all():
    """While all is paused no packet is sampled and no agent asked, counters go on; then numbers
    go on where they were, and no field has changed its meaning"""
    with paused_monitor() as monitor:
        it = Paused(monitor)
        assert it.is_open()
        said = it.command("pause", "all")
        since = time.time() + 0.5       # what was picked before leaves
        for what in ("sampling", "agents"):
            assert f"paused      {what} for 0 s, by uid 0, until resumed" in said, said
        time.sleep(2)                   # a conversation that was out is over
        requests = it.requests()
        status = monitor.status()
        tap.equal({entry["state"] for entry in status["taps"]}, {"paused"}, "taps")
        tap.equal(monitor.vm(it.guest)["agent"]["state"], "held")
        tap.equal(status["paused"]["agents"]["by_uid"], 0)
        assert not it.is_open(), "a packet socket on the tap"
        time.sleep(STALE_S + 5 if LONG else INTERVAL_S + 3)
        now = time.time()
        tap.equal(it.flows(since), [], "flow samples")
        tap.equal(it.requests(), requests, "requests to the agent")
        for guest in (it.calm, it.guest):
            gap = watch.longest_gap(monitor.collector.vm(guest.uuid, since), since, now)
            assert gap < LATE_S, f"{guest.name}: {gap:.1f} s between counter samples"
        vitals = monitor.collector.newest_metrics(f"virt-sflowd-{lab().hostname}", since)
        tap.equal([vitals["sampling_paused"], vitals["agents_paused"]], [1, 1], "from afar")
        if LONG:
            tap.equal([available(monitor, it.guest)[-1], memory(monitor, it.guest)[-1]],
                      [None, None], "what the agent told")
        check_resumed(it, since, requests)


def check_resumed(it, since, requests):
    monitor, resumed = it.monitor, time.time()
    tap.equal(it.command("resume"), "Nothing is paused.\n")
    delay = it.wait_flow(resumed) - resumed
    monitor.wait_vm(it.guest, lambda vm: vm["agent"]["requests"] > requests and
                    vm["agent"]["state"] == "answers", TURN_S)
    flows = it.flows()
    tap.diagnostics(f"paused for {resumed - since:.0f} s; the first sample {delay:.2f} s after "
                    f"resume; {len(flows)} samples, {flows[-1].content['drops']} lost")
    watch.consecutive(flows)
    pools = [flow.content["sample_pool"] for flow in flows]
    tap.equal(pools, sorted(pools), "pools in order")
    # What passed in the pause could not have been sampled.
    tap.between(pools[-1], len(flows), len(flows) + 200, "pool")
    monitor.collector.wait(lambda: known(available(monitor, it.guest, resumed)),
                           what="a guest's disk")
    vm = monitor.vm(it.guest)
    tap.equal((vm["disk"]["source"], vm["memory"]["source"]), ("agent", "agent"))
    for line in ("sampling is paused by uid 0 until resumed", "guest agents are paused by uid 0",
                 "sampling is not paused any more: resumed by uid 0"):
        assert line in monitor.log(), line
    monitor.collector.check()


def test_pause_for_a_time():
    """A pause of one thing leaves the other alone and ends by itself; nobody but root may pause,
    and no pause outlives the daemon"""
    with paused_monitor() as monitor:
        it = Paused(monitor)
        began = time.time()
        said = it.command("pause", "sampling", "--for", f"{FOR_S}s")
        assert "ends in" in said, said
        tap.equal(monitor.vm(it.guest)["agent"]["state"], "answers")
        monitor.wait_log("sampling is not paused any more: its time is over")
        lasted = it.wait_flow(began + 0.5) - began
        tap.between(lasted, FOR_S - 0.5, FOR_S + 5, "seconds without a sample")
        check_nobody(monitor)
        it.command("pause", "all", "--for", "1h")
        monitor.stop()
        monitor.start()
        monitor.wait_sampling(it.calm.taps()[0])
        tap.equal(monitor.status()["paused"], {"sampling": None, "agents": None})


def check_nobody(monitor):
    """Also where the socket is open to others: they may look, and not touch."""
    path = monitor.runtime + "/control"
    lab().run(["chmod", "666", path])
    for request in ('{"request":"pause","what":"all"}', '{"request":"resume"}'):
        got = json.loads(lab().run(["python3", "-c", ASK_AS, NOBODY, path, request]).stdout)
        assert got["error"].startswith("only root may"), got
    got = json.loads(lab().run(["python3", "-c", ASK_AS, NOBODY, path,
                                '{"request":"status"}']).stdout)
    tap.equal(got["paused"], {"sampling": None, "agents": None})


if __name__ == "__main__":
    tap.main(globals(), system=True)
