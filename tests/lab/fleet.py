# SPDX-License-Identifier: GPL-2.0-or-later
"""Many virt-sflowd that start at once, as after an update of a whole cluster. Run
inside a lab:

    fleet.py N FOLDER CONFIG COMMAND...

Each has a runtime and a state directory in FOLDER of its own, a PID namespace and a host name, as
on a machine of its own: each looks for its VMs' processes, and sends when its host's name says. They are held where each opens its
configuration, a FIFO; a line on the standard input then lets go of all, and the next one ends
them. What it prints: ready, released TIME, ended NUMBER (of those that did not end with 0)."""

import ctypes
import os
import resource
import signal
import socket
import subprocess
import sys
import time

NEW_PID, NEW_MOUNT, NEW_NAMES = 0x20000000, 0x20000, 0x4000000
MOUNT_PRIVATE_ALL = 0x44000
libc = ctypes.CDLL(None, use_errno=True)


def checked(status):
    if status != 0:
        raise OSError(ctypes.get_errno(), "namespaces of a daemon")


def be_a_machine(name):
    checked(libc.unshare(NEW_MOUNT | NEW_NAMES))
    socket.sethostname(name)
    checked(libc.mount(b"none", b"/", None, MOUNT_PRIVATE_ALL, None))
    checked(libc.mount(b"proc", b"/proc", b"proc", 0, None))


def start(number, folder, command):
    place = os.path.join(folder, str(number))
    os.makedirs(place, exist_ok=True)
    fifo = os.path.join(place, "config")
    if not os.path.exists(fifo):
        os.mkfifo(fifo)
    with open("/proc/self/ns/pid", "rb") as own:
        checked(libc.unshare(NEW_PID))  # of the children
        process = subprocess.Popen([*command, "--config", fifo, "--runtime-dir", place + "/run",
                                    "--state-dir", place + "/state"],
                                   preexec_fn=lambda: be_a_machine(f"hv{number}"))
        checked(libc.setns(own.fileno(), NEW_PID))
    return process, fifo


def open_held(process, fifo):
    """Once the daemon waits for its configuration, which it cannot before it is loaded."""
    while process.poll() is None:
        try:
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"a daemon ended with {process.returncode}")


def main():
    count, folder, config = int(sys.argv[1]), sys.argv[2], sys.argv[3].encode()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    started = [start(number, folder, sys.argv[4:]) for number in range(count)]
    held = [open_held(*one) for one in started]
    print("ready", flush=True)
    sys.stdin.readline()
    print("released", time.time(), flush=True)
    for descriptor in held:
        os.write(descriptor, config)
        os.close(descriptor)
    sys.stdin.readline()
    for process, _ in started:
        process.send_signal(signal.SIGTERM)
    failed = [process.returncode for process, _ in started if process.wait() != 0]
    print("ended", len(failed), flush=True)


if __name__ == "__main__":
    main()
