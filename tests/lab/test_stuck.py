# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMUs that do not answer: stopped, or hung while the process looks well. All other VMs are as ever, and those go on with what the host itself knows. With
VSF_LONG for 2 minutes each among 40 VMs."""

import os
import re
import signal
import time

import lab as labs
import sanitized
import tap
import watch
from crowd import Crowd, Watched
from halt import Hung
from monitor import Monitor

LONG = bool(os.environ.get("VSF_LONG"))
N = 40 if LONG else 12
STUCK_S = 120 if LONG else 10
POLLING = 4
TURN_S = 1.5   # a turn that began before is over
THREADS = 4    # of ours that ask for statistics, so of libvirtd's workers that hang
COMPLETE = 3   # so many stuck ones leave a thread for all others
GROWN_KIB = sanitized.memory(4096)


def lab():
    return tap.fixture(labs.Lab)


def monitor():
    return tap.fixture(make_monitor)


def make_monitor():
    return Monitor(lab(), sampling=1, polling=POLLING)


def crowd():
    found = getattr(crowd, "made", None)
    if found is None:
        monitor().wait_connected()
        found = crowd.made = Crowd(monitor(), N)
        found.ping()
        found.start()
    return found


def workers_held():
    said = lab().run(["virt-admin", "server-threadpool-info", "libvirtd"]).stdout
    found = {key: int(value) for key, value in re.findall(r"(\w+)\s*: (\d+)", said)}
    return found["nWorkers"] - found["freeWorkers"]


def named():
    """name -> seconds, of those that the status calls stuck"""
    return {vm["domain"]: vm["stuck_s"] for vm in monitor().status()["vms"]
            if vm["stuck_s"] is not None}


def hosts_numbers(samples, name):
    assert samples, f"{name}: no sample"
    for sample in samples:
        unknown = watch.unknown(sample)
        tap.equal(unknown & watch.HOSTS, set(), name)
        assert unknown >= watch.DISK, f"{name}: {sample.content}"


class Phase:
    """Some more VMs are stuck from here on, for STUCK_S; what is said of all stuck ones and
    of those that are not."""

    def __init__(self, stuck, rest, complete, named_all):
        self._stuck, self._rest = stuck, rest
        self._complete, self._named_all = complete, named_all

    def watch(self):
        began = time.time()
        with Watched(crowd(), crowd().vms, POLLING):
            time.sleep(POLLING + TURN_S)
            settled, held, threads, memory = time.time(), [], [], []
            while time.time() < began + STUCK_S:
                held.append(workers_held())
                threads.append(monitor().n_threads())
                memory.append(monitor().memory_kib())
                time.sleep(0.5)
            told = named()
        samples = crowd().samples(settled)
        for vm in self._stuck:
            hosts_numbers(samples[vm.uuid], vm.name)
        partial = {vm.name for vm in self._rest for sample in samples[vm.uuid]
                   if watch.unknown(sample)}
        if self._complete:
            tap.equal(partial, set(), "VMs with incomplete samples")
        for vm in self._rest:
            for sample in samples[vm.uuid]:
                tap.equal(watch.unknown(sample) & watch.HOSTS, set(), vm.name)
        tap.diagnostics(f"{len(self._stuck)} stuck, {len(told)} named; at most {max(held)} workers "
                        f"of libvirtd's held, {threads[0]} to {max(threads)} threads of ours, "
                        f"{max(memory) - memory[0]} KiB more; {len(partial)} others incomplete")
        self._judge(told, held, threads, memory)

    def _judge(self, told, held, threads, memory):
        stuck = {vm.name for vm in self._stuck}
        if self._named_all:
            tap.equal(set(told), stuck, "VMs that the status names")
        else:  # who hangs behind four that hang cannot be known
            assert set(told) <= stuck and len(told) >= THREADS, told
        for name, seconds in told.items():
            tap.between(seconds, STUCK_S - POLLING - 2 * TURN_S, 4 * STUCK_S, f"{name}: since when")
        # One more for who asks.
        tap.between(max(held), 0, THREADS + 1, "workers held")
        assert max(threads) <= threads[0] + 2, threads
        assert max(memory) <= memory[0] + GROWN_KIB, memory


def normal_again(since):
    """All complete within two intervals, those too that had waited for a stuck one, and no word
    of them in the status."""
    limit = 2 * POLLING + 1
    delays = {}
    for vm in crowd().vms:
        crowd().wait_complete(vm, since, limit)
        delays[vm.name] = next(sample.time for sample in monitor().collector.vm(vm.uuid, since)
                               if not watch.unknown(sample)) - since
    tap.diagnostics(f"complete again {min(delays.values()):.1f} to {max(delays.values()):.1f} s "
                    "after they went on")
    assert max(delays.values()) <= limit, delays
    monitor().wait_status(lambda status: all(vm["stuck_s"] is None and not vm["qemu_stopped"]
                                             for vm in status["vms"]), limit, "nobody stuck")
    tap.equal(monitor().status()["libvirt"]["stuck_calls"], 0)
    tap.equal({name for vm in crowd().vms for name in watch.unknown(
        monitor().collector.vm(vm.uuid)[-1])}, set(), "unknown numbers")


def test_stopped():
    """One QEMU stopped, then six: those have state, CPU and network and are not asked; all
    others are complete and on time"""
    found = crowd()
    tap.need("virt-admin")
    threads, memory = monitor().n_threads(), monitor().memory_kib()
    pids = found.processes()
    for first, last in ((0, 1), (1, 6)):
        for vm in found.vms[first:last]:
            os.kill(pids[vm.name], signal.SIGSTOP)
            tap.on_exit(lambda pid=pids[vm.name]: os.kill(pid, signal.SIGCONT))
        # As they are not asked, they hold up nobody, however many they are.
        Phase(found.vms[:last], found.vms[last:], True, True).watch()
        tap.equal({vm["domain"] for vm in monitor().status()["vms"] if vm["qemu_stopped"]},
                  {vm.name for vm in found.vms[:last]}, "stopped, by the status")
    for vm in found.vms[:6]:
        os.kill(pids[vm.name], signal.SIGCONT)
    normal_again(time.time())
    not_grown(threads, memory)


def test_hung():
    """Three QEMUs hang while their processes look well, then six: so it is, but beyond three all
    others may lack their disks; at most four of libvirtd's workers are held"""
    found = crowd()
    tap.need("virt-admin")
    threads, memory = monitor().n_threads(), monitor().memory_kib()
    pids = found.processes()
    hung = []
    for first, last in ((0, COMPLETE), (COMPLETE, 6)):
        for vm in found.vms[first:last]:
            hung.append(Hung(pids[vm.name]))
            tap.on_exit(hung[-1].end)
        Phase(found.vms[:last], found.vms[last:], last <= COMPLETE, last <= COMPLETE).watch()
    for one in hung:
        one.end()
    normal_again(time.time())
    not_grown(threads, memory)


def not_grown(threads, memory):
    now = monitor().n_threads(), monitor().memory_kib()
    tap.diagnostics(f"threads {threads} before, {now[0]} after; memory {memory} and {now[1]} KiB")
    assert now[0] <= threads + THREADS, now
    assert now[1] <= memory + GROWN_KIB, now


def test_nothing_malformed():
    """Every datagram of this run decodes"""
    monitor().collector.check()


if __name__ == "__main__":
    tap.main(globals(), system=True)
