# SPDX-License-Identifier: GPL-2.0-or-later
"""The configurations of docs/collectors.md that are called tested, run as they stand there, in a
network namespace of their own: only paths are others. What they are sent is written here: packets of
a VM with the records of virt-sflowd, and between them counters and custom metrics."""

import contextlib
import ctypes
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import pcapfile
import tap
import wire

SOURCE = os.environ.get("VSF_SOURCE", ".")
_CLONE_NEWNET = 0x40000000
UUID = "11223344-5566-7788-99aa-bbccddeeff00"
PACKETS, RATE, LENGTH = 50, 512, 146


def block(name):
    """The lines between ```NAME and ```"""
    with open(os.path.join(SOURCE, "docs", "collectors.md")) as file:
        return re.search(rf"^```{re.escape(name)}\n(.*?)^```$", file.read(), re.M | re.S)[1]


def frame():
    """An Ethernet frame of a UDP packet from 10.1.0.5 to 10.1.0.6, cut at 128 bytes."""
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, LENGTH - 18, 0, 0, 64, 17, 0,
                     socket.inet_aton("10.1.0.5"), socket.inet_aton("10.1.0.6"))
    udp = struct.pack(">HHHH", 1000, 2000, LENGTH - 38, 0)
    return (bytes.fromhex("525400000002525400000001") + b"\x08\0" + ip + udp + bytes(128))[:128]


def flow(sequence, timestamps=True):
    """With the records of virt-sflowd, in its order: header, timestamp, VMs at both ends."""
    records = [wire.sized(1, struct.pack(">III", 1, LENGTH, 4) + wire.text(frame())),
               wire.record(1043, "Q", 1700000000 * 10**9 + sequence),
               wire.record(2210, "IIII", 3, 200001, 0, 0)]
    if not timestamps:
        del records[1]
    return wire.sized(3, struct.pack(">11I", sequence, 0, 7, RATE, RATE * sequence, 0, 0, 7, 0,
                                     0x3FFFFFFF, len(records)) + b"".join(records))


def interface(sequence):
    """An interface's counters: if_counters, their bytes are 1000 * sequence."""
    return wire.counters((0, 7), sequence, wire.record(
        1, "IIQIIQIIIIIIQIIIIII", 7, 6, 10**10, 1, 3, 1000 * sequence, *([sequence] * 13)))


def host(sequence):
    """The host's own, with all its records in the daemon's order; its memory is sequence GiB."""
    groups = [wire.record(2007 + number, "I" * words, *([sequence] * words))
              for number, words in enumerate((19, 25, 15, 7))]
    return wire.counters(
        (2, 1), sequence, wire.descr("node1", UUID),
        wire.record(2100, "IIQQI", 2400, 8, sequence << 30, 1 << 30, 1),
        wire.record(2003, "fff" + "I" * 17, 0.5, 0.25, 0.125, *([sequence] * 17)),
        wire.record(2004, "Q" * 7 + "I" * 4, *([sequence << 30] * 7), *([sequence] * 4)),
        wire.record(2005, "QQIIQIIQI", *([sequence] * 9)),
        wire.record(2006, "QIIIQIII", *([sequence] * 8)), *groups,
        wire.adapters((2, "525400000099")))


def datagrams():
    """As virt-sflowd sends: custom metrics in datagrams of their own."""
    for number in range(1, PACKETS + 1):
        vm = wire.counters((3, 200001), number, wire.descr("web01", UUID),
                           wire.record(2002, "II", 2, 1), wire.adapters((7, "525400000001")),
                           wire.record(2101, "III", 1, number, 2),
                           wire.record(2102, "QQ", 1 << 30, 1 << 31),
                           wire.record(2104, "QIIIQIII", *([number] * 8)))
        yield wire.datagram(vm, flow(number), sequence=4 * number)
        yield wire.datagram(interface(number), host(number), sequence=4 * number + 2)
        yield wire.datagram(wire.metrics(UUID, ("load_1m", "double", 0.5),
                                         ("mount", "string", "/")), sequence=4 * number + 1)


def own_network():
    """This process has an empty network from here on: port 6343 of loopback is nobody's."""
    if getattr(own_network, "made", False):
        return
    if os.geteuid() != 0:
        tap.skip("needs root")
    tap.need("ip")
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        tap.skip("no network namespace: " + os.strerror(ctypes.get_errno()))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    own_network.made = True


def start(*command, log=subprocess.DEVNULL):
    """A collector; ended after the test with all its processes (a group of their own)."""
    process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def end():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)
    tap.on_exit(end)
    deadline = time.monotonic() + 30
    while not any(":18C7 " in line for name in ("udp", "udp6")
                  for line in open(f"/proc/self/net/{name}")):
        assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
        assert time.monotonic() < deadline, f"{command[0]} does not listen on port 6343"
        time.sleep(0.05)
    return process


def send():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for raw in datagrams():
            sender.sendto(raw, ("127.0.0.1", 6343))


def folder():
    made = tempfile.TemporaryDirectory()
    tap.on_exit(made.cleanup)
    return made.name


def wait_for(question, what):
    deadline = time.monotonic() + 60
    while not question():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def test_pmacct():
    """sfacctd counts the packets and bytes, with counters and metrics of VMs between them"""
    tap.need("sfacctd")
    own_network()
    path = os.path.join(folder(), "sfacctd.conf")
    output = os.path.join(folder(), "sflow.csv")
    config = block("sfacctd.conf")
    assert "/var/lib/pmacct/sflow.csv" in config and "print_refresh_time: 60" in config
    config = config.replace("/var/lib/pmacct/sflow.csv", output)
    with open(path, "w") as file:
        file.write(config.replace("print_refresh_time: 60", "print_refresh_time: 1"))
    log = os.path.join(os.path.dirname(path), "log")
    with open(log, "wb") as file:
        start("sfacctd", "-f", path, log=file)
    # Its print plugin is a process of its own, which loses what comes before it is there.
    wait_for(lambda: "Purging cache - END" in open(log).read(), "no plugin")
    send()

    def rows():
        if not os.path.exists(output):
            return []
        with open(output) as file:
            return [line.strip().split(",") for line in file if "10.1.0.5" in line]
    wait_for(lambda: sum(int(row[3]) for row in rows()) >= PACKETS * RATE, "not all packets")
    tap.equal(sum(int(row[3]) for row in rows()), PACKETS * RATE, "packets")
    tap.equal(sum(int(row[4]) for row in rows()), PACKETS * RATE * LENGTH, "bytes")
    tap.equal({tuple(row[:3]) for row in rows()}, {("10.1.0.5", "10.1.0.6", "udp")})


def test_nfdump():
    """sfcapd and nfdump count the packets and bytes, with counters and metrics of VMs between
    them"""
    tap.need("sfcapd", "nfdump")
    own_network()
    files = folder()
    capture = block("sfcapd.sh").split()
    show = block("nfdump.sh").split()
    assert "/var/cache/nfdump" in capture and "/var/cache/nfdump" in show
    capture = [files if word == "/var/cache/nfdump" else word for word in capture]
    show = [files if word == "/var/cache/nfdump" else word for word in show]
    collector = start(*capture)
    send()
    # What is in the socket is read before it ends: until then it is in the kernel's table.
    wait_for(lambda: all(int(line.split()[4].split(":")[1], 16) == 0
                         for line in open("/proc/self/net/udp") if ":18C7 " in line), "not read")
    collector.terminate()
    collector.wait(30)
    shown = subprocess.run([*show, "-N", "-o", "csv"], capture_output=True, text=True, check=True)
    lines = [line.split(",") for line in shown.stdout.splitlines()]
    head = next(line for line in lines if "val" in line)
    row = dict(zip(head, next(line for line in lines if "10.1.0.5" in line)))
    tap.equal((int(row["pkt"]), int(row["byt"])), (PACKETS * RATE, PACKETS * RATE * LENGTH),
              shown.stdout)


def tshark(payloads, *fields):
    """What the documented command shows of these datagrams, with further fields: a row each, and
    in it the values of each field."""
    path = os.path.join(folder(), "capture.pcap")
    pcapfile.write(path, [(1700000000 + number, payload)
                          for number, payload in enumerate(payloads)])
    command = block("tshark.sh").split()
    assert "capture.pcap" in command
    more = [word for field in (*fields, "_ws.malformed") for word in ("-e", field)]
    shown = subprocess.run([path if word == "capture.pcap" else word for word in command] + more,
                           capture_output=True, text=True, check=True)
    return [[value.split(",") for value in line.split("\t")]
            for line in shown.stdout.splitlines()]


def without_timestamps():
    """Packets, an interface's counters and at the end the host's in each datagram."""
    return [wire.datagram(flow(2 * number - 1, timestamps=False), interface(number),
                          flow(2 * number, timestamps=False), host(number), sequence=number)
            for number in range(1, PACKETS + 1)]


def test_tshark():
    """tshark reads all packets and interfaces of a capture, without timestamps"""
    tap.need("tshark")
    # As without_timestamps() has it.
    tap.equal(block("tshark.conf"), "[sflow]\ntimestamps = off\n")
    rows = tshark(without_timestamps(), "sflow.flow_sample.sequence_number",
                  "sflow.counters_sample.sequence_number", "sflow_245.ifindex",
                  "sflow_245.ifinoct")
    tap.equal(len(rows), PACKETS)
    for number, row in enumerate(rows, 1):
        tap.equal(row[0].count("10.1.0.5"), 2, row)
        # The last column: what it makes of the host's sample.
        tap.equal(row[1:-1], [[str(RATE)] * 2, [str(2 * number - 1), str(2 * number)],
                              [str(number)] * 2, ["7"], [str(1000 * number)]], f"{number}")


def test_every_entry_says():
    """Each collector of the table has a section that says whether it is tested"""
    with open(os.path.join(SOURCE, "docs", "collectors.md")) as file:
        text = file.read()
    names = re.findall(r"^\| \[[^]]+\]\(#([a-z-]+)\)", text, re.M)
    assert len(names) == 10, names
    sections = {re.sub(r"[^a-z-]", "", section.splitlines()[0].lower().replace(" ", "-")): section
                for section in text.split("\n## ")[1:]}
    tap.equal(set(names), set(sections))
    for name, section in sections.items():
        assert re.search(r"\b(Tested|Untested|tested)\b", section), name


if __name__ == "__main__":
    if sys.platform != "linux":
        sys.exit(0)
    tap.main(globals())
