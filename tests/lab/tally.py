# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts the cases in meson's test logs: tally.py FOLDER... where each is a build
folder's meson-logs copy or testlog*.json file. Prints what failed, then the line
"N passed, N failed, N skipped"; exit status 1 if any failed or none ran.

A TAP program counts by its cases, any other as one. A program that crashed,
timed out, or ended before its plan did is one more failure."""

import json
import re
import sys

CASE = re.compile(r"^(not )?ok\b\s*\d*\s*(?:-\s*)?(.*?)(?:\s*#\s*(SKIP|TO[D]O)\b\s*(.*))?$", re.I)
MOST_OUTPUT = 80  # lines shown of each failing program
CAUSE = 20        # of them behind each "not ok", where the reason stands; the rest from the end


def cases(output):
    """[(failed, label, "skip" | "todo" | "", reason)] of a TAP output. Indented lines
    are subtests of others, which count."""
    found = []
    for line in output.splitlines():
        match = CASE.match(line)
        if match:
            directive = (match[3] or "").lower()
            found.append((bool(match[1]) and directive != "todo", match[2], directive,
                          match[4] or ""))
    return found


def tally(entry):
    """(passed, [failures], [(label, reason) skipped]) of one line of meson's log."""
    output = entry.get("stdout") or ""
    result = entry["result"]
    found = cases(output) if re.search(r"^1\.\.\d+|^(not )?ok\b", output, re.M) else []
    failures = [label for failed, label, _, _ in found if failed]
    skipped = [(label, reason) for failed, label, kind, reason in found
               if not failed and kind == "skip"]
    passed = len(found) - len(failures) - len(skipped)
    plan = re.search(r"^1\.\.(\d+)", output, re.M)
    status = entry.get("returncode")
    if result in ("FAIL", "ERROR", "TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS"):
        # A program that ran to its end and says which cases failed is no failure itself.
        whole = plan and len(found) >= int(plan[1]) and (status or 0) >= 0
        if not failures or not whole or result in ("TIMEOUT", "INTERRUPT"):
            # Those that passed are not shown.
            last = f", after {found[-1][1]}" if found and not whole else ""
            failures.append(f"the program itself: {result}, exit status {status}{last}")
    elif not found and result == "SKIP":
        skipped.append(("all", "the program says so"))
    elif not found and result in ("OK", "EXPECTEDFAIL"):
        passed = 1
    return passed, failures, skipped


def show(entry, failures):
    print(f"\nFAILED {entry['name']}")
    for label in failures:
        print(f"  not ok: {label}")
    text = (entry.get("stdout") or "") + "\n" + (entry.get("stderr") or "")
    lines = [line for line in text.splitlines() if not re.match(r"^ok\b|^1\.\.|^\s*$", line)]
    last = -1
    for number in chosen(lines):
        if number > last + 1:
            print(f"  | ... {number - last - 1} lines left out")
        print("  | " + lines[number])
        last = number


def chosen(lines):
    """The numbers of the lines to show, in order."""
    causes = [number for start, line in enumerate(lines) if line.startswith("not ok")
              for number in range(start, min(start + CAUSE, len(lines)))]
    ends = range(max(len(lines) - MOST_OUTPUT, 0), len(lines))
    causes = sorted(set(causes))[:MOST_OUTPUT]
    return sorted(set(causes) | set(list(ends)[len(set(causes) - set(ends)):]))


def main(paths):
    passed = failed = 0
    reasons = {}
    for path in paths:
        try:
            with open(path) as file:
                entries = [json.loads(line) for line in file if line.strip()]
        except (OSError, ValueError) as error:
            print(f"\nFAILED {path}: {error}")
            failed += 1
            continue
        for entry in entries:
            good, failures, skips = tally(entry)
            passed += good
            failed += len(failures)
            if failures:
                show(entry, failures)
            for label, reason in skips:
                reasons.setdefault(reason or "no reason given", []).append(
                    f"{entry['name']}: {label}")
    for reason, labels in sorted(reasons.items()):
        print(f"skipped ({reason}): {len(labels)}, e.g. {labels[0]}")
    skipped = sum(map(len, reasons.values()))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
