# SPDX-License-Identifier: GPL-2.0-or-later
"""What an AppArmor profile allows, read as apparmor.d(5) has it, and what a program did by
strace: where no kernel is at hand that would enforce the one upon the other."""

import os
import re

FOLDER = "/etc/apparmor.d"
_VARIABLES = {"run": "/run", "PROC": "/proc", "sys": "/sys", "pid": "[0-9]*", "pids": "[0-9]*",
              "tid": "[0-9]*", "etc_ro": "/etc", "multiarch": "*-linux-gnu*", "HOME": "/root",
              "lib": "{usr/,}lib{,32,64}"}


def _regex(glob):
    """Of AppArmor's globs: * within a folder, ** below it, {a,b}, [0-9]."""
    out, depth, at = "", 0, 0
    while at < len(glob):
        char = glob[at]
        if glob.startswith("**", at):
            out, at = out + ".*", at + 1
        elif char == "*":
            out += "[^/]*"
        elif char == "?":
            out += "[^/]"
        elif char == "[":
            end = glob.index("]", at)
            out, at = out + glob[at:end + 1], end
        elif char == "{":
            out, depth = out + "(?:", depth + 1
        elif char == "}":
            out, depth = out + ")", depth - 1
        elif char == "," and depth > 0:
            out += "|"
        else:
            out += re.escape(char)
        at += 1
    return out


class Profile:
    """`files` [(regex, letters)], `networks` {(family, type)}, `capabilities`."""

    def __init__(self, text):
        self.files, self.networks, self.capabilities = [], set(), set()
        self._read(text[text.index("{", text.index("\nprofile ")) + 1:])

    def _read(self, text):
        for line in text.splitlines():
            line = re.sub(r"\s+#.*$", "", line.strip())
            include = re.match(r"#?include (if exists )?<(.+)>", line)
            if include:
                self._include(os.path.join(FOLDER, include[2]))
                continue
            rule = re.match(r"(?:owner\s+)?(/\S*|@\{\S+)\s+([a-zA-Z]+)(?: -> \S+)?,$", line)
            if rule:
                path = re.sub(r"@\{(\w+)\}", lambda name: _VARIABLES.get(name[1], "//"), rule[1])
                self.files.append((re.compile(_regex(path) + r"\Z"), rule[2]))
            words = line.rstrip(",").split()
            if len(words) >= 2 and words[0] == "network":
                self.networks.add((words[1], words[2] if len(words) > 2 else ""))
            elif len(words) == 2 and words[0] == "capability":
                self.capabilities.add(words[1])
            elif words == ["unix"]:
                self.networks.add(("unix", ""))

    def _include(self, path):
        paths = [os.path.join(path, name) for name in os.listdir(path)] if os.path.isdir(path) else \
            [path]
        for one in paths:
            if os.path.isfile(one):
                with open(one, errors="replace") as file:
                    self._read(file.read())

    def allows(self, path, letter):
        return any(letter in letters and regex.match(path) for regex, letters in self.files)

    def allows_socket(self, family, kind):
        return bool({(family, kind), (family, "")} & self.networks)


def _opened(path, flags):
    """Nothing for what is opened only to be looked at, which AppArmor leaves alone; the name of a folder
    ends with a slash, as in rules."""
    if "O_PATH" in flags:
        return None
    if "O_DIRECTORY" in flags:
        return path.rstrip("/") + "/", "r"
    return path, "w" if re.search(r"O_(WRONLY|RDWR|CREAT|APPEND|TRUNC)", flags) else "r"


_CALLS = (
    (re.compile(r'openat\(AT_FDCWD, "(/[^"]*)", ([A-Z_|]+).*\) = \d'), lambda call: _opened(call[1], call[2])),
    (re.compile(r'(?:connect|bind)\(\d+, \{sa_family=AF_UNIX, sun_path="(/[^"]*)"\}, \d+\) = 0'),
     lambda call: (call[1], "w")),
    (re.compile(r'rename\w*\((?:AT_FDCWD, )?"[^"]*", (?:AT_FDCWD, )?"(/[^"]*)".*\) = 0'),
     lambda call: (call[1], "w")),
    (re.compile(r'unlink\w*\((?:AT_FDCWD, )?"(/[^"]*)".*\) = 0'), lambda call: (call[1], "w")),
)
_SOCKET = re.compile(r"socket\(AF_(\w+), SOCK_(\w+).*\) = \d")
_TYPES = {"STREAM": "stream", "DGRAM": "dgram", "RAW": "raw", "SEQPACKET": "seqpacket"}


def done(trace):
    """-> ({(path, r or w)}, {(family, type)}) of the text that strace -f wrote, for what succeeded."""
    files, sockets = set(), set()
    for line in trace.splitlines():
        for regex, make in _CALLS:
            found = regex.search(line)
            if found:
                files.add(make(found))
        files.discard(None)
        found = _SOCKET.search(line)
        if found:
            sockets.add((found[1].lower(), _TYPES.get(found[2], found[2])))
    return files, sockets


def parted(lines, program):
    """-> (others, those of the process that became `program`, and of its threads), of strace -f."""
    start = next(n for n, line in enumerate(lines) if f'execve("{program}"' in line)
    ours = {lines[start].split()[0]}
    while True:
        more = {found[2] for found in map(re.compile(r"(\d+) .*clone3?\b.* = (\d+)$").match, lines[start:])
                if found and found[1] in ours} - ours
        if not more:
            break
        ours |= more
    own = [line for line in lines[start + 1:] if line.split()[0] in ours]
    return lines[:start] + [line for line in lines[start + 1:] if line.split()[0] not in ours], own
