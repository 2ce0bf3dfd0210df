# SPDX-License-Identifier: GPL-2.0-or-later
"""Events in a real journal: asked for by kind, VM and collector, without a word of the text."""

import json
import os
import re
import time

import lab as labs
import tap
from collector import Collector
from faked import Faked
from monitor import Monitor
from zone import DOMAIN, TTL_S, Zone

JOURNALD = "/lib/systemd/systemd-journald"
# It ends without cgroups, which the lab has none of.
START = f"mount -t cgroup2 none /sys/fs/cgroup || mount -t tmpfs none /sys/fs/cgroup; exec {JOURNALD}"
REFUSES = "127.0.0.1:9"
MESSAGE, WARNING = "6", "4"
PATIENCE_S = 25


def kinds():
    """Each kind's MESSAGE_ID. unit manual takes those that are asked for below for raised."""
    path = os.path.join(os.environ["VSF_SOURCE"], "daemon", "base", "event.c")
    with open(path, encoding="utf-8") as file:
        return dict(re.findall(r'\[VSF_EVENT_(\w+)\] = {"(\w+)"', file.read()))


def kind(name):
    return kinds()[name]


def lab():
    return tap.fixture(labs.Lab)


def journal():
    """journald in the lab, once."""
    if not hasattr(journal, "runs"):
        tap.need(JOURNALD, "systemd-cat", "journalctl")
        os.makedirs(lab().path("run", "systemd/journal"), exist_ok=True)
        lab().wait_socket("systemd/journal/stdout", lab().daemon(
            "journald", ["unshare", "--mount", "sh", "-c", START]))
        journal.runs = True


def start(one):
    """Without its log, which goes to the journal."""
    one.start(wait=False)
    deadline = time.monotonic() + 20
    while not os.path.exists(lab().path("run", f"{one.name}/control")):
        assert time.monotonic() < deadline, "no control socket"
        time.sleep(0.05)
    return one


def daemon(name, port, make=Monitor, prepare=(), **settings):
    """One whose stderr is the journal's stream, as under systemd."""
    journal()
    return make(lab(), name=name, port=port, start=False, prepare=["systemd-cat", *prepare],
                **settings)


def monitor():
    found = getattr(monitor, "made", None)
    if found is None:
        journal()
        found = monitor.made = tap.fixture(lambda: daemon(
            "virt-sflowd", 6343, polling=1, arguments=["--collector", REFUSES]))
        start(found)
        found.wait_connected()
    return found


def event(name, priority, *matches, wanted=1, timeout=20):
    """The newest entry of that kind, once there are so many."""
    entry = entries(f"MESSAGE_ID={kind(name)}", *matches, wanted=wanted, timeout=timeout)[-1]
    tap.equal((entry["PRIORITY"], entry["SYSLOG_IDENTIFIER"]), (priority, "virt-sflowd"), name)
    tap.diagnostics(f"{name}: {entry['MESSAGE']}")
    return entry


def n_of(name, *matches):
    return len(entries(f"MESSAGE_ID={kind(name)}", *matches, wanted=0))


def entries(*matches, wanted=1, timeout=20):
    """The journal's entries with these fields, once there are so many."""
    deadline = time.monotonic() + timeout
    while True:
        shown = lab().run(["journalctl", "--directory=/run/log/journal", "-q", "-o", "json",
                           *matches]).stdout
        found = [json.loads(line) for line in shown.splitlines()]
        if len(found) >= wanted:
            return found
        assert time.monotonic() < deadline, f"{matches}: {found}\n" + lab().run(
            "journalctl --directory=/run/log/journal -n 20").stdout
        time.sleep(0.2)


def test_vm():
    """A VM's events are found by its UUID and by its name, whatever that holds"""
    monitor()
    name = "a b=$(x)"
    domain = lab().define_tiny(name, nics=[])
    tap.on_exit(lambda: lab().virsh("undefine", name))
    domain.start(paused=True)
    began, = entries(f"VSF_DOMAIN_UUID={domain.uuid}")
    tap.equal((began["MESSAGE_ID"], began["VSF_DOMAIN"], began["PRIORITY"]),
              (kind("VM_STARTED"), name, MESSAGE))
    tap.equal(began["SYSLOG_IDENTIFIER"], "virt-sflowd")
    domain.destroy()
    tap.equal([entry["MESSAGE_ID"] for entry in entries(f"VSF_DOMAIN={name}", wanted=2)],
              [kind("VM_STARTED"), kind("VM_ENDED")])


def test_collector():
    """A collector that refuses is found by its name, as a warning of its kind, and so is that it
    works again"""
    monitor()
    failing = event("COLLECTOR_FAILING", WARNING, f"VSF_COLLECTOR={REFUSES}")
    tap.equal(failing.get("VSF_DOMAIN"), None)
    with Collector(lab(), port=int(REFUSES.split(":")[1])):
        event("COLLECTOR_WORKS", MESSAGE, f"VSF_COLLECTOR={REFUSES}", timeout=PATIENCE_S)


def test_daemon_and_libvirt():
    """Its start and end, and libvirt's coming and going"""
    monitor()
    started, stopped = n_of("DAEMON_STARTED"), n_of("DAEMON_STOPPED")
    with start(daemon("other", 6344, polling=1)) as one:
        one.wait_connected()
        event("DAEMON_STARTED", MESSAGE, wanted=started + 1)
        connected = n_of("LIBVIRT_CONNECTED")
        lab().stop_libvirtd()
        tap.on_exit(lambda: lab().libvirtd.poll() is None or lab().start_libvirtd())
        event("LIBVIRT_LOST", WARNING, wanted=2)
        lab().start_libvirtd()
        event("LIBVIRT_CONNECTED", MESSAGE, wanted=connected + 2)
    event("DAEMON_STOPPED", MESSAGE, wanted=stopped + 1)


def test_configuration():
    """A file that is wrong, one that needs a restart, and one without a collector"""
    with start(daemon("configured", 6345, polling=1, collectors="127.0.0.1")) as one:
        one.wait_connected()
        one.reload(polling="often")
        event("RELOAD_FAILED", WARNING)
        one.reload(polling=1, collectors="127.0.0.1",
                   sections={"libvirt": {"uri": "qemu:///session"}})
        entry = event("RESTART_NEEDED", WARNING)
        assert "[libvirt] uri" in entry["MESSAGE"], entry
        one.reload(polling=1, collectors="")
        event("NO_COLLECTOR", WARNING)


def test_backend():
    """Where eBPF was asked for and is not to be had, libpcap's being in force is a warning"""
    with start(daemon("pcap", 6346, polling=1, capture={"backend": "ebpf"}, prepare=[
            "setpriv", "--bounding-set=-bpf,-perfmon,-sys_admin"])) as one:
        entry = event("OTHER_BACKEND", WARNING)
        tap.equal(one.status()["capture"]["backend"], "pcap")
        assert "eBPF" in entry["MESSAGE"], entry


def test_state():
    """State that cannot be kept, and that it is again"""
    folder = lab().path("lib", "full")
    os.makedirs(folder)
    lab().run("mount -t tmpfs -o ro none /var/lib/libvirt/full")
    with start(daemon("full", 6347, polling=1, arguments=[
            "--state-dir", "/var/lib/libvirt/full/state"])) as one:
        one.wait_connected()
        first, second = (lab().define_tiny(name, nics=[]) for name in ("first", "second"))
        for domain in (first, second):
            tap.on_exit(lambda domain=domain: lab().virsh("destroy", domain.name, check=False))
        first.start(paused=True)
        event("STATE_TROUBLE", WARNING, timeout=PATIENCE_S)
        lab().run("mount -o remount,rw none /var/lib/libvirt/full")
        second.start(paused=True)
        event("STATE_KEPT", MESSAGE, timeout=PATIENCE_S)


def test_dns():
    """That DNS answers, that it says nothing, and that it cannot be asked; and a collector's name
    that is no more"""
    tap.need("dnsmasq")
    zone = tap.fixture(make_zone)
    host = f"c1.{DOMAIN}"
    zone.serve([(host, 7001)], ["polling=5"])
    with start(daemon("dns", 6348, make=Faked, monotonic=True, polling=5, dns_sd="on")) as one:
        one.hurry(10)
        entry = event("DNS_ANSWERS", MESSAGE, timeout=PATIENCE_S)
        assert DOMAIN in entry["MESSAGE"], entry
        one.wait_status(lambda status: any(collector["address"] for collector in
                                           status["collectors"]), PATIENCE_S, "its collector")
        zone.serve([], [])
        hurry(one, TTL_S, "answers")
        event("DNS_NOTHING", WARNING, timeout=PATIENCE_S)
        zone.stop()
        hurry(one, TTL_S, "failures")
        event("DNS_FAILING", WARNING, timeout=PATIENCE_S)
        # Its name was asked for anew meanwhile, or is now.
        one.hurry(80)
        event("COLLECTOR_UNRESOLVED", WARNING, f"VSF_COLLECTOR={host}:7001", timeout=PATIENCE_S)


def hurry(one, seconds, what):
    before = one.status()["dns_sd"][what]
    one.hurry(seconds)
    one.wait_status(lambda status: status["dns_sd"][what] > before, PATIENCE_S, what)


def make_zone():
    return Zone(lab())


if __name__ == "__main__":
    tap.main(globals(), system=True)
