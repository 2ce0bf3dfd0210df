# SPDX-License-Identifier: GPL-2.0-or-later
"""What benchmarks of a whole daemon share: the daemon as it runs in earnest, and a program
that measures with one number of VMs after another."""

import argparse
import json

import lab as labs
import measure
import tap
from monitor import Monitor

SKIPPED = 77


class Quiet(Monitor):
    """Without --debug."""

    def start(self, wait=True):
        self.process = self.lab.daemon(self.name, [
            self.program("virt-sflowd"), "--config", self.config,
            "--collector", self.collector.target,
            "--runtime-dir", self.runtime, "--state-dir", self.state, *self._arguments])
        if wait:
            self.wait_log("started")


def main(doc, numbers, make_lab, bench, name, goals, add_options=None):
    """bench(lab, VMs) for each number, `numbers` unless the command line has others; the
    results, as `name`, in the JSON file that it asks for. Returns them, or None if it cannot
    run here, which was printed. `add_options` adds to the command line, and returns what takes
    its options."""
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    parser.add_argument("--json", help="file to write")
    parser.add_argument("--vms", type=int, action="append", help="number of VMs")
    take_options = add_options(parser) if add_options else None
    options = parser.parse_args()
    if take_options:
        take_options(options)
    reason = tap.system_reason()
    if reason:
        print("skipped:", reason)
        return None
    results = []
    for count in options.vms or numbers:
        with make_lab() as lab:
            machine = measure.machine(lab.accelerator, labs.build_folder())
            results.append(bench(lab, count))
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"machine": machine, "goals": goals, name: results}, file, indent=2)
    return results
