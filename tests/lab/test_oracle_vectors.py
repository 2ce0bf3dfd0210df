# SPDX-License-Identifier: GPL-2.0-or-later
"""The oracle against datagrams of another agent, as another decoder reads them
(tests/data/vectors), and against datagrams that break a rule each."""

import json
import os
import struct

import oracle
import tap

VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data/vectors")


def load(name):
    with open(os.path.join(VECTORS, name + ".bin"), "rb") as file:
        raw = file.read()
    with open(os.path.join(VECTORS, name + ".json")) as file:
        return raw, json.load(file)


def as_vector(value):
    """Our value as the vectors print it: all text, unknown is all ones."""
    if value is None:
        return {"4294967295", "18446744073709551615", "", "00000000-0000-0000-0000-000000000000"}
    if isinstance(value, float):
        return {f"{value:.3f}"}
    return {str(value)}


def expect_counters(name):
    raw, vector = load(name)
    datagram = oracle.decode(raw, zero_padding=False)  # that agent's is not
    tap.equal(datagram["agent"], vector["agent"])
    for ours, theirs in [("sub_agent_id", "agentSubId"), ("sequence", "packetSequenceNo"),
                         ("uptime", "sysUpTime")]:
        tap.equal(str(datagram[ours]), vector[theirs], ours)
    tap.equal(len(datagram["samples"]), len(vector["samples"]))
    for sample, wanted in zip(datagram["samples"], vector["samples"]):
        tap.equal(sample["format"], wanted["sampleType_tag"])
        tap.equal(str(sample["sequence"]), wanted["sampleSequenceNo"])
        tap.equal(sample["source"], wanted["sourceId"])
        tap.equal(len(sample["records"]), len(wanted["elements"]))
        for record, element in zip(sample["records"], wanted["elements"]):
            expect_record(record, element)


def expect_record(record, element):
    tap.equal(record["format"], element["counterBlock_tag"])
    what = record["format"]
    if what == "0:2001":
        wanted = [{"ifIndex": int(one["ifIndex"]),
                   "macs": [bytes.fromhex(mac).hex(":") for mac in one["mac_list"]]}
                  for one in element["adaptor_list"]]
        tap.equal(record["adapters"], wanted)
        return
    # The fields stand in the same order; the names differ.
    ours = list(record.items())[1:]
    theirs = list(element.items())[1:]
    for (field, value), (_, wanted) in zip(ours, theirs):
        if field == "uuid" and value is not None:
            value, wanted = value, wanted.replace("-", "")
        if field == "part_max_used":
            wanted = wanted.replace(".", "")
        assert wanted in as_vector(value), f"{what} {field}: {value!r}, wanted {wanted!r}"
    assert len(ours) - len(theirs) in (0, 1), what  # an empty os_release is not printed
    for field, value in ours[len(theirs):]:
        tap.equal((field, value), ("os_release", None))


def test_vm():
    """A VM's counter sample reads as the other decoder reads it"""
    expect_counters("vm")


def test_host():
    """The physical host's counter sample reads as the other decoder reads it"""
    expect_counters("host")


def test_interface():
    """An interface's counter sample reads as the other decoder reads it"""
    expect_counters("interface")


def test_flow():
    """A flow sample reads as the other decoder reads it"""
    raw, vector = load("flow")
    wanted = vector["samples"][0]
    sample, = oracle.decode(raw, zero_padding=False)["samples"]
    tap.equal((sample["format"], sample["source"]), (wanted["sampleType_tag"], wanted["sourceId"]))
    for ours, theirs in [("sampling_rate", "meanSkipCount"), ("sample_pool", "samplePool"),
                         ("drops", "dropEvents"), ("sequence", "sampleSequenceNo")]:
        tap.equal(str(sample[ours]), wanted[theirs], ours)
    tap.equal(sample["input"], {"format": 0, "value": 0})
    tap.equal(sample["output"], {"format": 0, "value": 1073741823})
    stamp, header = sample["records"]
    tap.equal(str(stamp["timestamp"]), wanted["elements"][0]["timestamp_nS"])
    element = wanted["elements"][1]
    tap.equal(header["header"], element["headerBytes"].replace("-", "").lower())
    tap.equal(str(header["frame_length"]), element["sampledPacketSize"])
    tap.equal(str(header["stripped"]), element["strippedBytes"])
    tap.equal(str(header["protocol"]), element["headerProtocol"])


def words(*values):
    return b"".join(value if isinstance(value, bytes) else struct.pack(">I", value)
                    for value in values)


def datagram(*samples):
    return words(5, 1, bytes([192, 0, 2, 1]), 200000, 1, 1000, len(samples), *samples)


def sized(format, body):
    return words(format, len(body), body)


def counter(*records):
    return sized(4, words(1, 3, 200001, len(records), *records))


def refused(raw, reason):
    try:
        decoded = oracle.decode(raw)
    except oracle.Malformed as error:
        assert reason in str(error), f"{error}, wanted {reason}"
        return
    raise AssertionError(f"accepted: {decoded}")


CPU = sized(2101, words(1, 2, 3))


def test_good():
    """A datagram written by hand is accepted"""
    sample, = oracle.decode(datagram(counter(CPU)))["samples"]
    tap.equal(sample, {"format": "0:4", "sequence": 1, "source": "3:200001", "records": [
        {"format": "0:2101", "state": 1, "cpuTime": 2, "nrVirtCpu": 3}]})


def test_unknown_values():
    """Unknown numbers, floats, uuids and texts are None"""
    ones = 0xFFFFFFFF
    raw = datagram(counter(sized(2101, words(ones, ones, ones)),
                           sized(2000, words(0, bytes(16), 3, 2, 0)),
                           sized(2102, words(ones, ones, 0, 1)),
                           sized(2003, struct.pack(">fff", -1, 0.5, 0) + words(*range(14)))))
    cpu, descr, memory, load = oracle.decode(raw)["samples"][0]["records"]
    tap.equal([cpu["state"], cpu["cpuTime"], cpu["nrVirtCpu"]], [None] * 3)
    tap.equal([descr["hostname"], descr["uuid"], descr["os_release"]], [None] * 3)
    tap.equal((memory["memory"], memory["maxMemory"]), (None, 1))
    tap.equal((load["load_one"], load["load_five"]), (None, 0.5))


def test_every_cut():
    """A datagram cut anywhere is refused"""
    raw = datagram(counter(CPU, sized(2000, words(3, b"web\0", bytes(16), 3, 2, 0))))
    for length in range(len(raw)):
        refused(raw[:length], "")
    refused(raw + b"\0\0\0\0", "too many")


def test_lengths():
    """A record or sample whose length is off by a word is refused"""
    refused(datagram(counter(sized(2101, words(1, 2, 3, 4)))), "too many")
    refused(datagram(counter(sized(2101, words(1, 2)))), "wanted")
    refused(datagram(sized(4, words(1, 3, 200001, 1, CPU, 0))), "too many")
    refused(datagram(counter(words(2101, 8, words(1, 2, 3)))), "wanted")


def test_padding():
    """Padding that is not zero is refused, in texts and after MACs"""
    refused(datagram(counter(sized(1005, words(3, b"tap\1")))), "padding")
    refused(datagram(counter(sized(2001, words(1, 7, 1, b"\x52\x54\0\0\0\1\0\1")))), "MAC")


def test_bounds():
    """A text past its bound or not UTF-8 is refused"""
    refused(datagram(counter(sized(2000, words(68, b"x" * 68, bytes(16), 3, 2, 0)))), "allowed")
    refused(datagram(counter(sized(1005, words(4, b"\xff\xfe\0\0")))), "UTF-8")


def test_head():
    """A wrong version or kind of address is refused"""
    refused(words(4) + datagram()[4:], "version")
    refused(words(5, 3) + datagram()[8:], "address")


def test_unknown_formats():
    """Samples and records of unknown formats are kept as they are"""
    raw = datagram(sized(4300 << 12 | 7, b"abcd"), counter(sized(8888 << 12 | 9, b"efgh")))
    strange, sample = oracle.decode(raw)["samples"]
    tap.equal(strange, {"format": "4300:7", "raw": b"abcd".hex()})
    tap.equal(sample["records"], [{"format": "8888:9", "raw": b"efgh".hex()}])


def metrics(*entries, name=words(2, b"vm\0\0"), count=None):
    count = len(entries) if count is None else count
    return datagram(sized(4300 << 12 | 1002, words(name, count, *entries)))


def metric(kind, *value, name=words(1, b"a\0\0\0")):
    return words(name, kind, *value)


def test_metrics():
    """A custom-metrics sample is decoded by the type of each value"""
    raw = metrics(metric(0, 2, b"ok\0\0"), metric(1, 6), metric(2, 1, 0), metric(3, 7),
                  metric(4, 0, 5), metric(5, struct.pack(">f", 0.5)),
                  metric(6, struct.pack(">d", 0.25)))
    sample, = oracle.decode(raw)["samples"]
    tap.equal((sample["format"], sample["name"]), ("4300:1002", "vm"))
    tap.equal([entry["value"] for entry in sample["metrics"]], ["ok", 6, 1 << 32, 7, 5, 0.5, 0.25])
    tap.equal([entry["type"] for entry in sample["metrics"]], list(range(7)))
    tap.equal({entry["name"] for entry in sample["metrics"]}, {"a"})


def test_unknown_metrics():
    """All ones, -1.0 and the empty text are unknown in a metric"""
    ones = 0xFFFFFFFF
    raw = metrics(metric(0, 0), metric(1, ones), metric(2, ones, ones), metric(3, ones),
                  metric(4, ones, ones), metric(5, struct.pack(">f", -1)),
                  metric(6, struct.pack(">d", -1)))
    sample, = oracle.decode(raw)["samples"]
    tap.equal([entry["value"] for entry in sample["metrics"]], [None] * 7)


def test_metric_rules():
    """A metric that breaks its bounds, its type, its padding or the count is refused"""
    good = metric(3, 7)
    refused(metrics(metric(7, 0)), "no type 7")
    refused(metrics(metric(0, 255, b"x" * 255 + b"\0")), "allowed")
    refused(metrics(metric(3, 7, name=words(64, b"n" * 64))), "allowed")
    refused(metrics(good, name=words(64, b"n" * 64)), "allowed")
    refused(metrics(metric(0, 2, b"ok\0\1")), "padding")
    refused(metrics(metric(0, 2, b"\xff\xfe\0\0")), "UTF-8")
    refused(metrics(good, good, count=1), "too many")
    refused(metrics(good, good, count=3), "wanted")
    refused(metrics(metric(4, 7)), "wanted")
    refused(metrics(metric(5, 0x7FC00000)), "no number")
    refused(metrics(metric(6, 0x7FF00000, 0)), "no number")


def test_compact():
    """Compact flow samples and IPv6 agent addresses are read too"""
    header = sized(1, words(1, 64, 4, 4, b"\1\2\3\4"))
    flow = sized(1, words(1, 7, 512, 1024, 0, 7, 1 << 30 | 256, 1, header))
    raw = words(5, 2, bytes(15) + b"\1", 0, 1, 1000, 1, flow)
    decoded = oracle.decode(raw)
    tap.equal(decoded["agent"], "::1")
    sample, = decoded["samples"]
    tap.equal((sample["source"], sample["input"], sample["output"]),
              ("0:7", {"format": 0, "value": 7}, {"format": 1, "value": 256}))


if __name__ == "__main__":
    tap.main(globals())
