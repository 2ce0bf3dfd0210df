# SPDX-License-Identifier: GPL-2.0-or-later
"""embed.py FILE HEADER NAME: a file's bytes as a C array."""

import sys


def main(path, header, name):
    with open(path, "rb") as file:
        data = file.read()
    lines = [", ".join(str(byte) for byte in data[at:at + 24]) for at in range(0, len(data), 24)]
    with open(header, "w", encoding="ascii") as file:
        file.write(f"static const _Alignas(8) unsigned char {name}[] = {{\n")
        file.write(",\n".join(lines) + "};\n")


main(*sys.argv[1:])
