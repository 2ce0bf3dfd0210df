# SPDX-License-Identifier: GPL-2.0-or-later
"""libvirtd killed while VMs start, restarted, gone, hung: packets and counters never
pause, and what only it knows comes again at once. With VSF_LONG for as long and with as
many VMs as issue and operators have."""

import os
import signal
import time

import lab as labs
import tap
import watch
from crowd import Crowd, Watched
from monitor import Monitor

LONG = bool(os.environ.get("VSF_LONG"))
N = 40 if LONG else 12
POLLING = 10
GONE_S = 60 if LONG else 12  # longer than an interval: each VM has had a turn without libvirtd
HUNG_S = 60 if LONG else 12  # the long one is longer than the keepalive of the connection
BACK_S = 5     # until all is complete again
ENDED_S = 1    # no sample later than that after QEMU's end
TURN_S = 1.5   # a turn that began before is over


def lab():
    return tap.fixture(labs.Lab)


def monitor():
    return tap.fixture(make_monitor)


def make_monitor():
    return Monitor(lab(), sampling=1, polling=POLLING)


def crowd():
    """All of them running."""
    found = getattr(crowd, "made", None)
    if found is None:
        found = make_crowd()
        found.start()
    return found


def make_crowd():
    monitor().wait_connected()
    crowd.made = Crowd(monitor(), N)
    crowd.made.ping()
    return crowd.made


def only(names, timeout=BACK_S):
    """Until the status has exactly these VMs."""
    def question(status):
        return {vm["domain"] for vm in status["vms"]} == names

    monitor().wait_status(question, timeout, "exactly the VMs that run")


def nothing_after(vm, ended, until):
    late = [sample.time - ended for sample in monitor().collector.vm(vm.uuid, ended + ENDED_S)
            if sample.time < until]
    tap.equal(late, [], f"{vm.name}: samples after its end")


def completion(samples):
    """When the last of those of a VM that lack something was made good; None: it was not."""
    lacks = [at for at, sample in enumerate(samples) if watch.unknown(sample)]
    if not lacks:
        return 0 if samples else None
    return samples[lacks[-1] + 1].time if lacks[-1] + 1 < len(samples) else None


def complete_again(vms, down, back):
    """Each VM's newest sample is complete within BACK_S of libvirtd's return."""
    deadline = time.monotonic() + max(0, back + BACK_S + 0.5 - time.time())
    while True:
        found = crowd().samples(down - POLLING - 2)
        made_good = {vm.name: completion(found[vm.uuid]) for vm in vms}
        if None not in made_good.values() or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    missing = sorted(name for name, when in made_good.items() if when is None)
    tap.equal(missing, [], "VMs without a complete sample")
    delays = [when - back for when in made_good.values() if when] or [0]
    tap.diagnostics(f"{len(delays)} VMs complete again after libvirtd's return: p50 "
                    f"{watch.percentile(delays, 0.5):.2f} s, last {max(delays):.2f} s")
    assert max(delays) <= BACK_S, made_good


def known_while_away(vms, since, until):
    """State, CPU and network go on; all that only libvirtd knows is unknown."""
    found = crowd().samples(since)
    for vm in vms:
        samples = [sample for sample in found[vm.uuid] if sample.time < until]
        assert samples, f"{vm.name}: no sample while libvirtd was away"
        for sample in samples:
            unknown = watch.unknown(sample)
            assert unknown >= watch.DISK, f"{vm.name}: {sample.content}"
            tap.equal(unknown & watch.HOSTS, set(), vm.name)
            tap.equal(sample.record("0:2101")["state"], 3, f"{vm.name}: its state")
    tap.diagnostics(f"{sum(len(found[vm.uuid]) for vm in vms)} samples meanwhile")


def kill_libvirtd():
    lab().libvirtd.signal(signal.SIGKILL)
    lab().libvirtd.wait(10)


def settled(found):
    """Who runs, once libvirtd has given up those whose QEMU had not come so far: it looks for
    the monitor of each for 30 s and has them as running meanwhile."""
    deadline = time.monotonic() + 60
    while (names := found.running()) - set(found.processes()):
        assert time.monotonic() < deadline, f"{names} run, {found.processes()} are there"
        time.sleep(0.5)
    return names


def test_killed_while_vms_start():
    """libvirtd killed while VMs start: those that it has again have complete samples, the
    others none, and the rest can be started"""
    found = make_crowd()
    began = time.time()
    starts = found.virsh("start {} --paused")
    deadline = time.monotonic() + 60
    while len(found.processes()) < N // 2:
        assert time.monotonic() < deadline, "no QEMU starts"
        time.sleep(0.02)
    kill_libvirtd()
    killed = time.time()
    for process in starts:
        process.wait(30)
    deaths = {name: watch.Death(pid) for name, pid in found.processes().items()}
    time.sleep(2)
    lab().start_libvirtd()
    back = time.time()
    names = settled(found)
    tap.diagnostics(f"killed {killed - began:.1f} s after the first start; {len(deaths)} QEMUs, "
                    f"of which libvirtd has {len(names)} again")
    only(names)
    complete_again([vm for vm in found.vms if vm.name in names], began, back)
    for vm in found.vms:
        if vm.name in names or vm.name not in deaths:
            continue
        pid = found.processes().get(vm.name)
        if pid is not None:  # it has forgotten this one
            os.kill(pid, signal.SIGKILL)
        ended = deaths[vm.name].wait(10) if pid is None else back + BACK_S
        nothing_after(vm, ended, time.time())
    time.sleep(ENDED_S)
    found.start([vm for vm in found.vms if vm.name not in names])
    only({vm.name for vm in found.vms})
    sources = {}
    for vm in found.vms:
        samples = monitor().collector.vm(vm.uuid, began)
        sources[vm.name] = {sample.content["source"] for sample in samples}
        watch.consecutive(watch.runs(samples)[-1], vm.name)
    tap.equal([name for name, own in sources.items() if len(own) != 1], [], "more than one index")
    tap.equal(len(set.union(*sources.values())), N, "indexes")


def goes_and_comes(end, gone_s):
    """One VM's QEMU dies while libvirtd is away; it is started again at once on its return."""
    found = crowd()
    victim, rest = found.vms[0], found.vms[1:]
    with Watched(found, rest, POLLING):
        source = monitor().collector.vm(victim.uuid)[-1].content["source"]
        end()
        down = time.time()
        death = watch.Death(found.processes()[victim.name])
        os.kill(found.processes()[victim.name], signal.SIGKILL)
        ended = death.wait()
        time.sleep(gone_s)
        up = time.time()
        lab().start_libvirtd()
        back = time.time()
        # It may be so early that libvirtd gives it up rather than stops it.
        lab().virsh("destroy", victim.name, check=False)
        victim.wait_state("shut off")
        started = time.time()
        victim.start(paused=True)
        complete_again(rest, down, back)
        if gone_s > POLLING:
            known_while_away(rest, down + TURN_S, up)
        found.wait_complete(victim, started, BACK_S)
        only({vm.name for vm in found.vms})
    nothing_after(victim, ended, started)
    first = monitor().collector.vm(victim.uuid, started)[0]
    tap.equal((first.content["source"], first.content["sequence"]), (source, 1), victim.name)


def test_restart():
    """libvirtd restarted: nothing pauses, and the VM that ended meanwhile has ended"""
    goes_and_comes(lab().stop_libvirtd, 0)


def test_gone():
    """libvirtd gone for longer than an interval: state, CPU and network go on, and all else
    is there again within 5 s of its return"""
    goes_and_comes(lab().stop_libvirtd, GONE_S)


def test_hung():
    """So it is when libvirtd hangs; a VM whose start waited for it is there at once"""
    found = crowd()
    late, victims, rest = found.vms[0], found.vms[1:4], found.vms[4:]
    late.destroy()
    with Watched(found, rest, POLLING):
        sources = {vm.name: monitor().collector.vm(vm.uuid)[-1].content["source"]
                   for vm in (late, *victims)}
        lab().libvirtd.signal(signal.SIGSTOP)
        tap.on_exit(lambda: lab().libvirtd.signal(signal.SIGCONT))
        down = time.time()
        # More than one: libvirt is asked about each that is gone, and does not answer.
        pids = [found.processes()[vm.name] for vm in victims]
        deaths = [watch.Death(pid) for pid in pids]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        ended = [death.wait() for death in deaths]
        starting = lab().popen(["virsh", "-q", "start", late.name, "--paused"])
        time.sleep(HUNG_S)
        up = time.time()
        lab().libvirtd.signal(signal.SIGCONT)
        tap.equal(starting.wait(30), 0, "the start that waited")
        complete_again(rest, down, up)
        if HUNG_S > POLLING:
            known_while_away(rest, down + TURN_S, up)
        found.wait_complete(late, up, BACK_S)
        only({vm.name for vm in (late, *rest)})
    for vm, when in zip(victims, ended):
        nothing_after(vm, when, time.time())
    started = time.time()
    found.start(victims)
    for vm, since in ((late, up), *((vm, started) for vm in victims)):
        first = monitor().collector.vm(vm.uuid, since)[0]
        tap.equal((first.content["source"], first.content["sequence"]), (sources[vm.name], 1),
                  vm.name)


def test_nothing_malformed():
    """Every datagram of this run decodes"""
    monitor().collector.check()


if __name__ == "__main__":
    tap.main(globals(), system=True)
