# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes sFlow datagrams, also such as nobody should send; shares no code with the encoder."""

import socket
import struct


def text(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">I", len(raw)) + raw + bytes(-len(raw) % 4)


def sized(format, body):
    return struct.pack(">II", format, len(body)) + body


def record(format, layout, *values):
    """layout: a letter a value, as in struct; "s" is a text."""
    return sized(format, b"".join(text(value) if letter == "s" else
                                  struct.pack(">" + letter, value)
                                  for letter, value in zip(layout, values, strict=True)))


def descr(hostname, uuid):
    return sized(2000, text(hostname) + bytes.fromhex(uuid.replace("-", ""))
                 + struct.pack(">II", 3, 2) + text(""))


def adapters(*pairs):
    """pairs: (ifIndex, MAC as hex)"""
    return sized(2001, struct.pack(">I", len(pairs)) + b"".join(
        struct.pack(">II", index, 1) + bytes.fromhex(mac) + b"\0\0" for index, mac in pairs))


def counters(source, sequence, *records):
    """source: (class, index)"""
    return sized(4, struct.pack(">IIII", sequence, *source, len(records)) + b"".join(records))


def flow(ifindex, sequence=1):
    header = sized(1, struct.pack(">III", 1, 64, 4) + text(bytes(14)))
    return sized(3, struct.pack(">11I", sequence, 0, ifindex, 512, 512, 0, 0, ifindex, 0, 0, 1)
                 + header)


METRIC = {"string": (0, "s"), "counter32": (1, "I"), "counter64": (2, "Q"), "gauge32": (3, "I"),
          "gauge64": (4, "Q"), "float": (5, "f"), "double": (6, "d")}


def metrics(name, *entries):
    """entries: (name, type, value)"""
    body = text(name) + struct.pack(">I", len(entries))
    for metric, kind, value in entries:
        number, letter = METRIC[kind]
        body += text(metric) + struct.pack(">I", number)
        body += text(value) if letter == "s" else struct.pack(">" + letter, value)
    return sized(4300 << 12 | 1002, body)


def datagram(*samples, agent="192.0.2.1", sub_agent=200000, sequence=1):
    raw = socket.inet_pton(socket.AF_INET6 if ":" in agent else socket.AF_INET, agent)
    return (struct.pack(">II", 5, 2 if ":" in agent else 1) + raw
            + struct.pack(">IIII", sub_agent, sequence, 1000, len(samples)) + b"".join(samples))
