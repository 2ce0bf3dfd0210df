# SPDX-License-Identifier: GPL-2.0-or-later
"""A memory cgroup of a test, of version 1 or 2, for processes started by it.

    with cgroup.Memory(64 << 20) as memory: memory.add(pid); ... memory.peak()

Unavailable says why there is none: a machine's hierarchy is never changed to make one
possible."""

import os
import tempfile
import time

ROOT = "/sys/fs/cgroup"


class Unavailable(Exception):
    pass


def _own_path(controller):
    """Of this process below the hierarchy's root; controller "" is version 2."""
    with open("/proc/self/cgroup") as file:
        for line in file:
            _, names, path = line.rstrip("\n").split(":", 2)
            if controller in names.split(","):
                return path.lstrip("/")
    return ""


def _words(path):
    try:
        with open(path) as file:
            return file.read().split()
    except OSError:
        return []


def _parent():
    """(folder, version) in which one can be made."""
    version1 = os.path.join(ROOT, "memory")
    if os.path.exists(os.path.join(version1, "memory.limit_in_bytes")):
        own = os.path.join(version1, _own_path("memory"))
        # Inside a container's namespace the path is another's.
        return (own if os.path.isdir(own) else version1), 1
    own = os.path.join(ROOT, _own_path(""))
    for folder in (os.path.dirname(own.rstrip("/")), ROOT):
        if "memory" in _words(os.path.join(folder, "cgroup.subtree_control")):
            return folder, 2
    raise Unavailable("no cgroup in which the memory controller is on for others")


class Memory:
    """At most `limit` bytes, without swap where that can be said."""

    def __init__(self, limit):
        self._limit = limit
        parent, self._version = _parent()
        try:
            self.folder = tempfile.mkdtemp(prefix="virt-sflow-test-", dir=parent)
        except OSError as error:
            raise Unavailable(f"{parent}: {error.strerror}") from None

    def __enter__(self):
        try:
            self._write("memory.limit_in_bytes" if self._version == 1 else "memory.max",
                        self._limit)
        except OSError as error:
            os.rmdir(self.folder)
            raise Unavailable(f"{self.folder}: {error.strerror}") from None
        if os.path.exists(os.path.join(self.folder, "memory.swap.max")):
            self._write("memory.swap.max", 0)
        return self

    def __exit__(self, *_):
        deadline = time.monotonic() + 10
        while True:
            try:
                os.rmdir(self.folder)
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)  # until its processes are gone

    def _write(self, name, value):
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(str(value))

    def _read(self, name):
        with open(os.path.join(self.folder, name)) as file:
            return file.read()

    def add(self, pid):
        self._write("cgroup.procs", pid)

    def processes(self):
        return [int(word) for word in self._read("cgroup.procs").split()]

    def peak(self):
        """Bytes, the most so far; None before Linux 5.19 with version 2."""
        name = "memory.max_usage_in_bytes" if self._version == 1 else "memory.peak"
        return int(self._read(name)) if os.path.exists(os.path.join(self.folder, name)) else None

    def now(self):
        return int(self._read("memory.usage_in_bytes" if self._version == 1
                              else "memory.current"))

    def kills(self):
        """Processes ended for lack of memory."""
        text = self._read("memory.oom_control" if self._version == 1 else "memory.events")
        return int(dict(line.split() for line in text.splitlines())["oom_kill"])
