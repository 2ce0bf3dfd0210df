# SPDX-License-Identifier: GPL-2.0-or-later
"""Completion as people use it: keys pressed at a real shell on a pseudo-terminal. What should come
is read from --help by code of our own."""

import os
import pty
import re
import select
import subprocess
import sys
import time

SOURCE, COMMAND = os.environ["VSF_SOURCE"], os.environ["VIRT_SFLOW"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "lab"))
import session  # noqa: E402
import tap  # noqa: E402
from answers import Answers  # noqa: E402

SCRIPTS = os.path.join(SOURCE, "data", "completions")
STATUS = {"vms": [{"name": "web01"}, {"name": "db"}, {"name": "$(touch owned)"},
                  {"name": "-rf"}, {"name": "a b"}]}
PATIENCE_S = 60


class Shell:
    """A shell on a terminal of its own. insert() presses keys, then has it print the line that
    they made, unrun."""

    def __init__(self, command, setup, insert_all):
        self._insert_all = insert_all
        environment = {"PATH": os.path.dirname(COMMAND) + ":" + os.environ["PATH"],
                       "TERM": "dumb", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.execvpe(command[0], command, environment)
        self._seen, self._count = "", 0
        self._send(f"PS1=; {setup}; echo READY'!'\n")
        self._wait(r"READY!")

    def close(self):
        try:
            session.end(self._pid, COMMAND, lambda: os.close(self._terminal))
        finally:
            os.waitpid(self._pid, 0)

    def _send(self, text):
        os.write(self._terminal, text.encode())

    def _wait(self, pattern):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            found = re.search(pattern, self._seen)
            if found:
                self._seen = self._seen[found.end():]
                return found
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._terminal], [], [], left)[0]:
                raise AssertionError(f"no {pattern!r} in {self._seen!r}")
            self._seen += os.read(self._terminal, 65536).decode(errors="replace")

    def insert(self, keys):
        self._count += 1
        # To the line's start and end, by its ordinary keys.
        self._send(f"{keys}\x01echo 'LINE{self._count} \x05'\n")
        return self._wait(rf"\nLINE{self._count} ([^\r\n]*)\r?\n")[1]

    def all(self, keys):
        """What the last word may become."""
        words = self.insert(keys + self._insert_all).split()
        return words[len(keys.split()) - (not keys.endswith(" ")):]


def daemon():
    return tap.fixture(make_daemon)


def make_daemon():
    return Answers(lambda: STATUS)


class Bash(Shell):
    def __init__(self):
        script = os.path.join(SCRIPTS, "virt-sflow.bash")
        # \x1b*: every completion at once.
        super().__init__(["bash", "--norc", "--noprofile", "-i"],
                         f"bind 'set bell-style none'; . {script}", "\x1b*")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def bash():
    tap.need("bash")
    return tap.fixture(Bash)


def shown(*words):
    done = subprocess.run([COMMAND, *words, "--help"], capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0, done
    return done.stdout


def commands():
    return re.findall(r"^  ([a-z][a-z-]+)  +\S", shown().split("Commands:")[1], re.M)


def options(command):
    found = re.findall(r"^ +(?:-\w, )?(--[a-z-]+)(=?)", shown(command), re.M)
    return {name + equals for name, equals in found}


def test_commands():
    """bash completes every command of virt-sflow, and no other word"""
    assert len(commands()) > 9, commands()
    tap.equal(sorted(bash().all("virt-sflow ")), sorted(commands() + ["--help", "--version"]))
    tap.equal(bash().insert("virt-sflow doc\t").strip(), "virt-sflow doctor")


def test_options():
    """bash completes every option of every command"""
    assert sum(len(options(command)) for command in commands()) > 30
    for command in commands():
        tap.equal(set(bash().all(f"virt-sflow {command} --")), options(command), command)


def test_option_with_a_value():
    """After an option that takes a value bash completes no blank, and then files"""
    tap.equal(bash().insert("virt-sflow vms --run\t"), "virt-sflow vms --runtime-dir=")
    place = daemon().folder
    for between in (" ", "="):
        tap.equal(bash().insert(f"virt-sflow vms --runtime-dir{between}{place}/con\t").strip(),
                  f"virt-sflow vms --runtime-dir{between}{place}/control")


def test_vms():
    """bash completes the VMs that run, asked where --runtime-dir says; no name is run or taken
    for an option"""
    place = daemon().folder
    for words in (f"vm --runtime-dir {place} ", f"explain --runtime-dir={place} "):
        tap.equal(sorted(bash().all(f"virt-sflow {words}")), ["db", "web01"])
    tap.equal(bash().insert(f"virt-sflow vm --json --runtime-dir={place} w\t").split()[-1], "web01")
    tap.equal(bash().all(f"virt-sflow vm --runtime-dir={place} web01 "), [])
    assert not os.path.exists("owned")


def test_words():
    """bash completes explain's fields, and what is paused, resumed or done with the hook"""
    fields = re.search(r"^Fields: (.*)$", shown("explain"), re.M)[1].split(", ")
    assert "memory" in fields, fields
    tap.equal(bash().all("virt-sflow explain web01 "), sorted(fields))
    tap.equal(bash().all("virt-sflow explain web01 memory "), [])
    tap.equal(bash().all("virt-sflow pause "), ["agents", "all", "sampling"])
    tap.equal(bash().all("virt-sflow pause --for=1h "), ["agents", "all", "sampling"])
    tap.equal(bash().all("virt-sflow pause --for 1h a"), ["agents", "all"])
    tap.equal(bash().all("virt-sflow resume --runtime-dir=/x "), ["agents", "all", "sampling"])
    tap.equal(bash().all("virt-sflow hook "), ["install", "remove", "status"])


def test_zsh():
    """zsh takes the script and completes commands and options"""
    tap.need("zsh")
    setup = (f"fpath=({SCRIPTS} $fpath); autoload -Uz compinit; compinit -u -D; "
             "bindkey -e; unsetopt beep; setopt no_auto_menu")
    shell = Shell(["zsh", "-f", "-i"], setup, "\t")
    try:
        tap.equal(shell.insert("virt-sflow doc\t").strip(), "virt-sflow doctor")
        tap.equal(shell.insert("virt-sflow vms --na\t").strip(), "virt-sflow vms --names")
    finally:
        shell.close()


if __name__ == "__main__":
    tap.main(globals())
