# SPDX-License-Identifier: GPL-2.0-or-later
"""Hours in minutes: a lab with VMs that stay, VMs that come and go, traffic, and one
random fault after the other; then the account of what the daemon sent.

    soak.py MINUTES [--seed N]

Exit status 1 if a rule was broken: a sample lost, late or missing, a sequence that goes
back, an index, UUID, MAC or ifIndex that is another's, a VM that was not seen or seen
after its end, a fault that does not heal, more memory, descriptors or threads at the end."""

import argparse
import collections
import contextlib
import itertools
import os
import random
import sys
import threading
import time
import uuid

import domains
import sanitized
import tap
from collector import Collector
from lab import Lab
from ledger import HEAD, Ledger, Life
from monitor import Monitor
from sandbox import Failed
from soak_faults import FAULTS

INTERVAL_S = 5
STEADY = 8                # VMs that stay, beside one with a guest and its agent
SAMPLING = 50
REST_S = (2, 8)           # between two faults
# A sample waits 1 s for a libvirt that hangs; the rest is the machine's.
LATE_P99_S, LATE_MAX_S = 1.5, INTERVAL_S
HEALED_S = 30             # until all is as before a fault
SETTLED_S = 3 * INTERVAL_S
MORE_KIB = sanitized.memory(8 << 10)        # resident, at the end
# Up to four questions and four conversations have a libvirt connection each, of two
# descriptors, opened when the others are held up, and kept.
MORE_DESCRIPTORS, MORE_THREADS = 3 + 2 * 8, 4
NEVER = float("inf")


class Churn(threading.Thread):
    """VMs that come, some get a NIC, and go, as long as libvirtd lets it."""

    def __init__(self, soak, seed):
        super().__init__(daemon=True)
        self.n_runs = self.n_refused = 0
        self._soak, self._random = soak, random.Random(seed)
        self._numbers = itertools.count()
        self._stopping = threading.Event()

    def run(self):
        while not self._stopping.is_set():
            self._live()
            self._stopping.wait(self._random.uniform(0.2, 2))

    def stop(self):
        self._stopping.set()
        self.join()

    def _nic(self, number, index):
        return domains.Nic(mac=f"52:54:01:{number >> 8 & 255:02x}:{number & 255:02x}:{index:02x}")

    def _live(self):
        lab, number = self._soak.lab, next(self._numbers)
        nics = [self._nic(number, index) for index in range(3)]
        name, identity = f"churn{number % 5}", str(uuid.uuid4())
        # Its identity is good from now on; what is due begins when it is there.
        life = self._soak.expect(identity, nics, NEVER)
        life.n_nics = self._random.choice((1, 2))
        xml = domains.tiny_xml(name, lab.accelerator, lab.emulator, identity=identity,
                               nics=nics[:life.n_nics])
        done = lab.virsh("create", "--paused", "/dev/stdin", input=xml, check=False, timeout=120)
        if done.returncode != 0:
            self.n_refused += 1
            self._destroy(identity)  # libvirtd may have gone when it was half done
            return
        life.since, life.until = time.time(), NEVER
        self.n_runs += 1
        if self._random.random() < 0.3:
            lab.virsh("attach-device", identity, "/dev/stdin", input=nics[2].xml(), check=False,
                      timeout=120)
        self._stopping.wait(self._random.choice((0.2, 2, 4, 12)))
        self._destroy(identity)
        life.until = time.time()

    def _destroy(self, identity):
        """Returns when it is gone. That virsh fails to get it says nothing: it says so too
        when libvirtd goes away at that moment."""
        while True:
            if self._soak.lab.virsh("destroy", identity, check=False, timeout=120).returncode == 0:
                return
            listed = self._soak.lab.virsh("list", "--uuid", check=False, timeout=120)
            if listed.returncode == 0 and identity not in listed.stdout.split():
                return
            time.sleep(0.5)


class Soak:
    def __init__(self, minutes, seed, lab, monitor, second):
        self.lab, self.monitor, self.second = lab, monitor, second
        self.is_long = minutes >= 10
        self.ledger = Ledger(INTERVAL_S)
        self.random = random.Random(seed)
        self.seed = seed
        self.counts = collections.Counter()
        self.peak_kib = 0
        self.steady, self.taps, self.pids = [], {}, {}
        self._until = minutes * 60
        self._traffic = None
        self._collecting = threading.Event()
        self._reader = threading.Thread(target=self._collect, daemon=True)

    # ------------------------------------------------------------ what faults use

    def expect(self, identity, nics, since):
        life = Life(identity.replace("-", ""), tuple(nic.mac for nic in nics), since,
                    since if since == NEVER else None, len(nics))
        self.ledger.lives.append(life)
        return life

    @contextlib.contextmanager
    def signalled(self, pids, first, last):
        for pid in pids:
            os.kill(pid, first)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, last)

    @contextlib.contextmanager
    def without_daemon(self):
        """Its end inside; it is started again afterwards."""
        gone = time.time()
        yield
        self.monitor.start()
        self.wait_well()
        self.ledger.down.append((gone, time.time()))

    def frames(self, *arguments):
        script = os.path.join(os.path.dirname(os.path.realpath(__file__)), "frames.py")
        return self.lab.daemon("frames", [sys.executable, script, *map(str, arguments)])

    def wait_well(self):
        """Until libvirt is connected, and every VM that stays is sampled and not stuck."""
        wanted = {domain.uuid for domain in (self.guest, *self.steady)}

        def well(status):
            if not status.get("libvirt", {}).get("connected"):
                return False
            sampled = {name["name"] for name in status["taps"] if name["state"] == "sampling"}
            vms = {vm["uuid"]: vm for vm in status["vms"]}
            return all(identity in vms and vms[identity]["stuck_s"] is None and
                       self.taps[identity] in sampled for identity in wanted)
        self.monitor.wait_status(well, HEALED_S, "all as before")

    # ------------------------------------------------------------ the run

    def _start_vms(self):
        self.monitor.wait_connected()
        self.guest = self.lab.boot("web01")
        self.steady = [self.lab.define_tiny(f"stay{number}") for number in range(STEADY)]
        for domain in self.steady:
            domain.start(paused=True)
        for domain in (self.guest, *self.steady):
            self.taps[domain.uuid] = domain.taps()[0]
            self.pids[domain.uuid] = domain.pid()
            self.expect(domain.uuid, domain.nics, time.time())

    def _keep_traffic(self):
        """Some packets all the time: the guest's pings, and frames between two VMs."""
        if self._traffic is None or any(process.poll() is not None for process in self._traffic):
            for process in self._traffic or ():
                process.end()
            one, other = self.steady[0], self.steady[1]
            self._traffic = [
                self.lab.daemon("ping", ["ping", "-q", "-i", "0.2", self.guest.address]),
                self.frames("tap", self.taps[one.uuid], 10**9, 300, other.nics[0].mac,
                            one.nics[0].mac, 500)]

    def _collect(self):
        while not self._collecting.wait(1):
            self._take()
            with contextlib.suppress(TypeError, OSError):  # no daemon just now
                self.peak_kib = max(self.peak_kib, self.monitor.memory_kib())
            self.second.take()

    def _take(self):
        for datagram in self.monitor.collector.take():
            if datagram.content is not None:
                self.ledger.add(datagram.time, datagram.content)

    def _usage(self):
        return {"RSS KiB": self.monitor.memory_kib(), "fds": self.monitor.n_descriptors(),
                "threads": self.monitor.n_threads()}

    def _inject(self, name):
        """One fault, to its end; says so if it does not heal."""
        began = time.monotonic()
        try:
            FAULTS[name](self, self.random)
            self._keep_traffic()
            self.wait_well()
        except (AssertionError, Failed) as error:
            self.ledger.fail(f"{name}: {str(error)[:300]}")
        self.counts[name] += 1
        print(f"[{time.monotonic() - self._began:6.0f} s] {name}: "
              f"{time.monotonic() - began:.1f} s, {self.ledger.n_broken} rules broken", flush=True)

    def run(self):
        """Prints the table; True if no rule was broken."""
        since = time.time()
        self._start_vms()
        self.wait_well()
        self._keep_traffic()
        time.sleep(SETTLED_S)
        self._began = time.monotonic()
        self._reader.start()
        first = self._usage()
        churn = Churn(self, self.seed + 1)
        churn.start()
        names = []
        while time.monotonic() - self._began < self._until:
            # Each once before any comes again.
            names = names or self.random.sample(list(FAULTS), len(FAULTS))
            self._inject(names.pop())
            time.sleep(self.random.uniform(*REST_S))
        churn.stop()
        time.sleep(SETTLED_S)
        last = self._usage()
        self._collecting.set()
        self._reader.join()
        self._take()
        self.ledger.close(since, time.time())
        self._check(first, last)
        self._tell(first, last, churn)
        return self.ledger.n_broken == 0

    # ------------------------------------------------------------ the end

    def _check(self, first, last):
        ledger = self.ledger
        for error, _ in self.monitor.collector.malformed[:5]:
            ledger.fail(f"malformed: {error}")
        for name in ("vm", "interface", "host"):
            kind = ledger.kinds[name]
            late = sorted(kind.late) or [0]
            p99 = late[min(len(late) - 1, int(len(late) * 0.99))]
            if kind.lost:
                ledger.fail(f"{name}: {kind.lost} samples lost")
            if p99 > LATE_P99_S or late[-1] > LATE_MAX_S:
                ledger.fail(f"{name}: {p99:.2f} s late (99 %), {late[-1]:.2f} s at most")
            if kind.sent < kind.expected:
                ledger.fail(f"{name}: {kind.sent} samples of {kind.expected:.0f}")
        if ledger.datagrams_lost or ledger.kinds["flow"].lost:
            ledger.fail(f"{ledger.datagrams_lost} datagrams, "
                        f"{ledger.kinds['flow'].lost} flow samples lost")
        for what, more in (("RSS KiB", MORE_KIB), ("fds", MORE_DESCRIPTORS),
                           ("threads", MORE_THREADS)):
            if last[what] > first[what] + more:
                ledger.fail(f"{what}: {first[what]} at the start, {last[what]} at the end")

    def _tell(self, first, last, churn):
        minutes = (time.monotonic() - self._began) / 60
        print(f"\n{minutes:.1f} minutes, seed {self.seed}: {len(self.taps)} VMs that stay, "
              f"{churn.n_runs} that came and went, {churn.n_refused} refused by libvirtd; "
              f"{self.ledger.datagrams} datagrams, {self.ledger.datagrams_lost} lost")
        for row in [HEAD, *self.ledger.rows()]:
            print(f"{row[0]:<10}" + "".join(f"{cell:>10}" for cell in row[1:]))
        print(f"{'PROCESS':<10}" + "".join(f"{name:>10}" for name in first))
        for name, usage in (("start", first), ("end", last)):
            print(f"{name:<10}" + "".join(f"{value:>10}" for value in usage.values()))
        print(f"RSS at most {self.peak_kib} KiB")
        print("faults: " + ", ".join(f"{name} {count}" for name, count in
                                     sorted(self.counts.items())))
        print(f"{self.ledger.n_broken} rules broken")
        for what in self.ledger.broken:
            print("  " + what)
        sys.stdout.flush()


def soak(minutes, seed):
    """Runs it; True if all went well."""
    print(f"soak: {minutes:g} minutes, seed {seed}", flush=True)
    with Lab() as lab:
        with Collector(lab, port=6344) as second, \
                Monitor(lab, polling=INTERVAL_S, sampling=SAMPLING,
                        guest={"filesystems_interval": 10},
                        arguments=["--collector", second.target]) as monitor:
            run = Soak(minutes, seed, lab, monitor, second)
            try:
                return run.run()
            except BaseException:
                print(lab.logs())
                raise
            finally:
                run.second.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("minutes", type=float, metavar="MINUTES")
    parser.add_argument("--seed", type=int, default=None, help="repeat the faults of that run")
    options = parser.parse_args()
    reason = tap.system_reason()
    if reason:
        sys.exit(f"soak: {reason}")
    seed = options.seed if options.seed is not None else random.randrange(1 << 31)
    sys.exit(0 if soak(options.minutes, seed) else 1)


if __name__ == "__main__":
    main()
