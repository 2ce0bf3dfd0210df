# SPDX-License-Identifier: GPL-2.0-or-later
"""An sFlow collector inside a lab: keeps every datagram with the time the
kernel received it, and decodes it with the oracle."""

import dataclasses
import socket
import struct
import threading
import time

import oracle

_SO_TIMESTAMPNS = 35   # neither constant is in Python's socket module
_SO_RCVBUFFORCE = 33

_ROUND_S = 2  # samples of one source so close to each other are of one round


def _plain(uuid):
    return str(uuid).replace("-", "").lower()


@dataclasses.dataclass
class Datagram:
    time: float      # seconds since the epoch, by the kernel's clock at arrival
    raw: bytes
    sender: tuple
    content: dict    # None when malformed: then Collector.malformed says why


@dataclasses.dataclass
class Sample:
    time: float
    datagram: Datagram
    content: dict    # what the oracle made of it

    def record(self, format):
        return oracle.record(self.content, format)


class Collector:
    """    with Collector(lab) as collector: ... collector.target is HOST:PORT.

    A thread reads, so datagrams() may be asked at any time. Datagrams that the
    oracle refuses are in `malformed`; check() raises for the first of them. `decode=False`
    keeps the bytes alone (content None), where so many come that the decoder would be in
    the way of their senders."""

    def __init__(self, lab, address="127.0.0.1", port=6343, decode=True):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = lab.socket(family, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 64 << 20)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind((address, port))
        self.port = self._socket.getsockname()[1]
        self.target = f"[{address}]:{self.port}" if ":" in address else f"{address}:{self.port}"
        self.malformed = []
        self._decode = decode
        self._datagrams = []
        self._changed = threading.Condition(threading.RLock())  # wait() asks inside
        self._stopping = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._stopping = True
        self._thread.join()
        self._socket.close()

    def _read(self):
        self._socket.settimeout(0.1)
        while not self._stopping:
            try:
                raw, ancillary, _, sender = self._socket.recvmsg(65536, 64)
            except TimeoutError:
                continue
            arrival = time.time()
            for level, kind, data in ancillary:
                if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                    seconds, nanoseconds = struct.unpack("@qq", data[:16])
                    arrival = seconds + nanoseconds / 1e9
            content = None
            try:
                content = oracle.decode(raw) if self._decode else None
            except oracle.Malformed as error:
                self.malformed.append((str(error), raw))
            with self._changed:
                self._datagrams.append(Datagram(arrival, raw, sender, content))
                self._changed.notify_all()

    def check(self):
        if self.malformed:
            error, raw = self.malformed[0]
            raise AssertionError(f"malformed datagram: {error}: {raw.hex()}")

    def datagrams(self):
        with self._changed:
            return list(self._datagrams)

    def take(self):
        """datagrams() and clear(), none lost in between: for who listens for long."""
        with self._changed:
            taken, self._datagrams = self._datagrams, []
            return taken

    def clear(self):
        with self._changed:
            self._datagrams.clear()

    def samples(self, format=None, source=None, since=0):
        """Samples in order of arrival; format "0:3" or "0:4", source "3:200001"."""
        return [Sample(datagram.time, datagram, content)
                for datagram in self.datagrams() if datagram.content and datagram.time >= since
                for content in datagram.content["samples"]
                if format in (None, content["format"])
                and source in (None, content.get("source"))]

    def flows(self, ifindex=None, since=0):
        return self.samples("0:3", None if ifindex is None else f"0:{ifindex}", since)

    def vm(self, uuid, since=0):
        """Counter samples of the VM with that UUID."""
        wanted = _plain(uuid)
        found = []
        for sample in self.samples("0:4", since=since):
            descr = sample.record("0:2000")
            if descr and descr["uuid"] == wanted and sample.content["source"].startswith("3:"):
                found.append(sample)
        return found

    def metrics(self, uuid, since=0):
        """Custom-metrics samples of the source with that UUID: content["metrics"] is a list
        of {"name", "type", "value"}."""
        wanted = _plain(uuid)
        return [sample for sample in self.samples("4300:1002", since=since)
                if _plain(sample.content["name"]) == wanted]

    def newest_metrics(self, uuid, since=0):
        """The newest round as one dict, name -> value (None: unknown); {} before the first.
        One round may be several samples, in several datagrams."""
        samples = self.metrics(uuid, since)
        return {entry["name"]: entry["value"] for sample in samples
                if samples[-1].time - sample.time <= _ROUND_S
                for entry in sample.content["metrics"]}

    def wait(self, question, timeout=30, what="the awaited sample"):
        """Until question() is true; returns what it returned."""
        deadline = time.monotonic() + timeout
        while True:
            with self._changed:
                # Asked before waiting, and woken by each datagram.
                answer = question()
                if answer:
                    return answer
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"{what}: not within {timeout} s; {self.logs()}")
                self._changed.wait(min(left, 0.5))

    def logs(self):
        """For diagnostics: what arrived, in short."""
        lines = [f"{len(self._datagrams)} datagrams, {len(self.malformed)} malformed"]
        for sample in self.samples()[-8:]:
            formats = [entry["format"] for entry in sample.content.get("records", [])]
            lines.append(f"{sample.time:.3f} {sample.content['format']} "
                         f"{sample.content.get('source')} {formats}")
        return "\n".join(lines)
