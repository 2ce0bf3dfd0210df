# SPDX-License-Identifier: GPL-2.0-or-later
"""SIGTERM with some 500 samplers open, with everything hung that can hang, and at random moments
of the start: an end within 5 s, with 0, and nothing left."""

import os
import random
import signal
import threading
import time

import hooks
import lab as labs
import tap
from monitor import Monitor

NICS = 28      # what a machine of type pc has slots for
VMS = 18
LIMIT_S = 5
TRIES = 100 if os.environ.get("VSF_LONG") else 20


def lab():
    return tap.fixture(labs.Lab)


def monitor():
    return tap.fixture(make_monitor)


def make_monitor():
    return Monitor(lab(), sampling=1, polling=1, start=False)


def vms():
    """18 paused VMs with 28 NICs each, and a guest with an agent."""
    found = getattr(vms, "made", None)
    if found is None:
        guest = lab().define_guest("web01")
        starting = threading.Thread(target=guest.start)
        starting.start()
        tiny = [lab().define_tiny(f"many{number:02}", nics=[lab().nic(100 + number, index)
                                                            for index in range(NICS)])
                for number in range(VMS)]
        starts = [threading.Thread(target=lambda part=part: [vm.start(paused=True) for vm in part])
                  for part in (tiny[::2], tiny[1::2])]
        for thread in starts:
            thread.start()
        for thread in (*starts, starting):
            thread.join()
        guest.wait_agent()
        found = vms.made = [guest, *tiny]
        vms.links = links()
    return found


def links():
    """ifindex, name, flags and promiscuity of every interface."""
    found = []
    for line in lab().run(["ip", "-d", "-o", "link"]).stdout.splitlines():
        words = line.split()
        found.append((words[0], words[1], words[2],
                      words[words.index("promiscuity") + 1] if "promiscuity" in words else "0"))
    return found


def samplers():
    """How many interfaces have one, and of which kinds."""
    found = hooks.samplers(lab())
    return len(found), sorted({kind for kinds in found.values() for kind in kinds})


def sampling():
    """Until all taps are sampled."""
    began = time.monotonic()
    monitor().wait_status(
        lambda status: sum(entry["state"] == "sampling" for entry in status.get("taps", ()))
        == VMS * NICS + 1, 60, "a sampler on each tap")
    return time.monotonic() - began


def ends(what, statuses=(0,)):
    """SIGTERM: in time, with that status, and nothing is left. How long it took."""
    process, monitor().process = monitor().process, None
    began = time.monotonic()
    process.signal(signal.SIGTERM)
    try:
        status = process.wait(3 * LIMIT_S)
    finally:
        process.signal(signal.SIGKILL)
    took = time.monotonic() - began
    assert status in statuses, f"{what}: exit status {status}"
    assert took < LIMIT_S, f"{what}: {took:.1f} s"
    runtime = lab().path("run", monitor().name)
    tap.equal(os.listdir(runtime) if os.path.exists(runtime) else [], [], f"{what}: sockets")
    tap.equal(samplers(), (0, []), f"{what}: samplers")
    tap.equal(links(), vms.links, f"{what}: interfaces")
    return took


def test_samplers():
    """With 505 samplers open the daemon ends within 5 s, with 0, and leaves nothing"""
    vms()
    monitor().start()
    tap.on_exit(monitor().stop)
    took = sampling()
    tap.diagnostics(f"{samplers()} samplers {took:.1f} s after the start")
    tap.diagnostics(f"ended in {ends('505 samplers'):.2f} s")


def test_opening():
    """So it does while they are being opened"""
    vms()
    monitor().start()
    tap.on_exit(monitor().stop)
    deadline = time.monotonic() + 20
    while samplers()[0] < VMS * NICS / 4:
        assert time.monotonic() < deadline, f"{samplers()} samplers"
    tap.diagnostics(f"ended in {ends('while opening'):.2f} s")


def test_hung():
    """So it does with an agent's, QEMUs' and libvirtd's calls out, none of which returns"""
    guest, *tiny = vms()
    guest.signal_agent("STOP")
    tap.on_exit(lambda: guest.signal_agent("CONT"))
    monitor().start()
    tap.on_exit(monitor().stop)
    sampling()
    hung = [vm.pid() for vm in (guest, *tiny[:6])]
    # Not answered by the guest: a conversation is out when QEMU stops.
    monitor().wait_vm(guest, lambda vm: vm["agent"]["state"] in ("asking", "failing"), 40,
                      "a conversation")
    for pid in hung:
        os.kill(pid, signal.SIGSTOP)
        tap.on_exit(lambda pid=pid: os.kill(pid, signal.SIGCONT))
    time.sleep(0.5)  # calls for these are out
    lab().libvirtd.signal(signal.SIGSTOP)
    tap.on_exit(lambda: lab().libvirtd.signal(signal.SIGCONT))
    status = monitor().wait_status(lambda status: status["libvirt"]["stuck_calls"] and status, 20,
                                   "stuck calls")
    tap.diagnostics(f"{status['libvirt']['stuck_calls']} calls, "
                    f"{status['agents']['running']} conversations are out")
    tap.diagnostics(f"ended in {ends('all hung'):.2f} s")


def test_start():
    """So it does at random moments of its start, many times; and it starts again after that"""
    vms()
    seed = random.randrange(1 << 32)
    tap.diagnostics(f"seed {seed}")
    tap.on_exit(monitor().stop)
    dice = random.Random(seed)
    took = []
    for number in range(TRIES):
        monitor().start(wait=False)
        delay = dice.random() ** 2  # most of them early
        monitor().process.inner  # it is itself by now
        time.sleep(delay)
        # In its first milliseconds, with nothing made, the signal ends it as any other program.
        took.append(ends(f"after {delay * 1000:.0f} ms",
                         (0,) if delay > 0.1 else (0, -signal.SIGTERM)))
    tap.diagnostics(f"the longest took {max(took):.2f} s")
    monitor().start()
    sampling()
    monitor().stop()


def test_nothing_malformed():
    """Every datagram of this run decodes"""
    monitor().collector.check()


if __name__ == "__main__":
    tap.main(globals(), system=True)
