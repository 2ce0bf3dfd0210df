# SPDX-License-Identifier: GPL-2.0-or-later
"""A real systemd inside a lab: PID 1 of a PID namespace of its own, with its own
control group, /dev, /tmp, users and units, so that nothing of the machine is seen or changed.

    with Lab(libvirtd=False) as lab, Manager(lab, units) as manager:
        manager.systemctl("start", "libvirtd")

What is to see the guests' QEMU must be started by it, so libvirtd is one of its units."""

import os
import shutil
import signal
import subprocess
import time

import tap
from lab import build_folder
from users import Users

SYSTEMD = "/usr/lib/systemd/systemd"
_PREFIX = "vsf-lab-"
# Only what a service's default dependencies name; nothing of the machine is started.
_TARGETS = ("sysinit", "basic", "shutdown", "network-online", "lab")
_TARGET = "[Unit]\nDefaultDependencies=no\n"
_LIBVIRTD = """[Service]
ExecStart=/usr/sbin/{name}
StandardError=append:/var/log/libvirt/{name}.out
KillMode=process
"""
_START = """
set -e
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /var/tmp
mount -t tmpfs tmpfs /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /tmp/dev/net
for name in null zero full random urandom tty net/tun kvm vhost-net; do
    [ -e /dev/$name ] || continue
    touch /tmp/dev/$name
    mount --bind /dev/$name /tmp/dev/$name
done
touch /tmp/dev/console
mkdir -p /tmp/dev/shm /tmp/dev/pts
mount -t devpts -o newinstance,ptmxmode=0666 devpts /tmp/dev/pts
ln -s pts/ptmx /tmp/dev/ptmx
mount --rbind /tmp/dev /dev
[ ! -e /etc/machine-id ] || mount --bind /run/vsf/machine-id /etc/machine-id
for name in passwd group; do mount --bind /run/vsf/users/etc/$name /etc/$name; done
export container=vsf-lab SYSTEMD_UNIT_PATH=/run/vsf/units SYSTEMD_GENERATOR_PATH=/nonexistent
export SYSTEMD_ENVIRONMENT_GENERATOR_PATH=/nonexistent
exec /usr/lib/systemd/systemd --system --unit=lab.target --log-target=null --show-status=no \\
    --dump-core=no
"""


def hierarchy():
    """Where the unified control groups are, or None."""
    with open("/proc/mounts") as file:
        return next((line.split()[1] for line in file if line.split()[2] == "cgroup2"), None)


def remove_groups(top):
    """Control groups of managers that are no more; one in use stays."""
    for name in os.listdir(top):
        if name.startswith(_PREFIX):
            for folder, _, _ in os.walk(os.path.join(top, name), topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    pass


class Manager:
    """`units`: name -> text of a unit file, drop-ins as "NAME.service.d/lab.conf"."""

    def __init__(self, lab, units):
        self.lab, self._process = lab, None
        self._units = {f"{name}.target": _TARGET for name in _TARGETS}
        self._units |= {f"{name}.service": _LIBVIRTD.format(name=name)
                        for name in ("virtlogd", "libvirtd")}
        self._units |= units

    def __enter__(self):
        self._top = hierarchy()
        if self._top is None or not os.path.exists(SYSTEMD) or not shutil.which("systemctl"):
            tap.skip("needs systemd and unified control groups")
        remove_groups(self._top)
        for name, text in self._units.items():
            path = self.lab.path("run", "vsf/units/" + name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(text)
        self.lab.write("run/vsf/machine-id", "0123456789abcdef0123456789abcdef\n")
        self.users = Users(self.lab.path("run", "vsf/users"))
        os.makedirs(self.lab.path("run", "systemd"), exist_ok=True)
        self._group = os.path.join(self._top, f"{_PREFIX}{os.getpid()}")
        try:
            os.mkdir(self._group)
        except OSError as error:
            tap.skip(f"no control group can be made: {error}")
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self):
        # Into the group first: it becomes the root of what systemd sees.
        enter = f'echo $$ >"{self._group}/cgroup.procs" && exec "$@"'
        with open(self.lab.path("log", "systemd.out"), "ab") as log:
            self._process = self._popen(enter, log)
        deadline = time.monotonic() + 60
        while self.systemctl("is-system-running", check=False) not in ("running", "degraded"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("systemd does not start")
            time.sleep(0.1)

    def _popen(self, enter, log):
        return subprocess.Popen(
            ["sh", "-c", enter, "sh", "nsenter", "-t", str(self.lab.pid), "-m", "-n", "-p", "-u",
             "-r", "--", "unshare", "--cgroup", "--mount", "--pid", "--uts", "--ipc",
             "--propagation", "private", "--fork", "--mount-proc", "--kill-child", "sh", "-c",
             _START], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def __exit__(self, *_):
        if self._process is not None:
            pid = self.pid
            if pid is not None:
                os.kill(pid, signal.SIGKILL)  # and with PID 1 all that it started
            else:
                self._process.kill()  # the rest ends with the lab
            self._process.wait(20)
        deadline = time.monotonic() + 10
        while os.path.exists(self._group) and time.monotonic() < deadline:
            remove_groups(self._top)
            time.sleep(0.05)

    @property
    def pid(self):
        """Of systemd, from outside; None before its start and after its end."""
        return _descendant(self._process.pid)

    def run(self, command, check=True, timeout=60):
        pid = self.pid
        if pid is None:
            return ""
        # -r: nor is the root of its mounts ours there.
        done = subprocess.run(["nsenter", "-t", str(pid), "-m", "-n", "-p", "-u", "-i", "-C", "-r",
                               "--", *command], capture_output=True, text=True, timeout=timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"{command}: exit status {done.returncode}: {done.stderr}")
        return done.stdout.strip()

    def systemctl(self, *arguments, **options):
        return self.run(["systemctl", *arguments], **options)

    def show(self, unit, *names):
        """Properties of a unit, as texts; a text alone if one is asked for."""
        text = self.systemctl("show", unit, "--property=" + ",".join(names))
        found = dict(line.split("=", 1) for line in text.splitlines())
        return found[names[0]] if len(names) == 1 else found

    def main_pid(self, unit):
        """Of the unit's main process, from outside; None if there is none."""
        inner = self.show(unit, "MainPID")
        for pid in os.listdir("/proc"):
            try:
                with open(f"/proc/{pid}/status") as file:
                    words = next(line for line in file if line.startswith("NSpid:")).split()
                same = os.readlink(f"/proc/{pid}/ns/pid") == os.readlink(f"/proc/{self.pid}/ns/pid")
            except (OSError, StopIteration):
                continue
            if same and words[-1] == inner:
                return int(pid)
        return None

    def logs(self):
        return self.systemctl("list-units", "--all", "--type=service", "--no-pager", check=False)


def _descendant(pid):
    """The systemd among the children's children of `pid`."""
    while True:
        try:
            with open(f"/proc/{pid}/task/{pid}/children") as file:
                children = file.read().split()
        except OSError:
            return None
        if not children:
            return None
        pid = int(children[0])
        try:
            # Not by its path, which is another one where we run in a chroot.
            if os.path.samefile(f"/proc/{pid}/exe", SYSTEMD):
                return pid
        except OSError:
            return None


def drop_in(name):
    """The text of a drop-in of that unit that comes with it."""
    source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with open(os.path.join(source, "data", name)) as file:
        return file.read()


def installed_unit(name="virt-sflowd.service"):
    """The text of the unit file as it is installed."""
    path = os.path.join(build_folder(), "data", name)
    if not os.path.exists(path):
        return drop_in(name)  # as it lies in the source
    with open(path) as file:
        return file.read()
