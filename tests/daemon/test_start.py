# SPDX-License-Identifier: GPL-2.0-or-later
"""The real daemon from its start to its end, with each of the main settings: what no other unit
test makes is the order in which its rooms are made and taken down. libvirt is its test driver,
the network a namespace of this program's own, without a way out."""

import contextlib
import ctypes
import json
import os
import re
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

VM = "11111111-0000-0000-0000-00000000000{}"
DOMAIN = ("<domain type='test' id='{0}'><name>vm{0}</name><uuid>" + VM + "</uuid>"
          "<memory>65536</memory><vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os>"
          "<devices>{1}</devices></domain>")


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Daemon:
    """    with Daemon("[sflow]\\npolling = 5\\n") as daemon: ...

    Waits until it is up; leaving the block ends it, which must go well."""

    def __init__(self, config="", *arguments, collector=True, state=None, uri="test:///default"):
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
            stderr=self._log, preexec_fn=die_with_parent,
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


def live(config, question=None, **options):
    """A start, the test driver's VM, a reload of an almost empty file, and the end."""
    with Daemon(config, **options) as daemon:
        status = daemon.wait_status(lambda status: status.get("vms") and status,
                                    "the VM of libvirt's test driver")
        tap.equal([vm["domain"] for vm in status["vms"]], ["test"])
        if question:
            assert question(status), (status, daemon.log())
        daemon.reload("[sflow]\npolling = 7\n")
        tap.equal(daemon.status()["config"]["polling"], 7)


def test_defaults():
    """with nothing in its file the daemon comes up, reloads, and ends with 0"""
    live("")


def test_pcap():
    """with backend = pcap"""
    live("[capture]\nbackend = pcap\n",
         lambda status: status["capture"]["backend_wanted"] == "pcap")


def test_ebpf():
    """with backend = ebpf, whether or not the kernel lets it"""
    live("[capture]\nbackend = ebpf\n",
         lambda status: status["capture"]["backend_wanted"] == "ebpf")


def test_dns():
    """with dns-sd, of a domain that cannot be asked"""
    live("[sflow]\ndns-sd = on\ndns-sd-domain = example.invalid\n",
         lambda status: status["dns_sd"]["domain"] == "example.invalid")


def test_dns_alone():
    """with dns-sd and no other collector"""
    live("[sflow]\ndns-sd = on\n", lambda status: status["collectors"] == [], collector=False)


def test_rules():
    """with rules for VMs and interfaces"""
    live("[vm te*]\nsampling = 64\npolling = 3\nagent = off\n[interface vnet*]\ndirection = in\n",
         lambda status: len(status["config"]["rules"]) == 2)


def test_host_off():
    """without the host's own samples"""
    live("[host]\nenabled = off\n")


def test_no_collector():
    """without a collector"""
    live("", lambda status: status["collectors"] == [], collector=False)


def test_no_address():
    """with a collector whose name does not resolve"""
    live("[sflow]\ncollectors = nowhere.invalid\n", collector=False)


def test_no_state():
    """with a state directory that cannot be"""
    live("", lambda status: "/dev/null/state" in status["state"]["trouble"],
         state="/dev/null/state")


def test_hsflowd_indexes():
    """with Host sFlow's indexes, names by metadata, no polling, no sampling and no agents"""
    live("[sflow]\nvm-index = hsflowd\nvm-name = guest\npolling = 0\nsampling = 0\n"
         "agent-address = 127.0.0.1\n[guest]\nagent = off\ndetail = none\n[daemon]\n"
         "cpu-limit = off\n", lambda status: status["agent_address"] == "127.0.0.1")


def test_no_libvirt():
    """without libvirt"""
    with Daemon("", uri="test:///nonexistent/node.xml") as daemon:
        tap.equal(daemon.wait_status(lambda status: status.get("libvirt"), "libvirt")["connected"],
                  False)
        daemon.reload("[sflow]\npolling = 7\n")


def test_two():
    """a second daemon with the same runtime directory ends with 1 and leaves the first alone"""
    with Daemon("") as daemon:
        done = subprocess.run([DAEMON, "--config", daemon.config, "--runtime-dir", daemon.runtime,
                               "--uri", "test:///default"], capture_output=True, text=True,
                              timeout=PATIENCE_S)
        tap.equal(done.returncode, 1, done.stderr)
        daemon.status()


def test_wrong_reload():
    """a file that is wrong changes nothing"""
    with Daemon("[sflow]\npolling = 9\n") as daemon:
        daemon.configure("[sflow]\npolling = often\n")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.hear("RELOADING=1")
        daemon.hear("READY=1")
        tap.equal(daemon.status()["config"]["reload"]["state"], "failed")
        tap.equal(daemon.status()["config"]["polling"], 9)


def test_at_once():
    """a SIGTERM at any moment of the start ends it with 0"""
    for wait_ms in (0, 1, 3, 10, 30, 100, 300):
        daemon = Daemon("")
        daemon.process = subprocess.Popen([DAEMON, *daemon._arguments], stdin=subprocess.DEVNULL,
                                          stdout=daemon._log, stderr=daemon._log,
                                          preexec_fn=die_with_parent)
        try:
            time.sleep(wait_ms / 1000)
            status = daemon.end()
            # Before it has a handler the signal itself ends it.
            assert status in (0, -signal.SIGTERM), (wait_ms, status, daemon.log())
        finally:
            daemon.close()


# ---------------------------------------------------------------- interfaces

N_TAPS = 66  # two more than have links


@contextlib.contextmanager
def taps():
    """vnet0 to vnet65, up; eBPF is there, or the test is skipped."""
    if not os.environ.get(IS_ROOT) or not os.path.exists("/dev/net/tun"):
        tap.skip("needs root and /dev/net/tun")
    names = [f"vnet{number}" for number in range(N_TAPS)]
    batch = "".join(f"tuntap add {name} mode tap\nlink set {name} up\n" for name in names)
    subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True)
    try:
        yield names
    finally:
        batch = "".join(f"link del {name}\n" for name in names if os.path.exists(
            f"/proc/sys/net/ipv4/conf/{name}"))
        subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True)


def filters(names):
    """Interfaces with a filter of the daemon's."""
    return [name for name in names if "virt-sflow" in subprocess.run(
        ["tc", "filter", "show", "dev", name, "ingress"], capture_output=True, text=True,
        check=True).stdout]


def backends(status):
    """Name -> what samples it."""
    return {one["name"]: one["backend"] for one in status.get("taps", ())
            if one["state"] == "sampling"}


def test_leftovers():
    """clsact filters that a daemon with backend = ebpf left when it was killed are taken away by
    the next one with backend = pcap, which says so"""
    with taps() as names:
        with Daemon("[capture]\nbackend = ebpf\n") as daemon:
            if daemon.status()["capture"]["backend"] != "ebpf":
                tap.skip("no eBPF here")
            daemon.wait_status(lambda status: len(backends(status)) == N_TAPS, "samplers")
            tap.equal(daemon.end(signal.SIGKILL), -signal.SIGKILL)
        left = len(filters(names))
        assert left >= 2, left
        with Daemon("[capture]\nbackend = pcap\n") as daemon:
            tap.equal(filters(names), [])
            text = f"when it was killed; interfaces that had some: {left}"
            assert text in daemon.log(), daemon.log()


def main():
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
    tap.main(globals())


if __name__ == "__main__":
    main()
