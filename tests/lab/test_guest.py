# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's own numbers in a VM's sFlow: what a real guest says, who may be asked,
and that no series ever changes its meaning."""

import configparser
import os
import re
import shutil
import time

import disks
import lab as labs
import tap
from disks import MIB
from guest import Guest
from monitor import Monitor
from truth import (BALLOON_S, DISK, HOST_DISK, HOST_MEMORY, INTERVAL_S, TURN_S, available, memory,
                   memory_told, only_guests, only_hosts, wait_available, wait_memory)

FRAMES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "frames.py")
NAMESPACE = "https://virt-sflow.org/xmlns/domain/1"


def lab():
    return tap.fixture(labs.Lab)


def main():
    """The daemon that most tests look at; the others run beside it from its start."""
    found = getattr(main, "made", None)
    if found is None:
        found = main.made = tap.fixture(make_main)
        for make in (make_main, make_excluded, make_canary, make_plain):
            tap.fixture(make).wait_connected()
    return found


def make_main():
    return Monitor(lab(), sampling=1, polling=1, guest={"filesystems_interval": INTERVAL_S})


def make_excluded():
    return beside("excluded", 6351, exclude="other* web0?")


def make_canary():
    return beside("canary", 6352, canary=0)


def make_plain():
    return beside("plain", 6353, detail="none")


def beside(name, port, **guest):
    return Monitor(lab(), name=name, port=port, sampling=0, polling=1,
                   guest={"filesystems_interval": INTERVAL_S, **guest})


def web01():
    """Booted under main(): its disk is larger than its file system, so that the host's
    number and the guest's are far apart; a second disk with two partitions is not mounted."""
    found = getattr(web01, "made", None)
    if found is None:
        main()
        found = web01.made = lab().boot("web01", disks=[
            lab().disk("web01", size=DISK),
            disks.partitioned(lab(), "web01", "vdb", [48 * MIB, 16 * MIB])])
    return found


def web02():
    """Its balloon collects nothing."""
    found = getattr(web02, "made", None)
    if found is None:
        found = web02.made = lab().boot("web02", balloon_period=0,
                                        disks=[lab().disk("web02", size=DISK)])
    return found


def domain_log(domain):
    with open(lab().path("log", f"qemu/{domain.name}.log"), errors="replace") as file:
        return file.read()


def test_agent_off():
    """With agent = off no command reaches an agent, and the host's numbers are sent at once"""
    with Monitor(lab(), name="off", port=6350, sampling=0, polling=1,
                 guest={"agent": "off"}) as off:
        off.wait_connected()
        domain = web02()
        domain.wait_agent_state("connected")
        time.sleep(6)  # where it may, the daemon asks a new agent within a few seconds
        vm, status = off.vm(domain), off.status()
        tap.equal((vm["agent"]["plan"], vm["agent"]["state"]), ("ask", "off"))
        tap.equal((vm["agent"]["requests"], status["agents"]["mode"]), (0, "off"))
        tap.equal((vm["memory"]["source"], vm["disk"]["source"]), ("host", "host"))
        log = domain_log(domain)
        assert "tainted: high-privileges" in log and "custom-ga-command" not in log, log[-2000:]
        only_hosts(off, domain)
        tap.equal(set(memory_told(off, domain)), {HOST_MEMORY})
        assert set(memory(off, domain)) <= {HOST_MEMORY, None}, memory(off, domain)
        off.collector.check()


def test_one_disk():
    """Available is what the guest's file system has free, and unknown before"""
    domain = web01()
    wait_available(main(), domain, "/mnt", timeout=30)
    vm = main().vm(domain)
    tap.equal((vm["disk"]["source"], vm["disk"]["why"]), ("agent", "ok"))
    tap.equal((vm["agent"]["plan"], vm["agent"]["state"]), ("ask", "answers"))
    # A failing one names the number that should not have been.
    tap.equal({value for value in available(main(), domain) if value is not None},
              {domain.free("/mnt")})
    assert available(main(), domain)[0] is None, "the first sample came before the agent"


def test_two_disks():
    """Of two disks, one with partitions, it is the sum; a bind mount does not count twice,
    and a loop device not at all"""
    domain = web01()
    domain.run("""set -e; mkdir -p /bind /data /loop; mount -o bind /mnt /bind
        dd if=/dev/zero of=/loop.img bs=1M count=4 2>/dev/null; mke2fs -F /loop.img >/dev/null
        mount -o loop /loop.img /loop; mount -t ext4 /dev/vdb1 /data
        mkswap /dev/vdb2; swapon /dev/vdb2""")
    tap.diagnostics(f"in {wait_available(main(), domain, '/mnt', '/data'):.1f} s")
    told = {entry["mount_point"]: entry for entry in main().vm(domain)["filesystems"]}
    tap.equal(sorted(told), ["/data", "/mnt"])
    for mount_point, device in (("/mnt", "vda"), ("/data", "vdb1")):
        entry = told[mount_point]
        tap.equal((entry["type"], entry["device"]), ("ext4", device))
        tap.equal((entry["total"], entry["used"]), domain.sizes(mount_point), mount_point)


def test_write():
    """A file of 50 MiB takes that much from it within one interval"""
    domain = web01()
    wait_available(main(), domain, *mounted(domain))
    before = available(main(), domain)[-1]
    domain.run("dd if=/dev/zero of=/mnt/big bs=1M count=50 conv=fsync")
    tap.diagnostics(f"in {wait_available(main(), domain, *mounted(domain)):.1f} s")
    tap.between(before - available(main(), domain)[-1], 50 * MIB, 51 * MIB, "bytes taken")


def mounted(domain):
    """/mnt, and /data where an earlier test has mounted it."""
    return ["/mnt"] + (["/data"] if " /data " in domain.run("cat /proc/mounts") else [])


def wait_in_use(domain, question, trouble):
    """Until the guest itself says so."""
    deadline = time.monotonic() + 20
    while not question(domain.memory()["in_use"]):
        assert time.monotonic() < deadline, trouble
        time.sleep(0.2)


def follows_memory(domain, source, timeout):
    """Memory is the guest's before, while and after a process holds 60 MiB."""
    before = wait_memory(main(), domain, timeout)
    # dd has its buffer filled and waits for a reader that does not read.
    domain.run("(dd if=/dev/zero bs=60M count=1 | sleep 1000) >/dev/null 2>&1 </dev/null &")
    wait_in_use(domain, lambda now: now >= before + 55 * MIB, "the process takes no memory")
    since = time.time()
    in_use = wait_memory(main(), domain, timeout)
    tap.diagnostics(f"{in_use} bytes in use, after {before}; seen in {time.time() - since:.1f} s")
    vm = main().vm(domain)
    tap.equal((vm["memory"]["source"], vm["memory"]["why"]), (source, "ok"))
    domain.run("killall sleep")
    # It is not given back at once.
    wait_in_use(domain, lambda now: now <= before + 4 * MIB, "the process keeps its memory")
    wait_memory(main(), domain, timeout)
    only_guests(main(), domain)


def test_memory_balloon():
    """Memory follows the guest's as a process takes 60 MiB, by the balloon's statistics"""
    follows_memory(web01(), "balloon", BALLOON_S)


def test_memory_agent():
    """Where the balloon collects nothing it does so by the agent"""
    main().wait_vm(web02(), lambda vm: vm["agent"]["state"] == "answers")
    follows_memory(web02(), "agent", TURN_S)


def test_os():
    """The operating system is what uname says"""
    domain = web01()
    release = domain.run("uname -r").strip()
    main().wait_vm(domain, lambda vm: vm["os"])
    descr = main().vm_records(domain.uuid, time.time())["0:2000"]
    tap.equal((descr["os_name"], descr["os_release"], descr["machine_type"]), (2, release, 3))
    told = main().vm(domain)["os"]
    tap.equal((told["release"], told["host_name"]), (release, "web01"))
    assert main().vm(domain)["agent"]["version"], "no version of the agent"


def wait_metrics(domain, question, timeout=TURN_S, what="metrics"):
    """Until question(the newest metrics) is true; returns them."""
    def ask():
        told = main().collector.newest_metrics(domain.uuid)
        return told if told and question(told) else None

    try:
        return main().collector.wait(ask, timeout, what)
    except AssertionError:
        raise AssertionError(f"{what}: {main().collector.newest_metrics(domain.uuid)}") from None


def test_detail_filesystems():
    """The detail has each file system with its size, mount point, type and device"""
    domain = web01()
    entries = main().wait_vm(domain, lambda vm: vm["filesystems"])
    told = wait_metrics(domain, lambda told: all(
        told.get(f"fs_{entry['key']}_used_bytes") == entry["used"]
        for entry in main().vm(domain)["filesystems"]), what="metrics of the file systems")
    for entry in entries:
        name = f"fs_{entry['key']}_"
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,63}", name + "total_bytes"), name
        tap.equal({part: told.get(name + part) for part in ("mount", "type", "device")},
                  {"mount": entry["mount_point"], "type": entry["type"],
                   "device": entry["device"]})
        tap.equal((told[name + "total_bytes"], told[name + "used_bytes"]),
                  domain.sizes(entry["mount_point"]), name)
    others = {re.match("fs_(.*)_mount$", name)[1] for name in told if name.endswith("_mount")}
    tap.equal(others, {entry["key"] for entry in entries}, "file systems")


def test_detail_guest():
    """The detail has the guest's swap, page cache, load and steal, and where memory is from"""
    domain = web01()
    inside = domain.memory()
    told = wait_metrics(domain, lambda told: told.get("swap_total_bytes") == inside["SwapTotal"],
                        what=f"swap of {inside['SwapTotal']} bytes")
    tap.between(told["swap_used_bytes"], 0, inside["SwapTotal"])
    tap.between(told["page_cache_bytes"], inside["Cached"] / 4, inside["MemTotal"])
    commands = {entry["name"] for entry in domain.agent("guest-info")["supported_commands"]}
    tap.equal("load_1m" in told, "guest-get-load" in commands, "load where the agent tells it")
    ticks = int(domain.run("awk '/^cpu / {print $9}' /proc/stat"))
    tap.between(told["cpu_steal_ms"], 0, ticks * 10)
    tap.equal((told["memory_source"], told["memory_why"]), ("balloon", "ok"))


def vcpu_wait_ms(domain):
    """From the run queues' statistics of QEMU's vCPU threads."""
    total = 0
    folder = f"/proc/{domain.pid()}/task"
    for thread in os.listdir(folder):
        with open(f"{folder}/{thread}/comm") as file:
            if not re.match(r"CPU \d+/", file.read()):
                continue
        with open(f"{folder}/{thread}/schedstat") as file:
            total += int(file.read().split()[1])
    return total / 1e6


def test_detail_host():
    """The detail has the disks' requests and latencies, the NIC's counters and the wait of the
    virtual CPUs, as the host has them"""
    domain = web01()
    low = vcpu_wait_ms(domain)
    domain.run("n=0; while [ $n -lt 40 ]; do n=$((n+1)); "
               "dd if=/dev/zero of=/mnt/small bs=64k count=8 conv=fsync; done")
    words = lab().virsh("domblkstat", "web01", "vda").split()
    stats = {words[i + 1]: int(words[i + 2]) for i in range(0, len(words) - 2, 3)}
    told = wait_metrics(domain, lambda told: told.get("disk_vda_writes", 0) >= stats["wr_req"],
                        what=f"{stats['wr_req']} writes")
    assert told["disk_vda_reads"] >= stats["rd_req"], told
    assert told["disk_vda_flushes"] >= stats["flush_operations"], told
    tap.between(told["vcpu_wait_ms"], low * 0.99 - 1, vcpu_wait_ms(domain) * 1.01 + 1)
    latency = {name: value for name, value in told.items() if "latency" in name}
    tap.diagnostics(f"{latency}; vCPUs waited {told['vcpu_wait_ms']} ms")
    writes = [entry["value"] for sample in main().collector.metrics(domain.uuid, 0)
              for entry in sample.content["metrics"]
              if entry["name"] == "disk_vda_write_latency_us" and entry["value"] is not None]
    assert any(0 < value < 10e6 for value in writes), writes
    assert any(name.startswith("nic0_") for name in told), sorted(told)


def test_detail_none():
    """With detail = none there is no detail, and all else as ever"""
    domain, plain = web01(), tap.fixture(make_plain)
    wait_available(plain, domain, *mounted(domain))
    tap.equal(plain.collector.samples("4300:1002"), [])
    only_guests(plain, domain)


def test_not_asked():
    """An excluded VM, and one that is not among the canaries, is never asked: the host's
    numbers are sent, and no others"""
    domain = web01()
    wait_available(main(), domain, *mounted(domain), timeout=30)  # time enough to ask
    for make, word in ((make_excluded, "excluded"), (make_canary, "canary")):
        monitor = tap.fixture(make)
        vm = monitor.vm(domain)
        tap.equal((vm["agent"]["plan"], vm["agent"]["state"], vm["agent"]["requests"]),
                  (word, word, 0))
        only_hosts(monitor, domain)
        told = [value for value in available(monitor, domain) if value is not None]
        assert told and min(told) > HOST_DISK, available(monitor, domain)


def test_plan():
    """virt-sflow agents --plan says which VM would be asked, and why another one would not"""
    lab().define_tiny("mute", nics=[]).start(paused=True)
    tap.on_exit(lambda: lab().virsh("destroy", "mute"))
    web01(), web02()
    for monitor, words in ((main(), ("ask", "ask", "no-channel")),
                           (tap.fixture(make_excluded), ("excluded", "excluded", "no-channel"))):
        monitor.wait_status(lambda status: len(status["vms"]) == 3)
        shown = monitor.command("agents", "--plan", "--runtime-dir", monitor.runtime).stdout
        for name, word in zip(("web01", "web02", "mute"), words):
            line, = [line for line in shown.splitlines() if name in line.split()]
            assert word in [part.rstrip(":") for part in line.split()], shown


def set_metadata(domain, text):
    lab().virsh("metadata", domain.name, NAMESPACE, "--key", "vsf", "--set", text, "--live")


def remove_metadata(domain):
    lab().virsh("metadata", domain.name, NAMESPACE, "--remove", "--live")


def rates(domain, ifindex):
    """Sends frames to the VM; the rates of their samples."""
    since = time.time()
    lab().run(["python3", FRAMES, "port", lab().bridge, "3000", "200", domain.nics[0].mac,
               "02:00:00:00:00:99", "1500"])
    flows = main().collector.wait(lambda: main().collector.flows(ifindex, since), 10, "flows")
    return {flow.content["sampling_rate"] for flow in flows}


def test_metadata():
    """A VM's own metadata forbid to ask its agent and set its sampling rate, live both ways"""
    domain = web01()
    device, = domain.taps()
    ifindex = lab().ifindex(device)

    def wait_rate(rate):
        main().wait_status(lambda status: [entry["sampling"] for entry in status["taps"]
                                           if entry["ifindex"] == ifindex] == [rate],
                           what=f"sampling of 1 in {rate}")
        main().wait_sampling(device)

    # Once chosen it stays so; forbidden before, the agent would not be what is chosen.
    main().wait_vm(domain, lambda vm: vm["disk"]["source"] == "agent")
    set_metadata(domain, '<monitor agent="off" sampling="64"/>')
    main().wait_vm(domain, lambda vm: (vm["agent"]["plan"], vm["agent"]["state"])
                   == ("metadata", "metadata"))
    asked, since = main().vm(domain)["agent"]["requests"], time.time()
    wait_rate(64)
    tap.equal(rates(domain, ifindex), {64})
    tap.equal(main().vm(web02())["agent"]["plan"], "ask", "the other VM")
    time.sleep(max(0, since + INTERVAL_S + 2 - time.time()))
    tap.equal(main().vm(domain)["agent"]["requests"], asked, "requests")

    remove_metadata(domain)
    wait_rate(1)
    tap.equal(rates(domain, ifindex), {1})
    main().wait_vm(domain, lambda vm: vm["agent"]["state"] == "answers"
                   and vm["agent"]["requests"] > asked, TURN_S, "to be asked again")
    wait_available(main(), domain, *mounted(domain))
    only_guests(main(), domain)


def test_balloon_period():
    """With balloon-period a balloon that collects nothing is set to collect, and tells the
    memory, with an agent or without; one that collects is left alone"""
    with Monitor(lab(), name="balloon", port=6354, sampling=0, polling=1,
                 guest={"balloon_period": 3}) as balloon:
        tap.on_exit(lambda: lab().virsh("dommemstat", "web02", "--period", "0", "--live"))
        balloon.wait_vm(web02(), lambda vm: vm["balloon_period_set"])
        wait_memory(balloon, web02())
        tap.equal(balloon.vm(web02())["memory"]["source"], "balloon")
        only_guests(balloon, web02())
        assert "<stats period='3'/>" in lab().virsh("dumpxml", "web02")
        assert "<stats period" not in lab().virsh("dumpxml", "web02", "--inactive")
        tap.equal(balloon.vm(web01())["balloon_period_set"], False)
        # One without an agent is seen before its balloon is set: it is waited for.
        quiet = lab().boot("quiet", balloon_period=0, agent=False)
        wait_memory(balloon, quiet)
        tap.equal(balloon.vm(quiet)["memory"]["source"], "balloon")
        quiet.destroy()
        assert "<stats period='5'/>" in lab().virsh("dumpxml", "web01")


def make_second_lab():
    return labs.Lab(hostname="kvm-two", address="10.77.0.2")


def make_second_monitor():
    return Monitor(tap.fixture(make_second_lab), name="second", sampling=0, polling=1,
                   guest={"filesystems_interval": INTERVAL_S})


def test_restart():
    """A restart of the daemon keeps the meaning of each series, and its numbers come again"""
    domain = web01()
    before = main().vm(domain)
    tap.equal(main().stop(), 0, "exit status")
    started = time.time()
    main().start()
    wait_available(main(), domain, *mounted(domain))
    wait_memory(main(), domain)
    after = main().vm(domain)
    for field in ("memory", "disk"):
        tap.equal(after[field]["source"], before[field]["source"], field)
    main().collector.wait(lambda: len(available(main(), domain, started)) > 2,
                          what="samples to judge")
    only_guests(main(), domain)
    only_guests(main(), web02())


def test_migration():
    """A live migration to another host does so too"""
    domain = web01()
    two = tap.fixture(make_second_lab)
    labs.join(lab(), two)
    second = tap.fixture(make_second_monitor)
    second.wait_connected()
    mount_points = mounted(domain)
    domain.console.close()
    began = time.time()
    lab().virsh("migrate", "--live", "--unsafe", "web01",
                "qemu+unix:///system?socket=/run/peer/libvirt/libvirt-sock",
                "tcp://10.78.0.2:49200", timeout=120)
    tap.diagnostics(f"{time.time() - began:.1f} s")
    moved = Guest(two, "web01", domain.uuid, domain.nics, two.path("run", "vsf/web01.console"))
    wait_available(second, moved, *mount_points)
    wait_memory(second, moved)
    assert available(second, moved)[0] is None, "there its first sample came before the agent"
    for monitor in (main(), second):
        only_guests(monitor, domain)
    assert main().vm(domain) is None, "it is still there"


def test_restart_with_hook():
    """A run that libvirt's hook announced before QEMU was there keeps its choices too"""
    installed = lab().path("etc", "hooks/qemu.d/50-virt-sflow")
    shutil.copy(os.path.join(labs.build_folder(), "hooks", "qemu-hook"), installed)
    # libvirtd notices the first hook only when it starts.
    lab().stop_libvirtd()
    lab().start_libvirtd()
    with Monitor(lab(), name="virt-sflow", port=6354, sampling=0, polling=1) as monitor:
        monitor.wait_connected()
        domain = lab().boot("hooked", agent=False, disks=[lab().disk("hooked", size=DISK)])
        try:
            assert monitor.status()["hook"]["received"] > 0, "no word of the hook"
            chosen = "hooked: disk space available: as the host sees it, for this run"
            monitor.wait_log(chosen)
            tap.equal(monitor.stop(), 0, "exit status")
            run = remembered_run(monitor, domain)
            assert re.fullmatch(r"[0-9a-f-]{36}/[0-9]+", run), run
            monitor.start()
            monitor.wait_connected()
            monitor.wait_log("hooked: known from before")
            monitor.wait_vm(domain, lambda vm: vm["disk"]["source"] == "host", what="its source")
            time.sleep(3)
            tap.equal(monitor.log().count(chosen), 1, "times that it was chosen")
            tap.equal(monitor.stop(), 0, "exit status")
            tap.equal(remembered_run(monitor, domain), run)
            monitor.start()
            monitor.wait_connected()
        finally:
            domain.destroy()
            os.unlink(installed)
        monitor.wait_log(f"domain {domain.uuid} ended")
        tap.equal(monitor.stop(), 0, "exit status")
        tap.equal(remembered_run(monitor, domain), None, "after its end")


def remembered_run(monitor, domain):
    """The word under which what was chosen for the VM is on disk; None: nothing is."""
    table = configparser.ConfigParser(interpolation=None)
    table.read_string(lab().run(["cat", monitor.state + "/guests"]).stdout)
    return table[domain.uuid]["run"] if domain.uuid in table else None


def test_nothing_malformed():
    """Every datagram of this run decodes"""
    for monitor in (main(), *map(tap.fixture, (make_excluded, make_canary, make_plain))):
        monitor.collector.check()


if __name__ == "__main__":
    tap.main(globals(), system=True)
