# SPDX-License-Identifier: GPL-2.0-or-later
"""A set of private namespaces (network, mount, PID, UTS) held by one process.

The holder is `cat` as PID 1 of the PID namespace, reading a pipe whose other
end only this process has. When the pipe closes, by stop(), by an exit or by a
SIGKILL of this process, PID 1 ends and the kernel kills everything inside; the
last process takes the anonymous namespaces, their mounts and taps with it.
"""

import ctypes
import os
import shlex
import signal
import socket
import subprocess
import threading
import time

_libc = ctypes.CDLL(None, use_errno=True)

# Changed paths of the mount namespace come in by arguments, so that no path is
# parsed by the shell. SIGCHLD ignored: the kernel reaps orphans (a zombie QEMU
# would look alive to libvirtd), and exec keeps an ignored signal ignored. By env,
# since dash's trap does not really ignore this one.
_HOLDER = """
set -e
mount -t sysfs sysfs /sys
hostname "$1"; shift
while [ $# -gt 0 ]; do mount --bind "$1" "$2"; shift 2; done
ip link set lo up
echo ready
exec env --ignore-signal=CHLD cat >/dev/null
"""


class Failed(Exception):
    """A command inside ended with a status other than 0, or not in time."""


class Process(subprocess.Popen):
    """A command inside. `inner` is the command's PID as seen from outside;
    the Popen itself is the nsenter that waits for it."""

    _inner = None

    @property
    def inner(self):
        deadline = time.monotonic() + 10
        while self._inner is None:
            pid = _only_child(self.pid)
            # Until it executes the command, the child is still nsenter.
            if pid is not None and _executable(pid) not in (None, _executable(self.pid)):
                self._inner = pid
            elif self.poll() is not None or time.monotonic() > deadline:
                raise ProcessLookupError(f"{self.args}: not running")
            else:
                time.sleep(0.002)
        return self._inner

    def signal(self, number):
        """To the command, not to the nsenter (which passes nothing on)."""
        if self.poll() is None:
            try:
                os.kill(self.inner, number)
            except ProcessLookupError:
                pass
            # nsenter stops itself together with its child, but is not continued with it.
            if number == signal.SIGCONT:
                self.send_signal(number)

    def end(self, timeout=10):
        """SIGTERM, then SIGKILL; returns the exit status."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            return self.wait(timeout)


class Sandbox:
    """Namespaces of their own with `binds` [(folder, over this path)]."""

    def __init__(self, hostname, binds):
        arguments = [hostname]
        for source, target in binds:
            arguments += [str(source), str(target)]
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--pid", "--uts", "--propagation", "private",
             "--fork", "--mount-proc", "--kill-child", "sh", "-c", _HOLDER, "sh", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True)  # a Ctrl-C on the terminal must not reach the inside first
        if self._holder.stdout.readline() != b"ready\n":
            self._holder.stdin.close()
            message = self._holder.stderr.read().decode().strip()
            self._holder.wait()
            raise Failed(f"namespaces: {message}")
        self.pid = _only_child(self._holder.pid)

    def stop(self):
        """Returns when every process inside is gone: unshare waits for PID 1, whose
        end is reported only after all others of its PID namespace."""
        if self._holder.poll() is None:
            self._holder.stdin.close()
            try:
                self._holder.wait(20)
            except subprocess.TimeoutExpired:
                self._holder.kill()  # --kill-child
                self._holder.wait()
        self._holder.stdout.close()
        self._holder.stderr.close()

    def popen(self, command, **options):
        """`command`: a list, or a text for the shell. Absolute paths only."""
        if isinstance(command, str):
            command = ["sh", "-c", command]
        options.setdefault("stdin", subprocess.DEVNULL)
        # -r: the holder's root, which is not the namespace's where we run in a chroot.
        return Process(["nsenter", "-t", str(self.pid), "-m", "-n", "-p", "-u", "-r", "--",
                        *map(str, command)], **options)

    def run(self, command, check=True, timeout=60, input=None, **options):
        """Returns a CompletedProcess with text output (stderr in it when check fails)."""
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        if input is not None:
            options["stdin"] = subprocess.PIPE
        process = self.popen(command, text=True, errors="replace", **options)
        shown = command if isinstance(command, str) else shlex.join(map(str, command))
        try:
            out, err = process.communicate(input, timeout)
        except subprocess.TimeoutExpired:
            process.signal(signal.SIGKILL)
            process.communicate()
            raise Failed(f"{shown}: no end within {timeout} s") from None
        if check and process.returncode != 0:
            raise Failed(f"{shown}: exit status {process.returncode}: {(err or out or '').strip()}")
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def network_run(self, command):
        """In the network namespace alone: PIDs and paths are the outside's."""
        subprocess.run(["nsenter", "-t", str(self.pid), "-n", "--", *command], check=True)

    def call_in_network(self, function):
        """Runs function() on a thread that is inside the network namespace (only
        that) and returns its result. Sockets made there stay inside."""
        result = {}

        def body():
            try:
                self.enter_network()
                result["value"] = function()
            except BaseException as error:  # handed to the caller
                result["error"] = error

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        if "error" in result:
            raise result["error"]
        return result["value"]

    def enter_network(self):
        """Moves the calling thread; never call it on the main thread."""
        with open(f"/proc/{self.pid}/ns/net", "rb") as namespace:
            if _libc.setns(namespace.fileno(), 0x40000000) != 0:  # CLONE_NEWNET
                raise OSError(ctypes.get_errno(), "setns")

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_DGRAM, protocol=0):
        return self.call_in_network(lambda: socket.socket(family, kind, protocol))

    def processes(self):
        """PIDs (seen from outside) of everything inside, the holder too."""
        return processes_of(os.readlink(f"/proc/{self.pid}/ns/pid"))


def processes_of(pid_namespace):
    """PIDs of all processes in a PID namespace, named as its link in /proc reads."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.readlink(f"/proc/{name}/ns/pid") == pid_namespace:
                    found.append(int(name))
            except OSError:
                pass
    return found


def _only_child(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            words = file.read().split()
    except OSError:
        return None
    return int(words[0]) if words else None


def _executable(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return None
