# SPDX-License-Identifier: GPL-2.0-or-later
"""The live view of ./quickstart: takes what `virt-sflow receive --json` prints and
draws one line a VM. View is pure (dicts in, lines out); Screen writes them."""

import shutil
import sys
import textwrap

STATES = {0: "no state", 1: "running", 2: "blocked", 3: "paused", 4: "shutdown", 5: "shut off",
          6: "crashed"}
PROTOCOLS = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6"}
ETHERTYPES = {0x0806: "ARP", 0x86DD: "IPv6", 0x0800: "IPv4"}
GONE_AFTER = 3.5  # reports missed before a VM is taken off the table
# 79 columns: some terminals drop the last one when the rest of a line is cleared.
HEAD = (f"{'VM':<15} {'STATE':<8} {'vCPU %':>6} {'MEMORY':>9} {'DISK used':>9} {'rd/wr B/s':>10} "
        f"{'NET in/out bit/s':>16}")


def short(value, unit=1000):
    """A number in at most four characters: 999, 9.9k, 99k, 9.9M ..."""
    if value is None:
        return "-"
    for suffix in ["", "k", "M", "G", "T", "P"]:
        if value < 9.95 and suffix:
            return f"{value:.1f}{suffix}"
        if value < 999.5:
            return f"{value:.0f}{suffix}"
        value /= unit
    return ">1E"


def pair(one, other, unit=1000):
    return f"{short(one, unit)}/{short(other, unit)}"


def used_of(capacity, available):
    """What is used of a disk and its size, as the memory's."""
    known = capacity and available is not None and available <= capacity
    return pair(capacity - available if known else None, capacity or None, 1024)


def delta(new, old, bits):
    """What a counter grew by; a step back is a restart, unless a 32-bit one wrapped."""
    if new is None or old is None:
        return None
    if new >= old:
        return new - old
    wrapped = new + (1 << bits) - old
    return wrapped if bits == 32 and wrapped < 1 << 31 else None


class Vm:
    def __init__(self):
        self.name = "?"
        self.taps = []        # ifIndexes
        self.records = {}
        self.rates = {}       # per second; empty until two reports came
        self.uptime = None    # of the agent at the last report, ms
        self.seen = 0.0
        self.interval = 30.0  # between its reports, s

    def update(self, records, uptime, now):
        old, self.records = self.records, {**self.records, **records}
        descr = records.get("host_descr", {})
        self.name = descr.get("hostname") or self.name
        if "host_adapters" in records:
            self.taps = [one["ifIndex"] for one in records["host_adapters"]["adapters"]]
        # By the agent's clock: ours also sees the network and the batching.
        passed = (uptime - self.uptime) / 1000 if self.uptime is not None else 0
        if passed > 0.2:
            self.interval = passed
            self.rates = {}
            for record, field, bits in [
                    ("virt_cpu", "cpuTime", 32), ("virt_disk_io", "rd_bytes", 64),
                    ("virt_disk_io", "wr_bytes", 64), ("virt_net_io", "bytes_in", 64),
                    ("virt_net_io", "bytes_out", 64)]:
                grown = delta(self.records.get(record, {}).get(field),
                              old.get(record, {}).get(field), bits)
                self.rates[field] = None if grown is None else grown / passed
        self.uptime, self.seen = uptime, now

    def line(self):
        cpu, memory = self.records.get("virt_cpu", {}), self.records.get("virt_memory", {})
        disk = self.records.get("virt_disk_io", {})
        busy = self.rates.get("cpuTime")  # ms of CPU a second
        bits = [None if self.rates.get(name) is None else self.rates[name] * 8
                for name in ("bytes_in", "bytes_out")]
        return (f"{self.name[:15]:<15} {STATES.get(cpu.get('state'), '-')[:8]:<8} "
                f"{'-' if busy is None else format(busy / 10, '.1f'):>6} "
                f"{pair(memory.get('memory'), memory.get('maxMemory'), 1024):>9} "
                f"{used_of(disk.get('capacity'), disk.get('available')):>9} "
                f"{pair(self.rates.get('rd_bytes'), self.rates.get('wr_bytes')):>10} "
                f"{pair(*bits):>16}")


class View:
    """`title` is the first line's start; feed() each datagram, lines() at any time."""

    def __init__(self, title):
        self.title = title
        self.vms = {}      # source -> Vm
        self.ports = {}    # ifIndex -> name
        self.host = {}
        self.packets = []  # the last sampled ones, as text
        self.n_datagrams = self.n_counters = self.n_flows = self.malformed = 0
        self.estimate = 0  # bytes that the flow samples stand for
        self.sampled = {}  # ifIndex -> packets
        self.agent = "-"
        self.warning = ""  # what the daemon complains of, shown while there is no VM

    def feed(self, datagram, now):
        self.n_datagrams += 1
        if "error" in datagram:
            self.malformed += 1
        self.agent = datagram.get("agent", self.agent)
        for sample in datagram.get("samples", []):
            source = sample.get("source", "")
            kind, _, index = source.partition(":")
            records = sample.get("records", {})
            if sample.get("format") in ("0:2", "0:4"):
                self.n_counters += 1
                if kind == "3":
                    self.vms.setdefault(source, Vm()).update(records, datagram["uptime"], now)
                elif kind == "0" and "port_name" in records:
                    self.ports[int(index)] = records["port_name"].get("name")
                elif kind == "2":
                    self.host.update(records)
            elif sample.get("format") in ("0:1", "0:3"):
                self._flow(sample, int(index or 0))

    def _flow(self, sample, index):
        self.n_flows += 1
        self.sampled[index] = self.sampled.get(index, 0) + 1
        header = sample.get("records", {}).get("sampled_header")
        if not header:
            return
        self.estimate += header["frame_length"] * sample["sampling_rate"]
        packet = header.get("packet") or {}
        kind = PROTOCOLS.get(packet.get("ip_protocol")) or ETHERTYPES.get(
            packet.get("ethertype"), f"{packet.get('ethertype', 0):#06x}")
        # The port's view: a packet that came in at the tap was sent by the VM. Between two
        # local VMs both ports are known.
        sense = "sends" if sample.get("input") == index else "gets"
        ends = [packet.get(side) or packet.get(side + "_mac", "?") for side in ("src", "dst")]
        self.packets.append(
            f"{self._vm_of(index)[:12]:<12} {sense:<5} {kind:<6} "
            f"{ends[0]} -> {ends[1]} ({self.ports.get(index) or f'ifIndex {index}'}, "
            f"1 in {sample['sampling_rate']}) {header['frame_length']} bytes")
        del self.packets[:-50]

    def _vm_of(self, index):
        for vm in self.vms.values():
            if index in vm.taps:
                return vm.name
        return "?"

    def forget_gone(self, now):
        for source, vm in list(self.vms.items()):
            if now - vm.seen > GONE_AFTER * vm.interval:
                del self.vms[source]

    def lines(self, now, width=80, height=24):
        self.forget_gone(now)
        node = self.host.get("virt_node", {})
        host = self.host.get("host_descr", {}).get("hostname") or "-"
        vms = sorted(self.vms.values(), key=lambda vm: vm.name)
        n_vms = node.get("num_domains", "-")
        domains = f"{n_vms} VM" if n_vms == 1 else f"{n_vms} VMs"
        head = [self.title,
                f"host {host}: {node.get('cpus', '-')} CPUs, "
                f"{short(node.get('memory'), 1024)}B memory, "
                f"{short(node.get('memory_free'), 1024)}B free, "
                f"{domains}; sFlow agent {self.agent}", "", HEAD]
        bits = [sum(vm.rates.get(name) or 0 for vm in vms) * 8
                for name in ("bytes_in", "bytes_out")]
        foot = ["", f"sent {self.n_datagrams} datagrams: {self.n_counters} counter samples, "
                f"{self.n_flows} packet samples" + (f", {self.malformed} MALFORMED"
                                                     if self.malformed else ""),
                f"samples stand for {short(self.estimate)}B; all VMs now "
                f"{pair(*bits)} bit/s in/out", ""]
        room = max(height - len(head) - len(foot) - 1, 2)
        n_vms = min(len(vms), max(room - 5, 1))
        body = [vm.line() for vm in vms[:n_vms]]
        if len(vms) > n_vms:
            body.append(f"... and {len(vms) - n_vms} more")
        if not vms:
            body += textwrap.wrap("waiting for the first counter samples" +
                                  (self.warning and f"; {self.warning}"), width)[:4]
        n_packets = room - len(body)
        packets = ["waiting for the first packet samples"]
        if self.packets:
            packets = ["last packets sampled:", *self.packets[-(n_packets - 1):]]
        packets = packets if n_packets > 1 else []
        return [line[:width] for line in head + body + foot + packets]


class Screen:
    """Redraws in place on a terminal, appends plain text anywhere else."""

    PLAIN_INTERVAL_S = 10

    def __init__(self, stream=None):
        self.stream = stream or sys.stdout
        self.interactive = self.stream.isatty()
        self.interval = 1 if self.interactive else self.PLAIN_INTERVAL_S
        if self.interactive:
            self.stream.write("\033[?25l\033[2J")  # no cursor; a clean screen

    def draw(self, view, now):
        width, height = shutil.get_terminal_size((80, 24))
        lines = view.lines(now, width if self.interactive else 100, height)
        if self.interactive:
            # Each line is cleared to its end, then what is below: no flicker.
            text = "\033[H" + "".join(line + "\033[K\n" for line in lines) + "\033[J"
        else:
            text = "\n".join(lines) + "\n\n"
        self.stream.write(text)
        self.stream.flush()

    def close(self):
        if self.interactive:
            self.stream.write("\033[?25h")
            self.stream.flush()
