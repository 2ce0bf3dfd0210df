# SPDX-License-Identifier: GPL-2.0-or-later
"""The encoder judged by the oracle: the program named in VSF_ENCODE_ALL prints
each datagram that it wrote ("DATAGRAM hex") and what it meant ("EXPECT json")."""

import json
import os
import subprocess

import oracle
import tap


def pairs():
    program = os.environ.get("VSF_ENCODE_ALL")
    if not program:
        tap.skip("VSF_ENCODE_ALL names no program")
    done = subprocess.run([program], capture_output=True, text=True, timeout=60)
    tap.equal(done.returncode, 0, done.stderr)
    lines = [line.partition(" ") for line in done.stdout.splitlines() if line]
    tap.equal([word for word, _, _ in lines], ["DATAGRAM", "EXPECT"] * (len(lines) // 2))
    return [(bytes.fromhex(raw), json.loads(wanted))
            for (_, _, raw), (_, _, wanted) in zip(lines[::2], lines[1::2])]


def compare(path, got, wanted, differences):
    """Everything in `wanted` must be in `got` and the other way round."""
    if isinstance(got, dict) and isinstance(wanted, dict):
        for key in {**got, **wanted}:
            if key not in got or key not in wanted:
                side = "not expected" if key in got else "not decoded"
                differences.append(f"{path}.{key}: {side}")
            else:
                compare(f"{path}.{key}", got[key], wanted[key], differences)
    elif isinstance(got, list) and isinstance(wanted, list) and len(got) == len(wanted):
        for number, (one, other) in enumerate(zip(got, wanted)):
            compare(f"{path}[{number}]", one, other, differences)
    elif got != wanted:
        differences.append(f"{path}: decoded {got!r}, encoded {wanted!r}")


def test_every_datagram():
    """The oracle reads from each datagram just what the encoder was given"""
    differences = []
    for number, (raw, wanted) in enumerate(pairs()):
        compare(f"datagram {number}", oracle.decode(raw), wanted, differences)
    assert not differences, "\n".join(differences)


def test_coverage():
    """The encoder's datagrams hold every sample and record that the daemon sends"""
    samples = [sample for raw, _ in pairs() for sample in oracle.decode(raw)["samples"]]
    missing = {"0:3", "0:4", "4300:1002"} - {sample["format"] for sample in samples}
    assert not missing, missing
    types = {metric["type"] for sample in samples for metric in sample.get("metrics", [])}
    tap.equal(types, {0, 2, 3, 4, 6})
    seen = {record["format"] for sample in samples for record in sample.get("records", [])}
    missing = {"0:1", "0:1001", "0:1005", "0:1043", "0:2000", "0:2001", "0:2002", "0:2003",
               "0:2004", "0:2005", "0:2006", "0:2007", "0:2008", "0:2009", "0:2010", "0:2100",
               "0:2101", "0:2102", "0:2103", "0:2104"} - seen
    assert not missing, missing


if __name__ == "__main__":
    tap.main(globals())
