# SPDX-License-Identifier: GPL-2.0-or-later
"""Order and absence: the daemon before and after libvirtd, libvirtd restarted, killed
or hung, a hung QEMU, the daemon itself killed, stopped, doubled or misled."""

import os
import signal
import time

import lab as labs
import tap
import watch
from monitor import Monitor

POLLING = 2
DISK = ("capacity", "allocation", "rd_req", "rd_bytes", "wr_req", "wr_bytes")
PATIENCE_S = 1.5  # between two flow samples of a ping every 0.2 s


def lab():
    return tap.fixture(make_lab)


def make_lab():
    return labs.Lab(libvirtd=False)


def monitor():
    return tap.fixture(make_monitor)


def make_monitor():
    return Monitor(lab(), sampling=1, polling=POLLING)


def vms():
    """web01 with a guest that is pinged all the time, and two paused ones with a disk."""
    found = getattr(vms, "made", None)
    if lab().libvirtd is None or not watch.alive(lab().libvirtd):
        lab().start_libvirtd()
    if found is None:
        monitor().wait_connected()
        tiny = [lab().define_tiny(name, disks=[lab().disk(name)]) for name in ("db01", "db02")]
        found = vms.made = [lab().boot("web01"), *tiny]
        for domain in tiny:
            domain.start(paused=True)
        vms.ping = lab().popen(["ping", "-q", "-i", "0.2", found[0].address])
        for domain in found:
            monitor().wait_sampling(domain.taps()[0])
            wait_complete(domain)
    return found


def port(domain):
    return lab().ifindex(domain.taps()[0])


def unknown(sample):
    """Names of the numbers of a VM's sample that are not known, but for those that never are."""
    return {name for record in ("0:2101", "0:2102", "0:2103", "0:2104")
            for name, value in sample.record(record).items()
            if value is None and name != "errs"}


def wait_complete(domain, since=None, timeout=20):
    since = time.time() if since is None else since
    monitor().collector.wait(
        lambda: any(not unknown(sample) for sample in monitor().collector.vm(domain.uuid, since)),
        timeout, f"a complete sample of {domain.name}")


def sources():
    return {domain.name: monitor().collector.vm(domain.uuid)[-1].content["source"]
            for domain in vms()}


class Watched:
    """    with Watched([web01]) as period: ...

    Afterwards: neither packets nor counters of those VMs and their taps paused, sequence
    numbers went on and indexes stayed. Only web01 has packets."""

    def __init__(self, domains):
        self._domains = domains
        self._ports = {domain.name: port(domain) for domain in domains}

    def __enter__(self):
        self._sources = sources()
        self.since = time.time()
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            return
        time.sleep(PATIENCE_S)
        now = time.time() - 0.5  # what is under way has arrived
        collector = monitor().collector
        for domain in self._domains:
            ifindex = self._ports[domain.name]
            series = {"VM": collector.vm(domain.uuid, self.since),
                      "tap": collector.samples("0:4", f"0:{ifindex}", self.since)}
            for what, samples in series.items():
                gap = watch.longest_gap(samples, self.since, now)
                assert gap < 2.5 * POLLING, f"{domain.name}: {what} counters paused for {gap:.1f} s"
                watch.consecutive(samples, f"{domain.name}: {what}")
            tap.equal({sample.content["source"] for sample in series["VM"]},
                      {self._sources[domain.name]})
            tap.equal({watch.adapters(sample)[domain.nics[0].mac] for sample in series["VM"]},
                      {ifindex})
            if domain.name == "web01":
                flows = collector.flows(ifindex, self.since)
                gap = watch.longest_gap(flows, self.since, now)
                assert gap < PATIENCE_S, f"no packet sampled for {gap:.1f} s"
                watch.consecutive(flows, "flows")


def wait_status(question, what):
    return monitor().wait_status(question, 20, what)


def test_before_libvirtd():
    """Started before libvirtd, the daemon sends the host's sample and says what it waits for"""
    monitor().collector.wait(lambda: monitor().collector.samples("0:4", "2:1"))
    status = monitor().status()
    tap.equal(status["libvirt"]["connected"], False)
    assert "libvirt-sock" in status["libvirt"]["description"], status["libvirt"]
    tap.equal(status["vms"], [])
    text = monitor().command("status", "--runtime-dir", monitor().runtime).stdout
    assert "libvirt" in text and "libvirt-sock" in text, text
    lab().start_libvirtd()
    monitor().wait_connected()
    domain = vms()[0]
    tap.equal(monitor().collector.vm(domain.uuid)[0].content["sequence"], 1)


def test_after_vms():
    """Started after the VMs, the daemon has all of them within an interval"""
    found = vms()
    with Monitor(lab(), name="late", port=6344, sampling=1, polling=POLLING) as late:
        began = time.time()
        for domain in found:
            late.collector.wait(lambda: late.collector.vm(domain.uuid), 10, domain.name)
            delay = late.collector.vm(domain.uuid)[0].time - began
            tap.diagnostics(f"{domain.name}: {delay:.2f} s after the daemon's start")
            assert delay < POLLING + 2, f"{domain.name}: {delay:.1f} s"
        tap.equal({domain.name: late.collector.vm(domain.uuid)[0].content["source"]
                   for domain in found}, sources())  # an index is the UUID's
        late.collector.wait(lambda: late.collector.flows(port(found[0])), 5, "flow samples")
        late.wait_sampling(found[1].taps()[0])


def libvirtd_away(end):
    """db01 ends while libvirtd is away, db02 is started anew before the daemon is back."""
    web, one, two = vms()
    before, old = sources(), port(two)
    with Watched([web]):
        end()
        wait_status(lambda status: not status["libvirt"]["connected"], "the loss")
        death = watch.Death(one.pid())
        os.kill(one.pid(), signal.SIGKILL)
        ended = death.wait()
        # Time for db01 to be looked for and to be missed.
        time.sleep(2.5 * POLLING)
        lab().start_libvirtd()
        # It may be so early that libvirtd gives it up rather than stops it.
        lab().virsh("destroy", two.name, check=False)
        two.wait_state("shut off")
        two.start(paused=True)
        started = time.time()
        monitor().wait_connected()
        wait_status(lambda status: {vm["domain"] for vm in status["vms"]} == {"web01", "db02"},
                    "the VMs that run")
        monitor().wait_sampling(two.taps()[0])
        wait_complete(two, started)
        wait_complete(web, started)
    tap.equal(sources()["db02"], before["db02"])
    run = watch.runs(monitor().collector.vm(two.uuid))[-1]
    tap.equal(run[0].content["sequence"], 1)
    assert run[0].time > ended, "no new run of db02"
    tap.equal({watch.adapters(sample)[two.nics[0].mac] for sample in run} - {0}, {port(two)})
    assert port(two) != old
    # QEMU's end is enough: no event will tell.
    late = [sample.time - ended for sample in monitor().collector.vm(one.uuid, ended + 1)]
    tap.equal(late, [], "samples of db01 after its end")
    started = time.time()
    one.start(paused=True)
    monitor().wait_sampling(one.taps()[0])
    wait_complete(one, started)
    tap.equal(sources(), before)
    tap.equal(monitor().collector.vm(one.uuid, started)[0].content["sequence"], 1)


def test_restart():
    """libvirtd restarted: neither packets nor counters pause, and what changed is found"""
    libvirtd_away(lab().stop_libvirtd)


def test_kill():
    """So it is when libvirtd is killed"""
    def kill():
        lab().libvirtd.signal(signal.SIGKILL)
        lab().libvirtd.wait(10)

    libvirtd_away(kill)


def test_hung_libvirtd():
    """libvirtd hangs for 20 s: all goes on but disk counters, and these come back"""
    web, one, _ = vms()
    wait_complete(web)
    with Watched([web, one]):
        lab().libvirtd.signal(signal.SIGSTOP)
        tap.on_exit(lambda: lab().libvirtd.signal(signal.SIGCONT))
        stopped = time.time()
        time.sleep(20)
        lab().libvirtd.signal(signal.SIGCONT)
        continued = time.time()
        for domain in (web, one):
            hung = [sample for sample in monitor().collector.vm(domain.uuid, stopped + 1.5)
                    if sample.time < continued]
            assert len(hung) >= 6, f"{domain.name}: {len(hung)} samples"
            for sample in hung:
                assert unknown(sample) >= set(DISK), f"{domain.name}: {sample.content}"
                assert not unknown(sample) & {"cpuTime", "nrVirtCpu", "bytes_in", "pkts_out"}, (
                    f"{domain.name}: {sample.content}")
            wait_complete(domain, continued, 3 * POLLING + 2)
            back = next(sample.time for sample in monitor().collector.vm(domain.uuid, continued)
                        if not unknown(sample))
            tap.diagnostics(f"{domain.name}: complete {back - continued:.1f} s after SIGCONT")
    wait_status(lambda status: status["libvirt"]["connected"], "the connection")
    for domain in vms():
        wait_complete(domain)


def entry(status, domain):
    return next(vm for vm in status["vms"] if vm["domain"] == domain.name)


def test_hung_qemu():
    """One QEMU hangs: its disk counters are unknown, the status names it, the other VMs'
    samples are complete and on time"""
    web, one, two = vms()
    pid = one.pid()
    for domain in vms():
        wait_complete(domain)
    with Watched(vms()) as period:
        os.kill(pid, signal.SIGSTOP)
        tap.on_exit(lambda: os.kill(pid, signal.SIGCONT))
        stopped = time.time()
        wait_status(lambda status: entry(status, one)["qemu_stopped"], "the stopped QEMU")
        assert entry(monitor().status(), one)["stuck_s"] is not None
        time.sleep(2)  # under a second is not worth a line
        lines = monitor().command("status", "--runtime-dir", monitor().runtime).stdout.splitlines()
        at = next(at for at, line in enumerate(lines) if line.split()[:1] == ["db01"])
        assert "has not answered" in lines[at + 1], lines[at:at + 2]
        time.sleep(max(0, stopped + 5 * POLLING - time.time()))
        os.kill(pid, signal.SIGCONT)
        continued = time.time()
        hung = [sample for sample in monitor().collector.vm(one.uuid, stopped + POLLING + 0.5)
                if sample.time < continued]
        assert len(hung) >= 2, f"{len(hung)} samples"
        for sample in hung:
            assert unknown(sample) >= set(DISK), sample.content
            assert not unknown(sample) & {"cpuTime", "bytes_in", "pkts_out"}, sample.content
        wait_complete(one, continued, 3 * POLLING + 2)
    for domain in (web, two):
        # One call of the turn in which QEMU stopped may hold libvirtd for a moment.
        partial = [sample.content for sample in monitor().collector.vm(domain.uuid, period.since)
                   if unknown(sample)]
        tap.equal(partial, [], f"{domain.name}: incomplete samples")
    tap.equal((entry(monitor().status(), one)["qemu_stopped"],
               entry(monitor().status(), one)["stuck_s"]), (False, None))


def test_killed_daemon():
    """The daemon killed and started again: same indexes, all sampled, nothing in its way"""
    before = sources()
    monitor().process.signal(signal.SIGKILL)
    monitor().process.wait(10)
    started = time.time()
    monitor().start()
    for domain in vms():
        wait_complete(domain, started)
    tap.equal(sources(), before)
    monitor().collector.wait(lambda: monitor().collector.flows(port(vms()[0]), started), 10,
                             "flow samples")


def ends_in_time():
    began = time.monotonic()
    monitor().process.signal(signal.SIGTERM)
    tap.equal(monitor().process.wait(5), 0, "exit status")
    tap.diagnostics(f"ended in {(time.monotonic() - began) * 1000:.0f} ms")
    monitor().process = None
    tap.equal(os.listdir(lab().path("run", monitor().name)), [], "sockets left behind")


def test_stop():
    """SIGTERM ends the daemon at once, with 0, also while libvirtd hangs"""
    vms()
    ends_in_time()
    monitor().start()
    # Not only connected: libvirtd must have answered who runs here.
    monitor().wait_status(lambda status: len(status.get("vms", ())) == len(vms()), 20, "all VMs")
    lab().libvirtd.signal(signal.SIGSTOP)
    tap.on_exit(lambda: lab().libvirtd.signal(signal.SIGCONT))
    # Long enough for calls of each kind to be out.
    since = time.time() + POLLING
    monitor().collector.wait(
        lambda: any("rd_req" in unknown(sample)
                    for sample in monitor().collector.vm(vms()[0].uuid, since)),
        20, "a sample without libvirt")
    ends_in_time()
    # Also when it hangs from the daemon's first moment on.
    monitor().start()
    since = time.time()
    monitor().collector.wait(lambda: monitor().collector.samples("0:4", "2:1", since))
    ends_in_time()
    lab().libvirtd.signal(signal.SIGCONT)
    monitor().start()
    monitor().wait_connected()


def daemon(*arguments):
    """A virt-sflowd that is expected to end by itself."""
    return lab().run([Monitor.program("virt-sflowd"), *arguments], check=False, timeout=20)


def test_second_daemon():
    """A second daemon in the same place says so and ends with 1; the first goes on"""
    vms()
    done = daemon("--config", monitor().config, "--collector", monitor().collector.target,
                  "--runtime-dir", monitor().runtime, "--state-dir", monitor().state)
    tap.equal(done.returncode, 1, done.stderr)
    assert monitor().runtime + "/control: another daemon runs" in done.stderr, done.stderr
    tap.diagnostics(done.stderr.strip().splitlines()[-1])
    tap.equal(monitor().status()["libvirt"]["connected"], True)
    tap.equal(sorted(os.listdir(lab().path("run", monitor().name))), ["agent.sock", "control", "hook"])


def test_wrong_options():
    """A wrong option, collector or configuration: exit status 2, and why; nothing is started"""
    place = ["--runtime-dir", "/run/wrong", "--state-dir", "/run/wrong-state"]
    lab().write("wrong.conf", "[sflow]\npolling = often\n")
    wrong = os.path.join(lab().folder, "wrong.conf")
    for arguments, words in (
            (["--collector", "host:port:port"], ["host:port:port"]),
            (["--collector", "192.0.2.1:99999"], ["99999"]),
            (["--collector", ""], ["collector"]),
            (["--config", "/nowhere.conf"], ["/nowhere.conf", "No such file"]),
            (["--config", wrong], [wrong + ":2:", "polling", "often", "300"]),
            (["--colector", "192.0.2.1"], ["colector"]),
            (["192.0.2.1"], ["192.0.2.1"])):
        done = daemon(*place, *arguments)
        tap.equal(done.returncode, 2, f"{arguments}: {done.stderr}")
        missing = [word for word in words if word not in done.stderr]
        tap.equal(missing, [], f"{arguments}: not in the message {done.stderr!r}")
    assert not os.path.exists(lab().path("run", "wrong"))


def test_nothing_malformed():
    """Every datagram of this run decodes"""
    monitor().collector.check()


if __name__ == "__main__":
    tap.main(globals(), system=True)
