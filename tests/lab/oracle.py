# SPDX-License-Identifier: GPL-2.0-or-later
"""A strict sFlow v5 decoder that judges the encoder and the daemon; it shares no
code with either. Sources: sFlow v5 (2004), sFlow Host Structures (2010), sFlow
OpenFlow Structures, the sFlow.org catalogue of structure numbers.

Strict means: every length exact to the byte, padding zero, text UTF-8 and
within its bound, nothing left over; Malformed is raised otherwise. Formats that
are not known are kept as {"raw": hex}. Unknown values (all ones, -1.0, a zero
uuid, an empty text) are None."""

import ipaddress
import math
import struct

U32_UNKNOWN = 0xFFFFFFFF
U64_UNKNOWN = 0xFFFFFFFFFFFFFFFF


class Malformed(Exception):
    """The datagram breaks the format."""


class Reader:
    def __init__(self, data, where, zero_padding=True):
        self.data, self.at, self.where, self.zero_padding = data, 0, where, zero_padding

    def inner(self, where):
        """A length word and so many bytes, as a reader of their own."""
        return Reader(self.take(self.u32()), where, self.zero_padding)

    def take(self, length):
        if length > len(self.data) - self.at:
            raise Malformed(f"{self.where}: {length} bytes wanted at {self.at}, "
                            f"{len(self.data) - self.at} left")
        self.at += length
        return self.data[self.at - length:self.at]

    def u32(self):
        return struct.unpack(">I", self.take(4))[0]

    def u64(self):
        return struct.unpack(">Q", self.take(8))[0]

    def float(self):
        return struct.unpack(">f", self.take(4))[0]

    def double(self):
        return struct.unpack(">d", self.take(8))[0]

    def opaque(self, longest=None):
        length = self.u32()
        if longest is not None and length > longest:
            raise Malformed(f"{self.where}: {length} bytes where {longest} are allowed")
        data = self.take(length)
        if any(self.take(-length % 4)) and self.zero_padding:
            raise Malformed(f"{self.where}: padding is not zero")
        return data

    def text(self, longest=None):
        data = self.opaque(longest)
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise Malformed(f"{self.where}: {data!r} is not UTF-8") from None

    def end(self):
        if self.at != len(self.data):
            raise Malformed(f"{self.where}: {len(self.data) - self.at} bytes too many")


def _known32(reader):
    value = reader.u32()
    return None if value == U32_UNKNOWN else value


def _known64(reader):
    value = reader.u64()
    return None if value == U64_UNKNOWN else value


def _known_float(reader):
    value = reader.float()
    return None if value == -1.0 else value


def _metric_real(read):
    """Of a metric, where no structure says more than IEEE 754: -1.0 is unknown, and
    what is no number has no meaning to a collector."""
    def value(reader):
        number = read(reader)
        if not math.isfinite(number):
            raise Malformed(f"{reader.where}: {number} is no number")
        return None if number == -1.0 else number
    return value


def _uuid(reader):
    value = reader.take(16)
    return value.hex() if any(value) else None


def _text(longest=None):
    return lambda reader: reader.text(longest) or None


def _mac(reader):
    raw = reader.take(8)
    if raw[6:] != b"\0\0" and reader.zero_padding:
        raise Malformed(f"{reader.where}: the two bytes after a MAC are not zero")
    return raw[:6].hex(":")


def _adapters(reader):
    adapters = []
    for _ in range(reader.u32()):
        index = reader.u32()
        adapters.append({"ifIndex": index, "macs": [_mac(reader) for _ in range(reader.u32())]})
    return adapters


def _fields(read, names):
    return [(name, read) for name in names.split()]


_U32, _U64 = _known32, _known64
_PLAIN = Reader.u32
_NET = (_fields(_U64, "bytes_in") + _fields(_U32, "pkts_in errs_in drops_in")
        + _fields(_U64, "bytes_out") + _fields(_U32, "pkts_out errs_out drops_out"))

FLOW_RECORDS = {
    (0, 1): _fields(_PLAIN, "protocol frame_length stripped")
    + [("header", lambda reader: reader.opaque().hex())],
    (0, 1001): _fields(_U32, "src_vlan src_priority dst_vlan dst_priority"),
    (0, 1043): [("timestamp", Reader.u64)],
    (0, 2210): _fields(_PLAIN, "src_class src_index dst_class dst_index"),
}

COUNTER_RECORDS = {
    (0, 1): _fields(_PLAIN, "ifIndex ifType") + _fields(_U64, "ifSpeed")
    + _fields(_U32, "ifDirection ifStatus") + _fields(_U64, "ifInOctets")
    + _fields(_U32, "ifInUcastPkts ifInMulticastPkts ifInBroadcastPkts ifInDiscards ifInErrors "
                    "ifInUnknownProtos")
    + _fields(_U64, "ifOutOctets")
    + _fields(_U32, "ifOutUcastPkts ifOutMulticastPkts ifOutBroadcastPkts ifOutDiscards "
                    "ifOutErrors ifPromiscuousMode"),
    (0, 1005): [("port_name", _text())],
    (0, 2000): [("hostname", _text(64)), ("uuid", _uuid), ("machine_type", _PLAIN),
                ("os_name", _PLAIN), ("os_release", _text(32))],
    (0, 2001): [("adapters", _adapters)],
    (0, 2002): _fields(_PLAIN, "class index"),
    (0, 2003): _fields(_known_float, "load_one load_five load_fifteen")
    + _fields(_U32, "proc_run proc_total cpu_num cpu_speed uptime cpu_user cpu_nice cpu_system "
                    "cpu_idle cpu_wio cpu_intr cpu_sintr interrupts contexts cpu_steal cpu_guest "
                    "cpu_guest_nice"),
    (0, 2004): _fields(_U64, "mem_total mem_free mem_shared mem_buffers mem_cached swap_total "
                             "swap_free")
    + _fields(_U32, "page_in page_out swap_in swap_out"),
    (0, 2005): _fields(_U64, "disk_total disk_free") + _fields(_U32, "part_max_used reads")
    + _fields(_U64, "bytes_read") + _fields(_U32, "read_time writes")
    + _fields(_U64, "bytes_written") + _fields(_U32, "write_time"),
    (0, 2006): _NET,
    (0, 2007): _fields(_U32, " ".join(f"ip{n}" for n in range(19))),
    (0, 2008): _fields(_U32, " ".join(f"icmp{n}" for n in range(25))),
    (0, 2009): _fields(_U32, " ".join(f"tcp{n}" for n in range(15))),
    (0, 2010): _fields(_U32, " ".join(f"udp{n}" for n in range(7))),
    (0, 2100): _fields(_U32, "mhz cpus") + _fields(_U64, "memory memory_free")
    + _fields(_U32, "num_domains"),
    (0, 2101): _fields(_U32, "state cpuTime nrVirtCpu"),
    (0, 2102): _fields(_U64, "memory maxMemory"),
    (0, 2103): _fields(_U64, "capacity allocation available") + _fields(_U32, "rd_req")
    + _fields(_U64, "rd_bytes") + _fields(_U32, "wr_req") + _fields(_U64, "wr_bytes")
    + _fields(_U32, "errs"),
    (0, 2104): _NET,
}
# The first agents sent host_cpu without the three fields at its end.
_SHORT_HOST_CPU = COUNTER_RECORDS[0, 2003][:-3]

_METRIC_TYPES = {0: _text(254), 1: _U32, 2: _U64, 3: _U32, 4: _U64,
                 5: _metric_real(Reader.float), 6: _metric_real(Reader.double)}


def _format(word):
    return word >> 12, word & 0xFFF


def _records(reader, known):
    records = []
    for _ in range(reader.u32()):
        key = _format(reader.u32())
        name = f"{key[0]}:{key[1]}"
        inner = reader.inner(f"{reader.where}, record {name}")
        record = {"format": name}
        fields = known.get(key)
        if key == (0, 2003) and known is COUNTER_RECORDS and len(inner.data) == 68:
            fields = _SHORT_HOST_CPU
        if fields is None:
            if len(inner.data) % 4:
                raise Malformed(f"{inner.where}: {len(inner.data)} bytes is no multiple of four")
            record["raw"] = inner.take(len(inner.data)).hex()
        else:
            for field, read in fields:
                record[field] = read(inner)
        inner.end()
        records.append(record)
    return records


def _source(reader, expanded):
    if expanded:
        return f"{reader.u32()}:{reader.u32()}"
    word = reader.u32()
    return f"{word >> 24}:{word & 0xFFFFFF}"


def _port(reader, expanded):
    """{"format", "value"}: format 0 = ifIndex, 1 = reason of a drop, 2 = how many."""
    if expanded:
        return {"format": reader.u32(), "value": reader.u32()}
    word = reader.u32()
    return {"format": word >> 30, "value": word & 0x3FFFFFFF}


def _flow(reader, expanded):
    sample = {"sequence": reader.u32(), "source": _source(reader, expanded),
              "sampling_rate": reader.u32(), "sample_pool": reader.u32(), "drops": reader.u32(),
              "input": _port(reader, expanded), "output": _port(reader, expanded)}
    sample["records"] = _records(reader, FLOW_RECORDS)
    return sample


def _counter(reader, expanded):
    sample = {"sequence": reader.u32(), "source": _source(reader, expanded)}
    sample["records"] = _records(reader, COUNTER_RECORDS)
    return sample


def _metrics(reader):
    """name: of the source; metrics: in order, one name may come again."""
    sample = {"name": reader.text(63), "metrics": []}
    for _ in range(reader.u32()):
        name, kind = reader.text(63), reader.u32()
        if kind not in _METRIC_TYPES:
            raise Malformed(f"{reader.where}: metric {name}: no type {kind}")
        sample["metrics"].append({"name": name, "type": kind,
                                  "value": _METRIC_TYPES[kind](reader)})
    return sample


_SAMPLES = {
    (0, 1): lambda reader: _flow(reader, False),
    (0, 2): lambda reader: _counter(reader, False),
    (0, 3): lambda reader: _flow(reader, True),
    (0, 4): lambda reader: _counter(reader, True),
    (4300, 1002): _metrics,
}


def decode(data, zero_padding=True):
    """bytes of one UDP datagram -> dict; see the tests for its shape. zero_padding=False
    takes datagrams of agents that leave rubbish between fields."""
    reader = Reader(bytes(data), "datagram", zero_padding)
    version = reader.u32()
    if version != 5:
        raise Malformed(f"version {version}, not 5")
    family = reader.u32()
    if family not in (1, 2):
        raise Malformed(f"agent address of type {family}")
    datagram = {"agent": str(ipaddress.ip_address(reader.take(4 if family == 1 else 16))),
                "sub_agent_id": reader.u32(), "sequence": reader.u32(), "uptime": reader.u32(),
                "samples": []}
    for number in range(reader.u32()):
        key = _format(reader.u32())
        name = f"{key[0]}:{key[1]}"
        inner = reader.inner(f"sample {number} ({name})")
        sample = {"format": name}
        if key in _SAMPLES:
            sample.update(_SAMPLES[key](inner))
        else:
            sample["raw"] = inner.take(len(inner.data)).hex()
        inner.end()
        datagram["samples"].append(sample)
    reader.end()
    return datagram


def record(sample, format):
    """The sample's record of that format ("0:2101"), or None."""
    return next((entry for entry in sample.get("records", []) if entry["format"] == format), None)
