# SPDX-License-Identifier: GPL-2.0-or-later
"""A network disk of a running VM, served by a real qemu-nbd on loopback: what is told of it, and what
happens when its server says nothing any more, or dies."""

import signal
import time

import disks
import lab as labs
import tap
import watch
from crowd import Crowd
from disks import MIB
from monitor import Monitor

PORT = 10809
SIZE = 40 * MIB
N_OTHERS = 4
POLLING = 1
FAULT_S = 12
# Who waited for the disk would have no sample for as long as it hangs.
GAP_S = FAULT_S / 2


def lab():
    return tap.fixture(labs.Lab)


def monitor():
    return tap.fixture(make_monitor)


def make_monitor():
    return Monitor(lab(), sampling=0, polling=POLLING)


def others():
    """VMs with disks of their own."""
    if not hasattr(others, "made"):
        monitor().wait_connected()
        others.made = Crowd(monitor(), N_OTHERS)
        others.made.start()
    return others.made


def guest():
    """It boots from a file, and has vdb by the network."""
    if not hasattr(guest, "made"):
        tap.need("qemu-nbd", "ss")
        others()
        guest.disk = disks.nbd(lab(), "web01", "vdb", SIZE, port=PORT, export="vol-1")
        guest.boot_disk = lab().disk("web01")
        guest.made = lab().boot("web01", disks=[guest.boot_disk, guest.disk], agent=False)
    return guest.made


def read(at_mib, timeout=30):
    """(exit status, what dd says) of a read of 1 MiB there, past the guest's cache."""
    return guest().run(f"dd if=/dev/vdb of=/dev/null bs=64k count=16 skip={16 * at_mib} "
                       "iflag=direct 2>&1", check=False, timeout=timeout)


def newest(since):
    """Its virt_disk_io, of a sample that was asked for later than that."""
    for _ in range(2):
        records = monitor().vm_records(guest().uuid, since)
        since = time.time()
    return records["0:2103"]


def wait_complete(since):
    collector = monitor().collector
    collector.wait(lambda: [sample for sample in collector.vm(guest().uuid, since)
                            if is_complete(sample)], 60, "a complete sample")


def is_complete(sample):
    # The allocation of a network disk is not known.
    return watch.unknown(sample) <= {"allocation"}


def nobody_waits(since, until):
    """The other VMs had complete samples in all of that time."""
    for vm in others().vms:
        samples = [sample for sample in monitor().collector.vm(vm.uuid, since)
                   if sample.time < until]
        tap.equal({name for sample in samples for name in watch.unknown(sample)}, set(), vm.name)
        gap = watch.longest_gap(samples, since, until)
        assert gap < GAP_S, f"{vm.name}: {gap:.1f} s without a sample"
        watch.consecutive(samples, vm.name)
    return [sample for sample in monitor().collector.vm(guest().uuid, since)
            if sample.time < until]


def kill_server():
    guest.disk.server.signal(signal.SIGKILL)
    # Who waits for it stopped with it.
    guest.disk.server.signal(signal.SIGCONT)
    guest.disk.server.wait(10)


def test_told():
    """Status, metrics and samples tell of it: its kind and the server's name for it, without a
    host, its capacity and counters; its allocation is not known, and so no sum of that"""
    guest()
    capacity = disks.info(guest.boot_disk)[0] + SIZE
    vm = monitor().wait_vm(guest(), lambda vm: vm["counters"]["disk_capacity"] == capacity and vm,
                           what=f"a capacity of {capacity}")
    tap.equal(vm["counters"]["disk_allocation"], None)
    tap.equal((vm["disk"]["bytes"], vm["disk"]["why"]), (None, "not-files"))
    tap.equal([(one["target"], one["kind"], one["source"], one["counted"])
               for one in vm["block_devices"]],
              [("vda", "file", guest.boot_disk.path, True), ("vdb", "network", "nbd:vol-1", True)])
    before = newest(time.time())
    tap.equal((before["capacity"], before["allocation"], before["available"]),
              (capacity, None, None))
    tap.equal(read(at_mib=1)[0], 0)
    after = newest(time.time())
    tap.between(after["rd_bytes"] - before["rd_bytes"], MIB, 2 * MIB, "read")
    said = lab().virsh("domblkstat", guest().name, "vdb").split()
    said = dict(zip(said[1::3], map(int, said[2::3])))
    since = time.time()
    wanted = {"disk_vdb_capacity_bytes": SIZE, "disk_vdb_physical_bytes": SIZE,
              "disk_vdb_read_bytes": said["rd_bytes"], "disk_vdb_reads": said["rd_req"]}

    def told():
        found = monitor().collector.newest_metrics(guest().uuid, since)
        return found and {name: found.get(name) for name in wanted}

    tap.equal(monitor().collector.wait(told, 20, "metrics"), wanted)
    shown = monitor().command("explain", "web01", "--runtime-dir", monitor().runtime,
                              check=False).stdout
    assert "not every writable disk is a file" in " ".join(shown.split()), shown


def test_killed():
    """While its server is dead the guest's reads fail, and all else is told as ever, of this VM and
    of the others; once it is back the counters go on"""
    guest()
    kill_server()
    status, said = read(at_mib=2)
    assert status != 0 and "Input/output error" in said, said
    before = newest(time.time())
    began = time.time()
    time.sleep(FAULT_S)
    samples = nobody_waits(began, time.time())
    assert samples and all(map(is_complete, samples)), samples
    watch.consecutive(samples)
    tap.equal({sample.record("0:2103")["capacity"] for sample in samples}, {before["capacity"]})
    tap.equal({sample.record("0:2103")["rd_bytes"] for sample in samples}, {before["rd_bytes"]})
    tap.equal(monitor().vm(guest())["stuck_s"], None)
    disks.serve_nbd(lab(), guest.disk)
    # The first one may have QEMU connect, and fail.
    deadline = time.monotonic() + 30
    while (said := read(at_mib=3))[0] != 0:
        assert time.monotonic() < deadline, said
    tap.between(newest(time.time())["rd_bytes"] - before["rd_bytes"], MIB, 2 * MIB, "read")


def hang():
    """Its server keeps silent, and a read of the guest's waits for it."""
    guest.disk.server.signal(signal.SIGSTOP)
    guest().run("(dd if=/dev/vdb of=/dev/null bs=64k count=1 skip=80 iflag=direct; "
                "echo $? >/tmp/ended) >/dev/null 2>&1 & true")


def test_silent():
    """While its server keeps silent and the guest's reads hang all is told as ever, of this VM and
    of the others"""
    guest()
    hang()
    tap.on_exit(lambda: guest.disk.server.signal(signal.SIGCONT))
    began = time.time()
    time.sleep(FAULT_S)
    assert guest().run("[ -e /tmp/ended ]", check=False)[0] != 0, "the read has ended"
    samples = nobody_waits(began, time.time())
    assert samples and all(map(is_complete, samples)), samples
    watch.consecutive(samples)
    tap.equal(monitor().vm(guest())["stuck_s"], None)
    guest.disk.server.signal(signal.SIGCONT)
    guest().run("n=0; while ! [ -e /tmp/ended ] && [ $n -lt 200 ]; do n=$((n+1)); sleep 0.1; done")
    tap.equal(guest().run("cat /tmp/ended").strip(), "0")


def test_hung_for_its_sake():
    """A QEMU that hangs for its sake (at a reset it waits for the reads that are out) is told as
    stuck, with what the host itself knows; the others' samples are as ever, and so are its own once
    the server is dead"""
    guest()
    hang()
    tap.on_exit(lambda: guest.disk.server.signal(signal.SIGCONT))
    lab().daemon("reset", ["virsh", "-q", "reset", guest().name])
    # The client that resets it waits too, and has the monitor: nobody else can ask QEMU.
    monitor().wait_vm(guest(), lambda vm: vm["stuck_s"] is not None, what="that it is stuck")
    began = time.time()
    time.sleep(FAULT_S)
    told = monitor().vm(guest())
    samples = nobody_waits(began, time.time())
    assert told["stuck_s"] is not None and told["stale_s"] >= FAULT_S, told
    tap.equal(told["qemu_stopped"], False)
    assert samples, "no sample"
    for sample in samples:
        tap.equal(watch.unknown(sample) & watch.HOSTS, set(), "not known of the host's")
        assert watch.unknown(sample) >= watch.DISK, sample.content
    watch.consecutive(samples)
    kill_server()
    wait_complete(time.time())
    monitor().wait_vm(guest(), lambda vm: vm["stuck_s"] is None, what="that it answers")
    guest().wait_ready()
    disks.serve_nbd(lab(), guest.disk)


def test_nothing_malformed():
    """Every datagram of this run decodes"""
    monitor().collector.check()


if __name__ == "__main__":
    tap.main(globals(), system=True)
