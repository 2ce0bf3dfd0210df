# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may do what: the installed tree beside a real libvirtd that asks a real polkitd, each
program as its own user with exactly its unit's capabilities, and QEMU as a user of its own."""

import contextlib
import json
import os
import re
import signal
import time

import apparmor
import lab as labs
import tap
from collector import Collector
from polkit import Polkit
from tree import Tree
from users import AGENT, DAEMON, SOURCE

QEMU_USER = "games"  # there, and no other's
NOBODY = "nobody"
CAPABILITIES = ["net_raw"]
PAUSED = "domain is not running"  # what libvirt says of an agent's command then
SETTINGS = "[sflow]\ncollectors = {}\npolling = 1\nsampling = 1\n[guest]\nagent = off\n"


def world():
    return tap.fixture(World)


class World:
    """`lab`, `tree` and `polkit`, with a running VM `vm`."""

    def __enter__(self):
        tap.need("setpriv", "systemd-sysusers", "meson")
        self._stack = contextlib.ExitStack()
        with self._stack:
            self.lab = self._stack.enter_context(labs.Lab(libvirtd=False))
            self.tree = self._stack.enter_context(Tree(self.lab))
            self.users = self.tree.users
            self.users.bind(self.lab)
            self.polkit = self._stack.enter_context(Polkit(self.lab))
            self._configure()
            self.lab.start_libvirtd()
            for name in ("/run/libvirt", "/run/dbus"):
                self.tree.mount(name)
            self.vm = self.lab.define_tiny("web01")
            self.vm.start(paused=True)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _configure(self):
        conf = labs.QEMU_CONF.replace('"root"', f'"{QEMU_USER}"')
        self.lab.write("etc/qemu.conf", conf.replace("dynamic_ownership = 0", ""))
        self.access(())

    def access(self, drivers):
        """libvirtd's configuration, with those access drivers."""
        shown = ", ".join(f'"{name}"' for name in drivers)
        self.lab.write("etc/libvirtd.conf", 'auth_unix_ro = "polkit"\nauth_unix_rw = "polkit"\n'
                       f'unix_sock_rw_perms = "0777"\naccess_drivers = [ {shown} ]\nlog_level = 3\n')

    def restart_libvirtd(self, drivers):
        self.access(drivers)
        self.lab.stop_libvirtd()
        self.lab.start_libvirtd()
        self.vm.wait_state("paused")

    def logs(self):
        return self.lab.logs()

    def virsh(self, user, *words):
        return self.tree.run(["virsh", "-q", "-c", "qemu:///system", *words], user=user, check=False)

    def speak(self, user, code, *words, group=None):
        """A client in Python as that user; its exit status and words."""
        rights = {} if group is None else {"group": group}
        done = self.tree.run(["/usr/bin/python3", "-c", code, *words], user=user, check=False, **rights)
        return done.returncode, (done.stdout + done.stderr).strip()


class Daemon:
    """virt-sflowd of the tree, as its unit runs it."""

    def __init__(self, world):
        self.world, self.tree = world, world.tree
        self.collector = Collector(world.lab, port=0)
        self.tree.write("etc/virt-sflow/virt-sflow.conf", SETTINGS.format(self.collector.target))
        for folder, mode in (("run/virt-sflow", 0o755), ("var/lib/virt-sflow", 0o750)):
            self.tree.own(folder, DAEMON, mode)
        self.process = self.tree.daemon("installed", [self.tree.program("virt-sflowd")],
                                        user=DAEMON, capabilities=CAPABILITIES)
        self._wait()

    def _wait(self):
        deadline = time.monotonic() + 30
        while not os.path.exists(self.tree.path("run/virt-sflow/control")):
            assert self.process.poll() is None and time.monotonic() < deadline, self.world.logs()
            time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.end()
        self.collector.close()

    def logs(self):
        return self.world.logs()

    def status(self, user=None):
        done = self.tree.run([self.tree.program("virt-sflow"), "status", "--json"], user=user)
        return json.loads(done.stdout)

    def numbers(self, name):
        """Of a line of the process's status in /proc, in hexadecimal."""
        with open(f"/proc/{self.process.inner}/status") as file:
            words = next(line.split()[1:] for line in file if line.startswith(name + ":"))
        return words


def daemon():
    return tap.fixture(make_daemon)


def make_daemon():
    return Daemon(world())


def test_libvirts_sockets():
    """polkit lets the agent's user alone open libvirt's read-write socket, and everybody the
    read-only one; without our rule the agent is refused as well"""
    def allowed(user, *options):
        return world().virsh(user, *options, "list").returncode == 0

    for user, writes in ((DAEMON, False), (AGENT, True), (NOBODY, False)):
        tap.equal((allowed(user), allowed(user, "--readonly")), (writes, True), user)
    refused = world().virsh(DAEMON, "list")
    assert "access denied by policy" in refused.stderr, refused.stderr
    # libvirt's own rule lets in whoever is of its group; ours comes first.
    if "libvirt" in world().users.gid and world().polkit.has_libvirts():
        world().users.join("libvirt", DAEMON, QEMU_USER)
        tap.equal((allowed(DAEMON), allowed(QEMU_USER)), (False, True), "members of libvirt")
    world().polkit.remove()
    try:
        deadline = time.monotonic() + 20
        while allowed(AGENT):
            assert time.monotonic() < deadline, "not our rule is what lets the agent in"
            time.sleep(0.2)
    finally:
        world().polkit.install()
    deadline = time.monotonic() + 20
    while not allowed(AGENT):
        assert time.monotonic() < deadline, "our rule is not read again"
        time.sleep(0.2)


def test_libvirts_access_driver():
    """Where libvirt has access_drivers = polkit, the agent's user may ask guest agents and change
    nothing else, and the daemon's may read what it needs"""
    name = world().vm.name
    command = '{"execute":"guest-ping"}'
    world().restart_libvirtd(["polkit"])
    try:
        asked = world().virsh(AGENT, "qemu-agent-command", name, command)
        # Which libvirt looks at after it has looked for the right.
        assert PAUSED in asked.stderr, asked.stderr
        for words in (("destroy", name), ("reboot", name), ("undefine", name), ("suspend", name),
                      ("net-list", "--all")):
            refused = world().virsh(AGENT, *words)
            assert refused.returncode != 0 or not refused.stdout.strip(), (words, refused.stdout)
            assert words[0] == "net-list" or "access denied" in refused.stderr, refused.stderr
        # The right to that is the same to libvirt, whatever one would wish.
        monitor = ("qemu-monitor-command", name, '{"execute":"query-status"}')
        assert '"return"' in world().virsh(AGENT, *monitor).stdout
        assert "denied" in world().virsh(DAEMON, *monitor).stderr
        for words in (("list", "--all"), ("domstats", name), ("dumpxml", name), ("nodeinfo",)):
            tap.equal(world().virsh(DAEMON, "--readonly", *words).returncode, 0, str(words))
        assert "denied" in world().virsh(DAEMON, "list").stderr
        tap.equal(world().vm.state(), "paused")
    finally:
        world().restart_libvirtd(())


REAL = """
for name; do
    real=$(realpath -m "$name")
    [ -d "$real" ] || [ "${name%/}" != "$name" ] && real=$real/
    echo "$real"
done
"""


def not_allowed(profile, trace):
    """What a program did that the profile of its name does not allow."""
    with open(os.path.join(labs.build_folder(), "data", "usr.sbin." + profile)) as file:
        rules = apparmor.Profile(file.read())
    files, sockets = apparmor.done(trace)
    assert len(files) > 10 and sockets, trace[-2000:]
    # A rule is about what a link leads to, and ends with a slash for a folder, which may be gone.
    names = sorted({path for path, _ in files})
    real = dict(zip(names, world().tree.run(["bash", "-c", REAL, "bash", *names]).stdout.splitlines()))
    return ([(path, letter) for path, letter in sorted(files)
             if not rules.allows(real[path], letter)] +
            [pair for pair in sorted(sockets) if not rules.allows_socket(*pair)])


@contextlib.contextmanager
def traced(command):
    """Runs that command line, whose last word is a program of the tree's; in `lines` is then what
    strace saw of that."""
    lines = []
    name = os.path.basename(command[-1])
    trace = world().tree.path(f"tmp/{name}.trace")
    process = world().tree.daemon(name, ["strace", "-f", "-o", f"/tmp/{name}.trace", "-s", "200",
                                         "-e", "trace=%file,%network,clone,clone3", *command])
    try:
        yield lines
    finally:
        with open(f"/proc/{process.inner}/task/{process.inner}/children") as file:
            for pid in file.read().split():
                os.kill(int(pid), signal.SIGTERM)
        process.wait(20)
    with open(trace, errors="replace") as file:
        # Up to its own program the calls are others'.
        lines += file.read().split(f'execve("{command[-1]}"', 1)[1].splitlines()


def test_profiles():
    """All that the daemon and the agent's service open, make and connect to is allowed by their AppArmor
    profiles"""
    tap.need("strace")
    if not os.path.isdir(apparmor.FOLDER + "/abstractions"):
        tap.skip("not installed: apparmor")
    tree = world().tree
    with Collector(world().lab, port=0) as collector:
        tree.write("etc/virt-sflow/virt-sflow.conf", SETTINGS.format(collector.target))
        for folder, mode in (("run/virt-sflow", 0o755), ("var/lib/virt-sflow", 0o750)):
            tree.own(folder, DAEMON, mode)
        with traced([*world().users.become(DAEMON, CAPABILITIES),
                     tree.program("virt-sflowd")]) as lines:
            collector.wait(lambda: "vcpu_wait_ms" in collector.newest_metrics(world().vm.uuid), 60,
                           "vcpu_wait_ms")
            time.sleep(3)  # the state is written
    tap.equal(not_allowed("virt-sflowd", "\n".join(lines)), [])
    with traced(agent_command()) as lines:
        deadline = time.monotonic() + 30
        while world().speak(None, ASK, AGENT_SOCKET, f"ask {world().vm.uuid} 2 guest-info")[0] != 0:
            assert time.monotonic() < deadline, world().logs()
            time.sleep(0.2)
    tap.equal(not_allowed("virt-sflow-agent", "\n".join(lines)), [])


def test_profiles_of_root():
    """As root by hand both do no more than their profiles allow, the daemon that starts the agent's program
    and that as its child"""
    tap.need("strace")
    if not os.path.isdir(apparmor.FOLDER + "/abstractions"):
        tap.skip("not installed: apparmor")
    tree = world().tree
    tree.write("etc/virt-sflow/virt-sflow.conf", "[sflow]\ncollectors = 127.0.0.1\npolling = 1\n")
    for folder, mode in (("run/virt-sflow", 0o755), ("var/lib/virt-sflow", 0o750)):
        tree.own(folder, DAEMON, mode)
    with traced([tree.program("virt-sflowd")]) as lines:
        deadline = time.monotonic() + 60
        while PAUSED not in (said := world().speak(None, ASK, AGENT_SOCKET,
                                                   f"ask {world().vm.uuid} 2 guest-info")[1]):
            assert time.monotonic() < deadline, said + world().logs()
            time.sleep(0.2)
        time.sleep(3)  # the state is written
    daemons, agents = apparmor.parted(lines, tree.program("virt-sflow-agent"))
    tap.equal(not_allowed("virt-sflowd", "\n".join(daemons)), [])
    tap.equal(not_allowed("virt-sflow-agent", "\n".join(agents)), [])


def test_daemon():
    """As its user with CAP_NET_RAW alone the daemon samples packets, polls counters of process,
    tap and libvirt, and keeps its state"""
    uid, gid = world().users.uid[DAEMON], world().users.gid[DAEMON]
    tap.equal(daemon().numbers("Uid"), [str(uid)] * 4)
    tap.equal(daemon().numbers("Gid"), [str(gid)] * 4)
    for which in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
        tap.equal(int(daemon().numbers(which)[0], 16), 1 << 13, which)
    owner = os.stat(f"/proc/{world().vm.pid()}").st_uid
    tap.equal(owner, world().users.uid[QEMU_USER], "QEMU's user")
    wanted = {"0:2101": "cpuTime", "0:2103": "rd_bytes", "0:2104": "bytes_in"}
    collector = daemon().collector
    collector.wait(
        lambda: any(all(sample.record(record) and sample.record(record)[field] is not None
                        for record, field in wanted.items())
                    for sample in collector.vm(world().vm.uuid)), 30, "a complete sample")
    ifindex = world().lab.ifindex(world().vm.taps()[0])
    since = time.time()
    ping = world().lab.popen(["ping", "-q", "-i", "0.2", "-W", "1", "10.77.0.99"])
    try:
        collector.wait(lambda: collector.flows(ifindex, since), 30, "a flow sample of its ARP")
    finally:
        ping.end()
    state = world().tree.path("var/lib/virt-sflow/indexes")
    deadline = time.monotonic() + 15
    while not os.path.exists(state):
        assert time.monotonic() < deadline, "no state is kept"
        time.sleep(0.1)
    info = os.stat(state)
    tap.equal((info.st_uid, info.st_gid, info.st_mode & 0o777), (uid, gid, 0o640))
    with open(world().lab.path("log", "installed.out")) as file:
        said = [line for line in file if "ermission" in line or "denied" in line]
    # It says so once of eBPF, which its unit does not grant without the drop-in.
    tap.equal([line for line in said if "bpf" not in line], [])


def test_threads_of_qemu():
    """What it reads of the threads of another user's QEMU is there: how long the vCPUs waited"""
    collector = daemon().collector
    collector.wait(lambda: collector.newest_metrics(world().vm.uuid).get("vcpu_wait_ms") is not None,
                   30, "vcpu_wait_ms")


CONNECT = """
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.settimeout(5)
try:
    client.connect(sys.argv[1])
    client.sendall(sys.argv[2].encode())
    print(client.recv(4096).decode())
except OSError as error:
    sys.exit(type(error).__name__)
"""
SEND = """
import socket, sys
try:
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"x", sys.argv[1])
except OSError as error:
    sys.exit(type(error).__name__)
"""


def test_control_socket():
    """Another uid cannot connect to the control socket; the daemon's own and root can"""
    daemon()
    for user in (NOBODY, AGENT, QEMU_USER):
        tap.equal(world().speak(user, CONNECT, "/run/virt-sflow/control", "x"),
                  (1, "PermissionError"), user)
    for user in (DAEMON, None):
        assert daemon().status(user)["version"], user
    # A member of its group reads, and changes nothing.
    command = [world().tree.program("virt-sflow")]
    for words, wanted in ((["vms"], True), (["pause", "sampling", "--for", "1m"], False)):
        done = world().tree.run(command + words, user=NOBODY, group=DAEMON, check=False)
        tap.equal(done.returncode == 0, wanted, str(words) + done.stderr)


# Makes the socket with the mode that virt-sflow-agent.socket says, as systemd does without a user or
# group there (by the umask, and never by the path), and becomes the service that gets it.
ACTIVATE = """
import os, socket, sys
path, mode = sys.argv[1], int(sys.argv[2], 8)
if os.path.exists(path):
    os.unlink(path)
listener = socket.socket(socket.AF_UNIX)
umask = os.umask(~mode & 0o777)
listener.bind(path)
os.umask(umask)
listener.listen()
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execvp(sys.argv[3], sys.argv[3:])
"""
ASK = """
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.settimeout(20)
try:
    client.connect(sys.argv[1])
    said = client.makefile("rwb")
    for request in ("", *sys.argv[2:]):
        said.write(request.encode() + b"\\n" if request else b"")
        said.flush()
        word, size = said.readline().split()
        print(word.decode(), said.read(int(size)).decode())
except OSError as error:
    sys.exit(type(error).__name__)
"""
AGENT_SOCKET = "/run/virt-sflow/agent.sock"


def socket_unit():
    with open(os.path.join(SOURCE, "data/virt-sflow-agent.socket")) as file:
        return dict(line.strip().split("=", 1) for line in file if re.match("[A-Za-z]+=", line))


def agent_command():
    """virt-sflow-agent of the tree with the socket of its unit, in the daemon's directory."""
    world().tree.own("run/virt-sflow", DAEMON, 0o755)
    return ["/usr/bin/python3", "-c", ACTIVATE, AGENT_SOCKET, socket_unit()["SocketMode"],
            *world().users.become(AGENT), world().tree.program("virt-sflow-agent")]


class AgentService:
    def __init__(self):
        self.process = world().tree.daemon("agent", agent_command())

    def __enter__(self):
        deadline = time.monotonic() + 20
        while world().speak(None, ASK, AGENT_SOCKET)[0] != 0:
            assert self.process.poll() is None and time.monotonic() < deadline, world().logs()
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        self.process.end()

    def status_lines(self, *names):
        with open(f"/proc/{self.process.inner}/status") as file:
            found = {line.split(":")[0]: line.split()[1:] for line in file}
        return [found[name] for name in names]


def agent():
    return tap.fixture(make_agent)


def make_agent():
    return AgentService()


def test_agent_service():
    """As its user without any capability the agent's service asks through libvirt's read-write socket
    for the daemon, which has no way there, and refuses what is not on its list"""
    uid = str(world().users.uid[AGENT])
    user, *capabilities = agent().status_lines("Uid", "CapEff", "CapPrm", "CapBnd", "CapAmb")
    tap.equal((user, {int(words[0], 16) for words in capabilities}), ([uid] * 4, {0}))
    status, text = world().speak(DAEMON, ASK, AGENT_SOCKET,
                                 f"ask {world().vm.uuid} 2 guest-info",
                                 f"ask {world().vm.uuid} 2 guest-exec")
    hello, answer, refusal = text.splitlines()
    assert status == 0 and hello.startswith("hello "), text
    # Which libvirt says only to who may ask for an agent.
    assert PAUSED in answer, text
    assert "not on the list" in refusal, text
    assert "denied" in world().virsh(DAEMON, "list").stderr


def test_agent_socket():
    """Another uid gets one line from the agent's socket that says so, a member of the daemon's group as
    well; and systemd changes no owner by a path in a directory of the daemon's"""
    agent()
    tap.equal([name for name in socket_unit() if name in ("SocketUser", "SocketGroup", "Symlinks")], [])
    request = f"ask {world().vm.uuid} 2 guest-info"
    for user in (NOBODY, QEMU_USER):
        for group in (None, DAEMON):
            status, text = world().speak(user, ASK, AGENT_SOCKET, request, group=group)
            assert text.startswith("forbidden ") and PAUSED not in text, (status, text)


def test_hook_socket():
    """Only root is heard on the hook's socket: another uid cannot write to it, and the daemon's own
    is not believed"""
    daemon()
    before = daemon().status()["hook"]
    for user in (NOBODY, AGENT, QEMU_USER):
        tap.equal(world().speak(user, SEND, "/run/virt-sflow/hook"), (1, "PermissionError"), user)
    tap.equal(world().speak(DAEMON, SEND, "/run/virt-sflow/hook"), (0, ""))
    tap.equal(world().speak(None, SEND, "/run/virt-sflow/hook"), (0, ""))
    # Two arrived: the daemon's own is refused, root's is read and makes no sense.
    wanted = {**before, "refused": before["refused"] + 1, "malformed": before["malformed"] + 1}
    deadline = time.monotonic() + 10
    while (after := daemon().status()["hook"]) != wanted:
        assert time.monotonic() < deadline, (before, after)
        time.sleep(0.1)


if __name__ == "__main__":
    tap.main(globals(), system=True)
