# SPDX-License-Identifier: GPL-2.0-or-later
"""`virt-sflow explain` and `doctor` where the faults are real: what they say is so, and the
commands that they print mend it."""

import json
import os
import re
import signal
import time

import lab as labs
import tap
from monitor import Monitor
from truth import DISK, INTERVAL_S

TURN_S = INTERVAL_S + 10
# What a distribution's init would do, with RHEL 9's way of forbidding commands. The agent's port is
# one process's: a new agent that finds it open ends.
SYSTEMCTL = """#!/bin/sh
[ "$*" = "restart qemu-guest-agent" ] || exit 1
old=$(cat /run/qemu-ga.pid)
kill -KILL $old
while [ -n "$(ls /proc/$old/fd 2>/dev/null)" ]; do :; done
BLOCK_RPCS=
[ ! -e /etc/sysconfig/qemu-ga ] || . /etc/sysconfig/qemu-ga
setsid /etc/guest-agent.sh $BLOCK_RPCS >/dev/null 2>&1 </dev/null &
"""


def lab():
    return tap.fixture(labs.Lab)


def monitor():
    found = getattr(monitor, "made", None)
    if found is None:
        found = monitor.made = tap.fixture(
            lambda: Monitor(lab(), sampling=10, polling=1,
                            guest={"filesystems_interval": INTERVAL_S}))
        found.wait_connected()
    return found


def web():
    """A guest with everything, whose init can restart its agent."""
    found = getattr(web, "made", None)
    if found is None:
        monitor()
        found = web.made = lab().boot("web", disks=[lab().disk("web", size=DISK)])
        found.run(f"mkdir -p /etc/sysconfig; cat >/bin/systemctl <<'E'\n{SYSTEMCTL}E\n"
                  "chmod +x /bin/systemctl")
    wait_code(found, "agent", "ok")
    return found


def explain(domain, field, one=None):
    one = one or monitor()
    done = one.command("explain", domain.uuid, field, "--json", "--runtime-dir", one.runtime)
    return json.loads(done.stdout)[0]


def wait_code(domain, field, code, timeout=TURN_S, one=None):
    """Until explain has that word for it; the finding."""
    deadline = time.monotonic() + timeout
    while True:
        finding = explain(domain, field, one)
        if finding["code"] == code and (code != "ok" or finding["value"]):
            return finding
        if time.monotonic() > deadline:
            raise AssertionError(f"{domain.name}: {field} is not {code} within {timeout} s: "
                                 f"{finding}")
        time.sleep(0.2)


def words(text):
    """Without the ends of its lines."""
    return " ".join(text.split())


def fix(finding):
    """The first command that it has."""
    return next(one["command"] for one in finding["fixes"] if one["command"])


def doctor(one=None):
    one = one or monitor()
    return one.command("doctor", "--runtime-dir", one.runtime, check=False)


def test_no_channel_and_no_period():
    """A VM without an agent's channel and a balloon period is told what it lacks, and has the
    guest's numbers after the commands that are printed and a new start"""
    monitor()
    domain = lab().boot("bare", agent=False, balloon_period=0,
                        disks=[lab().disk("bare", size=DISK)])
    tap.on_exit(domain.destroy)
    memory = wait_code(domain, "memory", "no-period")
    disk = wait_code(domain, "disk", "no-channel")
    tap.equal((memory["source"], disk["source"], disk["severity"]), ("host", "host", "note"))
    tap.equal(doctor().returncode, 0, "doctor: that is a note")
    for finding in (memory, disk):
        tap.diagnostics(fix(finding))
        lab().run(fix(finding))
    lab().virsh("shutdown", "bare")
    domain.wait_state("shut off")
    domain.start()
    memory, disk = wait_code(domain, "memory", "ok"), wait_code(domain, "disk", "ok")
    tap.equal((memory["source"], disk["source"]), ("balloon", "agent"))


def test_agent_stopped():
    """An agent that hangs in the guest is named, doctor warns, and the command that is printed has
    it answer"""
    domain = web()
    domain.signal_agent("STOP")
    finding = wait_code(domain, "agent", "agent-failing", TURN_S + 10)
    tap.diagnostics(finding["why"])
    done = doctor()
    tap.equal(done.returncode, 1, "doctor")
    assert done.stdout.startswith("WARNING: "), done.stdout
    assert " 1 VM: web\n" in done.stdout, done.stdout
    domain.run(fix(finding))
    wait_code(domain, "agent", "ok")
    tap.equal(doctor().returncode, 0, "doctor")


def test_agent_killed():
    """An agent that ended is said not to run, and the command that is printed starts it"""
    domain = web()
    domain.signal_agent("KILL")
    finding = wait_code(domain, "agent", "agent-absent")
    domain.run(fix(finding))
    wait_code(domain, "agent", "ok")


def test_command_blocked():
    """A command that the guest's distribution forbids is named, and the command that is printed
    allows it, and nothing else"""
    domain = web()
    domain.run("echo 'BLOCK_RPCS=guest-get-fsinfo,guest-exec' >/etc/sysconfig/qemu-ga; "
               "systemctl restart qemu-guest-agent")
    finding = wait_code(domain, "agent", "agent-blocked")
    tap.diagnostics(fix(finding))
    domain.run(fix(finding))
    wait_code(domain, "agent", "ok")
    tap.equal(domain.run("cat /etc/sysconfig/qemu-ga").strip(), "BLOCK_RPCS=guest-exec")
    # RHEL 9.4 lists what is allowed instead, for agents of QEMU 8.1 and later.
    domain.run("echo 'FILTER_RPC_ARGS=\"--allow-rpcs=guest-ping\"' >/etc/sysconfig/qemu-ga")
    domain.run(fix(finding))
    tap.equal(domain.run("cat /etc/sysconfig/qemu-ga").strip(),
              'FILTER_RPC_ARGS="--allow-rpcs=guest-get-fsinfo,guest-ping"')
    domain.run("rm /etc/sysconfig/qemu-ga")


def test_stopped_qemu():
    """A QEMU that is stopped is named with its process, and the command that is printed has it go
    on"""
    domain = web()
    lab().run(f"kill -STOP {monitor().vm(domain)['pid']}")
    finding = wait_code(domain, "state", "qemu-stopped")
    assert " since " in finding["why"], finding
    tap.equal(doctor().returncode, 1, "doctor")
    lab().run(fix(finding))
    wait_code(domain, "state", "ok")


def test_not_matched():
    """An interface that no pattern matches is named, and read once one does"""
    domain = web()
    tap_name = domain.taps()[0]
    with Monitor(lab(), name="narrow", port=6344, polling=1,
                 capture={"interfaces": "eno*"}) as one:
        one.wait_connected()
        finding = wait_code(domain, "net", "not-matched", one=one)
        assert tap_name in finding["why"], finding
        tap.equal(finding["value"], None)
        one.stop()
        one.configure(polling=1, capture={"interfaces": f"eno* {tap_name}"})
        one.start()
        one.wait_vm(domain, bool, what="the VM")  # explain knows none before
        wait_code(domain, "net", "ok", one=one)
        wait_code(domain, "packets", "ok", one=one)


def test_stuck_and_stale():
    """A call to libvirt that does not return is told with its time, and what libvirt told last
    with its age once it is gone; both end with it"""
    domain = web()
    libvirtd = lab().libvirtd
    libvirtd.signal(signal.SIGSTOP)
    tap.on_exit(lambda: libvirtd.signal(signal.SIGCONT))
    finding = wait_code(domain, "state", "stuck")
    assert "has not answered libvirt for " in finding["why"], finding
    monitor().wait_status(lambda status: status["libvirt"]["stuck_calls"] > 0, what="stuck calls")
    shown = doctor()
    tap.equal(shown.returncode, 1, shown.stdout)
    assert "calls to it do not return" in words(shown.stdout), shown.stdout
    libvirtd.signal(signal.SIGCONT)
    wait_code(domain, "state", "ok")
    lab().stop_libvirtd()
    tap.on_exit(lambda: lab().libvirtd.poll() is None or lab().start_libvirtd())
    finding = wait_code(domain, "state", "stale")
    assert " ago; virt-sflow doctor says whether libvirt answers" in finding["why"], finding
    tap.equal(wait_code(domain, "memory", "libvirt-away")["value"], None)
    shown = doctor()
    assert shown.returncode in (1, 2), shown
    assert "No connection to qemu:///system" in words(shown.stdout), shown.stdout
    assert "systemctl status libvirtd virtqemud" in shown.stdout, shown.stdout
    lab().start_libvirtd()
    for field in ("state", "memory"):
        wait_code(domain, field, "ok")


def test_vhost_user():
    """A vhost-user NIC is named as what the kernel cannot see, and makes the sum unknown"""
    path = "/run/vsf/vhost.sock"
    backend = lab().popen(["python3", os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                                   "vhost.py"), path])
    tap.on_exit(backend.end)
    lab().wait_socket("vsf/vhost.sock", backend)
    monitor()
    domain = lab().define_tiny("dpdk", nics=[lab().nic(), lab().nic(kind="vhostuser", source=path)])
    domain.start(paused=True)
    tap.on_exit(domain.destroy)
    finding = wait_code(domain, "net", "vhost-user")
    tap.equal((finding["value"], finding["severity"]), (None, "note"))
    assert domain.nics[1].mac in finding["why"] and "unknown" in finding["why"], finding
    commands = [one["command"] for one in finding["fixes"]]
    assert commands[0].startswith("systemctl ") and commands[1].startswith("ovs-vsctl "), finding


def test_records():
    """Each field names a record that really leaves: what a collector makes of it nobody can know,
    and one that is too old for it is told by that"""
    domain, one = web(), monitor()
    pings = lab().popen(["ping", "-q", "-i", "0.05", domain.address])
    tap.on_exit(pings.end)
    ifindex = lab().ifindex(domain.taps()[0])
    arrives = {
        "packets": lambda: any(flow.record("0:1") for flow in one.collector.flows(ifindex)),
        "filesystems": lambda: one.collector.metrics(domain.uuid),
    }
    formats = {}
    for field in ("state", "cpu", "memory", "disk", "net", "packets", "filesystems"):
        formats[field] = explain(domain, field)["record"]
        one.collector.wait(arrives.get(field, lambda: any(
            sample.record(formats[field]) for sample in one.collector.vm(domain.uuid))),
            what=f"{field} in {formats[field]}")
    tap.diagnostics(f"{formats}")
    tap.equal((explain(domain, "agent")["record"], formats["filesystems"]), (None, "4300:1002"))
    shown = words(one.command("explain", "web", "memory", "--runtime-dir", one.runtime).stdout)
    assert ("It leaves in virt_memory (0:2102), which is in sFlow since 2010. A collector tells "
            "nobody what it makes of that: one that shows nothing is too old for it"
            in shown), shown


def members(value):
    """The names of all members of a document, however deep."""
    if isinstance(value, list):
        return set().union(*map(members, value))
    if isinstance(value, dict):
        return set(value).union(*map(members, value.values()))
    return set()


def test_members_are_documented():
    """docs/status-json.md and docs/explain-json.md have every member that a running node has"""
    domain, one = web(), monitor()
    docs = os.path.join(os.environ["VSF_SOURCE"], "docs")
    with open(os.path.join(docs, "status-json.md"), encoding="utf-8") as file:
        told = set(re.findall(r"`(\w+)`", file.read()))
    with open(os.path.join(docs, "metrics.md"), encoding="utf-8") as file:
        vital = set(re.findall(r"`([\w-]+)`", file.read()))
    status = one.status()
    assert {"pid", "vms", "mac", "errors_by", "cpu_percent"} <= members(status)
    tap.equal(members(status["daemon"]) - vital - told, set(), "members of daemon")
    del status["daemon"]
    tap.equal(members(status) - told, set(), "members of the status")
    with open(os.path.join(docs, "explain-json.md"), encoding="utf-8") as file:
        told = set(re.findall(r"`(\w+)`", file.read()))
    for words_of in (["doctor"], ["explain", domain.uuid]):
        done = one.command(*words_of, "--json", "--runtime-dir", one.runtime, check=False)
        tap.equal(members(json.loads(done.stdout)) - told, set(), words_of)


def test_all_of_it_in_words():
    """vms, vm, taps, collectors and agents show a running node; doctor ends with 0"""
    domain = web()
    one = monitor()
    for words in (["vms"], ["vm", "web"], ["taps"], ["agents"], ["explain", "web"]):
        shown = one.command(*words, "--runtime-dir", one.runtime).stdout
        assert "web" in shown, shown
        longest = max(shown.splitlines(), key=len)
        assert len(longest) <= 80 or words[0] == "explain", longest
    shown = one.command("collectors", "--runtime-dir", one.runtime).stdout
    assert "sending" in shown, shown
    vm = json.loads(one.command("vm", domain.uuid[:8], "--json", "--runtime-dir",
                                one.runtime).stdout)
    counters = vm["counters"]
    tap.equal(vm["interfaces"][0]["device"], domain.taps()[0])
    tap.equal(vm["balloon"], {"device": True, "period_s": 5})
    tap.equal((counters["vcpus"], counters["disk_capacity"]), (1, 1 << 30))
    assert counters["cpu_ms"] > 0 and counters["net_in_bytes"] >= 0, counters
    done = doctor()
    tap.equal(done.returncode, 0, done.stdout)
    assert done.stdout.startswith("OK: 0 critical, 0 warnings, "), done.stdout


def test_top():
    """top shows a VM's load, and who it sends to"""
    domain, one = web(), monitor()
    other = lab().boot("peer")
    tap.on_exit(other.destroy)
    domain.run(f"(while true; do ping -c 20 -i 0.05 -s 1000 {other.address}; done) "
               ">/dev/null 2>&1 </dev/null & echo $! >/run/ping.pid")
    tap.on_exit(lambda: domain.run("kill $(cat /run/ping.pid)"))
    found = one.wait_status(
        lambda status: next((talk for talk in status["talkers"]
                             if (talk["from"], talk["to"]) == ("web", "peer")), None),
        60, "packets from web to peer")
    tap.diagnostics(found)
    # 20 a second of 1042 bytes at most, but for the luck of few samples.
    tap.between(found["bits"], 1, 20 * 4 * 1042 * 8)
    rates = one.wait_vm(domain, lambda vm: vm["rates"]["net_out_packets"] and vm["rates"])
    assert rates["cpu_percent"] > 0 and rates["net_out_bits"] > 0, rates
    shown = one.command("top", "--once", "--runtime-dir", one.runtime).stdout
    tap.diagnostics(shown)
    assert shown.startswith("2 of 2 VMs, CPU "), shown
    assert "\nweb  " in shown and "\npeer  " in shown, shown


def test_no_daemon():
    """doctor ends with 2 once the daemon is gone"""
    monitor().stop()
    done = doctor()
    tap.equal(done.returncode, 2)
    assert done.stdout.startswith("CRITICAL: "), done.stdout


if __name__ == "__main__":
    tap.main(globals(), system=True)
