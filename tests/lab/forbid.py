# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a command that may not use bpf(2), by a real seccomp filter:

    forbid.py bpf|bpf-links CODE COMMAND...

bpf: each call of bpf(2) answers CODE, the number of an error. bpf-links: only BPF_LINK_CREATE
does, which is a fake of a kernel that knows no tcx: that one knows no other thing of it either,
but of the daemon's calls no other shows that."""

import ctypes
import os
import platform
import struct
import sys

SYS_BPF = {"x86_64": 321, "aarch64": 280}
BPF_LINK_CREATE = 28
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7fff0000, 0x00050000
NUMBER, FIRST_ARGUMENT = 0, 16  # offsets in struct seccomp_data


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def forbid(what, code):
    steps = [(LOAD, 0, 0, NUMBER), (JUMP_IF_EQUAL, 1, 0, SYS_BPF[platform.machine()]),
             (RETURN, 0, 0, ALLOW)]
    if what == "bpf-links":
        steps += [(LOAD, 0, 0, FIRST_ARGUMENT), (JUMP_IF_EQUAL, 1, 0, BPF_LINK_CREATE),
                  (RETURN, 0, 0, ALLOW)]
    steps.append((RETURN, 0, 0, ERRNO | code))
    program = Program(len(steps), b"".join(struct.pack("HBBI", *step) for step in steps))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
                      (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    forbid(sys.argv[1], int(sys.argv[2]))
    os.execvp(sys.argv[3], sys.argv[3:])
