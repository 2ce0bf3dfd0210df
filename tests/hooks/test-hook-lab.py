#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The hook under a real libvirtd: what it sends, that it stops and kills no VM,
and that what `virt-sflow hook` says of reloading is true. Speaks TAP.

environment: VSF_HOOK_COMMAND, VSF_HOOK; and the lab's, see tests/lab/lab.py
"""
import os
import re
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))

import lab as labs  # noqa: E402
import tap  # noqa: E402

COMMAND = os.path.abspath(os.environ.get("VSF_HOOK_COMMAND", "hook-command"))
HOOK = os.path.abspath(os.environ.get("VSF_HOOK", "qemu-hook"))


def lab():
    return tap.fixture(labs.Lab)


def command(action):
    done = subprocess.run([COMMAND, action, "--hooks-dir", lab().path("etc", "hooks"), "--binary",
                           HOOK], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"hook {action}: {done.stderr}")
    return done.stdout


class Listener:
    """The daemon's socket, as libvirtd's mount namespace sees it."""

    def __init__(self):
        self.path = lab().path("run", "virt-sflow/hook")
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        tap.on_exit(self.close)

    def close(self):
        self.socket.close()
        os.unlink(self.path)

    def messages(self):
        """(op, name, XML) each; the hook's end is awaited by libvirt, so all are here."""
        found = []
        while True:
            try:
                parts = self.socket.recv(1 << 18)[16:].split(b"\0")
            except BlockingIOError:
                return found
            found.append((parts[0].decode(), parts[1].decode(), parts[2].decode()))


def reload_libvirtd():
    # Returns before libvirtd is done with it.
    for pid in lab().sandbox.processes():
        with open(f"/proc/{pid}/comm") as comm:
            if comm.read().strip() == "libvirtd":
                os.kill(pid, signal.SIGHUP)
                return
    raise AssertionError("no libvirtd")


def start_and_destroy(name):
    guest = lab().define_tiny(name)
    lab().virsh("start", "--paused", name)
    taps = lab().taps(name)
    lab().virsh("destroy", name)
    lab().virsh("undefine", name)
    return guest, taps


def test_first_hook_needs_the_reload():
    """The first hook runs after a reload of libvirtd and not before, as install says"""
    listener = Listener()
    lab()
    if "reload" not in command("install"):
        raise AssertionError("install asks for no reload")
    start_and_destroy("unseen")
    tap.equal(listener.messages(), [])
    reload_libvirtd()
    deadline = time.monotonic() + 60
    while not listener.messages():
        if time.monotonic() > deadline:
            raise AssertionError("no message after the reload")
        start_and_destroy("seen")


def test_start_names_the_taps():
    """Start comes with the XML that names domain and taps, stopped with the name"""
    command("install")
    listener = Listener()
    guest, taps = start_and_destroy("web01")
    first, last = listener.messages()
    tap.equal(first[:2], ("start", "web01"))
    tap.equal(re.findall(r"<target dev='([^']*)'", re.search(
        r"<interface .*?</interface>", first[2], re.S)[0]), taps)
    tap.equal(guest.uuid in first[2], True, "the UUID is in the XML")
    tap.equal(last, ("stopped", "web01", ""))


def test_no_daemon_stops_no_vm():
    """A VM starts and stops where no daemon listens"""
    command("install")
    start_and_destroy("alone")


def test_stopped_daemon_stops_no_vm():
    """VMs start and stop while the daemon takes nothing and its queue is full"""
    command("install")
    Listener()
    for number in range(8):
        start_and_destroy(f"ignored{number}")


def test_restart_of_libvirtd_kills_no_vm():
    """A running VM survives libvirtd's restart with the hook in place"""
    command("install")
    lab().define_tiny("survivor")
    lab().virsh("start", "--paused", "survivor")
    pid = lab().qemu_pid("survivor")
    lab().stop_libvirtd()
    lab().start_libvirtd()
    tap.equal(lab().virsh("domstate", "survivor").strip(), "paused")
    tap.equal(lab().qemu_pid("survivor"), pid)
    lab().virsh("destroy", "survivor")


def test_remove_needs_no_reload():
    """VMs start after remove without a reload, and no message comes"""
    command("install")
    command("remove")
    listener = Listener()
    start_and_destroy("after")
    tap.equal(listener.messages(), [])


if __name__ == "__main__":
    tap.main(globals(), system=True)
