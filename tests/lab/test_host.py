# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's own counters against readings of our own, taken before and after."""

import os
import socket
import time

import lab as labs
import tap
from monitor import Monitor

HZ, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGESIZE")
TIMES = ("user", "nice", "system", "idle", "wio", "intr", "sintr", "steal", "guest", "guest_nice")
MIB = {
    "0:2007": ("Ip", "ip", "Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors "
               "ForwDatagrams InUnknownProtos InDiscards InDelivers OutRequests OutDiscards "
               "OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails "
               "FragCreates"),
    "0:2008": ("Icmp", "icmp", "InMsgs InErrors InDestUnreachs InTimeExcds InParmProbs "
               "InSrcQuenchs InRedirects InEchos InEchoReps InTimestamps InAddrMasks "
               "InAddrMaskReps OutMsgs OutErrors OutDestUnreachs OutTimeExcds OutParmProbs "
               "OutSrcQuenchs OutRedirects OutEchos OutEchoReps OutTimestamps OutTimestampReps "
               "OutAddrMasks OutAddrMaskReps"),
    "0:2009": ("Tcp", "tcp", "RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens "
               "AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts "
               "InCsumErrors"),
    "0:2010": ("Udp", "udp", "InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors "
               "SndbufErrors InCsumErrors"),
}
NET_FIELDS = ("bytes_in", "pkts_in", "errs_in", "drops_in",
              "bytes_out", "pkts_out", "errs_out", "drops_out")
GAUGES = {"ip0", "ip1", "ip12", "tcp0", "tcp1", "tcp2", "tcp3", "tcp8"}
# Two ends of a cable that has a physical interface's face, and one that has not.
UPLINK, FAR_END, OTHER, OTHER_END = "up0", "far0", "plain0", "plain1"
BRIDGE, BRIDGE_ADDRESS = "brup", "10.79.0.1"
UPLINK_MAC = "02:11:22:33:44:55"


class UplinkLab(labs.Lab):
    """With an interface that /sys says has a device, as no virtual one has."""

    def __init__(self):
        super().__init__(libvirtd=False)

    def __enter__(self):
        found = super().__enter__()
        found.run(f"""set -e
            ip link add {UPLINK} address {UPLINK_MAC} type veth peer name {FAR_END}
            ip link add {OTHER} type veth peer name {OTHER_END}
            ip link add {BRIDGE} type bridge stp_state 0 forward_delay 0 mcast_snooping 0
            ip link set {UPLINK} master {BRIDGE}
            for i in {UPLINK} {FAR_END} {OTHER} {OTHER_END} {BRIDGE}; do ip link set $i up; done
            ip address add {BRIDGE_ADDRESS}/24 dev {BRIDGE}
            mkdir /run/class; mount -t tmpfs none /run/class
            for i in /sys/class/net/*; do
                name=${{i##*/}}; mkdir /run/class/$name
                for file in $i/*; do
                    ln -s "$(readlink -f $i)/${{file##*/}}" /run/class/$name/
                done
            done
            mkdir /run/class/{UPLINK}/device
            mount --bind /run/class /sys/class/net""")
        return found


def lab():
    return tap.fixture(UplinkLab)


def monitor():
    return tap.fixture(make_monitor)


def make_monitor():
    return Monitor(lab(), sampling=0, polling=1)


def samples(since=0):
    return monitor().collector.samples("0:4", "2:1", since=since)


def full(sample):
    found = {record["format"]: record for record in sample.content["records"]}
    return found if "0:2003" in found else None


def newest(since):
    """Records of a whole sample whose numbers were read after `since`."""
    def question():
        return next((found for found in map(full, samples(since=since)) if found), None)

    # It may have been read a deadline earlier, and waits for company up to half a second.
    since += 1.5
    return monitor().collector.wait(question, 20, "a sample of the host")


def read(path):
    return lab().run(["cat", path]).stdout


def between_readings(reading, pick):
    """pick(sample) lies between two readings, value by value."""
    before = reading()
    got = pick(newest(time.time()))
    after = reading()
    tap.equal(set(got), set(before))
    for name, value in got.items():
        tap.between(value, before[name], after[name], name)


def cpu_times():
    stat = {line.split()[0]: line.split()[1:] for line in read("/proc/stat").splitlines()}
    times = {name: int(value) * 1000 // HZ for name, value in zip(TIMES, stat["cpu"])}
    return {**times, "interrupts": int(stat["intr"][0]), "contexts": int(stat["ctxt"][0]),
            "uptime": int(float(read("/proc/uptime").split()[0]))}


def test_cpu():
    """CPU times, interrupts, context switches and uptime are the kernel's"""
    between_readings(cpu_times, lambda records: {
        **{name: records["0:2003"]["cpu_" + name] for name in TIMES},
        **{name: records["0:2003"][name] for name in ("interrupts", "contexts", "uptime")}})
    record = newest(time.time())["0:2003"]
    tap.equal(record["cpu_num"], os.sysconf("SC_NPROCESSORS_ONLN"))
    for name in ("load_one", "load_five", "load_fifteen"):
        tap.between(record[name], 0, 10000, name)
    tap.between(record["proc_run"], 1, record["proc_total"])


def meminfo():
    return {line.split(":")[0]: int(line.split()[1]) * 1024
            for line in read("/proc/meminfo").splitlines()}


def test_memory():
    """Memory is meminfo's, and pages are pages"""
    record, now = newest(time.time())["0:2004"], meminfo()
    for name, key in (("mem_total", "MemTotal"), ("swap_total", "SwapTotal")):
        tap.equal(record[name], now[key])
    for name, wanted in (("mem_free", now["MemFree"]), ("mem_buffers", now["Buffers"]),
                         ("mem_cached", now["Cached"] + now["SReclaimable"]),
                         ("mem_shared", now["Shmem"])):
        tap.between(record[name], wanted - (1 << 30), wanted + (1 << 30), name)

    def pages():
        words = dict(line.split() for line in read("/proc/vmstat").splitlines())
        return {"page_in": int(words["pgpgin"]) * 1024 // PAGE,
                "page_out": int(words["pgpgout"]) * 1024 // PAGE,
                "swap_in": int(words["pswpin"]), "swap_out": int(words["pswpout"])}
    between_readings(pages, lambda records: {name: records["0:2004"][name] for name in pages()})


def disks():
    """Every whole disk with a driver, by its own file."""
    total = {}
    for name in os.listdir("/sys/block"):
        if not os.path.exists(f"/sys/block/{name}/device") or name.startswith(("sr", "fd")):
            continue
        with open(f"/sys/block/{name}/stat") as file:
            words = [int(word) for word in file.read().split()]
        for key, value in (("reads", words[0]), ("bytes_read", words[2] * 512),
                           ("read_time", words[3]), ("writes", words[4]),
                           ("bytes_written", words[6] * 512), ("write_time", words[7])):
            total[key] = total.get(key, 0) + value
    return total


def test_disk_io():
    """Disk traffic is that of the whole disks"""
    if not disks():
        tap.skip("no disk with a driver")
    between_readings(disks, lambda records: {name: records["0:2005"][name] for name in disks()})


def space():
    """By the mounts' own devices; the lab's binds show the same filesystem again and again."""
    found = {}
    for line in read("/proc/self/mountinfo").splitlines():
        words = line.split()
        kind, source = words[words.index("-") + 1:][:2]
        if kind in ("ext4", "ext3", "ext2", "xfs", "btrfs", "vfat") and "loop" not in source:
            answer = lab().run(["stat", "-f", "-c", "%b %a %S", words[4]]).stdout.split()
            blocks, free, size = map(int, answer)
            found.setdefault(words[2], (blocks * size, free * size))
    return found


def test_space():
    """disk_total and disk_free count each filesystem once"""
    if not space():
        tap.skip("no filesystem of a disk")
    low = space()
    record = newest(time.time())["0:2005"]
    tap.equal(record["disk_total"], sum(total for total, _ in low.values()))
    free = sum(free for _, free in low.values())
    tap.between(record["disk_free"], free - (2 << 30), free + (2 << 30))
    wanted = max((total - free) * 10000 // total for total, free in low.values())
    tap.between(record["part_max_used"], wanted - 300, wanted + 300)


def mib(group):
    lines = [line.split() for line in read("/proc/net/snmp").splitlines()]
    names, values = [line[1:] for line in lines if line[0] == group + ":"]
    return dict(zip(names, map(int, values)))


def test_mib():
    """The MIB-2 groups are those of the daemon's network, name by name"""
    lab().run(["ping", "-c", "3", "-i", "0.2", BRIDGE_ADDRESS])
    assert mib("Icmp")["InEchos"] >= 3
    for format, (group, prefix, names) in MIB.items():
        names = names.split()
        before = mib(group)
        record = newest(time.time())[format]
        after = mib(group)
        for number, name in enumerate(names):
            got = record[f"{prefix}{number}"]
            if before[name] < 0:
                tap.equal(got, None, name)
            else:
                tap.between(got, before[name], after[name], name)


def link(name):
    names = ("bytes", "packets", "errors", "dropped")
    return [int(read(f"/sys/devices/virtual/net/{name}/statistics/{way}_{what}"))
            for way in ("rx", "tx") for what in names]


def talk(device, frames):
    with lab().socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
        out.bind((device, 0))
        for _ in range(frames):
            out.send(b"\xff" * 6 + b"\x02" * 6 + b"\x88\xb5" + bytes(486))


def test_net():
    """Network traffic is that of the interface with a device, and of no other"""
    first = newest(time.time())["0:2006"]
    talk(FAR_END, 100)
    talk(UPLINK, 30)
    talk(OTHER, 1000)
    talk(OTHER_END, 2000)
    before = link(UPLINK)
    record = newest(time.time())["0:2006"]
    after = link(UPLINK)
    for name, low, high in zip(NET_FIELDS, before, after):
        tap.between(record[name], low, high, name)
    tap.between(record["pkts_in"] - first["pkts_in"], 100, 999)
    tap.between(record["pkts_out"] - first["pkts_out"], 30, 999)
    tap.between(record["bytes_in"] - first["bytes_in"], 50000, 500000)


def test_adapters():
    """The adapters are the interfaces with a device, with their MAC"""
    adapter, = newest(time.time())["0:2001"]["adapters"]
    tap.equal(adapter, {"ifIndex": lab().ifindex(UPLINK), "macs": [UPLINK_MAC]})


def test_monotonic():
    """No counter goes back, and the sequence goes on"""
    began = time.time()
    monitor().collector.wait(lambda: len(samples(since=began)) >= 5, 30, "five samples")
    chosen = samples(since=began)
    numbers = [sample.content["sequence"] for sample in chosen]
    tap.equal(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
    counters = {"0:2003": [f"cpu_{name}" for name in TIMES] + ["interrupts", "contexts", "uptime"],
                "0:2004": ["page_in", "page_out", "swap_in", "swap_out"],
                "0:2005": ["reads", "bytes_read", "read_time", "writes", "bytes_written",
                           "write_time"],
                "0:2006": ["bytes_in", "pkts_in", "bytes_out", "pkts_out"],
                **{format: [f"{prefix}{number}" for number in range(len(names.split()))
                            if f"{prefix}{number}" not in GAUGES]
                   for format, (_, prefix, names) in MIB.items()}}
    for one, two in zip(chosen, chosen[1:]):
        before, after = full(one), full(two)
        assert before and after, "a sample without counters"
        for format, names in counters.items():
            for name in names:
                tap.between(after[format][name], before[format][name], 2**64, f"{format} {name}")


def interface_records(name, since):
    """Of a sample whose numbers were read after `since`."""
    found = monitor().collector.wait(
        lambda: monitor().collector.samples("0:4", f"0:{lab().ifindex(name)}", since + 1.5), 20,
        f"a sample of {name}")[0]
    return {record["format"]: record for record in found.content["records"]}


def test_interfaces():
    """The uplink and the bridge above it have interface samples, and no other has"""
    for name, kind in ((UPLINK, 6), (BRIDGE, 209)):
        before = link(name)
        records = interface_records(name, time.time())
        after = link(name)
        tap.equal(records["0:1005"]["port_name"], name)
        counters = records["0:1"]
        tap.equal((counters["ifType"], counters["ifStatus"]), (kind, 3))
        values = [counters["ifInOctets"],
                  counters["ifInUcastPkts"] + (counters["ifInMulticastPkts"] or 0),
                  counters["ifInErrors"], counters["ifInDiscards"], counters["ifOutOctets"],
                  counters["ifOutUcastPkts"], counters["ifOutErrors"], counters["ifOutDiscards"]]
        for value, low, high in zip(values, before, after):
            tap.between(value, low, high, name)
    sources = {sample.content["source"] for sample in monitor().collector.samples("0:4")}
    tap.equal(sources, {"2:1", *(f"0:{lab().ifindex(name)}" for name in (UPLINK, BRIDGE))})


def test_interface_gone():
    """An interface's samples end with it, and the host's sum is unknown without any"""
    source = f"0:{lab().ifindex(UPLINK)}"
    lab().run(["ip", "link", "del", UPLINK])
    records = newest(time.time())
    tap.equal(records["0:2006"]["bytes_in"], None)
    assert "0:2001" not in records, records["0:2001"]
    began = time.time()
    monitor().collector.wait(lambda: len(samples(since=began)) >= 3, 20, "three samples")
    tap.equal(monitor().collector.samples("0:4", source, began), [])


def test_off():
    """[host] enabled = off sends nothing of 2:1"""
    monitor().reload(sections={"host": {"enabled": "off"}}, sampling=0, polling=1)
    time.sleep(1.5)
    began = time.time()
    time.sleep(3)
    tap.equal(monitor().collector.samples("0:4", since=began), [])


if __name__ == "__main__":
    tap.main(globals(), system=True)
