# SPDX-License-Identifier: GPL-2.0-or-later
"""No agent answers: something has each guest's port open and says nothing. Two daemons
watch the same VMs, of which one asks agents and the other does not."""

import os
import time

import lab as labs
import tap
import watch
from monitor import Monitor
from truth import INTERVAL_S, TURN_S

N = 10 if os.environ.get("VSF_LONG") else 5  # one more than conversations at a time, at least
CONVERSATIONS = 4
TIMEOUT_S = 10   # until an agent's silence is a failure
POLLING = 1
MEASURED_S = 12
# More than the machine's own: two daemons do not see the same. Who waited for an agent
# would be later by seconds, and by each turn's deadline at the least.
DELAY_S = {0.5: 0.2, 0.99: 0.5}
KNOWN = {"0:2101": ["state", "cpuTime", "nrVirtCpu"], "0:2102": ["maxMemory"],
         "0:2103": ["capacity", "allocation", "rd_bytes", "wr_bytes"],
         "0:2104": ["bytes_in", "bytes_out"]}


def lab():
    return tap.fixture(labs.Lab)


def asking():
    return tap.fixture(make_asking)


def make_asking():
    return Monitor(lab(), name="asking", sampling=0, polling=POLLING, start=False,
                   guest={"filesystems_interval": INTERVAL_S})


def silent():
    return tap.fixture(make_silent)


def make_silent():
    return Monitor(lab(), name="silent", port=6344, sampling=0, polling=POLLING, start=False,
                   guest={"agent": "off"})


def make_guests():
    guests = [lab().define_guest(f"mute{number}", memory=96, arguments="vsf.agent=hang")
              for number in range(N)]
    for domain in guests:
        domain.start(wait=False)
        tap.on_exit(domain.destroy)
    for domain in guests:
        domain.wait_agent_state("connected", 120)
    return guests


def gaps(monitor, guests, since):
    """Between samples of one VM, of all VMs; each sample with the host's numbers."""
    found = []
    for domain in guests:
        samples = monitor.collector.vm(domain.uuid, since)
        for sample in samples:
            unknown = [name for record, names in KNOWN.items() for name in names
                       if sample.record(record)[name] is None]
            tap.equal(unknown, [], f"{monitor.name}: {domain.name}: unknown")
        found += [later.time - sooner.time for sooner, later in zip(samples, samples[1:])]
        watch.consecutive(samples, domain.name)
    return found


def test_all_silent():
    """All agents are silent: each is asked, four at a time, and no number of the host's is
    later than with a daemon that asks none"""
    guests = make_guests()
    for monitor in (silent(), asking()):
        monitor.start()
        monitor.wait_connected()
    for domain in guests:
        for monitor in (silent(), asking()):
            monitor.vm_records(domain.uuid, time.time())
    began, running = time.time(), []
    deadline = time.monotonic() + TURN_S + (N / CONVERSATIONS + 1) * TIMEOUT_S
    while True:
        status = asking().status()
        running.append(status["agents"]["running"])
        states = {vm["name"]: vm["agent"]["state"] for vm in status["vms"]}
        if set(states.values()) == {"failing"}:
            break
        assert time.monotonic() < deadline, states
        time.sleep(0.2)
    time.sleep(max(0, began + MEASURED_S - time.time()))
    took = time.time() - began
    tap.between(max(running), 1, CONVERSATIONS, "conversations at a time")
    mine, others = gaps(asking(), guests, began), gaps(silent(), guests, began)
    for name, values in (("asking", mine), ("asking none", others)):
        tap.diagnostics(f"{name}: {len(values)} samples in {took:.0f} s; between two p50 "
                        f"{watch.percentile(values, 0.5):.2f} s, p99 "
                        f"{watch.percentile(values, 0.99):.2f} s, longest {max(values):.2f} s")
    for share, limit in DELAY_S.items():
        late = watch.percentile(mine, share) - watch.percentile(others, share)
        assert late < limit, f"p{share * 100:.0f} is {late:.2f} s later"
    assert max(mine) < POLLING + 1, sorted(mine)[-5:]
    asking().collector.check()


if __name__ == "__main__":
    tap.main(globals(), system=True)
