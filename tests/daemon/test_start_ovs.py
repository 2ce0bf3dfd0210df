# SPDX-License-Identifier: GPL-2.0-or-later
"""The real daemon beside a real Open vSwitch, whose datapath is in user space."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading

import started
from started import Daemon, tap
from collector import Collector
from openvswitch import OpenVSwitch
from test_start_taps import NIC, NODE, Here, Traffic

VHOST_USER = ("<interface type='vhostuser'><mac address='52:54:00:00:00:10'/>"
              "<source type='unix' path='/x/vhu1' mode='server'/><target dev='vhu1'/>"
              "<model type='virtio'/>"
              "</interface>")
CONFIG = "[sflow]\npolling = 1\nsampling = 1\n[capture]\nbackend = pcap\n[ovs]\nsocket = {}\n"


@contextlib.contextmanager
def node(*nics):
    """The URI of a libvirt with one VM that has these NICs."""
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
        file.write(NODE.format("".join(nics)))
        file.flush()
        yield f"test://{file.name}"


@contextlib.contextmanager
def taps(*numbers):
    """tapN, up."""
    if not os.environ.get(started.IS_ROOT) or not os.path.exists("/dev/net/tun"):
        tap.skip("needs root and /dev/net/tun")
    for number in numbers:
        subprocess.run(["ip", "-batch", "-"], text=True, check=True, input=(
            f"tuntap add tap{number} mode tap\n"
            f"link set tap{number} address fe:54:00:00:00:{number:02x} up\n"))
    try:
        yield
    finally:
        for number in numbers:
            subprocess.run(["ip", "link", "del", f"tap{number}"], check=True)


def state_is(*states):
    return lambda status: status["ovs"]["state"] in states and status["ovs"]


def switch_of(status, name):
    return next((one["switch"] for one in status.get("taps", ()) if one["name"] == name), None)


def test_observe():
    """bridge, port, number, VLAN and Neutron's port of a tap are told, and packets that have no tag
    carry the VLAN of their port"""
    with OpenVSwitch() as ovs, taps(0, 1), node(NIC.format(0), NIC.format(1)) as uri:
        ovs.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "--",
                  "add-port", "br0", "tap0", "tag=7", "--", "set", "interface", "tap0",
                  "external_ids:iface-id=port-1", "--", "add-port", "br0", "tap1", "tag=7")
        with Collector(Here(), port=0) as collector, \
                Daemon(CONFIG.format(ovs.socket), "--collector", collector.target, collector=False,
                       uri=uri) as daemon:
            told = daemon.wait_status(lambda status: switch_of(status, "tap0"), "tap0's port")
            tap.equal({key: told[key] for key in ("bridge", "port", "vlan", "iface_id", "type")},
                      {"bridge": "br0", "port": "tap0", "vlan": 7, "iface_id": "port-1",
                       "type": ""})
            assert told["ofport"] >= 1, told
            ovs_told = daemon.status()["ovs"]
            tap.equal((ovs_told["state"], ovs_told["bridges"], ovs_told["ports"],
                       ovs_told["error"]), ("watched", 1, 3, None))
            daemon.wait_status(lambda status: sum(one["state"] == "sampling"
                                                  for one in status["taps"]) == 2, "samplers")

            def vlans():
                return {(record["src_vlan"], record["dst_vlan"])
                        for sample in collector.flows()
                        if (record := sample.record("0:1001")) is not None}

            with Traffic("tap0", "tap1"):
                ovs.wait(lambda: any(7 in pair for pair in vlans()), "VLAN 7 in a flow sample")
                ovs.vsctl("set", "port", "tap0", "tag=9", "--", "set", "port", "tap1", "tag=9")
                ovs.wait(lambda: any(9 in pair for pair in vlans()), "VLAN 9, when it is another")
            ovs.vsctl("del-port", "tap0")
            daemon.wait_status(lambda status: switch_of(status, "tap0") is None, "no port")


def test_vhost_user():
    """a vhost-user port has if_counters, and its VM's virt_net_io has them in the guest's view"""
    with OpenVSwitch(vswitchd=False) as ovs, node(VHOST_USER) as uri:
        ovs.vsctl("--no-wait", "add-br", "br0", "--", "add-port", "br0", "vhu1", "--", "set",
                  "interface", "vhu1", "type=dpdkvhostuserclient")
        subprocess.run(["ovsdb-client", "transact", f"unix:{ovs.socket}", json.dumps(
            ["Open_vSwitch", {"op": "update", "table": "Interface",
                              "where": [["name", "==", "vhu1"]],
                              "row": {"ifindex": 777777, "link_state": "up", "statistics": [
                                  "map", [["rx_bytes", 1000], ["rx_packets", 10],
                                          ["tx_bytes", 2000], ["tx_packets", 20],
                                          ["rx_dropped", 3]]]}}])],
            check=True, stdout=subprocess.DEVNULL)
        with Collector(Here(), port=0) as collector, \
                Daemon(CONFIG.format(ovs.socket), "--collector", collector.target, collector=False,
                       uri=uri) as daemon:
            vm = daemon.wait_status(lambda status: status.get("vms") and status["vms"][0], "a VM")
            daemon.wait_status(lambda status: status["vms"][0]["interfaces"][0]["switch"], "port")
            counters = ovs.wait(lambda: [sample.record("0:1") for sample in
                                         collector.samples("0:4", "0:777777")], "if_counters")[-1]
            tap.equal((counters["ifInOctets"], counters["ifInUcastPkts"],
                       counters["ifInDiscards"], counters["ifOutOctets"], counters["ifStatus"]), (1000, 10, 3, 2000, 3))
            source = f"3:{vm['index']}"
            ovs.wait(lambda: any((net := sample.record("0:2104")) and net["bytes_in"] == 2000 and
                                 net["bytes_out"] == 1000 and net["pkts_in"] == 20
                                 for sample in collector.samples("0:4", source)), "virt_net_io")


def test_down_hung_back():
    """Open vSwitch that is not there, goes, hangs and comes back is told as such"""
    with OpenVSwitch(vswitchd=False) as ovs:
        ovs.server.kill()
        ovs.server.wait()
        os.unlink(ovs.socket)
        with Daemon(CONFIG.format(ovs.socket)) as daemon:
            told = daemon.wait_status(state_is("absent"), "absent")
            tap.equal(told["error"], None)
            assert "Open vSwitch" not in daemon.log(), daemon.log()
            ovs.start_server()
            daemon.wait_status(state_is("watched"), "watched when it comes")
            ovs.server.send_signal(signal.SIGSTOP)
            told = daemon.wait_status(state_is("away"), "away when it hangs")
            assert "does not answer" in told["error"], told
            ovs.server.send_signal(signal.SIGCONT)
            daemon.wait_status(state_is("watched"), "watched when it goes on")
            daemon.reload(CONFIG.format(ovs.socket) + "mode = off\n")
            tap.equal(daemon.status()["ovs"], None)
            daemon.reload(CONFIG.format(ovs.socket))
            daemon.wait_status(state_is("watched"), "watched again")


def test_garbage():
    """a server that speaks garbage, or closes amid a message, is told and left alone"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "db.sock")
        says = [b"HTTP/1.1 400 Bad Request\r\n\r\n", b'{"id":"monitor","result":{"Bridge":']
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()

            def serve():
                with contextlib.suppress(OSError):
                    for n in range(1000):
                        with listener.accept()[0] as one:
                            if n % 4 > 1:  # else it is gone before it is asked
                                one.recv(4096)
                            one.sendall(says[n % 2])

            threading.Thread(target=serve, daemon=True).start()
            with Daemon(CONFIG.format(path)) as daemon:
                daemon.wait_status(lambda status: "is no JSON-RPC" in (status["ovs"]["error"] or ""),
                                   "garbage")
                daemon.wait_status(lambda status: "closed amid a message" in
                                   (status["ovs"]["error"] or ""), "a cut message")
            listener.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    started.main(globals())
