# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest whose agent breaks the connection to libvirt on purpose. That harms neither the daemon
nor another VM. test_agent_patience.py has those that are late, silent or slow."""

import tap
from hostile_world import all_are, ask, check_afterwards, refused, take_turns

GUESTS = 3  # an odd number, so that each has its turn with one that answers before one that does not


def test_too_long():
    """A reply above libvirt's 4 MiB is refused; the agent goes on being asked"""
    for _ in range(GUESTS):  # that none goes on with what its real agent said
        ask("good")
    ask("too-long", fs="malformed")


def test_too_deep():
    """One that is nested 100,000 deep is a failure of the agent, not of libvirt"""
    refused("too-deep")


def test_nan():
    """So is one with NaN for a number"""
    refused("nan")


def test_not_utf_8():
    """So is one that is not UTF-8"""
    refused("not-utf-8")


def test_twice():
    """So is one with a key twice"""
    refused("twice")


def test_no_result():
    """So is one with neither a result nor an error"""
    refused("no-result")


def test_garbage():
    """So is garbage, and what libvirt quotes of it moves no terminal"""
    refused("garbage")


def test_endless():
    """So are 12 MiB without an end of line"""
    refused("endless")


def test_afterwards():
    """No number was sent that none of them told, and a real agent is believed again; the daemon
    took less than 32 MiB, and its log and its datagrams hold nothing of the guest's but text"""
    check_afterwards()


if __name__ == "__main__":
    take_turns(GUESTS)
    tap.main(globals(), system=True)
