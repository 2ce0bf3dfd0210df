# SPDX-License-Identifier: GPL-2.0-or-later
"""What a benchmark asks of a process and of the machine, and how it shows the answers.
Nothing here knows what is measured."""

import json
import math
import os
import platform
import re
import sys
import time

_CPUCLOCK_SCHED = 2


def cpu_ns(pid):
    """CPU time of all threads of the process, ended ones too. /proc/PID/stat counts in
    ticks of 10 ms and schedstat forgets threads that ended: this clock (that of
    clock_getcpuclockid) does neither."""
    return time.clock_gettime_ns((~pid << 3) | _CPUCLOCK_SCHED)


def switches(pid):
    """How often each thread was put on a CPU: {(tid, name): times}."""
    found = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{tid}/schedstat") as file:
                times = int(file.read().split()[2])
            with open(f"/proc/{pid}/task/{tid}/comm") as file:
                found[int(tid), file.read().strip()] = times
        except OSError:
            continue  # it ended meanwhile
    return found


def switches_between(before, after):
    """All threads' sum; those that ended in between are missing."""
    return sum(times - before.get(thread, 0) for thread, times in after.items())


def memory_kib(pid):
    """Resident memory by kind. `rings` are the packet sockets' buffers, which are part
    of what the kernel calls the process's file memory."""
    result = {"rss": 0, "pss": 0, "anonymous": 0, "rings": 0, "files": 0}
    path = ""
    with open(f"/proc/{pid}/smaps") as file:
        for line in file:
            key, _, rest = line.partition(":")
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                words = line.split(None, 5)
                path = words[5].strip() if len(words) > 5 else ""
            elif key == "Pss":
                result["pss"] += int(rest.split()[0])
            elif key == "Rss":
                size = int(rest.split()[0])
                result["rss"] += size
                if path.startswith("socket:"):
                    result["rings"] += size
                elif path.startswith("/"):
                    result["files"] += size
            elif key == "Anonymous" and not path.startswith("socket:"):
                size = int(rest.split()[0])
                result["anonymous"] += size
                if path.startswith("/"):
                    result["files"] -= size  # private copies of a file's pages
    return result


def counts(pid):
    return {"fds": len(os.listdir(f"/proc/{pid}/fd")),
            "threads": len(os.listdir(f"/proc/{pid}/task"))}


def load():
    """The load average of the last minute: other work on the machine spoils a figure."""
    return os.getloadavg()[0]


def quantile(values, share):
    """The smallest value that `share` of all do not pass."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * share) - 1, 0)]


def spread(values):
    """min, p50, p99, max of what is not empty, else None each."""
    if not values:
        return dict.fromkeys(("min", "p50", "p99", "max"))
    return {"min": min(values), "p50": quantile(values, 0.5), "p99": quantile(values, 0.99),
            "max": max(values)}


def machine(accelerator, build):
    """What must be known to compare two runs."""
    with open("/proc/cpuinfo") as file:
        model = re.search(r"^model name\s*:\s*(.*)$", file.read(), re.M)
    with open("/proc/meminfo") as file:
        memory = int(re.search(r"^MemTotal:\s*(\d+)", file.read(), re.M)[1]) // 1024
    buildtype = None
    options = os.path.join(build, "meson-info", "intro-buildoptions.json")
    if os.path.exists(options):
        with open(options) as file:
            buildtype = next((option["value"] for option in json.load(file)
                              if option["name"] == "buildtype"), None)
    return {"cpu": model[1] if model else platform.machine(), "cpus": os.cpu_count(),
            "memory_mib": memory, "kernel": platform.release(),
            "accelerator": "KVM" if accelerator == "kvm" else "TCG", "buildtype": buildtype}


def show(title, rows):
    """A table: rows of equal length, the first of them headings; None shows as '-'."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    print(f"\n{title}")
    for row in cells:
        print("  " + "  ".join(text.ljust(width) if column == 0 else text.rjust(width)
                               for column, (text, width) in enumerate(zip(row, widths))).rstrip())
    sys.stdout.flush()


def _cell(value):
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
    return str(value)
