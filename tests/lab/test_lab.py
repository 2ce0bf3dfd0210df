# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab itself: what the other system tests stand on."""

import contextlib
import glob
import os
import signal
import subprocess
import sys
import tempfile
import time

import lab as labs
import sandbox
import tap


def lab():
    return tap.fixture(labs.Lab)


def guest():
    """One guest for the tests that do not end it."""
    found = getattr(guest, "made", None)
    if found is None:
        found = guest.made = lab().boot("web01")
    return found


def test_libvirtd():
    """libvirtd answers, and it is not the machine's"""
    domains = lab().virsh("list", "--all").split()
    tap.equal(domains, [])
    tap.equal(lab().virsh("hostname").strip(), "kvm-lab")


def test_console():
    """A command on the guest's console returns its status and output"""
    tap.equal(guest().run("echo one; echo two >&2"), "one\ntwo\n")
    tap.equal(guest().run("exit 7", check=False), (7, ""))
    tap.equal(guest().run("seq 1 3000"), "".join(f"{n}\n" for n in range(1, 3001)))


def test_network():
    """The guest reaches the bridge's address"""
    output = guest().run(f"ping -c 2 {lab().address}")
    assert "2 packets received" in output, output


def test_disk():
    """The guest has its ext4 disk mounted"""
    assert "/dev/vda /mnt ext4 rw" in guest().run("cat /proc/mounts")


def test_agent():
    """The guest agent answers guest-info and knows the disk's filesystem"""
    guest().wait_agent()
    commands = [entry["name"] for entry in guest().agent("guest-info")["supported_commands"]]
    assert "guest-get-fsinfo" in commands
    tap.equal([entry["mountpoint"] for entry in guest().agent("guest-get-fsinfo")], ["/mnt"])


def test_views():
    """The tap's name and index and QEMU's process are found from outside"""
    tap.equal(guest().taps(), ["vnet0"])
    assert lab().ifindex("vnet0") > 1
    with open(f"/proc/{guest().pid()}/cmdline") as file:
        assert "guest=web01" in file.read()


def test_tiny():
    """A domain without a kernel starts paused"""
    tiny = lab().define_tiny("tiny1")
    tiny.start(paused=True)
    tap.on_exit(tiny.destroy)
    tap.equal(tiny.state(), "paused")


def test_restart():
    """libvirtd restarted finds its guests running"""
    guest()
    lab().stop_libvirtd()
    lab().start_libvirtd()
    tap.equal(guest().state(), "running")
    tap.equal(guest().run("echo here"), "here\n")


def test_power_button():
    """A guest that is asked to shut down powers itself off"""
    other = lab().boot("db01", disks=[])
    lab().virsh("shutdown", "db01", "--mode", "acpi")
    other.wait_state("shut off")


def _left(namespace, folder):
    return {"processes": sandbox.processes_of(namespace),
            "folder": [folder] if os.path.exists(folder) else []}


def test_leaving():
    """Leaving a lab leaves no process and no file"""
    with labs.Lab(hostname="kvm-short") as short:
        short.define_tiny("gone").start(paused=True)
        namespace = os.readlink(f"/proc/{short.pid}/ns/pid")
        folder = short.folder
        assert len(short.sandbox.processes()) >= 4  # holder, virtlogd, libvirtd, QEMU
    tap.equal(_left(namespace, folder), {"processes": [], "folder": []})
    _nothing_outside()


def _capabilities(one):
    """When each file was written in which its libvirtd has what it found out about QEMU."""
    return {path: os.stat(path).st_mtime_ns
            for path in glob.glob(one.path("cache", labs.CAPABILITIES + "/*"))}


@contextlib.contextmanager
def _on_one_cpu():
    """Processes started meanwhile too. What libvirt keeps of the processor has its number in it, so
    on another one it finds out anew."""
    all_of_them = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(all_of_them)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_of_them)


def test_capabilities():
    """What one lab's libvirtd found out about QEMU the next one's takes as it is"""
    base = os.path.join(labs.build_folder(), "lab")
    with tempfile.TemporaryDirectory(dir=base, prefix="capabilities-") as folder, _on_one_cpu():
        own = os.path.join(folder, "own")
        with labs.Lab(hostname="kvm-first", capabilities=own) as first:
            first.define_tiny("asks")
        with labs.Lab(hostname="kvm-second", capabilities=own) as second:
            before = _capabilities(second)
            assert before
            second.define_tiny("knows")
            tap.equal(_capabilities(second), before)


_VICTIM = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
import lab
with lab.Lab(hostname="kvm-victim") as victim:
    victim.define_tiny("orphan").start(paused=True)
    print(victim.folder, os.readlink(f"/proc/{victim.pid}/ns/pid"), flush=True)
    time.sleep(600)
"""


def test_killed():
    """A lab whose process is killed ends; the next lab removes its folder"""
    process = subprocess.Popen(
        [sys.executable, "-c", _VICTIM, os.path.dirname(os.path.abspath(__file__))],
        stdout=subprocess.PIPE, text=True)
    folder, namespace = process.stdout.readline().split()
    assert len(sandbox.processes_of(namespace)) >= 4
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 20
    while sandbox.processes_of(namespace) and time.monotonic() < deadline:
        time.sleep(0.05)
    labs.remove_stale(os.path.dirname(folder))
    tap.equal(_left(namespace, folder), {"processes": [], "folder": []})
    _nothing_outside()


def _nothing_outside():
    """Neither tap nor mount of a lab is visible where the tests run."""
    with open("/proc/self/mountinfo") as file:
        tap.equal([line for line in file if "/lab/run-" in line], [])
    for link in glob.glob("/sys/class/net/*/address"):
        with open(link) as file:
            address = file.read().strip()
        assert not address.startswith(("fe:54:00:00:", "52:54:00:ff:ff:01")), link


if __name__ == "__main__":
    tap.main(globals(), system=True)
