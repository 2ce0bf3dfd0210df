# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests whose agents are hostile (hostile.py), another VM beside them, and what must hold
whatever such an agent says: no harm to the daemon or the other VMs, and no number that cannot be.

An agent is asked every 10 s at most, so that several guests, asked in turn, take less time."""

import math
import re
import time

import hostile
import lab as labs
import sanitized
import tap
import watch
from hostile import MEMORY_AVAILABLE, MEMORY_TOTAL, PARTS, TOTAL, USED
from monitor import Monitor
from truth import DISK, INTERVAL_S, TURN_S, available, memory, wait_available, wait_memory

LATE_S = 3          # between two samples of one VM, at an interval of 1 s
QUICK_S = 2         # for virt-sflow status, which takes some 20 ms
ASKED_S = 90        # until a new agent was asked, and has failed in every way there is
FRESH_S = 60        # what an agent told is believed for so long
MOST_KIB = sanitized.memory(32 << 10)
FLUSH_S = 0.6       # so long a datagram waits for company, and some more
TEXT_MAX = 450      # bytes of a trouble
# What the host tells of each VM in a sample, and what a guest does.
HOSTS = [("0:2101", "state"), ("0:2101", "cpuTime"), ("0:2101", "nrVirtCpu"),
         ("0:2102", "maxMemory"), ("0:2103", "capacity"), ("0:2103", "allocation"),
         ("0:2103", "rd_bytes"), ("0:2103", "wr_bytes"), ("0:2104", "bytes_in"),
         ("0:2104", "bytes_out")]
LIBVIRTS = [("0:2102", "maxMemory"), ("0:2103", "capacity"), ("0:2103", "allocation"),
            ("0:2103", "rd_bytes"), ("0:2103", "wr_bytes")]
GUESTS = [("0:2102", "memory"), ("0:2103", "available")]
FREE = TOTAL - USED
IN_USE = MEMORY_TOTAL - MEMORY_AVAILABLE

WHYS = ("incomplete", "malformed", "failed", "frozen", "no-reply")


def all_are(word):
    return dict.fromkeys(PARTS.values(), word)


def lab():
    return tap.fixture(labs.Lab)


def monitor():
    found = getattr(monitor, "made", None)
    if found is None:
        found = monitor.made = tap.fixture(make_monitor)
        found.wait_connected()
    return found


def make_monitor():
    return Monitor(lab(), sampling=0, polling=1, guest={
        "filesystems_interval": INTERVAL_S, "timeout": hostile.TIMEOUT_S})


class Hurt:
    """A guest whose agent is hostile. The balloon tells nothing of it, so that all is by its
    agent."""

    def __init__(self, name):
        self.domain = lab().define_guest(name, memory=256, balloon_period=0, disks=[
            lab().disk(name, size=DISK), hostile.archive(lab(), name, "vdb")])
        self.since = math.inf   # when the first hostile answer had come
        # What may have been sent of it since.
        self.sane = {"disk": {None}, "memory": {None}}


class World:
    """The guests whose agents are hostile, another one, and how the daemon was before."""

    def __init__(self, n_hurts):
        self.hurts = [Hurt(f"hurt{number}") for number in range(n_hurts)]
        self.other = lab().define_guest("other", disks=[lab().disk("other", size=DISK)])
        self.domains = [*(hurt.domain for hurt in self.hurts), self.other]
        for domain in self.domains:
            domain.start(wait=False)
        for domain in self.domains:
            domain.wait_ready()
            monitor().wait_vm(domain, lambda vm: vm["disk"]["why"] == vm["memory"]["why"] == "ok",
                              TURN_S, "the guest's numbers")
        for hurt in self.hurts:
            hurt.agent = hostile.Hostile(hurt.domain)
        self.pid = monitor().pid
        self.memory_kib = monitor().memory_kib()
        self.asked = 0          # so many kinds

    @property
    def hurt(self):
        """The one that was asked last."""
        return self.hurts[(self.asked - 1) % len(self.hurts)]


def world():
    found = getattr(world, "made", None)
    if found is None:
        monitor()
        found = world.made = World(getattr(take_turns, "n", 1))
    return found


def take_turns(n):
    """Before anything else: there are so many hostile guests."""
    take_turns.n = n


def status_vm(domain):
    """The daemon's main loop answers at once."""
    began = time.monotonic()
    vm = monitor().vm(domain)
    took = time.monotonic() - began
    assert took < QUICK_S, f"virt-sflow status: {took:.1f} s"
    return vm


def wait_ended(before):
    """Until the conversation that began after so many requests is over."""
    deadline = time.monotonic() + ASKED_S
    while (vm := status_vm(world().hurt.domain))["agent"]["requests"] <= before:
        assert time.monotonic() < deadline, f"not asked within {ASKED_S} s: {vm}"
        time.sleep(0.1)


def ask(kind, state="answers", disk=FREE, in_use=IN_USE, is_large=False, **parts):
    """Lets the agent whose turn it is be of that kind and the daemon ask it once; the VM's status
    after that.
    What it said of `parts` (by name, else all is known) is known for these reasons; `disk` and
    `in_use` are numbers that may be sent from now on. Where the reply is_large the VM itself may be
    without libvirt's numbers meanwhile."""
    world().hurt.agent.stop()  # so that it is not asked while another is
    world().asked += 1
    hurt = world().hurt
    domain = hurt.domain
    hurt.sane["disk"].add(disk)
    hurt.sane["memory"].add(in_use)
    began = time.time()
    hurt.agent.stop()
    monitor().wait_vm(domain, lambda vm: vm["agent"]["state"] == "disconnected")
    before = status_vm(domain)["agent"]["requests"]
    hurt.agent.start(kind)
    wait_ended(before)
    metrics = next_metrics(domain)
    hurt.since = min(hurt.since, time.time())
    vm = status_vm(domain)
    told = {part: metrics[f"{part}_agent_state"] for part in PARTS.values()}
    agent = vm["agent"]
    tap.diagnostics(f"{kind}: {time.time() - began:.1f} s, {agent['requests'] - before} requests, "
                    f"at most {agent['latency_ms']:.0f} ms, {monitor().memory_kib()} KiB; "
                    f"{agent['state']}: {agent['trouble']}")
    tap.diagnostics(f"  disk {vm['disk']['bytes']} {vm['disk']['why']}, memory "
                    f"{vm['memory']['bytes']} {vm['memory']['why']}; {told}")
    tap.equal(agent["state"], state, kind)
    wanted = {**all_are("known"), **parts}
    wrong = {part: word for part, word in told.items() if word not in words(wanted[part])}
    assert not wrong, f"{kind}: {wrong}, wanted {wanted}"
    check_vm(vm)
    check_metrics(metrics)
    check_others(began, is_large)
    return vm


def refused(kind):
    """The agent failed, was asked nothing further, and libvirt's reason is told. One that answers
    came before: of those that fail one after another only the first would be asked at once."""
    ask("good")
    vm = ask(kind, "failing", **all_are("no reply"))
    tap.equal(vm["agent"]["failures"], 1)
    assert "no reason" not in vm["agent"]["trouble"], vm["agent"]


def words(wanted):
    return wanted if isinstance(wanted, tuple) else (wanted,)


def next_metrics(domain):
    """The metrics of the first round that is made after now: what was made before may come as
    late as FLUSH_S. It may be several samples, of which one has the first part's state and one
    the last's."""
    since = time.time() + FLUSH_S

    def whole():
        metrics = {}
        for sample in monitor().collector.metrics(domain.uuid, since):
            told = {entry["name"]: entry["value"] for entry in sample.content["metrics"]}
            if metrics or "fs_agent_state" in told:
                metrics.update(told)
            if "host_name_agent_state" in metrics:
                return metrics
        return None

    return monitor().collector.wait(whole, what="metrics")


def check_vm(vm):
    """Of the one that was asked last."""
    agent = vm["agent"]
    tap.equal(agent["trouble"] is None, agent["state"] in ("answers", "frozen"), f"trouble: {vm}")
    shown = agent["trouble"] or ""
    assert shown.isprintable() and len(shown.encode()) < TEXT_MAX, repr(shown)
    for field in ("disk", "memory"):
        truth = vm[field]
        tap.equal(truth["bytes"] is None, truth["why"] != "ok", f"{field}: {truth}")
        sane = world().hurt.sane[field]
        assert truth["bytes"] in sane, f"{field}: {truth}, not of {sane}"
        if truth["why"] == "ok":
            tap.between(truth["age_s"], 0, FRESH_S, f"age of {field}")
        else:
            assert truth["why"] in WHYS, truth
    assert len(vm["filesystems"]) <= 32, len(vm["filesystems"])
    for entry in vm["filesystems"]:
        check_sizes(entry["used"], entry["total"], entry)
    for text in [agent["version"], *(vm["os"] or {}).values(),
                 *(value for entry in vm["filesystems"] for value in entry.values())]:
        assert not isinstance(text, str) or is_plain(text), repr(text)


def check_sizes(used, total, what):
    for size in (used, total):
        assert size is None or 0 <= size <= 2**63 - 1, what
    assert None in (used, total) or used <= total, what


def is_plain(text):
    return text.isprintable() and len(text.encode()) <= 255


def check_metrics(metrics):
    for name, value in metrics.items():
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,63}", name), repr(name)
        assert not isinstance(value, str) or is_plain(value), f"{name}: {value!r}"
        if name.endswith("_used_bytes"):
            check_sizes(value, metrics.get(name.replace("_used_", "_total_")), name)


def wait_complete(domain):
    """A sample of now on that has all that the host and libvirt tell."""
    since = time.time()
    monitor().collector.wait(
        lambda: any(all(sample.record(record)[field] is not None for record, field in HOSTS)
                    for sample in monitor().collector.vm(domain.uuid, since)), LATE_S, "all")


def check_others(since, is_large=False):
    """The daemon lives on, and the samples of all VMs came on time, with all that is not
    a hostile guest's."""
    tap.equal(monitor().pid, world().pid, "the daemon's process")
    tap.equal(lab().libvirtd.poll(), None, "libvirtd")
    for domain in world().domains:
        samples = monitor().collector.vm(domain.uuid, since)
        gap = watch.longest_gap(samples, since, time.time())
        assert gap < LATE_S, f"{domain.name}: samples {gap:.1f} s apart"
        fields = HOSTS + (GUESTS if domain is world().other else [])
        if is_large and domain is world().hurt.domain:
            fields = [field for field in HOSTS if field not in LIBVIRTS]
            wait_complete(domain)
        for sample in samples:
            unknown = [field for record, field in fields if sample.record(record)[field] is None]
            assert not unknown, f"{domain.name}: unknown: {unknown}"
    tap.equal(status_vm(world().other)["agent"]["state"], "answers", "the other VM's agent")


# ------------------------------------------------------- afterwards

def check_real_agent():
    """No number was sent that none of them told; when a real agent is there again its numbers
    come back"""
    began = time.time()
    for hurt in world().hurts:
        hurt.agent.stop()
        for field, of in (("disk", available), ("memory", memory)):
            sent = set(of(monitor(), hurt.domain, hurt.since))
            assert sent <= hurt.sane[field], f"{field}: {sent - hurt.sane[field]}"
        hurt.domain.start_agent()
    for domain in (hurt.domain for hurt in world().hurts):
        wait_available(monitor(), domain, "/mnt")
        wait_memory(monitor(), domain, TURN_S)
        vm = status_vm(domain)
        tap.equal([entry["mount_point"] for entry in vm["filesystems"]], ["/mnt"])
        tap.equal((vm["os"]["host_name"], vm["agent"]["state"]), (domain.name, "answers"))
    tap.diagnostics(f"after {time.time() - began:.1f} s")


def check_memory():
    """The daemon needed less than 32 MiB for all of it"""
    with open(f"/proc/{world().pid}/status") as file:
        most = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    tap.diagnostics(f"{world().memory_kib} KiB before, {most} KiB at most, "
                    f"{monitor().memory_kib()} KiB now")
    assert most - world().memory_kib < MOST_KIB, f"{most - world().memory_kib} KiB"


def check_log():
    """The log has nothing of the guest's but text, and no line too long to read"""
    lines = monitor().log().splitlines()
    for line in lines:
        assert line.isprintable() and len(line.encode()) < 1000, repr(line[:1000])
    about = [line for line in lines if "guest agent" in line and "debug:" not in line]
    assert len(about) < 3 * world().asked + 3, len(about)


def check_wire():
    """Every datagram of this run decodes, and every metric has a plain name"""
    monitor().collector.check()
    told = [entry for hurt in world().hurts
            for sample in monitor().collector.metrics(hurt.domain.uuid)
            for entry in sample.content["metrics"]]
    names = {entry["name"] for entry in told}
    tap.diagnostics(f"{len(names)} names of metrics")
    check_metrics(dict.fromkeys(names))
    loads = {entry["value"] for entry in told if entry["name"] in ("load_1m", "load_5m")}
    tap.diagnostics(f"loads: {sorted(loads)}")


def check_afterwards():
    check_real_agent()
    check_memory()
    check_log()
    check_wire()
