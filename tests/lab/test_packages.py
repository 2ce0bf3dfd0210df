# SPDX-License-Identifier: GPL-2.0-or-later
"""packages.sh and the part of ./check that installs, with package managers that
only say what they were asked for."""

import contextlib
import os
import shutil
import subprocess
import tempfile

import tap
from fakes import Fakes

LAB = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(LAB, "../..")


@contextlib.contextmanager
def scratch():
    with tempfile.TemporaryDirectory(dir=os.environ.get("VSF_BUILD")) as folder:
        yield folder


def copy_of_check(folder):
    """A tree of ./check and what it runs by name, so that it builds there."""
    tree = os.path.join(folder, "tree")
    os.makedirs(os.path.join(tree, "tests/lab"))
    shutil.copy(os.path.join(SOURCE, "check"), tree)
    for name in ("packages.sh", "tally.py"):
        shutil.copy(os.path.join(LAB, name), os.path.join(tree, "tests/lab"))
    return os.path.join(tree, "check")


def test_install_fails():
    """./check counts an installation that fails, goes on, and ends with its line"""
    with scratch() as folder:
        fakes = Fakes(folder, id="echo 0", dpkg_query="exit 1", apt_cache="", meson="exit 1",
                      apt_get="echo no network; exit 100")
        done = subprocess.run([copy_of_check(folder), "--quick"], capture_output=True, text=True,
                              env=fakes.environment(CI=""))
        lines = done.stdout.splitlines()
        tap.equal((done.returncode, lines[-1]), (1, "0 passed, 2 failed, 0 skipped"), done.stderr)
        assert "FAILED installing packages (build)" in lines, done.stdout
        assert "no network" in lines, done.stdout
        tap.equal(len(fakes.calls("meson")), 1)


if __name__ == "__main__":
    tap.main(globals())
