# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest whose agent lies, shouts and falls silent on purpose. Whatever it says harms
neither the daemon nor another VM, and none of it leaves as a number that cannot be."""

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
SLOW_TURNS = 3      # until it is left alone
FRESH_S = 60        # what an agent told is believed for so long
MOST_KIB = sanitized.memory(32 << 10)
TEXT_MAX = 450      # bytes of a trouble
# What the host tells of each VM in a sample, and what a guest does.
HOSTS = [("0:2101", "state"), ("0:2101", "cpuTime"), ("0:2101", "nrVirtCpu"),
         ("0:2102", "maxMemory"), ("0:2103", "capacity"), ("0:2103", "allocation"),
         ("0:2103", "rd_bytes"), ("0:2103", "wr_bytes"), ("0:2104", "bytes_in"),
         ("0:2104", "bytes_out")]
GUESTS = [("0:2102", "memory"), ("0:2103", "available")]
FREE = TOTAL - USED
IN_USE = MEMORY_TOTAL - MEMORY_AVAILABLE

WHYS = ("incomplete", "malformed", "failed", "frozen", "no-reply")


def all_are(word):
    return dict.fromkeys(PARTS.values(), word)


# The kinds with large replies, and what becomes of them.
LARGE = {
    "full-list": {},
    "long-list": {"fs": "malformed", "cpu": "malformed"},
    "long-info": {"state": "failing", **all_are("malformed")},
    "long-texts": {"fs": "malformed", "meminfo": "malformed"},
}


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


class World:
    """The guest whose agent is hostile, another one, and how the daemon was before. The balloon
    tells nothing of the first one, so that all is by its agent."""

    def __init__(self):
        self.hurt = lab().define_guest("hurt", memory=256, balloon_period=0, disks=[
            lab().disk("hurt", size=DISK), hostile.archive(lab(), "hurt", "vdb")])
        self.other = lab().define_guest("other", disks=[lab().disk("other", size=DISK)])
        for domain in (self.hurt, self.other):
            domain.start(wait=False)
        for domain in (self.hurt, self.other):
            domain.wait_ready()
            monitor().wait_vm(domain, lambda vm: vm["disk"]["why"] == vm["memory"]["why"] == "ok",
                              TURN_S, "the guest's numbers")
        self.agent = hostile.Hostile(self.hurt)
        self.pid = monitor().pid
        self.memory_kib = monitor().memory_kib()
        self.since = math.inf   # when the first hostile answer had come


def world():
    found = getattr(world, "made", None)
    if found is None:
        monitor()
        found = world.made = World()
    return found


# What may have been sent of the hostile guest since it is.
sane = {"disk": {None}, "memory": {None}}


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
    while (vm := status_vm(world().hurt))["agent"]["requests"] <= before:
        assert time.monotonic() < deadline, f"not asked within {ASKED_S} s: {vm}"
        time.sleep(0.1)


def ask(kind, state="answers", disk=FREE, in_use=IN_USE, **parts):
    """Lets the agent be of that kind and the daemon ask it once; the VM's status after that.
    What it said of `parts` (by name, else all is known) is known for these reasons; `disk` and
    `in_use` are numbers that may be sent from now on."""
    hurt = world().hurt
    sane["disk"].add(disk)
    sane["memory"].add(in_use)
    began = time.time()
    world().agent.stop()
    monitor().wait_vm(hurt, lambda vm: vm["agent"]["state"] == "disconnected")
    before = status_vm(hurt)["agent"]["requests"]
    world().agent.start(kind)
    wait_ended(before)
    metrics = next_metrics(hurt)
    world().since = min(world().since, time.time())
    vm = status_vm(hurt)
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
    check_others(began)
    return vm


def words(wanted):
    return wanted if isinstance(wanted, tuple) else (wanted,)


def next_metrics(domain):
    """The metrics of the first round that begins after now: the end of the one before may come
    late. It may be several samples, of which one has the first part's state and one the last's."""
    since = time.time()

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
    agent = vm["agent"]
    tap.equal(agent["trouble"] is None, agent["state"] in ("answers", "frozen"), f"trouble: {vm}")
    shown = agent["trouble"] or ""
    assert shown.isprintable() and len(shown.encode()) < TEXT_MAX, repr(shown)
    for field in ("disk", "memory"):
        truth = vm[field]
        tap.equal(truth["bytes"] is None, truth["why"] != "ok", f"{field}: {truth}")
        assert truth["bytes"] in sane[field], f"{field}: {truth}, not of {sane[field]}"
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


def check_others(since):
    """The daemon lives on, and the samples of both VMs came on time, with all that is not
    the hostile guest's."""
    tap.equal(monitor().pid, world().pid, "the daemon's process")
    tap.equal(lab().libvirtd.poll(), None, "libvirtd")
    for domain in (world().hurt, world().other):
        samples = monitor().collector.vm(domain.uuid, since)
        gap = watch.longest_gap(samples, since, time.time())
        assert gap < LATE_S, f"{domain.name}: samples {gap:.1f} s apart"
        fields = HOSTS + (GUESTS if domain is world().other else [])
        for sample in samples:
            unknown = [field for record, field in fields if sample.record(record)[field] is None]
            assert not unknown, f"{domain.name}: unknown: {unknown}"
    tap.equal(status_vm(world().other)["agent"]["state"], "answers", "the other VM's agent")


# ------------------------------------------------------- what we can read

def test_good():
    """An agent of our own is believed as the real one is"""
    vm = ask("good", disk=FREE)
    tap.equal((vm["disk"]["bytes"], vm["memory"]["bytes"]), (FREE, IN_USE))
    tap.equal((vm["disk"]["source"], vm["memory"]["source"]), ("agent", "agent"))


def test_full_list():
    """Of 7000 filesystems 32 are told and 992 summed up; since more are left out, what is
    available is unknown"""
    vm = ask("full-list", **LARGE["full-list"])
    tap.equal((vm["disk"]["bytes"], vm["disk"]["why"]), (None, "incomplete"))
    tap.equal((len(vm["filesystems"]), vm["filesystems_rest"]), (32, 992))


def test_huge_numbers():
    """Numbers of 10^30 are unknown"""
    vm = ask("huge-numbers", meminfo="malformed")
    tap.equal((vm["disk"]["bytes"], vm["disk"]["why"]), (None, "incomplete"))
    tap.equal({entry["used"] for entry in vm["filesystems"]} - {USED}, {None})


def test_negative_numbers():
    """Numbers below 0 and fractions of a byte are unknown"""
    vm = ask("negative", meminfo="malformed", host_name="malformed")
    tap.equal((vm["disk"]["bytes"], vm["disk"]["why"]), (None, "incomplete"))


def test_overflow():
    """Sizes whose sum is above 2^63 give no sum, and a memory of 2^66 bytes is none"""
    vm = ask("overflow", meminfo="malformed")
    tap.equal((vm["disk"]["bytes"], vm["disk"]["why"]), (None, "incomplete"))


def test_more_than_all():
    """More used than there is leaves nothing available, and more memory available than there
    is leaves none in use: neither is negative"""
    vm = ask("more-than-all", disk=0, in_use=0)
    tap.equal((vm["disk"]["bytes"], vm["memory"]["bytes"]), (0, 0))


def test_names():
    """Names with control characters, quotes, and letters that turn text round are shown as
    text, and name metrics in plain letters"""
    vm = ask("names", disk=len(hostile.NAMES) * FREE)
    tap.equal(len(vm["filesystems"]), len(hostile.NAMES))
    tap.equal(len({entry["key"] for entry in vm["filesystems"]}), len(hostile.NAMES), "keys")


def test_wrong_entries():
    """A list of filesystems with something else among them is incomplete"""
    vm = ask("wrong-entries", meminfo="malformed", host_name="malformed")
    tap.equal((vm["disk"]["bytes"], vm["disk"]["why"]), (None, "incomplete"))
    tap.equal(len(vm["filesystems"]), 1)


def test_echo():
    """Where each reply comes twice, none is taken for one of another kind"""
    ask("echo", **all_are(("known", "malformed")))


def test_events():
    """What looks like a monitor's greeting and events is passed over"""
    vm = ask("events")
    tap.equal(vm["disk"]["bytes"], FREE)


# ------------------------------------------------------- what we refuse

def test_long_lists():
    """100,000 filesystems, in 3.9 MB, are refused, and so are 60,000 CPUs"""
    ask("long-list", **LARGE["long-list"])


def test_long_info():
    """An agent with 90,000 commands is not asked for more"""
    vm = ask("long-info", **LARGE["long-info"])
    tap.equal(vm["agent"]["failures"], 1)


def test_long_texts():
    """A name of 1 MiB is refused, one of 900 KB is cut"""
    vm = ask("long-texts", **LARGE["long-texts"])
    tap.equal(vm["os"]["host_name"], "h" * 255)


def test_large_again():
    """Large replies once more need no more memory, whichever thread reads them"""
    for kind in ("full-list", "long-list", "long-texts"):
        ask(kind, **LARGE[kind])
    check_memory()


def test_nested():
    """What is nested deeper than any reply is refused"""
    ask("nested", fs="malformed", os="malformed", host_name="malformed")


def test_wrong_info():
    """A guest-info that is no object is no answer"""
    ask("wrong-info", "failing", **all_are("malformed"))


def test_wrong_types():
    """Results of another type are refused, each for itself"""
    ask("wrong-types", **all_are("malformed"))


def test_another():
    """Replies to other requests are refused"""
    ask("another", **all_are("malformed"))


def test_errors():
    """Errors of every class, and with texts of any length, are an agent's answer"""
    ask("errors", **{**all_are("failed"), "os": "not found"})


def test_error_for_info():
    """An error without class and text, to guest-info, is no answer"""
    ask("error-info", "failing", **all_are("failed"))


def test_frozen():
    """An agent that says it is frozen has not failed"""
    vm = ask("frozen", "frozen", **all_are("frozen"))
    tap.equal(vm["agent"]["failures"], 0)


# ------------------------------------------------------- what libvirt refuses

def refused(kind):
    """The agent failed, was asked nothing further, and libvirt's reason is told. One that answers
    came before: of those that fail one after another only the first would be asked at once."""
    ask("good")
    vm = ask(kind, "failing", **all_are("no reply"))
    tap.equal(vm["agent"]["failures"], 1)
    assert "no reason" not in vm["agent"]["trouble"], vm["agent"]


def test_too_long():
    """A reply above libvirt's 4 MiB is refused; the agent goes on being asked"""
    ask("too-long", fs="malformed")


def test_too_deep():
    """One that is nested 100,000 deep is a failure of the agent, not of libvirt"""
    refused("too-deep")


def test_nan():
    """So is one with NaN for a number"""
    refused("nan")


def test_not_utf_8():
    """So is one that is not UTF-8"""
    refused("not-utf-8")


def test_twice():
    """So is one with a key twice"""
    refused("twice")


def test_no_result():
    """So is one with neither a result nor an error"""
    refused("no-result")


def test_garbage():
    """So is garbage, and what libvirt quotes of it moves no terminal"""
    refused("garbage")


def test_endless():
    """So are 12 MiB without an end of line"""
    refused("endless")


def test_late():
    """So is a reply that comes after the time for it"""
    refused("late")


def test_silent():
    """So is none at all; what such a guest said a minute ago is not told any more"""
    refused("silent")
    vm = monitor().wait_vm(world().hurt, lambda vm: vm["disk"]["why"] == "no-reply" and vm,
                           FRESH_S + 5, "numbers that are too old")
    tap.equal((vm["disk"]["bytes"], vm["disk"]["source"]), (None, "agent"))
    check_vm(vm)


# ------------------------------------------------------- left alone

def quarantined():
    """Of the host's agents, as its daemon sends it; None if it has not since now."""
    since = time.time()

    def newest():
        return [entry["value"] for sample in monitor().collector.samples("4300:1002", since=since)
                for entry in sample.content["metrics"] if entry["name"] == "agents_quarantined"]
    return monitor().collector.wait(newest, what="the daemon's own metrics")[-1]


def test_slow():
    """One that was quick and becomes slow answers three times; then it is left alone, which its
    VM and the host say in their samples. When it comes back quick it is asked again"""
    hurt = world().hurt
    ask("good")
    ask("slow")
    tap.equal(quarantined(), 0)
    vm = monitor().wait_vm(hurt, lambda vm: vm["agent"]["state"] == "quarantined" and vm,
                           SLOW_TURNS * (INTERVAL_S + 3 * hostile.SLOW_S), "left alone")
    tap.equal(next_metrics(hurt)["agent_state"], "quarantined")
    tap.equal(quarantined(), 1)
    time.sleep(INTERVAL_S + TURN_S - 2)
    tap.equal(status_vm(hurt)["agent"]["requests"], vm["agent"]["requests"], "requests")
    check_vm(status_vm(hurt))
    ask("good")
    tap.equal((next_metrics(hurt)["agent_state"], quarantined()), ("answers", 0))


# ------------------------------------------------------- afterwards

def test_real_agent():
    """No number was sent that none of them told; when a real agent is there again its numbers
    come back"""
    hurt = world().hurt
    world().agent.stop()
    for field, of in (("disk", available), ("memory", memory)):
        sent = set(of(monitor(), hurt, world().since))
        assert sent <= sane[field], f"{field}: {sent - sane[field]}"
    began = time.time()
    hurt.start_agent()
    wait_available(monitor(), hurt, "/mnt")
    wait_memory(monitor(), hurt, TURN_S)
    vm = status_vm(hurt)
    tap.diagnostics(f"after {time.time() - began:.1f} s")
    tap.equal([entry["mount_point"] for entry in vm["filesystems"]], ["/mnt"])
    tap.equal((vm["os"]["host_name"], vm["agent"]["state"]), ("hurt", "answers"))


def check_memory():
    with open(f"/proc/{world().pid}/status") as file:
        most = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    tap.diagnostics(f"{world().memory_kib} KiB before, {most} KiB at most, "
                    f"{monitor().memory_kib()} KiB now")
    assert most - world().memory_kib < MOST_KIB, f"{most - world().memory_kib} KiB"


def test_memory():
    """The daemon needed less than 32 MiB for all of it"""
    check_memory()


def test_log():
    """The log has nothing of the guest's but text, and no line too long to read"""
    lines = monitor().log().splitlines()
    for line in lines:
        assert line.isprintable() and len(line.encode()) < 1000, repr(line[:1000])
    about = [line for line in lines if "guest agent" in line and "debug:" not in line]
    assert len(about) < 3 * len(hostile.KINDS), len(about)


def test_nothing_malformed():
    """Every datagram of this run decodes, and every metric has a plain name"""
    monitor().collector.check()
    names = {entry["name"] for sample in monitor().collector.metrics(world().hurt.uuid)
             for entry in sample.content["metrics"]}
    tap.diagnostics(f"{len(names)} names of metrics")
    check_metrics(dict.fromkeys(names))
    loads = {entry["value"] for sample in monitor().collector.metrics(world().hurt.uuid)
             for entry in sample.content["metrics"] if entry["name"] in ("load_1m", "load_5m")}
    tap.diagnostics(f"loads: {sorted(loads)}")


if __name__ == "__main__":
    tap.main(globals(), system=True)
