# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that stand in for others on the PATH of a test."""

import os


class Fakes:
    """A folder of scripts and the environment that finds them first. Each call of
    a logged one leaves a line "NAME ARGUMENTS" in calls()."""

    def __init__(self, folder, **scripts):
        self.folder = os.path.join(folder, "fakes")
        self._log = os.path.join(folder, "fakes.log")
        os.makedirs(self.folder)
        for name, script in scripts.items():
            self.add(name.replace("_", "-"), script)

    def add(self, name, script):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(f"#!/bin/sh\necho {name} \"$@\" >>'{self._log}'\n{script}\n")
        os.chmod(path, 0o755)

    def environment(self, **more):
        return {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}", **more}

    def calls(self, name):
        """The arguments of each call, as text."""
        if not os.path.exists(self._log):
            return []
        with open(self._log) as file:
            return [line.partition(" ")[2].strip() for line in file
                    if line.split(" ")[0].strip() == name]
