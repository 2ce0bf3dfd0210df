# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest whose agent answers, and what it says is wrong or senseless. Whatever it says harms
neither the daemon nor another VM, and none of it leaves as a number that cannot be.
test_agent_large.py has replies that are large."""

import hostile
import tap
from hostile import USED
from hostile_world import FREE, IN_USE, all_are, ask, check_afterwards, take_turns

GUESTS = 3


def test_good():
    """An agent of our own is believed as the real one is"""
    for _ in range(GUESTS):
        vm = ask("good", disk=FREE)
        tap.equal((vm["disk"]["bytes"], vm["memory"]["bytes"]), (FREE, IN_USE))
        tap.equal((vm["disk"]["source"], vm["memory"]["source"]), ("agent", "agent"))


def test_huge_numbers():
    """Numbers of 10^30 are unknown"""
    vm = ask("huge-numbers", meminfo="malformed")
    tap.equal((vm["disk"]["bytes"], vm["disk"]["why"]), (None, "incomplete"))
    tap.equal({entry["used"] for entry in vm["filesystems"]} - {USED}, {None})


def test_negative_numbers():
    """Numbers below 0 and fractions of a byte are unknown"""
    vm = ask("negative", meminfo="malformed", host_name="malformed")
    tap.equal((vm["disk"]["bytes"], vm["disk"]["why"]), (None, "incomplete"))


def test_overflow():
    """Sizes whose sum is above 2^63 give no sum, and a memory of 2^66 bytes is none"""
    vm = ask("overflow", meminfo="malformed")
    tap.equal((vm["disk"]["bytes"], vm["disk"]["why"]), (None, "incomplete"))


def test_more_than_all():
    """More used than there is leaves nothing available, and more memory available than there
    is leaves none in use: neither is negative"""
    vm = ask("more-than-all", disk=0, in_use=0)
    tap.equal((vm["disk"]["bytes"], vm["memory"]["bytes"]), (0, 0))


def test_names():
    """Names with control characters, quotes, and letters that turn text round are shown as
    text, and name metrics in plain letters"""
    vm = ask("names", disk=len(hostile.NAMES) * FREE)
    tap.equal(len(vm["filesystems"]), len(hostile.NAMES))
    tap.equal(len({entry["key"] for entry in vm["filesystems"]}), len(hostile.NAMES), "keys")


def test_wrong_entries():
    """A list of filesystems with something else among them is incomplete"""
    vm = ask("wrong-entries", meminfo="malformed", host_name="malformed")
    tap.equal((vm["disk"]["bytes"], vm["disk"]["why"]), (None, "incomplete"))
    tap.equal(len(vm["filesystems"]), 1)


def test_echo():
    """Where each reply comes twice, none is taken for one of another kind"""
    ask("echo", **all_are(("known", "malformed")))


def test_events():
    """What looks like a monitor's greeting and events is passed over"""
    vm = ask("events")
    tap.equal(vm["disk"]["bytes"], FREE)


# ------------------------------------------------------- what we refuse

def test_nested():
    """What is nested deeper than any reply is refused"""
    ask("nested", fs="malformed", os="malformed", host_name="malformed")


def test_wrong_info():
    """A guest-info that is no object is no answer"""
    ask("wrong-info", "failing", **all_are("malformed"))


def test_wrong_types():
    """Results of another type are refused, each for itself"""
    ask("wrong-types", **all_are("malformed"))


def test_another():
    """Replies to other requests are refused"""
    ask("another", **all_are("malformed"))


def test_errors():
    """Errors of every class, and with texts of any length, are an agent's answer"""
    ask("errors", **{**all_are("failed"), "os": "not found"})


def test_error_for_info():
    """An error without class and text, to guest-info, is no answer"""
    ask("error-info", "failing", **all_are("failed"))


def test_frozen():
    """An agent that says it is frozen has not failed"""
    vm = ask("frozen", "frozen", **all_are("frozen"))
    tap.equal(vm["agent"]["failures"], 0)


def test_afterwards():
    """No number was sent that none of them told, and a real agent is believed again; the daemon
    took less than 32 MiB, and its log and its datagrams hold nothing of the guest's but text"""
    check_afterwards()


if __name__ == "__main__":
    take_turns(GUESTS)
    tap.main(globals(), system=True)
