# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/containers.md by its word: the installed tree in a root of its own that sees of its
host what the command there mounts, with the rights that it grants, and nothing else."""

import contextlib
import json
import os
import re
import shlex
import subprocess
import time

import lab as labs
import tap
from collector import Collector
from switch import Switch
from test_rights import AGENT_SOCKET, ASK, PAUSED
from tree import Tree
from users import SOURCE


def text_of(name):
    with open(os.path.join(SOURCE, name)) as file:
        return file.read()


def words_of(name):
    """Of the command that makes that container: of the engine, and of the program in it."""
    block = next(block for block in re.findall(r"```sh\n(.*?)```", text_of("docs/containers.md"), re.S)
                 if f"--name {name} " in block)
    words = shlex.split(block)
    image = words.index("virt-sflow")
    return words[:image], words[image + 1:]


def documented(name="virt-sflowd"):
    """-> (mounts [(path, options)], capabilities, other options) of that container."""
    words, _ = words_of(name)
    mounts, capabilities, options = [], [], {}
    for word, following in zip(words, words[1:]):
        if word == "-v":
            source, target, *flags = following.split(":")
            tap.equal(source, target)
            mounts.append((target, ",".join(flags)))
        elif word == "--cap-add":
            capabilities.append(following.lower())
        elif word.startswith("--"):
            options[word] = following
    return mounts, capabilities, options


def switch_mount():
    """What a host with Open vSwitch has besides: (path, options)."""
    part = text_of("docs/containers.md").split("**Open vSwitch**")[1].split("\n\n")[0]
    source, target, options = re.search(r"`-v ([^`]+)`", part)[1].split(":")
    tap.equal(source, target)
    return target, options


class Container:
    """`lab` is the host."""

    def __enter__(self):
        tap.need("setpriv", "meson")
        mounts, self.capabilities, self.options = documented()
        with contextlib.ExitStack() as stack:
            self.lab = stack.enter_context(labs.Lab())
            self.tree = stack.enter_context(Tree(self.lab))
            self.collector = stack.enter_context(Collector(self.lab, port=0))
            # What the text says is made before, on a host that is the lab.
            host = self.lab.path("run", "vsf/host")
            os.makedirs(host)
            self.lab.run(f"mkdir -p /run/virt-sflow {host}/virt-sflow {host}/etc")
            self.state = os.path.join(host, "virt-sflow")
            self.configuration = os.path.join(host, "etc")
            for name, options in mounts:
                source = {"/var/lib/virt-sflow": self.state,
                          "/etc/virt-sflow": self.configuration}.get(name, name)
                if os.path.exists("/etc/machine-id") or name != "/etc/machine-id":
                    self.tree.mount(name, options, source=source)
            self.lab.run("mkdir -p /run/openvswitch")
            self.tree.mount(*switch_mount())
            with open(self.configuration + "/virt-sflow.conf", "w") as file:
                file.write(f"[sflow]\ncollectors = {self.collector.target}\npolling = 1\n"
                           "sampling = 1\n[guest]\nagent = off\n")
            self.tree.freeze()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def logs(self):
        return self.lab.logs()

    def start(self):
        return self.tree.daemon("container", [*rights(self.capabilities),
                                              self.tree.program("virt-sflowd")])


def rights(capabilities):
    """The start of a command line that runs the rest with those and no others."""
    words = "".join(f",+{name}" for name in capabilities)
    return ["setpriv", f"--bounding-set=-all{words}", f"--inh-caps=-all{words}"]


def container():
    return tap.fixture(Container)


def test_mounts():
    """With the mounts, namespaces and the capability of docs/containers.md, and a root that cannot
    be written, the daemon does everything, and a new container has the same indexes"""
    tap.equal(container().options.get("--network"), "host")
    tap.equal(container().options.get("--pid"), "host")
    tap.equal((container().options["--cap-drop"], container().capabilities), ("all", ["net_raw"]))
    lab, collector = container().lab, container().collector
    vm = lab.define_tiny("web01", disks=[lab.disk("web01")])
    vm.start(paused=True)
    wanted = {"0:2101": "cpuTime", "0:2103": "rd_bytes", "0:2104": "bytes_in"}
    sources = []
    for _ in range(2):
        since = time.time()
        process = container().start()
        sample = collector.wait(
            lambda: next((sample for sample in collector.vm(vm.uuid, since)
                          if all(sample.record(record)[field] is not None
                                 for record, field in wanted.items())), None),
            30, "a complete sample")
        sources.append(sample.content["source"])
        ifindex = lab.ifindex(vm.taps()[0])
        ping = lab.popen(["ping", "-q", "-i", "0.2", "-W", "1", "10.77.0.99"])
        try:
            collector.wait(lambda: collector.flows(ifindex, since), 30, "a flow sample of its ARP")
        finally:
            ping.end()
        # As `podman exec` does, and from the host by the socket.
        for command in (container().tree.command([container().tree.program("virt-sflow"), "vms"]),
                        [os.path.join(labs.build_folder(), "daemon/cli/virt-sflow"), "vms"]):
            assert "web01" in lab.run(command).stdout
        with open(f"/proc/{process.inner}/status") as file:
            effective = next(int(line.split()[1], 16) for line in file
                             if line.startswith("CapEff:"))
        tap.equal(effective, 1 << 13, "capabilities")
        tap.equal(process.end(), 0, "exit status")
    tap.equal(sources[0], sources[1])
    assert os.path.exists(container().state + "/indexes")


def ask(user, vm):
    """What the agent's service says to that number."""
    return container().tree.run(
        ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "/usr/bin/python3", "-c",
         ASK, AGENT_SOCKET, f"ask {vm.uuid} 2 guest-info"], check=False).stdout


def test_agent_inside():
    """In the daemon's container, which is root with one capability, the daemon starts the agent's program
    itself, and that reaches libvirt"""
    vm = container().lab.define_tiny("web03")
    vm.start(paused=True)
    path = container().configuration + "/virt-sflow.conf"
    with open(path) as file:
        before = file.read()
    with open(path, "w") as file:
        file.write(before.replace("agent = off", "agent = auto"))
    try:
        process = container().start()
        try:
            deadline = time.monotonic() + 30
            while PAUSED not in (said := ask(0, vm)):
                assert process.poll() is None and time.monotonic() < deadline, said + container().logs()
                time.sleep(0.1)
        finally:
            tap.equal(process.end(), 0, "exit status")
    finally:
        with open(path, "w") as file:
            file.write(before)


def test_two_containers():
    """The agent's container of docs/containers.md makes its socket in the directory of the daemon's user,
    who has no name there, and asks for that user and for no other"""
    mounts, capabilities, options = documented("virt-sflow-agent")
    tap.equal((options["--cap-drop"], capabilities), ("all", ["setuid", "setgid"]))
    assert set(mounts) <= set(documented()[0]), mounts
    arguments = words_of("virt-sflow-agent")[1]
    uid = int(arguments[arguments.index("--allow-user") + 1])
    assert f"--user {uid}:{uid}" in text_of("docs/containers.md")
    tree, lab = container().tree, container().lab
    vm = lab.define_tiny("web02")
    vm.start(paused=True)
    lab.run(f"chown {uid}:{uid} /run/virt-sflow")
    try:
        process = tree.daemon("asker", [*rights(capabilities), tree.program("virt-sflow-agent"),
                                        *arguments])
        try:
            deadline = time.monotonic() + 30
            while not ask(uid, vm).startswith("hello "):
                assert process.poll() is None and time.monotonic() < deadline, container().logs()
                time.sleep(0.1)
            assert PAUSED in ask(uid, vm), ask(uid, vm)
            assert not ask(uid + 1, vm).startswith("hello "), ask(uid + 1, vm)
        finally:
            tap.equal(process.end(), 0, "exit status")
    finally:
        lab.run("chown 0:0 /run/virt-sflow")


def test_switch():
    """With the folder that docs/containers.md adds for Open vSwitch its database is watched"""
    tap.need("ovsdb-server", "ovs-vswitchd")
    lab, tree = container().lab, container().tree
    status = [*tree.command([tree.program("virt-sflow"), "status", "--json"])]
    with Switch(lab, "ovs0"):
        process = container().start()

        def ovs():
            done = lab.run(status, check=False)
            return json.loads(done.stdout)["ovs"] if done.returncode == 0 else {}

        try:
            deadline = time.monotonic() + 30
            while (told := ovs()).get("state") != "watched" or told["bridges"] != 1:
                assert process.poll() is None and time.monotonic() < deadline, (told, container().logs())
                time.sleep(0.1)
        finally:
            tap.equal(process.end(), 0, "exit status")


def test_table():
    """Every mount of the command has its line in the table of docs/containers.md, and the other way"""
    mounts, capabilities, options = documented()
    table = re.findall(r"(?m)^\| `([^`]+)`(, read-only)? \|", text_of("docs/containers.md"))
    told = {(name, "ro" if read_only else "") for name, read_only in table if name.startswith("/")}
    tap.equal(told, set(mounts))
    tap.equal({name for name, _ in table if name.startswith("--")},
              {f"--cap-add {name.upper()}" for name in capabilities} |
              {f"{name} host" for name, value in options.items() if value == "host"})


def packages_below(names):
    """Those Debian packages and all that they need, as dpkg has them here."""
    found, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Depends}, ${Pre-Depends}\\n", name],
                              capture_output=True, text=True)
        waiting += re.findall(r"(?:^|[,|]) *([a-z0-9][a-z0-9.+-]+)", done.stdout)
    return found


def test_libraries():
    """Every library that the programs need is of a package that data/Containerfile installs"""
    tap.need("dpkg-query", "ldd")
    if not os.path.exists("/etc/debian_version"):
        tap.skip("the image is Debian's")
    last = text_of("data/Containerfile").split("\nFROM ")[-1]
    installed = re.search(r"--no-install-recommends \\\n(.*?) &&", last, re.S)[1].split()
    there = packages_below(installed)
    for program in ("virt-sflowd", "cli/virt-sflow"):
        done = subprocess.run(["ldd", os.path.join(labs.build_folder(), "daemon", program)],
                              capture_output=True, text=True, check=True)
        for library in re.findall(r"=> (/\S+)", done.stdout):
            # dpkg knows it by the name that its package has, with or without /usr.
            names = {library, library.removeprefix("/usr"), "/usr" + library}
            owners = subprocess.run(["dpkg-query", "-S", *names], text=True, capture_output=True).stdout
            owners = {line.split(":")[0] for line in owners.splitlines()}
            assert owners & there, f"{library} of {owners} is not in the image"


if __name__ == "__main__":
    tap.main(globals(), system=True)
