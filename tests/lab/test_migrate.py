# SPDX-License-Identifier: GPL-2.0-or-later
"""A VM that moves between two hosts, each with a daemon of its own: at any time one of
them accounts for it, and nothing is told twice or left out."""

import os
import re
import time

import lab as labs
import tap
import watch
from guest import Guest
from monitor import Monitor

POLLING = 1
# A round may be one interval late, and its sample waits for company up to half a second.
GAP_S = 2 * POLLING + 0.6
COMPANY_S = 0.5
SLOW_MIB_S = 24  # so that a migration lasts for several rounds
SLOWER_MIB_S = 6  # and for more
USERFAULTFD = "/proc/sys/vm/unprivileged_userfaultfd"  # there if the kernel has it
PAUSED, RUNNING = 3, 1
# virDomainEventType, and the details of these
SUSPENDED, RESUMED, SUSPENDED_POSTCOPY, RESUMED_POSTCOPY = 3, 4, 7, 3
URI = "qemu+unix:///system?socket=/run/peer/libvirt/libvirt-sock"
ADDRESSES = "10.78.0.1", "10.78.0.2"


final_bytes = []  # of each move


def one():
    return tap.fixture(labs.Lab)


def two():
    return tap.fixture(make_two)


def make_two():
    """Its hook announces a VM while QEMU waits for the guest that is still elsewhere."""
    hook = os.path.join(labs.build_folder(), "hooks", "qemu-hook")
    # Who waits for its guest's memory page by page needs userfaultfd, which is root's.
    return labs.Lab(hostname="kvm-two", address="10.77.0.2", hooks=[hook],
                    qemu_conf="clear_emulator_capabilities = 0\n")


def at_one():
    return tap.fixture(make_at_one)


def make_at_one():
    return Monitor(one(), name="virt-sflow", sampling=0, polling=POLLING)


def at_two():
    return tap.fixture(make_at_two)


def make_at_two():
    return Monitor(two(), name="virt-sflow", port=6344, sampling=0, polling=POLLING)


def guest():
    """Running at one, with something to count on its NIC and its disk."""
    found = getattr(guest, "made", None)
    if found is None:
        labs.join(one(), two(), address=ADDRESSES)
        for monitor in (at_one(), at_two()):
            monitor.wait_connected()
        found = guest.made = one().boot("web01")
        found.run("(while :; do ping -c 1 -W 1 10.77.0.200; date >>/mnt/log; sync; done) "
                  ">/dev/null 2>&1 &")
        at_one().collector.wait(lambda: len(at_one().collector.vm(found.uuid)) >= 3, 20, "samples")
        two().run(["mkdir", "-p", "/run/vsf"])
    return found


def there(domain):
    return Guest(two(), domain.name, domain.uuid, domain.nics, None)


def migrate(source, target, *options, bandwidth=SLOW_MIB_S, name="web01"):
    """Begins it, slowly; the process of virsh."""
    return source.daemon("migrate", ["virsh", "migrate", "--live", "--unsafe", "--bandwidth",
                                     str(bandwidth), *options, name, URI,
                                     f"tcp://{target}:49200"])


def wait_incoming(monitor, domain):
    """Until it is known there, and on its way for a few rounds more."""
    monitor.wait_vm(domain, lambda vm: (vm["state"], vm["reason_text"]) == ("paused", "migrating"),
                    what="a guest on its way")
    time.sleep(2.5 * POLLING)


def ended(process):
    tap.equal(process.wait(120), 0, "virsh migrate")


def n_domains(monitor, since, until):
    """What the host's samples say in between; they wait for company up to half a second."""
    return {sample.record("0:2100")["num_domains"]
            for sample in monitor.collector.samples("0:4", "2:1", since + 0.6)
            if sample.time < until}


def handed_over(domain, source, target, began, state=RUNNING, nowhere_s=0.0):
    """The samples of both sides, judged; `began`: before the migration; `nowhere_s`: for how long
    the guest ran on neither."""
    first = target.collector.wait(lambda: target.collector.vm(domain.uuid, began), 20,
                                  "a sample at the target")[0]
    source.wait_status(lambda status: not status["vms"], what="the end at the source")
    target.collector.wait(lambda: len(target.collector.vm(domain.uuid, began)) >= 4, 20,
                          "samples at the target")
    before = source.collector.vm(domain.uuid, began)
    after = target.collector.vm(domain.uuid, began)
    last = before[-1]
    tap.diagnostics(f"{len(before)} samples at the source while it moved; the target's first "
                    f"{(first.time - last.time) * 1000:.0f} ms after the source's last, of which "
                    f"is known: {' '.join(name for _, name in watch.counters(last))}")
    assert last.time < first.time, "both account for it"
    gap = watch.longest_gap(before + after, before[0].time, after[-1].time)
    assert gap < max(GAP_S, nowhere_s + POLLING), f"nobody accounts for it for {gap:.1f} s"
    # The source's last is of the guest that stopped there, with what it had counted by then.
    tap.equal(last.record("0:2101")["state"], PAUSED)
    assert last.record("0:2101")["cpuTime"] is not None, "cpuTime is not known at the end"
    # Where the kernel took longer to tell of the taps than that sample may wait, they are unknown.
    final_bytes.append(last.record("0:2104")["bytes_out"])
    tap.equal({sample.record("0:2101")["state"] for sample in after}, {state})
    tap.equal(first.content["sequence"], 1)
    for samples in (before, after):
        watch.counters_grow(samples)
    tap.equal(len({sample.content["source"] for sample in before + after}), 1, "sources")
    tap.equal({sample.record("0:2000")["hostname"] for sample in before + after}, {domain.name})
    # Counted where it runs. The host's sample may be the first that says that it moved.
    tap.equal(n_domains(target, began, last.time), {0})
    tap.equal(n_domains(source, began, last.time - COMPANY_S), {1})
    for monitor, samples in ((source, before), (target, after)):
        tap.equal({sample.datagram.content["agent"] for sample in samples},
                  {sample.datagram.content["agent"]
                   for sample in monitor.collector.samples("0:4", "2:1")}, "agents")
    return after


def test_cancelled():
    """A migration that is given up leaves no trace at the target, also where a daemon starts in the
    middle of it, and no gap at the source"""
    domain = guest()
    began = time.time()
    process = migrate(one(), ADDRESSES[1], bandwidth=SLOWER_MIB_S)
    wait_incoming(at_two(), domain)
    at_two().stop()
    at_two().start()
    wait_incoming(at_two(), domain)
    one().virsh("domjobabort", domain.name)
    assert process.wait(60) != 0, "it was not given up"
    given_up = time.time()
    at_two().wait_status(lambda status: not status["vms"], what="its end at the target")
    collector = at_one().collector
    collector.wait(lambda: len(collector.vm(domain.uuid, given_up)) >= 3, 20, "samples")
    tap.equal(len(at_two().collector.vm(domain.uuid)), 0, "samples at the target")
    tap.equal(n_domains(at_two(), began, time.time()), {0})
    samples = collector.vm(domain.uuid, began)
    watch.consecutive(samples)
    gap = watch.longest_gap(samples, samples[0].time, samples[-1].time)
    assert gap < GAP_S, f"a gap of {gap:.1f} s"
    watch.counters_grow(samples)


def test_out():
    """A VM that migrates has its samples from one host at a time: the last where it stopped, the
    first where it runs on, and no more than an interval in between"""
    domain = guest()
    domain.console.close()
    began = time.time()
    process = migrate(one(), ADDRESSES[1])
    wait_incoming(at_two(), domain)
    tap.equal(len(at_two().collector.vm(domain.uuid)), 0, "samples of a guest that is elsewhere")
    text = at_two().command("vm", domain.name, "--runtime-dir", at_two().runtime).stdout
    assert "migrating" in text, text
    ended(process)
    after = handed_over(domain, at_one(), at_two(), began)
    tap.equal(watch.adapters(after[-1]),
              {domain.nics[0].mac: two().ifindex(there(domain).taps()[0])})


def test_back_paused():
    """So has one that comes back, paused by its user all the way; its sequence begins anew"""
    domain = guest()
    # As it is where test_out() did not run.
    if domain.state() == "running":
        tap.skip("it never left")
    two().virsh("suspend", domain.name)
    at_two().wait_vm(there(domain), lambda vm: vm["reason_text"] == "user", what="its pause")
    at_two().collector.wait(
        lambda: at_two().collector.vm(domain.uuid)[-1].record("0:2101")["state"] == PAUSED, 20,
        "a sample of the paused VM")
    began = time.time()
    process = migrate(two(), ADDRESSES[0])
    ended(process)
    handed_over(domain, at_two(), at_one(), began, state=PAUSED)
    one().virsh("resume", domain.name)
    resumed = time.time()
    at_one().collector.wait(
        lambda: any(sample.record("0:2101")["state"] == RUNNING
                    for sample in at_one().collector.vm(domain.uuid, resumed)), 20, "it runs")
    at_one().wait_vm(domain, lambda vm: vm["reason_text"] == "unpaused", what="its reason")


def event_time(monitor, event, detail):
    """Of the newest such event of libvirt's that it told of; monotonic, seconds."""
    found = re.findall(rf"\[ *([0-9.]+)\] .*libvirt event {event}, detail {detail}\n",
                       monitor.log())
    return float(found[-1])


def test_postcopy():
    """So has one that runs at the target while most of its memory is still at the source"""
    domain = guest()
    if domain.state() != "running":
        tap.skip("it is not where it would go from")
    if not os.path.exists(USERFAULTFD):
        tap.skip("the kernel has no userfaultfd")
    began = time.time()
    process = migrate(one(), ADDRESSES[1], "--postcopy", "--postcopy-bandwidth",
                      str(SLOWER_MIB_S), bandwidth=SLOWER_MIB_S)
    wait_incoming(at_two(), there(domain))
    one().virsh("migrate-postcopy", domain.name)
    at_one().wait_vm(domain, lambda vm: (vm["state"], vm["reason_text"]) == ("paused", "post-copy"),
                     what="the source of its memory")
    at_two().wait_vm(there(domain),
                     lambda vm: (vm["state"], vm["reason_text"]) == ("running", "post-copy"),
                     what="the guest without all its memory")
    halfway = time.time()
    at_two().collector.wait(lambda: len(at_two().collector.vm(domain.uuid, halfway)) >= 3, 20,
                            "samples of a guest without all its memory")
    assert process.poll() is None, "its memory came too fast"
    ended(process)
    # Its state goes as slowly as its memory.
    nowhere_s = (event_time(at_two(), RESUMED, RESUMED_POSTCOPY) -
                 event_time(at_one(), SUSPENDED, SUSPENDED_POSTCOPY))
    tap.diagnostics(f"it ran on neither for {nowhere_s:.1f} s")
    handed_over(domain, at_one(), at_two(), began, nowhere_s=nowhere_s)
    tap.equal(at_one().collector.vm(domain.uuid, halfway + COMPANY_S), [],
              "samples where its memory was")


def test_final_counters():
    """The last samples where it stopped have its taps' counters, unless the kernel was late"""
    if not final_bytes:
        tap.skip("it never moved")
    assert any(count is not None for count in final_bytes), final_bytes


def test_restored_paused():
    """What is restored from a file and stays paused, which libvirt calls migrating, has samples,
    whether a hook announced it or not, and also from a daemon that starts afterwards"""
    for lab, monitor in ((one(), at_one()), (two(), at_two())):
        monitor.wait_connected()
        vm = lab.define_tiny("saved01")
        vm.start(paused=True)
        lab.virsh("save", vm.name, "/run/saved01")
        monitor.wait_status(lambda status: not [one for one in status["vms"]
                                                if one["uuid"] == vm.uuid], what="its end")
        lab.virsh("restore", "/run/saved01", "--paused")
        restored = time.time()
        tap.equal(lab.virsh("domstate", "--reason", vm.name).strip(), "paused (migrating)")
        monitor.collector.wait(lambda: len(monitor.collector.vm(vm.uuid, restored)) >= 3, 20,
                               "samples of what was restored")
        at_rest = lambda one: (one["state"], one["reason_text"]) == ("paused", None)
        monitor.wait_vm(vm, at_rest, what="a VM that nothing migrates")
        monitor.stop()
        monitor.start()
        again = time.time()
        monitor.collector.wait(lambda: len(monitor.collector.vm(vm.uuid, again)) >= 3, 20,
                               "samples of what was restored before the daemon started")
        monitor.wait_vm(vm, at_rest, what="a VM that nothing migrates, to a new daemon")
        lab.virsh("destroy", vm.name)


def test_nothing_malformed():
    """Every datagram of this run decodes"""
    for monitor in (at_one(), at_two()):
        monitor.collector.check()


if __name__ == "__main__":
    tap.main(globals(), system=True)
