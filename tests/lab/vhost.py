# SPDX-License-Identifier: GPL-2.0-or-later
"""A vhost-user backend that forwards nothing: `vhost.py SOCKET` serves one QEMU there, as far as a
machine that never runs needs it; `vhost.py --connect SOCKET` the one that listens there itself. The protocol is QEMU's docs/interop/vhost-user.rst."""

import socket
import struct
import sys
import time

HEADER = struct.Struct("=III")
VERSION, REPLY = 1, 4
GET_FEATURES, GET_VRING_BASE = 1, 11
VIRTIO_F_VERSION_1 = 1 << 32


def exactly(connection, size):
    data = b""
    while len(data) < size:
        more, ancillary, _, _ = connection.recvmsg(size - len(data), socket.CMSG_SPACE(8 * 4))
        for _, kind, descriptors in ancillary:
            if kind == socket.SCM_RIGHTS:
                for number in struct.unpack(f"={len(descriptors) // 4}i", descriptors):
                    socket.close(number)
        if not more:
            sys.exit(0)
        data += more
    return data


def connect(path):
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
            return connection
        except OSError:  # QEMU is not there yet
            connection.close()
            time.sleep(0.05)


def accept(path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen(1)
        return listening.accept()[0]


def main():
    connection = connect(sys.argv[2]) if sys.argv[1] == "--connect" else accept(sys.argv[1])
    while True:
        request, _, size = HEADER.unpack(exactly(connection, HEADER.size))
        payload = exactly(connection, size)
        reply = {GET_FEATURES: struct.pack("=Q", VIRTIO_F_VERSION_1),
                 GET_VRING_BASE: payload}.get(request)
        if reply is not None:
            connection.sendall(HEADER.pack(request, VERSION | REPLY, len(reply)) + reply)


if __name__ == "__main__":
    main()
