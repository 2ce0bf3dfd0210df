# SPDX-License-Identifier: GPL-2.0-or-later
"""`virt-sflow compare`: a recorded datagram of Host sFlow (tests/data/vectors) beside ours, which
are written here. What Host sFlow would send later is the recorded one with other values in it."""

import os
import re
import socket
import struct
import subprocess
import sys
import tempfile

import pcapfile
import tap
import wire

BUILD = os.environ.get("VSF_BUILD", "build")
SOURCE = os.environ.get("VSF_SOURCE", ".")
COMMAND = os.path.join(BUILD, "daemon", "cli", "virt-sflow")
UUID = "11223344-5566-7788-99aa-bbccddeeff00"
NAME = "instance-0000001a"
MAC = "525400123456"
GIB = 1 << 30

# Where the fields of the recorded records are, from the record's beginning behind its length.
LAYOUT = {2101: "III", 2102: "QQ", 2103: "QQQIQIQI", 2104: "QIIIQIII"}


def recorded():
    with open(os.path.join(SOURCE, "tests", "data", "vectors", "vm.bin"), "rb") as file:
        return file.read()


def theirs(sequence=1, sub_agent=100000, **records):
    """The recorded datagram; r2104=(...): those values instead."""
    raw = bytearray(recorded())
    raw[12:16] = struct.pack(">I", sub_agent)
    raw[36:40] = struct.pack(">I", sequence)
    for name, values in records.items():
        tag = int(name[1:])
        length = struct.calcsize(">" + LAYOUT[tag])
        at = raw.index(struct.pack(">II", tag, length)) + 8
        raw[at:at + length] = struct.pack(">" + LAYOUT[tag], *values)
    return bytes(raw)


def ours(sequence=1, name=NAME, uuid=UUID, index=100002, ifindex=7, sub_agent=200000, **records):
    """Our counters of the VM; with none else those of the recorded datagram."""
    values = {"r2101": (1, 123456, 4), "r2102": (2 * GIB, 4 * GIB),
              "r2103": (10 * GIB, GIB, 9 * GIB, 10, 11, 12, 13, 14),
              "r2104": (1, 2, 3, 4, 5, 6, 7, 8), **records}
    return wire.datagram(wire.counters(
        (3, index), sequence, wire.descr(name, uuid), wire.adapters((ifindex, MAC)),
        sized_parent(), *[wire.record(int(tag[1:]), LAYOUT[int(tag[1:])], *fields)
                          for tag, fields in values.items()]), sub_agent=sub_agent)


def sized_parent():
    return wire.record(2002, "II", 2, 1)


def compare(*datagrams, options=()):
    """(exit status, {field: (verdict, rest of the line)} of the first VM, output, errors). The
    datagrams are 10 s apart."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sflow.pcap")
        pcapfile.write(path, [(1700000000 + 10 * number, raw)
                              for number, raw in enumerate(datagrams)])
        done = subprocess.run([COMMAND, "compare", "--pcap", path, *options],
                              capture_output=True, text=True)
    fields = {}
    for line in done.stdout.split("\n\n")[0].splitlines():
        match = re.match(r"  (equal|expected|unexpected|not compared) +(\S+) +(.*)", line)
        if match:
            fields[match[2]] = (match[1], match[3])
    return done.returncode, fields, done.stdout, done.stderr


def verdicts(fields, wanted):
    return {field for field, (verdict, _) in fields.items() if verdict == wanted}


def test_configured_alike():
    """With what import-hsflowd prints the numbers are equal, but for the taps' indexes"""
    status, fields, out, _ = compare(ours(1), theirs(1), ours(2), theirs(2))
    tap.equal(status, 0, out)
    os_fields = {"host_descr.machine_type", "host_descr.os_name"}
    # Of a VM without traffic nobody can say which direction is which, unless they are equal.
    tap.equal(verdicts(fields, "expected"), {"host_adapters.ifIndex"} | os_fields, out)
    tap.equal(verdicts(fields, "unexpected") | verdicts(fields, "not compared"), set())
    tap.equal(len(fields), 30, out)
    assert out.endswith("\n1 VMs: 27 equal, 3 expected, 0 unexpected, 0 not compared\n"), out


def test_defaults():
    """What differs with the defaults is expected, and the report says why"""
    unknown = 2**32 - 1

    def pair(n):
        """Ten seconds apart: 100 kB/s to the guest, 5 kB/s from it; Host sFlow counts from 0."""
        return (ours(n, name="web01-11223344", index=7654321,
                     r2102=(GIB, 3 * GIB),
                     r2103=(30 * GIB, 2 * GIB, 20 * GIB, 1000 + 10 * n, 5, 10, 6, unknown),
                     r2104=(9000000 + 2000000 * n, 5000 + 2000 * n, 0, 0,
                            800000 + 100000 * n, 700 + 1000 * n, 0, 0)),
                theirs(n, r2102=(3 * GIB, 4 * GIB), r2103=(0, 0, 0, 0, 0, 0, 0, 0),
                       r2104=(100000 * n, 1000 * n, 0, 0, 2000000 * n, 2000 * n, 0, 0)))

    status, fields, out, _ = compare(*pair(1), *pair(2), *pair(3))
    tap.equal(status, 0, out)
    for field, why in (("source", "vm-index = own"), ("host_descr.hostname", "vm-name"),
                       ("virt_memory.memory", "inside the guest"),
                       ("virt_memory.maxMemory", "has now"),
                       ("virt_disk_io.capacity", "in files only"),
                       ("virt_disk_io.allocation", "take on the host"),
                       ("virt_disk_io.available", "filesystems"),
                       ("virt_disk_io.rd_req", "in files only"),
                       ("virt_disk_io.errs", "no such count"),
                       ("virt_net_io.bytes_in", "what the guest received"),
                       ("virt_net_io.pkts_out", "what the guest received"),
                       ("host_adapters.ifIndex", "sends 0")):
        tap.equal(fields[field][0], "expected", field + "\n" + out)
        assert why in fields[field][1], fields[field]
    tap.equal(fields["virt_cpu.cpuTime"][0], "equal")


def test_direction_as_host_sflow():
    """With virt-net-direction = host the directions are equal, though the counts began apart"""
    def pair(n):
        return (ours(n, r2104=(100000 * n, 1000 * n, 0, 0, 2000000 * n, 2000 * n, 0, 0)),
                theirs(n, r2104=(100000 * n - 7000, 1000 * n, 0, 0, 2000000 * n, 2000 * n, 0, 0)))

    status, fields, out, _ = compare(*pair(1), *pair(2), *pair(3))
    tap.equal(status, 0, out)
    tap.equal(fields["virt_net_io.bytes_in"][0], "equal", out)


def test_unexpected():
    """What nothing explains is unexpected, and the exit status says so"""
    cases = [
        ("virt_cpu.nrVirtCpu", {"r2101": (1, 123456, 3)}, {}),
        ("virt_cpu.state", {"r2101": (5, 123456, 4)}, {}),
        ("virt_memory.memory", {"r2102": (3 * GIB, 4 * GIB)}, {}),
        ("virt_memory.maxMemory", {"r2102": (2 * GIB, 5 * GIB)}, {}),
        ("virt_disk_io.capacity", {"r2103": (9 * GIB, GIB, 9 * GIB, 10, 11, 12, 13, 14)}, {}),
        ("virt_cpu.nrVirtCpu", {"r2101": (1, 123456, 2**32 - 1)}, {}),
        ("source", {"index": 100003}, {}),
    ]
    for field, our, their in cases:
        status, fields, out, _ = compare(ours(1, **our), theirs(1, **their), ours(2, **our),
                                         theirs(2, **their))
        tap.equal(status, 1, out)
        tap.equal(verdicts(fields, "unexpected"), {field}, out)
    # Counters that grow apart: a whole CPU, 1 MB/s, a thousand writes in a second.
    for field, later in (
            ("virt_cpu.cpuTime", {"r2101": (1, 123456 + 20000, 4)}),
            ("virt_net_io.bytes_in", {"r2104": (20 << 20, 2, 3, 4, 5, 6, 7, 8)}),
            ("virt_disk_io.wr_req", {"r2103": (10 * GIB, GIB, 9 * GIB, 10, 11, 20000, 13, 14)})):
        status, fields, out, _ = compare(ours(1), theirs(1), ours(2, **later), theirs(2))
        tap.equal(status, 1, out)
        tap.equal(verdicts(fields, "unexpected"), {field}, out)
        status, fields, out, _ = compare(ours(1), theirs(1), ours(2, **later), theirs(2, **later))
        tap.equal(status, 0, out)


def test_counts_that_host_sflow_cuts():
    """A count whose upper bit Host sFlow loses is expected"""
    high = 2**31 + 100
    our = {"r2103": (10 * GIB, GIB, 9 * GIB, high, 11, 12, 13, 14)}
    their = {"r2103": (10 * GIB, GIB, 9 * GIB, 100, 11, 12, 13, 14)}
    status, fields, out, _ = compare(ours(1, **our), theirs(1, **their), ours(2, **our),
                                     theirs(2, **their))
    tap.equal((status, fields["virt_disk_io.rd_req"][0]), (0, "expected"), out)
    assert "upper bit" in fields["virt_disk_io.rd_req"][1], out


def test_matched_by_uuid():
    """VMs are matched by UUID; one that only one agent tells of is unexpected"""
    other = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
    status, _, out, _ = compare(ours(1), ours(1, name="zz\x1b[31m", uuid=other), theirs(1))
    tap.equal(status, 1)
    assert f"zz\\x1b[31m {other}\n  unexpected    only virt-sflow sends it\n" in out, out
    assert "2 VMs:" in out, out
    status, _, out, _ = compare(ours(1, uuid=other), theirs(1))
    assert "only virt-sflow sends it" in out and "only the other agent sends it" in out, out
    tap.equal(status, 1)


def test_too_little():
    """Counters of one sample are not compared, nor over a sequence that began anew"""
    for datagrams in ((ours(1), theirs(1)), (ours(5), theirs(5), ours(1), theirs(1))):
        status, fields, out, _ = compare(*datagrams)
        tap.equal(status, 0, out)
        assert "virt_cpu.cpuTime" in verdicts(fields, "not compared"), out
        tap.equal(fields["virt_cpu.nrVirtCpu"][0], "equal")


def test_crowd():
    """Of more VMs than it keeps, those that came first are compared, and the rest is counted"""
    crowd = [wire.datagram(*[wire.counters((3, number), 1, wire.descr(
        "x", f"{number:08x}-0000-0000-0000-000000000000")) for number in range(first, first + 400)])
        for first in (1, 401, 801)]
    status, _, out, _ = compare(ours(1), theirs(1), *crowd)
    tap.equal(status, 1)
    assert "\n1024 VMs:" in out, out[-300:]
    assert "\n177 samples were left out" in out, out[-300:]


def test_one_agent_alone():
    """Where one agent was not heard the status is 3, and the message says what to do"""
    for datagrams, words in (((ours(1),), "collector of Host sFlow too"),
                             ((theirs(1),), "came from virt-sflowd"),
                             ((wire.datagram(),), "from either agent"),
                             ((b"junk",), "malformed")):
        status, _, out, errors = compare(*datagrams)
        tap.equal((status, out), (3, ""), errors)
        assert words in errors, errors
    status, _, _, errors = compare(ours(1, sub_agent=5), theirs(1), options=["--sub-agent-id", "5"])
    tap.equal((status, errors), (0, ""))


def test_options():
    """Bad options are refused"""
    for options in (["--seconds", "0"], ["--seconds", "-1"], ["--sub-agent-id", "-1"], ["web01"],
                    ["--bind", "::1"], ["--port", "65536"], ["--yaml"]):
        status, _, _, errors = compare(options=options)
        tap.equal(status, 2, errors)
        assert "--help" in errors, errors


def test_both_send():
    """Both agents send to its port, and it reports when it is ended"""
    run = subprocess.Popen([COMMAND, "compare", "--port", "0", "--bind", "127.0.0.1", "--seconds",
                            "600"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    port = int(run.stderr.readline().rsplit(":", 1)[1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for sequence in (1, 2):
            for raw in (ours(sequence), theirs(sequence)):
                sender.sendto(raw, ("127.0.0.1", port))
    # What was sent before the signal is read before it ends.
    run.terminate()
    out, errors = run.communicate(timeout=60)
    tap.equal(run.returncode, 0, errors)
    assert "1 VMs: 27 equal, 3 expected, 0 unexpected, 0 not compared" in out, out


def test_time_is_up():
    """After --seconds it ends by itself"""
    done = subprocess.run([COMMAND, "compare", "--port", "0", "--bind", "127.0.0.1", "--seconds",
                           "1"], capture_output=True, text=True, timeout=120)
    tap.equal((done.returncode, done.stdout), (3, ""), done.stderr)


def test_manual():
    """The manual page has every option of receive and compare"""
    with open(os.path.join(SOURCE, "data", "virt-sflow.1")) as file:
        manual = file.read().replace("\\-", "-")
    for command in ("receive", "compare"):
        section = manual.split(f"\n.B {command}\n")[1].split("\n.RE\n")[0]
        shown = subprocess.run([COMMAND, command, "--help"], capture_output=True, text=True).stdout
        options = set(re.findall(r"--[a-z-]+(?==| )", shown)) - {"--help"}
        assert len(options) >= 5, shown
        for option in options:
            assert option in section, (command, option)


if __name__ == "__main__":
    if not os.path.exists(COMMAND):
        print("1..0 # SKIP virt-sflow is not built")
        sys.exit(0)
    tap.main(globals())
