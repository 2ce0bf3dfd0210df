# SPDX-License-Identifier: GPL-2.0-or-later
"""Sizes and counters of a VM's disks, for each kind of disk, against qemu-img and QEMU."""

import os
import time

import disks
import domains
import lab as labs
import tap
from disks import MIB
from monitor import Monitor

# virsh domblkstat calls them so; the record's are 32 and 64 bits wide.
COUNTERS = ("rd_req", "rd_bytes", "wr_req", "wr_bytes")


def lab():
    return tap.fixture(labs.Lab)


def monitor():
    found = tap.fixture(make_monitor)
    found.wait_connected()
    return found


def make_monitor():
    return Monitor(lab(), sampling=0, polling=1)


def host_disk():
    """A loop device, for the tests that may have one."""
    if not os.path.exists("/dev/loop-control"):
        tap.skip("no loop devices here")
    return tap.fixture(make_host_disk)


def make_host_disk():
    return disks.loop(lab(), "host", "vdc", 24 * MIB)


def filled(disk, size):
    """The disk's file with some data in it, so that sizes differ."""
    with open(disk.image, "r+b") as file:
        file.seek(4 * MIB)
        file.write(os.urandom(size))
    return disk


def tiny(name, *its_disks):
    """A paused VM with these disks, gone after the test."""
    monitor()
    made = lab().define_tiny(name, nics=[], disks=its_disks)
    tap.on_exit(lambda: lab().virsh("undefine", name))
    made.start(paused=True)
    tap.on_exit(made.destroy)
    return made


def record(domain):
    """A virt_disk_io that was asked for later than now: not the first one that comes."""
    for _ in range(2):
        records = monitor().vm_records(domain.uuid, time.time())
    return records["0:2103"]


def check_sizes(domain, *counted):
    """Sums of what qemu-img says; available only if all are files."""
    sizes = [disks.info(disk) for disk in counted]
    capacity = sum(size for size, _ in sizes)
    allocation = sum(size for _, size in sizes)
    kinds = {disk.kind for disk in counted}
    got = record(domain)
    tap.diagnostics(f"{domain.name}: capacity {got['capacity']}, allocation {got['allocation']}, "
                    f"available {got['available']}; qemu-img: {sizes}")
    tap.equal(got["capacity"], capacity, "capacity")
    tap.equal(got["allocation"], None if "nbd" in kinds else allocation, "allocation")
    tap.equal(got["available"], capacity - allocation if kinds <= {"file", "volume"} else None,
              "available")


def check_counters(domain, *counted):
    """Sums of QEMU's own, once they stand still."""
    deadline = time.monotonic() + 20
    while True:
        before = block_counters(domain, counted)
        got = record(domain)
        if block_counters(domain, counted) == before:
            break
        assert time.monotonic() < deadline, "the guest does not rest"
    tap.equal({name: got[name] for name in COUNTERS}, before, domain.name)
    return before


def block_counters(domain, counted):
    sums = dict.fromkeys(COUNTERS, 0)
    for disk in counted:
        words = lab().virsh("domblkstat", domain.name, disk.target).split()
        said = {words[i + 1]: int(words[i + 2]) for i in range(0, len(words) - 2, 3)}
        for name in COUNTERS:
            sums[name] += said[name]
    return sums


def test_qcow2():
    """A qcow2 file: virtual size and blocks on the host's disk"""
    disk = disks.qcow2(lab(), "qcow2", "vda", 64 * MIB)
    domain = tiny("qcow2", disk)
    check_sizes(domain, disk)
    check_counters(domain, disk)


def test_backing_file():
    """A qcow2 file over another one: its own blocks alone, and the disk counts once"""
    below = filled(disks.raw(lab(), "below", "vda", 32 * MIB), 3 * MIB)
    disk = disks.qcow2(lab(), "above", "vda", 80 * MIB, backing=below)
    domain = tiny("above", disk)
    check_sizes(domain, disk)
    check_counters(domain, disk)


def test_sparse():
    """A sparse raw file: its length and blocks on the host's disk"""
    disk = filled(disks.raw(lab(), "sparse", "vda", 48 * MIB), 2 * MIB)
    domain = tiny("sparse", disk)
    check_sizes(domain, disk)
    check_counters(domain, disk)


def test_block_device():
    """A block device of the host is allocated whole, so that nothing says what is free there"""
    counted = [host_disk(), disks.qcow2(lab(), "block", "vda", 64 * MIB)]
    domain = tiny("block", *counted)
    check_sizes(domain, *counted)
    check_counters(domain, *counted)


def test_nbd():
    """A network block device: only its capacity is known"""
    tap.need("qemu-nbd")
    disk = disks.nbd(lab(), "nbd", "vda", 40 * MIB)
    domain = tiny("nbd", disk)
    check_sizes(domain, disk)
    check_counters(domain, disk)


def test_volume():
    """A volume of a storage pool is the file that it is"""
    if lab().virsh("pool-list", check=False).returncode != 0:
        tap.skip("libvirt is without its storage driver")
    disk = disks.volume(lab(), "pooled", "vda", 72 * MIB)
    domain = tiny("pooled", disk)
    check_sizes(domain, disk)
    check_counters(domain, disk)


def test_several():
    """Several disks are summed; an empty drive, a filled one and a read-only disk are left out"""
    counted = [disks.qcow2(lab(), "several", "vda", 64 * MIB),
               filled(disks.raw(lab(), "several", "vdb", 16 * MIB), 5 * MIB)]
    medium = filled(disks.raw(lab(), "several", "hdb", 8 * MIB), MIB)
    fixed = filled(disks.raw(lab(), "several", "vdd", 20 * MIB), MIB)
    fixed.readonly = True
    domain = tiny("several", disks.empty_cdrom("hda"), *counted, fixed,
                  domains.Disk(medium.path, "hdb", "raw", device="cdrom", readonly=True))
    check_sizes(domain, *counted)
    check_counters(domain, *counted)


def test_no_disk():
    """A VM whose only drive is empty has disks of no size"""
    got = record(tiny("diskless", disks.empty_cdrom()))
    tap.equal([got[name] for name in ("capacity", "allocation", "available", *COUNTERS)], [0] * 7)


def test_counters():
    """What a guest reads and writes on disks of four kinds counts as QEMU counts it"""
    tap.need("qemu-nbd")
    its_disks = [lab().disk("web01"), disks.raw(lab(), "web01", "vdb", 32 * MIB), host_disk(),
                 disks.nbd(lab(), "web01", "vdd", 32 * MIB)]
    fixed = disks.raw(lab(), "web01", "vde", 32 * MIB)
    fixed.readonly = True
    monitor()
    # Without an agent, so that all numbers are the host's.
    guest = lab().boot("web01", disks=[*its_disks, fixed], agent=False)
    tap.on_exit(guest.destroy)
    before = check_counters(guest, *its_disks)
    for disk in its_disks[1:]:
        guest.run(f"dd if=/dev/zero of=/dev/{disk.target} bs=64k count=32 conv=fsync; "
                  f"dd if=/dev/{disk.target} of=/dev/null bs=64k skip=64 count=16")
    guest.run("dd if=/dev/zero of=/mnt/file bs=64k count=32 conv=fsync; "
              f"dd if=/dev/{fixed.target} of=/dev/null bs=64k count=16")
    # The guest flushes its file system's journal a little later.
    after = check_counters(guest, *its_disks)
    tap.between(after["wr_bytes"] - before["wr_bytes"], 4 * 2 * MIB, 5 * 2 * MIB, "written")
    tap.between(after["rd_bytes"] - before["rd_bytes"], 3 * MIB, 8 * MIB, "read")
    check_sizes(guest, *its_disks)


def test_nothing_malformed():
    """Every datagram of this run decodes"""
    monitor().collector.check()


if __name__ == "__main__":
    tap.main(globals(), system=True)
