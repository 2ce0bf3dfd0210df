# SPDX-License-Identifier: GPL-2.0-or-later
"""A vhost-user backend that forwards nothing: `vhost.py SOCKET` serves one QEMU there, as far as a
machine that never runs needs it. The protocol is QEMU's docs/interop/vhost-user.rst."""

import socket
import struct
import sys

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


def main():
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(sys.argv[1])
        listening.listen(1)
        connection, _ = listening.accept()
    while True:
        request, _, size = HEADER.unpack(exactly(connection, HEADER.size))
        payload = exactly(connection, size)
        reply = {GET_FEATURES: struct.pack("=Q", VIRTIO_F_VERSION_1),
                 GET_VRING_BASE: payload}.get(request)
        if reply is not None:
            connection.sendall(HEADER.pack(request, VERSION | REPLY, len(reply)) + reply)


if __name__ == "__main__":
    main()
