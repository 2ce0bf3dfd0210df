# SPDX-License-Identifier: GPL-2.0-or-later
"""A name server for circles: whatever name it is asked for has the CNAME b.NAME, and that has the
first one again. It says when it is ready, takes the port when its input ends, and runs until it is
killed."""

import socket
import struct
import sys

CNAME, IN, TTL_S = 5, 1, 10


def question(message):
    """The end of the question, behind the header."""
    at = 12
    while message[at]:
        at += message[at] + 1
    return at + 5


def circle(message):
    end = question(message)
    name = message[12:end - 4]
    other = b"\x01b" + name
    records = b"".join(one + struct.pack(">HHIH", CNAME, IN, TTL_S, len(to)) + to
                       for one, to in ((name, other), (other, name)))
    return message[:2] + struct.pack(">HHHHH", 0x8180, 1, 2, 0, 0) + message[12:end] + records


def main():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        print("ready", flush=True)
        sys.stdin.read()  # until the one before has the port no more
        listening.bind((sys.argv[1], 53))
        while True:
            message, whose = listening.recvfrom(4096)
            listening.sendto(circle(message), whose)


if __name__ == "__main__":
    main()
