# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages as the distributions' own tools build them of the tarball, each once."""

import contextlib
import glob
import os
import re
import shutil
import subprocess
import tempfile

import lab as labs
import tap


def scratch():
    return tap.fixture(make_scratch)


@contextlib.contextmanager
def make_scratch():
    base = os.path.join(labs.build_folder(), "lab")
    os.makedirs(base, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="install-", dir=base)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def call(*command, cwd=None, timeout=500, **environment):
    """Its output; the tail of it in the error if it fails."""
    done = subprocess.run(command, cwd=cwd, timeout=timeout, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env={**os.environ, "LC_ALL": "C", **environment})
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


def once(function):
    """A step that several tests need: it is done, or fails, once."""
    results = {}

    def step(*arguments):
        if arguments not in results:
            results[arguments] = function(*arguments)
        return results[arguments]
    return step


@once
def tarball():
    call("meson", "dist", "-C", labs.build_folder(), "--no-tests", "--formats", "xztar",
         "--allow-dirty")
    found = glob.glob(os.path.join(labs.build_folder(), "meson-dist/virt-sflow-*.tar.xz"))
    return max(found, key=os.path.getmtime)


@once
def tree():
    """The tarball's content."""
    folder = os.path.join(scratch(), "source")
    os.makedirs(folder)
    call("tar", "xf", tarball(), "-C", folder, "--strip-components=1")
    return folder


def kept():
    """Where packages of this commit stay, for the tests that follow: `meson dist` takes what is
    committed, so that is all that they depend on. Those of others go."""
    source = os.environ.get("VSF_SOURCE", os.path.join(os.path.dirname(__file__), "../.."))
    commit = call("git", "-C", source, "rev-parse", "HEAD").strip()
    base = os.path.join(labs.build_folder(), "lab", "packages")
    os.makedirs(base, exist_ok=True)
    for name in os.listdir(base):
        if name != commit:
            shutil.rmtree(os.path.join(base, name), ignore_errors=True)
    return os.path.join(base, commit)


@once
def deb():
    """The .deb's path; .changes and all that it names lie beside it."""
    tap.need("dpkg-buildpackage", "dh", "git")
    folder = kept()
    if not os.path.exists(folder):
        call("dpkg-buildpackage", "--unsigned-source", "--unsigned-changes", cwd=tree(),
             timeout=1500, DEB_BUILD_OPTIONS="nocheck parallel=2")
        new = tempfile.mkdtemp(prefix="packages-", dir=os.path.join(labs.build_folder(), "lab"))
        for path in glob.glob(os.path.join(scratch(), "virt-sflow*_*")):
            shutil.copy(path, new)
        os.rename(new, folder)  # in one step, so that what was interrupted is not taken for whole
    found, = glob.glob(os.path.join(folder, "virt-sflow_*.deb"))
    return found


@once
def rpm():
    """-> (binary package, source package, the others)."""
    tap.need("rpmbuild")
    top = os.path.join(scratch(), "rpmbuild")
    call("rpmbuild", "-ta", "--nodeps", "--define", f"_topdir {top}", tarball())
    binary, = glob.glob(top + "/RPMS/*/virt-sflow-[0-9]*.rpm")
    source, = glob.glob(top + "/SRPMS/*.rpm")
    return binary, source, set(glob.glob(top + "/RPMS/*/*.rpm")) - {binary}


@once
def deb_of(version):
    """The same package under another version, as an upgrade or downgrade meets it."""
    folder = os.path.join(scratch(), "deb-" + version)
    call("dpkg-deb", "--raw-extract", deb(), folder)
    control = os.path.join(folder, "DEBIAN/control")
    with open(control) as file:
        text = re.sub(r"(?m)^Version: .*$", "Version: " + version, file.read())
    with open(control, "w") as file:
        file.write(text)
    call("dpkg-deb", "--root-owner-group", "--build", folder, folder + ".deb")
    return folder + ".deb"
