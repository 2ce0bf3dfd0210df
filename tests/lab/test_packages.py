# SPDX-License-Identifier: GPL-2.0-or-later
"""packages.sh and the part of ./check that installs, with package managers that
only say what they were asked for."""

import contextlib
import os
import shutil
import subprocess
import tempfile

import tap
from fakes import Fakes

LAB = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(LAB, "../..")


@contextlib.contextmanager
def scratch():
    with tempfile.TemporaryDirectory(dir=os.environ.get("VSF_BUILD")) as folder:
        yield folder


def copy_of_check(folder):
    """A tree of ./check and what it runs by name, so that it builds there."""
    tree = os.path.join(folder, "tree")
    os.makedirs(os.path.join(tree, "tests/lab"))
    shutil.copy(os.path.join(SOURCE, "check"), tree)
    for name in ("packages.sh", "tally.py"):
        shutil.copy(os.path.join(LAB, name), os.path.join(tree, "tests/lab"))
    return os.path.join(tree, "check")


def test_install_fails():
    """./check counts an installation that fails, goes on, and ends with its line"""
    with scratch() as folder:
        fakes = Fakes(folder, id="echo 0", dpkg_query="exit 1", apt_cache="", meson="exit 1",
                      apt_get="echo no network; exit 100")
        done = subprocess.run([copy_of_check(folder), "--quick"], capture_output=True, text=True,
                              env=fakes.environment(CI=""))
        lines = done.stdout.splitlines()
        tap.equal((done.returncode, lines[-1]), (1, "0 passed, 2 failed, 0 skipped"), done.stderr)
        assert "FAILED installing packages (build)" in lines, done.stdout
        assert "no network" in lines, done.stdout
        tap.equal(len(fakes.calls("meson")), 1)


def install_by_dnf(folder, how, dnf):
    """-> (exit status, calls of dnf), on a machine that has no apt-get."""
    fakes = Fakes(folder, dnf=dnf, crb="exit 1")
    script = f". {LAB}/packages.sh; install_packages {how} one two"
    done = subprocess.run([shutil.which("bash"), "-c", script], capture_output=True, text=True,
                          env={"PATH": fakes.folder})
    return done.returncode, fakes.calls("dnf")


def test_dnf():
    """With dnf, CRB and EPEL are enabled only where packages are not found without"""
    if os.path.exists("/etc/fedora-release"):
        tap.skip("Fedora has all in its own repositories")
    with scratch() as folder:
        tap.equal(install_by_dnf(folder, "required", "exit 0"), (0, ["install -y one two"]))
    with scratch() as folder:
        found = f"""case $* in
            *--set-enabled*) : >'{folder}/crb' ;;
            *one*) [ -e '{folder}/crb' ] ;;
        esac"""
        tap.equal(install_by_dnf(folder, "optional", found), (0, [
            "install -y --skip-broken one two", "install -y dnf-plugins-core",
            "install -y epel-release", "config-manager --set-enabled crb",
            "install -y --skip-broken one two"]))


def test_dnf_fails():
    """With dnf, what cannot be installed is an error though enabling fails as well"""
    if os.path.exists("/etc/fedora-release"):
        tap.skip("Fedora has all in its own repositories")
    with scratch() as folder:
        status, calls = install_by_dnf(folder, "required", "exit 1")
        tap.equal((status, calls[0], calls[-1]), (1, "install -y one two", "install -y one two"))


def with_policy(folder, command):
    """-> (what `command` prints, whether the helper is there afterwards)"""
    helper = os.path.join(folder, "policy-rc.d")
    done = subprocess.run(
        [shutil.which("bash"), "-c", f". {LAB}/packages.sh; policy_helper={helper}; {command}"],
        capture_output=True, text=True)
    return done.stdout.strip(), done.returncode, os.path.exists(helper)


def test_services():
    """What only tests need is installed without its services, by an answer that is gone afterwards,
    however that ends; one that was there before stands"""
    ask = 'ask() { "$policy_helper" name start; echo $?; return 7; }; '
    with scratch() as folder:
        tap.equal(with_policy(folder, ask + "without_services ask"), ("101", 7, False))
        stopped = "stop() { kill -TERM $BASHPID; sleep 9; }; without_services stop"
        tap.equal(with_policy(folder, stopped), ("", 1, False))
        helper = os.path.join(folder, "policy-rc.d")
        with open(helper, "w") as file:
            file.write("#!/bin/sh\nexit 104\n")
        os.chmod(helper, 0o755)
        tap.equal(with_policy(folder, ask + "without_services ask"), ("104", 7, True))


if __name__ == "__main__":
    tap.main(globals())
