# SPDX-License-Identifier: GPL-2.0-or-later
"""Counters of VMs, taps and the host: meaning, direction, amount, identity."""

import time

import lab as labs
import tap
from monitor import Monitor

PINGS, SIZE = 20, 400
FRAME = SIZE + 8 + 20 + 14  # ICMP, IP and Ethernet headers


def lab():
    return tap.fixture(labs.Lab)


def monitor():
    return tap.fixture(make_monitor)


def make_monitor():
    return Monitor(lab(), sampling=1, polling=1)


def guest():
    found = getattr(guest, "made", None)
    if found is None:
        monitor().wait_connected()
        found = guest.made = lab().boot("web01", vcpus=2)
    return found


def test_first_datagram_is_the_hosts():
    """The first datagram is the hypervisor's own sample, alone"""
    monitor().wait_connected()
    first = monitor().collector.wait(lambda: monitor().collector.datagrams())[0].content
    tap.equal([sample["source"] for sample in first["samples"]], ["2:1"])
    records = {record["format"]: record for record in first["samples"][0]["records"]}
    assert {"0:2000", "0:2100"} <= set(records), sorted(records)
    tap.equal(records["0:2000"]["hostname"], "kvm-lab")
    with open("/proc/meminfo") as file:
        tap.equal(records["0:2100"]["memory"], int(file.readline().split()[1]) * 1024)


def test_vm_sample():
    """A VM's sample is one, with every standard record and nothing of the host's"""
    records = monitor().vm_records(guest().uuid, since=time.time())
    tap.equal(sorted(records), ["0:2000", "0:2001", "0:2002", "0:2101", "0:2102", "0:2103",
                                "0:2104"])
    tap.equal(records["0:2000"]["hostname"], "web01")
    tap.equal(records["0:2000"]["machine_type"], 3)
    tap.equal((records["0:2002"]["class"], records["0:2002"]["index"]), (2, 1))
    tap.equal((records["0:2101"]["state"], records["0:2101"]["nrVirtCpu"]), (1, 2))
    tap.equal(records["0:2102"]["maxMemory"], 192 << 20)
    adapter, = records["0:2001"]["adapters"]
    tap.equal(adapter["macs"], [guest().nics[0].mac])
    tap.equal(adapter["ifIndex"], lab().ifindex(guest().taps()[0]))


def test_index():
    """The VM's index is in its range and the same after a restart of the daemon"""
    before = monitor().collector.vm(guest().uuid)[-1].content["source"]
    tap.between(int(before.split(":")[1]), 200000, 16777215)
    tap.equal(monitor().stop(), 0, "exit status")
    started = time.time()
    monitor().start()
    monitor().vm_records(guest().uuid, since=started)
    sample = monitor().collector.vm(guest().uuid, since=started)[0]
    tap.equal(sample.content["source"], before)
    tap.equal(sample.content["sequence"], 1)


def test_cpu_time():
    """CPU time is what virsh dominfo says, and goes on with the VM's work"""
    guest().run("n=0; while [ $n -lt 30000 ]; do n=$((n+1)); done", timeout=60)
    low = float(lab().virsh("dominfo", "web01").split("CPU time:")[1].split()[0].rstrip("s"))
    records = monitor().vm_records(guest().uuid, since=time.time() + 0.05)
    high = float(lab().virsh("dominfo", "web01").split("CPU time:")[1].split()[0].rstrip("s"))
    tap.between(records["0:2101"]["cpuTime"] / 1000, low - 0.1, high + 0.1)


def test_disk():
    """Disk counters are QEMU's; capacity and allocation are the image's"""
    guest().run("dd if=/dev/zero of=/mnt/file bs=1M count=8 conv=fsync")
    records = monitor().vm_records(guest().uuid, since=time.time() + 0.2)["0:2103"]
    words = lab().virsh("domblkstat", "web01", "vda").split()
    stats = {words[i + 1]: int(words[i + 2]) for i in range(0, len(words) - 2, 3)}
    tap.equal(records["wr_bytes"], stats["wr_bytes"])
    tap.equal(records["rd_req"], stats["rd_req"])
    assert records["wr_bytes"] >= 8 << 20, records
    info = lab().virsh("domblkinfo", "web01", "vda").split()
    tap.equal(records["capacity"], int(info[info.index("Capacity:") + 1]))
    tap.equal(records["allocation"], int(info[info.index("Allocation:") + 1]))
    tap.equal(records["errs"], None)


def test_memory():
    """Memory is what the guest uses, once its balloon tells, and never the balloon before"""
    def in_use():
        text = guest().run("cat /proc/meminfo")
        value = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()}
        return (value["MemTotal"] - value["MemAvailable"]) * 1024

    def newest():
        samples = monitor().collector.vm(guest().uuid)
        return next(record["memory"] for record in samples[-1].content["records"]
                    if record["format"] == "0:2102")

    monitor().collector.wait(lambda: newest() is not None, 30, "memory in use")
    sizes = {record["memory"] for sample in monitor().collector.vm(guest().uuid)
             for record in sample.content["records"] if record["format"] == "0:2102"}
    assert 192 << 20 not in sizes, "the balloon's size was sent before"
    low = in_use()
    guest().run("mkdir -p /fill; mount -t tmpfs none /fill; "
                "dd if=/dev/zero of=/fill/file bs=1M count=40")
    high = in_use()
    assert high - low > 30 << 20, (low, high)
    # The balloon collects every 5 s.
    monitor().collector.wait(lambda: abs(newest() - high) < high * 0.05, 20,
                             f"memory in use near {high}")
    guest().run("umount /fill")


def settled(ifindex):
    """VM and tap counters once they stand still."""
    time.sleep(1.2)
    now = time.time()
    return (monitor().vm_records(guest().uuid, since=now)["0:2104"],
            monitor().tap_records(ifindex, since=now)["0:1"])


def differences(before, after):
    return {key: after[key] - before[key] for key in after
            if isinstance(after[key], int) and isinstance(before[key], int)}


def ping_and_compare(ping):
    ifindex = lab().ifindex(guest().taps()[0])
    lab().run(["ip", "neigh", "replace", guest().address, "lladdr", guest().nics[0].mac, "dev",
               lab().bridge, "nud", "permanent"])
    guest().run(f"arp -s {lab().address} 52:54:00:ff:ff:01")
    vm_before, port_before = settled(ifindex)
    began = time.time()
    ping()
    vm, port = settled(ifindex)
    return (differences(vm_before, vm), differences(port_before, port),
            monitor().collector.flows(ifindex, since=began))


def check_ping(vm, port, flows, ifindex):
    # Both ways: each request has its reply.
    tap.equal((vm["pkts_in"], vm["bytes_in"]), (PINGS, PINGS * FRAME), "guest received")
    tap.equal((vm["pkts_out"], vm["bytes_out"]), (PINGS, PINGS * FRAME), "guest sent")
    tap.equal((port["ifInUcastPkts"], port["ifInOctets"]), (PINGS, PINGS * FRAME), "port in")
    tap.equal((port["ifOutUcastPkts"], port["ifOutOctets"]), (PINGS, PINGS * FRAME), "port out")
    tap.equal(len(flows), 2 * PINGS, "flow samples at 1 in 1")
    for flow in flows:
        header = flow.record("0:1")
        tap.equal((header["frame_length"], header["stripped"]), (FRAME + 4, 4))
        from_vm = header["header"][12:24] == guest().nics[0].mac.replace(":", "")
        tap.equal((flow.content["input"]["value"], flow.content["output"]["value"]),
                  (ifindex, 0) if from_vm else (0, ifindex))
    pools = [flow.content["sample_pool"] for flow in flows]
    tap.equal(pools, sorted(pools), "sample pools")
    tap.equal(flows[-1].content["drops"], 0, "drops")


def test_ping_from_guest():
    """A ping from the guest counts with the right sign and amount everywhere"""
    ifindex = lab().ifindex(guest().taps()[0])
    check_ping(*ping_and_compare(
        lambda: guest().run(f"ping -c {PINGS} -i 0.05 -s {SIZE} {lab().address}")), ifindex)


def test_ping_to_guest():
    """A ping to the guest counts with the right sign and amount everywhere"""
    ifindex = lab().ifindex(guest().taps()[0])
    check_ping(*ping_and_compare(
        lambda: lab().run(["ping", "-c", str(PINGS), "-i", "0.05", "-s", str(SIZE),
                           guest().address])), ifindex)


def test_one_way():
    """What only one side sends moves only that side's counters"""
    ifindex = lab().ifindex(guest().taps()[0])
    # To a neighbour that does not exist, so nobody answers.
    guest().run("arp -s 10.77.0.200 52:54:00:99:99:99")
    vm, port, flows = ping_and_compare(
        lambda: guest().run("ping -c 5 -i 0.1 -W 1 10.77.0.200", check=False))
    tap.equal((vm["pkts_out"], vm["pkts_in"]), (5, 0))
    tap.equal((port["ifInUcastPkts"], port["ifOutUcastPkts"]), (5, 0))
    tap.equal([flow.content["input"]["value"] for flow in flows], [ifindex] * 5)


def test_status():
    """The status names the VM, its tap, the collector and what was sent"""
    status = monitor().status()
    vm, = status["vms"]
    tap.equal((vm["name"], vm["uuid"], vm["state"]), ("web01", guest().uuid, "running"))
    port, = [entry for entry in status["taps"] if entry["vm"] == "web01"]
    tap.equal((port["name"], port["mac"], port["sampling"]),
              (guest().taps()[0], guest().nics[0].mac, 1))
    tap.equal(status["collectors"][0]["errors"], 0)
    text = monitor().command("status", "--runtime-dir", monitor().runtime).stdout
    assert "web01" in text and guest().taps()[0] in text, text


def test_nothing_malformed():
    """Every datagram of this run decodes, and sequence numbers have no gap"""
    monitor().collector.check()
    last = 0
    for datagram in monitor().collector.datagrams():
        if datagram.content["sequence"] == 1:
            last = 0
        tap.equal(datagram.content["sequence"], last + 1)
        last = datagram.content["sequence"]


if __name__ == "__main__":
    tap.main(globals(), system=True)
