# SPDX-License-Identifier: GPL-2.0-or-later
"""Packet samples: from the first packet on, on a macvtap, and as other collectors count them."""

import os
import shutil
import time

import lab as labs
import pcapfile
import tap
from monitor import Monitor
from test_packets import lab, mac, pair, send, wait_flows


def first_packets(hook):
    """Boots a guest that sends at once; every frame that its tap counted was sampled."""
    # The guest's console is told to ping as its first act; at 1 in 1 each frame
    # is a sample, so samples from the VM = what the tap received, the first included.
    with Monitor(lab(), sampling=1, polling=0, name="virt-sflow") as monitor:
        monitor.wait_connected()
        guest = lab().boot("first-hook" if hook else "first")
        try:
            guest.run(f"ping -c 3 -i 0.1 {lab().address}")
            device = guest.taps()[0]
            ifindex = lab().ifindex(device)
            flows = wait_flows(monitor, ifindex)
            received = int(lab().run(["cat", f"/sys/class/net/{device}/statistics/rx_packets"])
                           .stdout)
            from_vm = [flow for flow in flows if flow.content["input"]["value"] == ifindex]
            assert received >= 4, received  # ARP and three pings
            tap.equal(len(from_vm), received, "samples of frames that the VM sent")
            tap.equal([flow.content["sequence"] for flow in flows],
                      list(range(1, len(flows) + 1)), "sequence")
            log = monitor.log()
            opened = log.index(f"{device}: sampling")
            assert opened < log.index("libvirt event 4"), "the sampler came after the vCPUs ran"
            hooked = monitor.status()["hook"]["received"]
            tap.equal(hooked > 0, hook, f"{hooked} hook messages")
        finally:
            guest.destroy()


def test_first_packet():
    """The guest's first packet is sampled, without the hook"""
    first_packets(hook=False)


def test_first_packet_with_hook():
    """The guest's first packet is sampled, with the hook"""
    hook = os.path.join(labs.build_folder(), "hooks", "qemu-hook")
    installed = lab().path("etc", "hooks/qemu.d/50-virt-sflow")
    shutil.copy(hook, installed)
    tap.on_exit(lambda: os.unlink(installed))
    # libvirtd notices the first hook only when it starts.
    lab().stop_libvirtd()
    lab().start_libvirtd()
    first_packets(hook=True)


def test_macvtap():
    """On a macvtap direction and counters have the right sense"""
    lab().run("""ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up
                 ip address add 10.79.0.1/24 dev v1""")
    tap.on_exit(lambda: lab().run("ip link del v0"))
    nic = lab().nic(kind="direct", source="v0", address="10.79.0.2/24")
    with Monitor(lab(), sampling=1, polling=1) as monitor:
        monitor.wait_connected()
        guest = lab().boot("macvtap", nics=[nic])
        tap.on_exit(guest.destroy)
        device = guest.taps()[0]
        assert device.startswith("macvtap"), device
        ifindex = lab().ifindex(device)
        # libvirt sets the link up a moment after the guest may look for it.
        lab().run(["ip", "neigh", "replace", "10.79.0.2", "lladdr", nic.mac, "dev", "v1", "nud",
                   "permanent"])
        status, said = guest.run(
            "n=0; until ping -c 1 -W 1 10.79.0.1; do n=$((n+1)); [ $n = 40 ] && ip address && "
            "ip neigh && exit 1; done; true", check=False, timeout=90)
        assert status == 0, said + lab().run("ip -s address; ip neigh").stdout
        time.sleep(1.5)
        began = time.time()
        vm_before = monitor.vm_records(guest.uuid, since=began)["0:2104"]
        port_before = monitor.tap_records(ifindex, since=began)["0:1"]
        said = guest.run("arp -s 10.79.0.77 52:54:00:99:99:99; ping -c 5 -i 0.1 -W 1 10.79.0.77",
                         check=False)
        flows = wait_flows(monitor, ifindex, since=began)
        now = time.time()
        vm = monitor.vm_records(guest.uuid, since=now)["0:2104"]
        port = monitor.tap_records(ifindex, since=now)["0:1"]
        tap.diagnostics(f"{len(flows)} samples, the guest says: {said!r}")
        tap.equal((vm["pkts_out"] - vm_before["pkts_out"], vm["pkts_in"] - vm_before["pkts_in"]),
                  (5, 0))
        tap.equal((port["ifInUcastPkts"] - port_before["ifInUcastPkts"],
                   port["ifOutUcastPkts"] - port_before["ifOutUcastPkts"]), (5, 0))
        tap.equal([flow.content["input"]["value"] for flow in flows], [ifindex] * 5)
        tap.equal(flows[-1].content["sample_pool"] - flows[0].content["sample_pool"], 4)


def test_tshark():
    """tshark decodes every datagram of packets without times and of interfaces without a
    malformed mark

    It takes one record of a packet sample that it does not know, the last, which names the
    VMs; the time is another. It knows no record of VMs and hosts (2000 and up), and after one that it does not know it goes on
    8 bytes further instead of by the length, so that it may take any bytes for a record that
    is cut: also in datagrams of other agents. Those are judged by the oracle."""
    tap.need("tshark")
    a, b = pair()
    with Monitor(lab(), sampling=10, polling=1, timestamps="off") as monitor:
        for guest in (a, b):
            monitor.wait_sampling(guest.taps()[0])
        send("tap", a.taps()[0], 2000, 300, mac(b), mac(a), per_second=4000)
        time.sleep(2.5)
        flows = wait_flows(monitor, lab().ifindex(a.taps()[0]))
        monitor.collector.check()
        datagrams = [datagram for datagram in monitor.collector.datagrams()
                     if not any(sample.get("source", "3:")[0] in "23"
                                for sample in datagram.content["samples"])]
    capture = os.path.join(lab().folder, "sflow.pcap")
    pcapfile.write(capture, [(datagram.time, datagram.raw) for datagram in datagrams], port=6343)
    shown = lab().run(["tshark", "-r", capture, "-d", "udp.port==6343,sflow", "-T", "fields",
                       "-e", "frame.number", "-e", "sflow_245.numsamples", "-e",
                       "_ws.malformed", "-e", "sflow.flow_sample.sampling_rate"],
                      timeout=60).stdout.splitlines()
    tap.equal(len(shown), len(datagrams), "frames")
    rows = [line.split("\t") for line in shown]
    tap.equal([row for row in rows if row[2]], [], "malformed")
    tap.equal(sum(int(row[1]) for row in rows),
              sum(len(datagram.content["samples"]) for datagram in datagrams), "samples")
    packets = sum(sample["format"] == "0:3" for datagram in datagrams
                  for sample in datagram.content["samples"])
    assert flows and packets >= len(flows) / 2, (packets, len(flows))
    tap.equal(sum(row[3].split(",").count("10") for row in rows), packets, "flow samples")
    tap.equal({flow.record("0:2210")["src_class"] for flow in flows}, {3})


PINGS, SIZE = 25, 600
PACKET = SIZE + 28  # with ICMP and IP headers


def ping_host(guest):
    """PINGS requests and as many replies; ARP is settled before."""
    lab().run(["ip", "neigh", "replace", guest.address, "lladdr", mac(guest), "dev", lab().bridge,
               "nud", "permanent"])
    guest.run(f"arp -s {lab().address} 52:54:00:ff:ff:01")
    guest.run(f"ping -c {PINGS} -i 0.05 -s {SIZE} {lab().address}")


def wait_bound(port, timeout=20):
    """Until somebody inside the lab listens on that UDP port."""
    deadline = time.monotonic() + timeout
    while f":{port:04X} " not in lab().run(["cat", "/proc/net/udp"]).stdout:
        if time.monotonic() > deadline:
            raise AssertionError(f"nobody listens on UDP port {port}")
        time.sleep(0.05)


def pinging_guest():
    found = getattr(pinging_guest, "made", None)
    if found is None:
        found = pinging_guest.made = lab().boot("pinging")
    return found


def test_nfdump():
    """sfcapd and nfdump count the packets and bytes that were sent"""
    tap.need("sfcapd", "nfdump")
    guest, folder = pinging_guest(), os.path.join(lab().folder, "sfcapd")
    os.mkdir(folder)
    collector = lab().daemon("sfcapd", ["sfcapd", "-E", "-l", folder, "-b", "127.0.0.1", "-p",
                                        "6344", "-t", "3600"])
    wait_bound(6344)
    with Monitor(lab(), arguments=["--collector", "127.0.0.1:6344"], sampling=1,
                 polling=1) as monitor:
        monitor.wait_sampling(guest.taps()[0])
        ping_host(guest)
        tap.equal(len(wait_flows(monitor, lab().ifindex(guest.taps()[0]))), 2 * PINGS)
    collector.end()
    files = [os.path.join(folder, name) for name in os.listdir(folder) if name.startswith("nfcapd")]
    shown = lab().run(["nfdump", "-R", folder, "-q", "-N", "-o", "fmt:%sa %da %pkt %byt",
                       f"proto icmp and host {guest.address}"]).stdout.split("\n")
    rows = [line.split() for line in shown if line.strip()]
    tap.equal(sum(int(row[2]) for row in rows), 2 * PINGS, f"packets in {files}")
    # sfcapd counts a sample by its frame, FCS included.
    tap.equal(sum(int(row[3]) for row in rows), 2 * PINGS * (PACKET + 18), "bytes")


def test_sfacctd():
    """sfacctd (pmacct) counts the packets and bytes that were sent"""
    tap.need("sfacctd")
    guest, output = pinging_guest(), os.path.join(lab().folder, "sfacctd.csv")
    config = os.path.join(lab().folder, "sfacctd.conf")
    with open(config, "w") as file:
        file.write(f"""sfacctd_ip: 127.0.0.1
sfacctd_port: 6344
sfacctd_renormalize: true
plugins: print
aggregate: src_host, dst_host, proto
print_output: csv
print_output_file: {output}
print_refresh_time: 1
print_output_file_append: true
""")
    collector = lab().daemon("sfacctd", ["sfacctd", "-f", config])
    wait_bound(6344)
    with Monitor(lab(), arguments=["--collector", "127.0.0.1:6344"], sampling=1,
                 polling=1) as monitor:
        monitor.wait_sampling(guest.taps()[0])
        ping_host(guest)
        tap.equal(len(wait_flows(monitor, lab().ifindex(guest.taps()[0]))), 2 * PINGS)

    def rows():
        if not os.path.exists(output):
            return []
        with open(output) as file:
            return [line.strip().split(",") for line in file if guest.address in line]

    # A process of its own writes every second what came, when it gets to it.
    deadline = time.monotonic() + 30
    while sum(int(row[3]) for row in rows()) < 2 * PINGS and time.monotonic() < deadline:
        time.sleep(0.2)
    collector.end()
    tap.equal(sum(int(row[3]) for row in rows()), 2 * PINGS, f"packets: {rows()}")
    # As sfcapd: the whole frame.
    tap.equal(sum(int(row[4]) for row in rows()), 2 * PINGS * (PACKET + 18), "bytes")


if __name__ == "__main__":
    tap.main(globals(), system=True)
