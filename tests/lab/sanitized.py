# SPDX-License-Identifier: GPL-2.0-or-later
"""What a build with a sanitizer cannot keep, since the sanitizer itself takes memory and
time: the one place that knows. tests/sanitize sets VSF_SANITIZER; without it every bound
counts."""

import os
import re
import subprocess

IS_ON = bool(os.environ.get("VSF_SANITIZER"))


def memory(bound, instead=float("inf")):
    """A bound on the daemon's memory, or `instead` of it under a sanitizer."""
    return instead if IS_ON else bound


def fleet(daemons, peak):
    """So many daemons at once and how uneven they may be: few, which are never even, under a
    sanitizer, since hundreds take more of the machine than it has."""
    return (60, float("inf")) if IS_ON else (daemons, peak)


def sandbox():
    """Lines for the unit of a daemon whose leaks cannot be looked for, as nobody may trace it."""
    return "Environment=ASAN_OPTIONS=detect_leaks=0\n" if IS_ON else ""


def preload(program, library):
    """LD_PRELOAD of a library for a program, whose sanitizer wants to be the first."""
    if not IS_ON:
        return library
    said = subprocess.run(["ldd", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    return ":".join(re.findall(r"lib[a-z]san\.so\S* => (\S+)", said) + [library])
