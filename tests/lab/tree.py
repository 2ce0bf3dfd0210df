# SPDX-License-Identifier: GPL-2.0-or-later
"""What `meson install` gives, as the root of a small system inside a lab: the machine's
/usr, read-only, stands for a distribution; all else is the tree's own.

    with Lab() as lab, Tree(lab) as tree:
        tree.mount("/run/libvirt", "ro")
        process = tree.daemon("name", ["virt-sflowd"])"""

import json
import os
import shutil
import subprocess

from lab import build_folder
from users import Users

# Of the machine's /etc: where libraries are, and how names are asked for.
_ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "nsswitch.conf", "hosts", "alternatives")


def prefix():
    """Where this build installs to."""
    done = subprocess.run(["meson", "introspect", "--buildoptions", build_folder()], check=True,
                          capture_output=True, text=True)
    return next(option["value"] for option in json.loads(done.stdout) if option["name"] == "prefix")


class Tree:
    """`users` are the services' (users.Users); `root` is its folder."""

    def __init__(self, lab):
        self.lab = lab
        self.installed = os.path.join(lab.folder, "installed")
        self.root = os.path.join(lab.folder, "root")
        self.prefix = prefix()
        self._mounted = []

    def __enter__(self):
        subprocess.run(["meson", "install", "-C", build_folder(), "--no-rebuild", "--quiet",
                        "--destdir", self.installed], check=True, stdout=subprocess.DEVNULL)
        self.users = Users(self.root)
        for name in ("usr", "proc", "sys", "run", "tmp", "var/lib", "dev"):
            os.makedirs(self.path(name))
        for name in ("bin", "lib", "lib64", "sbin"):
            if os.path.islink("/" + name):
                os.symlink("usr/" + name, self.path(name))
        os.symlink("../run", self.path("var/run"))
        for name in _ETC:
            self._copy("/etc/" + name, self.path("etc/" + name))
        self.mount("/usr", "ro")
        self._bind(self.installed + self.prefix, self.path(self.prefix))
        self.mount("/proc")
        self.mount("/sys")
        self.lab.run(f"cd {self.path('dev')}; for name in null zero random urandom; do "
                     "touch $name; mount --bind /dev/$name $name; done")
        return self

    def __exit__(self, *_):
        """What is mounted is so in the lab alone, and goes with it."""
        self.lab.run(["umount", "-R", "-l", *(self.path(name) for name in reversed(self._mounted))],
                     check=False)

    def path(self, name):
        return os.path.join(self.root, name.lstrip("/"))

    @staticmethod
    def _copy(source, target):
        if os.path.isdir(source):
            shutil.copytree(source, target, symlinks=True)
        elif os.path.exists(source):
            shutil.copy(source, target)

    def _bind(self, source, target, options=""):
        self.lab.run(["mount", "--rbind", source, target])
        if "ro" in options.split(","):
            self.lab.run(["mount", "-o", "remount,bind,ro", target])

    def mount(self, name, options="", source=None):
        """A folder or file of the lab, at the same place here unless `source` is another."""
        target = self.path(name)
        source = source or name
        if self.lab.run(["test", "-d", source], check=False).returncode == 0:
            os.makedirs(target, exist_ok=True)
        elif not os.path.exists(target):
            with open(target, "w"):
                pass
        self._bind(source, target, options)
        self._mounted.append(name)

    def freeze(self):
        """The root cannot be written any more; what was mounted can as before."""
        self._bind(self.root, self.root, "ro")

    def own(self, name, user, mode=0o750):
        """A folder here that is the user's, as systemd makes it."""
        os.makedirs(self.path(name), exist_ok=True)
        os.chown(self.path(name), self.users.uid[user], self.users.gid[user])
        os.chmod(self.path(name), mode)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w") as file:
            file.write(text)

    def program(self, name):
        """Its path inside."""
        return next(path for path in (f"{self.prefix}/{folder}/{name}" for folder in ("bin", "sbin"))
                    if os.path.exists(self.installed + path))

    def command(self, words, user=None, **rights):
        """As that user of the tree's with exactly those rights (Users.become); else as root with
        all."""
        become = [] if user is None else self.users.become(user, **rights)
        return ["chroot", self.root, *become, "env", "-i", "PATH=/usr/sbin:/usr/bin", *words]

    def daemon(self, name, words, **rights):
        return self.lab.daemon(name, self.command(words, **rights))

    def run(self, words, check=True, timeout=60, **rights):
        return self.lab.run(self.command(words, **rights), check=check, timeout=timeout)
