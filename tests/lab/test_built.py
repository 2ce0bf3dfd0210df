# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands that run in namespaces of their own end as they are told to, whatever they do."""

import os
import tempfile
from unittest import mock

import built
import tap


def need_root():
    if os.geteuid() != 0:
        tap.skip("needs root, to make namespaces")
    tap.need("unshare")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return file.read().split()


def wait(question):
    while not question():
        pass


def test_end():
    """What is ended is gone, with all that is inside"""
    need_root()
    running = built.Running(["sleep", "1000"])
    process = running._process
    wait(lambda: children(process.pid))
    inside = int(children(process.pid)[0])
    running.end()
    assert process.returncode != 0, process.returncode
    assert not os.path.exists(f"/proc/{inside}"), inside


def test_end_meets_the_end():
    """One that ends by itself while it is being ended is no error"""
    need_root()
    kill = os.kill
    with tempfile.TemporaryDirectory() as folder:
        gate = os.path.join(folder, "gate")
        os.mkfifo(gate)
        running = built.Running(["cat", gate])
        process = running._process
        wait(lambda: children(process.pid))

        def late(pid, number):
            with open(gate, "w"):
                pass
            process.wait()
            kill(pid, number)

        with mock.patch.object(built.os, "kill", late):
            running.end()
    tap.equal(process.returncode, 0)


if __name__ == "__main__":
    tap.main(globals())
