# SPDX-License-Identifier: GPL-2.0-or-later
"""The second half of ./quickstart: runs the built daemon against the machine's
libvirt (host) or a lab of its own, with a live view of what it sends.

Ends at Ctrl-C, SIGTERM or after --seconds. Children on the host die with this
process by PR_SET_PDEATHSIG, those in the lab with the lab's namespaces."""

import argparse
import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import live
from lab import Lab
from sandbox import Failed

POLLING_S = 5
LAB_SAMPLING = 20
START = time.monotonic() - float(os.environ.get("VSF_STARTED", "0"))
NAMES = ["web01", "db01", "app01", "mail01", "cache01"]
# A guest's life: a file served, one fetched from its neighbour, a little disk.
# nc, since the static busybox's wget crashes in this guest.
TRAFFIC = r"""
cd /mnt && dd if=/dev/urandom of=page bs=1k count=200 2>/dev/null
httpd -p 80 -h /mnt
while :; do
    printf 'GET /page HTTP/1.0\r\n\r\n' | timeout 5 nc {peer} 80
    ping -c 2 -W 1 -q {host}
    dd if=/dev/zero of=/mnt/scratch bs=64k count=16 conv=fsync
    sleep 1
done >/dev/null 2>&1 &
"""


class Ended(Exception):
    """A signal or --seconds."""


class Broken(Exception):
    """Something that must run does not."""


def step(text):
    print(f"[{time.monotonic() - START:4.0f} s] {text}", file=sys.stderr, flush=True)


def end(*_):
    # Once: a second Ctrl-C must not break off the cleaning up.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise Ended


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class HostPlace:
    """Runs things where we are; what is written goes below the build folder."""

    def __init__(self, build):
        base = os.path.join(build, "lab")
        os.makedirs(base, exist_ok=True)
        self.folder = tempfile.mkdtemp(prefix="host-", dir=base)
        self.processes = []

    def popen(self, command, log, **options):
        # In its folder: a socket's path is relative and so short enough.
        with open(log, "ab") as errors:
            process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL,
                                       stderr=errors, preexec_fn=die_with_parent,
                                       start_new_session=True, **options)
        self.processes.append(process)
        return process

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class LabPlace:
    def __init__(self, lab):
        self.lab = lab
        self.folder = lab.path("run", "vsf")

    def popen(self, command, log, **options):
        with open(log, "ab") as errors:
            return self.lab.popen(command, stderr=errors, **options)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def parse_collector(text):
    """-> (host, port, interface or ""), of a text that virt-sflowd has accepted."""
    bracket = text.rfind("]")
    # [V6%DEV]:PORT is allowed as well, and [V6]:PORT%DEV.
    text, _, device = text.partition("%") if text.rfind("%") > bracket else (text, "", "")
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        host, _, scope = host.partition("%")
        return host, int(rest[1:] or 6343), device or scope
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, int(port), device
    return text, 6343, device


def connect_collector(text):
    """A socket of our own network that sends there."""
    host, port, device = parse_collector(text)
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        outside = socket.socket(family, kind)
        if device:
            outside.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        outside.connect(address)
    except OSError as error:
        raise Broken(f"--collector {text}: {error.strerror}") from None
    return outside


def relay(lab, outside, port):
    """Passes on what arrives inside the lab, which has no way out."""
    inside = lab.socket()
    inside.bind(("127.0.0.1", port))

    def body():
        while True:
            data = inside.recv(65536)
            with contextlib.suppress(OSError):
                outside.send(data)

    threading.Thread(target=body, daemon=True).start()


class Run:
    """The daemon, a `virt-sflow receive` beside it, and the view."""

    def __init__(self, place, build, title, collectors, port, options, config):
        self.json = options.json
        self.log = os.path.join(place.folder, "virt-sflowd.log")
        config_path = os.path.join(place.folder, "quickstart.conf")
        with open(config_path, "w") as file:
            file.write(config)
        for name in ("runtime", "state"):
            os.makedirs(os.path.join(place.folder, name), exist_ok=True)
        inside = "/run/vsf/" if isinstance(place, LabPlace) else ""
        self.receive = place.popen(
            [os.path.join(build, "daemon/cli/virt-sflow"), "receive", "--json",
             "--port", str(port)],
            os.path.join(place.folder, "receive.log"), stdout=subprocess.PIPE)
        command = [os.path.join(build, "daemon/virt-sflowd"), "--config",
                   inside + "quickstart.conf", "--runtime-dir", inside + "runtime",
                   "--state-dir", inside + "state"]
        for collector in collectors:
            command += ["--collector", collector]
        self.daemon = place.popen(command, self.log, stdout=subprocess.DEVNULL)
        self.view = live.View(title)
        self.screen = None
        self.drawn = 0
        self.buffer = b""

    def logs(self):
        with contextlib.suppress(OSError), open(self.log, errors="replace") as file:
            return "".join(file.readlines()[-20:])
        return ""

    def last_warning(self):
        """If nothing was logged since."""
        return "".join(self.logs().splitlines()[-1:]).partition(" warning: ")[2]

    def check(self):
        for process, name in ((self.daemon, "virt-sflowd"), (self.receive, "virt-sflow receive")):
            if process.poll() is not None:
                raise Broken(f"{name} ended with status {process.returncode}\n{self.logs()}")

    def pump(self, until, draw=True):
        """Handles what arrives until that time (None: for ever)."""
        if draw and not self.json and self.screen is None:
            self.screen = live.Screen()
        while until is None or time.monotonic() < until:
            now = time.monotonic()
            if self.screen is not None and draw and now - self.drawn >= self.screen.interval:
                self.view.warning = "" if self.view.vms else self.last_warning()
                self.screen.draw(self.view, now)
                self.drawn = now
            if select.select([self.receive.stdout], [], [], 0.25)[0]:
                self._take(os.read(self.receive.stdout.fileno(), 65536))
            self.check()

    def _take(self, data):
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        for line in lines:
            if self.json:
                sys.stdout.buffer.write(line + b"\n")
                sys.stdout.flush()
            with contextlib.suppress(ValueError):
                self.view.feed(json.loads(line), time.monotonic())

    def close(self):
        if self.screen is not None:
            self.screen.close()
            if not self.screen.interactive:
                self.view.warning = self.last_warning()
                self.screen.draw(self.view, time.monotonic())


def config_text(agent="auto", **sflow):
    """Only what differs from the defaults."""
    return f"[guest]\nagent = {agent}\n[sflow]\n" + "".join(
        f"{key.replace('_', '-')} = {value}\n" for key, value in sflow.items())


def deadline_of(options):
    return time.monotonic() + options.seconds if options.seconds else None


def watch_host(build, options):
    with HostPlace(build) as place:
        port = free_port()
        # The user's first: the agent address is the one that leads to it.
        collectors = options.collector + [f"127.0.0.1:{port}"]
        step("starting virt-sflowd on this machine's libvirt (read-only)")
        # Whether the guests of others are asked is for their owner to say.
        run = Run(place, build, "virt-sflow: the VMs of this machine; Ctrl-C ends", collectors,
                  port, options, config_text(agent="off", polling=POLLING_S))
        try:
            run.pump(deadline_of(options))
        finally:
            run.close()


def watch_lab(build, options):
    outside = [connect_collector(text) for text in options.collector]
    step("looking for KVM and preparing a guest image")
    with Lab(build, hostname="kvm-lab") as lab:
        kvm = lab.accelerator == "kvm"
        step("libvirtd runs in namespaces of its own; guests under "
             + ("KVM" if kvm else "software emulation (no usable KVM here)"))
        place = LabPlace(lab)
        collectors = ["127.0.0.1:6343"]
        for number, collector in enumerate(outside):
            relay(lab, collector, 6344 + number)
            collectors.append(f"127.0.0.1:{6344 + number}")
        step("starting virt-sflowd")
        title = (f"virt-sflow: a lab of {options.vms} VM{'s' * (options.vms != 1)} under "
                 + ("KVM" if kvm else "software emulation") + "; Ctrl-C ends")
        run = Run(place, build, title, collectors, 6343, options,
                  config_text(polling=POLLING_S, sampling=LAB_SAMPLING, agent_address=lab.address))
        try:
            run_guests(lab, run, options, deadline_of(options))
        finally:
            run.close()


def run_guests(lab, run, options, deadline):
    names = (NAMES + [f"vm{n:02d}" for n in range(len(NAMES) + 1, options.vms + 1)])[:options.vms]
    guests = []
    for name in names:
        run.check()
        step(f"booting {name}")
        guests.append(lab.define_guest(name))
        guests[-1].start(wait=False)
        run.pump(time.monotonic() + 0.1, draw=False)
    # Traffic begins in a thread, so that the view shows the boot as well.
    failures = []

    def make_busy():
        try:
            for number, guest in enumerate(guests):
                guest.wait_ready(timeout=180)
                peer = guests[number - 1].address
                guest.run(TRAFFIC.format(peer=peer, host=lab.address))
        except (Failed, OSError) as error:
            failures.append(error)  # also when the lab ends before we do

    threading.Thread(target=make_busy, daemon=True).start()
    while deadline is None or time.monotonic() < deadline:
        run.pump(min(deadline or time.monotonic() + 1, time.monotonic() + 1))
        if failures:
            raise Broken(f"a guest does not answer: {failures[0]}\n{lab.logs()}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["host", "lab"])
    parser.add_argument("--build", required=True)
    parser.add_argument("--vms", type=int, default=2)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--collector", action="append", default=[])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    try:
        watch = watch_host if options.mode == "host" else watch_lab
        watch(os.path.abspath(options.build), options)
    except Ended:
        pass
    except BrokenPipeError:
        # Who read our output is gone, and so the point of going on.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except (Broken, Failed, OSError) as error:
        print(f"quickstart: {error}", file=sys.stderr)
        return 1
    step("done: nothing is left running")
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # a thread may still wait for a guest that is gone
