# SPDX-License-Identifier: GPL-2.0-or-later
"""Too little of what the daemon needs: 256 file descriptors, a memory cgroup of 64 MiB, and
VMs with 64 NICs each. It says what it cannot do, and does the rest. VSF_LONG=1: also 512 NICs."""

import os
import socket
import time

import cgroup
import lab as labs
import sanitized
import tap
import watch
from monitor import Monitor

LONG = os.environ.get("VSF_LONG") == "1"
DESCRIPTORS = 256
SAMPLERS = DESCRIPTORS - 96
RINGS = 64 << 20      # bytes of all packet rings at most
MEMORY = sanitized.memory(64 << 20, 2 << 30)
NICS = 64            # of each wide VM
POLLING = 2
LATE_S = 1.0
ETHERTYPE = b"\x88\xb5"  # for local experiments


def lab():
    return tap.fixture(make_lab)


def make_lab():
    return labs.Lab()


def memory():
    try:
        return tap.fixture(make_memory)
    except cgroup.Unavailable as error:
        tap.diagnostics(f"no memory cgroup: {error}")
        return None


def make_memory():
    return cgroup.Memory(MEMORY)


class Confined(Monitor):
    """In the memory cgroup (None: in none) from its first moment on."""

    def __init__(self, group, limits=(), **options):
        self._group, self._go = group, f"/run/vsf/go-{options.get('name', 'confined')}"
        wait = 'until [ -e "$0" ]; do sleep 0.02; done; exec "$@"'
        super().__init__(lab(), prepare=["sh", "-c", wait, self._go, *limits], **options)

    def start(self, wait=True):
        super().start(wait=False)
        if self._group is not None:
            self._group.add(self.process.inner)
        with open(lab().path("run", self._go.removeprefix("/run/")), "w"):
            pass
        self.wait_log("started")


def monitor():
    found = tap.fixture(make_monitor)
    if found.process is not None:
        found.wait_connected()
    return found


def make_monitor():
    return Confined(memory(), ["prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}", "--"],
                    name="confined", sampling=1, polling=POLLING)


def wide(name, number, nics=NICS):
    made = lab().define_tiny(name, nics=[lab().nic(number, index) for index in range(nics)])
    made.start(paused=True)
    return made


def vms():
    """Two with 64 NICs each."""
    found = getattr(vms, "made", None)
    if found is None:
        monitor()
        began = time.monotonic()
        found = vms.made = [wide("wide-1", 1), wide("wide-2", 2)]
        tap.diagnostics(f"VMs started in {time.monotonic() - began:.1f} s")
    return found


def ports(domain):
    """ifIndex -> tap"""
    links = lab().run("grep . /sys/class/net/*/ifindex").stdout.splitlines()
    indexes = {line.split("/")[4]: int(line.rsplit(":", 1)[1]) for line in links}
    return {indexes[name]: name for name in domain.taps()}


def sampled(status, domain):
    return [entry for entry in status["taps"]
            if entry["vm"] == domain.name and entry["state"] == "sampling"]


def without_room(status):
    return [entry for entry in status["taps"] if entry["state"].startswith("no room: ")]


def wait_sampled(where, domain, count, timeout=30):
    return where.wait_status(
        lambda status: len(sampled(status, domain)) == count and status, timeout,
        f"{count} samplers for {domain.name}")


def flood(payload):
    """One frame to everybody on the bridge."""
    frame = b"\xff" * 6 + bytes.fromhex("525400ffff01") + ETHERTYPE + payload.ljust(50, b"\0")
    with lab().socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind((lab().bridge, 0))
        wire.send(frame)


def heard(where, payload, since):
    """ifIndexes of the taps on which that frame was sampled."""
    return {int(flow.content["source"].split(":")[1]) for flow in where.collector.flows(None, since)
            if watch.frame(flow)[14:].startswith(payload)}


def check_counters(where, domain, since, until, rounds=2):
    """Each of its interfaces and the VM itself were counted on time."""
    collector = where.collector
    series = {}
    for sample in collector.samples("0:4", since=since):
        series.setdefault(sample.content["source"], []).append(sample)
    worst = 0
    for ifindex, name in ports(domain).items():
        samples = series.get(f"0:{ifindex}", [])
        assert len(samples) >= rounds, f"{name}: {len(samples)} counter samples"
        watch.consecutive(samples, name)
        worst = max(worst, watch.longest_gap(samples, since, until))
    samples = collector.vm(domain.uuid, since)
    assert len(samples) >= rounds, f"{domain.name}: {len(samples)} counter samples"
    for sample in samples:
        assert sample.record("0:2101")["cpuTime"] is not None
        assert sample.record("0:2104")["bytes_in"] is not None
    worst = max(worst, watch.longest_gap(samples, since, until))
    tap.diagnostics(f"{domain.name}: counter samples at most {worst:.2f} s apart")
    assert worst < POLLING + LATE_S, f"{domain.name}: no counters for {worst:.1f} s"


def watch_counters(where, found, seconds=3 * POLLING + 1):
    since = time.time()
    time.sleep(seconds)
    until = time.time()
    time.sleep(POLLING + LATE_S)
    for domain in found:
        check_counters(where, domain, since, until)


def test_all_fit():
    """With 256 descriptors and 64 MiB every NIC of two VMs with 64 each is sampled and counted"""
    found = vms()
    for domain in found:
        wait_sampled(monitor(), domain, NICS)
    watch_counters(monitor(), found)
    since = time.time()
    flood(b"all fit")
    wanted = {ifindex for domain in found for ifindex in ports(domain)}
    monitor().collector.wait(lambda: heard(monitor(), b"all fit", since) >= wanted, 10,
                             "the frame on every tap")
    tap.diagnostics(f"{monitor().n_descriptors()} descriptors, {monitor().memory_kib()} KiB")
    tap.equal([line for line in monitor().log().splitlines() if "warning" in line.lower()
               and "no room" in line], [])


MORE = 40


def third():
    found = getattr(third, "made", None)
    if found is None:
        vms()
        third.log = len(monitor().log())
        found = third.made = wide("wide-3", 3, MORE)
    return found


def test_some_do_not_fit():
    """40 NICs more than there is room for: some are not sampled, which is said once, with a
    remedy; the status names them; all counters and the other samplers go on"""
    found = [*vms(), third()]
    missing = 2 * NICS + MORE - SAMPLERS
    wait_sampled(monitor(), third(), MORE - missing)
    status = monitor().wait_status(
        lambda status: len(without_room(status)) == missing and status, 20, "who has no room")
    tap.equal(status["capture"]["without_room"], missing)
    tap.equal((status["capture"]["samplers"], status["capture"]["samplers_max"]),
              (SAMPLERS, SAMPLERS))
    tap.equal({entry["vm"] for entry in without_room(status)}, {"wide-3"})
    assert "256 open files" in without_room(status)[0]["state"], without_room(status)[0]
    lines = [line for line in monitor().log()[third.log:].splitlines() if "cannot sample" in line]
    tap.equal(len(lines), 1, str(lines[:5]))
    assert "LimitNOFILE" in lines[0], lines
    tap.diagnostics(lines[0])
    text = monitor().command("status", "--runtime-dir", monitor().runtime).stdout
    assert f"{missing} interfaces" in text and "no room" in text, text[:1500]
    watch_counters(monitor(), found)
    since = time.time()
    flood(b"some fit")
    wanted = {entry["ifindex"] for domain in found for entry in sampled(status, domain)}
    monitor().collector.wait(lambda: heard(monitor(), b"some fit", since) >= wanted, 10,
                             "the frame on every tap that has a sampler")
    tap.equal(heard(monitor(), b"some fit", since), wanted)
    tap.equal(len(wanted), SAMPLERS)
    tap.between(monitor().n_descriptors(), SAMPLERS, DESCRIPTORS - 32, "descriptors")


def test_room_comes_back():
    """A VM ends: those who waited have its room"""
    third()
    one = vms()[0]
    log = len(monitor().log())
    one.destroy()
    status = wait_sampled(monitor(), third(), MORE, 20)
    tap.equal(status["capture"]["without_room"], 0)
    monitor().wait_log("room for a sampler on every interface", since=log)
    since = time.time()
    flood(b"room again")
    wanted = {ifindex for domain in (vms()[1], third()) for ifindex in ports(domain)}
    monitor().collector.wait(lambda: heard(monitor(), b"room again", since) >= wanted, 10,
                             "the frame on every tap")


def test_memory():
    """All of that took less than the 64 MiB, and nothing was killed"""
    group = memory()
    if group is None:
        tap.skip("no memory cgroup can be made here")
    vms()
    tap.equal(group.processes(), [monitor().pid])
    tap.diagnostics(f"cgroup: {group.now() >> 10} KiB now, at most {(group.peak() or 0) >> 10}; "
                    f"resident: {monitor().memory_kib()} KiB")
    tap.equal(group.kills(), 0, "processes killed")
    tap.between(group.now(), 1 << 20, MEMORY)


def test_few_descriptors():
    """With 64 descriptors in all, 16 NICs are sampled, everything is counted, and the status
    answers"""
    found = [domain for domain in (*vms(), third()) if domain.state() == "paused"]
    count = sum(len(domain.nics) for domain in found)
    with Confined(None, ["prlimit", "--nofile=64:64", "--"], name="few", port=6345, sampling=1,
                  polling=POLLING) as few:
        few.wait_status(lambda status: len(without_room(status)) == count - 16, 20,
                        "who has no room")
        watch_counters(few, found)
        status = few.status()
        tap.equal(sum(len(sampled(status, domain)) for domain in found), 16)
        lines = [line for line in few.log().splitlines() if "warning:" in line]
        tap.equal(len(lines), 1, str(lines[:5]))
        since = time.time()
        flood(b"few")
        few.collector.wait(lambda: len(heard(few, b"few", since)) == 16, 10, "the frame on 16 taps")
        tap.diagnostics(f"{few.n_descriptors()} descriptors")
        few.collector.check()


class Sleepers:
    """Control clients that ask for the status and never read."""

    def __init__(self, where, count):
        folder = os.open(lab().path("run", where.name), os.O_PATH)
        self.clients = []
        for _ in range(count):
            client = socket.socket(socket.AF_UNIX)
            self.clients.append(client)
            client.settimeout(10)
            client.connect(f"/proc/self/fd/{folder}/control")
            client.sendall(b'{"request":"status"}\n')
        os.close(folder)

    def close(self):
        for client in self.clients:
            client.close()


def test_many():
    """512 NICs of 8 VMs, 64 MiB, and a soft limit of 128 files below a hard one of 4096: all are
    sampled and counted, rings are bounded, and clients that read nothing do not fill memory"""
    if not LONG:
        tap.skip("takes a minute: VSF_LONG=1")
    monitor().stop()
    found = [vms()[1], *(wide(f"wide-{number}", number) for number in range(4, 11))]
    try:
        group = cgroup.Memory(MEMORY)
    except cgroup.Unavailable as error:
        tap.skip(str(error))
    with group, Confined(group, ["prlimit", "--nofile=128:4096", "--"], name="many", port=6344,
                         capture={"backend": "pcap"}, sampling=1, polling=POLLING) as many:
        began = time.monotonic()
        for domain in found:
            status = wait_sampled(many, domain, NICS, 60)
        tap.diagnostics(f"512 samplers after {time.monotonic() - began:.1f} s")
        capture = status["capture"]
        tap.diagnostics(f"{capture}; {many.n_descriptors()} descriptors")
        tap.equal(capture["without_room"], 0)
        tap.between(capture["ring_bytes"], 32 << 20, RINGS, "bytes of rings")
        sleepers = Sleepers(many, 100)
        tap.on_exit(sleepers.close)
        watch_counters(many, found)
        since = time.time()
        flood(b"many")
        wanted = {ifindex for domain in found for ifindex in ports(domain)}
        many.collector.wait(lambda: heard(many, b"many", since) >= wanted, 10,
                            "the frame on every tap")
        began = time.monotonic()
        assert {vm["domain"] for vm in many.status()["vms"]} >= {domain.name for domain in found}
        tap.diagnostics(f"status after {time.monotonic() - began:.2f} s; cgroup: at most "
                        f"{(group.peak() or 0) >> 10} KiB; resident: {many.memory_kib()} KiB")
        tap.equal(group.kills(), 0, "processes killed")
        many.collector.check()


def test_nothing_malformed():
    """Every datagram of this run decodes"""
    monitor().collector.check()


if __name__ == "__main__":
    tap.main(globals(), system=True)
