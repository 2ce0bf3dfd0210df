# SPDX-License-Identifier: GPL-2.0-or-later
"""What ./check counts."""

import tally
import tap


def entry(result, stdout="", returncode=0):
    return {"name": "x", "result": result, "stdout": stdout, "returncode": returncode}


def test_cases():
    """Each case of a TAP program counts, skipped ones apart"""
    output = "1..3\nok 1 - a\nnot ok 2 - b\n# why\nok 3 /c # SKIP no such thing\n"
    wanted = (1, ["b"], [("/c", "no such thing")])
    tap.equal(tally.tally(entry("FAIL", output)), wanted)
    # meson says ERROR where a TAP program also exits with a status.
    tap.equal(tally.tally(entry("ERROR", output, 1)), wanted)


def test_glib():
    """GLib's TAP is understood, its subtests counted once"""
    output = ("TAP version 13\n# random seed: 1\n1..2\n# Start of a tests\nok 1 /a/b\n    ok 1 x\n"
              "ok 2 /a/c\n")
    tap.equal(tally.tally(entry("OK", output)), (2, [], []))


def test_crash():
    """A program that crashed counts as failed though its cases so far passed"""
    tap.equal(tally.tally(entry("FAIL", "1..2\nok 1 a\n", -11))[0], 1)
    tap.equal(len(tally.tally(entry("FAIL", "1..2\nok 1 a\n", -11))[1]), 1)
    tap.equal(len(tally.tally(entry("ERROR", "1..2\nok 1 a\n"))[1]), 1)
    tap.equal(len(tally.tally(entry("ERROR", "1..3\nok 1 a\nnot ok 2 b\n", 1))[1]), 2)
    tap.equal(len(tally.tally(entry("TIMEOUT", "1..2\nok 1 a\nnot ok 2 b\n"))[1]), 2)


def test_last():
    """Of a program that did not come to its end it is told which case was its last"""
    for result, status, output, wanted in (
            ("TIMEOUT", -15, "1..3\nok 1 /a\nok 2 /b\n", "TIMEOUT, exit status -15, after /b"),
            ("ERROR", -6, "1..3\nok 1 - a c\n", "ERROR, exit status -6, after a c"),
            ("TIMEOUT", -15, "1..3\n", "TIMEOUT, exit status -15"),
            ("ERROR", -11, "1..1\nok 1 /a\n", "ERROR, exit status -11, after /a")):
        tap.equal(tally.tally(entry(result, output, status))[1], ["the program itself: " + wanted])


def test_plain():
    """A program without TAP is one case"""
    tap.equal(tally.tally(entry("OK")), (1, [], []))
    tap.equal(len(tally.tally(entry("FAIL"))[1]), 1)
    tap.equal(len(tally.tally(entry("SKIP"))[2]), 1)


def test_shown():
    """Of a long output the reason of each failure is shown, and the end"""
    lines = ["not ok 1 a", "why a"] + ["log"] * 500 + ["not ok 2 b", "why b"] + ["log"] * 500
    shown = tally.chosen(lines)
    assert {0, 1, 502, 503, len(lines) - 1} <= set(shown), shown
    tap.equal(shown, sorted(set(shown)))
    tap.equal(len(shown), tally.MOST_OUTPUT)
    tap.equal(tally.chosen(["a", "b"]), [0, 1])


if __name__ == "__main__":
    tap.main(globals())
