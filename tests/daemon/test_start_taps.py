# SPDX-License-Identifier: GPL-2.0-or-later
"""The real daemon with more taps than auto gives to eBPF: which backend has them, and what is left
behind. Root's alone."""

import contextlib
import os
import signal
import subprocess
import tempfile

import started
from started import Daemon, tap

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
