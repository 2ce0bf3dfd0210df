# SPDX-License-Identifier: GPL-2.0-or-later
"""The users of the services, made by the real systemd-sysusers from the file that is
installed, in a copy of this machine's lists: nothing of the machine changes."""

import os
import shutil
import subprocess

import tap

SOURCE = os.environ.get("VSF_SOURCE", os.path.join(os.path.dirname(__file__), "../.."))
DAEMON, AGENT = "virt-sflow", "virt-sflow-agent"


class Users:
    """`folder` is a new one for etc/passwd and etc/group; bind() puts them in the place of
    the machine's, inside a lab. `uid` and `gid` are by name."""

    def __init__(self, folder):
        tap.need("systemd-sysusers")
        self.folder = folder
        os.makedirs(os.path.join(folder, "etc"))
        for name in ("passwd", "group"):
            shutil.copy("/etc/" + name, self.path(name))
        with open(os.path.join(SOURCE, "data/sysusers.conf")) as file:
            subprocess.run(["systemd-sysusers", "--root=" + folder, "-"], stdin=file, check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.uid = {words[0]: int(words[2]) for words in self._lines("passwd")}
        self.gid = {words[0]: int(words[2]) for words in self._lines("group")}
        self.gid |= {words[0]: int(words[3]) for words in self._lines("passwd")}

    def path(self, name):
        return os.path.join(self.folder, "etc", name)

    def _lines(self, name):
        with open(self.path(name)) as file:
            return [line.split(":") for line in file.read().splitlines()]

    def join(self, group, *names):
        """Makes them members, also where the lists are bound already."""
        lines = self._lines("group")
        for words in lines:
            if words[0] == group:
                words[3] = ",".join(filter(None, [words[3], *names]))
        with open(self.path("group"), "w") as file:
            file.write("".join(":".join(words) + "\n" for words in lines))

    def bind(self, lab):
        for name in ("passwd", "group"):
            lab.run(["mount", "--bind", self.path(name), "/etc/" + name])

    def become(self, name, capabilities=(), group=None):
        """The start of a command line that runs the rest of it as that user (in its own group, or
        another), with exactly those capabilities and no way to more, as a unit does."""
        words = "".join(f",+{capability}" for capability in capabilities)
        return ["setpriv", f"--reuid={self.uid[name]}", f"--regid={self.gid[group or name]}",
                "--clear-groups", "--no-new-privs", f"--bounding-set=-all{words}",
                f"--inh-caps=-all{words}", f"--ambient-caps=-all{words}"]
