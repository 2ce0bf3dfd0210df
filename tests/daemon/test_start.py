# SPDX-License-Identifier: GPL-2.0-or-later
"""The real daemon from its start to its end, with each of the main settings: what no other unit
test makes is the order in which its rooms are made and taken down."""

import os
import shutil
import signal
import subprocess
import tempfile
import time

import started
from started import Daemon, tap


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
        said = "libvirt: test:///nonexistent/node.xml: cannot connect: "
        daemon.wait_status(lambda _: said in daemon.log(), said)
        daemon.reload("[sflow]\npolling = 7\n")


def test_two():
    """a second daemon with the same runtime directory ends with 1 and leaves the first alone"""
    with Daemon("") as daemon:
        done = subprocess.run([started.DAEMON, "--config", daemon.config, "--runtime-dir", daemon.runtime,
                               "--uri", "test:///default"], capture_output=True, text=True,
                              timeout=started.PATIENCE_S)
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
        daemon.process = subprocess.Popen([started.DAEMON, *daemon._arguments], stdin=subprocess.DEVNULL,
                                          stdout=daemon._log, stderr=daemon._log,
                                          preexec_fn=daemon._prepare)
        try:
            time.sleep(wait_ms / 1000)
            status = daemon.end()
            # Before it has a handler the signal itself ends it.
            assert status in (0, -signal.SIGTERM), (wait_ms, status, daemon.log())
        finally:
            daemon.close()


def test_no_rights():
    """a user who may not write where the sockets are is told what to do"""
    if not os.environ.get(started.IS_ROOT):
        tap.skip("needs root, to be somebody else")
    tap.need("setpriv")
    with tempfile.TemporaryDirectory(prefix="vsf-start-") as folder:
        os.chmod(folder, 0o755)
        # Whoever that is may not be let in where it was built.
        daemon = shutil.copy(started.DAEMON, folder)
        os.mkdir(os.path.join(folder, "run"), 0o755)
        for runtime, wrong in (("run", "/control: cannot listen"), ("other", ": cannot make it")):
            runtime = os.path.join(folder, runtime)
            done = subprocess.run(
                ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", daemon, "--config",
                 "/dev/null", "--runtime-dir", runtime], capture_output=True, text=True,
                timeout=started.PATIENCE_S)
            tap.equal(done.returncode, 1, done.stderr)
            said = f"{runtime}{wrong}: Permission denied; start it as root, or with " \
                   "--runtime-dir=DIR where you may write"
            assert said in done.stderr, done.stderr


if __name__ == "__main__":
    started.main(globals())
