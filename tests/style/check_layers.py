# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules of the source tree that a compiler does not know: which room may
include what, no include cycle, no file past 500 lines, a licence line on top,
nothing left to do later, one format. Each rule is one TAP case."""

import os
import re
import shutil
import subprocess
import sys

MOST_LINES = 500
CODE = (".c", ".h", ".py")
SPDX = "SPDX-License-Identifier: GPL-2.0-or-later"
LEFT_UNDONE = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")

GLIB = {"glib", "glib-object", "glib-unix"}
GIO = GLIB | {"gio"}
# Room -> (rooms it may include beside itself, third parties). A header is a
# third party by the first part of its path (gio/gio.h) or its name (pcap.h).
ROOMS = {
    "include": (set(), GLIB),
    "hooks": ({"include"}, set()),
    "qga": ({"include"}, GLIB | {"json-glib"}),
    "daemon/model": ({"include"}, GLIB),
    "daemon/sflow": ({"include"}, GLIB),
    "daemon/base": (set(), GIO),
    "daemon/virt": ({"include", "daemon/base", "daemon/model"}, GIO | {"libvirt"}),
    "daemon/agent": ({"include", "daemon/base", "daemon/virt"}, GIO),
    "daemon/net": ({"include", "daemon/base", "daemon/bpf", "daemon/model"},
                   GIO | {"pcap", "libmnl", "json-glib"}),
    "daemon/bpf": ({"daemon/model"}, GLIB | {"bpf", "libmnl"}),
    "daemon/host": ({"include", "daemon/base", "daemon/model"}, GIO | {"json-glib"}),
    "daemon/control": ({"include", "daemon/base", "daemon/model"}, GIO | {"json-glib"}),
    # pcap: `receive --pcap` reads a capture file. ncurses: `top`.
    "daemon/hsflowd": ({"daemon/sflow"}, GIO),
    "daemon/ovs": ({"include", "daemon/base", "daemon/model"}, GIO | {"json-glib"}),
    "daemon/cli": ({"include", "daemon/hsflowd", "daemon/sflow"}, GIO | {"json-glib", "ncurses", "pcap"}),
    # The composition root sees every room but not the wire to libvirt.
    "daemon": ({"include", "daemon/base", "daemon/model", "daemon/sflow", "daemon/virt",
                "daemon/net", "daemon/bpf", "daemon/host", "daemon/hsflowd", "daemon/control",
                "daemon/ovs"},
               GIO | {"json-glib"}),
}
# Everything else in <> is the C library's or the kernel's.
THIRD_PARTIES = {"glib", "glib-object", "glib-unix", "gio", "json-glib", "libvirt",
                 "pcap", "ncurses", "libmnl", "bpf", "glibconfig", "gmodule", "libnl3", "netlink", "ares", "libxml"}
# The hook's own code is the one file of include/ that hooks/ may see.
HOOK_MAY_SEE = {"include/hook-msg.h"}
FOLDERS_OF_CODE = ("include", "hooks", "qga", "daemon")


class Tree:
    """The source files below `root`: those git knows or would take, else all."""

    def __init__(self, root):
        self.root = root
        self.files = sorted(path for path in self._list() if self._is_source(path))
        self.text = {}
        for path in self.files:
            with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
                self.text[path] = file.read()

    def _list(self):
        done = None
        if os.path.exists(os.path.join(self.root, ".git")) and shutil.which("git"):
            # safe.directory: root tests a tree of another user's.
            done = subprocess.run(
                ["git", "-c", "safe.directory=*", "-C", self.root, "ls-files", "-z", "--cached",
                 "--others", "--exclude-standard"], capture_output=True, text=True)
        if done is not None and done.returncode == 0:
            return [path for path in set(done.stdout.split("\0"))
                    if path and os.path.isfile(os.path.join(self.root, path))]
        found = []
        for folder, names, files in os.walk(self.root):
            names[:] = [name for name in names if not name.startswith((".", "build"))]
            found += [os.path.relpath(os.path.join(folder, name), self.root) for name in files]
        return found

    def _is_source(self, path):
        name = os.path.basename(path)
        if name.endswith((".c", ".h", ".py", ".sh")):
            return True
        if name in ("meson.build", "meson_options.txt"):
            return True
        if "." in name or path.startswith("tests/data/") or "/corpus/" in path:
            return False
        with open(os.path.join(self.root, path), "rb") as file:
            return file.read(2) == b"#!"

    def sources(self, *suffixes):
        return [path for path in self.files if path.endswith(suffixes)]


def room_of(path):
    """The innermost room that a file lies in, or None (tests may include all)."""
    folder = os.path.dirname(path)
    while folder:
        if folder in ROOMS:
            return folder
        folder = os.path.dirname(folder)
    return None


def third_party(header):
    first = header.split("/")[0]
    name = first[:-2] if first.endswith(".h") else first
    return name if name in THIRD_PARTIES else None


def includes(tree, path):
    """[(line number, header, file of the tree or None)]"""
    found = []
    for number, line in enumerate(tree.text[path].splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        target = None
        if match[1] == '"':
            for base in (os.path.dirname(path), "", "daemon", "include"):
                candidate = os.path.normpath(os.path.join(base, match[2]))
                if candidate in tree.text:
                    target = candidate
                    break
        found.append((number, match[2], target))
    return found


def check_rooms(tree):
    """A room includes only what the table of rooms allows"""
    wrong = []
    for path in tree.sources(".c", ".h"):
        room = room_of(path)
        if room is None:
            if path.startswith(FOLDERS_OF_CODE):
                wrong.append(f"{path}: lies in no known room")
            continue
        rooms, parties = ROOMS[room]
        for number, header, target in includes(tree, path):
            place = f"{path}:{number}: {header}"
            if target is None:
                party = third_party(header)
                if party is not None and party not in parties:
                    wrong.append(f"{place}: {room} may not use {party}")
                continue
            other = room_of(target)
            if room == "hooks" and other == "include" and target not in HOOK_MAY_SEE:
                wrong.append(f"{place}: hooks may see only {', '.join(sorted(HOOK_MAY_SEE))}")
            elif other not in rooms | {room}:
                wrong.append(f"{place}: {room} may not include {other or 'tests'}")
    return wrong


def check_cycles(tree):
    """No header includes itself by way of others, and no two rooms each other"""
    files = {path: [target for _, _, target in includes(tree, path) if target]
             for path in tree.sources(".c", ".h") if not path.startswith("tests/")}
    rooms = {}
    for path, targets in files.items():
        for target in targets:
            if room_of(target) != room_of(path):
                rooms.setdefault(room_of(path), []).append(room_of(target))
    return [" -> ".join(map(str, cycle)) for graph in (files, rooms) for cycle in _cycles(graph)]


def _cycles(graph):
    state, stack, found = {}, [], []

    def visit(node):
        state[node] = "open"
        stack.append(node)
        for other in graph.get(node, []):
            if state.get(other) == "open":
                found.append(stack[stack.index(other):] + [other])
            elif other not in state:
                visit(other)
        stack.pop()
        state[node] = "done"

    for node in sorted(graph, key=str):
        if node not in state:
            visit(node)
    return found


def check_length(tree):
    """No source file is longer than 500 lines"""
    lengths = {path: len(tree.text[path].splitlines()) for path in tree.sources(*CODE)}
    return [f"{path}: {length} lines" for path, length in lengths.items() if length > MOST_LINES]


def check_licence(tree):
    """Each source file names its licence on top"""
    return [f"{path}: no {SPDX}" for path in tree.files
            if not any(SPDX in line for line in tree.text[path].splitlines()[:2])]


def check_undone(tree):
    """No source file holds a note of work left undone"""
    return [f"{path}:{number}: {line.strip()}" for path in tree.files
            for number, line in enumerate(tree.text[path].splitlines(), 1)
            if LEFT_UNDONE.search(line)]


class Skip(Exception):
    pass


def check_format(tree):
    """clang-format has nothing to change"""
    paths = tree.sources(".c", ".h")
    # All at once: to start it is most of its work.
    done = subprocess.run([find_clang_format(), "--dry-run", "-Werror", *paths], cwd=tree.root,
                          capture_output=True, text=True)
    first = {line.split(":")[0]: line for line in reversed(done.stderr.splitlines())
             if ": error: " in line}
    if done.returncode != 0 and not first:
        return ["clang-format: " + done.stderr.strip()]
    return [first[path] for path in sorted(first)]


def find_clang_format():
    """Version 14 and no other: each version formats a little differently."""
    for name in ("clang-format-14", "clang-format"):
        program = shutil.which(name)
        if program:
            shown = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
            if " version 14." in shown:
                return program
    raise Skip("no clang-format 14")


CHECKS = [check_rooms, check_cycles, check_length, check_licence, check_undone, check_format]


def main(root):
    tree = Tree(root)
    print(f"1..{len(CHECKS)}")
    failed = 0
    for number, check in enumerate(CHECKS, 1):
        label = f"{number} - {check.__doc__}"
        try:
            wrong = check(tree)
        except Skip as reason:
            print(f"ok {label} # SKIP {reason}")
            continue
        print(f"{'not ok' if wrong else 'ok'} {label}")
        for line in wrong:
            print(f"# {line}")
        failed += bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
