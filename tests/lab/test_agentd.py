# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent service: virt-sflow-agent alone may write to libvirt, and through it a virt-sflowd that
may not has what guests tell. Two users, libvirtd's real sockets, a guest with a real agent."""

import contextlib
import json
import os
import re
import signal
import socket
import time

import lab as labs
import tap
import watch
from monitor import Monitor
from truth import DISK, INTERVAL_S, TURN_S, only_guests, wait_available, wait_near, memory

DAEMON, AGENT = 65534, 1     # uid and gid: nobody, daemon
LIBVIRTD_CONF = 'unix_sock_group = "daemon"\nunix_sock_rw_perms = "0770"\n'
RUNTIME = "/run/virt-sflowd"
SOCKET = RUNTIME + "/agent.sock"
ABSENT_S = 15 + TURN_S       # a service that was not there is looked for again after 15 s
LATE_S = 4                   # between two samples of one VM, at an interval of 1 s
LISTED = {"guest-info", "guest-get-fsinfo", "guest-get-diskstats", "guest-get-cpustats",
          "guest-get-osinfo", "guest-get-host-name", "guest-network-get-interfaces",
          "guest-get-load", "guest-file-open"}
OF_A_FILE = {"guest-file-read", "guest-file-close"}


def make_lab():
    return labs.Lab(libvirtd_conf=LIBVIRTD_CONF)


def lab():
    return tap.fixture(make_lab)


def user(uid, *capabilities):
    """A command line that becomes that user with these capabilities and no more."""
    caps = ",".join(["-all", *(f"+{name}" for name in capabilities)])
    return ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups",
            "--inh-caps", caps, "--ambient-caps", caps, "--bounding-set", caps, "--no-new-privs"]


@contextlib.contextmanager
def make_monitor():
    """The daemon with the rights of its unit."""
    tap.need("setpriv", "ss")
    os.chmod(lab().folder, 0o711)
    made = Monitor(lab(), name="virt-sflowd", sampling=1, polling=1,
                   guest={"filesystems_interval": INTERVAL_S},
                   prepare=user(DAEMON, "net_raw"), start=False)
    lab().run(["install", "-d", "-o", str(DAEMON), "-g", str(DAEMON), made.runtime, made.state])
    with made:
        made.start()
        made.wait_connected()
        yield made


def monitor():
    return tap.fixture(make_monitor)


def web01():
    """Its balloon tells nothing: its memory is what its agent says."""
    found = getattr(web01, "made", None)
    if found is None:
        monitor()
        found = web01.made = lab().boot("web01", balloon_period=0,
                                        disks=[lab().disk("web01", size=DISK)])
        found.wait_agent_state("connected")
    return found


class Service:
    """virt-sflow-agent with the rights of its unit, and a socket that is made as systemd would."""

    def __init__(self):
        self.path = lab().path("run", SOCKET[len("/run/"):])
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        os.chown(self.path, 0, DAEMON)
        os.chmod(self.path, 0o660)
        self.listener.listen()
        self.process = None

    def start(self):
        fd = self.listener.fileno()
        command = [*user(AGENT), Monitor.program("virt-sflow-agent"), "--allow-user", "nobody"]
        self.process = lab().daemon("virt-sflow-agent", [
            "bash", "-c", f'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&{fd} {fd}<&-', "bash", *command],
            pass_fds=[fd])
        return self

    def kill(self):
        self.process.signal(signal.SIGKILL)
        self.process.wait(10)

    def close(self):
        if self.process is not None:
            self.process.end()
        self.listener.close()
        os.unlink(self.path)


@contextlib.contextmanager
def make_service():
    made = Service()
    try:
        yield made.start()
    finally:
        made.close()


def service():
    return tap.fixture(make_service)


def connections():
    """Program -> the sockets of libvirtd that it is connected to."""
    shown = lab().run(["ss", "-xpH"]).stdout
    ends, found = {}, {}
    for line in shown.splitlines():
        words = line.split()
        path, own, peer = words[4], words[5], words[7]
        ends[own] = (path, peer, re.findall(r'\("([^"]+)"', line))
    for path, peer, programs in ends.values():
        other = ends.get(peer, ("",))[0]
        if other.startswith("/run/libvirt/libvirt-sock"):
            for program in programs:
                found.setdefault(program, set()).add(os.path.basename(other))
    return found


def in_use(domain):
    return domain.memory()["in_use"]


def wait_numbers(one, domain, timeout=TURN_S):
    """Until disk and memory are what the guest itself says, both by its agent."""
    wait_available(one, domain, "/mnt", timeout=timeout)
    wanted = in_use(domain)
    wait_near(one, domain, memory, wanted, wanted * 0.1, timeout)
    vm = one.vm(domain)
    tap.equal((vm["memory"]["source"], vm["disk"]["source"]), ("agent", "agent"))


def test_without_service():
    """Without the service all else works, and status, explain and doctor say what to run"""
    domain = web01()
    told = monitor().wait_vm(domain, lambda vm: vm["agent"]["state"] == "refused" and vm, TURN_S,
                             "an agent that may not be asked")
    tap.equal(told["memory"]["source"] is None or told["memory"]["source"] == "host", True, told)
    status = monitor().status()
    assert status["agents"]["trouble"].startswith(f"no agent service at {SOCKET}: "), status
    tap.equal((status["agents"]["socket"], status["agents"]["process"]), (SOCKET, 0))
    said = monitor().command("explain", "web01", "agent", "--json", "--runtime-dir", RUNTIME,
                             check=False).stdout
    assert "no-agent-service" in said and "systemctl enable --now virt-sflow-agent.socket" in said, said
    done = monitor().command("doctor", "--runtime-dir", RUNTIME, check=False)
    assert "systemctl enable --now virt-sflow-agent.socket" in done.stdout, done.stdout
    monitor().vm_records(domain.uuid, time.time())
    monitor().wait_sampling(next(iter(lab().taps("web01"))))
    tap.equal(connections().get("virt-sflowd"), {"libvirt-sock-ro"})


def test_through_service():
    """With it memory and disk are the guest's, while the daemon's user may only read libvirt"""
    domain = web01()
    service()
    wait_numbers(monitor(), domain, ABSENT_S)
    tap.equal(monitor().status()["agents"]["trouble"], None)
    tap.equal(connections().get("virt-sflowd"), {"libvirt-sock-ro"})
    tap.equal(connections().get("virt-sflow-agen"), {"libvirt-sock"})
    listed = lab().run([*user(DAEMON), "virsh", "-q", "-r", "-c", "qemu:///system", "list"], check=False)
    tap.equal((listed.returncode, "web01" in listed.stdout), (0, True), listed.stderr)
    refused = lab().run([*user(DAEMON), "virsh", "-q", "-c", "qemu:///system", "list"], check=False)
    tap.equal(refused.returncode, 1, refused.stdout)
    assert "Permission denied" in refused.stderr, refused.stderr
    for pid in (monitor().pid, service().process.inner):
        with open(f"/proc/{pid}/status") as file:
            caps = re.search(r"^CapPrm:\s+(\w+)", file.read(), re.M)[1]
        tap.equal(int(caps, 16), 1 << 13 if pid == monitor().pid else 0, "capabilities")


def ask(line, uid=0):
    """What the service says to one line of that user."""
    code = ("import socket,sys\n"
            "s=socket.socket(socket.AF_UNIX); s.settimeout(60); s.connect(sys.argv[1])\n"
            "f=s.makefile('rb')\n"
            "def read():\n"
            "  head=f.readline().decode().split(); return head[0], f.read(int(head[1])).decode()\n"
            "word=read()\n"
            "if word[0]=='hello':\n"
            "  s.sendall(sys.argv[2].encode()+b'\\n'); word=read()\n"
            "print(*word)\n")
    who = user(uid) if uid else []
    return lab().run([*who, "python3", "-c", code, SOCKET, line]).stdout.strip()


def test_only_what_is_listed():
    """Of all commands that the guest's own agent has, the service takes those of its list"""
    domain = web01()
    service()
    reply = ask(f"ask {domain.uuid} 5 guest-info")
    assert reply.startswith("reply "), reply
    commands = [one["name"] for one in json.loads(reply[6:])["return"]["supported_commands"]]
    assert "guest-exec" in commands and "guest-shutdown" in commands and len(commands) > 30, commands
    boot = domain.run("cat /proc/sys/kernel/random/boot_id")
    for name in commands:
        bare = ask(f"ask {domain.uuid} 5 {name}").split()[0]
        with_handle = ask(f"ask {domain.uuid} 5 {name} 1").split()[0]
        tap.diagnostics(f"{name}: {bare}, {with_handle}")
        tap.equal(bare == "not-listed", name not in LISTED, name)
        # No file with this handle was opened by the service.
        tap.equal(with_handle, "failed" if name in OF_A_FILE else "not-listed", name)
    tap.equal(domain.run("cat /proc/sys/kernel/random/boot_id"), boot)


def test_other_users():
    """Who is neither root nor the daemon's user is not answered, even with a way to the socket"""
    line = f"ask {web01().uuid} 5 guest-info"
    path = service().path
    assert ask(line, DAEMON).startswith("reply ")
    done = lab().run([*user(2), "python3", "-c",
                      f"import socket; socket.socket(socket.AF_UNIX).connect('{SOCKET}')"],
                     check=False)
    assert "PermissionError" in done.stderr, done
    os.chmod(path, 0o666)
    tap.on_exit(lambda: os.chmod(path, 0o660))
    said = ask(line, 2)
    assert said.startswith("forbidden user 2 "), said


def test_service_killed():
    """The service is killed and comes back: samples go on in time, the guest's numbers return"""
    domain = web01()
    service()
    wait_numbers(monitor(), domain, ABSENT_S)
    since = time.time()
    service().kill()
    time.sleep(INTERVAL_S + 2)
    service().start()
    wait_numbers(monitor(), domain, ABSENT_S)
    gap = watch.longest_gap(monitor().collector.vm(domain.uuid, since), since, time.time())
    tap.diagnostics(f"at most {gap:.1f} s between samples")
    assert gap < LATE_S, f"samples {gap:.1f} s apart"
    only_guests_since(monitor(), domain, since)


def only_guests_since(one, domain, since):
    """No sample since then had the host's number for what the guest tells."""
    assert one.collector.vm(domain.uuid, since)
    only_guests(one, domain)


# --- started by the daemon itself ------------------------------------------------------------


def processes(name):
    """PIDs in the lab whose program is that."""
    found = set()
    for pid in lab().sandbox.processes():
        with contextlib.suppress(OSError):
            if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == name:
                found.add(pid)
    return found


def own_agents():
    """Those that a daemon started."""
    found = set()
    for pid in processes("virt-sflow-agent"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline") as file:
            if "--until-eof" in file.read():
                found.add(pid)
    return found


def wait(question, what, timeout=TURN_S):
    deadline = time.monotonic() + timeout
    while not question():
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(0.1)


def by_root():
    return Monitor(lab(), name="by-root", port=6350, sampling=0, polling=1,
                   guest={"filesystems_interval": INTERVAL_S})


def test_root_starts_it():
    """Root's daemon starts the service itself, and again when it was killed; it ends with it"""
    domain = web01()
    with by_root() as one:
        wait_numbers(one, domain, TURN_S + 10)
        tap.equal(len(own_agents()), 1)
        first = own_agents()
        assert one.status()["agents"]["process"] > 0, one.status()["agents"]
        tap.equal(connections().get("virt-sflowd"), {"libvirt-sock-ro"})
        since = time.time()
        os.kill(next(iter(first)), signal.SIGKILL)
        wait(lambda: own_agents() and own_agents() != first, "another service")
        wait_numbers(one, domain, TURN_S)
        assert "ended: " in one.log()
        gap = watch.longest_gap(one.collector.vm(domain.uuid, since), since, time.time())
        assert gap < LATE_S, f"samples {gap:.1f} s apart"
        tap.equal(one.stop(), 0)
        wait(lambda: not own_agents(), "the end of the service")
        assert not os.path.exists(lab().path("run", "by-root/agent.sock"))


def test_nothing_is_left():
    """A daemon that was killed leaves no service behind, and the next one starts its own"""
    domain = web01()
    with by_root() as one:
        wait_numbers(one, domain, TURN_S + 10)
        tap.equal(len(own_agents()), 1)
        os.kill(one.pid, signal.SIGKILL)
        wait(lambda: not own_agents(), "the end of the service")
        one.stop()
        one.start()
        wait_numbers(one, domain, TURN_S + 10)
        tap.equal(len(own_agents()), 1)


if __name__ == "__main__":
    tap.main(globals(), system=True)
