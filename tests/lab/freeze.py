# SPDX-License-Identifier: GPL-2.0-or-later
"""A thread that hangs: stopped by ptrace, alone, while the others of its process run on."""

import ctypes
import os

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_ALL_THREADS = 0x40000000  # __WALL
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request, thread):
    if _libc.ptrace(request, thread, None, None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace of thread {thread}: {os.strerror(number)}")


class Frozen:
    """    with Frozen(pid): ...

    Stops the main thread of that process (its PID from outside the lab). A kill ends the
    process all the same. To be left by the thread that entered it."""

    def __init__(self, pid):
        self._pid = pid

    def __enter__(self):
        _ptrace(_SEIZE, self._pid)
        _ptrace(_INTERRUPT, self._pid)
        os.waitpid(self._pid, _ALL_THREADS)
        return self

    def __exit__(self, *_):
        try:
            _ptrace(_DETACH, self._pid)
        except OSError:
            # It was killed meanwhile. Its end is told to us first, then to its parent.
            os.waitpid(self._pid, _ALL_THREADS)
