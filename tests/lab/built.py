# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages as the distributions' own tools build them of the tarball, each once."""

import contextlib
import fcntl
import glob
import os
import re
import shutil
import signal
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
    labs.remove_stale(base)
    folder = tempfile.mkdtemp(prefix="run-install-", dir=base)
    with open(os.path.join(folder, "lock"), "w") as lock:  # by which it is known as somebody's
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


class Running:
    """A command that has process and mount namespaces of its own: however it ends, nothing of it runs
    on or stays mounted in what is removed afterwards."""

    def __init__(self, command, cwd=None, environment=None):
        unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        self._command = command
        self._process = subprocess.Popen(
            unshare + list(command), cwd=cwd, text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C", **(environment or {})})

    def end(self):
        """Nothing of it is left afterwards, not even a process that nobody has waited for: the first one
        inside takes all others with it, and unshare waits for that one."""
        if self._process.poll() is None:
            with open(f"/proc/{self._process.pid}/task/{self._process.pid}/children") as file:
                inside = [int(word) for word in file.read().split()]
            for pid in inside or [self._process.pid]:
                with contextlib.suppress(ProcessLookupError):  # it ended by itself meanwhile
                    os.kill(pid, signal.SIGKILL)
        self._process.communicate()

    def output(self, timeout=500):
        """All that it said; the tail of it in the error if it fails."""
        try:
            output, _ = self._process.communicate(timeout=timeout)
        except BaseException:
            self.end()
            raise
        if self._process.returncode != 0:
            raise AssertionError(f"{' '.join(self._command)}: {self._process.returncode}\n"
                                 + output[-3000:])
        return output


def call(*command, cwd=None, timeout=500, **environment):
    return Running(command, cwd, environment).output(timeout)


def once(function):
    """A step that several tests need: it is done, or fails, once."""
    results = {}

    def step(*arguments):
        if arguments not in results:
            try:
                results[arguments] = (function(*arguments), None)
            except Exception as error:
                results[arguments] = (None, error)
        result, error = results[arguments]
        if error is not None:
            raise error
        return result
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


def put(new, folder):
    """In one step, so that what was interrupted is not taken for whole."""
    try:
        os.rename(new, folder)
    except OSError:
        if not os.path.exists(folder):  # else another run was faster
            raise


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
        new = os.path.join(scratch(), "packages")
        os.makedirs(new)
        for path in glob.glob(os.path.join(scratch(), "virt-sflow*_*")):
            shutil.copy(path, new)
        put(new, folder)
    own = os.path.join(scratch(), "deb")  # of this run, whatever a later one does with those that are kept
    shutil.copytree(folder, own, copy_function=os.link)
    found, = glob.glob(os.path.join(own, "virt-sflow_*.deb"))
    return found


def rpm_top():
    return os.path.join(scratch(), "rpmbuild")


@once
def rpm():
    """-> (binary package, source package, the others)."""
    tap.need("rpmbuild")
    top = rpm_top()
    call("rpmbuild", "-ta", "--nodeps", "--noclean", "--define", f"_topdir {top}", tarball())
    binary, = glob.glob(top + "/RPMS/*/virt-sflow-[0-9]*.rpm")
    source, = glob.glob(top + "/SRPMS/*.rpm")
    return binary, source, set(glob.glob(top + "/RPMS/*/*.rpm")) - {binary}


def mark_example(root, version):
    """The example of the configuration changes with each version, as a real one may."""
    with open(os.path.join(root, "etc/virt-sflow/virt-sflow.conf"), "a") as file:
        file.write(f"# of {version}\n")


@once
def rpm_of(version):
    """The same package under another version, by the project's own spec (scripts, files, rights)
    over what rpm() built; its example of the configuration is another."""
    rpm()
    content, = glob.glob(rpm_top() + "/BUILDROOT/*")
    top = os.path.join(scratch(), "rpm-" + version)
    root = top + "/content"
    shutil.copytree(content, root, symlinks=True)
    for name in ("doc", "licenses"):  # the spec puts these there itself
        shutil.rmtree(os.path.join(root, "usr/share", name))
    mark_example(root, version)
    with open(os.path.join(tree(), "rpm/virt-sflow.spec")) as file:
        text = file.read()
    built, = re.findall(r"(?m)^Version:\s*(\S+)$", text)
    for pattern, new in (
            (r"(?m)^Version:.*$", "Version: " + version),
            (r"(?m)^Source0:.*$", "Source0: " + os.path.basename(tarball())),
            (r"(?m)^%autosetup$", f"%autosetup -n virt-sflow-{built}"),
            (r"(?ms)^%build$.*?(?=^%install$)", ""),
            (r"(?ms)^%install$.*?(?=^%if %\{with check\}$)",
             f"%install\ncp -a {root}/. %{{buildroot}}\n\n")):
        text, count = re.subn(pattern, new, text)
        tap.equal(count, 1, pattern)
    spec = os.path.join(top, "virt-sflow.spec")
    with open(spec, "w") as file:
        file.write(text)
    call("rpmbuild", "-bb", "--nodeps", "--define", f"_topdir {top}", "--define",
         "_sourcedir " + os.path.dirname(tarball()), spec)
    found, = glob.glob(top + "/RPMS/*/virt-sflow-[0-9]*.rpm")
    return found


@once
def deb_of(version):
    """The same package under another version, as an upgrade or downgrade meets it; its example of
    the configuration is another."""
    folder = os.path.join(scratch(), "deb-" + version)
    call("dpkg-deb", "--raw-extract", deb(), folder)
    mark_example(folder, version)
    control = os.path.join(folder, "DEBIAN/control")
    with open(control) as file:
        text = re.sub(r"(?m)^Version: .*$", "Version: " + version, file.read())
    with open(control, "w") as file:
        file.write(text)
    call("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", folder, folder + ".deb")
    return folder + ".deb"
