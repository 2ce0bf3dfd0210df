# SPDX-License-Identifier: GPL-2.0-or-later
"""A running guest of the lab: its serial console as a way to run commands, its
agent and its life cycle through virsh."""

import base64
import json
import os
import re
import socket
import time

from sandbox import Failed


class Console:
    """Speaks with guest-console.sh over the serial console's socket."""

    def __init__(self, path):
        self._path = path
        self._socket = None
        self._buffer = b""
        self._count = 0

    def close(self):
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._buffer = b""

    def _connect(self):
        if self._socket is not None:
            return
        connection = socket.socket(socket.AF_UNIX)
        # By way of /proc/self/fd: the path itself may pass the 107 bytes of a sockaddr.
        folder = os.open(os.path.dirname(self._path), os.O_PATH)
        try:
            connection.connect(f"/proc/self/fd/{folder}/{os.path.basename(self._path)}")
        except OSError:
            connection.close()
            raise
        finally:
            os.close(folder)
        self._socket = connection

    def run(self, command, timeout=30, resend=None):
        """Returns (status, output). `resend`: ask again every so many seconds (for a
        guest that is still booting and loses what it is told)."""
        deadline = time.monotonic() + timeout
        encoded = base64.b64encode(command.encode())
        numbers = []
        while True:
            now = time.monotonic()
            if now >= deadline:
                raise Failed(f"guest console: no answer within {timeout} s to: {command}")
            part = deadline if resend is None else min(deadline, now + resend)
            try:
                self._connect()
                self._count += 1
                numbers.append(self._count)
                self._socket.sendall(b"\n%d %s\n" % (self._count, encoded))
                answer = self._answer(numbers, part)
            except (ConnectionError, FileNotFoundError):
                self.close()  # QEMU is gone, or not there yet
                answer = None
                if resend is None:
                    raise Failed("guest console: closed") from None
                time.sleep(0.05)
            if answer is not None:
                return answer

    def _answer(self, numbers, deadline):
        while True:
            for match in re.finditer(rb"@@(\d+) (\d+) ([A-Za-z0-9+/=]*)\r?\n", self._buffer):
                if int(match[1]) in numbers:
                    self._buffer = self._buffer[match.end():]
                    return int(match[2]), base64.b64decode(match[3]).decode(errors="replace")
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                return None
            if not data:
                raise ConnectionError
            self._buffer = (self._buffer + data)[-4_000_000:]


class Guest:
    """A domain made by Lab.define_guest(); it may run or not."""

    def __init__(self, lab, name, identity, nics, console):
        self.lab = lab
        self.name = name
        self.uuid = identity
        self.nics = nics
        self.console = Console(console) if console else None

    @property
    def address(self):
        return self.nics[0].address.split("/")[0]

    def start(self, wait=True, paused=False):
        self.lab.virsh("start", self.name, *(["--paused"] if paused else []))
        if wait and not paused and self.console:
            self.wait_ready()

    def wait_ready(self, timeout=90):
        """Until the guest takes commands, on a fresh connection (a reboot keeps it)."""
        self.console.close()
        self.console.run("true", timeout, resend=1)

    def wait_agent(self, timeout=60):
        deadline = time.monotonic() + timeout
        while True:
            try:
                return self.agent("guest-ping")
            except Failed:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def run(self, command, check=True, timeout=30):
        """Output of a shell command in the guest; with check=False (status, output)."""
        status, output = self.console.run(command, timeout)
        if not check:
            return status, output
        if status != 0:
            raise Failed(f"{self.name}: {command}: exit status {status}: {output.strip()}")
        return output

    def agent(self, command, **arguments):
        request = {"execute": command, **({"arguments": arguments} if arguments else {})}
        answer = self.lab.virsh("qemu-agent-command", self.name, json.dumps(request))
        return json.loads(answer)["return"]

    def agent_state(self):
        """connected or disconnected, as libvirt says; None without a channel."""
        found = re.search(r"<target type='virtio' name='org.qemu.guest_agent.0'"
                          r"(?: state='(\w+)')?", self.lab.virsh("dumpxml", self.name))
        return found and found[1]

    def wait_agent_state(self, state, timeout=60):
        deadline = time.monotonic() + timeout
        while self.agent_state() != state:
            if time.monotonic() > deadline:
                raise Failed(f"{self.name}: the agent is not {state} after {timeout} s")
            time.sleep(0.05)

    def signal_agent(self, name):
        """STOP, CONT ... to its qemu-ga."""
        self.run(f"kill -{name} $(cat /run/qemu-ga.pid)")

    def start_agent(self, block=""):
        """Anew, after signal_agent("KILL"); `block`: commands to refuse, commas between."""
        self.run(f"setsid /etc/guest-agent.sh {block} >/dev/null 2>&1 </dev/null &")

    def free(self, *mount_points):
        """Bytes that the file systems there have free for ordinary users, by statfs."""
        return sum(blocks * size for blocks, size in self._statfs("%a %S", mount_points))

    def sizes(self, mount_point):
        """(total, used) in bytes, as df has them: what is reserved is in neither."""
        (blocks, free, available, size), = self._statfs("%b %f %a %S", [mount_point])
        return (blocks - free + available) * size, (blocks - free) * size

    def _statfs(self, what, mount_points):
        shown = self.run(f"stat -f -c '{what}' {' '.join(mount_points)}")
        return [[int(word) for word in line.split()] for line in shown.splitlines()]

    def memory(self):
        """Its /proc/meminfo in bytes, and what of it is in use."""
        lines = self.run("cat /proc/meminfo").splitlines()
        said = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
        return {**said, "in_use": said["MemTotal"] - said["MemAvailable"]}

    def state(self):
        return self.lab.virsh("domstate", self.name).strip()

    def destroy(self):
        self.lab.virsh("destroy", self.name)

    def wait_state(self, state, timeout=60):
        deadline = time.monotonic() + timeout
        while self.state() != state:
            if time.monotonic() > deadline:
                raise Failed(f"{self.name}: {self.state()!r}, not {state!r}, after {timeout} s")
            time.sleep(0.1)

    def taps(self):
        """Names of the host's side of each NIC, in the order of the XML."""
        return self.lab.taps(self.name)

    def pid(self):
        """Its QEMU's PID as seen from outside the lab."""
        return self.lab.qemu_pid(self.name)
