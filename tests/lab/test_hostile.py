# SPDX-License-Identifier: GPL-2.0-or-later
"""What may not stop or mislead the daemon: foreign interfaces, very wide VMs, odd names,
garbage on its sockets, names that change hands, and taps that others meddle with."""

import json
import os
import re
import socket
import struct
import subprocess
import time

import domains
import lab as labs
import tap
import watch
from monitor import Monitor

FIRST_S = 5
LATE_S = 2.5  # between two samples of one VM, at an interval of 1 s
FOREIGN = 300
ETHERTYPE = b"\x88\xb5"  # for local experiments


def lab():
    return tap.fixture(labs.Lab)


def monitor():
    found = tap.fixture(make_monitor)
    found.wait_connected()
    return found


def make_monitor():
    return Monitor(lab(), sampling=1, polling=1)


def events():
    return tap.fixture(make_events)


def make_events():
    return watch.Events(lab())


def tiny(name, start=True, **options):
    """A paused domain without a kernel, gone after the test."""
    monitor()
    made = lab().define_tiny(name, **options)
    tap.on_exit(lambda: lab().virsh("undefine", made.uuid))
    tap.on_exit(lambda: lab().virsh("destroy", made.uuid, check=False))
    if start:
        lab().virsh("start", made.uuid, "--paused")
    return made


class Witness:
    """    with Witness("the flood"): ...

    A VM beside what happens inside: its samples are complete and on time, the daemon is the
    same and the log has few lines about it."""

    def __init__(self, what, lines=5):
        self._what, self._lines = what, lines

    def __enter__(self):
        self._vm = getattr(Witness, "vm", None)
        if self._vm is None:
            monitor()
            self._vm = Witness.vm = lab().define_tiny("witness")
            self._vm.start(paused=True)
            Witness.port = lab().ifindex(self._vm.taps()[0])
            monitor().wait_sampling(self._vm.taps()[0])
        newest(self._vm.uuid, time.time())
        self._pid, self._log = monitor().pid, len(monitor().log())
        self._since = time.time()

    def __exit__(self, kind, *_):
        if kind is not None:
            return
        time.sleep(1.5)
        samples = monitor().collector.vm(self._vm.uuid, self._since)
        gap = watch.longest_gap(samples, self._since, time.time() - 0.5)
        assert gap < LATE_S, f"{self._what}: the witness had no sample for {gap:.1f} s"
        watch.consecutive(samples)
        for sample in samples:
            tap.equal(watch.adapters(sample)[self._vm.nics[0].mac], Witness.port)
        tap.equal(monitor().pid, self._pid, "the daemon's PID")
        frames(self._vm.nics[0].mac, b"witness", 3)
        wait_frames(Witness.port, b"witness", 3, self._since)
        lines = [line for line in monitor().log()[self._log:].splitlines()
                 if "debug:" not in line and ": domain " not in line]
        assert len(lines) <= self._lines, f"{self._what}: {len(lines)} lines: {lines[:20]}"
        for line in lines:
            tap.diagnostics(line[:200])


def newest(uuid, since, timeout=30):
    return monitor().collector.wait(lambda: monitor().collector.vm(uuid, since), timeout,
                                    "a sample")[-1]


def frames(mac, payload, count):
    """Sends frames to a VM by the bridge, which has not seen it and floods them."""
    frame = (bytes.fromhex(mac.replace(":", "")) + bytes.fromhex("525400ffff01") + ETHERTYPE
             + payload.ljust(50, b"\0"))
    with lab().socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind((lab().bridge, 0))
        for _ in range(count):
            wire.send(frame)


def payloads(ifindex, since=0):
    """What frames() put into the frames that were sampled there."""
    return [watch.frame(flow)[14:].rstrip(b"\0")[:50].rstrip(b"\0")
            for flow in monitor().collector.flows(ifindex, since)
            if watch.frame(flow)[12:14] == ETHERTYPE]


def wait_frames(ifindex, payload, count, since=0):
    monitor().collector.wait(lambda: payloads(ifindex, since).count(payload) >= count, 5,
                             f"{count} flow samples of {payload} at {ifindex}")
    tap.equal(payloads(ifindex, since).count(payload), count, f"flow samples of {payload}")


def tap_entry(ifindex):
    return next((entry for entry in monitor().status()["taps"] if entry["ifindex"] == ifindex),
                None)


def vm_entry(uuid):
    return next(vm for vm in monitor().status()["vms"] if vm["uuid"] == uuid)


def test_foreign_taps():
    """300 foreign taps that look like VMs' come while a VM starts: it is sampled, in time"""
    events()
    domain = tiny("among", start=False)
    names = [f"vnet{5000 + number}" for number in range(FOREIGN)]
    with Monitor(lab(), name="slow", port=6344, sampling=1, polling=300) as slow, \
            Witness("300 taps"):
        slow.wait_connected()
        tap.on_exit(lambda: lab().run(
            ["ip", "-batch", "-"], input="".join(f"link del {name}\n" for name in names)))
        began = time.time()
        batch = lab().popen(["ip", "-batch", "-"], stdin=subprocess.PIPE, text=True)
        batch.stdin.write("".join(f"tuntap add dev {name} mode tap\nlink set {name} up\n"
                                  for name in names))
        batch.stdin.close()
        lab().virsh("start", "among", "--paused")
        tap.equal(batch.wait(30), 0, "ip")
        tap.diagnostics(f"{time.time() - began:.1f} s for {FOREIGN} taps and the start")
        started = events().wait("among", "Started", began)
        for one in (slow, monitor()):
            sample = one.collector.wait(lambda: one.collector.vm(domain.uuid, began), 20)[0]
            tap.diagnostics(f"{one.name}: first sample {(sample.time - started) * 1000:.0f} ms "
                            "after STARTED")
            assert sample.time - started < FIRST_S
        device, = domain.taps()
        ifindex = lab().ifindex(device)
        monitor().wait_sampling(device)
        frames(domain.nics[0].mac, b"among", 5)
        wait_frames(ifindex, b"among", 5)
        tap.equal(watch.adapters(newest(domain.uuid, time.time())),
                  {domain.nics[0].mac: ifindex})
        # None of the others has ever a sample.
        own = {f"0:{ifindex}", f"0:{Witness.port}"}
        seen = {sample.content.get("source", "") for sample in
                monitor().collector.samples(since=began)}
        tap.equal({source for source in seen if source.startswith("0:")} - own, set())


def test_wide_vm():
    """A VM with 64 NICs and 64 disks has one sample, which fits a datagram"""
    nics = [lab().nic(200, index) for index in range(64)]
    disks = []
    for number in range(64):
        path = os.path.join(lab().folder, f"wide-{number}.raw")
        with open(path, "wb") as file:
            file.truncate(1 << 20)
        name = "sd" + (chr(97 + number) if number < 26 else
                       chr(96 + number // 26) + chr(97 + number % 26))
        disks.append(domains.Disk(path, name, "raw", "<address type='drive' controller='0' "
                                                     f"bus='0' target='0' unit='{number}'/>"))
    with Monitor(lab(), name="large", port=6344, sampling=1, polling=1,
                 datagram_bytes=9000) as large, Witness("64 NICs and 64 disks"):
        large.wait_connected()
        wide = tiny("wide", nics=nics, disks=disks, memory=32,
                    devices="<controller type='scsi' index='0' model='virtio-scsi'/>")
        wanted = {nic.mac: lab().ifindex(device) for nic, device in zip(nics, wide.taps())}
        tap.equal(len(wanted), 64)
        for one in (large, monitor()):
            one.wait_status(lambda status: len([entry for entry in status["taps"]
                                                if entry["vm"] == "wide"
                                                and entry["state"] == "sampling"]) == 64,
                            30, "64 taps")
            since = time.time() + 1
            sample = one.collector.wait(lambda: one.collector.vm(wide.uuid, since), 20)[-1]
            in_it = [content for content in sample.datagram.content["samples"]
                     if content.get("source") == sample.content["source"]]
            tap.equal(len(in_it), 1, "samples of the VM in one datagram")
            listed = list(watch.adapters(sample).items())
            tap.diagnostics(f"{one.name}: {len(listed)} adapters in {len(sample.datagram.raw)} "
                            "bytes")
            tap.equal(listed, list(wanted.items())[:len(listed)], one.name)
            records = [record["format"] for record in sample.content["records"]]
            tap.equal(sorted(records), ["0:2000", "0:2001", "0:2002", "0:2101", "0:2102",
                                        "0:2103", "0:2104"])
            tap.equal(sample.record("0:2103")["capacity"], 64 << 20)
            assert sample.record("0:2104")["bytes_out"] is not None
            limit = 9000 if one is large else 1400
            assert len(sample.datagram.raw) <= limit
            if len(listed) < 64:
                assert one is not large and len(listed) >= 50, len(listed)
                assert one.status()["exporter"]["truncated"] > 0
        tap.equal(len(watch.adapters(large.collector.vm(wide.uuid)[-1])), 64)


def test_odd_domain_name():
    """A domain's name of odd bytes does no harm and is sent in plain letters"""
    name = "-%s%n \"'<&>$(id);`id`\\,x=y\u202eé☃" + "ü" * 80
    with Witness("an odd name"):
        odd = tiny(name)
        sample = newest(odd.uuid, time.time() + 1)
    hostname = sample.record("0:2000")["hostname"]
    tap.diagnostics(hostname)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,62}", hostname), hostname
    assert hostname.endswith("-" + odd.uuid[:8]), hostname
    assert sample.record("0:2101")["cpuTime"] is not None, "QEMU's process was not found"
    tap.equal(vm_entry(odd.uuid)["domain"], name)


def raw_status():
    process = lab().popen([Monitor.program("cli/virt-sflow"), "status", "--json",
                           "--runtime-dir", monitor().runtime], stdout=subprocess.PIPE)
    text = process.stdout.read()
    tap.equal(process.wait(30), 0, "exit status")
    return json.loads(text.decode())  # strict


def test_link_name_not_utf8():
    """A VM's tap renamed to bytes that are no text is still that VM's"""
    odd = os.fsdecode(b"vnet\xff\xfe")
    domain = tiny("renamed")
    device, = domain.taps()
    ifindex = lab().ifindex(device)
    monitor().wait_sampling(device)
    with Witness("names that are not UTF-8"):
        foreign = os.fsdecode(b"vnet\x80")
        lab().run(["ip", "tuntap", "add", "dev", foreign, "mode", "tap"])
        tap.on_exit(lambda: lab().run(["ip", "link", "del", foreign]))
        for words in (["down"], ["name", odd]):
            lab().run(["ip", "link", "set", device, *words])
        lab().run(["ip", "link", "set", odd, "up"])
        since = time.time()
        monitor().wait_status(lambda status: any(
            entry["ifindex"] == ifindex and entry["state"] == "sampling"
            and entry["name"] != device for entry in status["taps"]))
        frames(domain.nics[0].mac, b"renamed", 4)
        wait_frames(ifindex, b"renamed", 4, since)
        shown, = [entry for entry in raw_status()["taps"] if entry["ifindex"] == ifindex]
        tap.equal((shown["name"], shown["vm"]), ("vnet\ufffd\ufffd", "renamed"))
        records = monitor().tap_records(ifindex, since=time.time() + 0.5)
        tap.equal(records["0:1005"]["port_name"], "vnet\ufffd\ufffd")


class Hook:
    """The hook's end of the daemon's hook socket."""

    def __init__(self):
        self._folder = os.open(lab().path("run", monitor().name), os.O_PATH)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.connect(f"/proc/self/fd/{self._folder}/hook")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        os.close(self._folder)


def hook_message(op, name, xml=b""):
    return (struct.pack(">4sBBHII", b"VSFH", 1, 0, len(op), len(name), len(xml))
            + op + b"\0" + name + b"\0" + (xml + b"\0" if xml else b""))


def test_hook_garbage():
    """10000 datagrams of garbage from root on the hook's socket only count as such"""
    good = hook_message(b"start", b"x", b"<domain/>")
    garbage = [b"", b"\0", b"VSFH", os.urandom(200), os.urandom(100_000), good[:-1], good + b"\0",
               good.replace(b"VSFH\1", b"VSFH\2"), b"VSFH\1\0" + b"\xff" * 10,
               hook_message(b"start", b"\xff\xfe", b"<domain/>")]
    before = monitor().status()["hook"]
    with Witness("garbage from the hook", lines=2), Hook() as hook:
        for number in range(10_000):
            hook.socket.send(garbage[number % len(garbage)])
        status = monitor().wait_status(
            lambda status: status["hook"]["malformed"] >= before["malformed"] + 10_000
            and status)
    tap.equal(status["hook"], {**before, "malformed": before["malformed"] + 10_000})


def test_hook_wild_xml():
    """Well-formed messages with wild XML: no VM appears, few lines are logged"""
    wild = [b"<domain", b"<domain/>", b"<a>" * 30_000, b"&lol;" * 20_000, os.urandom(50_000),
            b'<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><domain>&b;</domain>',
            b"<domain type='kvm' id='99999999999999999999'><name>x</name><uuid>no</uuid></domain>",
            b"<domain id='5'><name>" + b"n" * 60_000 + b"</name></domain>",
            b"<domain id='5'>" + b"<devices><interface/><disk/>" * 3000]
    before = monitor().status()["hook"]["received"]
    with Witness("wild XML", lines=2), Hook() as hook:
        for number in range(300):
            xml = wild[number % len(wild)].replace(b"\0", b" ")
            hook.socket.send(hook_message(b"start", b"n" * (1 + number * 13 % 4096), xml))
        status = monitor().wait_status(
            lambda status: status["hook"]["received"] == before + 300 and status)
        tap.equal([vm["domain"] for vm in status["vms"]], ["witness"])


def test_hook_nobody():
    """Others than root cannot write to the hook's socket, and are not believed if they could"""
    path = lab().path("run", monitor().name + "/hook")
    before = monitor().status()["hook"]

    def as_nobody(action):
        child = os.fork()
        if child == 0:
            status = 99
            try:
                os.chdir(os.path.dirname(path))  # nobody may not come here on its own
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
                status = action()
            finally:
                os._exit(status)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def connect_and_send():
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            try:
                sender.connect("hook")
            except PermissionError:
                return 13
            for _ in range(1000):
                sender.send(hook_message(b"start", b"x", b"<domain/>"))
        return 0

    tap.equal(os.stat(os.path.dirname(path)).st_mode & 0o022, 0, "who may write to the folder")
    with Witness("messages from nobody", lines=2):
        tap.equal(as_nobody(connect_and_send), 13, "connect")
        os.chmod(path, 0o666)
        tap.on_exit(lambda: os.chmod(path, 0o600))
        tap.equal(as_nobody(connect_and_send), 0, "connect to a socket open to all")
        monitor().wait_status(
            lambda status: status["hook"]["refused"] == before["refused"] + 1000)
    tap.equal(monitor().status()["hook"]["received"], before["received"])


def test_control_clients():
    """Clients of the control socket that send garbage, nothing, or never read keep nobody out"""
    folder = os.open(lab().path("run", monitor().name), os.O_PATH)
    tap.on_exit(lambda: os.close(folder))
    words = [b"", b"\xff\0garbage\n", b"{" * 100_000, b'{"request":"status"}\n',
             b'{"request":' + b"[" * 3000, b'{"request":"' + b"x" * 2000 + b'"}\n', b"\n",
             b'{"request":"status"}\n' * 100]
    clients = []
    tap.on_exit(lambda: [client.close() for client in clients])
    with Witness("clients"):
        for number in range(200):
            client = socket.socket(socket.AF_UNIX)
            clients.append(client)
            client.settimeout(5)
            client.connect(f"/proc/self/fd/{folder}/control")
            client.setblocking(False)
            try:
                client.send(words[number % len(words)])
            except (BrokenPipeError, ConnectionResetError, BlockingIOError):
                pass
            if number % 20 == 0:
                tap.equal(monitor().status()["libvirt"]["connected"], True)
        for _ in range(3):
            assert monitor().status()["vms"]


def test_name_changes_hands():
    """A tap's name passes between two VMs at once: nothing is sent under the wrong one"""
    pair = [tiny(name, start=False, nics=[lab().nic(target="tap-swap")])
            for name in ("swap-a", "swap-b")]
    rounds = {}  # ifIndex -> (round, domain)
    since = time.time()
    with Witness("the swaps"):
        for number in range(10):
            domain = pair[number % 2]
            domain.start(paused=True)
            ifindex = lab().ifindex("tap-swap")
            rounds[ifindex] = (number, domain)
            if number % 3 == 2:  # else it is over before it is known
                tap.equal(monitor().wait_sampling("tap-swap")["vm"], domain.name)
                tap.equal(tap_entry(ifindex)["mac"], domain.nics[0].mac)
                frames(domain.nics[0].mac, b"round %d" % number, 3)
                wait_frames(ifindex, b"round %d" % number, 3)
                tap.equal(watch.adapters(newest(domain.uuid, time.time() + 0.5)),
                          {domain.nics[0].mac: ifindex})
            else:
                frames(domain.nics[0].mac, b"round %d" % number, 3)
            domain.destroy()
    tap.equal(len(rounds), 10, "ifIndexes of the lab's own")
    for domain in pair:
        samples = monitor().collector.vm(domain.uuid, since)
        assert samples, domain.name
        for sample in samples:
            ifindex = watch.adapters(sample)[domain.nics[0].mac]
            assert ifindex == 0 or rounds[ifindex][1] is domain, (domain.name, ifindex, rounds)
    for ifindex, (number, domain) in rounds.items():
        tap.equal(set(payloads(ifindex)) - {b"round %d" % number}, set(), domain.name)
    assert all(entry["ifindex"] not in rounds for entry in monitor().status()["taps"])


def test_tap_deleted():
    """A tap deleted by hand under its VM: the VM goes on without, and the status says so"""
    domain = tiny("cut")
    device, = domain.taps()
    ifindex = lab().ifindex(device)
    monitor().wait_sampling(device)
    newest(domain.uuid, time.time())
    with Witness("a deleted tap"):
        lab().run(["ip", "link", "del", device])
        monitor().wait_status(lambda status: tap_entry(ifindex) is None)
        assert domain.pid(), "QEMU ended with its tap"
        sample = newest(domain.uuid, time.time() + 1)
        tap.equal(watch.adapters(sample), {domain.nics[0].mac: 0})
        tap.equal(sample.record("0:2104")["bytes_in"], None)
        assert sample.record("0:2101")["cpuTime"] is not None
        entry = vm_entry(domain.uuid)
        tap.equal((entry["taps"], entry["nics"]), ([], 1))


def test_tap_down_and_up():
    """A tap that is set down is not sampled, and says so; up again, it is"""
    domain = tiny("updown")
    device, = domain.taps()
    ifindex = lab().ifindex(device)
    monitor().wait_sampling(device)
    with Witness("a tap down and up"):
        for number in range(3):
            lab().run(["ip", "link", "set", device, "down"])
            monitor().wait_status(lambda status: tap_entry(ifindex)["state"] != "sampling")
            if number == 0:
                tap.diagnostics(tap_entry(ifindex)["state"])
            records = monitor().tap_records(ifindex, since=time.time() + 0.3)
            tap.equal(records["0:1"]["ifStatus"] & 1, 0, "admin status")
            lab().run(["ip", "link", "set", device, "up"])
            monitor().wait_sampling(device)
            frames(domain.nics[0].mac, b"up %d" % number, 3)
            wait_frames(ifindex, b"up %d" % number, 3)
        records = monitor().tap_records(ifindex, since=time.time() + 0.3)
        tap.equal(records["0:1"]["ifStatus"] & 1, 1, "admin status")


def test_nothing_malformed():
    """Every datagram of this run decodes"""
    monitor().collector.check()


if __name__ == "__main__":
    tap.main(globals(), system=True)
