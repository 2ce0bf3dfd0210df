# SPDX-License-Identifier: GPL-2.0-or-later
"""Ports of Neutron's that nova attaches to a running VM and detaches again, with the XML that nova
was recorded to write and in nova's order: the device, then the metadata anew."""

import os
import re
import time

import switch
import tap
import watch
from test_nova import NOVA, follow, lab, monitor, recorded

FRAMES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "frames.py")
N_FRAMES = 20
VLAN = 7
# On the integration bridge itself, and behind a Linux bridge of its own (hybrid plug), where only
# the metadata tell the port.
DIRECT, HYBRID = (f"000000{number}-9f00-4a3c-b6de-c3a1c6c6e0{number}" for number in (10, 11))
HYBRID_BRIDGE = f"qbr{HYBRID[:11]}"
ADDRESSES = {DIRECT: ["10.0.0.16", "2001:db8::10"], HYBRID: ["10.0.0.17", "2001:db8::11"]}


def device_of(port):
    return f"tap{port[:11]}"


def interface_of(port):
    """Its <interface>, which is what nova attaches, too."""
    found, = [xml for xml in re.findall("(?s)<interface .*?</interface>", recorded("ovs"))
              if device_of(port) in xml]
    return found


def mac_of(port):
    return re.search('<mac address="(.*)"', interface_of(port))[1]


def metadata(*ports, name="web"):
    """nova's, with these of the recorded VM's ports."""
    text, = re.findall("(?s)<nova:instance .*?</nova:instance>", recorded("ovs"))
    text = re.sub("<nova:name>.*</nova:name>", f"<nova:name>{name}</nova:name>", text)
    for port in ADDRESSES:
        if port not in ports:
            text = re.sub(f'(?s)<nova:port uuid="{port}">.*?</nova:port>', "", text)
    return text


def guest():
    if not hasattr(guest, "made"):
        tap.need(*switch.PROGRAMS)
        guest.switch = tap.fixture(lambda: switch.Switch(lab(), "br-int"))
        lab().run(f"ip link add {HYBRID_BRIDGE} type bridge; ip link set {HYBRID_BRIDGE} up")
        monitor().wait_connected()
        # A device is only unplugged by a guest that runs.
        guest.made = lab().boot("instance-00000001", nics=[], metadata=metadata())
    return guest.made


def write_metadata(*ports, **options):
    """As nova does it: of the VM as it runs, not of its definition."""
    lab().virsh("metadata", guest().uuid, NOVA, "--key", "instance", "--set",
                metadata(*ports, **options))


def nics():
    """[(device, port)] in the order of the XML."""
    return [(nic["device"], nic["port"]) for nic in monitor().vm(guest())["interfaces"]]


def ports_told():
    return {port["id"]: port["addresses"] for port in monitor().vm(guest())["nova"]["ports"]}


def wait_metrics(wanted):
    """Until a round of metrics that begins later than now has these, and lacks those of None."""
    since = time.time()

    def is_so():
        newest = monitor().collector.newest_metrics(guest().uuid, since)
        return newest and {name: newest.get(name) for name in wanted} == wanted

    monitor().collector.wait(is_so, 20, f"metrics {wanted}")


def attach(port):
    """Its tap's entry in the status, once it is sampled; its metadata are not written yet."""
    lab().virsh("attach-device", guest().uuid, "/dev/stdin", "--live", "--config",
                input=interface_of(port))
    entry = monitor().wait_sampling(device_of(port))
    tap.equal((entry["vm"], entry["mac"], entry["ifindex"]),
              (monitor().vm(guest())["name"], mac_of(port), lab().ifindex(device_of(port))))
    return entry


def check_sampled(entry, vlan=None):
    """Frames that the guest sends on the new interface are sampled as that tap's."""
    since = time.time()
    lab().run(["python3", FRAMES, "tap", entry["name"], str(N_FRAMES), "100", "ff:ff:ff:ff:ff:ff",
               entry["mac"]])
    source = bytes.fromhex(entry["mac"].replace(":", ""))

    def sampled():
        return [flow for flow in monitor().collector.flows(entry["ifindex"], since)
                if watch.frame(flow)[6:12] == source]

    monitor().collector.wait(lambda: len(sampled()) >= N_FRAMES, 10, f"{N_FRAMES} flow samples")
    tap.equal({(flow.record("0:1001") or {}).get("src_vlan") for flow in sampled()}, {vlan},
              f"{entry['name']}: VLANs")
    monitor().collector.wait(
        lambda: [sample for sample in monitor().collector.vm(guest().uuid, since)
                 if watch.adapters(sample).get(entry["mac"]) == entry["ifindex"]], 10,
        "the tap among the VM's adapters")


def detach(port):
    entry = next(one for one in monitor().status()["taps"] if one["name"] == device_of(port))
    lab().virsh("detach-device", guest().uuid, "/dev/stdin", "--live", "--config",
                input=interface_of(port))
    monitor().wait_status(lambda status: all(one["name"] != device_of(port)
                                             for one in status["taps"]), 60, "no such tap")
    return entry


def test_attach_direct():
    """A port on Open vSwitch is sampled as soon as it is attached, with its id, its VLAN as the
    agent sets it, and its addresses once nova writes the metadata"""
    guest()
    tap.equal((nics(), ports_told()), ([], {}))
    entry = attach(DIRECT)
    tap.equal(entry["port"], DIRECT)
    # That the tap is its port the switch tells in its own time.
    entry = monitor().wait_status(
        lambda status: next((one for one in status["taps"] if one["name"] == entry["name"]
                             and one["switch"]), None), what="its switch")
    tap.equal(entry["switch"]["bridge"], "br-int")
    tap.equal(ports_told(), {})
    # Neutron's agent: a tag of this host's for the port's network.
    guest.switch.vsctl("set", "port", entry["name"], f"tag={VLAN}")
    entry = monitor().wait_status(
        lambda status: next((one for one in status["taps"] if one["name"] == entry["name"]
                             and one["switch"] and one["switch"]["vlan"] == VLAN), None),
        what="the tag")
    tap.equal(entry["switch"]["iface_id"], DIRECT)
    write_metadata(DIRECT)
    follow(guest(), lambda vm: vm["nova"]["ports"], "the port's addresses")
    tap.equal(ports_told(), {DIRECT: ADDRESSES[DIRECT]})
    wait_metrics({"nic0_port": DIRECT, "nic0_ifindex": entry["ifindex"]})
    check_sampled(entry, VLAN)


def test_attach_hybrid():
    """A port behind a Linux bridge is sampled before its id is known, which the metadata tell"""
    tap.equal(nics(), [(device_of(DIRECT), DIRECT)])
    entry = attach(HYBRID)
    tap.equal((entry["port"], entry["bridge"], entry["switch"]), (None, HYBRID_BRIDGE, None))
    wait_metrics({"nic0_port": DIRECT, "nic1_ifindex": entry["ifindex"], "nic1_port": None})
    write_metadata(DIRECT, HYBRID)
    follow(guest(), lambda vm: len(vm["nova"]["ports"]) == 2, "the port's addresses")
    tap.equal(ports_told(), ADDRESSES)
    entry = monitor().wait_sampling(entry["name"])
    tap.equal(entry["port"], HYBRID)
    tap.equal(nics(), [(device_of(port), port) for port in (DIRECT, HYBRID)])
    wait_metrics({"nic1_port": HYBRID, "nic1_ifindex": entry["ifindex"]})
    check_sampled(entry)


def test_rename_with_ports():
    """A rename leaves the attached ports and their samplers as they are"""
    before = {entry["name"]: (entry["ifindex"], entry["flow_samples"])
              for entry in monitor().status()["taps"]}
    write_metadata(DIRECT, HYBRID, name="shop")
    vm = follow(guest(), lambda vm: vm["nova"]["name"] == "shop" and vm, "the name")
    tap.equal(nics(), [(device_of(port), port) for port in (DIRECT, HYBRID)])
    for entry in monitor().status()["taps"]:
        ifindex, samples = before.pop(entry["name"])
        tap.equal((entry["vm"], entry["state"], entry["ifindex"]), (vm["name"], "sampling",
                                                                    ifindex))
        assert entry["flow_samples"] >= samples, "the sampler began anew"
    tap.equal(before, {})
    wait_metrics({"nova_name": "shop", "nic0_port": DIRECT, "nic1_port": HYBRID})


def test_detach():
    """What is detached goes from status, metrics and samples with its tap, and the metadata's
    addresses as nova writes them; the other port is the VM's first NIC then"""
    tap.equal(len(nics()), 2)
    entry = detach(DIRECT)
    ended = time.time() + 1
    # Before nova writes the metadata anew.
    tap.equal(nics(), [(device_of(HYBRID), HYBRID)])
    tap.equal(ports_told(), ADDRESSES)
    write_metadata(HYBRID, name="shop")
    follow(guest(), lambda vm: len(vm["nova"]["ports"]) == 1, "one port")
    tap.equal(ports_told(), {HYBRID: ADDRESSES[HYBRID]})
    other = monitor().wait_sampling(device_of(HYBRID))
    wait_metrics({"nic0_port": HYBRID, "nic0_ifindex": other["ifindex"], "nic1_port": None,
                  "nic1_ifindex": None})
    check_sampled(other)
    detach(HYBRID)
    write_metadata(name="shop")
    follow(guest(), lambda vm: not vm["nova"]["ports"], "no port")
    tap.equal(nics(), [])
    wait_metrics({"nova_name": "shop", "nic0_port": None, "nic0_ifindex": None})
    tap.equal(monitor().collector.samples(source=f"0:{entry['ifindex']}", since=ended), [],
              "samples of a detached tap")
    tap.equal(monitor().status()["taps"], [])


def test_attached_again():
    """The same port attached once more is another interface of that name, and sampled; a daemon
    that is started then finds all of it"""
    was = {sample.content["source"] for sample in monitor().collector.flows()}
    entry = attach(DIRECT)
    write_metadata(DIRECT)
    assert f"0:{entry['ifindex']}" not in was, "the interface is the same one"
    check_sampled(entry)
    tap.equal(monitor().stop(), 0, "exit status")
    monitor().start()
    entry = monitor().wait_sampling(entry["name"])
    tap.equal((entry["port"], entry["vm"]), (DIRECT, f"web-{guest().uuid[:8]}"))
    tap.equal(ports_told(), {DIRECT: ADDRESSES[DIRECT]})
    wait_metrics({"nic0_port": DIRECT, "nic0_ifindex": entry["ifindex"], "nova_name": "web"})
    detach(DIRECT)


def test_nothing_malformed():
    """Every datagram of this run decodes"""
    monitor().collector.check()


if __name__ == "__main__":
    tap.main(globals(), system=True)
