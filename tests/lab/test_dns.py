# SPDX-License-Identifier: GPL-2.0-or-later
"""Settings from DNS: a real dnsmasq serves the zone on a host of its own, and the zone changes,
and goes away, while the daemon runs."""

import os
import signal
import subprocess
import time

import far as fars
import lab as labs
import tap
from monitor import Monitor
from test_packets import FRAMES, mac
from zone import DOMAIN, HERE, TTL_S, Zone

LONG = bool(os.environ.get("VSF_LONG"))
CHANGE_S = 30       # a change comes into force within so many
PATIENCE_S = 15     # for a machine that is busy
FRAMES_PER_S = 400


def lab():
    return tap.fixture(labs.Lab)


def zone():
    tap.need("dnsmasq")
    return tap.fixture(make_zone)


def make_zone():
    return Zone(lab())


def collector(port):
    return zone().collector(port)


def monitor():
    return tap.fixture(make_monitor)


def make_monitor():
    return Monitor(lab(), start=False, sampling=1, polling=1, dns_sd="on")


def guest():
    """A VM whose interface has packets all the time."""
    if not hasattr(guest, "made"):
        guest.made = lab().define_tiny("web01")
        guest.made.start(paused=True)
        lab().popen(["python3", FRAMES, "tap", guest.made.taps()[0], str(10 ** 6), "600",
                     "52:54:00:ff:ff:01", mac(guest.made), str(FRAMES_PER_S)],
                    stdout=subprocess.DEVNULL)
    return guest.made


def dns():
    return monitor().status()["dns_sd"]


def wait_dns(question, timeout, what):
    monitor().wait_status(lambda status: question(status["dns_sd"]), timeout, what)
    return dns()


def arrives(port, since, timeout=PATIENCE_S):
    return collector(port).wait(lambda: next(iter(fars.after(collector(port), since)), None),
                                timeout, f"a datagram at {port}")


def tap_entry():
    device = guest().taps()[0]
    return next(entry for entry in monitor().status()["taps"] if entry["name"] == device)


def wait_rate(rate, port, since):
    """The sampler has that rate, and the samples say so."""
    monitor().wait_status(lambda _: tap_entry()["sampling"] == rate, PATIENCE_S, f"1 in {rate}")
    ifindex = tap_entry()["ifindex"]
    collector(port).wait(lambda: any(flow.content["sampling_rate"] == rate
                                     for flow in collector(port).flows(ifindex, since)),
                         PATIENCE_S, f"samples of 1 in {rate}")


def test_first_answer():
    """SRV and TXT of a search domain come into force, within bounds; configured collectors
    get nothing from then on; what is not understood is one line of the log"""
    for port in (7001, 7002, 7003):
        collector(port)
    # More than fits into a datagram, so that TCP is asked too.
    junk = [f"junk{number}=" + "x" * 200 for number in range(8)]
    zone().serve([("c1." + DOMAIN, 7001)],
                 ["txtvers=1", "sampling=10", "polling=1", "headerBytes=100", "nonsense", *junk])
    guest()
    monitor().start()
    arrives_near = monitor().collector.wait(monitor().collector.datagrams, PATIENCE_S,
                                            "a datagram before DNS answers")
    tap.diagnostics(f"{len(arrives_near)} datagrams to the configured collector")
    now = wait_dns(lambda now: now["in_force"], 10 + PATIENCE_S, "the first answer")
    began = time.time() + 0.5
    arrives(7001, began)
    tap.equal(now["domain"], DOMAIN)
    tap.equal(now["state"], "answered")
    tap.equal(now["ttl_s"], TTL_S)
    tap.equal(now["in_force"]["collectors"], [f"c1.{DOMAIN}:7001"])
    tap.equal((now["in_force"]["sampling"], now["in_force"]["polling"],
               now["in_force"]["header_bytes"]), (64, 5, 100))
    assert '"nonsense" has no =' in now["left_out"] and "junk0" in now["left_out"], now
    status = monitor().status()
    tap.equal((status["config"]["sampling"], status["config"]["polling"]), (64, 5))
    wait_rate(64, 7001, began)
    tap.equal(fars.after(monitor().collector, began), [], "to the configured collector")
    text = monitor().command("status", "--runtime-dir", monitor().runtime).stdout
    assert f"dns-sd      {DOMAIN}, answered, last answer " in text, text
    assert "in force: 1 collector, sampling 1 in 64, polling 5, header-bytes 100" in text, text
    wait_dns(lambda now: now["answers"] >= 2, TTL_S + PATIENCE_S, "the second answer")
    tap.equal(monitor().log().count("left out"), 1)


def test_change_is_followed():
    """Other collectors and another rate, while it runs: they get all from the change on, with
    the numbers going on"""
    zone().serve([("c2." + DOMAIN, 7002)],
                 ["sampling=128", "polling=5", f"collector={HERE}/7003"])
    since = time.time()
    first = [arrives(port, since, TTL_S + CHANGE_S + PATIENCE_S) for port in (7003, 7002)]
    tap.diagnostics(f"{first[0].time - since:.1f} s after the zone's change")
    last = collector(7001).datagrams()[-1]
    tap.equal(first[0].content["sequence"], last.content["sequence"] + 1)
    wait_rate(128, 7002, since)
    tap.equal(fars.after(collector(7001), first[0].time + 0.5), [], "still to the old collector")
    tap.equal(fars.missing([*collector(7001).datagrams(), *collector(7003).datagrams()]), [])
    # The interface's own numbers: no sampler began anew.
    ifindex = tap_entry()["ifindex"]
    before, after = (collector(port).flows(ifindex) for port in (7001, 7003))
    tap.equal(after[0].content["sequence"], before[-1].content["sequence"] + 1)
    tap.equal(dns()["in_force"]["sampling"], 128)


def reload(**sflow):
    monitor().configure(sampling=1, polling=1, **sflow)
    monitor().process.signal(signal.SIGHUP)


def wait_config(sampling, polling):
    monitor().wait_status(lambda status: (status["config"]["sampling"],
                                          status["config"]["polling"]) == (sampling, polling),
                          PATIENCE_S, f"sampling {sampling}, polling {polling}")


def test_reload():
    """A reload bounds what DNS said by the new files; without dns-sd they alone count, and with
    it again what DNS said last does at once"""
    reload(dns_sd="on", dns_min_sampling=256)
    wait_config(256, 5)
    assert "sampling 128 counts as 256" in dns()["otherwise"], dns()
    tap.equal(dns()["in_force"]["sampling"], 256)
    reload(dns_sd="off")
    wait_config(1, 1)
    tap.equal(dns(), None)
    monitor().collector.wait(lambda: fars.after(monitor().collector, time.time() - 1),
                             PATIENCE_S, "a datagram to the configured collector")
    reload(dns_sd="on")
    wait_config(128, 5)
    tap.equal(dns()["in_force"]["collectors"], [f"c2.{DOMAIN}:7002", f"{HERE}:7003"])


def test_no_name_server():
    """Without a name server all goes on as it was, and one line says so"""
    zone().stop()
    now = wait_dns(lambda now: now["state"] == "failing", TTL_S + PATIENCE_S, "the failure")
    assert now["error"], now
    tap.equal(now["in_force"]["sampling"], 128)
    since = time.time()
    for port in (7002, 7003):
        arrives(port, since)
    tap.equal(monitor().log().count("what is in force stays, trying again"), 1)


def test_restart_without_name_server():
    """After a restart without a name server the last answer is in force at once"""
    assert zone().process is None
    tap.equal(monitor().stop(), 0, "exit status")
    since = time.time()
    monitor().collector.clear()
    monitor().start()
    status = monitor().status()
    tap.equal(status["dns_sd"]["in_force"]["collectors"],
              [f"c2.{DOMAIN}:7002", f"{HERE}:7003"])
    tap.equal((status["config"]["sampling"], status["config"]["polling"]), (128, 5))
    tap.equal(status["dns_sd"]["answered_s"], None)
    tap.equal([entry["collector"] for entry in status["collectors"]],
              [f"c2.{DOMAIN}:7002", f"{HERE}:7003"])
    arrives(7003, since)
    tap.equal(fars.after(monitor().collector, since), [], "to the configured collector")


if LONG:
    def test_nothing_stops_it():
        """That the records are gone stops sending after three answers over five minutes, and
        not before"""
        zone().serve([("c1." + DOMAIN, 7001)], [])
        wait_dns(lambda now: now["state"] == "answered", 330, "an answer")
        arrives(7001, time.time(), CHANGE_S + PATIENCE_S)
        zone().serve([], [])
        wait_dns(lambda now: now["state"] == "nothing", TTL_S + PATIENCE_S, "the first absence")
        began = time.time()
        time.sleep(280)
        tap.equal(dns()["in_force"]["collectors"], [f"c1.{DOMAIN}:7001"])
        arrives(7001, time.time())
        wait_dns(lambda now: now["in_force"]["collectors"] == [], 20 + TTL_S + CHANGE_S +
                 PATIENCE_S, "the end")
        ended = time.time()
        tap.diagnostics(f"ended after {ended - began:.0f} s")
        time.sleep(10)
        tap.equal(fars.after(collector(7001), ended + 1), [], "sent afterwards")
        zone().serve([("c1." + DOMAIN, 7001)], [])
        arrives(7001, time.time(), TTL_S + CHANGE_S + PATIENCE_S)


if __name__ == "__main__":
    tap.main(globals(), system=True)
