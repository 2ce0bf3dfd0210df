# SPDX-License-Identifier: GPL-2.0-or-later
"""What is installed around the programs, as the tools that will read it see it: units by
systemd-analyze, users by systemd-sysusers, profiles by their own compilers."""

import glob
import os
import re
import shutil
import subprocess
import tempfile

import tap
import users
from lab import build_folder

SOURCE = users.SOURCE
EXPOSURE_MAX = 2.0


def units():
    """Name -> text of every unit, as it is installed."""
    found = {}
    for path in (glob.glob(os.path.join(build_folder(), "data/*.service")) +
                 glob.glob(os.path.join(SOURCE, "data/*.socket"))):
        with open(path) as file:
            found[os.path.basename(path)] = file.read()
    tap.equal(sorted(found), ["virt-sflow-agent.service", "virt-sflow-agent.socket",
                              "virt-sflowd.service"])
    return found


def analyze(texts, *arguments):
    """systemd-analyze about those units; programs that need not be there are others."""
    tap.need("systemd-analyze")
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, text in texts.items():
            paths.append(os.path.join(folder, name))
            with open(paths[-1], "w") as file:
                file.write(re.sub(r"=/\S+/virt-sflow", "=/bin/true virt-sflow", text))
        return subprocess.run(["systemd-analyze", *arguments, *paths], text=True,
                              capture_output=True)


def verified(texts):
    """What systemd says is wrong with them; about units of the machine is the machine's."""
    done = analyze(texts, "verify", "--man=no")
    return [line for line in (done.stdout + done.stderr).splitlines() if "virt-sflow" in line]


def test_verify():
    """systemd-analyze finds nothing wrong with the units, and would"""
    tap.equal(verified(units()), [])
    wrong = verified({name: text + "\nUmask=0007\n" for name, text in units().items()})
    tap.equal(len(wrong), len(units()), str(wrong))


def exposure(text):
    """Of a service; its verdict."""
    done = analyze({"virt-sflow-judged.service": text}, "security", "--offline=true")
    verdict = (done.stdout.strip().splitlines() or [""])[-1]
    found = re.search(r"exposure level for .*: ([0-9.]+)", verdict)
    assert found, done.stdout[-2000:] + done.stderr
    return float(found[1]), done.stdout


def test_security():
    """The exposure of each service is below 2.0 by systemd-analyze security"""
    for name, text in units().items():
        if name.endswith(".service"):
            found, table = exposure(text)
            tap.diagnostics(f"{name}: {found}")
            if found >= EXPOSURE_MAX:
                tap.diagnostics(table)
            assert found < EXPOSURE_MAX, f"{name}: {found}"
            bare = text.split("[Service]")[0] + "[Service]\nExecStart=/bin/true\n"
            assert exposure(bare)[0] >= EXPOSURE_MAX


def values(text, key):
    return re.findall(rf"(?m)^{key}=(.*)$", text)


def test_needs():
    """No unit needs libvirt, each starts again by itself, and the daemon has CAP_NET_RAW alone"""
    for name, text in units().items():
        for key in ("Requires", "BindsTo", "Requisite", "PartOf"):
            assert not any("libvirt" in value or "virtqemu" in value for value in values(text, key)), name
        if name.endswith(".service"):
            tap.equal((values(text, "Restart"), values(text, "Type")), (["on-failure"], ["notify"]), name)
            assert "libvirtd.service virtqemud.service" in values(text, "After")[0], name
    daemon = units()["virt-sflowd.service"]
    for key in ("CapabilityBoundingSet", "AmbientCapabilities"):
        tap.equal(values(daemon, key), ["CAP_NET_RAW"], key)
    tap.equal(values(daemon, "User"), [users.DAEMON])
    agent = units()["virt-sflow-agent.service"]
    tap.equal((values(agent, "CapabilityBoundingSet"), values(agent, "User")), ([""], [users.AGENT]))
    # Else who waits at its socket would have it started without a pause, until systemd gives up on that.
    tap.equal(values(agent, "RestartPreventExitStatus"), [])


def test_users():
    """systemd-sysusers makes both users, with groups of their own, no shell and no home"""
    with tempfile.TemporaryDirectory() as folder:
        made = users.Users(os.path.join(folder, "root"))
        for name in (users.DAEMON, users.AGENT):
            assert 0 < made.uid[name] < 1000, made.uid
            tap.equal(made.gid[name], made.uid[name])
            with open(made.path("passwd")) as file:
                line, = [line for line in file if line.startswith(name + ":")]
            tap.equal(line.strip().split(":")[5:], ["/", "/usr/sbin/nologin"])


def test_tmpfiles():
    """systemd-tmpfiles makes the directory of the sockets, the daemon's own"""
    tap.need("systemd-tmpfiles")
    if os.geteuid() != 0:
        tap.skip("needs root")
    with tempfile.TemporaryDirectory() as folder:
        made = users.Users(os.path.join(folder, "root"))
        with open(os.path.join(SOURCE, "data/tmpfiles.conf")) as file:
            done = subprocess.run(["systemd-tmpfiles", "--create", "--root=" + made.folder, "-"],
                                  stdin=file, capture_output=True, text=True)
        tap.equal((done.returncode, done.stderr), (0, ""))
        info = os.stat(os.path.join(made.folder, "run/virt-sflow"))
        tap.equal((info.st_uid, info.st_gid, info.st_mode & 0o7777),
                  (made.uid[users.DAEMON], made.gid[users.DAEMON], 0o755))


def test_apparmor():
    """AppArmor's parser takes the profile of each program, and would not take a wrong one"""
    tap.need("apparmor_parser")
    paths = glob.glob(os.path.join(build_folder(), "data/usr.sbin.virt-sflow*"))
    tap.equal(len(paths), 2)
    for path in paths:
        with open(path) as file:
            text = file.read()
        # What follows "profile" is the program where it is installed; no word was left in between.
        assert re.search(r"(?m)^profile virt-sflow\S+ /\S*bin/virt-sflow\S+ ", text) and "@sbindir" not in text
        for what, wanted in ((text, True), (text.replace("capability net_raw", "capability net_row")
                                            .replace("unix,", "unix"), False)):
            done = subprocess.run(["apparmor_parser", "--skip-kernel-load", "--skip-cache",
                                   "--base", "/etc/apparmor.d"], input=what, text=True,
                                  capture_output=True)
            tap.equal(done.returncode == 0, wanted, path + ": " + done.stderr)


def test_selinux():
    """The policy module compiles over the reference policy, and labels every path that is ours"""
    makefile = "/usr/share/selinux/devel/Makefile"
    tap.need("checkmodule", "semodule_package", "make", "m4")
    if not os.path.exists(makefile):
        tap.skip("not installed: selinux-policy-dev")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(os.path.join(SOURCE, "data/selinux"), folder, dirs_exist_ok=True)
        done = subprocess.run(["make", "-f", makefile, "virt_sflow.pp"], cwd=folder, text=True,
                              capture_output=True)
        tap.equal(done.returncode, 0, done.stdout[-2000:] + done.stderr[-2000:])
        subprocess.run(["semodule_unpackage", "virt_sflow.pp", "out.mod", "out.fc"], cwd=folder,
                       check=True)
        with open(os.path.join(folder, "out.fc")) as file:
            patterns = [line.split()[0] for line in file if line.strip()]
    for path in ("/usr/sbin/virt-sflowd", "/usr/bin/virt-sflowd", "/usr/sbin/virt-sflow-agent",
                 "/run/virt-sflow/control", "/run/virt-sflow", "/etc/virt-sflow/conf.d/a.conf",
                 "/var/lib/virt-sflow/indexes"):
        assert any(re.fullmatch(pattern, path) for pattern in patterns), (path, patterns)
    # The command is anybody's, and the hook is libvirt's.
    for path in ("/usr/bin/virt-sflow", "/usr/libexec/virt-sflow/qemu-hook"):
        assert not any(re.fullmatch(pattern, path) for pattern in patterns), path


if __name__ == "__main__":
    tap.main(globals())
