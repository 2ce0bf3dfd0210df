# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes UDP payloads as a capture file, for programs that read nothing else."""

import struct


def write(path, payloads, port=6343):
    """payloads: (time in seconds, bytes). Raw IPv4, from and to 127.0.0.1."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 101))
        for moment, payload in payloads:
            packet = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 0, 0, 64, 17, 0,
                                 b"\x7f\0\0\1", b"\x7f\0\0\1")
            packet += struct.pack("!HHHH", 40000, port, 8 + len(payload), 0) + payload
            file.write(struct.pack("<IIII", int(moment), int(moment % 1 * 1e6), len(packet),
                                   len(packet)) + packet)
