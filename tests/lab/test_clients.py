# SPDX-License-Identifier: GPL-2.0-or-later
"""Crowds at the daemon's own doors: a flood of malformed hook messages, messages of others
than root, and a thousand control clients that hold, flood or never read. VSF_LONG=1: a
minute of such clients, and three times the messages."""

import os
import socket
import struct
import subprocess
import time
import traceback

import lab as labs
import sanitized
import tap
import watch
from monitor import Monitor

LONG = os.environ.get("VSF_LONG") == "1"
MESSAGES = 3_000_000 if LONG else 1_000_000
CROWD_S = 60 if LONG else 8
CLIENTS = 1000
NOBODY = 65534
POLLING = 1
LATE_S = 1.0         # how late a sample may be
MEMORY_KIB = sanitized.memory(8192)    # what the daemon may hold more than before
DESCRIPTORS = 32 + 8  # control clients, and what comes and goes


def lab():
    return tap.fixture(labs.Lab)


def monitor():
    found = tap.fixture(make_monitor)
    found.wait_connected()
    return found


def make_monitor():
    return Monitor(lab(), sampling=1, polling=POLLING)


def vm():
    found = getattr(vm, "made", None)
    if found is None:
        monitor()
        found = vm.made = lab().define_tiny("witness")
        found.start(paused=True)
        monitor().wait_sampling(found.taps()[0])
        monitor().vm_records(found.uuid)
    return found


class Served:
    """    with Served() as served: ... while ...: served.ask()

    Meanwhile the VM's samples are on time, the status answers, and neither memory nor
    descriptors of the daemon grow beyond a bound; afterwards the descriptors are back."""

    def __enter__(self):
        self._vm, self._pid = vm(), monitor().pid
        self._descriptors, self._memory = monitor().n_descriptors(), monitor().memory_kib()
        self._most_memory = self._most_descriptors = 0
        self._waits = []
        self._since = time.time()
        return self

    def ask(self):
        began = time.monotonic()
        status = monitor().status()
        self._waits.append(time.monotonic() - began)
        tap.equal(status["libvirt"]["connected"], True)
        self._most_memory = max(self._most_memory, monitor().memory_kib())
        self._most_descriptors = max(self._most_descriptors, monitor().n_descriptors())
        return status

    def __exit__(self, kind, *_):
        if kind is not None:
            return
        until = time.time()
        time.sleep(POLLING + LATE_S)
        samples = monitor().collector.vm(self._vm.uuid, self._since)
        gap = watch.longest_gap(samples, self._since, until)
        tap.diagnostics(
            f"{len(self._waits)} times asked, answered after at most {max(self._waits):.2f} s; "
            f"samples at most {gap:.2f} s apart; memory {self._memory} -> {self._most_memory} KiB; "
            f"descriptors {self._descriptors} -> {self._most_descriptors}")
        assert gap < POLLING + LATE_S, f"no sample for {gap:.1f} s"
        watch.consecutive(samples)
        tap.equal(monitor().pid, self._pid, "the daemon's PID")
        assert max(self._waits) < 5, f"the status took {max(self._waits):.1f} s"
        assert self._most_memory - self._memory < MEMORY_KIB, "memory"
        assert self._most_descriptors - self._descriptors <= DESCRIPTORS, "descriptors"
        deadline = time.monotonic() + 20
        while (now := monitor().n_descriptors()) > self._descriptors + 2:
            assert time.monotonic() < deadline, f"{now} descriptors are left"
            time.sleep(0.1)


class Child:
    """A process of its own that runs body() in the folder of the daemon's sockets, as `uid`."""

    def __init__(self, body, uid=0):
        folder = lab().path("run", monitor().name)
        self._pid = os.fork()
        if self._pid == 0:
            status = 99
            try:
                os.chdir(folder)  # others than root may not come here on their own
                if uid:
                    os.setgroups([])
                    os.setgid(uid)
                    os.setuid(uid)
                status = body() or 0
            except PermissionError:
                status = 13
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        tap.on_exit(self._kill)

    def done(self):
        """Its exit status, None while it runs."""
        if self._pid is None:
            return self._status
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if pid == 0:
            return None
        self._pid, self._status = None, os.waitstatus_to_exitcode(status)
        return self._status

    def wait(self, timeout):
        deadline = time.monotonic() + timeout
        while (status := self.done()) is None:
            assert time.monotonic() < deadline, f"no end within {timeout} s"
            time.sleep(0.05)
        return status

    def _kill(self):
        if self.done() is None:
            os.kill(self._pid, 9)
            os.waitpid(self._pid, 0)


def hook_message(op, name, xml=b""):
    return (struct.pack(">4sBBHII", b"VSFH", 1, 0, len(op), len(name), len(xml))
            + op + b"\0" + name + b"\0" + (xml + b"\0" if xml else b""))


def send_all(messages, count):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect("hook")
        for number in range(count):
            sender.send(messages[number % len(messages)])


def garbage():
    """A few of a hundred are large."""
    good = hook_message(b"start", b"x", b"<domain/>")
    kinds = [b"", b"\0", b"VSFH", os.urandom(200), good[:-1], good + b"\0",
             good.replace(b"VSFH\1", b"VSFH\2"), b"VSFH\1\0" + b"\xff" * 10,
             hook_message(b"start", b"\xff\xfe", b"<domain/>"),
             hook_message(b"", b"x"), hook_message(b"start", b""), b"\xff" * 1000]
    return (kinds * 8)[:97] + [os.urandom(140_000), b"VSFH" * 30_000, good + b"x" * 100_000]


FORGED = "6f0e0000-0000-4000-8000-00000000f06e"


def forged():
    return hook_message(
        b"start", b"forged", b"<domain type='qemu' id='4711'><name>forged</name><uuid>"
        + FORGED.encode() + b"</uuid><devices/></domain>")


def test_hook_flood():
    """A flood of malformed messages from root at the hook's socket: all are counted, and nobody
    else notices"""
    vm()
    messages = garbage()
    before = monitor().status()["hook"]
    log = len(monitor().log())
    with Served() as served:
        began = time.monotonic()
        child = Child(lambda: send_all(messages, MESSAGES))
        while child.done() is None:
            served.ask()
            time.sleep(0.2)
        tap.equal(child.wait(1), 0)
        status = monitor().wait_status(
            lambda status: status["hook"]["malformed"] >= before["malformed"] + MESSAGES
            and status)
        tap.diagnostics(f"{MESSAGES / (time.monotonic() - began):.0f} messages a second")
        tap.equal(status["hook"], {**before, "malformed": before["malformed"] + MESSAGES})
    lines = [line for line in monitor().log()[log:].splitlines() if "hook" in line]
    assert 1 <= len(lines) <= 2 + (time.monotonic() - began) / 60, lines


def test_hook_nobody():
    """A flood of well-formed messages of others than root: the socket is closed to them; were it
    open, they are counted and not believed"""
    vm()
    message = forged()
    path = lab().path("run", monitor().name + "/hook")
    before = monitor().status()["hook"]
    count = MESSAGES // 5
    tap.equal(Child(lambda: send_all([message], 1), NOBODY).wait(20), 13, "connect")
    os.chmod(path, 0o666)
    tap.on_exit(lambda: os.chmod(path, 0o600))
    with Served() as served:
        child = Child(lambda: send_all([message], count), NOBODY)
        while child.done() is None:
            served.ask()
            time.sleep(0.2)
        tap.equal(child.wait(1), 0)
        status = monitor().wait_status(
            lambda status: status["hook"]["refused"] == before["refused"] + count and status)
        tap.equal(status["hook"]["received"], before["received"])
        tap.equal([entry["domain"] for entry in status["vms"]], ["witness"])
    tap.equal(monitor().collector.vm(FORGED), [])
    # The same from root is a hint, so the message is not refused for its form.
    tap.equal(Child(lambda: send_all([message], 1)).wait(20), 0)
    monitor().wait_status(lambda status: any(entry["uuid"] == FORGED for entry in status["vms"]))
    if LONG:  # libvirt knows no such domain, which is asked after a while
        monitor().wait_status(
            lambda status: all(entry["uuid"] != FORGED for entry in status["vms"]), 40)


# The other end was closed, or has no room now.
ENDED = (BrokenPipeError, ConnectionResetError, BlockingIOError, TimeoutError)


def connect():
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(10)
    client.connect("control")
    return client


def hold(seconds, words, clients):
    """Opens connections, says @words in each, never reads, and opens each anew that was ended."""
    held = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            client = connect()
            client.setblocking(False)
            held.append(client)
            client.send(words)
        except ENDED:
            time.sleep(0.001)
        if len(held) > clients:
            held.pop(0).close()


def pour(seconds):
    """A request without an end, again and again."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            with connect() as client:
                while time.monotonic() < until:
                    client.send(b" " * 65536)
        except ENDED:
            time.sleep(0.001)


def test_control_crowd():
    """Control clients that say nothing, garbage or too much, or ask and never read, by hundreds
    and all the time: the status answers everyone else"""
    vm()
    ask = b'{"request":"status"}\n'
    with Served() as served:
        children = [Child(lambda: hold(CROWD_S, b"", 300)),
                    Child(lambda: hold(CROWD_S, b"\xff\0garbage\n", 300)),
                    Child(lambda: hold(CROWD_S, b'{"request":', 300)),
                    Child(lambda: hold(CROWD_S, ask, 300)),
                    Child(lambda: pour(CROWD_S))]
        while any(child.done() is None for child in children):
            served.ask()
            time.sleep(0.2)
        tap.equal([child.wait(1) for child in children], [0] * len(children))


def test_control_thousand():
    """A thousand connections at once, a part of which ask: all who ask are answered, and the
    command is among them"""
    vm()
    names = os.open(lab().path("run", monitor().name), os.O_PATH)
    tap.on_exit(lambda: os.close(names))
    clients = []
    tap.on_exit(lambda: [client.close() for client in clients])
    with Served() as served:
        command = lab().popen([Monitor.program("cli/virt-sflow"), "status", "--json",
                               "--runtime-dir", monitor().runtime], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        for number in range(CLIENTS):
            client = socket.socket(socket.AF_UNIX)
            clients.append(client)
            client.settimeout(20)
            client.connect(f"/proc/self/fd/{names}/control")
            if number % 4 == 3:
                client.sendall(b'{"request":"status"}\n')
        served.ask()
        for client in clients[3::4]:
            text = b""
            while part := client.recv(65536):
                text += part
            assert text.startswith(b'{"version"') and text.endswith(b"}\n"), text[:200]
        output, errors = command.communicate(timeout=20)
        assert command.returncode == 0 and output.startswith(b"{"), errors
        served.ask()
        for client in clients:
            client.close()


if __name__ == "__main__":
    tap.main(globals(), system=True)
