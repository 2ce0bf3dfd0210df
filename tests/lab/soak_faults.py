# SPDX-License-Identifier: GPL-2.0-or-later
"""The faults of the soak: each injects one, waits, and heals it. All are real: signals,
links, mounts and sockets of the lab. A fault is a function of the Soak and its random
numbers; what it is called stands in FAULTS."""

import signal
import time

from collector import Collector


def hold(soak, random, *seconds):
    time.sleep(random.choice(seconds) if soak.is_long else min(seconds))


def libvirtd_restarted(soak, random):
    soak.lab.stop_libvirtd()
    soak.lab.start_libvirtd()


def libvirtd_away(soak, random):
    soak.lab.stop_libvirtd()
    hold(soak, random, 8, 20, 60)
    soak.lab.start_libvirtd()


def libvirtd_killed(soak, random):
    soak.lab.libvirtd.signal(signal.SIGKILL)
    soak.lab.libvirtd.wait()
    soak.lab.start_libvirtd()


def libvirtd_hung(soak, random):
    soak.lab.libvirtd.signal(signal.SIGSTOP)
    try:
        hold(soak, random, 8, 20, 60)
    finally:
        soak.lab.libvirtd.signal(signal.SIGCONT)


def qemu_stopped(soak, random):
    """One to six of them: from the fourth on the calls that may be out are used up."""
    pids = [soak.pids[domain.uuid] for domain in
            random.sample(soak.steady, random.choice((1, 1, 3, min(6, len(soak.steady)))))]
    with soak.signalled(pids, signal.SIGSTOP, signal.SIGCONT):
        hold(soak, random, 8, 20, 60)


def agent_silent(soak, random):
    soak.guest.signal_agent("STOP")
    try:
        hold(soak, random, 12, 40)
    finally:
        soak.guest.signal_agent("CONT")


def daemon_killed(soak, random):
    with soak.without_daemon():
        soak.monitor.process.signal(signal.SIGKILL)
        soak.monitor.process.wait()


def daemon_ended(soak, random):
    with soak.without_daemon():
        began = time.monotonic()
        status = soak.monitor.stop()
        took = time.monotonic() - began
        if status != 0 or took > 5:
            soak.ledger.fail(f"SIGTERM: exit status {status} after {took:.1f} s")


def collector_away(soak, random):
    """The second one: the first must not notice."""
    soak.second.close()
    try:
        hold(soak, random, 8, 30)
    finally:
        soak.second = Collector(soak.lab, port=soak.second.port)


def tap_down(soak, random):
    device = soak.taps[random.choice(soak.steady).uuid]
    soak.lab.run(["ip", "link", "set", device, "down"])
    try:
        hold(soak, random, 3, 10)
    finally:
        soak.lab.run(["ip", "link", "set", device, "up"])


def tap_flooded(soak, random):
    domain, other = random.sample(soak.steady, 2)
    soak.frames("tap", soak.taps[domain.uuid], 200000, 200, other.nics[0].mac,
                domain.nics[0].mac, 40000).wait()


def state_full(soak, random):
    """A file system of one page, already full, lies over the state directory."""
    folder = soak.monitor.state
    soak.lab.run(f"mount -t tmpfs -o size=4k none {folder} && head -c 4096 /dev/zero >{folder}/x")
    try:
        hold(soak, random, 5, 30)
    finally:
        soak.lab.run(["umount", "--lazy", folder])


def control_crowd(soak, random):
    """Clients that hold a connection, and one that is served all the same."""
    script = ("import socket, sys, time\nheld = []\nfor i in range(200):\n"
              "    one = socket.socket(socket.AF_UNIX)\n    one.settimeout(1)\n"
              "    try:\n        one.connect(sys.argv[1])\n"
              "        one.send(b'{' * (i % 7))\n        held.append(one)\n"
              "    except OSError:\n        pass\ntime.sleep(4)\n")
    process = soak.lab.popen(["python3", "-c", script, soak.monitor.runtime + "/control"])
    soak.monitor.status()
    process.wait()


def hook_rubbish(soak, random):
    script = ("import os, socket, sys\none = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
              "for i in range(20000):\n    try:\n"
              "        one.sendto(b'VSFH\\1' + os.urandom(i % 200), sys.argv[1])\n"
              "    except OSError:\n        pass\n")
    soak.lab.run(["python3", "-c", script, soak.monitor.runtime + "/hook"])


FAULTS = {
    "libvirtd restarted": libvirtd_restarted,
    "libvirtd away": libvirtd_away,
    "libvirtd killed": libvirtd_killed,
    "libvirtd hung": libvirtd_hung,
    "QEMU stopped": qemu_stopped,
    "agent silent": agent_silent,
    "daemon killed": daemon_killed,
    "daemon ended": daemon_ended,
    "collector away": collector_away,
    "tap down": tap_down,
    "tap flooded": tap_flooded,
    "state directory full": state_full,
    "crowd at the control socket": control_crowd,
    "rubbish for the hook socket": hook_rubbish,
}
