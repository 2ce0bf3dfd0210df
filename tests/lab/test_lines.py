# SPDX-License-Identifier: GPL-2.0-or-later
"""`virt-sflow receive --format graphite | influx | table` and --vm, judged by readers of those
protocols that are written from their specifications: Graphite's "plaintext protocol" and
InfluxDB's "line protocol" with its rules of what is escaped where."""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading

import pcapfile
import tap
import wire

BUILD = os.environ.get("VSF_BUILD", "build")
SOURCE = os.environ.get("VSF_SOURCE", ".")
COMMAND = os.path.join(BUILD, "daemon", "cli", "virt-sflow")
A = "11223344-5566-7788-99aa-bbccddeeff00"
B = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
TIME = 1700000001.5


def receive(datagrams, *options, status=0):
    """What it prints of datagrams in a capture file; each a second after the one before."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sflow.pcap")
        pcapfile.write(path, [(TIME + second, raw) for second, raw in enumerate(datagrams)])
        done = subprocess.run([COMMAND, "receive", "--pcap", path, *options], capture_output=True,
                              env={**os.environ, "TZ": "UTC"})
    tap.equal(done.returncode, status, done.stderr.decode())
    return done.stdout.decode(), done.stderr.decode()


# ---- readers ----

def read_graphite(text):
    """[(path, value, seconds)]; "PATH VALUE TIMESTAMP\\n", as carbon splits it."""
    assert text == "" or text.endswith("\n"), text[-80:]
    points = []
    for line in text.split("\n")[:-1]:
        path, value, seconds = line.split(" ")
        assert re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+", path), path
        assert all(len(part) <= 63 for part in path.split(".")), path
        points.append((path, float(value), int(seconds)))
    return points


class Influx:
    """One line: measurement,tag=value,... field=value,... timestamp"""

    def __init__(self, line):
        self.line, self.at = line, 0
        self.measurement = self.key(", ")
        self.tags = {}
        while self.take() == ",":
            name = self.key("=")
            self.expect("=")
            value = self.key(", ")
            assert name and value and name not in self.tags, line
            self.tags[name] = value
        self.fields = {}
        while True:
            name = self.key("=")
            self.expect("=")
            assert name and not name.startswith("_") and name != "time", line
            assert name not in self.fields, line
            self.fields[name] = self.value()
            if self.take() == " ":
                break
        self.time = int(line[self.at:])

    def take(self):
        self.at += 1
        return self.line[self.at - 1]

    def expect(self, character):
        assert self.take() == character, f"{self.line!r} at {self.at}"

    def key(self, end):
        """Up to a character of `end` that no backslash escapes."""
        text = ""
        while self.line[self.at] not in end:
            character = self.take()
            assert character.isprintable(), f"{self.line!r} at {self.at}"
            # A backslash escapes a comma, an equals sign and a blank, and is itself else.
            if character == "\\" and self.line[self.at] in ",= ":
                character = self.take()
            text += character
        return text

    def value(self):
        if self.line[self.at] == '"':
            self.take()
            text = ""
            while (character := self.take()) != '"':
                assert character.isprintable(), f"{self.line!r} at {self.at}"
                if character == "\\" and self.line[self.at] in '"\\':
                    character = self.take()
                text += character
            return text
        text = re.match(r"[^, ]*", self.line[self.at:])[0]
        self.at += len(text)
        if text.endswith("i"):
            assert -2**63 <= int(text[:-1]) < 2**63, text
            return int(text[:-1])
        return float(text)


def read_influx(text):
    assert text == "" or text.endswith("\n"), text[-80:]
    return [Influx(line) for line in text.split("\n")[:-1]]


# ---- datagrams ----

def cpu(state=1, time=1000, number=2):
    return wire.record(2101, "III", state, time, number)


def vm(name, uuid, index, *records, sequence=1, ifindex=7):
    return wire.counters((3, index), sequence, wire.descr(name, uuid),
                         wire.adapters((ifindex, "525400000001")), *records)


HOSTILE = ["web 01", "a\nvirt-sflow.x.y 1 1", "a,b=c", 'quo"te', "back\\", "back\\,x=y", "\x1b[31m",
           "dots.and.more", "\u202eright", "", "x" * 63, "x" * 200, "ümlaut", b"\xff\xfe", "#", "=",
           " ", "a\0b", ";tag=1", "../../etc"]


def test_graphite():
    """Graphite gets a line for each number that is known, with the path of its source"""
    host = wire.counters((2, 1), 1, wire.descr("node", A), wire.record(
        2003, "fff" + "I" * 17, 0.5, -1, 1.25, *range(17)), wire.record(
            2100, "IIQQI", 2400, 8, 2**63, 5, 2))
    port = wire.counters((0, 7), 1, wire.record(1005, "s", "vnet0"), wire.record(
        1, "IIQIIQIIIIIIQIIIIIII", 7, 6, *([1] * 18)))
    out, _ = receive([wire.datagram(host, port), wire.datagram(
        vm("web01", A, 200001, cpu(), wire.record(2102, "QQ", 2**64 - 1, 4096)),
        wire.metrics(A, ("load_1m", "double", 0.25), ("why", "string", "ok"),
                     ("gone", "gauge64", 2**64 - 1)),
        wire.metrics("virt-sflowd-node", ("vms", "gauge64", 3)))], "--format", "graphite")
    points = {path: (value, seconds) for path, value, seconds in read_graphite(out)}
    first = "virt-sflow.192_0_2_1-200000."
    tap.equal(points[first + "host.host_cpu.load_one"], (0.5, 1700000001))
    assert first + "host.host_cpu.load_five" not in points
    tap.equal(points[first + "host.virt_node.memory"], (2.0**63, 1700000001))
    tap.equal(points[first + "interface.vnet0.if_counters.ifInOctets"], (1.0, 1700000001))
    vms = {path[len(first):]: value for path, value in points.items() if ".vm." in path}
    tap.equal(vms, {"vm.web01.virt_cpu.state": (1, 1700000002),
                    "vm.web01.virt_cpu.cpuTime": (1000, 1700000002),
                    "vm.web01.virt_cpu.nrVirtCpu": (2, 1700000002),
                    "vm.web01.virt_memory.maxMemory": (4096, 1700000002),
                    "vm.web01.detail.load_1m": (0.25, 1700000002)})
    tap.equal(points[first + "source.virt-sflowd-node.detail.vms"], (3, 1700000002))


def test_graphite_hostile():
    """No name begins a line or a part of a path, and names that differ stay apart"""
    uuids = [f"00000000-0000-0000-0000-{number:012x}" for number in range(len(HOSTILE))]
    # The first eight digits tell VMs apart.
    uuids = [f"{number + 1:08x}" + uuid[8:] for number, uuid in enumerate(uuids)]
    datagrams = [wire.datagram(
        vm(name, uuid, 200001, cpu()), wire.metrics(uuid, *[(key, "gauge32", 1)
                                                            for key in HOSTILE]),
        wire.metrics(name, ("m", "gauge32", 1))) for name, uuid in zip(HOSTILE, uuids)]
    points = read_graphite(receive(datagrams, "--format", "graphite")[0])
    names = {path.split(".")[3] for path, _, _ in points if path.split(".")[2] == "vm"}
    tap.equal(len(names), len(HOSTILE))
    assert "x" * 63 in names and "web_01-00000001" in names, names
    metrics = {path for path, _, _ in points if ".vm." in path and ".detail." in path}
    tap.equal(len(metrics), len(HOSTILE) ** 2)
    tap.equal(len({path for path, _, _ in points if ".source." in path}), len(HOSTILE))


def test_influx():
    """InfluxDB gets a line for each record, integers and floats as such"""
    out, _ = receive([wire.datagram(
        vm("web01", A, 200001, cpu(), wire.record(2102, "QQ", 2**64 - 1, 4096)),
        wire.counters((2, 1), 1, wire.descr("node", B), wire.record(
            2003, "fff" + "I" * 17, 2, -1, 1.25, *range(17)), wire.record(
                2100, "IIQQI", 1, 8, 2**63, 5, 2)),
        wire.metrics(A, ("load_1m", "double", 0.1), ("mount", "string", 'a "b" \\'),
                     ("twice", "gauge32", 1), ("twice", "gauge32", 2)),
        wire.flow(7), agent="2001:db8::1", sub_agent=100001)], "--format", "influx")
    lines = {line.measurement: line for line in read_influx(out)}
    tags = {"agent": "2001:db8::1", "kind": "vm", "name": "web01", "source": "3:200001",
            "sub_agent": "100001", "uuid": A}
    tap.equal(lines["virt_cpu"].tags, tags)
    tap.equal(lines["virt_cpu"].fields, {"state": 1, "cpuTime": 1000, "nrVirtCpu": 2})
    tap.equal(lines["virt_cpu"].time, 1700000001500000000)
    tap.equal(lines["virt_memory"].fields, {"maxMemory": 4096})
    tap.equal(lines["detail"].tags, {**tags, "source": A})
    tap.equal(lines["detail"].fields, {"load_1m": 0.1, "mount": 'a "b" \\', "twice": 1})
    tap.equal((lines["host_cpu"].tags["kind"], lines["host_cpu"].tags["name"]), ("host", "node"))
    load = lines["host_cpu"].fields
    assert isinstance(load["load_one"], float) and "load_five" not in load, load
    # Past what its integers hold; the type of a field must not change.
    assert "memory" not in lines["virt_node"].fields, lines["virt_node"].line
    tap.equal(list(lines["virt_cpu"].tags), sorted(lines["virt_cpu"].tags))
    tap.equal(set(lines), {"virt_cpu", "virt_memory", "detail", "host_cpu", "virt_node"})


def test_influx_hostile():
    """No name or text begins a line, a tag or a field, and texts come back as they were"""
    more = HOSTILE + ["_field", "time", "\\x", "\nx"]
    datagrams = [wire.datagram(vm(name, A, 200001, cpu()), wire.metrics(
        A, *[(key, "string", name) for key in more]), wire.metrics(name, ("m", "float", 1)))
        for name in HOSTILE]
    lines = read_influx(receive(datagrams, "--format", "influx")[0])
    cpus = [line for line in lines if line.measurement == "virt_cpu"]
    tap.equal(len(cpus), len(HOSTILE))
    for line, name in zip(cpus, HOSTILE):
        tap.equal(line.fields, {"state": 1, "cpuTime": 1000, "nrVirtCpu": 2})
        tap.equal(line.tags["uuid"], A)
        if isinstance(name, str) and name.isprintable() and not set('"\\') & set(name) and name:
            tap.equal(line.tags["name"], name)
    details = [line for line in lines if line.measurement == "detail" and "uuid" in line.tags]
    tap.equal(len(details), len(HOSTILE))
    for line, name in zip(details, HOSTILE):
        if isinstance(name, str) and name.isprintable():
            tap.equal(line.fields["web 01"], name)


def test_filter():
    """--vm leaves the VM's counters, its metrics, and what its interfaces tell"""
    datagrams = [wire.datagram(
        vm("web01", A, 200001, cpu(), ifindex=7), vm("db01", B, 200002, cpu(), ifindex=8),
        wire.counters((2, 1), 1, wire.descr("web01-host", A)), wire.flow(7), wire.flow(8),
        wire.flow(0), wire.metrics(A, ("m", "gauge32", 1)), wire.metrics(B, ("m", "gauge32", 1)),
        wire.counters((0, 7), 1, wire.record(1005, "s", "vnet0")),
        wire.counters((0, 8), 1, wire.record(1005, "s", "vnet1")))]
    other = wire.datagram(wire.flow(7), agent="192.0.2.2")
    for pattern in ("web*", "*01", B.upper(), "nobody"):
        out, _ = receive(datagrams + [other], "--vm", pattern)
        wanted = {"web*": 4, "*01": 8, B.upper(): 4, "nobody": 0}[pattern]
        samples = re.findall(r"^  (\S+ type=\S+)", out, re.M)
        tap.equal(len(samples), wanted, out)
    out, _ = receive(datagrams, "--vm", "web01", "--json")
    assert '"source":"0:7"' in out and '"0:8"' not in out and "db01" not in out, out
    out, _ = receive(datagrams, "--vm", "web01", "--vm", "db01", "--format", "graphite")
    tap.equal({path.split(".")[3] for path, _, _ in read_graphite(out)}, {"web01", "db01"})


def test_taps_move():
    """An interface is of the VM that named it last"""
    out, _ = receive([wire.datagram(vm("a", A, 1, cpu(), ifindex=7)),
                      wire.datagram(vm("b", B, 2, cpu(), ifindex=7)),
                      wire.datagram(vm("a", A, 1, cpu(), ifindex=9, sequence=2)),
                      wire.datagram(wire.flow(7))], "--vm", "b")
    tap.equal(out.count("type=flow_sample"), 1, out)
    # 0 is no interface, but what is sent where none is known.
    out, _ = receive([wire.datagram(vm("a", A, 1, cpu(), ifindex=0), wire.flow(0))], "--vm", "a")
    tap.equal(out.count("type=flow_sample"), 0, out)


def many(first, count):
    """So many VMs that are made up, with an interface each."""
    return wire.datagram(*[vm("x", f"{number:08x}-0000-0000-0000-000000000000", number,
                              ifindex=number) for number in range(first, first + count)])


def test_crowd():
    """More VMs than it keeps make it forget all, and it goes on with those that come then"""
    crowd = [many(first, 400) for first in range(1000, 1000 + 42 * 400, 400)]
    web = wire.datagram(vm("web01", A, 1, ifindex=7), wire.flow(7))
    out, _ = receive([web, *crowd, wire.datagram(wire.flow(7)), web], "--vm", "web01")
    tap.equal(out.count("type=flow_sample"), 2, out)
    tap.equal(out.count("type=counter_sample"), 2, out)


def test_table():
    """The table has a row a sample: sizes, and rates since the one before"""
    def sample(sequence, time, read, received):
        return wire.datagram(vm("web01", A, 200001, cpu(3, time), wire.record(
            2102, "QQ", 2**30, 2**31), wire.record(2103, "QQQIQIQI", 2**34, 1, 2**33, 1, read, 1,
                                                   2**64 - 1, 0), wire.record(
            2104, "QIIIQIII", received, 1, 0, 0, 0, 1, 0, 0), sequence=sequence))
    # 500 ms of CPU in a second, past the end of 32 bits; 2000 bytes read, 1000 received.
    out, _ = receive([sample(1, 2**32 - 200, 0, 0), sample(2, 300, 2000, 1000),
                      sample(1, 0, 0, 0), wire.datagram(wire.counters(
                          (2, 1), 1, wire.descr("node\x1b", B),
                          wire.record(2100, "IIQQI", 1, 2, 2**32, 2**31, 5)))],
                     "--format", "table")
    rows = [line.split() for line in out.splitlines()]
    tap.equal(rows[0][:4], ["TIME", "AGENT", "NAME", "STATE"])
    begin = ["192.0.2.1", "web01", "paused"]
    tap.equal(rows[1], ["22:13:21", *begin, "-", "1.0G/2.0G", "8.0G/16.0G", "-/?", "-/-"])
    tap.equal(rows[2], ["22:13:22", *begin, "50.0", "1.0G/2.0G", "8.0G/16.0G", "2.0K/?",
                        "8.0K/0"])
    tap.equal(rows[3][4], "-", "after a sequence that began anew")
    tap.equal(rows[4][2:], ["node\\x1b", "5", "VMs", "2.0G/4.0G"])


def test_malformed():
    """Of malformed datagrams there are no lines, and it is told once and in the end"""
    good = wire.datagram(vm("web01", A, 200001, cpu()))
    out, errors = receive([good[:-4], b"junk", good], "--format", "influx")
    tap.equal(len(read_influx(out)), 1)
    tap.equal(len(errors.splitlines()), 2, errors)
    assert "2 datagrams were malformed" in errors, errors


def members(value):
    """The names of all members of a document, however deep, but for records without a name."""
    if isinstance(value, list):
        return set().union(*map(members, value))
    if isinstance(value, dict):
        return {name for name in value if ":" not in name}.union(*map(members, value.values()))
    return set()


def test_members_are_documented():
    """docs/receive-json.md has every member that is printed of recorded datagrams"""
    datagrams = []
    for name in ("flow", "host", "interface", "vm"):
        with open(os.path.join(SOURCE, "tests", "data", "vectors", name + ".bin"), "rb") as file:
            datagrams.append(file.read())
    text, _ = receive(datagrams, "--json")
    found = set().union(*(members(json.loads(line)) for line in text.splitlines()))
    assert {"sub_agent_id", "virt_memory", "maxMemory", "ifInOctets", "sampled_header"} <= found
    with open(os.path.join(SOURCE, "docs", "receive-json.md"), encoding="utf-8") as file:
        told = set(re.findall(r"\w+", file.read()))
    tap.equal({name for name in found - told if not re.match(r"(ip|icmp|tcp|udp)[A-Z]", name)},
              set())


def test_options():
    """Formats that there are not, and --json beside another, are refused"""
    for options in (["--format", "xml"], ["--json", "--format", "influx"], ["--format", ""]):
        _, errors = receive([], *options, status=2)
        assert "--help" in errors and "format" in errors, errors
    receive([wire.datagram()], "--json", "--format", "json")


class FakeServer(threading.Thread):
    """Takes one TCP connection and keeps what comes: a fake of carbon's port 2003, or of what
    stands before InfluxDB."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.text = ""
        self.start()

    def run(self):
        connection, _ = self.socket.accept()
        with connection, connection.makefile(encoding="utf-8") as file:
            self.text = file.read()

    def wait(self):
        self.join(30)
        assert not self.is_alive(), "the connection was not closed"
        self.socket.close()
        return self.text


def test_pipe():
    """Lines go from a UDP socket by a pipe to a (fake) server as the datagrams come"""
    for format, read in (("graphite", read_graphite), ("influx", read_influx)):
        server = FakeServer()
        to = socket.create_connection(("127.0.0.1", server.port))
        run = subprocess.Popen([COMMAND, "receive", "--format", format, "--port", "0", "--bind",
                                "127.0.0.1", "--count", "3"], stdout=to, stderr=subprocess.PIPE,
                               text=True)
        to.close()
        port = int(run.stderr.readline().rsplit(":", 1)[1])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for number in range(3):
                sender.sendto(wire.datagram(vm("web01", A, 200001, cpu(time=number))),
                              ("127.0.0.1", port))
        tap.equal(run.wait(30), 0)
        run.stderr.close()
        points = read(server.wait())
        tap.equal(len(points), 9 if format == "graphite" else 3)


if __name__ == "__main__":
    if not os.path.exists(COMMAND):
        print("1..0 # SKIP virt-sflow is not built")
        sys.exit(0)
    tap.main(globals())
