# SPDX-License-Identifier: GPL-2.0-or-later
"""VMs as OpenStack nova makes them: its recorded XML is defined and, where its parts can be had
here, started; its metadata are told, followed as they change, and sent."""

import glob
import os
import re
import subprocess
import time

import lab as labs
import switch
import tap
from guest import Guest
from monitor import Monitor

FOLDER = os.path.join(os.environ["VSF_SOURCE"], "tests/data/domains/nova")
NOVA = "http://openstack.org/xmlns/libvirt/nova/1.1"
PORT = "2d7b1d4e-9f00-4a3c-b6de-c3a1c6c6e001"
INSTANCE = """<nova:instance xmlns:nova="{namespace}">
<nova:package version="26.2.2"/><nova:name>{name}</nova:name>
<nova:creationTime>2024-03-01 10:11:12</nova:creationTime>
<nova:flavor name="{flavor}"><nova:memory>{memory}</nova:memory><nova:disk>1</nova:disk>
<nova:swap>0</nova:swap><nova:ephemeral>0</nova:ephemeral><nova:vcpus>1</nova:vcpus></nova:flavor>
<nova:owner><nova:user uuid="3a0d">ann</nova:user><nova:project uuid="7b1c">shop</nova:project>
</nova:owner><nova:root type="image" uuid="f0c1"/>{ports}</nova:instance>"""
PORTS = """<nova:ports><nova:port uuid="{port}"><nova:ip type="fixed" address="10.0.0.7"
ipVersion="4"/></nova:port></nova:ports>"""


def lab():
    return tap.fixture(labs.Lab)


def monitor():
    return tap.fixture(make_monitor)


def make_monitor():
    return Monitor(lab(), polling=1, sampling=1, vm_name="nova")


def instance(name="web 1", flavor="m1.small", memory=64, namespace=NOVA, ports=PORTS):
    return INSTANCE.format(name=name, flavor=flavor, memory=memory, namespace=namespace,
                           ports=ports.format(port=PORT))


def recorded(name):
    with open(os.path.join(FOLDER, f"{name}.xml"), encoding="utf-8") as file:
        return file.read()


def define(name, change=lambda xml: xml):
    """The recorded domain as a Guest, gone after the test."""
    xml = change(recorded(name))
    uuid, = re.findall("<uuid>(.*)</uuid>", xml)
    lab().virsh("define", "/dev/stdin", input=xml)
    tap.on_exit(lambda: lab().virsh("undefine", uuid))
    called, = re.findall("(?m)^  <name>(.*)</name>", xml)
    return Guest(lab(), called, uuid, [], None)


def start(domain):
    lab().virsh("start", domain.uuid, "--paused")
    tap.on_exit(lambda: lab().virsh("destroy", domain.uuid, check=False))


def with_files(xml):
    """With disks that can be had here: a file each, in the lab's folder."""
    xml = xml.replace("/var/lib/nova/instances", lab().folder)
    xml = xml.replace('type="block"', 'type="file"')
    xml = re.sub('<source dev="([^"]*)"/>',
                 lambda found: f'<source file="{lab().folder}/{os.path.basename(found[1])}"/>', xml)
    for kind, path in re.findall('type="(qcow2|raw)".*\n *<source file="([^"]*)"', xml):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        subprocess.run(["qemu-img", "create", "-q", "-f", kind, path, "8M"], check=True)
    return xml.replace(' cache="none"', "")


def follow(domain, question, what):
    return monitor().wait_vm(domain, question, what=what)


def metric(domain, since, name, wanted):
    """Until that custom metric is so."""
    monitor().collector.wait(
        lambda: monitor().collector.newest_metrics(domain.uuid, since).get(name) == wanted, 10,
        f"{name} = {wanted}: {monitor().collector.newest_metrics(domain.uuid, since)}")


def test_recorded_are_defined():
    """libvirt takes every recorded XML, and the daemon is not troubled"""
    names = sorted(os.path.basename(path)[:-4] for path in glob.glob(FOLDER + "/*.xml"))
    tap.equal(names, ["linuxbridge", "ovs", "rbd", "sriov", "vhostuser"])
    monitor().wait_connected()
    for name in names:
        domain = define(name)
        tap.equal(domain.state(), "shut off", name)
        assert "nova:flavor" in lab().virsh("dumpxml", domain.uuid), name
    tap.equal(monitor().status()["vms"], [])


def test_linux_bridge_runs():
    """One on a Linux bridge and with a routed tap: each has its port, volumes are known, and
    the config drive counts as no disk"""
    monitor().wait_connected()
    lab().run("ip link add brq9d3b1f0a-00 type bridge; ip link set brq9d3b1f0a-00 up")
    tap.on_exit(lambda: lab().run("ip link del brq9d3b1f0a-00"))
    domain = define("linuxbridge", with_files)
    since = time.time()
    start(domain)
    for device in ("tap00000020-9f", "tap00000021-9f"):
        entry = monitor().wait_sampling(device)
        tap.equal(entry["vm"], "batch-9d3b1f0a")
        number = device[9:11]
        tap.equal(entry["port"], f"000000{number}-9f00-4a3c-b6de-c3a1c6c6e0{number}")
    vm = follow(domain, lambda vm: vm["counters"]["disk_capacity"] is not None and vm,
                "its disks' capacity")
    tap.equal(vm["counters"]["disk_capacity"], 2 * (8 << 20), "without the config drive")
    tap.equal([(disk["target"], disk["volume"], disk["config_drive"], disk["counted"])
               for disk in vm["block_devices"]],
              [("vda", None, False, True),
               ("vdb", "c1dec0de-0000-4000-8000-000000000020", False, True),
               ("vdc", None, True, False)])
    tap.equal((vm["nova"]["project"]["name"], vm["nova"]["created"]),
              ("Web & shop", "2024-03-01T10:11:12Z"))
    for name, wanted in (("nova_project_name", "Web & shop"), ("nova_flavor_vcpus", 1),
                         ("nic1_port", "00000021-9f00-4a3c-b6de-c3a1c6c6e021"),
                         ("disk_vdb_volume", "c1dec0de-0000-4000-8000-000000000020")):
        metric(domain, since, name, wanted)


def test_open_vswitch_runs():
    """One on Open vSwitch and by hybrid plug, with names of both ports"""
    monitor().wait_connected()
    lab().run("ip link add qbr00000011-9f type bridge; ip link set qbr00000011-9f up")
    tap.on_exit(lambda: lab().run("ip link del qbr00000011-9f"))
    with switch.Switch(lab(), "br-int"):
        domain = define("ovs", with_files)
        start(domain)
        for number, device in (("10", "tap00000010-9f"), ("11", "tap00000011-9f")):
            entry = monitor().wait_sampling(device)
            tap.equal((entry["vm"], entry["port"]),
                      ("web-1-9d3b1f0a", f"000000{number}-9f00-4a3c-b6de-c3a1c6c6e0{number}"))
        vm = follow(domain, lambda vm: vm["counters"]["disk_capacity"] is not None and vm,
                    "its disks' capacity")
        tap.equal(vm["counters"]["disk_capacity"], 2 * (8 << 20), "without the config drive")
        tap.equal(vm["nova"]["name"], "web <1> \u00fc")
        lab().virsh("destroy", domain.uuid)


def test_vhost_user_runs():
    """One on vhost-user, where QEMU listens: listed with its port, and why it is not sampled"""
    monitor().wait_connected()
    backend = lab().daemon("vhost", ["python3", os.path.join(os.path.dirname(__file__), "vhost.py"),
                                     "--connect", "/run/vsf/vhu00000030-9f"])
    tap.on_exit(backend.end)
    domain = define("vhostuser", lambda xml: with_files(xml).replace("/run/openvswitch",
                                                                     "/run/vsf"))
    start(domain)
    vm = follow(domain, lambda vm: vm["last_poll_s"] is not None and vm, "a turn")
    # libvirt asks Open vSwitch for the device, which is not there.
    tap.equal([(nic["kind"], nic["device"], nic["port"], nic["unsampled"])
               for nic in vm["interfaces"]],
              [("vhost-user", None, "00000030-9f00-4a3c-b6de-c3a1c6c6e030",
                "its packets pass a switch in user space")])
    tap.equal((vm["taps"], vm["name"]), ([], "router-9d3b1f0a"))


def tiny(name, **options):
    made = lab().define_tiny(name, **options)
    tap.on_exit(lambda: lab().virsh("undefine", made.uuid))
    start(made)
    return made


def test_changes_are_followed():
    """A VM is renamed, resized and gets a port, as nova writes that into a running domain:
    status, exported name and metrics follow"""
    monitor().wait_connected()
    nic = lab().nic(target=f"tap{PORT[:11]}")
    domain = tiny("instance-0000000a", nics=[nic], metadata=instance(ports=""))
    vm = follow(domain, lambda vm: vm["nova"] and vm, "nova's metadata")
    tap.equal((vm["name"], vm["nova"]["name"], vm["nova"]["ports"]),
              (f"web-1-{domain.uuid[:8]}", "web 1", []))
    tap.equal(vm["interfaces"][0]["port"], None)

    since = time.time()
    lab().virsh("metadata", domain.uuid, NOVA, "--key", "instance", "--live", "--set",
                instance(name="web\u202e&lt;2&gt;", flavor="m1.large", memory=128))
    vm = follow(domain, lambda vm: vm["nova"]["flavor"]["name"] == "m1.large" and vm, "the resize")
    tap.equal((vm["name"], vm["nova"]["name"]), (f"web-2-{domain.uuid[:8]}", "web <2>"))
    tap.equal(vm["nova"]["flavor"]["memory"], 128 << 20)
    tap.equal(vm["nova"]["ports"], [{"id": PORT, "addresses": ["10.0.0.7"]}])
    tap.equal(vm["interfaces"][0]["port"], PORT)
    metric(domain, since, "nova_flavor", "m1.large")
    metric(domain, since, "nova_name", "web <2>")
    metric(domain, since, "nic0_port", PORT)
    monitor().collector.wait(
        lambda: monitor().vm_records(domain.uuid, since)["0:2000"]["hostname"] == vm["name"], 10,
        "the new name")

    lab().virsh("metadata", domain.uuid, NOVA, "--live", "--remove")
    vm = follow(domain, lambda vm: vm["nova"] is None and vm, "the removal")
    tap.equal((vm["name"], vm["interfaces"][0]["port"]), ("instance-0000000a", None))


def test_namespace_1_0():
    """Metadata of before nova 23, without ports, are read too"""
    monitor().wait_connected()
    domain = tiny("instance-0000000b", nics=[lab().nic()], metadata=instance(
        namespace=NOVA.replace("1.1", "1.0"), ports=""))
    vm = follow(domain, lambda vm: vm["nova"] and vm, "nova's metadata")
    tap.equal((vm["nova"]["user"], vm["nova"]["ports"]), ({"id": "3a0d", "name": "ann"}, []))


def test_hard_reboot():
    """A hard reboot (destroyed, undefined, defined, created) is a new run of the same source:
    the tap's name is the same, its ifIndex is another"""
    monitor().wait_connected()
    device = f"tap{PORT[:11]}"
    nic = lab().nic(target=device)
    domain = tiny("instance-0000000c", nics=[nic], metadata=instance())
    before = monitor().wait_sampling(device)
    index = monitor().vm(domain)["index"]
    for _ in range(3):
        xml = lab().virsh("dumpxml", domain.uuid, "--inactive")
        ended = time.time()
        lab().virsh("destroy", domain.uuid)
        lab().virsh("undefine", domain.uuid)
        lab().virsh("define", "/dev/stdin", input=xml)
        lab().virsh("start", domain.uuid, "--paused")
        after = monitor().wait_status(
            lambda status: next((entry for entry in status["taps"] if entry["name"] == device
                                 and entry["ifindex"] != before["ifindex"]
                                 and entry["state"] == "sampling" and entry["vm"]), None),
            what="the new tap")
        tap.equal((after["vm"], after["port"], after["ifindex"]),
                  (before["vm"], PORT, lab().ifindex(device)))
        tap.equal(monitor().vm(domain)["index"], index, "the data source")
        monitor().collector.wait(
            lambda: any(sample.content["sequence"] == 1
                        for sample in monitor().collector.vm(domain.uuid, ended)), 10,
            "the new run's first sample")
        tap.equal([entry["ifindex"] for entry in monitor().status()["taps"]],
                  [after["ifindex"]], "taps")
        before = after


def test_nothing_malformed():
    """Every datagram of this run decodes"""
    monitor().collector.check()


if __name__ == "__main__":
    tap.main(globals(), system=True)
