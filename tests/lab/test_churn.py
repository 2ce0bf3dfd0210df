# SPDX-License-Identifier: GPL-2.0-or-later
"""100 VMs that come and go as fast as libvirtd can, with NICs plugged in between: nothing is
sent under another's index, UUID or ifIndex, who lives appears, and nothing leaks."""

import dataclasses
import os
import re
import socket
import threading
import time
import uuid

import domains
import lab as labs
import links
import sanitized
import tap
import watch
from monitor import Monitor

CHURN_S = float(os.environ.get("VSF_CHURN_S", 180 if os.environ.get("VSF_LONG") else 30))
WARM_UP_S = 8
VMS = 100
WORKERS = 4
LIVES_S = 3         # who lives so long appears
LATE_S = 1.5        # nothing of a VM is sent so long after its end
# What may be more at the end: heap; idle threads of the pool; of the four connections
# for statistics those that were not needed before.
LEAK_KIB, SPARE_THREADS, SPARE_CONNECTIONS = sanitized.memory(3 << 10), 2, 3
ETHERTYPE = b"\x88\xb5"  # for local experiments


def lab():
    return tap.fixture(labs.Lab)


def fast():
    """Samples each packet, and each VM every second."""
    return tap.fixture(make_fast)


def make_fast():
    return Monitor(lab(), name="fast", sampling=1, polling=1)


def slow():
    """Where a VM of a few seconds has a sample because it started, not because of a turn."""
    return tap.fixture(make_slow)


def make_slow():
    return Monitor(lab(), name="slow", port=6344, sampling=0, polling=300)


@dataclasses.dataclass
class Run:
    """One life of one VM. No MAC is given to another."""

    name: str
    uuid: str
    nics: list
    ports: dict = dataclasses.field(default_factory=dict)  # MAC -> Link
    created: float = None       # virsh create was back
    destroyed: float = None     # virsh destroy was called
    ended: float = None         # and back

    @property
    def lived(self):
        return self.destroyed - self.created >= LIVES_S


class Worker(threading.Thread):
    """Brings its share of the VMs to life and to death until told to stop: every third at
    once, every third with a NIC plugged in, every third after LIVES_S."""

    def __init__(self, number, truth, first_turn):
        super().__init__(daemon=True)
        self.runs = []
        self.error = None
        self._number, self._truth, self._first_turn = number, truth, first_turn
        self._stopping = threading.Event()
        self._old = []  # those that are to live
        self._socket = lab().socket(socket.AF_PACKET, socket.SOCK_RAW)

    def run(self):
        try:
            turn = self._first_turn
            while not self._stopping.is_set():
                self._turn(turn)
                turn += 1
            while self._old:
                self._end_oldest()
        except BaseException as error:  # for join_all()
            self.error = error
        finally:
            self._socket.close()

    def stop(self):
        self._stopping.set()

    def _turn(self, turn):
        made = self._create(turn)
        if turn % 3 == 1:
            self._plug(made)
        if turn % 3 == 2:
            self._old.append(made)
            self._speak(made)
        else:
            self._destroy(made)
        if self._old and time.time() - self._old[0].created > LIVES_S + 0.2:
            self._end_oldest()

    def _end_oldest(self):
        made = self._old.pop(0)
        time.sleep(max(0, made.created + LIVES_S + 0.2 - time.time()))
        self._speak(made)
        self._destroy(made)

    def _create(self, turn):
        number = self._number + WORKERS * (turn % (VMS // WORKERS))
        while any(made.name == f"vm{number:02}" for made in self._old):
            self._end_oldest()
        # The names of taps pass from VM to VM.
        free = {f"tap-{self._number}-{n}" for n in range(20)} - {
            made.nics[0].target for made in self._old}
        nic = domains.Nic(mac(number, turn, 0), target=min(free))
        made = Run(f"vm{number:02}", str(uuid.UUID(int=(0xc << 124) + number)), [nic])
        xml = domains.tiny_xml(made.name, lab().accelerator, lab().emulator, nics=made.nics,
                               identity=made.uuid)
        lab().write(f"run/vsf/{made.name}.xml", xml)
        self.runs.append(made)
        shown = lab().virsh(f"create --paused /run/vsf/{made.name}.xml; dumpxml {made.name}")
        made.created = time.time()
        self._ports(made, shown)
        return made

    def _plug(self, made):
        nic = domains.Nic(made.nics[0].mac[:-2] + "01")  # the name is libvirt's choice
        made.nics.append(nic)
        lab().write(f"run/vsf/{made.name}-nic.xml", nic.xml())
        self._ports(made, lab().virsh(f"attach-device {made.name} /run/vsf/{made.name}-nic.xml "
                                      f"--live; dumpxml {made.name}"))

    def _ports(self, made, xml):
        """Who has which tap: the name is libvirt's, ifIndex and MAC are the kernel's."""
        for interface in re.findall(r"<interface .*?</interface>", xml, re.S):
            mac_address = re.search(r"<mac address='(.*?)'", interface)[1]
            device = re.search(r"<target dev='(.*?)'", interface)[1]
            link = self._truth.named(device)
            tap.equal(link.mac, "fe" + mac_address[2:], f"{made.name}: {device}")
            made.ports[mac_address] = link
        tap.equal(sorted(made.ports), sorted(nic.mac for nic in made.nics), made.name)

    def _speak(self, made):
        """Frames to the VM, out of its first tap, which say whose it is."""
        mac_address = made.nics[0].mac
        frame = (bytes.fromhex(mac_address.replace(":", "")) + bytes.fromhex("525400ffff01")
                 + ETHERTYPE + mac_address.encode().ljust(50, b"\0"))
        for _ in range(3):
            self._socket.sendto(frame, (made.ports[mac_address].name, 0))

    def _destroy(self, made):
        made.destroyed = time.time()
        lab().virsh("destroy", made.name)
        made.ended = time.time()


def mac(number, turn, nic):
    """52:54, VM, life, NIC."""
    return f"52:54:{number:02x}:{turn >> 8 & 255:02x}:{turn & 255:02x}:{nic:02x}"


class Plugger(threading.Thread):
    """A NIC that comes and goes all the time in a guest that answers to it."""

    def __init__(self, guest):
        super().__init__(daemon=True)
        self.error, self.count = None, 0
        self._guest = guest
        self._stopping = threading.Event()

    def stop(self):
        self._stopping.set()

    def run(self):
        try:
            while not self._stopping.is_set():
                nic = domains.Nic(f"52:54:f0:00:{self.count >> 8:02x}:{self.count & 255:02x}")
                lab().write("run/vsf/plug.xml", nic.xml())
                lab().virsh(f"attach-device {self._guest.name} /run/vsf/plug.xml --live")
                while nic.mac in lab().virsh("dumpxml", self._guest.name):
                    lab().virsh(f"detach-device {self._guest.name} /run/vsf/plug.xml --live",
                                check=False)
                self.count += 1
        except BaseException as error:  # for join_all()
            self.error = error


def join_all(threads):
    for thread in threads:
        thread.stop()
    for thread in threads:
        thread.join(120)
        if thread.error is not None:
            raise thread.error
        assert not thread.is_alive(), f"{thread} does not end"


def churn(seconds, guest, truth, first_turn):
    """Every run of that time, once all have ended, but for the guest's."""
    workers = [Worker(number, truth, first_turn) for number in range(WORKERS)]
    plugger = Plugger(guest)
    began = time.monotonic()
    for thread in (*workers, plugger):
        thread.start()
    memory = []
    while time.monotonic() < began + seconds and all(thread.is_alive() for thread in workers):
        time.sleep(seconds / 8)
        memory.append(fast().memory_kib())
    join_all((*workers, plugger))
    runs = [made for worker in workers for made in worker.runs]
    tap.diagnostics(f"{len(runs)} lives of {len({made.uuid for made in runs})} VMs in "
                    f"{time.monotonic() - began:.0f} s, {sum(made.lived for made in runs)} of "
                    f"{LIVES_S} s; {plugger.count} NICs came and went in a guest")
    tap.diagnostics(f"{fast().name}: KiB on the way: {' '.join(map(str, memory))}")
    return runs


@dataclasses.dataclass
class Size:
    rss_kib: int
    descriptors: int    # but for those by which threads wake each other
    threads: int

    def __str__(self):
        return f"{self.rss_kib} KiB, {self.descriptors} descriptors, {self.threads} threads"


def size(monitor):
    kinds = []
    for name in os.listdir(f"/proc/{monitor.pid}/fd"):
        try:
            kinds.append(os.readlink(f"/proc/{monitor.pid}/fd/{name}"))
        except FileNotFoundError:
            pass
    kinds = [kind for kind in kinds if "[eventfd]" not in kind]
    return Size(monitor.memory_kib(), len(kinds), monitor.n_threads())


def settled(monitor, guest):
    """Its size once nothing is left but the guest and its tap."""
    monitor.wait_status(lambda status: [vm["domain"] for vm in status["vms"]] == [guest.name]
                        and [entry["vm"] for entry in status["taps"]] == [guest.name], 20,
                        "the guest alone")
    time.sleep(2)
    return size(monitor)


def no_leak(monitor, was):
    """Waits for idle threads of the pool, which end after 15 s."""
    deadline = time.monotonic() + 25
    while True:
        now = size(monitor)
        leaks = [now.descriptors - was.descriptors > SPARE_CONNECTIONS,
                 now.threads - was.threads > SPARE_THREADS,
                 now.rss_kib - was.rss_kib > LEAK_KIB]
        if not any(leaks):
            break
        assert time.monotonic() < deadline, f"{monitor.name}: {was}; then {now}"
        time.sleep(0.5)
    tap.diagnostics(f"{monitor.name}: {was}; then {now}")


def hex_uuid(text):
    return text.replace("-", "")


class Judge:
    """What a daemon sent, against who lived and had which interface."""

    def __init__(self, monitor, guest, runs, truth):
        self._collector, self._guest = monitor.collector, guest
        self._runs, self._truth = runs, truth
        self._of_mac = {nic.mac: made for made in runs for nic in made.nics}

    def _owner(self, mac_address):
        """(UUID, name) of the VM that has this MAC; None: nobody."""
        if mac_address in self._of_mac:
            return self._of_mac[mac_address].uuid, self._of_mac[mac_address].name
        own = mac_address in [nic.mac for nic in self._guest.nics]
        return (self._guest.uuid, self._guest.name) if own or mac_address[6:8] == "f0" else None

    def _mac_at(self, sample, ifindex):
        """Of the NIC behind an interface, which was there when the sample was made."""
        lives = self._truth.all(ifindex)
        assert len(lives) == 1, f"{ifindex}: {lives}"
        link, = lives
        late = sample.time - (link.until or sample.time)
        assert late < LATE_S, f"{link}: a sample {late:.1f} s after its end"
        mac_address = "52" + link.mac[2:]
        assert self._owner(mac_address), f"{link}: a sample of an interface that is no VM's"
        return mac_address, link

    def vms(self):
        """UUID -> its samples; each names the VM, its index and its taps."""
        found, index_of = {}, {}
        for sample in self._collector.samples("0:4"):
            if not sample.content["source"].startswith("3:") or not sample.record("0:2000"):
                continue
            descr = sample.record("0:2000")
            found.setdefault(descr["uuid"], []).append(sample)
            tap.equal(index_of.setdefault(descr["uuid"], sample.content["source"]),
                      sample.content["source"], descr["hostname"])
            for mac_address, ifindex in watch.adapters(sample).items():
                who = self._owner(mac_address)
                assert who, f"{descr['hostname']}: nobody's {mac_address}"
                tap.equal((descr["uuid"], descr["hostname"]), (hex_uuid(who[0]), who[1]),
                          f"whose {mac_address} is")
                if ifindex != 0:
                    tap.equal(self._mac_at(sample, ifindex)[0], mac_address, descr["hostname"])
                made = self._of_mac.get(mac_address)
                late = sample.time - (made.ended if made else sample.time)
                assert late < LATE_S, f"{mac_address}: a sample {late:.1f} s after its end"
        tap.equal(len(set(index_of.values())), len(index_of), "one index for each UUID")
        for name, samples in found.items():
            for part in watch.runs(samples):
                watch.consecutive(part, name)
        return found

    def taps(self):
        """Counts of the samples; each is of an interface that was a VM's, under its name."""
        counters, flows = 0, 0
        for sample in self._collector.samples("0:4"):
            if sample.content["source"].startswith("0:"):
                counters += 1
                link = self._mac_at(sample, int(sample.content["source"][2:]))[1]
                port = sample.record("0:1005")
                assert port is None or port["port_name"] in [n for _, n in link.names], (port, link)
        for flow in self._collector.flows():
            flows += 1
            mac_address = self._mac_at(flow, int(flow.content["source"][2:]))[0]
            if watch.frame(flow)[12:14] == ETHERTYPE:
                tap.equal(watch.frame(flow)[14:31].decode(), mac_address, "whose frame it is")
        return counters, flows

    def lived(self, samples):
        """Who lived long was seen, with all its taps; seconds until then."""
        delays = []
        for made in self._runs:
            if not made.lived:
                continue
            wanted = {mac_address: link.ifindex for mac_address, link in made.ports.items()}
            seen = [sample.time for sample in samples.get(hex_uuid(made.uuid), [])
                    if watch.adapters(sample) == wanted and sample.time < made.ended]
            assert seen, f"{made}: never seen"
            delays.append(seen[0] - made.created)
        return delays

    def spoken(self):
        """Who lived long has its frames in samples."""
        for made in self._runs:
            if made.lived:
                ifindex = made.ports[made.nics[0].mac].ifindex
                count = len([flow for flow in self._collector.flows(ifindex)
                             if watch.frame(flow)[12:14] == ETHERTYPE])
                assert count >= 3, f"{made}: {count} of its frames"


def test_churn():
    """100 VMs come and go as fast as libvirtd can: each sample is the right VM's, who lived 3 s
    is seen, and no memory, descriptor or thread is left over"""
    monitors = [fast(), slow()]
    for monitor in monitors:
        monitor.wait_connected()
    guest = lab().boot("guest", agent=False)
    with links.Links(lab()) as truth:
        runs = churn(WARM_UP_S, guest, truth, 0)
        before = [settled(monitor, guest) for monitor in monitors]
        runs += churn(CHURN_S, guest, truth, 3 * VMS * 100)
        for monitor in monitors:
            settled(monitor, guest)
        for monitor, was in zip(monitors, before):
            judge = Judge(monitor, guest, runs, truth)
            samples = judge.vms()
            counters, flows = judge.taps()
            delays = judge.lived(samples)
            tap.diagnostics(f"{monitor.name}: {sum(map(len, samples.values()))} samples of VMs, "
                            f"{counters} of taps, {flows} of packets; first after "
                            f"{max(delays):.2f} s at most")
            no_leak(monitor, was)
            monitor.collector.check()
        Judge(fast(), guest, runs, truth).spoken()


if __name__ == "__main__":
    tap.main(globals(), system=True)
