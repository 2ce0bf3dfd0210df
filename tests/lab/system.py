# SPDX-License-Identifier: GPL-2.0-or-later
"""This machine's root with whatever is installed on top of it, inside a lab: packages are
put there by dpkg itself within seconds, and the machine sees nothing of it.

    with Lab() as lab, System(lab) as system:
        system.run(["dpkg", "--install", path])"""

import os

import tap


class System:
    """`root` is its folder, in the lab alone."""

    def __init__(self, lab):
        self.lab = lab
        self.root = os.path.join(lab.folder, "system")

    def __enter__(self):
        upper, work = (os.path.join(self.lab.folder, name) for name in ("upper", "work"))
        for folder in (upper + "/usr/sbin", work, self.root):
            os.makedirs(folder)
        # What a package may start by itself is not ours.
        with open(upper + "/usr/sbin/policy-rc.d", "w") as file:
            file.write("#!/bin/sh\nexit 101\n")
        os.chmod(upper + "/usr/sbin/policy-rc.d", 0o755)
        done = self.lab.run(["mount", "-t", "overlay", "overlay", "-o",
                             f"lowerdir=/,upperdir={upper},workdir={work}", self.root], check=False)
        if done.returncode != 0:
            tap.skip("no overlay file system here: " + done.stderr.strip())
        self.lab.run(f"cd {self.root} && for name in proc sys dev run; do "
                     "mount --rbind /$name $name; done")
        return self

    def __exit__(self, *_):
        """Before the lab goes: its folder could not be removed below a mount that is not."""
        self.lab.run(["umount", "-R", "-l", self.root], check=False)

    def command(self, words, before=()):
        return ["chroot", self.root, *before, "env", "-i", "DEBIAN_FRONTEND=noninteractive",
                "PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", *words]

    def run(self, words, check=True, timeout=120):
        return self.lab.run(self.command(words), check=check, timeout=timeout)

    def read(self, name):
        return self.run(["cat", name]).stdout

    def write(self, name, text):
        self.lab.run(["chroot", self.root, "tee", name], input=text)

    def install(self, package):
        # What triggers do is the machine's own (manual pages, the C library).
        self.run(["dpkg", "--no-triggers", "--force-confold", "--install", package])
