# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs on a terminal that a test made: its session is the number of the process that leads
it. A program that is still at its end while its terminal goes away gets SIGCONT, which takes the
stop from it that a leak checker waits for, for ever; so programs end first."""

import os
import signal
import time

PATIENCE_S = 60


def members(leader, program=None):
    """The processes of that session, of @program (a path) alone if given. A zombie is none."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                # The name in brackets may hold anything.
                state, _, _, session = file.read().rpartition(")")[2].split()[:4]
            if int(session) == leader and state not in "ZX" and (
                    program is None or os.path.samefile(f"/proc/{name}/exe", program)):
                found.append(int(name))
        except OSError:
            pass  # gone meanwhile
    return found


def _signal(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def _are_gone(leader, program):
    deadline = time.monotonic() + PATIENCE_S
    while members(leader, program):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def end(leader, program, close):
    """Ends the session's processes of @program, has close() take the terminal away, and looks that
    nothing is left; what is left ends, and is an error."""
    left = []
    _signal(members(leader, program), signal.SIGTERM)
    try:
        if not _are_gone(leader, program):
            left += members(leader, program)
            _signal(left, signal.SIGKILL)
    finally:
        close()
    if not _are_gone(leader, None):
        left += members(leader)
        _signal(members(leader), signal.SIGKILL)
    if left:
        raise AssertionError(f"still there when all had to be over: {sorted(set(left))}")
