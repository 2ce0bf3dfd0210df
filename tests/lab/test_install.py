# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages: built from the tarball by Debian's and RPM's own tools, judged by lintian and
rpmlint, installed in a clean Debian, run there beside a real libvirtd, and taken away."""

import glob
import os
import re
import shutil
import subprocess

import lab as labs
import tap
from built import call, deb, once, rpm, scratch, tarball, tree
from collector import Collector

SOURCE = os.environ.get("VSF_SOURCE", os.path.join(os.path.dirname(__file__), "../.."))
SUITE = "bookworm"
LISTS = """deb http://deb.debian.org/debian bookworm main
deb http://deb.debian.org/debian bookworm-updates main
deb http://security.debian.org/debian-security bookworm-security main
"""
# There is no site whose name the packages could have.
LINTIAN_EXPECTED = {"bogus-mail-host", "bogus-mail-host-in-debian-changelog"}
HOOK = "etc/libvirt/hooks/qemu.d/50-virt-sflow"


def lab():
    return tap.fixture(labs.Lab)


@once
def debian():
    """A Debian with nothing but its base, and with package lists."""
    tap.need("debootstrap")
    folder = os.path.join(scratch(), "debian")
    if subprocess.run(["apt-get", "--print-uris", "update"], stdout=subprocess.DEVNULL).returncode:
        tap.skip("no apt here")
    call("debootstrap", "--variant=minbase", SUITE, folder, "http://deb.debian.org/debian")
    with open(folder + "/etc/apt/sources.list", "w") as file:
        file.write(LISTS)
    # What a package may start by itself is not the host's business.
    with open(folder + "/usr/sbin/policy-rc.d", "w") as file:
        file.write("#!/bin/sh\nexit 101\n")
    os.chmod(folder + "/usr/sbin/policy-rc.d", 0o755)
    inside(folder, "apt-get", "update", "-q")
    return folder


def inside(folder, *command):
    return call("chroot", folder, "env", "DEBIAN_FRONTEND=noninteractive", *command)


def traces(folder):
    """What lies there under the project's name."""
    found = []
    for where, folders, files in os.walk(folder):
        if where == folder:
            folders[:] = [name for name in folders if name not in ("proc", "sys", "dev", "run")]
        found += [os.path.relpath(os.path.join(where, name), folder)
                  for name in folders + files if "virt-sflow" in name]
    return sorted(path for path in found if not path.startswith(("var/cache", "root")))


def run_in(folder):
    """Starts the daemon of that system beside the lab's libvirtd, as its administrator
    configured it; -> (process, collector)."""
    collector = Collector(lab(), port=0)
    with open(folder + "/etc/virt-sflow/conf.d/10-site.conf", "w") as file:
        file.write(f"[sflow]\ncollectors = {collector.target}\npolling = 1\nsampling = 1\n")
    # The lab's mounts are its own: nothing of them is seen from outside.
    lab().run(f"""set -e
        cd {folder}
        mount --bind /proc proc; mount --rbind /sys sys; mount --rbind /run run""")
    process = lab().daemon("installed", ["chroot", folder, "/usr/sbin/virt-sflowd"])
    return process, collector


def judge(folder, name):
    """The installed daemon sends the host's and a VM's counters, and the command shows it."""
    process, collector = run_in(folder)
    try:
        vm = lab().define_tiny(name)
        vm.start(paused=True)
        collector.wait(lambda: collector.vm(vm.uuid), timeout=30)
        shown = lab().run(["chroot", folder, "virt-sflow", "status"]).stdout
        assert vm.name in shown, shown
        datagram = collector.datagrams()[0].content
        tap.equal([sample["source"] for sample in datagram["samples"]], ["2:1"])
        lab().virsh("destroy", vm.name)
        tap.equal(process.end(), 0, "exit status")
    finally:
        process.end()
        collector.close()
        lab().run(f"cd {folder}; umount -R proc sys run; rm -f etc/virt-sflow/conf.d/10-site.conf")


def test_tarball_has_no_more_than_the_sources():
    """The tarball builds without git, and holds no file of the workplace or of a build"""
    names = call("tar", "tf", tarball()).split("\n")
    assert any(name.endswith("/rpm/virt-sflow.spec") for name in names), names[:20]
    tap.equal([name for name in names if re.search(r"/build|\.deb$|\.o$|__pycache__", name)
               and "/debian/" not in name], [])


def test_deb_and_lintian():
    """dpkg-buildpackage makes the .deb from the tarball, and lintian has no error and no warning"""
    package = deb()
    tap.need("lintian")
    changes, = glob.glob(os.path.join(os.path.dirname(package), "virt-sflow_*.changes"))
    done = subprocess.run(["lintian", "--allow-root", "--suppress-tags",
                           ",".join(sorted(LINTIAN_EXPECTED)), "--fail-on", "error,warning",
                           changes], capture_output=True, text=True)
    tap.equal((done.returncode, done.stdout.strip()), (0, ""), done.stderr[-500:])


def test_rpm_and_rpmlint():
    """rpmbuild makes the package and its source package from the tarball; rpmlint finds nothing
    that rpm/virt-sflow.rpmlintrc does not explain"""
    binary, source, others = rpm()
    tap.need("rpmlint")
    done = subprocess.run(["rpmlint", "--rpmlintrc", os.path.join(tree(), "rpm/virt-sflow.rpmlintrc"),
                           binary, source, *others, os.path.join(tree(), "rpm/virt-sflow.spec")],
                          capture_output=True, text=True)
    tap.equal(re.findall(r"^.*: [EW]: .*$", done.stdout, re.M), [], done.stdout[-500:])
    tap.equal(done.returncode, 0, done.stdout[-500:])


def test_packages_hold_what_meson_installs():
    """Both packages hold what `meson install` with a DESTDIR gives, the configuration in /etc,
    and documentation; `ninja uninstall` takes all away again"""
    build, root = os.path.join(scratch(), "plain"), os.path.join(scratch(), "root")
    call("meson", "setup", build, tree(), "--prefix=/usr", "--sysconfdir=/etc",
         "--localstatedir=/var", "--libexecdir=libexec", "-Dtests=false")
    call("ninja", "-C", build)
    call("meson", "install", "-C", build, "--no-rebuild", DESTDIR=root)
    wanted = {os.path.join("/", os.path.relpath(os.path.join(where, name), root))
              for where, _, names in os.walk(root) for name in names}
    wanted.add("/etc/virt-sflow/virt-sflow.conf")
    documents = re.compile(r"/usr/share/(doc|licenses|lintian)/|/usr/lib/\.build-id(/|$)")
    of_deb = call("dpkg-deb", "--contents", deb())
    # AppArmor's profiles are Debian's, SELinux's module is Fedora's.
    profiles = {name for name in wanted if name.startswith("/etc/apparmor.d/")}
    assert profiles, wanted
    for which, missing, files in (
            ("deb", set(), re.findall(r"^-\S+ .* \.(/\S+)(?: link to .*)?$", of_deb, re.M)),
            ("rpm", profiles, [line for line in call("rpm", "-qlp", rpm()[0]).split("\n") if line])):
        # Debian 12 calls /usr/lib/systemd by its other name.
        held = {re.sub(r"^/lib/", "/usr/lib/", re.sub(r"\.gz$", "", name)) for name in files
                if not documents.match(name)}
        folders = {os.path.dirname(name) for name in held | wanted}
        folders |= {os.path.dirname(name) for name in folders}
        tap.equal(held - folders - {"/etc/virt-sflow/conf.d"}, wanted - missing, which)
    call("ninja", "-C", build, "uninstall", DESTDIR=root)
    left = [name for _, _, names in os.walk(root) for name in names]
    tap.equal(left, [])


def test_builds_without_ebpf():
    """The tarball builds without eBPF as well, and --version says which backends there are"""
    build = os.path.join(scratch(), "without")
    call("meson", "setup", build, tree(), "-Dbpf=disabled", "-Dtests=false")
    call("ninja", "-C", build)
    shown = call(os.path.join(build, "daemon/virt-sflowd"), "--version")
    assert re.search(r"^backends: pcap$", shown, re.M), shown


def test_deb_runs_and_leaves_nothing():
    """The .deb installs in a clean Debian, its daemon serves a real libvirtd, and purging it
    leaves nothing, not even a hook that was installed"""
    package, folder = deb(), debian()
    shutil.copy(package, folder + "/root")
    inside(folder, "apt-get", "install", "-y", "-q", "--no-install-recommends",
           "/root/" + os.path.basename(package))
    assert "virt-sflow" in inside(folder, "virt-sflowd", "--version")
    for user in ("virt-sflow", "virt-sflow-agent"):
        inside(folder, "getent", "passwd", user)
    inside(folder, "virt-sflowd", "--check-config")
    judge(folder, "of-deb")
    os.makedirs(folder + "/etc/libvirt/hooks", exist_ok=True)  # as libvirt's own package does
    inside(folder, "virt-sflow", "hook", "install")
    assert os.path.exists(os.path.join(folder, HOOK))
    inside(folder, "dpkg", "--remove", "virt-sflow")
    assert not os.path.exists(os.path.join(folder, HOOK)), "the hook stayed"
    # An administrator's configuration outlives the removal, not the purge.
    assert os.path.exists(folder + "/etc/virt-sflow/virt-sflow.conf")
    inside(folder, "dpkg", "--purge", "virt-sflow")
    assert "virt-sflow" not in inside(folder, "getent", "passwd")
    tap.equal(traces(folder), [])


def test_rpm_runs_and_leaves_nothing():
    """The .rpm installs into a root of its own, its daemon serves a real libvirtd, and erasing
    it leaves nothing, not even a hook that was installed"""
    # Where the .deb was and is not any more: the libraries are there.
    folder, package = debian(), rpm()[0]
    needed = re.findall(r"^(lib\S+?)\(\)", call("rpm", "-qpR", package), re.M)
    assert any("libvirt.so" in name for name in needed), needed
    call("rpm", "--root", folder, "--nodeps", "-i", package)
    judge(folder, "of-rpm")
    os.makedirs(folder + "/etc/libvirt/hooks", exist_ok=True)
    inside(folder, "virt-sflow", "hook", "install")
    call("rpm", "--root", folder, "-e", "virt-sflow")
    assert not os.path.exists(os.path.join(folder, HOOK)), "the hook stayed"
    shutil.rmtree(folder + "/var/lib/virt-sflow")
    tap.equal([path for path in traces(folder) if not path.startswith("var/lib/rpm")], [])


if __name__ == "__main__":
    tap.main(globals(), system=True)
