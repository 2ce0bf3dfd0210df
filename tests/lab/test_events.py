# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens to a running VM beside starts and stops: its state and the reason are told, its
samples go on, and no counter goes back unsaid."""

import os
import signal
import time

import domains
import lab as labs
import tap
import watch
from monitor import Monitor

POLLING = 1
# A round may be one interval late, and its sample waits for company up to half a second.
GAP_S = 2 * POLLING + 0.6
RUNNING, PAUSED, CRASHED = 1, 3, 6
SMALL = "/run/small"  # a file system that is soon full


def lab():
    return tap.fixture(labs.Lab)


def monitor():
    return tap.fixture(make_monitor)


def make_monitor():
    return Monitor(lab(), sampling=1, polling=POLLING)


def guest():
    """Writes to its disk and sends on its NIC all the time."""
    found = getattr(guest, "made", None)
    if found is None:
        monitor().wait_connected()
        lab().run(f"mkdir {SMALL}; mount -t tmpfs -o size=3m small {SMALL}; "
                  f"qemu-img create -q -f qcow2 {SMALL}/vdb 64M")
        found = guest.made = lab().define_guest(
            "web01", disks=[lab().disk("web01"), domains.Disk(SMALL + "/vdb", "vdb")],
            devices="<panic model='isa'/>")
        xml = lab().virsh("dumpxml", "--inactive", "web01")
        lab().virsh("define", "/dev/stdin", input=xml.replace("<on_crash>destroy<",
                                                              "<on_crash>preserve<"))
        found.start()
        found.run(f"(while :; do ping -c 1 -W 1 {lab().address}; date >>/mnt/log; sync; done) "
                  ">/dev/null 2>&1 &")
        wait_samples(3)
    return found


def wait_samples(count, since=0.0):
    collector = monitor().collector
    collector.wait(lambda: len(collector.vm(guest.made.uuid, since)) >= count, 20, "samples")
    return collector.vm(guest.made.uuid, since)


def wait_state(state, reason):
    """In the status and, after that, in a sample."""
    names = {RUNNING: "running", PAUSED: "paused", CRASHED: "crashed"}
    monitor().wait_vm(guest(), lambda vm: (vm["state"], vm["reason_text"]) == (names[state], reason),
                      what=f"{names[state]}, {reason}")
    since = time.time()
    monitor().collector.wait(
        lambda: any(sample.record("0:2101")["state"] == state
                    for sample in monitor().collector.vm(guest().uuid, since)),
        20, f"a sample of state {state}")


class Watched:
    """    with Watched(): ...

    Afterwards: samples paused for no longer than an interval, no counter went back, and it is
    one run of one source."""

    def __enter__(self):
        self.since = time.time()
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            return
        wait_samples(2, time.time())
        samples = monitor().collector.vm(guest().uuid, self.since)
        gap = watch.longest_gap(samples, samples[0].time, samples[-1].time)
        assert gap < GAP_S, f"a gap of {gap:.1f} s"
        tap.equal(len({sample.content["source"] for sample in samples}), 1, "sources")
        watch.consecutive(samples)
        watch.counters_grow(samples)


def of_newest(record, name):
    since = time.time()
    return wait_samples(1, since + POLLING)[-1].record(record)[name]


def test_disk_full():
    """A VM whose disk is full is paused, "I/O error", and goes on when there is room"""
    guest()
    with Watched():
        guest().run("(dd if=/dev/urandom of=/dev/vdb bs=64k count=96 conv=fsync; echo done "
                    ">/tmp/dd) >/dev/null 2>&1 &")
        wait_state(PAUSED, "I/O error")
        text = monitor().command("vm", "web01", "--runtime-dir", monitor().runtime).stdout
        assert "paused (I/O error)" in text, text
        lab().run(["mount", "-o", "remount,size=80m", SMALL])
        lab().virsh("resume", "web01")
        wait_state(RUNNING, "unpaused")
        guest().run("while ! [ -e /tmp/dd ]; do sleep 0.1; done")
        assert of_newest("0:2103", "wr_bytes") >= 96 << 16


def source_file(target):
    for line in lab().virsh("domblklist", "web01").splitlines():
        words = line.split()
        if words[:1] == [target]:
            return words[1]
    return None


def test_block_copy():
    """A disk that is copied and moved to its copy goes on counting"""
    guest()
    before, copy = of_newest("0:2103", "wr_bytes"), os.path.join(lab().folder, "copy.qcow2")
    with Watched():
        lab().virsh("blockcopy", "web01", "vda", "--dest", copy, "--wait", "--pivot",
                    "--transient-job")
        tap.equal(source_file("vda"), copy)
        assert of_newest("0:2103", "wr_bytes") > before


def test_block_commit():
    """So does one that is committed into what was below it, and moved there"""
    guest()
    below, above = source_file("vda"), os.path.join(lab().folder, "above.qcow2")
    before = of_newest("0:2103", "wr_bytes")
    with Watched():
        lab().virsh("snapshot-create-as", "web01", "above", "--disk-only", "--no-metadata",
                    "--diskspec", f"vda,file={above}", "--diskspec", "vdb,snapshot=no")
        tap.equal(source_file("vda"), above)
        wait_samples(2, time.time())
        lab().virsh("blockcommit", "web01", "vda", "--active", "--wait", "--pivot")
        tap.equal(source_file("vda"), below)
        assert of_newest("0:2103", "wr_bytes") > before


def anew(ended, began, capacity):
    """The run that began after one that ended: what its samples and those of the end say."""
    collector = monitor().collector
    after = wait_samples(3, began)
    tap.equal(after[0].content["sequence"], 1, "the first sequence number")
    tap.equal([sample.time - ended for sample in collector.vm(guest().uuid, ended + 1)
               if sample.time < began], [], "samples of one that does not run")
    gap = watch.longest_gap(after, after[0].time, after[-1].time)
    assert gap < GAP_S, f"a gap of {gap:.1f} s"
    watch.counters_grow(after)
    collector.wait(lambda: collector.vm(guest().uuid, began)[-1].record("0:2103")["capacity"]
                   == capacity, 20, "the disks of before")
    tap.equal(len({sample.content["source"] for sample in collector.vm(guest().uuid)}), 1,
              "sources")


def test_save():
    """A VM that is saved and restored from the file is a new run of the same source"""
    saved, capacity = os.path.join(lab().folder, "saved"), None
    guest()
    capacity = of_newest("0:2103", "capacity")
    death = watch.Death(guest().pid())
    lab().virsh("save", "web01", saved)
    ended = death.wait()
    monitor().wait_status(lambda status: not status["vms"], what="its end")
    began = time.time()
    lab().virsh("restore", saved)
    anew(ended, began, capacity)
    os.unlink(saved)
    wait_state(RUNNING, "restored")


def test_revert():
    """So is one that is put back to a snapshot; none of its counters goes back unsaid"""
    guest()
    capacity = of_newest("0:2103", "capacity")
    since = time.time()
    lab().virsh("snapshot-create-as", "web01", "inner")
    wait_samples(2, time.time())
    watch.consecutive(monitor().collector.vm(guest().uuid, since))
    pid, death = guest().pid(), watch.Death(guest().pid())
    began = time.time()
    lab().virsh("snapshot-revert", "web01", "inner")
    if guest().pid() != pid:
        anew(death.wait(), death.wait(), capacity)
    wait_samples(3, time.time())
    watch.counters_grow(monitor().collector.vm(guest().uuid, began))
    wait_state(RUNNING, "from snapshot")


def test_tap_moves():
    """A tap that moves to another network namespace is let go and named; back, it is sampled"""
    device, = guest().taps()
    ifindex, collector = lab().ifindex(device), monitor().collector
    lab().run(["ip", "netns", "add", "apart"])
    monitor().wait_sampling(device)
    moved = time.time()
    lab().run(["ip", "link", "set", device, "netns", "apart"])
    nic = monitor().wait_vm(guest(), lambda vm: not vm["taps"] and vm["interfaces"][0],
                            what="a VM without its tap")
    tap.equal((nic["device"], nic["ifindex"], nic["trouble"]), (device, None, "not there"))
    tap.equal([one["name"] for one in monitor().status()["taps"]], [], "taps")
    cpu, then = monitor().cpu_seconds(), time.time()
    samples = wait_samples(3, moved + POLLING)
    busy = (monitor().cpu_seconds() - cpu) / (time.time() - then)
    tap.diagnostics(f"CPU meanwhile: {100 * busy:.0f} %")
    assert busy < 0.5, f"it spins: {100 * busy:.0f} % of a CPU"
    tap.equal({sample.record("0:2104")["bytes_out"] for sample in samples}, {None})
    tap.equal(len(collector.samples(source=f"0:{ifindex}", since=moved + POLLING)), 0,
              "samples of a tap that is elsewhere")
    back = time.time()
    lab().run(f"ip netns exec apart ip link set {device} netns 1; "
              f"ip link set {device} master {lab().bridge} up")
    monitor().wait_sampling(device)
    now = lab().ifindex(device)
    collector.wait(lambda: any(watch.is_icmp(flow) for flow in collector.flows(now, back)), 20,
                   "packets")
    collector.wait(lambda: any(sample.record("0:2104")["bytes_out"]
                               for sample in collector.vm(guest().uuid, back)), 20, "a sum")
    tap.equal(collector.samples("0:4", f"0:{now}", back)[0].content["sequence"], 1)
    watch.counters_grow(collector.vm(guest().uuid, moved))


def test_panic():
    """A guest that panics is told as crashed, and so are its samples"""
    guest().console.close()
    guest().wait_ready()
    if guest().run("ls /sys/bus/acpi/drivers/pvpanic-mmio /sys/bus/platform/drivers/pvpanic-mmio "
                   "2>/dev/null", check=False)[1] == "":
        tap.skip("the guest's kernel has no driver that would tell")
    with Watched():
        guest().run("(sleep 0.3; echo c >/proc/sysrq-trigger) >/dev/null 2>&1 &")
        guest().console.close()  # the kernel's last words would wait for their reader
        wait_state(CRASHED, "panicked")


def test_killed():
    """A QEMU that is killed has no sample later than a second after, and begins anew"""
    guest()
    capacity = of_newest("0:2103", "capacity")
    death = watch.Death(guest().pid())
    os.kill(guest().pid(), signal.SIGKILL)
    ended = death.wait()
    monitor().wait_status(lambda status: not status["vms"], what="its end")
    time.sleep(1.5)
    began = time.time()
    guest().start(wait=False)
    anew(ended, began, capacity)
    wait_state(RUNNING, "booted")


def test_nothing_malformed():
    """Every datagram of this run decodes"""
    monitor().collector.check()


if __name__ == "__main__":
    tap.main(globals(), system=True)
