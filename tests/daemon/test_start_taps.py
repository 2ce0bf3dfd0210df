# SPDX-License-Identifier: GPL-2.0-or-later
"""The real daemon with more taps than auto gives to eBPF: which backend has them, and what is left
behind. Root's alone."""

import collections
import contextlib
import fcntl
import os
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import started
from started import Daemon, tap
from collector import Collector

N_LINKS = 64  # what auto gives to eBPF
N_TAPS = N_LINKS + 2
NODE = ("<node><domain type='test' id='1'><name>vm</name>"
        "<uuid>11111111-0000-0000-0000-000000000001</uuid><memory>65536</memory><vcpu>1</vcpu>"
        "<os><type arch='x86_64'>hvm</type></os><devices>{}</devices></domain></node>")
NIC = ("<interface type='bridge'><mac address='52:54:00:00:00:{0:02x}'/><source bridge='br0'/>"
       "<target dev='tap{0}'/></interface>")


@contextlib.contextmanager
def taps():
    """tap0 to tap65, up, as libvirt makes them; or the test is skipped."""
    if not os.environ.get(started.IS_ROOT) or not os.path.exists("/dev/net/tun"):
        tap.skip("needs root and /dev/net/tun")
    names = [f"tap{number}" for number in range(N_TAPS)]
    batch = "".join(f"tuntap add {name} mode tap\nlink set {name} address fe:54:00:00:00:"
                    f"{number:02x}\nlink set {name} up\n" for number, name in enumerate(names))
    subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True)
    try:
        yield names
    finally:
        batch = "".join(f"link del {name}\n" for name in names if os.path.exists(
            f"/proc/sys/net/ipv4/conf/{name}"))
        subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True)


def filters(names):
    """Interfaces with a filter of the daemon's."""
    return [name for name in names if "virt-sflow" in subprocess.run(
        ["tc", "filter", "show", "dev", name, "ingress"], capture_output=True, text=True,
        check=True).stdout]


def backends(status):
    """Name -> what samples it."""
    return {one["name"]: one["backend"] for one in status.get("taps", ())
            if one["state"] == "sampling"}


def test_leftovers():
    """clsact filters that a daemon with backend = ebpf left when it was killed are taken away by
    the next one with backend = pcap, which says so"""
    with taps() as names:
        with Daemon("[capture]\nbackend = ebpf\n") as daemon:
            if daemon.status()["capture"]["backend"] != "ebpf":
                tap.skip("no eBPF here")
            daemon.wait_status(lambda status: len(backends(status)) == N_TAPS, "samplers")
            tap.equal(daemon.end(signal.SIGKILL), -signal.SIGKILL)
        left = len(filters(names))
        assert left >= 2, left
        with Daemon("[capture]\nbackend = pcap\n") as daemon:
            tap.equal(filters(names), [])
            text = f"when it was killed; interfaces that had some: {left}"
            assert text in daemon.log(), daemon.log()


@contextlib.contextmanager
def monitored(config, **options):
    """A daemon that samples the 66 taps of one VM."""
    with taps(), tempfile.NamedTemporaryFile("w", suffix=".xml") as node:
        node.write(NODE.format("".join(map(NIC.format, range(N_TAPS)))))
        node.flush()
        with Daemon(config, uri=f"test://{node.name}", **options) as daemon:
            daemon.wait_status(lambda status: len(backends(status)) == N_TAPS, "samplers")
            yield daemon


def of_ebpf(status):
    return sum(backend == "ebpf" for backend in backends(status).values())


def test_moves():
    """what libpcap has for lack of room moves to eBPF when there is some: after a VM's end, and
    after a quick pause and resume"""
    with monitored("") as daemon:
        if daemon.status()["capture"]["backend"] != "ebpf":
            tap.skip("no eBPF here")
        status = daemon.wait_status(lambda status: of_ebpf(status) == N_LINKS and status,
                                    "as many with eBPF as may be")
        gone = next(name for name, backend in backends(status).items() if backend == "ebpf")
        subprocess.run(["ip", "link", "del", gone], check=True)
        daemon.wait_status(lambda status: len(backends(status)) == N_TAPS - 1 and
                           of_ebpf(status) == N_LINKS, "a tap that moves")
        for words in (["pause", "sampling"], ["resume", "sampling"]):
            subprocess.run([started.COMMAND, *words, "--runtime-dir", daemon.runtime], check=True,
                           stdout=subprocess.DEVNULL)
        daemon.wait_status(lambda status: len(backends(status)) == N_TAPS - 1 and
                           of_ebpf(status) == N_LINKS, "taps that move after the pause")
        assert "no room" not in daemon.log(), daemon.log()


class Traffic:
    """Frames with a number from the VM of one tap to that of another on the same bridge, until
    the block is left; `sent` is how many."""

    TUNSETIFF, IFF_TAP_NO_PI = 0x400454CA, 0x1002
    REST = 60  # bytes behind the number

    def __init__(self, sender, receiver):
        self.sent = 0
        self._ends = [self._open(name) for name in (sender, receiver)]
        macs = [bytes.fromhex("52540000") + struct.pack(">H", int(name[3:]))
                for name in (receiver, sender)]
        self._head = b"".join(macs) + bytes.fromhex("88b5")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _open(self, name):
        end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(end, self.TUNSETIFF, struct.pack("16sH22x", name.encode(), self.IFF_TAP_NO_PI))
        return end

    def _run(self):
        while not self._over.is_set():
            for _ in range(5):
                os.write(self._ends[0], self._head + struct.pack(">I", self.sent) + bytes(self.REST))
                self.sent += 1
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.read(self._ends[1], 2048)
            time.sleep(0.005)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
        for end in self._ends:
            os.close(end)


class Here:
    """What a Collector wants of a lab."""
    socket = staticmethod(socket.socket)


def numbers(samples):
    """Of the frames of Traffic that are in flow samples."""
    headers = [bytes.fromhex(sample.record("0:1")["header"]) for sample in samples]
    return [struct.unpack(">I", header[14:18])[0] for header in headers
            if header[12:14] == bytes.fromhex("88b5")]


@contextlib.contextmanager
def bridge(*ports):
    subprocess.run(["ip", "-batch", "-"], text=True, check=True,
                   input="link add br0 type bridge mcast_snooping 0\nlink set br0 up\n" +
                   "".join(f"link set {port} master br0\n" for port in ports))
    try:
        yield
    finally:
        subprocess.run(["ip", "link", "del", "br0"], check=True)


def test_once():
    """a frame to another VM is sampled once, 1 in 1, while its sender's tap moves to eBPF"""
    config = ("[sflow]\nsampling = 1\n[capture]\nmax-samples-per-second = 0\n"
              "max-host-samples-per-second = 0\n[daemon]\ncpu-limit = off\n")
    with monitored(config) as daemon, Collector(Here(), port=6399) as collector:
        if daemon.status()["capture"]["backend"] != "ebpf":
            tap.skip("no eBPF here")
        before = daemon.wait_status(
            lambda status: of_ebpf(status) == N_LINKS and backends(status), "samplers")
        senders = [name for name, backend in before.items() if backend == "pcap"]
        receiver, *others = [name for name, backend in before.items() if backend == "ebpf"]
        with bridge(senders[0], receiver), Traffic(senders[0], receiver) as traffic:
            index = socket.if_nametoindex(senders[0])
            collector.wait(lambda: collector.flows(index), what="samples of libpcap's")
            # Both may move then.
            for name in others[:2]:
                subprocess.run(["ip", "link", "del", name], check=True)
            daemon.wait_status(lambda status: backends(status).get(senders[0]) == "ebpf",
                               "the move")
            moved = traffic.sent
            collector.wait(lambda: max(numbers(collector.flows(index)), default=0) > moved + 100,
                           what="samples of eBPF's")
        found = collections.Counter(numbers(collector.flows()))
        tap.diagnostics(f"{traffic.sent} frames, {len(found)} sampled, {moved} before the move")
        tap.equal([number for number, times in found.items() if times > 1], [], "twice")
        assert len(found) > traffic.sent / 2, (len(found), traffic.sent)
        after = [sample.content for sample in collector.flows(index)
                 if max(numbers([sample]), default=0) > moved]
        tap.equal({one["sample_pool"] - one["sequence"] for one in after},
                  {after[0]["sample_pool"] - after[0]["sequence"]}, "what a pool has more")


def test_reopened():
    """nobody hears of a lack of room when a reload opens all samplers anew where they just fit"""
    # 96 are everything else's.
    with monitored("[capture]\nbackend = pcap\n", files=96 + N_TAPS + 4) as daemon:
        daemon.reload("[sflow]\nheader-bytes = 64\n[capture]\nbackend = pcap\n")
        daemon.wait_status(lambda status: len(backends(status)) == N_TAPS and
                           status["capture"]["without_room"] == 0, "samplers again")
        assert "room" not in daemon.log(), daemon.log()


if __name__ == "__main__":
    started.main(globals())
