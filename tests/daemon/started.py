# SPDX-License-Identifier: GPL-2.0-or-later
"""The real daemon as a service manager starts it, on libvirt's test driver and in a network
namespace of the test program's own, without a way out."""

import contextlib
import ctypes
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SOURCE = os.environ["VSF_SOURCE"]
DAEMON, COMMAND = os.environ["VIRT_SFLOWD"], os.environ["VIRT_SFLOW"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "lab"))
import tap  # noqa: E402

PATIENCE_S = 60  # generous: of one step
INSIDE = "VSF_INSIDE"
IS_ROOT = "VSF_ROOT"


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Daemon:
    """    with Daemon("[sflow]\\npolling = 5\\n") as daemon: ...

    Waits until it is up; leaving the block ends it, which must go well."""

    def __init__(self, config="", *arguments, collector=True, state=None, uri="test:///default",
                 files=None):
        self.files = files  # that it may have open
        self.folder = tempfile.mkdtemp(prefix="vsf-start-")
        self.runtime = os.path.join(self.folder, "run")
        self.config = os.path.join(self.folder, "conf")
        self.configure(config)
        self._arguments = ["--config", self.config, "--runtime-dir", self.runtime, "--uri", uri,
                           "--state-dir", state or os.path.join(self.folder, "state"),
                           *(["--collector", "127.0.0.1:6399"] if collector else []), *arguments]
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._manager.bind(os.path.join(self.folder, "notify"))
        self._manager.settimeout(PATIENCE_S)
        self._log = open(os.path.join(self.folder, "log"), "wb")
        self.process = None

    def _prepare(self):
        die_with_parent()
        if self.files:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.files, self.files))

    def configure(self, text):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(text)

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def hear(self, word):
        """Until the service manager is told that."""
        while True:
            try:
                if word in self._manager.recv(4096).decode().split("\n"):
                    return
            except TimeoutError:
                raise AssertionError(f"never said {word}:\n{self.log()}") from None

    def __enter__(self):
        self.process = subprocess.Popen(
            [DAEMON, *self._arguments], stdin=subprocess.DEVNULL, stdout=self._log,
            stderr=self._log, preexec_fn=self._prepare,
            env={**os.environ, "NOTIFY_SOCKET": os.path.join(self.folder, "notify"),
                 "RES_OPTIONS": "timeout:1 attempts:1", "LC_ALL": "C.UTF-8"})
        try:
            self._wait_up()
        except BaseException:
            self.close()
            raise
        return self

    def _wait_up(self):
        self._manager.settimeout(0.1)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with contextlib.suppress(TimeoutError):
                if "READY=1" in self._manager.recv(4096).decode().split("\n"):
                    break
            assert self.process.poll() is None, \
                f"ended at its start with {self.process.returncode}:\n{self.log()}"
            assert time.monotonic() < deadline, f"not ready:\n{self.log()}"
        self._manager.settimeout(PATIENCE_S)

    def status(self):
        done = subprocess.run([COMMAND, "status", "--json", "--runtime-dir", self.runtime],
                              capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode == 0, (done.stderr, self.log())
        return json.loads(done.stdout)

    def wait_status(self, question, what):
        deadline = time.monotonic() + PATIENCE_S
        while not (answer := question(self.status())):
            assert time.monotonic() < deadline, f"{what}: {self.status()}\n{self.log()}"
            time.sleep(0.05)
        return answer

    def reload(self, text):
        self.configure(text)
        self.process.send_signal(signal.SIGHUP)
        self.hear("RELOADING=1")
        self.hear("READY=1")
        tap.equal(self.status()["config"]["reload"]["state"], "ok", "the reload")

    def end(self, signal_number=signal.SIGTERM):
        """Its exit status."""
        self.process.send_signal(signal_number)
        return self.process.wait(PATIENCE_S)

    def __exit__(self, kind, *_):
        try:
            if kind is None and self.process.poll() is None:
                tap.equal(self.end(), 0, f"its exit status; it said\n{self.log()}\n")
            if kind is None:
                wrong = re.findall(r".*(?:CRITICAL|ERROR|Sanitizer).*", self.log())
                tap.equal(wrong, [], "its log")
        finally:
            self.close()

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._log.close()
        self._manager.close()
        shutil.rmtree(self.folder)


def main(names):
    """tap.main() in a network namespace of its own."""
    if INSIDE not in os.environ:
        # In a user namespace of its own who is not root may have a network of his own, too.
        is_root = os.geteuid() == 0
        enter = ["unshare", "--net"] if is_root else ["unshare", "--user", "--map-root-user",
                                                      "--net"]
        if subprocess.run([*enter, "true"], stderr=subprocess.DEVNULL).returncode != 0:
            print("1..0 # SKIP no network namespace of its own may be made here")
            return
        environment = {**os.environ, INSIDE: "1", **({IS_ROOT: "1"} if is_root else {})}
        os.execvpe("unshare", [*enter, sys.executable, *sys.argv], environment)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    tap.main(names)
