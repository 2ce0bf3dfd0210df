# SPDX-License-Identifier: GPL-2.0-or-later
"""`virt-sflow top` on a real terminal: tmux shows what is on it."""

import itertools
import os
import re
import signal
import subprocess
import sys
import time

SOURCE, COMMAND = os.environ["VSF_SOURCE"], os.environ["VIRT_SFLOW"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "lab"))
import session  # noqa: E402
import tap  # noqa: E402
from answers import Answers  # noqa: E402

PATIENCE_S = 60
NUMBERS = itertools.count()
TALK = {"from": "vm01", "to": "vm02", "bits": 5000, "packets": 3}


def vm(number, cpu):
    return {"uuid": f"u{number}", "name": f"vm{number:02}", "state": "running", "last_poll_s": 0.1,
            "counters": {"memory_max": 1 << 30, "disk_capacity": 10 << 30,
                         "disk_allocation": 1 << 30},
            "memory": {"bytes": 1 << 29},
            "rates": {"cpu_percent": cpu, "net_in_bits": 1000 * number, "net_out_bits": 5}}


class Daemon(Answers):
    """Answers with the document that `vms` make; None: an error."""

    def __init__(self):
        self.vms = [vm(number, 50 - number) for number in range(1, 41)]
        super().__init__(lambda: {"vms": self.vms, "talkers": [TALK]} if self.vms is not None else
                         {"error": "out of order"})


class Screen:
    """The command in a terminal of its own, on a tmux server of its own."""

    def __init__(self, *words, columns=80, lines=24, term=None):
        # A server that ends keeps its socket for a moment.
        self._socket = os.path.join(daemon().folder, f"tmux{next(NUMBERS)}")
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        environment.pop("TMUX", None)
        self._environment = environment
        command = [COMMAND, "top", "--interval=1", "--runtime-dir", daemon().folder, *words]
        if term:
            command = ["env", f"TERM={term}", *command]
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(lines),
                   f"{' '.join(command)}; echo ENDED $?; sleep 1000")
        try:
            self._leader = int(self._tmux("display-message", "-p", "#{pane_pid}"))
        except BaseException:
            self._tmux("kill-server")
            raise

    def _tmux(self, *words):
        return subprocess.run(["tmux", "-u", "-S", self._socket, *words], check=True,
                              capture_output=True, text=True, env=self._environment).stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        session.end(self._leader, COMMAND, lambda: self._tmux("kill-server"))

    def keys(self, *keys):
        self._tmux("send-keys", *keys)

    def resize(self, columns, lines):
        self._tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def text(self):
        """Exactly what is on it."""
        return self._tmux("capture-pane", "-p")

    def wait(self, question, what):
        """Until question(its lines) is true; the lines."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            lines = self.text().split("\n")[:-1]
            if question(lines):
                return lines
            if time.monotonic() > deadline:
                raise AssertionError(f"not on the screen: {what}\n" + "\n".join(lines))
            time.sleep(0.05)


def daemon():
    return tap.fixture(Daemon)


def names(lines):
    return [line.split()[0] for line in lines[2:] if re.match(r"vm\d\d +[\d-]", line)]


def is_whole(lines):
    """Every row of 24 is there, to its last column: a terminal may be seen half drawn."""
    return (len(names(lines)) == 21 and lines[-1].startswith("q ends") and
            all(len(line.split()) == 10 for line in lines[1:23]))


def test_picture():
    """80 by 24 are filled: a summary, the VMs with the most CPU first, the keys in the last line"""
    tap.need("tmux")
    with Screen() as screen:
        lines = screen.wait(is_whole, "VMs and keys")
        tap.equal(len(lines), 24)
        tap.diagnostics("\n".join(lines[:4]))
        assert lines[0].startswith("40 of 40 VMs, CPU 1180.0%, 820k bit/s in, 200 out"), lines[0]
        tap.equal(lines[1], "VM              CPU%      MEMORY        DISK  READ WRITE    IN   OUT "
                            "PK/IN PKOUT")
        tap.equal(lines[2], "vm01            49.0   512M/1.0G    1.0G/10G     -     -  1.0k     5 "
                            "    -     -")
        tap.equal(names(lines), [f"vm{number:02}" for number in range(1, 22)])


def test_keys():
    """Keys sort, turn round and filter; a VM far below comes into view, and q ends it with 0"""
    tap.need("tmux")
    with Screen() as screen:
        screen.wait(lambda lines: names(lines), "VMs")
        screen.keys("i")
        screen.wait(lambda lines: names(lines)[:2] == ["vm40", "vm39"], "most bits in first")
        screen.keys("R")
        screen.wait(lambda lines: names(lines)[:2] == ["vm01", "vm02"], "least bits in first")
        screen.keys("R", "End")
        screen.wait(lambda lines: "vm01, running" in lines and names(lines)[-1:] == ["vm01"] and
                    re.match(r"net bit/s +1\.0k .*█$", lines[22]), "the last one, selected")
        screen.keys("/", "v", "m", "3")
        screen.wait(lambda lines: len(names(lines)) == 10 and lines[0].endswith("by IN; /vm3_"),
                    "ten of them")
        screen.keys("9", "Enter")
        screen.wait(lambda lines: names(lines) == ["vm39"], "one of them")
        # Letters are keys again.
        screen.keys("n")
        screen.wait(lambda lines: "by VM; /vm39" in lines[0], "sorted by name")
        screen.keys("Escape")
        screen.wait(lambda lines: names(lines)[:2] == ["vm01", "vm02"], "all of them")
        screen.keys("h")
        screen.wait(lambda lines: "sort by" in "\n".join(lines), "help")
        screen.keys("h", "t")
        screen.wait(lambda lines: re.match(r"vm01 +vm02 +5\.0k +3$", lines[2]), "talkers")
        screen.keys("q")
        screen.wait(lambda lines: "ENDED 0" in "\n".join(lines), "the end")


def test_resize():
    """It fills whatever size the terminal is given"""
    tap.need("tmux")
    with Screen() as screen:
        screen.wait(lambda lines: len(names(lines)) == 21, "VMs")
        for columns, rows in ((120, 40), (40, 10), (200, 60), (20, 5), (80, 24)):
            screen.resize(columns, rows)
            lines = screen.wait(
                lambda lines, rows=rows, columns=columns: len(lines) == rows and
                len(names(lines)) == min(rows - 3, 40) and
                ("PKOUT" in lines[1]) == (columns >= 80), f"{columns} by {rows}")
            assert all(len(line) <= columns for line in lines), lines


def test_changes():
    """VMs come and go, a silent daemon is told of with the last picture kept, space holds it"""
    tap.need("tmux")
    before = daemon().vms
    try:
        with Screen("--sort", "n") as screen:
            screen.wait(lambda lines: len(names(lines)) == 21, "VMs")
            daemon().vms = before[:3]
            screen.wait(lambda lines: len(names(lines)) == 3, "three VMs")
            screen.keys("Space")
            screen.wait(lambda lines: lines[23].startswith("held"), "that it is held")
            daemon().vms = before[:2]
            screen.keys("R")
            screen.wait(lambda lines: names(lines) == ["vm03", "vm02", "vm01"], "what was held")
            screen.keys("Space")
            screen.wait(lambda lines: names(lines) == ["vm02", "vm01"], "what is")
            daemon().vms = None
            lines = screen.wait(lambda lines: "out of order" in lines[23], "the error")
            tap.equal(names(lines), ["vm02", "vm01"])
            daemon().vms = before[:1]
            screen.wait(lambda lines: lines[23].startswith("q ends"), "that it answers again")
            screen.keys("C-c")
            screen.wait(lambda lines: "ENDED 0" in "\n".join(lines), "the end")
    finally:
        daemon().vms = before


def test_no_terminal():
    """A terminal that cannot be drawn on is refused with the way out, and --once needs none"""
    tap.need("tmux")
    with Screen(term="nonsense") as screen:
        lines = screen.wait(lambda lines: "ENDED 1" in "\n".join(lines), "the end")
        assert "--once prints one picture" in "\n".join(lines).replace("\n", ""), lines
    done = subprocess.run([COMMAND, "top", "--once", "--filter=vm1", "--sort=i", "--runtime-dir",
                           daemon().folder], capture_output=True, text=True,
                          env={**os.environ, "COLUMNS": "80", "LC_ALL": "C"})
    tap.equal((done.returncode, done.stderr), (0, ""))
    lines = done.stdout.splitlines()
    tap.equal(names(lines), [f"vm{number}" for number in range(19, 9, -1)])
    assert max(map(len, lines)) <= 80, lines


def draws_on(slave, **streams):
    return subprocess.Popen([COMMAND, "top", "--runtime-dir", daemon().folder],
                            **{"stdin": slave, "stdout": slave, "stderr": subprocess.PIPE,
                               **streams}, env={**os.environ, "TERM": "xterm", "LC_ALL": "C"})


def test_no_keys():
    """Where no keys can be read it is refused at once, with the way out"""
    master, slave = os.openpty()
    with draws_on(slave, stdin=subprocess.DEVNULL) as command:
        try:
            _, said = command.communicate(timeout=PATIENCE_S)
        finally:
            command.kill()
            os.close(slave)
            os.close(master)
    tap.equal(command.returncode, 1)
    assert b"no terminal that keys can be read from; --once prints one picture" in said, said


def test_terminal_gone():
    """It ends when its terminal is gone, also where no signal tells so"""
    master, slave = os.openpty()
    with draws_on(slave) as command:
        try:
            os.close(slave)
            drawn = b""
            while b"VMs" not in drawn:
                drawn += os.read(master, 4096)
            os.close(master)
            tap.equal(command.wait(timeout=PATIENCE_S), 0)
        finally:
            command.kill()


def test_signals():
    """A hangup, SIGTERM and SIGINT end it as its key does, and the terminal is given back"""
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        master, slave = os.openpty()
        with draws_on(slave) as command:
            try:
                os.close(slave)
                drawn = b""
                while b"VMs" not in drawn:
                    drawn += os.read(master, 4096)
                command.send_signal(number)
                while b"\x1b[?1049l" not in drawn:  # xterm's other screen is left
                    drawn += os.read(master, 4096)
                tap.equal(command.wait(timeout=PATIENCE_S), 0, number.name)
            finally:
                command.kill()
                os.close(master)


if __name__ == "__main__":
    tap.main(globals())
