# SPDX-License-Identifier: GPL-2.0-or-later
"""What samples an interface, as the kernel knows it: packet sockets, eBPF programs of tcx, and
filters of clsact. Run inside the lab it prints a JSON object of those of each interface that has
some: {"7": ["packet", "tcx", "tcx"]}."""

import ctypes
import json
import os
import platform
import struct
import subprocess

BPF_PROG_QUERY = 16
TCX = (46, 47)  # ingress, egress
SYS_BPF = {"x86_64": 321, "aarch64": 280, "s390x": 351, "ppc64le": 361}


def samplers(lab):
    """ifindex -> what samples it"""
    found = lab.run(["python3", os.path.abspath(__file__)]).stdout
    return {int(ifindex): kinds for ifindex, kinds in json.loads(found).items()}


def packet_sockets():
    with open("/proc/net/packet") as file:
        return [int(line.split()[4]) for line in file.readlines()[1:]]


def tcx_programs(ifindex, kind):
    """How many; a kernel without tcx has none."""
    attributes = ctypes.create_string_buffer(
        struct.pack("=IIIIQI", ifindex, kind, 0, 0, 0, 0).ljust(72, b"\0"))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(SYS_BPF[platform.machine()], BPF_PROG_QUERY, attributes, 72) != 0:
        return 0
    return struct.unpack_from("=I", attributes.raw, 24)[0]


def clsact_filters(name):
    return sum(subprocess.run(["tc", "filter", "show", "dev", name, hook], capture_output=True,
                              text=True).stdout.count(" bpf ") > 0 for hook in ("ingress", "egress"))


def main():
    found = {}
    for ifindex in packet_sockets():
        found.setdefault(ifindex, []).append("packet")
    with_clsact = subprocess.run(["tc", "qdisc", "show"], capture_output=True, text=True).stdout
    for name in os.listdir("/sys/class/net"):
        try:
            with open(f"/sys/class/net/{name}/ifindex") as file:
                ifindex = int(file.read())
        except OSError:
            continue
        kinds = ["tcx"] * sum(tcx_programs(ifindex, kind) for kind in TCX)
        if any(line.startswith("qdisc clsact") and f" dev {name} " in line
               for line in with_clsact.splitlines()):
            kinds += ["clsact"] * clsact_filters(name)
        if kinds:
            found[ifindex] = found.get(ifindex, []) + kinds
    print(json.dumps(found))


if __name__ == "__main__":
    main()
