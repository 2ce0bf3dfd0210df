# SPDX-License-Identifier: GPL-2.0-or-later
"""Both backends on the same packets: a daemon with each runs at the same time, and what both say is
held against what was sent and what the interfaces counted. Then what keeps one from working:
seccomp, a kernel that knows no tcx, interfaces that are not Ethernet, rates that are none."""

import contextlib
import math
import os
import struct
import subprocess
import time

import lab as labs
import tap
from iperf import Iperf
from monitor import Monitor
from switch import PROGRAMS, Switch
from test_packets import FRAMES, UNBOUNDED, mac, wait_flows

FORBID = os.path.join(os.path.dirname(os.path.abspath(__file__)), "forbid.py")
BACKENDS = ("pcap", "ebpf")
FCS = 4
SIGMAS = 5
OUTSIDE = "52:54:00:ff:ff:01"
EPERM, EINVAL, ENOSYS = 1, 22, 38


def lab():
    return tap.fixture(labs.Lab)


def vm():
    """A paused VM on the bridge, without a guest in it."""
    found = getattr(vm, "made", None)
    if found is None:
        found = vm.made = lab().define_tiny("frames")
        found.start(paused=True)
    return found


def backends():
    if not hasattr(backends, "found"):
        said = subprocess.run([Monitor.program("virt-sflowd"), "--version"], text=True,
                              capture_output=True, check=True).stdout
        backends.found = [name for name in BACKENDS if name in said]
    return backends.found


@contextlib.contextmanager
def daemons(*guests, direction="both", header_bytes=128, **options):
    """{backend: Monitor}, all at work on the guests' taps."""
    with contextlib.ExitStack() as stack:
        found = {}
        for number, backend in enumerate(backends()):
            found[backend] = stack.enter_context(Monitor(
                lab(), name=f"by-{backend}", port=6350 + number, header_bytes=header_bytes,
                capture={"backend": backend, "direction": direction, **UNBOUNDED},
                guest={"agent": "off"}, **options))
        for backend, monitor in found.items():
            for guest in guests:
                for device in guest.taps():
                    entry = monitor.wait_sampling(device)
                    tap.equal(entry["backend"], backend, entry.get("backend_reason", ""))
        yield found
        for monitor in found.values():
            monitor.collector.check()


def counters(device):
    """(packets, bytes) from the VM, and to it."""
    text = lab().run(f"cd /sys/class/net/{device}/statistics; cat rx_packets rx_bytes tx_packets "
                     "tx_bytes tx_dropped").stdout
    rx_packets, rx_bytes, tx_packets, tx_bytes, dropped = map(int, text.split())
    return (rx_packets, rx_bytes), (tx_packets, tx_bytes, dropped)


# --------------------------------------------------------------------------- frames

def addresses(from_vm):
    ours, others = (bytes.fromhex(text.replace(":", "")) for text in (mac(vm()), OUTSIDE))
    return others + ours if from_vm else ours + others


IP = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 1500, 1, 0, 64, 17, 0, bytes([10, 77, 1, 1]),
                 bytes([10, 77, 1, 2]))
IP6 = b"\x60\0\0\0" + struct.pack("!HBB", 1440, 0, 64) + bytes(32)
VLAN, QINQ = b"\x81\x00\x00\x65", b"\x88\xa8\x00\x66"
SHAPES = {
    "runt": b"\x88\xb5",
    "short": b"\x88\xb5" + bytes(45),
    "whole": b"\x88\xb5" + bytes(range(250)) * 4,
    "jumbo": b"\x88\xb5" + bytes(8988),
    "VLAN": VLAN + b"\x88\xb5" + bytes(range(200)),
    "VLAN, jumbo": VLAN + b"\x08\x00" + IP + bytes(8900),
    "VLAN, short": VLAN + b"\x88\xb5" + bytes(4),
    "QinQ": QINQ + VLAN + b"\x08\x00" + IP + bytes(300),
    "QinQ, short": QINQ + VLAN + b"\x88\xb5",
    "three tags": QINQ + VLAN + VLAN + b"\x88\xb5" + bytes(130),
    "IP, cut in its payload": b"\x08\x00" + IP + bytes(26),
    "IP, cut in its header": b"\x08\x00" + IP[:9],
    "IPv6, cut in an extension": b"\x86\xdd" + IP6 + b"\0\xff",
    "as long as the header": b"\x88\xb5" + bytes(114),
    "one more": b"\x88\xb5" + bytes(115),
}


def send_shapes(device):
    """Each from the VM and to it; what was sent, by its bytes."""
    sent = {from_vm: {name: addresses(from_vm) + rest for name, rest in SHAPES.items()}
            for from_vm in (True, False)}
    for from_vm, frames in sent.items():
        lab().run(["python3", FRAMES, "hex-tap" if from_vm else "hex-port", device],
                  input="".join(frame.hex() + "\n" for frame in frames.values()))
    return sent


def check_shapes(monitor, backend, ifindex, sent, header_bytes):
    flows = wait_flows(monitor, ifindex)
    for from_vm, frames in sent.items():
        seen = [flow for flow in flows
                if (flow.content["input"]["value"] == ifindex) == from_vm
                and bytes.fromhex(flow.record("0:1")["header"])[:12] == addresses(from_vm)]
        tap.equal(len(seen), len(frames), f"{backend}: samples, from the VM: {from_vm}")
        for flow, (name, frame) in zip(seen, frames.items()):
            what = f"{backend}, {name}, from the VM: {from_vm}"
            packet = flow.record("0:1")
            tap.equal((packet["frame_length"], packet["stripped"]), (len(frame) + FCS, FCS), what)
            # libpcap's filter tells what goes to the VM by a byte less.
            kept = len(frame) - (backend == "pcap" and not from_vm)
            tap.equal(packet["header"], frame[:min(kept, header_bytes)].hex(), what)
            ports = (ifindex, 0) if from_vm else (0, ifindex)
            tap.equal((flow.content["input"]["value"], flow.content["output"]["value"]), ports,
                      what)
            tap.equal((flow.content["sampling_rate"], flow.content["drops"]), (1, 0), what)


def test_frames_of_every_shape():
    """Runt, jumbo, tagged and cut frames are sampled with their direction, their length on the wire
    and 128 or 256 bytes of them"""
    device = vm().taps()[0]
    lab().run(["ip", "link", "set", device, "mtu", "9000"])
    for header_bytes in (128, 256):
        with daemons(vm(), sampling=1, polling=0, header_bytes=header_bytes) as found:
            sent = send_shapes(device)
            for backend, monitor in found.items():
                check_shapes(monitor, backend, lab().ifindex(device), sent, header_bytes)


# --------------------------------------------------------------------------- estimates

def near(is_, true, sigma, what):
    tap.diagnostics(f"{what}: {is_:.0f} of {true}, {(is_ - true) / sigma:+.1f} sigma")
    tap.between(is_, true - SIGMAS * sigma, true + SIGMAS * sigma, what)


def check_estimates(flows, rate, packets, octets, what):
    """Samples times their rate are what passed, within what sampling 1 in N lets one know: each
    packet is in with a chance of 1/N, whatever was before it."""
    lengths = [flow.record("0:1")["frame_length"] - FCS for flow in flows]
    tap.equal({flow.content["sampling_rate"] for flow in flows}, {rate}, what)
    tap.equal({flow.content["drops"] for flow in flows}, {0}, what + ": drops")
    near(len(flows) * rate, packets, math.sqrt(packets * (rate - 1)), what + ": packets")
    near(sum(lengths) * rate, octets,
         math.sqrt(rate * (rate - 1) * sum(length * length for length in lengths)),
         what + ": bytes")


def split(flows, ifindex):
    """Of these, those from the VM and those to it."""
    return ([flow for flow in flows if flow.content["input"]["value"] == ifindex],
            [flow for flow in flows if flow.content["output"]["value"] == ifindex])


def test_flood():
    """A flood of frames of 64 bytes is estimated as the tap counted it, its pool too"""
    device, rate, count = vm().taps()[0], 256, 400_000
    with daemons(vm(), direction="in", sampling=rate, polling=2) as found:
        before = counters(device)[0]
        lab().run(["python3", FRAMES, "tap", device, str(count), "64", OUTSIDE, mac(vm())],
                  timeout=120)
        packets, octets = (now - then for now, then in zip(counters(device)[0], before))
        tap.equal((packets, octets), (count, 64 * count))
        for backend, monitor in found.items():
            flows = wait_flows(monitor, lab().ifindex(device))
            check_estimates(flows, rate, packets, octets, backend)
            pool = flows[-1].content["sample_pool"]
            # The last sample lies a gap before the end.
            tap.between(pool, packets - 20 * rate, packets, f"{backend}: pool")


TCP_HEADERS = 66  # Ethernet, IPv4, TCP with time stamps


def check_offloads(found, device, iperf, reverse):
    """iperf3 with segmentation offload: super-frames to libpcap and to the tap, segments to eBPF and
    to TCP."""
    ifindex, since = lab().ifindex(device), time.time()
    before = counters(device), iperf.segments()
    report = iperf.run("-n", "48M", *(["-R"] if reverse else []))
    after = counters(device), iperf.segments()
    tap.diagnostics(f"{report['end']['sum_received']['bits_per_second'] / 1e6:.0f} Mbit/s, "
                    f"{'to' if reverse else 'from'} the guest")
    side = 1 if reverse else 0  # of the tap, and who sends most
    frames, octets = (after[0][side][i] - before[0][side][i] for i in (0, 1))
    segments = after[1][side] - before[1][side]
    assert octets > 40 << 20, octets  # nearly all of it: who ends first may cut the rest
    assert segments > 2 * frames, f"{frames} frames of {segments} segments: no offloads"
    truth = {"pcap": (frames, octets),
             "ebpf": (segments, octets + (segments - frames) * TCP_HEADERS)}
    for backend, monitor in found.items():
        flows = split(wait_flows(monitor, ifindex, since), ifindex)[side]
        way = "to the guest" if reverse else "from the guest"
        check_estimates(flows, 16, *truth[backend], f"{backend}, {way}")
        longest = max(flow.record("0:1")["frame_length"] for flow in flows) - FCS
        tap.equal(longest > 1514, backend == "pcap", f"{backend}: a frame of {longest} bytes")


def test_iperf3_with_offloads():
    """TCP of iperf3 from and to a guest with offloads is estimated right in the unit in force:
    frames with libpcap, segments with eBPF"""
    guest = lab().boot("iperf")
    tap.on_exit(guest.destroy)
    iperf, device = Iperf(lab(), guest), guest.taps()[0]
    with daemons(guest, sampling=16, polling=2) as found:
        for reverse in (False, True):
            check_offloads(found, device, iperf, reverse)


# --------------------------------------------------------------------------- Open vSwitch

def switched():
    """Two paused VMs on an Open vSwitch."""
    tap.need(*PROGRAMS)
    switch = tap.fixture(lambda: Switch(lab(), "ovs0"))
    made = [lab().define_tiny(name, nics=[lab().nic(source=switch.bridge, extra=switch.PORT)])
            for name in ("ovs-a", "ovs-b")]
    for guest in made:
        guest.start(paused=True)
        tap.on_exit(guest.destroy)
    return switch, made


def test_open_vswitch():
    """Taps in an Open vSwitch with its datapath in user space are sampled both ways"""
    switch, (a, b) = switched()
    devices = [guest.taps()[0] for guest in (a, b)]
    tap.equal(sorted(lab().run(["ovs-vsctl", "list-ports", switch.bridge]).stdout.split()),
              sorted(devices))
    with daemons(a, b, sampling=1, polling=0) as found:
        for monitor in found.values():
            for device in devices:
                told = monitor.wait_status(
                    lambda status: next((one["switch"] for one in status["taps"]
                                         if one["name"] == device), None), what="its port")
                # libvirt gives each port an id.
                tap.equal((told["bridge"], told["port"], bool(told["iface_id"])),
                          (switch.bridge, device, True))
        count = 300
        # The switch learns where b is, and then hears of a.
        for kind, device, to, of in (("tap", devices[1], OUTSIDE, mac(b)),
                                     ("tap", devices[0], mac(b), mac(a)),
                                     ("port", switch.bridge, mac(a), OUTSIDE)):
            lab().run(["python3", FRAMES, kind, device, str(count), "200", to, of, "1000"])
        wanted = {devices[0]: (mac(a), count, count), devices[1]: (mac(b), count, count)}
        for backend, monitor in found.items():
            for device, (address, from_vm, to_vm) in wanted.items():
                ifindex, address = lab().ifindex(device), address.replace(":", "")
                flows = [flow for flow in wait_flows(monitor, ifindex)
                         if address in flow.record("0:1")["header"][:24]]
                out, in_ = split(flows, ifindex)
                tap.diagnostics(f"{backend}, {device}: {len(out)} from it, {len(in_)} to it; "
                                f"{counters(device)}")
                tap.equal((len(out), len(in_)), (from_vm, to_vm), f"{backend}, {device}")
                tap.equal({flow.record("0:1")["frame_length"] for flow in flows}, {200 + FCS})


# --------------------------------------------------------------------------- bad input

def samples_flow(monitor, count=200):
    """Of that many frames from the VM at 1 in 1, that many samples."""
    device = vm().taps()[0]
    entry = monitor.wait_sampling(device)
    lab().run(["python3", FRAMES, "tap", device, str(count), "100", OUTSIDE, mac(vm()), "2000"])
    tap.equal(len(wait_flows(monitor, lab().ifindex(device))), count, "samples")
    return entry


def forbidden(what, code, backend):
    return Monitor(lab(), name=f"no-{what}-{code}-{backend}", sampling=1, polling=0,
                   capture={"backend": backend, "direction": "in"}, guest={"agent": "off"},
                   prepare=["python3", FORBID, what, str(code)])


def test_seccomp_forbids_bpf():
    """Where seccomp forbids bpf(2) libpcap samples, with auto and with ebpf, and log, status and
    doctor say why"""
    if "ebpf" not in backends():
        tap.skip("built without eBPF")
    for code, backend in ((EPERM, "auto"), (EPERM, "ebpf"), (ENOSYS, "auto")):
        with forbidden("bpf", code, backend) as monitor:
            capture = monitor.status()["capture"]
            tap.equal((capture["backend"], capture["backend_wanted"], capture["unit"]),
                      ("pcap", backend, "frames"))
            reason = capture["backend_reason"]
            tap.diagnostics(reason)
            assert reason.startswith("eBPF cannot be used: bpf(2)"), reason
            assert ("seccomp" in reason) == (code == EPERM), reason
            tap.equal(samples_flow(monitor)["backend"], "pcap")
            assert reason in monitor.log(), "not logged"
            doctor = monitor.command("doctor", "--runtime-dir", monitor.runtime, check=False)
            tap.equal(reason in " ".join(doctor.stdout.split()), backend == "ebpf", doctor.stdout)


def test_kernel_without_tcx():
    """A fake of a kernel without tcx: auto takes libpcap and says why, ebpf takes clsact; both
    sample"""
    if "ebpf" not in backends():
        tap.skip("built without eBPF")
    for backend, used, attachment in (("auto", "pcap", None), ("ebpf", "ebpf", "clsact")):
        with forbidden("bpf-links", EINVAL, backend) as monitor:
            capture = monitor.status()["capture"]
            tap.diagnostics(capture["backend_reason"])
            tap.equal((capture["backend"], capture.get("attachment")), (used, attachment))
            if used == "pcap":
                assert "Linux 6.6" in capture["backend_reason"], capture
                assert "backend = ebpf" in capture["backend_reason"], capture
            tap.equal(samples_flow(monitor)["backend"], used)
    filters = lab().run(["tc", "qdisc", "show", "dev", vm().taps()[0]]).stdout
    assert "clsact" not in filters, filters


def refused(section, line):
    """What the daemon says of such a file; it must not start."""
    path = os.path.join(lab().folder, "refused.conf")
    with open(path, "w") as file:
        file.write(f"[{section}]\n{line}\n")
    done = lab().run([Monitor.program("virt-sflowd"), "--config", path, "--runtime-dir",
                      "/run/refused", "--state-dir", "/var/lib/libvirt/refused"], check=False,
                     timeout=20)
    assert done.returncode != 0, f"started with {line}"
    assert f"{path}:2:" in done.stderr, done.stderr
    return done.stderr


def test_rates_that_are_none():
    """A rate of 2^32 is refused with the file, the line and what is allowed, at the start and at a
    reload; 0 is off, which the status says, and 1 is every packet"""
    for section in ("sflow", "vm frames", "interface vnet*"):
        for rate in (1 << 32, (1 << 32) + 1, 10_000_001, -1):
            said = refused(section, f"sampling = {rate}")
            assert "0 to 10000000" in said, said
    tap.diagnostics(said.strip())
    device = vm().taps()[0]
    for backend in backends():
        with Monitor(lab(), name=f"rate-{backend}", sampling=0, polling=0, guest={"agent": "off"},
                     capture={"backend": backend, "direction": "in"}) as monitor:
            entry = monitor.wait_status(
                lambda status: next((entry for entry in status["taps"]
                                     if entry["name"] == device and entry["vm"]), None))
            tap.equal(entry["state"], "off")
            said = monitor.command("explain", "frames", "packets", "--runtime-dir",
                                   monitor.runtime, check=False).stdout
            assert "sampling is 0" in " ".join(said.split()), said
            capture = {"backend": backend, "direction": "in"}
            done = monitor.reload(sampling=1 << 32, polling=0, capture=capture,
                                  guest={"agent": "off"})
            tap.equal(done["state"], "failed", str(done))
            assert "0 to 10000000" in done["error"], done
            monitor.reload(sampling=1, polling=0, capture=capture, guest={"agent": "off"})
            samples_flow(monitor)


def test_not_ethernet():
    """Interfaces that are not Ethernet are no taps, whatever matches their names; a NIC that has
    one is said to have it, has no numbers instead of zeros, and the others go on"""
    tap.on_exit(lambda: lab().run("ip link del tap-ipip; ip link del tap-tun", check=False))
    if lab().run("ip link add tap-ipip type ipip local 10.77.0.1 remote 10.77.0.2",
                 check=False).returncode != 0:
        tap.diagnostics("this kernel has no ipip: a tun alone")
    lab().run("""ip tuntap add dev tap-tun mode tun; ip link set tap-tun up
                 ip address add 10.88.0.1/24 dev tap-tun""")
    odd = lab().define_tiny("odd", nics=[lab().nic(target="tap-odd")])
    odd.start(paused=True)
    tap.on_exit(odd.destroy)
    # What a mistaken hand does: another interface with the tap's name.
    lab().run("ip link del tap-odd; ip tuntap add dev tap-odd mode tun; ip link set tap-odd up")
    tap.on_exit(lambda: lab().run("ip link del tap-odd", check=False))
    for backend in backends():
        with Monitor(lab(), name=f"odd-{backend}", sampling=1, polling=1, guest={"agent": "off"},
                     capture={"backend": backend, "interfaces": "*", "direction": "in"}) as monitor:
            samples_flow(monitor)
            lab().run("ping -c 3 -i 0.1 -W 1 10.88.0.2", check=False)
            records = monitor.vm_records(odd.uuid, since=time.time())
            tap.equal((records["0:2104"]["bytes_in"], records["0:2104"]["pkts_out"]),
                      (None, None), "what nobody can count")
            names = {entry["name"] for entry in monitor.status()["taps"]}
            tap.equal(names & {"tap-ipip", "tap-tun", "tap-odd"}, set(), "taps")
            sources = {int(flow.content["source"].split(":")[1])
                       for flow in monitor.collector.flows()}
            tap.equal(sources, {lab().ifindex(vm().taps()[0])}, "sources")
            said = monitor.command("explain", "odd", "net", "--runtime-dir", monitor.runtime,
                                   check=False).stdout
            tap.diagnostics(said)
            assert "not Ethernet" in " ".join(said.split()), said


if __name__ == "__main__":
    tap.main(globals(), system=True)
