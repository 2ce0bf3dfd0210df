# SPDX-License-Identifier: GPL-2.0-or-later
"""virt-sflowd with a clock that a test sets, by libfaketime, in the daemon alone: the kernel's own
clock stays."""

import os

import sanitized
import tap
from monitor import Monitor


def library():
    """libfaketime's, for programs with threads."""
    for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"):
        path = os.path.join(folder, "faketime", "libfaketimeMT.so.1")
        if os.path.exists(path):
            return path
    return tap.skip("not installed: libfaketime")


class Faked(Monitor):
    """A daemon whose clock goes by a file that set_clock() writes: the wall clock, with
    `monotonic` that one as well. `settings` are Monitor's."""

    def __init__(self, lab, name, port, monotonic=False, environment=None, **settings):
        self.file = os.path.join(lab.folder, name + ".clock")
        self.offset_s = 0
        self.set_clock(0)
        # The fake does not reach the kernel, whose monotonic clock eBPF stamps packets by.
        capture = {"backend": "pcap"} if monotonic else None
        super().__init__(lab, name=name, port=port, capture=capture, environment={
            "LD_PRELOAD": sanitized.preload(self.program("virt-sflowd"), library()),
            "FAKETIME_TIMESTAMP_FILE": self.file,
            "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": str(int(not monotonic)),
            **(environment or {})}, **settings)

    def set_clock(self, offset_s):
        """In one step, since it is read at any time."""
        self.offset_s = offset_s
        with open(self.file + ".new", "w") as file:
            file.write(f"{offset_s:+d}\n")
        os.replace(self.file + ".new", self.file)

    def hurry(self, seconds):
        """As if so much time had passed, in which the daemon slept."""
        self.set_clock(self.offset_s + seconds)
