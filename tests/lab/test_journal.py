# SPDX-License-Identifier: GPL-2.0-or-later
"""Events in a real journal: asked for by VM and collector, without a word of the text."""

import json
import os
import time

import lab as labs
import tap
from monitor import Monitor

JOURNALD = "/lib/systemd/systemd-journald"
# It ends without cgroups, which the lab has none of.
START = f"mount -t cgroup2 none /sys/fs/cgroup || mount -t tmpfs none /sys/fs/cgroup; exec {JOURNALD}"
REFUSES = "127.0.0.1:9"
STARTED, ENDED = "eb7882f9c4784e99be7f3ed3b2bb90bc", "94acd17b91ca4b34806c36aeb03c4495"
FAILING = "448df366e61c4f288e1dc22ff899d710"


def lab():
    return tap.fixture(labs.Lab)


def monitor():
    """A daemon whose stderr is the journal's stream, as under systemd."""
    found = getattr(monitor, "made", None)
    if found is None:
        tap.need(JOURNALD, "systemd-cat", "journalctl")
        os.makedirs(lab().path("run", "systemd/journal"), exist_ok=True)
        lab().wait_socket("systemd/journal/stdout", lab().daemon(
            "journald", ["unshare", "--mount", "sh", "-c", START]))
        found = monitor.made = tap.fixture(
            lambda: Monitor(lab(), polling=1, start=False, prepare=["systemd-cat"],
                            arguments=["--collector", REFUSES]))
        found.start(wait=False)
        deadline = time.monotonic() + 20
        while not os.path.exists(lab().path("run", "virt-sflowd/control")):
            assert time.monotonic() < deadline, "no control socket"
            time.sleep(0.05)
        found.wait_connected()
    return found


def entries(*matches, wanted=1, timeout=20):
    """The journal's entries with these fields, once there are so many."""
    deadline = time.monotonic() + timeout
    while True:
        shown = lab().run(["journalctl", "--directory=/run/log/journal", "-q", "-o", "json",
                           *matches]).stdout
        found = [json.loads(line) for line in shown.splitlines()]
        if len(found) >= wanted:
            return found
        assert time.monotonic() < deadline, f"{matches}: {found}\n" + lab().run(
            "journalctl --directory=/run/log/journal -n 20").stdout
        time.sleep(0.2)


def test_vm():
    """A VM's events are found by its UUID and by its name, whatever that holds"""
    monitor()
    name = "a b=$(x)"
    domain = lab().define_tiny(name, nics=[])
    tap.on_exit(lambda: lab().virsh("undefine", name))
    domain.start(paused=True)
    began, = entries(f"VSF_DOMAIN_UUID={domain.uuid}")
    tap.equal((began["MESSAGE_ID"], began["VSF_DOMAIN"], began["PRIORITY"]), (STARTED, name, "6"))
    tap.equal(began["SYSLOG_IDENTIFIER"], "virt-sflowd")
    domain.destroy()
    tap.equal([entry["MESSAGE_ID"] for entry in entries(f"VSF_DOMAIN={name}", wanted=2)],
              [STARTED, ENDED])


def test_collector():
    """A collector that refuses is found by its name, as a warning of its kind"""
    monitor()
    entry = entries(f"VSF_COLLECTOR={REFUSES}", f"MESSAGE_ID={FAILING}")[0]
    tap.equal((entry["PRIORITY"], entry.get("VSF_DOMAIN")), ("4", None))


if __name__ == "__main__":
    tap.main(globals(), system=True)
