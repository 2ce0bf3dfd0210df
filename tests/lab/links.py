# SPDX-License-Identifier: GPL-2.0-or-later
"""The lives of a lab's network interfaces, as the kernel tells them: the truth about which
ifIndex was whose."""

import dataclasses
import socket
import struct
import threading
import time


@dataclasses.dataclass
class Link:
    """A network interface, from its first message to its last."""

    ifindex: int
    mac: str
    names: list          # [(since, name)], seconds since the epoch
    until: float = None  # None: it is there

    @property
    def name(self):
        return self.names[-1][1]


class Links:
    """    with Links(lab) as links: ... links.named("vnet0").ifindex

    The life of every interface of the lab's network namespace, as the kernel tells it. No
    ifIndex comes back within one. A link that is moved to another namespace is gone."""

    _NEW, _DELETE, _GET, _DONE, _ERROR = 16, 17, 18, 3, 2
    _ADDRESS, _NAME = 1, 3
    _GROUP, _DUMP, _RCVBUFFORCE = 1, 0x301, 33

    def __init__(self, lab):
        self._socket = lab.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, self._RCVBUFFORCE, 16 << 20)
        self._socket.bind((0, self._GROUP))
        self._links = {}
        self._past = []
        self._lock = threading.Lock()
        self._dumped = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._socket.send(struct.pack("=IHHIIBBHiII", 32, self._GET, self._DUMP, 1, 0,
                                      0, 0, 0, 0, 0, 0))
        assert self._dumped.wait(20), "the kernel does not list its links"
        return self

    def __exit__(self, *_):
        self._stopping = True
        self._thread.join()
        self._socket.close()

    def all(self, ifindex=None):
        """Every link that there ever was, or the lives of one ifIndex."""
        with self._lock:
            return [link for link in [*self._past, *self._links.values()]
                    if ifindex in (None, link.ifindex)]

    def named(self, name, timeout=10):
        """The link that is called so now, once its message has come."""
        deadline = time.monotonic() + timeout
        while True:
            with self._lock:
                for link in self._links.values():
                    if link.name == name:
                        return link
            assert time.monotonic() < deadline, f"no link {name} within {timeout} s"
            time.sleep(0.01)

    def _read(self):
        self._socket.settimeout(0.1)
        while not self._stopping:
            try:
                data = self._socket.recv(1 << 16)
            except TimeoutError:
                continue
            now = time.time()
            with self._lock:
                while len(data) >= 16:
                    length, kind = struct.unpack_from("=IH", data)
                    self._take(kind, data[16:length], now)
                    data = data[(length + 3) & ~3:]

    def _take(self, kind, body, now):
        if kind in (self._DONE, self._ERROR):
            self._dumped.set()
        # AF_BRIDGE's messages are about ports, not about links.
        if kind not in (self._NEW, self._DELETE) or body[0] != socket.AF_UNSPEC:
            return
        ifindex, = struct.unpack_from("=i", body, 4)
        if kind == self._DELETE:
            link = self._links.pop(ifindex, None)
            if link is not None:
                link.until = now
                self._past.append(link)
            return
        found = dict(_attributes(body[16:]))
        name = found[self._NAME].rstrip(b"\0").decode(errors="surrogateescape")
        mac = found.get(self._ADDRESS, b"").hex(":")
        link = self._links.setdefault(ifindex, Link(ifindex, mac, []))
        link.mac = mac
        if not link.names or link.name != name:
            link.names.append((now, name))


def _attributes(data):
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        yield kind & 0x3fff, data[4:length]
        data = data[(length + 3) & ~3:]
