# SPDX-License-Identifier: GPL-2.0-or-later
"""The real daemon restarted beside several VMs: their counter samples keep their place in time."""

import socket
import tempfile
import time
import uuid

import started
from started import Daemon, tap
from collector import Collector

POLLING_S = 3
NEAR_S = 0.3  # a third of a slot
ROUNDS = 3
UUIDS = [f"{number:08x}-5c1e-4d5f-9a00-{number * 40503:012x}" for number in range(1, 13)]
DOMAIN = ("<domain type='test' id='{0}'><name>vm{0}</name><uuid>{1}</uuid><memory>65536</memory>"
          "<vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os></domain>")
NODE = "<node>" + "".join(DOMAIN.format(number, uuid)
                          for number, uuid in enumerate(UUIDS, 1)) + "</node>"


class Here:
    """What Collector wants of a lab."""

    socket = staticmethod(socket.socket)
    logs = staticmethod(str)


def times(collector, since):
    """VM -> when its samples came, once each has had ROUNDS turns."""
    return collector.wait(
        lambda: (found := {vm: [sample.time for sample in collector.vm(vm, since)]
                           for vm in UUIDS}) and
        all(len(of_vm) >= ROUNDS for of_vm in found.values()) and found,
        started.PATIENCE_S, "samples of all VMs")


def apart(one, other):
    """Of two phases."""
    away = abs(one - other) % POLLING_S
    return min(away, POLLING_S - away)


def has_uuid(path):
    try:
        with open(path, encoding="ascii") as file:
            return len(set(uuid.UUID(file.read().strip()).hex)) > 1
    except (OSError, ValueError):
        return False


def run(uri, collector):
    """times() of a daemon's life."""
    since = time.time()
    with Daemon(f"[sflow]\npolling = {POLLING_S}\n", uri=uri):
        return times(collector, since)


def test_restart():
    """over a restart each VM's samples stay on the grid that they were on"""
    if not any(map(has_uuid, ("/sys/class/dmi/id/product_uuid", "/etc/machine-id"))):
        tap.skip("a host without identity: its phases are random")
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as node, \
            Collector(Here(), port=6399) as collector:
        node.write(NODE)
        node.flush()
        before, after = (run(f"test://{node.name}", collector) for _ in range(2))
        collector.check()
    # Where the machine is busy some are late: of each VM one of each run is not.
    worst = max(min(apart(one, other) for one in before[vm] for other in after[vm])
                for vm in UUIDS)
    tap.diagnostics(f"at most {worst:.3f} s apart, of {POLLING_S} s")
    assert worst < NEAR_S, (before, after)
    # Else any phase would be the same.
    assert max(apart(min(after[one]), min(after[other])) for one in UUIDS
               for other in UUIDS) > 2 * NEAR_S, after


if __name__ == "__main__":
    started.main(globals())
