# SPDX-License-Identifier: GPL-2.0-or-later
"""The .deb in a system beside a real libvirtd: installed, run as its unit would run it, replaced
by the next version and by the one before, removed and purged. VSF_LONG: with 40 VMs."""

import json
import os
import signal
import time

import built
import lab as labs
import tap
import watch
from collector import Collector
from crowd import Crowd
from system import System

N_VMS = 40 if os.environ.get("VSF_LONG") else 4
POLLING_S = 1  # after a restart each VM waits for its turn, an interval at most
GAP_S = 2.0  # beyond the interval
VERSIONS = ("0.1.0", "0.1.1", "0.1.0", "0.0.9")  # up by one, down by one, down by one more
SITE = "[sflow]\ncollectors = {}\npolling = {}\nsampling = 1\n[guest]\nagent = off\n"
STATE = "/var/lib/virt-sflow/indexes"
USERS = ("virt-sflow", "virt-sflow-agent")


def world():
    return tap.fixture(World)


class World:
    """A lab, a system in it with the first version installed, a collector and the VMs."""

    def __enter__(self):
        tap.need("setpriv", "dpkg", "dpkg-deb")
        built.deb()
        self.lab = labs.Lab()
        self.lab.__enter__()
        try:
            self._fill()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _fill(self):
        self.process = self.collector = self.system = None
        system = System(self.lab)
        self.system = system.__enter__()
        self.system.install(built.deb_of(VERSIONS[0]))
        # libvirtd takes no client whose user it cannot name.
        for name in ("passwd", "group"):
            self.lab.run(["mount", "--bind", f"{self.system.root}/etc/{name}", "/etc/" + name])
        self.collector = Collector(self.lab, port=0)
        self.system.write("/etc/virt-sflow/conf.d/10-site.conf",
                          SITE.format(self.collector.target, POLLING_S))
        self.changed = self.system.read("/etc/virt-sflow/virt-sflow.conf") + "\n# the site's own\n"
        self.system.write("/etc/virt-sflow/virt-sflow.conf", self.changed)

    def __exit__(self, *_):
        if self.process is not None:
            self.process.end()
        if self.collector is not None:
            self.collector.close()
        if self.system is not None:
            self.system.__exit__()
        self.lab.__exit__(None, None, None)

    def logs(self):
        return self.lab.logs()

    def number(self, which, user=USERS[0]):
        return self.system.run(["id", which, user]).stdout.strip()

    def start(self):
        """As the unit does: directories of its user, who has CAP_NET_RAW alone. What is there in
        the state directory stays as it is."""
        uid, gid = self.number("-u"), self.number("-g")
        self.system.run(["install", "-d", "-o", uid, "-g", gid, "/run/virt-sflow",
                         "/var/lib/virt-sflow"])
        rights = ["--bounding-set=-all,+net_raw", "--inh-caps=-all,+net_raw",
                  "--ambient-caps=-all,+net_raw"]
        self.process = self.lab.daemon("packaged", self.system.command(
            ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs",
             *rights, "/usr/sbin/virt-sflowd"]))

    def restart(self):
        tap.equal(self.process.end(), 0, "exit status")
        self.start()

    def indexes(self, vms, since):
        """VM -> data source, when each has a complete sample."""
        found = {}
        for vm in vms:
            sample = self.collector.wait(
                lambda vm=vm: next((sample for sample in self.collector.vm(vm.uuid, since)
                                    if not watch.unknown(sample)), None),
                60, f"a complete sample of {vm.name}")
            found[vm.name] = sample.content["source"]
        return found


class Served:
    """What Crowd wants of a monitor."""

    def __init__(self, world):
        self.lab, self.collector = world.lab, world.collector


def crowd():
    found = getattr(crowd, "made", None)
    if found is None:
        found = crowd.made = Crowd(Served(world()), N_VMS)
        world().start()
        found.start()
    return found


def test_installed():
    """The .deb installs with users of its own and configurations that are valid, and its daemon serves
    a real libvirtd as its own user with CAP_NET_RAW alone"""
    for user in USERS:
        assert world().number("-u", user) == world().number("-g", user) != "0"
    world().system.run(["virt-sflowd", "--check-config"])
    for wanted in ("multi-user.target.wants/virt-sflowd.service",
                   "sockets.target.wants/virt-sflow-agent.socket"):
        world().system.run(["test", "-e", "/etc/systemd/system/" + wanted])
    vms = crowd().vms
    tap.equal(len(set(world().indexes(vms, 0).values())), N_VMS)
    shown = json.loads(world().system.run(["virt-sflow", "status", "--json"]).stdout)
    tap.equal(len(shown["vms"]), N_VMS)
    with open(f"/proc/{world().process.inner}/status") as file:
        lines = {line.split(":")[0]: line.split()[1:] for line in file}
    tap.equal((lines["Uid"], int(lines["CapEff"][0], 16)), ([world().number("-u")] * 4, 1 << 13))


def test_replaced():
    """An upgrade and downgrades keep every VM's index, the users, and what the site configured, with no
    gap of counters longer than the interval and 2 s"""
    vms = crowd().vms
    world().indexes(vms, 0)
    users = [world().number("-u", user) for user in USERS]
    for version in VERSIONS[1:]:
        before = world().indexes(vms, time.time() - POLLING_S - 1)
        begun = time.time()
        # As the package's own script has systemd do it: the new files, and then a restart.
        world().system.install(built.deb_of(version))
        world().restart()
        tap.equal(world().system.run(["dpkg-query", "-W", "-f", "${Version}", "virt-sflow"]).stdout,
                  version)
        tap.equal(world().indexes(vms, time.time()), before, version)
        time.sleep(2 * POLLING_S)
        longest = max((watch.longest_gap(world().collector.vm(vm.uuid), begun - POLLING_S, time.time() - 0.5),
                       vm.name) for vm in vms)
        tap.diagnostics(f"{version}: longest time between two samples of a VM {longest[0]:.2f} s "
                        f"({longest[1]}) of an interval of {POLLING_S} s")
        assert longest[0] < POLLING_S + GAP_S, longest
        tap.equal(world().system.read("/etc/virt-sflow/virt-sflow.conf"), world().changed)
        tap.equal([world().number("-u", user) for user in USERS], users)
    world().collector.check()


def test_newer_state():
    """Where the state is of a newer version, a downgraded daemon sets it aside and runs"""
    vms = crowd().vms
    before = world().indexes(vms, time.time() - POLLING_S - 1)
    tap.equal(world().process.end(), 0, "exit status")
    newer = "virt-sflow-indexes 2\nall is new\n"
    world().system.write(STATE, newer)
    since = time.time()
    world().start()
    tap.equal(world().indexes(vms, since), before)
    tap.equal(world().system.read(STATE + ".newer"), newer)


def test_state_of_root():
    """A daemon that root ran by hand and killed leaves what the service goes on with: state, and no
    socket in its way"""
    vms = crowd().vms
    before = world().indexes(vms, time.time() - POLLING_S - 1)
    tap.equal(world().process.end(), 0, "exit status")
    world().system.run(["rm", STATE])
    world().process = world().lab.daemon("by-hand", world().system.command(["/usr/sbin/virt-sflowd"]))
    deadline = time.monotonic() + 30
    shown = ["stat", "-c", "%U %G %a", STATE, "/run/virt-sflow/control", "/run/virt-sflow/hook"]
    while (found := world().system.run(shown, check=False)).returncode != 0:
        assert time.monotonic() < deadline, found.stderr
        time.sleep(0.1)
    owner = "virt-sflow virt-sflow "
    tap.equal(found.stdout.splitlines(), [owner + "640", owner + "660", owner + "600"])
    world().process.signal(signal.SIGKILL)
    world().process.wait(10)
    since = time.time()
    world().start()
    tap.equal(world().indexes(vms, since), before)
    assert world().system.run(["test", "-e", STATE + ".bad"], check=False).returncode != 0


def test_removed():
    """Purged, it leaves neither files nor users"""
    if world().process is not None:
        world().process.end()
        world().process = None
    world().system.run(["dpkg", "--no-triggers", "--remove", "virt-sflow"])
    tap.equal(world().system.read("/etc/virt-sflow/virt-sflow.conf"), world().changed)
    world().system.run(["rm", "/etc/virt-sflow/conf.d/10-site.conf"])  # the site's, not dpkg's
    world().system.run(["dpkg", "--no-triggers", "--purge", "virt-sflow"])
    for user in USERS:
        assert world().system.run(["id", user], check=False).returncode != 0, user
    left = world().system.run(["find", "/etc", "/usr", "/var/lib", "-xdev", "-name", "*virt-sflow*"],
                              check=False).stdout
    tap.equal(left, "")


if __name__ == "__main__":
    tap.main(globals(), system=True)
