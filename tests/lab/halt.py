# SPDX-License-Identifier: GPL-2.0-or-later
"""A QEMU that hangs although its process looks well: its main thread, which serves the
monitor, is made to call pause() where it waited for something to do. On x86-64."""

import ctypes
import os
import platform
import time

import tap

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long
_SEIZE, _INTERRUPT, _DETACH, _GETREGS, _SETREGS = 0x4206, 0x4207, 17, 12, 13
_WALL = 0x40000000
_RAX, _ORIG_RAX, _RIP = 10, 15, 16  # words of struct user_regs_struct
_POLL, _PPOLL, _PAUSE, _EINTR = 7, 271, 34, 4
_SYSCALL_SIZE = 2                   # of the instruction that rip stands behind
_NONE = 2**64 - 1


def _ptrace(request, pid, data=None):
    if _libc.ptrace(request, pid, None, data) != 0:
        raise OSError(ctypes.get_errno(), f"ptrace of {pid}")


class _Held:
    """    with _Held(pid) as registers: the thread stands, and goes on with them."""

    def __init__(self, pid):
        self._pid = pid
        self._registers = (ctypes.c_uint64 * 27)()

    def __enter__(self):
        _ptrace(_SEIZE, self._pid)
        _ptrace(_INTERRUPT, self._pid)
        os.waitpid(self._pid, _WALL)
        _ptrace(_GETREGS, self._pid, ctypes.byref(self._registers))
        return self._registers

    def __exit__(self, *_):
        _ptrace(_SETREGS, self._pid, ctypes.byref(self._registers))
        _ptrace(_DETACH, self._pid)


class Hung:
    """The QEMU with that PID hangs until end(). Both from the same thread, as ptrace wants."""

    def __init__(self, pid):
        if platform.machine() != "x86_64":
            tap.skip("registers of x86-64")
        self._pid, self._saved = pid, None
        deadline = time.monotonic() + 20
        while not self._halt():
            assert time.monotonic() < deadline, f"{pid} never waits"
            time.sleep(0.02)

    def _halt(self):
        with _Held(self._pid) as registers:
            if registers[_ORIG_RAX] not in (_POLL, _PPOLL):
                return False
            self._saved = list(registers)
            registers[_RAX], registers[_ORIG_RAX] = _PAUSE, _NONE
            registers[_RIP] -= _SYSCALL_SIZE
        return True

    def end(self):
        """Its wait was interrupted, for all that it knows."""
        if self._saved is None:
            return
        with _Held(self._pid) as registers:
            registers[:] = self._saved
            registers[_RAX], registers[_ORIG_RAX] = 2**64 - _EINTR, _NONE
        self._saved = None
