# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest whose agent answers at length. libvirtd takes seconds for such a reply, so that these
have the machine alone."""

import tap
from hostile_world import all_are, ask, check_afterwards, check_memory, take_turns

GUESTS = 3
# The kinds, and what becomes of them. While libvirtd reads one it may not hear that VM's QEMU.
LARGE = {
    "full-list": {},
    "long-list": {"fs": "malformed", "cpu": "malformed"},
    "long-info": {"state": "failing", **all_are("malformed")},
    "long-texts": {"fs": "malformed", "meminfo": "malformed"},
}


def ask_large(kind):
    return ask(kind, is_large=True, **LARGE[kind])


def test_full_list():
    """Of 7000 filesystems 32 are told and 992 summed up; since more are left out, what is
    available is unknown"""
    for _ in range(GUESTS):  # that none goes on with what its real agent said
        ask("good")
    vm = ask_large("full-list")
    tap.equal((vm["disk"]["bytes"], vm["disk"]["why"]), (None, "incomplete"))
    tap.equal((len(vm["filesystems"]), vm["filesystems_rest"]), (32, 992))


def test_long_lists():
    """40,000 filesystems, in 1.5 MB, are refused, and so are 51,000 CPUs"""
    ask_large("long-list")


def test_long_info():
    """An agent with 30,000 commands is not asked for more"""
    vm = ask_large("long-info")
    tap.equal(vm["agent"]["failures"], 1)


def test_long_texts():
    """A name of 1 MiB is refused, one of 900 KB is cut"""
    vm = ask_large("long-texts")
    tap.equal(vm["os"]["host_name"], "h" * 255)


def test_large_again():
    """Large replies once more need no more memory, whichever thread reads them"""
    for kind in ("full-list", "long-list", "long-texts"):
        ask_large(kind)
    check_memory()


def test_afterwards():
    """No number was sent that none of them told, and a real agent is believed again; the daemon
    took less than 32 MiB, and its log and its datagrams hold nothing of the guest's but text"""
    check_afterwards()


if __name__ == "__main__":
    take_turns(GUESTS)
    tap.main(globals(), system=True)
