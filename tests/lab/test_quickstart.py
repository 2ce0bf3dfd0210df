# SPDX-License-Identifier: GPL-2.0-or-later
"""./quickstart from the outside: what it shows and what it leaves."""

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import time

import lab as labs
import quickstart
import sandbox
import tap
from fakes import Fakes

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
QUICKSTART = os.path.join(SOURCE, "quickstart")


def environment():
    return {**os.environ, "VSF_BUILD": labs.build_folder()}


def found_lab():
    return labs.Lab(hostname="kvm-found")


def hypervisor():
    """Plays the machine that quickstart finds."""
    return tap.fixture(found_lab)


def datagrams(output):
    return [json.loads(line) for line in output.splitlines()]


def names_of_vms(output):
    return {sample["records"]["host_descr"]["hostname"]
            for datagram in datagrams(output) for sample in datagram["samples"]
            if sample.get("source", "").startswith("3:") and "host_descr" in sample["records"]}


def fingerprint(lab):
    """What a monitor must not change of a hypervisor."""
    files = {}
    for part in ("etc", "lib"):
        for folder, _, names in os.walk(lab.path(part)):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    with open(path, "rb") as file:
                        files[path] = hashlib.sha256(file.read()).hexdigest()
    links = lab.run("ip -o link | cut -d: -f2").stdout
    return files, links, lab.virsh("dumpxml", "found01")


def test_host():
    """Running VMs are found and watched; nothing of their host changes, no agent is asked"""
    lab = hypervisor()
    lab.boot("found01").wait_agent_state("connected")
    before = fingerprint(lab), sorted(lab.sandbox.processes())
    done = lab.run([QUICKSTART, "--seconds", "15", "--json"], timeout=180, env=environment())
    tap.equal(names_of_vms(done.stdout), {"found01"}, done.stderr + done.stdout[-3000:])
    tap.equal(before, (fingerprint(lab), sorted(lab.sandbox.processes())))
    with open(lab.path("log", "qemu/found01.log")) as file:
        log = file.read()
    assert "tainted: high-privileges" in log and "custom-ga-command" not in log, log[-2000:]
    tap.equal([name for name in os.listdir(os.path.join(labs.build_folder(), "lab"))
               if name.startswith("host-")], [])


def test_foreign_libvirt():
    """Where libvirt is not from a package, nothing is installed: its socket is watched, and
    without it quickstart asks what is wanted"""
    # Of Debian's packages all are here but libvirt's; VMs run, but virsh tells nothing.
    packages = 'case "$*" in *libvirt-daemon*) exit 1 ;; *) printf installed ;; esac'
    with labs.Lab(hostname="kvm-foreign", libvirtd=False) as lab:
        fakes = Fakes(lab.path("run"), virsh="exit 1", apt_get="exit 1", apt_cache="exit 1",
                      dpkg_query=packages)

        def run(*options):
            done = lab.run([QUICKSTART, "--seconds", "1", "--json", *options], timeout=180,
                           check=False, env=fakes.environment(VSF_BUILD=labs.build_folder()))
            # Before a line that says why not, only steps.
            return done.returncode, done.stderr.splitlines()[-1].partition(": ")[2]

        os.makedirs(lab.path("run", "libvirt/qemu"), exist_ok=True)
        lab.write("run/libvirt/qemu/found01.xml", "<domstatus/>")
        tap.equal(run(), (2, "/run/libvirt/qemu names VMs, but no libvirt answers: choose --host "
                             "or --lab"))
        with socket.socket(socket.AF_UNIX) as server:
            bind(server, lab.path("run", "libvirt"), "libvirt-sock-ro")
            tap.equal(run(), (0, "nothing is left running"))
            status, message = run("--install-only")
            tap.equal(status, 2, message)
            # The VMs may come later.
            os.unlink(lab.path("run", "libvirt/qemu/found01.xml"))
            status, message = run()
            tap.equal(status, 2, message)
            assert message.startswith("a libvirt runs here that is not from a package"), message
        tap.equal((fakes.calls("apt-get"), fakes.calls("apt-cache")), ([], []))


def bind(server, folder, name):
    # By way of /proc/self/fd: the path itself may pass the 107 bytes of a sockaddr.
    descriptor = os.open(folder, os.O_PATH)
    server.bind(f"/proc/self/fd/{descriptor}/{name}")
    os.close(descriptor)


def start(*options):
    return subprocess.Popen([QUICKSTART, "--lab", "--json", "--vms", "1", *options],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=environment())


def links_under(pid, folder):
    """Where the links in /proc/PID/FOLDER point, for a process and its descendants."""
    found, todo = set(), [pid]
    while todo:
        pid = todo.pop()
        try:
            for name in os.listdir(f"/proc/{pid}/{folder}"):
                found.add(os.readlink(f"/proc/{pid}/{folder}/{name}"))
            with open(f"/proc/{pid}/task/{pid}/children") as file:
                todo += map(int, file.read().split())
        except OSError:
            pass
    return found


def namespaces_under(pid):
    """PID namespaces of its descendants other than ours."""
    return {link for link in links_under(pid, "ns") if link.startswith("pid:")} - {
        os.readlink("/proc/self/ns/pid")}


def folder_of(process):
    """Of its lab, whose lock it holds; other tests have labs in our build folder too."""
    base = os.path.join(labs.build_folder(), "lab", "run-")
    found, = {os.path.dirname(link) for link in links_under(process.pid, "fd")
              if link.startswith(base) and link.endswith("/lock")}
    assert os.path.isdir(found), found
    return found


def test_lab():
    """With --lab a VM of our own shows counters and packets"""
    process = start("--seconds", "60")
    first = process.stdout.readline()
    folder = folder_of(process) if first else None
    output, errors = process.communicate(timeout=240)
    tap.equal(process.returncode, 0, errors)
    output = first + output
    tap.equal(names_of_vms(output), {"web01"})
    # --seconds are those of monitoring, without what the lab takes before.
    steps = {text: int(second) for second, text in re.findall(r"\[ *(\d+) s\] (.*)", errors)}
    tap.between(steps["done: nothing is left running"] - steps["starting virt-sflowd"], 59, 90)
    formats = {sample["format"] for one in datagrams(output) for sample in one["samples"]}
    tap.equal(formats, {"0:3", "0:4", "4300:1002"}, "what an agent says has custom metrics")
    assert not os.path.exists(folder), folder
    assert os.path.exists(os.path.join(labs.build_folder(), "quickstart-logs/build.log"))


def end_with(number):
    """Sends the signal when the first datagram is out; returns (status, processes that are
    left, its lab's folder)."""
    process = start()
    try:
        process.stdout.readline()
        folder = folder_of(process)
        inside = namespaces_under(process.pid)
        assert len(inside) == 1, inside
        namespace, = inside
        process.send_signal(number)
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    deadline = time.monotonic() + 20
    while sandbox.processes_of(namespace) and time.monotonic() < deadline:
        time.sleep(0.05)
    return process.returncode, sandbox.processes_of(namespace), folder


def ends_clean(number):
    status, left, folder = end_with(number)
    tap.equal((status, left), (0, []))
    assert not os.path.exists(folder), folder


def test_interrupt():
    """Ctrl-C ends it with status 0 and leaves nothing"""
    ends_clean(signal.SIGINT)


def test_terminate():
    """SIGTERM ends it with status 0 and leaves nothing"""
    ends_clean(signal.SIGTERM)


def test_kill():
    """SIGKILL leaves nothing but files in the build folder"""
    status, left, _ = end_with(signal.SIGKILL)
    tap.equal((status, left), (-9, []))
    labs.remove_stale(os.path.join(labs.build_folder(), "lab"))


def test_options():
    """Wrong options are refused with status 2 before anything starts"""
    for words in (["--vms", "0"], ["--seconds", "x"], ["--nonsense"], ["--host", "--lab"],
                  ["--collector"]):
        done = subprocess.run([QUICKSTART, *words], capture_output=True, text=True)
        tap.equal((done.returncode, done.stdout), (2, ""), " ".join(words))
        assert done.stderr.startswith("quickstart: "), done.stderr


def test_wrong_collectors():
    """A collector that cannot be is refused with status 2 and the reason before the lab"""
    for text in ("192.0.2.1:abc", "one:2:3", "[::1", "192.0.2.1%"):
        done = subprocess.run([QUICKSTART, "--lab", "--collector", text], capture_output=True,
                              text=True, env=environment())
        tap.equal((done.returncode, done.stdout), (2, ""), text)
        reason = done.stderr.splitlines()[-1]
        assert reason.startswith(f'quickstart: --collector: "{text}" '), done.stderr
        assert "preparing a guest image" not in done.stderr, done.stderr


def test_collectors():
    """The lab's datagrams go to collectors in every form that the daemon takes"""
    for text, wanted in [("192.0.2.1", ("192.0.2.1", 6343, "")),
                         ("name.example:99%eth0", ("name.example", 99, "eth0")),
                         ("2001:db8::1", ("2001:db8::1", 6343, "")),
                         ("fe80::1%eth0", ("fe80::1", 6343, "eth0")),
                         ("[2001:db8::1]:99", ("2001:db8::1", 99, "")),
                         ("[fe80::1%eth0]:99", ("fe80::1", 99, "eth0")),
                         ("[fe80::1]:99%eth0", ("fe80::1", 99, "eth0")),
                         ("[fe80::1]%eth0", ("fe80::1", 6343, "eth0"))]:
        tap.equal(quickstart.parse_collector(text), wanted, text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        text = f"127.0.0.1:{server.getsockname()[1]}%lo"
        with quickstart.connect_collector(text) as outside:
            outside.send(b"sFlow")
        tap.equal(server.recv(100), b"sFlow")
    try:
        quickstart.connect_collector("127.0.0.1%nosuch0")
    except quickstart.Broken as error:
        tap.equal(str(error), "--collector 127.0.0.1%nosuch0: No such device")
    else:
        raise AssertionError("an interface that is not there is taken")


if __name__ == "__main__":
    tap.main(globals(), system=True)
