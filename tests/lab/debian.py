# SPDX-License-Identifier: GPL-2.0-or-later
"""A clean Debian in a folder, with nothing but its base, of the release and from the archive that this
machine has. Its base is made by debootstrap once for a build folder."""

import os
import re
import shutil
import subprocess
import time

import lab as labs
import tap
from built import Running, call, once, put, scratch

KEPT_S = 7 * 86400  # then its packages are too old to begin with
# Says what the package asks of systemd, in place of systemd: where, and one answer that counts.
SYSTEMCTL = """#!/bin/sh
echo "$*" >>/var/log/asked-of-systemd
case $* in *is-enabled*) echo enabled ;; esac
"""


def release():
    found = {}
    with open("/etc/os-release") as file:
        for line in file:
            key, _, value = line.strip().partition("=")
            found[key] = value.strip('"')
    if found.get("ID") != "debian" or "VERSION_CODENAME" not in found:
        tap.skip("not a release of Debian here")
    return found["VERSION_CODENAME"]


def sources(suite):
    """-> (archive of the release, lines for sources.list), by this machine's own list."""
    done = subprocess.run(["apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI) $(RELEASE)",
                           "Created-By: Packages", "Origin: Debian"], capture_output=True, text=True)
    found = {}
    for line in done.stdout.splitlines():
        code, address = line.split()[:2]
        if code == suite or code.startswith(suite + "-"):
            found[code] = address.rstrip("/")
    archive = found.setdefault(suite, "http://deb.debian.org/debian")
    return archive, "".join(f"deb {address} {code} main\n" for code, address in found.items())


def base():
    """It begins to be made with the first call, and nobody waits for it before folder()."""
    tap.need("debootstrap", "apt-get")
    return tap.fixture(Base)


class Base:
    def __enter__(self):
        self._suite = release()
        self._archive, self.lines = sources(self._suite)
        self._kept = os.path.join(labs.build_folder(), "lab", "debian-" + self._suite)
        self._new = os.path.join(scratch(), "base")
        self._running = None
        if os.path.exists(self._kept) and time.time() - os.path.getmtime(self._kept) > KEPT_S:
            shutil.rmtree(self._kept)
        if not os.path.exists(self._kept):
            self._running = Running(["debootstrap", "--variant=minbase", self._suite, self._new,
                                     self._archive])
        return self

    def __exit__(self, *_):
        if self._running is not None:
            self._running.end()

    def folder(self):
        """Where it is kept; to be copied, not used."""
        if self._running is not None:
            running, self._running = self._running, None
            running.output()
            put(self._new, self._kept)
            os.utime(self._kept)
        return self._kept


class Debian:
    """`folder` is its root."""

    def __init__(self):
        self.folder = os.path.join(scratch(), "debian")
        call("cp", "--archive", "--reflink=auto", base().folder(), self.folder)
        self.write("etc/apt/sources.list", base().lines)
        # What a package may start by itself is not the host's business.
        self.write("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
        self.run("apt-get", "update", "-q")

    def path(self, name):
        return os.path.join(self.folder, name.lstrip("/"))

    def exists(self, name):
        return os.path.lexists(self.path(name))

    def write(self, name, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w") as file:
            file.write(text)
        os.chmod(self.path(name), mode)

    def read(self, name, binary=False):
        with open(self.path(name), "rb" if binary else "r") as file:
            return file.read()

    def run(self, *command):
        return call("chroot", self.folder, "env", "DEBIAN_FRONTEND=noninteractive", *command)

    def traces(self):
        """What lies there under the project's name."""
        found = []
        for where, folders, files in os.walk(self.folder):
            if where == self.folder:
                folders[:] = [name for name in folders if name not in ("proc", "sys", "dev", "run")]
            found += [os.path.relpath(os.path.join(where, name), self.folder)
                      for name in folders + files if "virt-sflow" in name]
        return sorted(path for path in found if not path.startswith(("var/cache", "root")))

    def fake_systemd(self):
        """From now on a service manager seems to run there, which does nothing."""
        os.makedirs(self.path("run/systemd/system"), exist_ok=True)
        # Before the real one, in a package's search path; and the answer to policy-rc.d's question.
        self.write("usr/sbin/systemctl", SYSTEMCTL, 0o755)
        self.write("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 0\n", 0o755)
        self.asked()

    def no_systemd(self):
        shutil.rmtree(self.path("run/systemd"))
        os.remove(self.path("usr/sbin/systemctl"))
        self.write("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)

    def asked(self):
        """What was asked of systemd about our units since the last time, options left out."""
        name = "var/log/asked-of-systemd"
        lines = self.read(name).splitlines() if self.exists(name) else []
        self.write(name, "")
        plain = [re.sub(r"--(?!now)\S+ ", "", line).strip() for line in lines]
        return [line for line in plain if "virt-sflow" in line
                and not line.startswith(("is-active", "is-enabled"))]


@once
def debian():
    """It has what the package needs, and not the package."""
    return Debian()
