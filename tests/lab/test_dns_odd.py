# SPDX-License-Identifier: GPL-2.0-or-later
"""Answers of DNS that are odd, from a real dnsmasq (and, for what that will not say, from a liar):
each costs one line of the log, and all goes on. The daemon's clock is set forth where it would
wait."""

import time

import far as fars
import lab as labs
import tap
from collector import Collector
from faked import Faked
from zone import DOMAIN, HERE, TTL_S, Zone

PATIENCE_S = 25     # a question that a step of the clock spoilt is asked again after 10
CHANGE_S = 31       # a change is in force after these
NOTES_S = 301       # a new line about what is left out leaves once in so many
C1 = "c1." + DOMAIN
HERE_1 = f"{C1}:7001"


def lab():
    return tap.fixture(labs.Lab)


def zone():
    tap.need("dnsmasq")
    return tap.fixture(make_zone)


def make_zone():
    return Zone(lab())


def collector():
    return tap.fixture(make_collector)


def make_collector():
    zone()  # brings the address
    return Collector(lab(), HERE, 7001)


def monitor():
    return tap.fixture(make_monitor)


def make_monitor():
    collector()
    return Faked(lab(), "virt-sflowd", 6343, monotonic=True, start=False, sampling=1, polling=1,
                 dns_sd="on")


def dns():
    return monitor().status()["dns_sd"]


def lines(*words):
    """Of the log, with all these words, but those for debugging."""
    return [line for line in monitor().log().splitlines()
            if all(word in line for word in words) and "DEBUG" not in line]


def rounds(n):
    """So many more answers, or failures."""
    for _ in range(n):
        before = dns()
        monitor().hurry(TTL_S)
        monitor().wait_status(
            lambda status: status["dns_sd"]["answers"] + status["dns_sd"]["failures"] >
            before["answers"] + before["failures"], PATIENCE_S, "another question")


def in_force(question, what):
    """Until what DNS said is in force, and so."""
    rounds(1)
    monitor().hurry(CHANGE_S)
    monitor().wait_status(lambda status: status["dns_sd"]["in_force"] and
                          question(status["dns_sd"]["in_force"]), PATIENCE_S, what)


def goes_on():
    """The daemon runs, and sends."""
    since = time.time()
    collector().wait(lambda: fars.after(collector(), since), PATIENCE_S, "a datagram")
    assert monitor().process.poll() is None


def test_target_without_an_address():
    """An SRV target that does not resolve is a collector that waits for its name, told once; the
    others are sent to"""
    zone().serve([(C1, 7001), ("ghost." + DOMAIN, 7002)], ["polling=5"], hosts=[C1])
    monitor().start()
    in_force(lambda said: len(said["collectors"]) == 2, "both targets")
    ghost = monitor().wait_status(
        lambda status: next((one for one in status["collectors"]
                             if one["collector"] == f"ghost.{DOMAIN}:7002" and one["lookup_error"]),
                            None), PATIENCE_S, "the lookup")
    tap.equal((ghost["address"], ghost["datagrams"]), (None, 0))
    rounds(3)
    goes_on()
    told = lines("ghost." + DOMAIN, "collector ")
    tap.diagnostics("\n".join(told))
    tap.equal(len([line for line in told if "in force" not in line]), 1)


def test_strings_without_equals_and_duplicates():
    """Strings without =, keys and records that come twice: the first counts, and one line tells
    all of it, however often DNS says it"""
    monitor().hurry(NOTES_S)
    zone().serve([(C1, 7001), (C1, 7001)],
                 ["nonsense", "=", "sampling=128", "sampling=256", "polling=5", "Polling=7"])
    in_force(lambda said: said["sampling"] == 128, "sampling 128")
    said = dns()
    tap.equal((said["in_force"]["collectors"], said["in_force"]["polling"]), ([HERE_1], 5))
    for what in ('"nonsense" has no =', '"sampling=256" comes twice', '"Polling=7" comes twice'):
        assert what in said["left_out"], said
    rounds(3)
    told = lines("left out")
    tap.diagnostics("\n".join(told))
    tap.equal(len(told), 1)
    goes_on()


def test_64_kib():
    """An answer of nearly 64 KiB, over TCP: what is of use is used, and the rest is one line of
    bounded length"""
    monitor().hurry(NOTES_S)
    junk = [[f"junk{number}-{n}=" + "x" * 238 for n in range(8)] for number in range(31)]
    size = sum(len(string) + 1 for record in junk for string in record)
    assert 60000 < size < 65000, size
    zone().serve([(C1, 7001)], ["sampling=129", "polling=5"], records=junk)
    in_force(lambda said: said["sampling"] == 129, "sampling 129")
    told = dns()["left_out"]
    tap.diagnostics(told)
    # All of them have come: those that are named, and the others.
    shown, more = told.count('"junk'), int(told.split("; and ")[1].split(" ")[0])
    tap.equal(shown + more, 31 * 8)
    assert len(told) < 2000, told
    rounds(3)
    tap.equal(len(lines("left out", "junk")), 1)
    goes_on()


def test_circle():
    """A circle of CNAME records is a failure: what is in force stays, and one line says why"""
    zone().lie()
    rounds(1)
    now = monitor().wait_status(lambda status: status["dns_sd"]["state"] == "failing" and
                                "loop" in (status["dns_sd"]["error"] or "") and status["dns_sd"],
                                2 * PATIENCE_S, "the circle")
    tap.equal((now["in_force"]["sampling"], now["in_force"]["collectors"]), (129, [HERE_1]))
    before = now["failures"]
    monitor().hurry(300)
    monitor().wait_status(lambda status: status["dns_sd"]["failures"] > before, PATIENCE_S,
                          "another failure")
    # A question may also have found nobody while the servers changed, which is another reason.
    tap.diagnostics("\n".join(lines("trying again", "DNS-SD")))
    tap.equal(len(lines("trying again", "loop of CNAME")), 1)
    goes_on()


def test_nothing_stops_it():
    """That the records are gone stops sending after three answers over five minutes of the
    daemon's clock, and not before; records that come again begin it again"""
    zone().serve([(C1, 7001)], ["sampling=130"])
    monitor().hurry(300)
    in_force(lambda said: said["sampling"] == 130, "sampling 130")
    zone().serve([], [])
    rounds(1)
    monitor().wait_status(lambda status: status["dns_sd"]["state"] == "nothing", PATIENCE_S,
                          "the first absence")
    answers = dns()["answers"]
    # Many answers, and not yet five minutes.
    rounds(3)
    monitor().hurry(200)
    rounds(1)
    monitor().hurry(CHANGE_S)
    goes_on()
    now = dns()
    assert now["answers"] >= answers + 4, now
    tap.equal((now["in_force"]["collectors"], now["change_s"]), ([HERE_1], None))
    # Five minutes.
    monitor().hurry(60)
    rounds(1)
    monitor().hurry(CHANGE_S)
    monitor().wait_status(lambda status: status["dns_sd"]["in_force"]["collectors"] == [],
                          PATIENCE_S, "the end")
    ended = time.time()
    time.sleep(3)
    tap.equal(fars.after(collector(), ended + 1), [], "sent afterwards")
    zone().serve([(C1, 7001)], [])
    in_force(lambda said: said["collectors"] == [HERE_1], "the collector again")
    goes_on()


if __name__ == "__main__":
    tap.main(globals(), system=True)
