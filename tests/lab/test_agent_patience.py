# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest whose agent is late, silent, or slow on purpose. That harms neither the daemon nor
another VM, and it is left alone."""

import time

import hostile
import tap
from hostile_world import (FRESH_S, ask, check_afterwards, check_vm, monitor, next_metrics, refused,
                           status_vm, world)
from truth import INTERVAL_S, TURN_S

SLOW_TURNS = 3  # until it is left alone
REST = 20       # for each second past the first that it took, it is not asked for so many


def test_late():
    """A reply that comes after the time for it is a failure of the agent, not of libvirt"""
    refused("late")


def test_silent():
    """So is none at all; what such a guest said a minute ago is not told any more"""
    refused("silent")
    vm = monitor().wait_vm(world().hurt.domain, lambda vm: vm["disk"]["why"] == "no-reply" and vm,
                           FRESH_S + 5, "numbers that are too old")
    tap.equal((vm["disk"]["bytes"], vm["disk"]["source"]), (None, "agent"))
    check_vm(vm)


# ------------------------------------------------------- left alone

def quarantined():
    """Of the host's agents, as its daemon sends it; None if it has not since now."""
    since = time.time()

    def newest():
        return [entry["value"] for sample in monitor().collector.samples("4300:1002", since=since)
                for entry in sample.content["metrics"] if entry["name"] == "agents_quarantined"]
    return monitor().collector.wait(newest, what="the daemon's own metrics")[-1]


def test_slow():
    """One that was quick and becomes slow answers three times; then it is left alone, which its
    VM and the host say in their samples. When it comes back quick it is asked again"""
    hurt = world().hurt.domain
    ask("good")
    ask("slow")
    tap.equal(quarantined(), 0)
    vm = monitor().wait_vm(hurt, lambda vm: vm["agent"]["state"] == "quarantined" and vm,
                           SLOW_TURNS * (INTERVAL_S + REST * hostile.SLOW_S), "left alone")
    tap.equal(next_metrics(hurt)["agent_state"], "quarantined")
    tap.equal(quarantined(), 1)
    time.sleep(INTERVAL_S + TURN_S - 2)
    tap.equal(status_vm(hurt)["agent"]["requests"], vm["agent"]["requests"], "requests")
    check_vm(status_vm(hurt))
    ask("good")
    tap.equal((next_metrics(hurt)["agent_state"], quarantined()), ("answers", 0))


def test_afterwards():
    """No number was sent that none of them told, and a real agent is believed again; the daemon
    took less than 32 MiB, and its log and its datagrams hold nothing of the guest's but text"""
    check_afterwards()


if __name__ == "__main__":
    tap.main(globals(), system=True)
