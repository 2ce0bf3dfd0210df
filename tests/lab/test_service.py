# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon under a service manager: a fake one, of which only the socket is there and
each word is seen with its time, and a real systemd with the unit as it is installed."""

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time

import hooks
import lab as labs
import manager as managers
import sanitized
import tap
import watch
from collector import Collector
from freeze import Frozen
from monitor import Monitor

WATCHDOG_S = 4
UNIT_WATCHDOG_S = 8
NOTIFY = "vsf-notify"  # in the abstract name space of the lab


def lab():
    return tap.fixture(make_lab)


def make_lab():
    return labs.Lab(libvirtd=False)


class FakeManager:
    """The socket of a service manager; `words` holds (time, word) as they came."""

    def __init__(self, lab):
        self.words = []
        self._socket = lab.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + NOTIFY)
        self._socket.settimeout(0.1)
        self._stopping = False
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping = True
        self._thread.join()
        self._socket.close()

    def _read(self):
        while not self._stopping:
            try:
                text = self._socket.recv(4096).decode()
            except TimeoutError:
                continue
            now = time.monotonic()
            self.words += [(now, word) for word in text.split("\n")]

    def times(self, word, since=0.0):
        return [at for at, heard in list(self.words) if heard == word and at >= since]

    def wait(self, pattern, timeout=30):
        """Until a word matches; its time."""
        deadline = time.monotonic() + timeout
        while True:
            for at, word in list(self.words):
                if re.fullmatch(pattern, word):
                    return at
            assert time.monotonic() < deadline, f"no word {pattern!r}: {self.words[-20:]}"
            time.sleep(0.02)

    def logs(self):
        return self.words[-20:]


def fake():
    return tap.fixture(make_fake)


def make_fake():
    return FakeManager(lab())


def monitor():
    """Under the fake manager, with libvirt not there."""
    return tap.fixture(make_monitor)


def make_monitor():
    return Monitor(lab(), name="watched", sampling=1, polling=1, environment={
        "NOTIFY_SOCKET": "@" + NOTIFY, "WATCHDOG_USEC": WATCHDOG_S * 1000000})


def test_ready_without_libvirt():
    """The daemon is ready without libvirt, says once that it is, and how it fares"""
    fake()
    monitor()
    ready = fake().wait("READY=1")
    fake().wait("STATUS=0 VMs, 0 of 0 interfaces sampled, 1 of 1 collectors reached, libvirt away")
    assert monitor().status()["libvirt"]["connected"] is False
    # It does what it says: the host's own sample left.
    monitor().collector.wait(lambda: monitor().collector.samples("0:4", "2:1"), 10, "a sample")
    time.sleep(1)
    tap.equal(fake().times("READY=1"), [ready])


def test_cadence():
    """The watchdog is fed twice in its time"""
    fake()
    monitor()
    since = fake().wait("READY=1")
    time.sleep(3 * WATCHDOG_S)
    times = [since, *fake().times("WATCHDOG=1", since), time.monotonic()]
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    tap.diagnostics(f"longest time without a word: {max(gaps):.2f} s of {WATCHDOG_S} s")
    assert max(gaps) < WATCHDOG_S, gaps
    tap.between(len(times) - 2, 4, 10, "words in three times of the watchdog")


def test_stuck_loop():
    """A main loop that hangs does not feed the watchdog, while its other threads run on"""
    fake()
    monitor()
    fake().wait("READY=1")
    with Frozen(monitor().pid):
        frozen = time.monotonic()
        time.sleep(1.5 * WATCHDOG_S)
        tap.equal(fake().times("WATCHDOG=1", frozen + 0.2), [])
    since = time.monotonic()
    monitor().collector.wait(
        lambda: monitor().collector.samples("0:4", "2:1", time.time() - 0.5), 10, "a sample")
    fake().wait("WATCHDOG=1")
    deadline = time.monotonic() + 2 * WATCHDOG_S
    while not fake().times("WATCHDOG=1", since):
        assert time.monotonic() < deadline, "the loop goes on, but the watchdog is not fed"
        time.sleep(0.05)


def test_reload_is_told():
    """A reload is told with its time when it begins, and READY=1 when it is over"""
    fake()
    monitor()
    fake().wait("READY=1")
    for expected in ("ok", "failed"):
        since = time.monotonic()
        if expected == "failed":
            with open(monitor().config, "a") as file:
                file.write("[nonsense]\n")
        tap.equal(monitor().reload()["state"], expected)
        deadline = time.monotonic() + 10
        while not fake().times("READY=1", since):
            assert time.monotonic() < deadline, f"no READY=1: {fake().words[-20:]}"
            time.sleep(0.05)
        began, = fake().times("RELOADING=1", since)
        stamp, = [int(word.split("=")[1]) for at, word in list(fake().words)
                  if word.startswith("MONOTONIC_USEC=") and at >= since]
        assert since <= stamp / 1e6 <= began, (since, stamp, began)
        assert began <= fake().times("READY=1", since)[0]
    fake().wait(r"STATUS=.*; the last reload failed")
    monitor().configure(sampling=1, polling=1)
    monitor().reload()


def test_stop():
    """A daemon that is told to end says so first, and ends well"""
    fake()
    monitor()
    fake().wait("READY=1")
    status = monitor().stop()
    tap.equal(status, 0, "exit status")
    fake().wait("STOPPING=1", 1)
    monitor().start()  # for those after this


# ------------------------------------------------------------------ the unit

def unit():
    return managers.installed_unit()


PROGRAM = "/run/vsf/virt-sflowd"
# The lab's place for what would lie in the machine's /var/lib, and a shorter watchdog.
DROP_IN = """[Service]
ExecStart=
ExecStart={program} --config /run/vsf/virt-sflowd.conf --state-dir /var/lib/libvirt/virt-sflow
ExecReload=
ExecReload={program} --check-config --config /run/vsf/virt-sflowd.conf
ExecReload=/bin/kill -HUP $MAINPID
StateDirectory=
StateDirectory=libvirt/virt-sflow
WatchdogSec={watchdog}
StandardError=append:/var/log/libvirt/unit.out
"""


AGENT = "virt-sflow-agent"
AGENT_DROP_IN = """[Service]
ExecStart=
ExecStart=/run/vsf/virt-sflow-agent
StandardError=append:/var/log/libvirt/agent-unit.out
"""


def systemd():
    return tap.fixture(make_systemd)


def make_systemd():
    folder = lab().path("run", "vsf")
    for name in ("virt-sflowd", AGENT):
        shutil.copy(Monitor.program(name), os.path.join(folder, name))
    return managers.Manager(lab(), {
        AGENT + ".socket": managers.installed_unit(AGENT + ".socket"),
        AGENT + ".service": managers.installed_unit(AGENT + ".service"),
        AGENT + ".service.d/lab.conf": AGENT_DROP_IN + sanitized.sandbox(),
        "virt-sflowd.service": unit(),
        "virt-sflowd.service.d/lab.conf": DROP_IN.format(program=PROGRAM, watchdog=UNIT_WATCHDOG_S)
                                          + sanitized.sandbox()})


def collector():
    return tap.fixture(make_collector)


def make_collector():
    lab().write("run/vsf/virt-sflowd.conf",
                "[sflow]\ncollectors = 127.0.0.1:6400\nsampling = 1\npolling = 1\n")
    return Collector(lab(), port=6400)


def service():
    """The unit started, before libvirt."""
    collector()
    systemd().systemctl("start", "virt-sflowd.service", timeout=90)
    return "virt-sflowd.service"


def guest():
    """A paused VM of a libvirtd that systemd started."""
    found = getattr(guest, "made", None)
    if found is None:
        systemd().systemctl("start", "virtlogd.service", "libvirtd.service")
        deadline = time.monotonic() + 60
        while lab().virsh("list", check=False).returncode != 0:
            assert time.monotonic() < deadline, "libvirtd does not start"
            time.sleep(0.2)
        found = guest.made = lab().define_tiny("web01", disks=[lab().disk("web01")])
        found.start(paused=True)
    return found


def test_unit():
    """The unit starts before libvirt, and in its sandbox does everything: packets, counters
    of process, tap and disk"""
    name = service()
    shown = systemd().show(name, "ActiveState", "StatusText", "Type")
    tap.equal((shown["ActiveState"], shown["Type"]), ("active", "notify"))
    assert "libvirt away" in shown["StatusText"], shown
    uuid = guest().uuid
    wanted = {"0:2101": "cpuTime", "0:2103": "rd_bytes", "0:2104": "bytes_in"}
    collector().wait(
        lambda: any(all(sample.record(record)[field] is not None
                        for record, field in wanted.items())
                    for sample in collector().vm(uuid)), 30, "a complete sample")
    ifindex = lab().ifindex(guest().taps()[0])
    since = time.time()
    ping = lab().popen(["ping", "-q", "-i", "0.2", "-W", "1", "10.77.0.99"])
    try:
        collector().wait(lambda: collector().flows(ifindex, since), 30, "a flow sample of its ARP")
    finally:
        ping.end()
    capabilities = capability_names(systemd().main_pid(name))
    tap.equal(capabilities, {"cap_net_raw"})


def capability_names(pid):
    with open(f"/proc/{pid}/status") as file:
        bits = next(int(line.split()[1], 16) for line in file if line.startswith("CapEff:"))
    known = {12: "cap_net_admin", 13: "cap_net_raw", 39: "cap_bpf"}
    return {known.get(bit, f"bit {bit}") for bit in range(64) if bits >> bit & 1}


def test_watchdog():
    """A hung loop is restarted by systemd, and each VM goes on under its index"""
    name = service()
    uuid = guest().uuid
    source = collector().wait(lambda: collector().vm(uuid), 30, "a sample")[-1].content["source"]
    pid = systemd().main_pid(name)
    frozen = time.time()
    with Frozen(pid):
        watch.Death(pid).wait(UNIT_WATCHDOG_S * 2 + 20)
    tap.diagnostics(f"killed {time.time() - frozen:.1f} s after the loop hung")
    again = collector().wait(lambda: collector().vm(uuid, frozen + 1), 60, "a sample again")
    tap.diagnostics(f"samples again {again[0].time - frozen:.1f} s after the loop hung")
    tap.between(again[0].time - frozen, 0, UNIT_WATCHDOG_S + 20, "seconds without samples")
    tap.equal(again[-1].content["source"], source)
    tap.equal(systemd().show(name, "NRestarts"), "1")
    tap.equal(systemd().show(name, "ActiveState"), "active")


def test_reloaded_unit():
    """systemctl reload puts a good file in force in the same process, and fails for a bad one,
    which changes nothing"""
    name = service()
    uuid = guest().uuid
    pid = systemd().main_pid(name)
    assert re.search(r"(?m)^ExecReload=\S*/virt-sflowd --check-config$", unit()), unit()
    assert re.search(r"(?m)^ExecReload=/bin/kill -HUP \$MAINPID$", unit()), unit()
    config = "[sflow]\ncollectors = 127.0.0.1:6400\nsampling = 1\npolling = 1\nsub-agent-id = {}\n"
    lab().write("run/vsf/virt-sflowd.conf", config.format(4711))
    since = time.time()
    systemd().systemctl("reload", name)
    collector().wait(lambda: [it for it in collector().datagrams() if it.time > since and
                              it.content["sub_agent_id"] == 4711], 20, "a datagram under the new name")
    lab().write("run/vsf/virt-sflowd.conf", config.format("nonsense"))
    try:
        systemd().systemctl("reload", name)
    except AssertionError as refused:
        tap.diagnostics(str(refused))
    else:
        raise AssertionError("the reload of a bad file is no error")
    since = time.time()
    collector().wait(lambda: collector().vm(uuid, since), 20, "a sample afterwards")
    shown = systemd().show(name, "ActiveState", "NRestarts")
    tap.equal((systemd().main_pid(name), shown["ActiveState"]), (pid, "active"))
    lab().write("run/vsf/virt-sflowd.conf", config.format(200000))
    systemd().systemctl("reload", name)


def capture():
    """How the unit samples."""
    command = Monitor.program("cli/virt-sflow")
    return json.loads(systemd().run([command, "status", "--json"]))["capture"]


def test_ebpf():
    """Without the drop-in the unit samples by libpcap and says why; with it by eBPF, in its sandbox"""
    if "ebpf" not in subprocess.run([Monitor.program("virt-sflowd"), "--version"], text=True,
                                    capture_output=True).stdout:
        tap.skip("built without eBPF")
    name = service()
    ifindex = lab().ifindex(guest().taps()[0])
    found = capture()
    tap.equal((found["backend"], found["backend_wanted"], found["unit"]),
              ("pcap", "auto", "frames"))
    assert "bpf(2)" in found["backend_reason"] and "ebpf.conf" in found["backend_reason"], found
    lab().write("run/vsf/units/virt-sflowd.service.d/ebpf.conf", managers.drop_in("ebpf.conf"))
    systemd().systemctl("daemon-reload")
    systemd().systemctl("restart", name, timeout=90)
    tap.equal(capability_names(systemd().main_pid(name)),
              {"cap_net_raw", "cap_net_admin", "cap_bpf"})
    found = capture()
    if "Linux 6.6" in found["backend_reason"]:
        tap.skip(found["backend_reason"])
    tap.equal((found["backend"], found["unit"]), ("ebpf", "segments"), found["backend_reason"])
    since = time.time()
    ping = lab().popen(["ping", "-q", "-i", "0.2", "-W", "1", "10.77.0.99"])
    try:
        collector().wait(lambda: collector().flows(ifindex, since), 30, "a flow sample of its ARP")
    finally:
        ping.end()
    assert all(kind != "packet" for kind in hooks.samplers(lab())[ifindex]), hooks.samplers(lab())


ASK = """
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.settimeout(30)
client.connect("/run/virt-sflow/agent.sock")
said = client.makefile("rwb")
for request in ("", sys.argv[1]):
    said.write(request.encode())
    said.flush()
    word, size = said.readline().split()
    print(word.decode(), said.read(int(size)).decode())
"""


PAUSED = "domain is not running"


def ask(uuid):
    """What the agent's service says to root who asks a guest that is paused."""
    return systemd().run(["/usr/bin/python3", "-c", ASK, f"ask {uuid} 2 guest-info\n"])


def test_agent_unit():
    """The agent's service starts when its socket is asked, in its sandbox reaches libvirt, outlives
    the daemon, and goes with its socket when that is restarted"""
    name = service()
    uuid = guest().uuid
    tap.equal(systemd().show(AGENT + ".service", "ActiveState"), "inactive")
    assert PAUSED in ask(uuid), ask(uuid)
    pid = systemd().main_pid(AGENT + ".service")
    tap.equal(capability_names(pid), set())
    with open(f"/proc/{pid}/status") as file:
        owner, = [line.split()[1] for line in file if line.startswith("Uid:")]
    tap.equal(int(owner), systemd().users.uid[AGENT])
    systemd().systemctl("restart", name, timeout=90)
    ask(uuid)
    tap.equal(systemd().main_pid(AGENT + ".service"), pid)
    systemd().systemctl("restart", AGENT + ".socket")
    assert PAUSED in ask(uuid)
    tap.equal(systemd().show(AGENT + ".socket", "ActiveState"), "active")
    shown = systemd().show(AGENT + ".service", "ActiveState", "NRestarts")
    tap.equal(shown, {"ActiveState": "active", "NRestarts": "0"})
    systemd().systemctl("stop", AGENT + ".service", AGENT + ".socket")
    assert not os.path.exists(lab().path("run", "virt-sflow/agent.sock"))


def test_stopped_unit():
    """systemctl stop ends it at once and well; VMs live on"""
    name = service()
    begun = time.monotonic()
    systemd().systemctl("stop", name)
    took = time.monotonic() - begun
    tap.diagnostics(f"stopped in {took:.2f} s")
    assert took < 5, took
    shown = systemd().show(name, "Result", "ActiveState")
    tap.equal(shown, {"Result": "success", "ActiveState": "inactive"})
    tap.equal(guest().state(), "paused")
    collector().check()


if __name__ == "__main__":
    tap.main(globals(), system=True)
