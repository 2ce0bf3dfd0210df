# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames at speed, without a guest. Run inside a lab:

    frames.py tap|port DEVICE COUNT SIZE DESTINATION SOURCE [PER_SECOND]
    frames.py hex-tap|hex-port DEVICE <LINES

tap: writes into a tap as its VM would, through a copy of the descriptor that its
QEMU (paused) has open. port: sends out of an interface, as the host or the outside would. Each frame is UDP from
10.77.1.1 to 10.77.1.2; SIZE is the frame's length without FCS. hex-: frames of any shape, each a line
of hexadecimal digits."""

import ctypes
import fcntl
import glob
import os
import socket
import struct
import sys
import time

TUNGETIFF, TUNGETVNETHDRSZ = 0x800454d2, 0x800454d7
IFF_VNET_HDR = 0x4000
PIDFD_GETFD = 438


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def frame(size, destination, source):
    length = size - 14
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, length, 1, 0, 64, 17, 0,
                         socket.inet_aton("10.77.1.1"), socket.inet_aton("10.77.1.2"))
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    udp = struct.pack("!HHHH", 5000, 6000, length - 20, 0)
    return (bytes.fromhex((destination + source).replace(":", "")) + b"\x08\x00" + header + udp +
            bytes(size - 42))


def find_tap(device):
    """(pid, descriptor) of the process that has the tap open."""
    for path in glob.glob("/proc/[0-9]*/fdinfo/*"):
        try:
            with open(path) as file:
                if f"iff:\t{device}\n" in file.read():
                    return int(path.split("/")[2]), int(path.split("/")[4])
        except OSError:
            continue
    raise SystemExit(f"no process has {device} open")


def open_tap(device):
    """The descriptor, and the header that goes before each frame."""
    pid, number = find_tap(device)
    tap = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, os.pidfd_open(pid), number, 0)
    if tap < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    flags, = struct.unpack("16xH22x", fcntl.ioctl(tap, TUNGETIFF, bytes(40)))
    size, = struct.unpack("i", fcntl.ioctl(tap, TUNGETVNETHDRSZ, bytes(4)))
    return tap, bytes(size) if flags & IFF_VNET_HDR else b""


def open_port(device):
    port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    port.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    port.bind((device, 0))
    return port


def sender(kind, device):
    """send(frame)"""
    if kind == "port":
        return open_port(device).send
    tap, before = open_tap(device)
    return lambda data: os.write(tap, before + data)


def main():
    kind, device = sys.argv[1:3]
    if kind.startswith("hex-"):
        send = sender(kind[len("hex-"):], device)
        for line in sys.stdin:
            send(bytes.fromhex(line))
        return
    count, size, destination, source = sys.argv[3:7]
    per_second = float(sys.argv[7]) if len(sys.argv) > 7 else 0
    data, send = frame(int(size), destination, source), sender(kind, device)
    began = time.monotonic()
    for number in range(int(count)):
        send(data)
        if per_second and number % 64 == 0:
            ahead = number / per_second - (time.monotonic() - began)
            if ahead > 0:
                time.sleep(ahead)
    print(time.monotonic() - began)


if __name__ == "__main__":
    main()
