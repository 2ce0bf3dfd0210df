# SPDX-License-Identifier: GPL-2.0-or-later
"""The real daemon with physical ports: cables whose ends /sys shows with a device, as no virtual
interface has one, and with the speed that the test says. Root's alone."""

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import tempfile
import threading
import time

import started
from started import Daemon, tap
from collector import Collector

CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 4096, 16384, 1 << 18
PORTS = ("up0", "up1")
CLASS = "/sys/class/net"
TUNSETIFF, IFF_TAP_NO_PI = 0x400454CA, 0x1002
CAPTURE = "max-samples-per-second = 0\nmax-host-samples-per-second = 0\n"
NODE = ("<node><domain type='test' id='1'><name>vm</name>"
        "<uuid>11111111-0000-0000-0000-000000000001</uuid><memory>65536</memory><vcpu>1</vcpu>"
        "<os><type arch='x86_64'>hvm</type></os><devices><interface type='bridge'>"
        "<mac address='52:54:00:00:00:07'/><source bridge='br0'/><target dev='tap7'/></interface>"
        "</devices></domain></node>")
VM_MAC, OUTSIDE_MAC = bytes.fromhex("525400000007"), bytes.fromhex("525400000099")


def check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def ip(*lines):
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True)


class Here:
    """What a Collector wants of a lab."""
    socket = staticmethod(socket.socket)


class Sys:
    """/sys/class/net as this process and its children see it, with devices behind some."""

    def __init__(self, *speeds):
        libc = ctypes.CDLL(None, use_errno=True)
        check(libc.unshare(CLONE_NEWNS))
        check(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))
        check(libc.mount(b"none", CLASS.encode(), b"tmpfs", 0, None))
        for name, speed in zip(PORTS, speeds):
            self.add(name, socket.if_nametoindex(name), speed)

    def add(self, name, ifindex, speed):
        os.makedirs(os.path.join(CLASS, name, "device"))
        self.set(name, "type", 1)
        self.set(name, "ifindex", ifindex)
        self.set(name, "speed", speed)

    def set(self, name, file, value):
        with open(os.path.join(CLASS, name, file), "w", encoding="ascii") as out:
            out.write(f"{value}\n")


@contextlib.contextmanager
def machine():
    """A VM's tap7 and the port up0, with far0 at the cable's other end, on the bridge br0; up1 and
    far1 beside; or the test is skipped."""
    if not os.environ.get(started.IS_ROOT) or not os.path.exists("/dev/net/tun"):
        tap.skip("needs root and /dev/net/tun")
    ip("link add br0 type bridge mcast_snooping 0 forward_delay 0", "link set br0 up",
       "link add up0 type veth peer name far0", "link add up1 type veth peer name far1",
       "tuntap add tap7 mode tap", "link set tap7 address fe:54:00:00:00:07",
       "link set tap7 master br0", "link set up0 master br0",
       *(f"link set {name} up" for name in ("up0", "up1", "far0", "far1", "tap7")))
    end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)  # the VM's: else it has no carrier
    try:
        fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", b"tap7", IFF_TAP_NO_PI))
        yield
    finally:
        os.close(end)
        ip("link del up0", "link del up1", "link del tap7", "link del br0")


@contextlib.contextmanager
def monitored(config):
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as node:
        node.write(NODE)
        node.flush()
        with Daemon(config, uri=f"test://{node.name}") as daemon:
            yield daemon


def rates(status):
    """Name -> role and rate of what is sampled."""
    return {one["name"]: (one["role"], one["sampling"]) for one in status.get("taps", ())
            if one["state"] == "sampling"}


def wait_rates(daemon, **expected):
    try:
        daemon.wait_status(lambda status: rates(status) == expected, "rates")
    except AssertionError:
        tap.equal(rates(daemon.status()), expected)
        raise


class Traffic:
    """Frames to the VM from far0 until the block is left."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._socket.bind(("far0", 0))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.sent = 0

    def _run(self):
        while not self._over.is_set():
            for _ in range(20):
                self._socket.send(VM_MAC + OUTSIDE_MAC + bytes.fromhex("88b5") + bytes(60))
                self.sent += 1
            time.sleep(0.005)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
        self._socket.close()


def test_off():
    """no port is sampled unasked, nor with [host] enabled = off"""
    with machine():
        Sys(1000, 10000)
        with monitored("[sflow]\nsampling = 4\n") as daemon:
            wait_rates(daemon, tap7=("vm", 4))
            tap.equal(daemon.status()["capture"]["ports_wanted"], "off")
            daemon.reload("[sflow]\nsampling = 4\n[capture]\nports = uplinks\n[host]\n"
                          "enabled = off\n")
            status = daemon.status()
            assert "enabled" in status["capture"]["ports_trouble"], status["capture"]
            wait_rates(daemon, tap7=("vm", 4))


def test_off_by_rule():
    """the status of a port or tap whose sampling is off tells the direction that its section says"""
    config = ("[sflow]\nsampling = 0\n[capture]\nports = up*\ndirection = once\n"
              "[interface up1]\ndirection = in\n[interface tap7]\ndirection = out\n")
    with machine():
        Sys(-1, -1)
        with monitored(config) as daemon:
            status = daemon.wait_status(lambda status: len(status.get("taps", ())) == 3 and
                                        all(one["role"] != "unknown" for one in status["taps"]) and
                                        status, "two ports and the tap")
            tap.equal({one["name"]: (one["state"], one["direction"]) for one in status["taps"]},
                      {"tap7": ("off", "out"), "up0": ("off", "both"), "up1": ("off", "in")})


def way(flow):
    return flow["input"]["value"], flow["output"]["value"]


def rates_by_backend(backend):
    config = ("[sflow]\nsampling = 4\nsampling.1G = 10\n[capture]\nports = uplinks\n"
              f"backend = {backend}\n{CAPTURE}[daemon]\ncpu-limit = off\n")
    with machine():
        Sys(1000, -1)
        with monitored(config) as daemon, Collector(Here(), port=6399) as collector:
            if daemon.status()["capture"]["backend"] != backend:
                tap.skip(f"no {backend} here")
            wait_rates(daemon, tap7=("vm", 4), up0=("port", 10), up1=("port", 4))
            port, vm = (socket.if_nametoindex(name) for name in ("up0", "tap7"))
            with Traffic() as traffic:
                collector.wait(lambda: len(collector.flows(port)) >= 200 and
                               len(collector.flows(vm)) >= 200, what="samples of both")
            of_port = [sample.content for sample in collector.flows(port)]
            of_vm = [sample.content for sample in collector.flows(vm)]
            tap.diagnostics(f"{traffic.sent} frames, {len(of_port)} samples of the port, "
                            f"{len(of_vm)} of the tap")
            tap.equal({one["sampling_rate"] for one in of_port}, {10})
            tap.equal({one["sampling_rate"] for one in of_vm}, {4})
            # Each counts all of them; half of the sum is seven standard deviations at least.
            for one, rate in ((of_port, 10), (of_vm, 4)):
                assert abs(len(one) * rate - traffic.sent) < traffic.sent / 2, len(one)
            unicast = [sample.content for sample in collector.flows(port)
                       if sample.record("0:1")["header"].startswith(VM_MAC.hex())]
            tap.equal({way(one) for one in unicast}, {(port, vm)})


def test_rates():
    """libpcap samples a port at its speed's rate and the VM's tap at sampling, each all that
    passes it"""
    rates_by_backend("pcap")


def test_rates_ebpf():
    """so does eBPF, which leaves out no frame on the tap that came in by the port"""
    rates_by_backend("ebpf")


def test_speed():
    """another speed is another rate, of the same sampler; a section and a reload too"""
    config = "[sflow]\nsampling = 4\n[capture]\nports = up?\n"
    with machine():
        sys = Sys(1000, 10000)
        with monitored(config) as daemon:
            wait_rates(daemon, tap7=("vm", 4), up0=("port", 1000), up1=("port", 10000))
            sys.set("up0", "speed", 25000)
            ip("link set far0 down")  # and with it up0's carrier
            ip("link set far0 up")
            wait_rates(daemon, tap7=("vm", 4), up0=("port", 25000), up1=("port", 10000))
            daemon.reload(config + "[interface up1]\nsampling = 7\n")
            wait_rates(daemon, tap7=("vm", 4), up0=("port", 25000), up1=("port", 7))
            daemon.reload("[sflow]\nsampling = 4\nsampling.25G = 0\n[capture]\nports = up?\n")
            wait_rates(daemon, tap7=("vm", 4), up1=("port", 10000))
            daemon.reload("[sflow]\nsampling = 4\n[capture]\nports = off\n")
            wait_rates(daemon, tap7=("vm", 4))
            daemon.reload("[sflow]\nsampling = 4\n[capture]\nports = x*\n")
            daemon.wait_status(lambda status: "such a name" in (
                status["capture"]["ports_trouble"] or ""), "the reason")


def test_plugged():
    """a port that is plugged in is sampled, and one that is pulled out no more"""
    with machine():
        sys = Sys(1000)
        with monitored("[sflow]\nsampling = 4\n[capture]\nports = uplinks\n") as daemon:
            wait_rates(daemon, tap7=("vm", 4), up0=("port", 1000))
            ip("link add hot0 type veth peer name hot1")
            sys.add("hot0", socket.if_nametoindex("hot0"), 100)
            ip("link set hot0 up", "link set hot1 up")
            wait_rates(daemon, tap7=("vm", 4), up0=("port", 1000), hot0=("port", 100))
            ip("link del hot0")
            wait_rates(daemon, tap7=("vm", 4), up0=("port", 1000))


def test_bond():
    """the ports of a bond are sampled, and not the bond, so that no frame counts twice"""
    config = "[sflow]\nsampling = 1\nsampling.1G = 1\n[capture]\nports = *\n" + CAPTURE
    with machine():
        Sys(1000, 1000)
        if subprocess.run(["ip", "link", "add", "bond0", "type", "bond", "mode", "active-backup",
                           "miimon", "100"], stderr=subprocess.DEVNULL).returncode != 0:
            tap.skip("this kernel makes no bonds")
        ip("link set up0 nomaster", "link set up0 down", "link set up1 down", "link set up0 master bond0",
           "link set up1 master bond0", "link set bond0 master br0", "link set bond0 up",
           "link set up0 up", "link set up1 up")
        try:
            with monitored(config) as daemon, Collector(Here(), port=6399) as collector:
                wait_rates(daemon, tap7=("vm", 1), up0=("port", 1), up1=("port", 1))
                port, vm = (socket.if_nametoindex(name) for name in ("up0", "tap7"))
                with Traffic():
                    collector.wait(lambda: len(collector.flows(port)) >= 200, what="samples")
                ours = [sample for sample in collector.flows()
                        if sample.record("0:1")["header"].startswith(VM_MAC.hex())]
                tap.equal({sample.content["source"] for sample in ours} -
                          {f"0:{port}", f"0:{vm}"}, set())
                # The bridge is above the bond.
                tap.equal({way(sample.content) for sample in ours
                           if sample.content["source"] == f"0:{port}"}, {(port, vm)})
        finally:
            ip("link del bond0")


def test_vlan():
    """a frame with a VLAN's tag is sampled once, on the port, with its tag"""
    config = ("[sflow]\nsampling = 1\nsampling.1G = 1\n[capture]\nports = up*\n"
              f"interfaces = *\n{CAPTURE}")
    tagged = bytes.fromhex("8100000588b5")
    with machine():
        Sys(1000)
        # Where the kernel makes no VLANs, the bridge passes the tags on.
        if subprocess.run(["ip", "link", "add", "link", "up0", "name", "up0.5", "type", "vlan",
                           "id", "5"], stderr=subprocess.DEVNULL).returncode == 0:
            ip("link set up0 nomaster", "link set up0.5 up", "link set up0.5 master br0")
        with monitored(config) as daemon, Collector(Here(), port=6399) as collector, \
                socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            wait_rates(daemon, tap7=("vm", 1), up0=("port", 1))
            port, vm = (socket.if_nametoindex(name) for name in ("up0", "tap7"))
            sender.bind(("far0", 0))
            for number in range(50):
                sender.send(VM_MAC + OUTSIDE_MAC + tagged + struct.pack(">I", number) + bytes(60))

            def headers(ifindex):
                found = [bytes.fromhex(sample.record("0:1")["header"])
                         for sample in collector.flows(ifindex)]
                return [header for header in found if header.startswith(VM_MAC)]

            collector.wait(lambda: len(headers(port)) >= 50 and len(headers(vm)) >= 50,
                           what="samples")
            tap.equal([header[12:18] for header in headers(port)], [tagged] * 50)
            tap.equal([struct.unpack(">I", header[18:22])[0] for header in headers(port)],
                      list(range(50)))
            tap.equal(len(headers(None)), 100, "samples of the port and of the VM's tap")


def polled(status):
    """Name -> state and interval of the host's own interfaces."""
    return {one["name"]: (one["state"], one["polling"]) for one in status["host_interfaces"]}


def test_polling():
    """a port's section sets how often its counters leave, and a reload sets it anew"""
    config = "[sflow]\npolling = {}\n[interface up0]\npolling = {}\n[interface up1]\npolling = {}\n"
    with machine():
        Sys(1000, 10000)
        up0, up1 = (f"0:{socket.if_nametoindex(name)}" for name in PORTS)
        with monitored(config.format(0, 1, 300)) as daemon, Collector(Here(), port=6399) as collector:
            def count(source, since=0):
                return len(collector.samples("0:4", source, since))

            collector.wait(lambda: count(up0) >= 5, what="samples of up0")
            assert count(up1) <= 1, "up1 has another interval"
            tap.equal(count("2:1"), 0, "the host's, which has none")
            tap.equal(polled(daemon.status()), {"up0": ("polled", 1), "up1": ("polled", 300)})
            tap.equal({(one["kind"], one["frames"]) for one in daemon.status()["host_interfaces"]},
                      {("physical", "kernel")})
            daemon.reload(config.format(300, 0, 1))
            tap.equal(polled(daemon.status()), {"up0": ("off", 0), "up1": ("polled", 1)})
            before, other = count(up0), count(up1)
            collector.wait(lambda: count(up1) >= other + 5, what="samples of up1")
            assert count(up0) <= before + 1, "one more may have been on its way"
            daemon.reload("[sflow]\npolling = 1\n[host]\ninterfaces = off\n" +
                          "[interface up1]\npolling = 2\n")
            tap.equal(polled(daemon.status()), {})


@contextlib.contextmanager
def names(*strings):
    """A name server that says that of lab.test, which this process and its children ask."""
    libc = ctypes.CDLL(None, use_errno=True)
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as resolv:
        resolv.write("nameserver 127.0.0.1\n")
        resolv.flush()
        check(libc.mount(resolv.name.encode(), os.path.realpath("/etc/resolv.conf").encode(), None,
                         MS_BIND, None))
        server = subprocess.Popen(
            ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts",
             "--no-resolv", "--listen-address=127.0.0.1", "--bind-interfaces", "--user=root",
             "--pid-file=", "--local-ttl=60", "--host-record=c.lab.test,127.0.0.1",
             "--srv-host=_sflow._udp.lab.test,c.lab.test,6399",
             "--txt-record=" + ",".join(["_sflow._udp.lab.test", *strings])],
            preexec_fn=started.die_with_parent)
        try:
            yield
        finally:
            server.kill()
            server.wait()


def test_dns():
    """DNS says rates by speed, within its bounds, and leaves those of other speeds alone"""
    if tap.find_program("dnsmasq") is None:
        tap.skip("no dnsmasq")
    config = ("[sflow]\nsampling = 4\nsampling.10G = 7\nsampling.25G = 8\ndns-sd = on\n"
              "dns-sd-domain = lab.test\n[capture]\nports = uplinks\n")
    with machine():
        sys = Sys(1000, 10000)
        with names("txtvers=1", "sampling.1G=20", "sampling.10G=2000"), monitored(config) as daemon:
            wait_rates(daemon, tap7=("vm", 4), up0=("port", 64), up1=("port", 2000))
            sys.set("up1", "speed", 25000)
            ip("link set far1 down")
            ip("link set far1 up")
            wait_rates(daemon, tap7=("vm", 4), up0=("port", 64), up1=("port", 8))


if __name__ == "__main__":
    started.main(globals())
