# SPDX-License-Identifier: GPL-2.0-or-later
"""Keeps account of what a daemon sent over a long time: what was expected, what came,
what was lost, how late, and every rule that was broken. Decoded datagrams in, numbers
out; nothing here runs anything."""

import collections
import dataclasses

BROKEN_MAX = 50  # rules broken that are kept in words


def percentile(values, share):
    """By the nearest rank; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


@dataclasses.dataclass
class Life:
    """From a VM's start to its end. `macs`: of all NICs that it may have; `n_nics`: of those
    that it had all the time."""

    uuid: str
    macs: tuple
    since: float
    until: float = None
    n_nics: int = 0


class Kind:
    """The account of one kind of samples."""

    def __init__(self):
        self.came = self.lost = 0
        self.expected = 0.0
        self.late = []  # seconds beyond the interval, one a sample that has one before it

    @property
    def sent(self):
        return self.came + self.lost


class Ledger:
    """`interval` of the counter samples in seconds. add() takes datagrams in order of
    arrival; lives and the times at which the daemon was down are told when they are known."""

    def __init__(self, interval):
        self.interval = interval
        self.kinds = {"vm": Kind(), "interface": Kind(), "host": Kind(), "flow": Kind()}
        self.datagrams = self.datagrams_lost = 0
        self.broken = []
        self.n_broken = 0
        self.down = []          # (since, until): no daemon
        self.lives = []
        self._last_datagram = None
        self._last = {}         # (format, source) -> (time, sequence)
        self._pools = {}        # source -> (pool, rate)
        self._uuids = {}        # source "3:INDEX" -> uuid
        self._indexes = {}      # uuid -> source
        self._ports = {}        # ifIndex -> guest's MAC
        self._seen = collections.defaultdict(list)  # uuid -> times of its counter samples

    def fail(self, what):
        self.n_broken += 1
        if len(self.broken) < BROKEN_MAX:
            self.broken.append(what)

    # ------------------------------------------------------------ what came

    def add(self, time, content):
        """One datagram as the oracle decoded it."""
        self._count_datagram(time, content["sequence"])
        for sample in content["samples"]:
            if sample["format"] == "0:4":
                self._add_counters(time, sample)
            elif sample["format"] == "0:3":
                self._add_flow(time, sample)

    def _count_datagram(self, time, number):
        self.datagrams += 1
        if number != 1 and self._last_datagram is not None:
            lost = number - self._last_datagram - 1
            if lost < 0:
                self.fail(f"{time:.1f}: datagram {number} after {self._last_datagram}")
            self.datagrams_lost += max(0, lost)
        elif number == 1:
            self._last.clear()  # another daemon: its sequences are its own
            self._pools.clear()
        self._last_datagram = number

    def _follow(self, kind, key, time, number):
        """The sample before, (time, sequence), if this one follows it; counts what is missing."""
        before = self._last.get(key)
        self._last[key] = (time, number)
        kind.came += 1
        if before is None or number == 1:
            return None
        if number <= before[1]:
            self.fail(f"{time:.1f}: {key[1]}: sequence {number} after {before[1]}")
            return None
        kind.lost += number - before[1] - 1
        return before

    def _add_counters(self, time, sample):
        source = sample["source"]
        name = {"3": "vm", "0": "interface", "2": "host"}[source[0]]
        kind = self.kinds[name]
        before = self._follow(kind, ("0:4", source), time, sample["sequence"])
        if before is not None and before[1] == sample["sequence"] - 1:
            kind.late.append(max(0.0, time - before[0] - self.interval))
        if name == "vm":
            self._check_vm(time, source, {entry["format"]: entry for entry in sample["records"]})

    def _check_vm(self, time, source, records):
        uuid = records["0:2000"]["uuid"]
        self._seen[uuid].append(time)
        if self._uuids.setdefault(source, uuid) != uuid:
            self.fail(f"{time:.1f}: {source} is {uuid} and {self._uuids[source]}")
        if self._indexes.setdefault(uuid, source) != source:
            self.fail(f"{time:.1f}: {uuid} is {source} and {self._indexes[uuid]}")
        for adapter in records.get("0:2001", {"adapters": []})["adapters"]:
            mac, ifindex = adapter["macs"][0], adapter["ifIndex"]
            # The kernel gives an index to one interface alone, and each MAC is one NIC's.
            if ifindex and self._ports.setdefault(ifindex, mac) != mac:
                self.fail(f"{time:.1f}: ifIndex {ifindex} is {mac} and {self._ports[ifindex]}")

    def _add_flow(self, time, sample):
        kind, source = self.kinds["flow"], sample["source"]
        self._follow(kind, ("0:3", source), time, sample["sequence"])
        pool, rate = sample["sample_pool"], sample["sampling_rate"]
        before = self._pools.get(source)
        self._pools[source] = (pool, rate)
        if before is None or rate == 0:
            return
        if (pool - before[0]) % (1 << 32) > 1 << 31:
            self.fail(f"{time:.1f}: {source}: pool {pool} after {before[0]}")
        elif before[1] == rate:
            kind.expected += (pool - before[0]) % (1 << 32) / rate
        else:
            kind.expected += 1  # between two rates nobody knows

    # ------------------------------------------------------------ what was to come

    def _up(self, since, until):
        """Pieces of that time in which a daemon ran."""
        pieces = [(since, until)]
        for gone, back in self.down:
            pieces = [piece for first, last in pieces
                      for piece in ((first, min(last, gone)), (max(first, back), last))
                      if piece[1] > piece[0]]
        return pieces

    def due(self, since, until):
        """How many counter samples something has to have, at least, that was there for so
        long: one at once, and each whole interval one."""
        return sum(1 + int((last - first) / self.interval)
                   for first, last in self._up(since, until) if last - first >= self.interval)

    def _macs_checked(self):
        allowed = collections.defaultdict(set)
        for life in self.lives:
            allowed[life.uuid].update(life.macs)
        for source, uuid in self._uuids.items():
            if uuid not in allowed:
                self.fail(f"{source}: no VM has the UUID {uuid}")
        known = set().union(*allowed.values()) if allowed else set()
        for ifindex, mac in self._ports.items():
            if mac not in known:
                self.fail(f"ifIndex {ifindex}: no VM has the MAC {mac}")

    def close(self, since, until, patience=5.0, linger=5.0):
        """The end: what was due from `since` to `until`. `patience`: seconds until a VM must
        have been seen; `linger`: until nothing of one that ended may come."""
        self.kinds["host"].expected = self.due(since, until)
        for life in self.lives:
            end = until if life.until is None else life.until
            due = self.due(life.since, end)
            self.kinds["vm"].expected += due
            self.kinds["interface"].expected += due * life.n_nics
            seen = [time for time in self._seen[life.uuid] if life.since - 1 <= time]
            for first, last in self._up(life.since, end):
                if last - first >= patience and not any(
                        first - 1 <= time <= last + linger for time in seen):
                    self.fail(f"{life.uuid}: no sample from {first:.1f} to {last:.1f}")
            if life.until is not None and seen and max(seen) > life.until + linger:
                self.fail(f"{life.uuid}: a sample {max(seen) - life.until:.1f} s after its end")
        self._macs_checked()

    # ------------------------------------------------------------ the table

    def rows(self):
        """One list of texts for each kind, under HEAD."""
        rows = []
        for name, kind in self.kinds.items():
            late = [f"{percentile(kind.late, 0.5):.2f}", f"{percentile(kind.late, 0.99):.2f}",
                    f"{max(kind.late, default=0.0):.2f}"] if name != "flow" else ["-"] * 3
            rows.append([name, f"{kind.expected:.0f}", str(kind.sent), str(kind.lost), *late])
        return rows


HEAD = ["SAMPLES", "EXPECTED", "SENT", "LOST", "LATE P50", "P99", "MAX s"]
