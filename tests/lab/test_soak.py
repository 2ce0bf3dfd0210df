# SPDX-License-Identifier: GPL-2.0-or-later
"""The soak as a test: VSF_SOAK_MINUTES of it (10), with VSF_SOAK_SEED if given."""

import contextlib
import io
import os
import random

import soak
import tap


def test_soak():
    """Churn, traffic and one random fault after the other: nothing is lost, late, another's
    or leaked"""
    seed = int(os.environ.get("VSF_SOAK_SEED", random.randrange(1 << 31)))
    said = io.StringIO()
    try:
        # Its lines are no TAP.
        with contextlib.redirect_stdout(said):
            good = soak.soak(float(os.environ.get("VSF_SOAK_MINUTES", "10")), seed)
    finally:
        tap.diagnostics(said.getvalue())
    assert good, f"rules were broken, seed {seed}"


if __name__ == "__main__":
    tap.main(globals(), system=True)
