# SPDX-License-Identifier: GPL-2.0-or-later
"""A real polkitd and its bus inside a lab, with libvirt's rules and those that are
installed with virt-sflow."""

import glob
import os
import shutil
import time

import tap
from users import SOURCE

_DAEMONS = ("/usr/lib/polkit-1/polkitd", "/usr/libexec/polkitd")
_RULES = "/usr/share/polkit-1/rules.d"
_OURS = "49-virt-sflow.rules"
_LIBVIRTS = "50-libvirt.rules"  # as upstream and Fedora have it; Debian's number is 60


class Polkit:
    """Started before libvirtd, which is to have auth_unix_rw = "polkit" then."""

    def __init__(self, lab):
        self.lab = lab
        self.rules = lab.path("run", "vsf/rules.d")

    def __enter__(self):
        tap.need("dbus-daemon", "dbus-send")
        program = next((path for path in _DAEMONS if os.path.exists(path)), None)
        if program is None or not os.path.isdir(_RULES):
            tap.skip("not installed: polkitd")
        os.makedirs(self.rules)
        for path in glob.glob(_RULES + "/*-libvirt.rules"):
            shutil.copy(path, os.path.join(self.rules, _LIBVIRTS))
        self.install()
        os.makedirs(self.lab.path("run", "dbus"))
        empty = self.lab.path("run", "vsf/no-rules.d")
        os.makedirs(empty)
        self.lab.run(f"""set -e
            mount --bind {self.rules} {_RULES}
            [ ! -d /etc/polkit-1/rules.d ] || mount --bind {empty} /etc/polkit-1/rules.d""")
        self.bus = self.lab.daemon("dbus", ["dbus-daemon", "--system", "--nofork", "--nopidfile"])
        self.lab.wait_socket("dbus/system_bus_socket", self.bus)
        self.process = self.lab.daemon("polkitd", [program, "--no-debug"])
        deadline = time.monotonic() + 30
        while "true" not in self._ask().stdout:
            if time.monotonic() > deadline:
                raise AssertionError("polkitd does not start")
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        self.process.end()
        self.bus.end()

    def _ask(self):
        return self.lab.run(["dbus-send", "--system", "--print-reply", "--dest=org.freedesktop.DBus",
                             "/", "org.freedesktop.DBus.NameHasOwner",
                             "string:org.freedesktop.PolicyKit1"], check=False)

    def has_libvirts(self):
        return os.path.exists(os.path.join(self.rules, _LIBVIRTS))

    def install(self):
        shutil.copy(os.path.join(SOURCE, "data/polkit.rules"), os.path.join(self.rules, _OURS))

    def remove(self):
        """polkitd sees it, some time later."""
        os.unlink(os.path.join(self.rules, _OURS))
