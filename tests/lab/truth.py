# SPDX-License-Identifier: GPL-2.0-or-later
"""What a VM's samples say of the inside of its guest, against what the guest and the
host say. For guests whose disk is larger than their file systems by far (DISK), so that
the host's numbers are never near the guest's."""

import time

from disks import MIB

DISK = "1G"
HOST_DISK = 512 * MIB        # capacity - allocation is above, the guest's file systems below
HOST_MEMORY = 192 * MIB      # the balloon's size; the guest's own total is less
BLOCK = 4096

INTERVAL_S = 10              # the least that filesystems-interval may be
TURN_S = INTERVAL_S + 10     # until what the agent says must be in a sample: generous
BALLOON_S = 20               # the same of the balloon's statistics, collected every 5 s


def values(monitor, domain, record, field, since=0):
    """Every value of a field of the VM's samples, None where it was unknown."""
    return [sample.record(record)[field] for sample in monitor.collector.vm(domain.uuid, since)]


def memory(monitor, domain, since=0):
    return values(monitor, domain, "0:2102", "memory", since)


def memory_told(monitor, domain):
    """The same from the first sample on that libvirt had all for: the very first may leave while
    libvirt is still busy with the start, and then tells of no disk either."""
    samples = monitor.collector.vm(domain.uuid)
    first = next((i for i, sample in enumerate(samples)
                  if sample.record("0:2103")["capacity"] is not None), len(samples))
    return [sample.record("0:2102")["memory"] for sample in samples[first:]]


def available(monitor, domain, since=0):
    return values(monitor, domain, "0:2103", "available", since)


def wait_near(monitor, domain, of, wanted, tolerance, timeout):
    """Until the newest of of(monitor, domain, since now) is near a number; seconds it took."""
    since = time.time()

    def near():
        newest = (of(monitor, domain, since) or [None])[-1]
        return newest is not None and abs(newest - wanted) <= tolerance

    try:
        monitor.collector.wait(near, timeout)
    except AssertionError:
        raise AssertionError(
            f"{monitor.name}: {domain.name}: {of.__name__} is not {wanted} within {timeout} s, "
            f"but {of(monitor, domain, since)[-3:]}; {monitor.vm(domain)}") from None
    return time.time() - since


def wait_available(monitor, domain, *mount_points, timeout=TURN_S):
    """Until the newest available is what the file systems there have free."""
    wanted = domain.free(*mount_points)
    return wait_near(monitor, domain, available, wanted, BLOCK, timeout)


def wait_memory(monitor, domain, timeout=BALLOON_S):
    """Until the newest memory is within 5 %, or 4 MiB, of what is in use now, which is returned."""
    in_use = domain.memory()["in_use"]
    wait_near(monitor, domain, memory, in_use, max(in_use * 0.05, 4 * MIB), timeout)
    return in_use


def only_hosts(monitor, domain):
    """Fails unless available was the host's number in every sample from the first on."""
    samples = monitor.collector.wait(lambda: monitor.collector.vm(domain.uuid))
    disks = [sample.record("0:2103") for sample in samples]
    wrong = [disk for disk in disks if disk["available"] !=
             (None if disk["capacity"] is None else disk["capacity"] - disk["allocation"])]
    assert not wrong, f"{monitor.name}: {domain.name}: available is not the host's: {wrong[:3]}"
    assert disks[-1]["available"] is not None, f"{monitor.name}: {domain.name}: {disks[-1]}"


def only_guests(monitor, domain):
    """Fails if any sample had the host's number for what the guest tells."""
    for of, limit in ((available, HOST_DISK), (memory, HOST_MEMORY)):
        wrong = [value for value in of(monitor, domain) if value is not None and value >= limit]
        assert not wrong, (f"{monitor.name}: {domain.name}: {of.__name__} of the host "
                           f"{len(wrong)} times: {wrong[:3]}")
