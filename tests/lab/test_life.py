# SPDX-License-Identifier: GPL-2.0-or-later
"""Lives of VMs: start, stop, reboot, pause, save, hotplug, many at once, names."""

import os
import subprocess
import time

import domains
import lab as labs
import tap
import watch
from monitor import Monitor, records

FIRST_S = 5      # generous; what is measured stands in the diagnostics
ENDED_S = 1      # no sample later than that after QEMU's end
SHUTDOWN = 4     # a state of virDomainState
LATE = 1 << 20   # bytes that a guest writes right before its end


def lab():
    return tap.fixture(labs.Lab)


def fast():
    """The daemon with the shortest interval, where each packet is a sample."""
    return tap.fixture(make_fast)


def make_fast():
    return Monitor(lab(), name="fast", sampling=1, polling=1)


def slow():
    """A second one with the longest interval: there a sample in time is one that
    an event asked for, not one whose turn it was."""
    return tap.fixture(make_slow)


def make_slow():
    return Monitor(lab(), name="slow", port=6344, sampling=0, polling=300)


def events():
    return tap.fixture(make_events)


def make_events():
    return watch.Events(lab())


def monitors():
    """All of it up before a VM starts."""
    events()
    fast().wait_connected()
    slow().wait_connected()


def guest():
    """One guest for most tests, running."""
    monitors()
    found = getattr(guest, "made", None)
    if found is None:
        found = guest.made = lab().define_guest("web01")
    if found.state() != "running":
        guest.started = time.time()
        found.start()
        fast().wait_sampling(found.taps()[0])
    return found


def tiny(name, **options):
    """A paused domain without a kernel, gone after the test."""
    made = lab().define_tiny(name, **options)
    tap.on_exit(lambda: lab().virsh("undefine", made.uuid))
    tap.on_exit(lambda: lab().virsh("destroy", made.uuid, check=False))
    return made


def first_sample(monitor, uuid, since):
    return monitor.collector.wait(lambda: monitor.collector.vm(uuid, since), 30, "a sample")[0]


def newest(uuid, since):
    return fast().collector.wait(lambda: fast().collector.vm(uuid, since), 30, "a sample")[-1]


def source_of(name):
    """The VM's data source, as the status knows it."""
    return f"3:{fast().wait_status(lambda status: entry(status, name))['index']}"


def entry(status, name):
    return next((vm for vm in status["vms"] if vm["domain"] == name), None)


def delay_after_start(monitor, domain, since):
    started = events().wait(domain.name, "Started", since)
    return first_sample(monitor, domain.uuid, since).time - started


def test_start():
    """A started VM has its first sample at once, sequence 1, and then one an interval"""
    guest()
    since = guest.started
    for monitor in (slow(), fast()):
        first = first_sample(monitor, guest().uuid, since)
        delay = first.time - events().wait("web01", "Started", since)
        tap.diagnostics(f"{monitor.name}: first sample {delay * 1000:.0f} ms after STARTED")
        assert delay < FIRST_S, f"{monitor.name}: {delay:.1f} s after STARTED"
        tap.equal(first.content["sequence"], 1, monitor.name)
    fast().collector.wait(lambda: len(fast().collector.vm(guest().uuid, since)) >= 6, 20,
                          "six samples")
    seen = fast().collector.vm(guest().uuid, since)
    watch.consecutive(seen)
    # The second one sets the phase. Rounded to slots of a quarter second.
    gaps = [b.time - a.time for a, b in zip(seen[1:], seen[2:])]
    tap.between(sum(gaps) / len(gaps), 0.7, 1.5, "mean interval")


def test_suspend():
    """A suspended VM is paused (3) in its samples, a resumed one runs (1)"""
    domain = guest()
    tap.equal(newest(domain.uuid, time.time()).record("0:2101")["state"], 1)
    for command, state in (("suspend", 3), ("resume", 1)):
        lab().virsh(command, "web01")
        since = time.time() + 1.3  # one whose turn began before is let by
        tap.equal(newest(domain.uuid, since).record("0:2101")["state"], state, command)


BOOT = "cat /proc/sys/kernel/random/boot_id"


def wait_other_boot(domain, boot, timeout=90):
    """Until another kernel answers than the one that said `boot`."""
    deadline = time.monotonic() + timeout
    domain.console.close()
    while domain.console.run(BOOT, timeout, resend=1) == (0, boot):
        assert time.monotonic() < deadline, "the guest does not boot again"
        time.sleep(0.1)


def survives_reset(how, what):
    domain = guest()
    source, pid, device = source_of("web01"), domain.pid(), domain.taps()[0]
    ifindex = lab().ifindex(device)
    since = time.time()
    boot = domain.run(BOOT)
    how(domain)
    wait_other_boot(domain, boot)
    newest(domain.uuid, time.time())
    samples = fast().collector.vm(domain.uuid, since)
    tap.equal((domain.pid(), lab().ifindex(device)), (pid, ifindex), "QEMU and tap")
    tap.equal({sample.content["source"] for sample in samples}, {source})
    tap.equal({watch.adapters(sample)[domain.nics[0].mac] for sample in samples}, {ifindex})
    watch.consecutive(samples, what)
    times = [sample.record("0:2101")["cpuTime"] for sample in samples]
    tap.equal(times, sorted(times), "CPU times")
    # Still the same sampler, and it samples.
    since = time.time()
    domain.run(f"ping -c 1 {lab().address}")
    fast().collector.wait(lambda: fast().collector.flows(ifindex, since), 5, "a flow sample")


def test_reboot():
    """A guest's reboot changes nothing: index, tap and sequence go on"""
    events_before = len(events().times("web01", ""))
    # Later than the answer, which would get lost with the guest.
    survives_reset(lambda domain: domain.run("(sleep 0.3; reboot -f) & true"), "reboot")
    tap.equal(len(events().times("web01", "")), events_before, "lifecycle events")


def test_reset():
    """So does virsh reset"""
    survives_reset(lambda domain: lab().virsh("reset", "web01"), "reset")


def test_nic_hotplug():
    """A hotplugged NIC is sampled and listed; unplugged, its tap is let go and the VM's
    sequence begins again, as its sum went back"""
    domain = guest()
    nic = lab().nic(number=9, index=1, address="10.99.0.9/24")
    before = set(lab().run(["ls", "/sys/class/net"]).stdout.split())
    attached = time.time()
    lab().virsh("attach-device", "web01", "/dev/stdin", "--live", input=nic.xml())
    device, = set(lab().run(["ls", "/sys/class/net"]).stdout.split()) - before
    ifindex = lab().ifindex(device)
    entry = fast().wait_sampling(device)
    tap.equal((entry["vm"], entry["mac"], entry["ifindex"]), ("web01", nic.mac, ifindex))
    fast().collector.wait(
        lambda: watch.adapters(fast().collector.vm(domain.uuid, attached)[-1]).get(nic.mac)
        == ifindex if fast().collector.vm(domain.uuid, attached) else False,
        10, "host_adapters with the new NIC")

    lab().run(["ip", "address", "add", "10.99.0.1/24", "dev", lab().bridge])
    # Else the guest answers for the new address on its other NIC too.
    domain.run("echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore")
    domain.run("n=0; while ! [ -e /sys/class/net/eth1 ] && [ $n -lt 50 ]; do n=$((n+1)); "
               "sleep 0.1; done; ip address add 10.99.0.9/24 dev eth1; ip link set eth1 up")
    since = time.time()
    lab().run(["ping", "-c", "5", "-i", "0.1", "-W", "2", "10.99.0.9"])
    fast().collector.wait(
        lambda: len([f for f in fast().collector.flows(ifindex, since) if watch.is_icmp(f)]) == 10,
        5, "ten flow samples of five pings")

    newest(domain.uuid, time.time())  # with the pings in the sum
    detached = time.time()
    lab().virsh("detach-device", "web01", "/dev/stdin", "--live", input=nic.xml())

    def is_detached():
        sample, = fast().collector.vm(domain.uuid, detached)[-1:] or [None]
        # Between its tap's end and libvirt's word on it the sum is unknown.
        return sample and nic.mac not in watch.adapters(sample) and \
            sample.record("0:2104")["bytes_in"] is not None

    fast().collector.wait(is_detached, 30, "host_adapters and a sum without the NIC")
    assert device not in lab().run(["ls", "/sys/class/net"]).stdout.split(), "the tap lives on"
    fast().wait_status(lambda status: all(t["ifindex"] != ifindex for t in status["taps"]))
    samples = fast().collector.vm(domain.uuid, attached)
    sums = [sample.record("0:2104")["bytes_in"] for sample in samples]
    for last, sample in zip(samples, samples[1:]):
        back = (sample.record("0:2104")["bytes_in"] or 0) < (last.record("0:2104")["bytes_in"] or 0)
        if back and sample.record("0:2104")["bytes_in"] is not None:
            tap.equal(sample.content["sequence"], 1, f"after a step back ({sums})")
    tap.equal(watch.sequences(samples).count(1), 1, f"sequence restarts ({sums})")


def test_disk_hotplug():
    """A hotplugged disk adds to the capacity, an unplugged one is taken off"""
    domain = guest()
    capacity = newest(domain.uuid, time.time()).record("0:2103")["capacity"]
    disk = domains.Disk(os.path.join(lab().folder, "more.raw"), "vdb", "raw")
    with open(disk.path, "wb") as file:
        file.truncate(64 << 20)

    def wait_capacity(wanted):
        since = time.time()
        fast().collector.wait(
            lambda: any(sample.record("0:2103")["capacity"] == wanted
                        for sample in fast().collector.vm(domain.uuid, since)),
            20, f"capacity {wanted}")

    lab().virsh("attach-device", "web01", "/dev/stdin", "--live", input=disk.xml())
    wait_capacity(capacity + (64 << 20))
    lab().virsh("detach-device", "web01", "/dev/stdin", "--live", input=disk.xml())
    wait_capacity(capacity)


def test_managed_save():
    """A saved and restored VM is a new run of the same source, and is sampled"""
    domain = guest()
    source = source_of("web01")
    death = watch.Death(domain.pid())
    lab().virsh("managedsave", "web01")
    ended = death.wait()
    since = time.time()
    lab().virsh("start", "web01")
    domain.console.close()  # another QEMU has the other end
    first = first_sample(fast(), domain.uuid, since)
    tap.equal((first.content["source"], first.content["sequence"]), (source, 1))
    tap.equal([sample.time - ended for sample in fast().collector.vm(domain.uuid, ended + ENDED_S)
               if sample.time < since], [], "samples of a saved VM")
    ifindex = lab().ifindex(domain.taps()[0])
    fast().wait_sampling(domain.taps()[0])
    domain.run(f"ping -c 3 -i 0.1 {lab().address}")
    fast().collector.wait(
        lambda: len([f for f in fast().collector.flows(ifindex, since) if watch.is_icmp(f)]) == 6,
        5, "six flow samples of three pings")


def test_poweroff():
    """A guest that switches itself off leaves a last sample with its final counters"""
    domain = guest()
    ifindex = lab().ifindex(domain.taps()[0])
    before = newest(domain.uuid, time.time())
    domain.run(f"dd if=/dev/urandom of=/mnt/late bs=64k count={LATE >> 16} conv=fsync")
    death = watch.Death(domain.pid())
    since = time.time()
    domain.run("poweroff")
    ended = death.wait()
    shutdown = events().wait("web01", "Shutdown", since)
    events().wait("web01", "Stopped", since)
    tap.diagnostics(f"SHUTDOWN {(ended - shutdown) * 1000:.0f} ms before QEMU's end")
    time.sleep(ENDED_S + 1)
    # The daemon may have the event before virsh writes its time.
    last = [sample for sample in slow().collector.vm(domain.uuid, since)
            if sample.record("0:2101")["state"] == SHUTDOWN]
    for sample in last:
        known = [name for record in ("0:2101", "0:2103", "0:2104")
                 for name, value in sample.record(record).items() if value is not None]
        tap.diagnostics(f"last sample {(sample.time - shutdown) * 1000:.0f} ms after SHUTDOWN; "
                        f"known: {' '.join(known)}")
    # libvirt ends QEMU at once: too busy a machine cannot ask it any more.
    if ended - shutdown > 0.015:
        tap.equal(len(last), 1, "samples of a VM that is shut down")
        assert last[0].record("0:2101")["cpuTime"] is not None, last[0].content
        # Its tap is gone by then; the kernel told its counters with its end.
        assert last[0].record("0:2104")["bytes_out"] is not None, last[0].content
        # Its disks were read when its agent left: no turn came for 300 s.
        agent_left = events().times("web01", "state: 'disconnected'", since, "agent-lifecycle")[0]
        tap.diagnostics(f"its agent left {(shutdown - agent_left) * 1000:.0f} ms before SHUTDOWN")
        assert last[0].record("0:2103")["wr_bytes"] >= before.record("0:2103")["wr_bytes"] + LATE
        assert int(slow().collector.newest_metrics(domain.uuid, since)["stale_s"]) > 0
    for sample in last + fast().collector.vm(domain.uuid, since)[-1:]:
        for record, names in (("0:2101", ["cpuTime"]),
                              ("0:2103", ["rd_bytes", "wr_bytes", "rd_req", "wr_req"]),
                              ("0:2104", ["bytes_in", "bytes_out", "pkts_in", "pkts_out"])):
            for name in names:
                old, new = before.record(record)[name], sample.record(record)[name]
                assert new is None or new >= old, f"{name} went from {old} to {new}"
    nothing_after(domain.uuid, ifindex, ended)


def nothing_after(uuid, ifindex, ended):
    """To be called more than ENDED_S later."""
    for monitor in (fast(), slow()):
        late = [sample.time - ended for sample in monitor.collector.vm(uuid, ended + ENDED_S)
                + monitor.collector.samples(source=f"0:{ifindex}", since=ended + ENDED_S)]
        tap.equal(late, [], f"{monitor.name}: samples after the end")


def test_destroy():
    """A destroyed VM has no sample later than a second after its end"""
    monitors()
    domain = tiny("short")
    domain.start(paused=True)
    ifindex = lab().ifindex(domain.taps()[0])
    first_sample(fast(), domain.uuid, 0)
    death = watch.Death(domain.pid())
    domain.destroy()
    ended = death.wait()
    time.sleep(ENDED_S + 1.5)
    nothing_after(domain.uuid, ifindex, ended)
    tap.equal([entry(monitor.status(), "short") for monitor in (fast(), slow())], [None, None])
    assert all(t["ifindex"] != ifindex for t in fast().status()["taps"])


def test_destroy_and_start():
    """Stopped and started at once, again and again: same index, each run its own tap"""
    monitors()
    domain = tiny("again", nics=[lab().nic(target="tap-again")])
    indexes = []
    since = time.time()
    for number in range(6):
        if number > 0:
            domain.destroy()
        domain.start(paused=True)
        indexes.append(lab().ifindex("tap-again"))
        if number % 2 == 0:  # the others are over before they are known
            fast().collector.wait(
                lambda: any(watch.adapters(sample)[domain.nics[0].mac] == indexes[-1]
                            for sample in fast().collector.vm(domain.uuid, since)),
                10, f"run {number} with its tap {indexes[-1]}")
    newest(domain.uuid, time.time() + 1)
    tap.equal(len(set(indexes)), len(indexes), "ifIndexes of the lab's own")
    for monitor in (fast(), slow()):
        samples = monitor.collector.vm(domain.uuid, since)
        tap.equal({sample.content["source"] for sample in samples}, {source_of("again")})
        at = 0
        for run in watch.runs(samples):
            own = {watch.adapters(sample)[domain.nics[0].mac] for sample in run} - {0}
            assert len(own) <= 1, f"one run with several taps: {own}"
            for ifindex in own:
                assert ifindex in indexes[at:], f"{ifindex} came back ({indexes}, {at})"
                at = indexes.index(ifindex) + 1
            watch.consecutive(run)
    tap.equal(watch.adapters(newest(domain.uuid, time.time()))[domain.nics[0].mac], indexes[-1])


def test_many():
    """20 VMs started at once: each has its own index, its taps and a sample in time"""
    monitors()
    made = [tiny(f"many{number:02}", nics=[lab().nic(50 + number), lab().nic(50 + number, 1)])
            for number in range(20)]
    since = time.time()
    starts = [lab().popen(["virsh", "-q", "start", domain.name, "--paused"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for domain in made]
    for start in starts:
        tap.equal((start.wait(60), start.stdout.read()), (0, b""), "virsh start")
    wanted = {domain.uuid: {nic.mac: lab().ifindex(device)
                            for nic, device in zip(domain.nics, domain.taps())} for domain in made}
    delays = {monitor.name: [delay_after_start(monitor, domain, since) for domain in made]
              for monitor in (fast(), slow())}
    for name, values in delays.items():
        tap.diagnostics(f"{name}: first sample after STARTED: "
                        f"p50 {watch.percentile(values, 0.5) * 1000:.0f} ms, "
                        f"p99 {watch.percentile(values, 0.99) * 1000:.0f} ms")
        assert max(values) < FIRST_S, f"{name}: {values}"
    since = time.time()
    last = {domain.uuid: newest(domain.uuid, since) for domain in made}
    tap.equal({uuid: watch.adapters(sample) for uuid, sample in last.items()}, wanted)
    tap.equal(len({sample.content["source"] for sample in last.values()}), len(made))
    for sample in last.values():
        tap.between(int(sample.content["source"].split(":")[1]), 200000, 16777215)
    for domain in made:
        fast().wait_sampling(domain.taps()[1])


NOVA = ('<nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1">'
        "<nova:name>{}</nova:name></nova:instance>")


def test_names():
    """VMs are called by nova's name and UUID, else by libvirt's name; odd characters go and
    keep names distinct"""
    monitors()
    made = {}
    for domain_name, options in (
            ("instance-00000001", {"metadata": NOVA.format("web front")}),
            ("plain.vm_1-a", {"title": "A title"}),
            ("odd name é!", {}),
            ("odd name é?", {}),
            ("-$(reboot);%s", {})):
        domain = lab().define_tiny(domain_name, nics=[], **options)
        tap.on_exit(lambda uuid=domain.uuid: lab().virsh("undefine", uuid))
        lab().virsh("start", domain.uuid, "--paused")
        tap.on_exit(lambda uuid=domain.uuid: lab().virsh("destroy", uuid))
        made[domain_name] = domain.uuid

    def name_of(monitor, domain_name):
        return records(first_sample(monitor, made[domain_name], 0))["0:2000"]["hostname"]

    short = {name: uuid[:8] for name, uuid in made.items()}
    with Monitor(lab(), name="titled", port=6345, sampling=0, polling=1,
                 vm_name="title") as titled:
        for name, wanted in (
                ("instance-00000001", f"web-front-{short['instance-00000001']}"),
                ("plain.vm_1-a", "plain.vm_1-a"),
                ("odd name é!", f"odd-name-{short['odd name é!']}"),
                ("odd name é?", f"odd-name-{short['odd name é?']}"),
                ("-$(reboot);%s", f"reboot-s-{short['-$(reboot);%s']}")):
            tap.equal(name_of(fast(), name), wanted)
        tap.equal(name_of(titled, "plain.vm_1-a"), f"A-title-{short['plain.vm_1-a']}")
        tap.equal(name_of(titled, "instance-00000001"), "instance-00000001")


def test_nothing_malformed():
    """Every datagram of this run decodes"""
    for monitor in (fast(), slow()):
        monitor.collector.check()


if __name__ == "__main__":
    tap.main(globals(), system=True)
