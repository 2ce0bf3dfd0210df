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
from test_start_taps import NIC, NODE, Here
from test_start_taps import Traffic as AnyTraffic

VHOST_USER = ("<interface type='vhostuser'><mac address='52:54:00:00:00:10'/>"
              "<source type='unix' path='/x/vhu1' mode='server'/><target dev='vhu1'/>"
              "<model type='virtio'/>"
              "</interface>")

CONFIG = "[sflow]\npolling = 1\nsampling = 1\n[capture]\nbackend = pcap\n[ovs]\nsocket = {}\n"


class Traffic(AnyTraffic):
    REST = 62  # the switch's own encoder leaves in XDR's padding what was there: it gets none


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
            assert "warning: Open vSwitch" not in daemon.log(), daemon.log()
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


def tables(n):
    """The first answer of a host with that many ports."""
    empty = ["set", []]
    rows = {
        "Interface": {f"i{i}": {"new": {
            "name": f"tap{i}", "type": "", "ofport": i, "ifindex": 1000 + i, "link_state": "up",
            "external_ids": ["map", [["attached-mac", "fa:16:3e:00:00:01"],
                                     ["iface-id", "11111111-2222-3333-4444-555555555555"],
                                     ["iface-status", "active"], ["vm-uuid", "1" * 36]]]}}
            for i in range(n)},
        "Port": {f"p{i}": {"new": {"name": f"tap{i}", "interfaces": ["uuid", f"i{i}"], "tag": 7,
                                   "trunks": empty, "vlan_mode": empty}} for i in range(n)},
        "Bridge": {"b": {"new": {"name": "br-int", "sflow": empty, "ports": ["set", [
            ["uuid", f"p{i}"] for i in range(n)]]}}},
    }
    return json.dumps({"id": "monitor", "result": rows, "error": None}).encode()


@contextlib.contextmanager
def server(answer):
    """The path of one that gives that answer to whatever it is told, and keeps silent then."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        path = os.path.join(folder, "db.sock")
        listener.bind(path)
        listener.listen()

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    with listener.accept()[0] as one:
                        one.recv(4096)
                        one.sendall(answer)
                        while (asked := one.recv(4096)):
                            if b'"echo"' in asked:
                                one.sendall(b'{"id":"echo","result":[],"error":null}')

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield path
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def test_ten_thousand_ports():
    """a host with 10,000 ports is legal; one with more than can be taken is told, and all else
    goes on"""
    with server(tables(10000)) as path, Daemon(CONFIG.format(path)) as daemon:
        told = daemon.wait_status(state_is("watched"), "watched")
        tap.equal((told["ports"], told["error"]), (10000, None))
        with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as file:
            print("#", *(line.strip() for line in file if line.startswith(("VmHWM", "VmRSS"))))
    with server(b'{"id":"monitor","result":{"Port":{"' + b"x" * (66 << 20)) as path, \
            Daemon(CONFIG.format(path)) as daemon:
        told = daemon.wait_status(lambda status: "is too long" in (status["ovs"]["error"] or "") and
                                  status["ovs"], "too much")
        tap.equal(told["state"], "away")


CONFIGURE = CONFIG + "mode = configure\n"


def row_of(ovs, bridge):
    """The columns of the sFlow row that it has, or None."""
    sflows, bridges = ovs.tables(
        ("sflow", "_uuid", "agent", "targets", "sampling", "polling", "header", "external_ids"),
        ("bridge", "name", "sflow"))
    rows = {row["_uuid"][1]: row for row in sflows}
    found = {row["name"]: row["sflow"] for row in bridges}[bridge]
    return rows[found[1]] if found[0] == "uuid" else None


def is_ours(row):
    return row is not None and row["external_ids"] == ["map", [["virt-sflow", "virt-sflowd"]]]


def configured(n):
    return lambda status: status["ovs"]["configured"] == n and status["ovs"]


def test_dead_switch():
    """while ovs-vswitchd is dead its taps are sampled here, whatever its database says"""
    with OpenVSwitch() as ovs, taps(0), node(NIC.format(0)) as uri:
        ovs.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "--",
                  "add-port", "br0", "tap0")
        with Daemon(CONFIGURE.format(ovs.socket), uri=uri) as daemon:
            def states():
                return {one["state"] for one in daemon.status()["taps"]}

            daemon.wait_status(configured(1), "a row")
            ovs.wait(lambda: states() == {"by its switch"}, "a tap left to its switch")
            ovs.vswitchd.kill()
            ovs.vswitchd.wait()
            told = daemon.wait_status(configured(0), "no bridge that sends for us")
            tap.equal(told["state"], "watched")
            assert "ovs-vswitchd does not run" in told["trouble"], told
            ovs.wait(lambda: states() == {"sampling"}, "a tap sampled here")
            ovs.start_switch()
            told = daemon.wait_status(configured(1), "the bridge again")
            tap.equal(told["trouble"], None)
            ovs.wait(lambda: states() == {"by its switch"}, "a tap left to its switch again")


def test_configure():
    """every bridge sends samples of its ports to our collectors under our address, taps there are
    not sampled a second time; as bridges come and settings change; and nothing is left"""
    with OpenVSwitch() as ovs, taps(0, 1), node(NIC.format(0), NIC.format(1)) as uri:
        ovs.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "--",
                  "add-port", "br0", "tap0", "tag=7", "--", "add-port", "br0", "tap1", "tag=7")
        with Collector(Here(), port=0) as collector, \
                Daemon(CONFIGURE.format(ovs.socket), "--collector", collector.target,
                       collector=False, uri=uri) as daemon:
            daemon.wait_status(configured(1), "a row")
            row = row_of(ovs, "br0")
            assert is_ours(row), row
            tap.equal((row["agent"], row["targets"], row["sampling"], row["polling"],
                       row["header"]), ("lo", collector.target, 1, 1, 128))
            status = daemon.wait_status(lambda status: {one["state"] for one in status["taps"]} ==
                                        {"by its switch"} and status, "taps left to their switch")
            numbers = {one["ifindex"] for one in status["taps"]}
            address, sub_agent = status["agent_address"], status["sub_agent_id"]
            collector.clear()

            def theirs(format):
                return [sample for sample in collector.samples(format)
                        if sample.datagram.content["sub_agent_id"] != sub_agent]

            with Traffic("tap0", "tap1"):
                flow = ovs.wait(lambda: theirs("0:1") or theirs("0:3"), "a packet")[0]
                ovs.wait(lambda: theirs("0:2") or theirs("0:4"), "the switch's counters")
            tap.equal(flow.datagram.content["agent"], address)

            def ours():
                return [sample.content["source"] for sample in collector.samples("0:4") +
                        collector.flows() if sample not in theirs(None)]

            ovs.wait(lambda: sum(source.startswith("3:") for source in ours()) >= 3,
                     "three rounds of our own")
            tap.equal([source for source in ours() if source.startswith("0:") and
                       int(source[2:]) in numbers], [], "our own samples of the taps")
            tap.equal(collector.malformed, [])
            ovs.vsctl("--no-wait", "add-br", "br1")
            daemon.wait_status(configured(2), "a row for a bridge that came")
            daemon.reload(CONFIGURE.format(ovs.socket).replace("sampling = 1", "sampling = 64") +
                          "bridges = br0\n")
            daemon.wait_status(configured(1), "no row for a bridge that is not wanted")
            ovs.wait(lambda: row_of(ovs, "br0")["sampling"] == 64, "another rate")
            for word, rate in (("pause", 0), ("resume", 64)):
                subprocess.run([started.COMMAND, word, "sampling", "--runtime-dir",
                                daemon.runtime], check=True, stdout=subprocess.DEVNULL)
                ovs.wait(lambda: row_of(ovs, "br0")["sampling"] == rate, f"rate after {word}")
            daemon.reload(CONFIG.format(ovs.socket))
            daemon.wait_status(lambda status: status["ovs"]["configured"] == 0 and
                               {one["state"] for one in status["taps"]} == {"sampling"},
                               "taps that are sampled again")
            tap.equal(ovs.rows("sflow", "_uuid"), [])
            daemon.reload(CONFIGURE.format(ovs.socket))
            daemon.wait_status(configured(2), "rows again")
        tap.equal(ovs.rows("sflow", "_uuid"), [], "rows after the end")


def test_after_a_kill():
    """what a killed daemon left is taken over by the next one with configure, and taken away by
    one with observe"""
    with OpenVSwitch(vswitchd=False) as ovs:
        ovs.vsctl("--no-wait", "add-br", "br0")
        for config, n in ((CONFIGURE, 1), (CONFIGURE, 1), (CONFIG, 0)):
            before = row_of(ovs, "br0")
            with Daemon(config.format(ovs.socket)) as daemon:
                daemon.wait_status(configured(n), f"{n} rows")
                if n and before:
                    tap.equal(row_of(ovs, "br0")["_uuid"], before["_uuid"])
                if not n:
                    ovs.wait(lambda: not ovs.rows("sflow", "_uuid"), "no row")
                daemon.end(signal.SIGKILL)
        tap.equal(ovs.rows("sflow", "_uuid"), [])


def test_off_by_reload():
    """a reload with mode = off takes our row away and waits for no database; so it is done when that
    goes on after a stop, and the next reload with configure writes it again"""
    with OpenVSwitch(vswitchd=False) as ovs:
        ovs.vsctl("--no-wait", "add-br", "br0")
        with Daemon(CONFIGURE.format(ovs.socket)) as daemon:
            for stop in (False, True):
                daemon.wait_status(configured(1), "a row")
                if stop:
                    ovs.server.send_signal(signal.SIGSTOP)
                daemon.reload(CONFIGURE.format(ovs.socket).replace("mode = configure",
                                                                   "mode = off"))
                tap.equal(daemon.status()["ovs"], None)
                if stop:
                    ovs.server.send_signal(signal.SIGCONT)
                ovs.wait(lambda: not ovs.rows("sflow", "_uuid"), "no row")
                daemon.reload(CONFIGURE.format(ovs.socket))
            daemon.wait_status(configured(1), "a row again")
        tap.equal(ovs.rows("sflow", "_uuid"), [], "rows after the end")


def unread(path):
    """Bytes that wait for the server of this socket."""
    told = subprocess.run(["ss", "-xnH", "src", path], check=True, capture_output=True, text=True)
    return sum(int(line.split()[2]) for line in told.stdout.splitlines() if " ESTAB " in line)


def write_to_stopped(ovs, daemon):
    """A row is on its way, and stays there."""
    daemon.wait_status(state_is("watched"), "the database")
    ovs.server.send_signal(signal.SIGSTOP)
    daemon.reload(CONFIGURE.format(ovs.socket))
    ovs.wait(lambda: unread(ovs.socket) > 0, "a transaction on its way")


def test_off_amid_a_transaction():
    """a row that is on its way at a reload with mode = off goes as soon as it came"""
    with OpenVSwitch(vswitchd=False) as ovs:
        ovs.vsctl("--no-wait", "add-br", "br0")
        with Daemon(CONFIG.format(ovs.socket)) as daemon:
            for after in (CONFIG, CONFIGURE):
                write_to_stopped(ovs, daemon)
                daemon.reload(CONFIGURE.format(ovs.socket).replace("mode = configure",
                                                                   "mode = off"))
                tap.equal(daemon.status()["ovs"], None)
                ovs.server.send_signal(signal.SIGCONT)
                ovs.wait(lambda: not ovs.rows("sflow", "_uuid"), "no row")
                daemon.reload(after.format(ovs.socket))
            daemon.wait_status(configured(1), "a row, as it is wanted again")


def row_after_end(ovs):
    """Of a daemon that ends while it knows nothing yet of its row, which is there."""
    with Daemon(CONFIG.format(ovs.socket)) as daemon:
        write_to_stopped(ovs, daemon)
        daemon.process.send_signal(signal.SIGSTOP)
        ovs.server.send_signal(signal.SIGCONT)
        ovs.wait(lambda: ovs.rows("sflow", "_uuid"), "a row")
        daemon.process.send_signal(signal.SIGTERM)
        daemon.process.send_signal(signal.SIGCONT)
        tap.equal(daemon.process.wait(started.PATIENCE_S), 0)
    return row_of(ovs, "br0")


def test_end_amid_a_transaction():
    """the same of a daemon that ends, where the database's answer comes within half a second; so
    a machine that is too busy for that has three tries"""
    with OpenVSwitch(vswitchd=False) as ovs:
        ovs.vsctl("--no-wait", "add-br", "br0")
        for _ in range(3):
            if row_after_end(ovs) is None:
                return
            ovs.vsctl("--no-wait", "clear", "bridge", "br0", "sflow")
        assert False, "a row was left each time"


def test_others_rows():
    """a bridge with another agent's sFlow keeps it; and who takes ours away twice has the bridge"""
    with OpenVSwitch(vswitchd=False) as ovs:
        ovs.vsctl("--no-wait", "add-br", "br0", "--", "add-br", "br1", "--", "--id=@s", "create",
                  "sflow", "agent=eth9", 'targets="192.0.2.9:6343"', "sampling=7", "--", "set",
                  "bridge", "br1", "sflow=@s")
        with Daemon(CONFIGURE.format(ovs.socket)) as daemon:
            told = daemon.wait_status(configured(1), "one row")
            assert "br1 has an sFlow row of another agent (agent eth9, targets 192.0.2.9:6343)" \
                in told["trouble"], told
            ovs.vsctl("--no-wait", "clear", "bridge", "br0", "sflow")
            ovs.wait(lambda: is_ours(row_of(ovs, "br0")), "our row, once more")
            daemon.wait_status(configured(1), "one row")
            ovs.vsctl("--no-wait", "clear", "bridge", "br0", "sflow", "--", "--id=@s", "create",
                      "sflow", "agent=eth8", 'targets="192.0.2.8:6343"', "--", "set", "bridge",
                      "br0", "sflow=@s")
            told = daemon.wait_status(lambda status: "vanished twice" in
                                      (status["ovs"]["trouble"] or "") and status["ovs"], "a claim")
            assert "agent eth8, targets 192.0.2.8:6343" in told["trouble"], told
            ovs.vsctl("--no-wait", "add-br", "br2")
            daemon.wait_status(lambda status: status["ovs"]["bridges"] == 3, "a bridge")
            tap.equal(row_of(ovs, "br2"), None, "a row, though nothing is written any more")
        tap.equal(sorted(row["agent"] for row in ovs.rows("sflow", "agent")), ["eth8", "eth9"])


def test_refused():
    """an agent address that is not its device's first is refused in words, and nothing written"""
    with OpenVSwitch(vswitchd=False) as ovs:
        ovs.vsctl("--no-wait", "add-br", "br0")
        subprocess.run(["ip", "addr", "add", "127.0.0.2/8", "dev", "lo"], check=True)
        try:
            with Daemon(CONFIGURE.format(ovs.socket) +
                        "[sflow]\nagent-address = 127.0.0.2\n") as daemon:
                told = daemon.wait_status(lambda status: status["ovs"]["trouble"] and status["ovs"],
                                          "a refusal")
                assert "127.0.0.2 is not the first address of lo, which is 127.0.0.1" in \
                    told["trouble"], told
                tap.equal(ovs.rows("sflow", "_uuid"), [])
                daemon.reload(CONFIGURE.format(ovs.socket) +
                              "[sflow]\nagent-address = 127.0.0.1\n")
                daemon.wait_status(configured(1), "a row once the address is the first one")
                tap.equal(daemon.status()["ovs"]["trouble"], None)
            with Daemon(CONFIGURE.format(ovs.socket), "--collector", "127.0.0.1:6399%lo",
                        collector=False) as daemon:
                daemon.wait_status(lambda status: "without %DEV" in
                                   (status["ovs"]["trouble"] or ""), "a refusal")
        finally:
            subprocess.run(["ip", "addr", "del", "127.0.0.2/8", "dev", "lo"], check=True)


def test_names_without_address():
    """collectors whose names have no address take the place of those before: the row waits a moment,
    and goes, as they are sent to no more"""
    with OpenVSwitch(vswitchd=False) as ovs:
        ovs.vsctl("--no-wait", "add-br", "br0")
        config = CONFIGURE.format(ovs.socket) + "[sflow]\ncollectors = {}\n"
        with Daemon(config.format("127.0.0.1:6398"), collector=False) as daemon:
            daemon.wait_status(configured(1), "a row")
            daemon.reload(config.format("nowhere.invalid:6397"))
            told = daemon.wait_status(configured(0), "no row")
            tap.equal((told["trouble"], ovs.rows("sflow", "_uuid")), (None, []))
            daemon.reload(config.format("nowhere.invalid:6397 127.0.0.1:6396"))
            daemon.wait_status(configured(1), "a row for the one that has one")
            tap.equal(row_of(ovs, "br0")["targets"], "127.0.0.1:6396")


if __name__ == "__main__":
    started.main(globals())
