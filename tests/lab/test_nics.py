# SPDX-License-Identifier: GPL-2.0-or-later
"""NICs of other kinds than a tap that libvirt makes: taps that are there before and after their VM,
macvtaps, NICs without an interface on the host; and what a tap's packets leave the host by."""

import time

import domains
import lab as labs
import tap
import watch
from monitor import Monitor

TAP = "tapc0ffee00-01"


def lab():
    return tap.fixture(labs.Lab)


def monitor():
    return tap.fixture(make_monitor)


def make_monitor():
    return Monitor(lab(), polling=1, sampling=1)


def tiny(name, **options):
    made = lab().define_tiny(name, **options)
    tap.on_exit(lambda: lab().virsh("undefine", made.uuid))
    tap.on_exit(lambda: lab().virsh("destroy", made.uuid, check=False))
    return made


def lasting_tap(name):
    """As Calico or os-vif makes one: routed, up, and there whether a VM runs or not."""
    lab().run(f"ip tuntap add dev {name} mode tap && ip link set {name} up")
    tap.on_exit(lambda: lab().run(["ip", "link", "del", name]))
    return lab().ifindex(name)


def test_a_tap_that_outlives_its_vm():
    """A tap that exists is no VM that runs: it is sampled for its VM while that runs, and is
    nobody's before and after, run for run"""
    monitor().wait_connected()
    ifindex = lasting_tap(TAP)
    nic = domains.Nic("fa:16:3e:00:00:01", kind="ethernet",
                      extra=f"<target dev='{TAP}' managed='no'/>")
    domain = tiny("routed", nics=[nic])
    monitor().wait_status(lambda status: status["taps"] == [] and status["vms"] == [],
                          what="the tap to be nobody's")
    for run in range(3):
        since = time.time()
        domain.start(paused=True)
        entry = monitor().wait_sampling(TAP)
        tap.equal((entry["vm"], entry["ifindex"], entry["bridge"], entry["uplinks"]),
                  ("routed", ifindex, None, []), f"run {run}")
        first = monitor().collector.wait(
            lambda: monitor().collector.vm(domain.uuid, since), 10, "a sample of the VM")[0]
        tap.equal(first.content["sequence"], 1)
        monitor().collector.wait(
            lambda: [s for s in monitor().collector.vm(domain.uuid, since)
                     if watch.adapters(s).get(nic.mac) == ifindex], 10, "the tap among its adapters")
        domain.destroy()
        monitor().wait_status(lambda status: status["taps"] == [] and status["vms"] == [],
                              what="the tap to be nobody's again")
        ended = time.time() + 1
        tap.equal(lab().ifindex(TAP), ifindex, "the tap lives on")
        time.sleep(3)
        tap.equal(monitor().collector.samples(source=f"0:{ifindex}", since=ended), [],
                  "samples of a tap without a VM")
        tap.equal(monitor().collector.vm(domain.uuid, ended), [], "samples of a VM that is off")


def test_macvtap_once_up():
    """A macvtap is sampled once it is up, which libvirt sees to as the VM's CPUs start; what lies
    below it is its uplink"""
    monitor().wait_connected()
    lab().run("ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up")
    tap.on_exit(lambda: lab().run("ip link del v0"))
    domain = tiny("direct", nics=[lab().nic(kind="direct", source="v0")])
    domain.start(paused=True)
    device, = domain.taps()
    entry = monitor().wait_status(
        lambda status: next((entry for entry in status["taps"] if entry["name"] == device
                             and entry["vm"]), None), what="the macvtap")
    tap.equal((entry["bridge"], entry["uplinks"]), (None, ["v0"]))
    tap.diagnostics(f"while its VM waits: {entry['state']}")
    lab().virsh("resume", domain.uuid)
    monitor().wait_sampling(device)
    vm = monitor().vm(domain)
    tap.equal([(nic["kind"], nic["type"], nic["unsampled"], nic["ifindex"])
               for nic in vm["interfaces"]], [("macvtap", "direct", None, entry["ifindex"])])


def test_without_an_interface():
    """A NIC of user networking is listed and never sampled; it is no error, and the VM's other
    NIC is sampled"""
    monitor().wait_connected()
    domain = tiny("mixed", devices="<interface type='user'><mac address='52:54:00:aa:00:01'/>"
                  "<model type='virtio'/><rom enabled='no'/></interface>")
    since = len(monitor().log())
    domain.start(paused=True)
    monitor().wait_status(lambda status: [entry["state"] for entry in status["taps"]
                                          if entry["vm"] == "mixed"] == ["sampling"],
                          what="a sampler")
    vm = monitor().wait_vm(domain, lambda vm: vm["last_poll_s"] is not None and vm)
    tap.equal([(nic["kind"], nic["type"], nic["unsampled"]) for nic in vm["interfaces"]],
              [("tap", "bridge", None), ("other", "user", "it has no interface on the host")])
    tap.equal((len(vm["taps"]), vm["counters"]["net_in_bytes"]), (1, None))
    log = monitor().log()[since:]
    assert "warning" not in log.lower(), log
    shown = monitor().command("vm", "mixed", "--runtime-dir", monitor().runtime).stdout
    assert "52:54:00:aa:00:01" in shown, shown


def test_uplink():
    """What else is on a tap's bridge is its uplink, as it comes and goes"""
    monitor().wait_connected()
    domain = tiny("bridged")
    domain.start(paused=True)
    device, = domain.taps()
    tap.equal([(entry["bridge"], entry["uplinks"]) for entry in [monitor().wait_sampling(device)]],
              [(lab().bridge, [])])
    lab().run(f"ip link add up0 type veth peer name up1; ip link set up0 master {lab().bridge}")
    tap.on_exit(lambda: lab().run("ip link del up0"))
    monitor().wait_status(lambda status: [entry["uplinks"] for entry in status["taps"]] == [["up0"]],
                          what="the uplink")
    lab().run("ip link set up0 nomaster")
    monitor().wait_status(lambda status: [entry["uplinks"] for entry in status["taps"]] == [[]],
                          what="no uplink")


def test_nothing_malformed():
    """Every datagram of this run decodes"""
    monitor().collector.check()


if __name__ == "__main__":
    tap.main(globals(), system=True)
