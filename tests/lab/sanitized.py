# SPDX-License-Identifier: GPL-2.0-or-later
"""What a build with a sanitizer cannot keep, since the sanitizer itself takes memory:
the one place that knows. tests/sanitize sets VSF_SANITIZER; without it every bound
counts."""

import os

IS_ON = bool(os.environ.get("VSF_SANITIZER"))


def memory(bound, instead=float("inf")):
    """A bound on the daemon's memory, or `instead` of it under a sanitizer."""
    return instead if IS_ON else bound
