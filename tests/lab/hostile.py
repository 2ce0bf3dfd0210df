# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest whose agent is in the hands of a test: what it may say, kind by kind
(KINDS), and a way to make a running guest say it (Hostile).

A reply is bytes, or Shell code that runs in the guest and writes them."""

import base64
import io
import json
import tarfile

import disks

MIB = 1 << 20
LIBVIRT_MAX = 4_100_000     # what libvirt passes on is below 4 MiB
REPLY_MAX = 1 << 20         # what virt-sflow reads
TIMEOUT_S = 10              # [guest] timeout: libvirt alone needs seconds for 4 MB
SLOW_S = 1.3                # a second is slow, if the agent was quick before

# What the agent says where a kind says nothing else.
TOTAL, USED = 200 * MIB, MIB
MEMORY_TOTAL, MEMORY_AVAILABLE = 180 * MIB, 100 * MIB
HANDLE = 1000


class Shell(str):
    pass


def line(value):
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def returns(text):
    """The result as JSON text, well-formed or not."""
    data = text if isinstance(text, bytes) else text.encode()
    return b'{"return":' + data + b"}\n"


def refuses(text, class_name="GenericError"):
    return line({"error": {"class": class_name, "desc": text}})


def entry(name="vda", mountpoint="/mnt", used=USED, total=TOTAL, type="ext4"):
    """A file system; used and total may be JSON text."""
    return (f'{{"name":{json.dumps(name)},"mountpoint":{json.dumps(mountpoint)},'
            f'"used-bytes":{used},"total-bytes":{total},"type":{json.dumps(type)},"disk":[]}}')


def fsinfo(*entries):
    return returns("[" + ",".join(entries) + "]")


def file_text(text):
    """What guest-file-read returns."""
    data = base64.b64encode(text.encode()).decode()
    return line({"return": {"count": len(text), "buf-b64": data, "eof": True}})


def meminfo(**values):
    """Lines of /proc/meminfo."""
    return file_text("".join(f"{key}: {value} kB\n" for key, value in values.items()))


INFO, FSINFO = "guest-info", "guest-get-fsinfo"
OPEN, READ, CLOSE = "guest-file-open", "guest-file-read", "guest-file-close"
OS, HOST_NAME = "guest-get-osinfo", "guest-get-host-name"
LOAD, CPUS = "guest-get-load", "guest-get-cpustats"
PARTS = {FSINFO: "fs", OPEN: "meminfo", OS: "os", HOST_NAME: "host_name", LOAD: "load",
         CPUS: "cpu"}    # command -> the metric PART_agent_state
COMMANDS = [INFO, *PARTS, READ, CLOSE]


def cpu(number=0, **values):
    return {"type": "linux", "cpu": number, "user": 10, "nice": 0, "system": 10, "idle": 10,
            "steal": 5, **values}


GOOD = {
    INFO: line({"return": {"version": "7.2.0", "supported_commands": [
        {"name": name, "enabled": True, "success-response": True} for name in COMMANDS]}}),
    FSINFO: fsinfo(entry()),
    OPEN: line({"return": HANDLE}),
    READ: meminfo(MemTotal=MEMORY_TOTAL >> 10, MemAvailable=MEMORY_AVAILABLE >> 10, Cached=1000,
                  SwapTotal=2000, SwapFree=1000),
    CLOSE: line({"return": {}}),
    OS: line({"return": {"id": "debian", "kernel-release": "6.1.0", "kernel-version": "1",
                         "machine": "x86_64"}}),
    HOST_NAME: line({"return": {"host-name": "hostile"}}),
    LOAD: line({"return": {"load1m": 0.5, "load5m": 0.25, "load15m": 0.125}}),
    CPUS: line({"return": [cpu()]}),
}


def long_list(n, limit=LIBVIRT_MAX):
    """As many file systems as fit, n at most."""
    text = ",".join(f'{{"name":"d{i}","mountpoint":"/{i}"}}' for i in range(n))
    assert len(text) < limit, len(text)
    return returns("[" + text + "]")


def wide_list(n):
    """So many file systems of which each counts."""
    data = fsinfo(*(entry(f"d{i}", f"/m{i}") for i in range(n)))
    assert len(data) < REPLY_MAX, len(data)
    return data


def nested(depth, opening="[", closing="]"):
    return returns(opening * depth + ("1" if ":" in opening else "") + closing * depth)


# No NUL: libvirt's text ends there, which says nothing about us.
NAMES = ["/a\x1b[31mred", '/quo"te', "/back\\slash", "/new\nline", "/car\rriage", "/tab\tdel\x7f",
         "/csi\x9b2J", "/\u202ertl\u2066", "/\u2028line", "/<xml>&amp;", "/\u00fcn\u00ef",
         "/\U0001f600", " ", "/a_b", "/a.b", "/a-b", "/a b", "/" + "x" * 300, "=,;|$(reboot)`'",
         "\u0301\u0301\u0301", "%s%n%d", "../../etc"]
HUGE = "1" + "0" * 30
MOST = 2**63 - 1


KINDS = {
    "good": {},
    # Numbers that libvirt and we can read, and that mean nothing.
    "full-list": {FSINFO: wide_list(7000)},
    "huge-numbers": {
        FSINFO: fsinfo(entry(used=HUGE, total=HUGE), entry("b", "/b", total=MOST + 1)),
        OPEN: returns(HUGE), LOAD: returns(f'{{"load1m":{HUGE},"load5m":1e999,"load15m":-1e999}}'),
        CPUS: returns(f'[{{"cpu":0,"steal":{HUGE}}},{{"cpu":{HUGE},"steal":1}}]'),
        OS: returns(f'{{"id":{HUGE},"kernel-release":1.5}}')},
    "negative": {
        FSINFO: fsinfo(entry(used=-1, total=-5), entry("b", "/b", used="-0.5", total="1.5")),
        OPEN: returns("-1"), LOAD: returns('{"load1m":-1,"load5m":-0.5,"load15m":-1e30}'),
        CPUS: line({"return": [cpu(steal=-1)]}), HOST_NAME: returns("-" + "9" * 20)},
    "overflow": {FSINFO: fsinfo(*(entry(f"d{i}", f"/{i}", 0, MOST) for i in range(3))),
                 READ: meminfo(MemTotal=10**17, MemAvailable=1),
                 CPUS: line({"return": [cpu(i, steal=MOST) for i in range(3)]})},
    "more-than-all": {
        FSINFO: fsinfo(entry(used=TOTAL + 1, total=TOTAL)),
        READ: meminfo(MemTotal=1000, MemAvailable=2000, Cached=10**15, SwapTotal=1, SwapFree=2)},
    "names": {FSINFO: fsinfo(*(entry(f"d{i}", name, type=name) for i, name in enumerate(NAMES))),
              HOST_NAME: line({"return": {"host-name": "".join(NAMES)}}),
              OS: line({"return": {"id": NAMES[0], "kernel-release": "6\x1b[2J\u202e" * 20}})},
    "wrong-entries": {
        FSINFO: returns('[1,null,"vda",[],{},{"name":1,"mountpoint":[]},' + entry() + "]"),
        READ: returns('{"count":-1,"buf-b64":{},"eof":7}'), HOST_NAME: returns("null"),
        OS: returns('{"id":[],"kernel-release":{}}'), CPUS: returns('[null,{"steal":"5"}]'),
        LOAD: returns('{"load1m":"1","load5m":true}')},
    # Each answer twice: libvirt has no way to tell the second from the next one's.
    "echo": {command: reply * 2 for command, reply in GOOD.items()},
    "slow": {FSINFO: Shell(f"sleep {SLOW_S}; cat /run/kinds/good/{FSINFO}")},
    "events": {FSINFO: b'{"event":"x","data":{"a":1}}\n{"QMP":{}}\n' + GOOD[FSINFO]},

    # What libvirt passes on and we refuse.
    # Not more: libvirt's time for 100,000 is seconds, in which it hears nothing of that VM's QEMU,
    # and for CPUs it grows with the square, two million numbers take it 20 s. We refuse more
    # than 50,000.
    "long-list": {FSINFO: long_list(40_000), CPUS: returns("[" + "0," * 51_000 + "0]")},
    "long-info": {INFO: line({"return": {"version": "9", "supported_commands": [
        {"name": f"guest-{i}", "enabled": True} for i in range(30_000)]}})},
    "long-texts": {FSINFO: fsinfo(entry(mountpoint="/" + "x" * MIB)),
                   HOST_NAME: line({"return": {"host-name": "h" * 900_000}}),
                   OS: line({"return": {"id": "\x01" * 100_000, "kernel-release": "k" * 300_000}}),
                   OPEN: returns(str(MOST)), READ: file_text("MemTotal: 1 kB\n" * 40_000),
                   CLOSE: refuses("y" * 100_000)},
    "nested": {FSINFO: nested(100), OS: nested(33), HOST_NAME: nested(20, '{"a":', "}")},
    "wrong-info": {INFO: returns('[{"version":1}]')},
    "wrong-types": {FSINFO: returns('{"name":"vda"}'), OPEN: returns('"1000"'), OS: returns("true"),
                    HOST_NAME: returns('{"host-name":5}'), LOAD: returns("[]"), CPUS: returns("1")},
    "another": {FSINFO: GOOD[HOST_NAME], OS: GOOD[FSINFO], HOST_NAME: GOOD[OS],
                OPEN: GOOD[CLOSE], LOAD: GOOD[CPUS], CPUS: GOOD[LOAD]},
    "errors": {
        FSINFO: refuses("x\x1b[31m" + "y" * 100_000), OPEN: refuses("no", "CommandNotFound"),
        OS: refuses("The command guest-get-osinfo has not been found", "CommandNotFound"),
        HOST_NAME: refuses("", "DeviceNotFound"), LOAD: refuses("NaN", "No\nSuch\nClass"),
        CPUS: line({"error": "text"})},
    "error-info": {INFO: line({"error": {"class": [], "desc": {}}})},
    "frozen": {FSINFO: refuses("Command guest-get-fsinfo has been disabled: the agent is in "
                               "frozen state", "CommandNotFound")},

    # What libvirt refuses.
    "too-long": {FSINFO: returns('["' + "x" * 6 * MIB + '"]')},
    "too-deep": {FSINFO: nested(100_000, '{"a":', "}")},
    "nan": {FSINFO: fsinfo(entry(used="NaN"))},
    "not-utf-8": {FSINFO: fsinfo(entry()).replace(b"/mnt", b"/m\xff\xc0\xaf\xed\xa0\x80")},
    "twice": {FSINFO: fsinfo(entry().replace('{"name"', '{"name":"other","name"'))},
    "no-result": {FSINFO: b"{}\n"},
    # It quotes a line that it cannot read in its error, which is shown.
    "garbage": {FSINFO: b"unable to execute \x1b[31m\xc2\x9b2J \xe2\x80\xae\r\xff" + b"\x07" * 9
                        + b"\n" + bytes(range(256)) * 20 + b"\n"},
    "endless": {FSINFO: Shell("dd if=/dev/zero bs=64k count=192 2>/dev/null | tr '\\0' x")},
    "late": {FSINFO: Shell(f"sleep {TIMEOUT_S + 1}; cat /run/kinds/good/{FSINFO}")},
    "silent": {FSINFO: Shell(":")},
}


def archive(lab, name, target):
    """A disk with all of KINDS on it, as a tar."""
    path = disks.raw(lab, name, target, 0)
    with tarfile.open(path.path, "w") as tar:
        for kind, replies in {**KINDS, "good": GOOD}.items():
            for command, reply in replies.items():
                is_shell = isinstance(reply, Shell)
                data = reply.encode() if is_shell else reply
                member = tarfile.TarInfo(f"{kind}/{command}{'.sh' if is_shell else ''}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return path


class Hostile:
    """The agent of a running guest whose disk `device` is an archive()."""

    def __init__(self, guest, device="/dev/vdb"):
        self._guest = guest
        guest.run(f"mkdir -p /run/kinds && tar -xf {device} -C /run/kinds", timeout=60)

    def stop(self):
        """Until nobody has the port open: of this one, or of a real agent."""
        self._guest.run("""pid=$(cat /run/qemu-ga.pid)
            kill -KILL $pid 2>/dev/null
            while kill -0 $pid 2>/dev/null; do sleep 0.02; done""")
        self._guest.wait_agent_state("disconnected")

    def start(self, kind):
        assert kind in KINDS, kind
        self._guest.run(f"echo {kind} >/run/kind; rm -f /run/qemu-ga.pid\n"
                        "setsid /etc/guest-hostile.sh >/dev/null 2>&1 </dev/null &\n"
                        "while [ ! -s /run/qemu-ga.pid ]; do sleep 0.02; done")
