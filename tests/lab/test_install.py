# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages: built from the tarball by Debian's and RPM's own tools, judged by lintian and
rpmlint, installed in a clean Debian, run there beside a real libvirtd, and taken away."""

import glob
import os
import re
import shutil
import subprocess

import built
import lab as labs
import tap
from built import call, deb, once, rpm, scratch, tarball, tree
from collector import Collector
from debian import base, debian

SOURCE = os.environ.get("VSF_SOURCE", os.path.join(os.path.dirname(__file__), "../.."))
# There is no site whose name the packages could have.
LINTIAN_EXPECTED = {"bogus-mail-host", "bogus-mail-host-in-debian-changelog"}
HOOK = "/etc/libvirt/hooks/qemu.d/50-virt-sflow"
CONFIG = "/etc/virt-sflow/virt-sflow.conf"
STATE = "/var/lib/virt-sflow/indexes"
USERS = ("virt-sflow", "virt-sflow-agent")
VERSIONS = ("0.1.0", "0.1.1", "0.1.0", "0.0.9")  # up by one, down by one, down by one more
# What a build must do without, as far as it may be on this machine.
NOT_NEEDED = re.compile(r"^git|rpm|ovs|ovn|clang|llvm|llc|bpf|dnsmasq|dig$|nslookup|lintian|dpkg|debootstrap|"
                        r"virsh|libvirt|qemu|ccache|pcap-config|ncurses.*-config")


def lab():
    return tap.fixture(labs.Lab)


@once
def furnished():
    """That Debian with the libraries that the package names."""
    system = debian()
    system.run("apt-get", "satisfy", "-y", "-q", "--no-install-recommends",
               call("dpkg-deb", "--field", deb(), "Depends").strip())
    os.makedirs(system.path("/etc/libvirt/hooks"))  # as libvirt's own package does
    return system


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
    """The tarball holds all that packages are made of, and no file of the workplace or of a build"""
    base()  # its download has time until the packages are there
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


@once
def plain():
    """A build of the tarball where nothing is that it could do without; -> its folder."""
    programs, build = os.path.join(scratch(), "programs"), os.path.join(scratch(), "plain")
    os.makedirs(programs)
    for folder in os.environ["PATH"].split(":")[::-1] + ["/usr/bin"]:
        for path in glob.glob(os.path.join(folder, "*")):
            name = os.path.join(programs, os.path.basename(path))
            if not NOT_NEEDED.search(os.path.basename(path)):
                if os.path.lexists(name):
                    os.remove(name)
                os.symlink(path, name)
    call("meson", "setup", build, tree(), "--prefix=/usr", "--sysconfdir=/etc", "--localstatedir=/var",
         "--libexecdir=libexec", "-Dtests=false", "--buildtype=plain", PATH=programs, CC="gcc")
    call("ninja", "-C", build, PATH=programs)
    return build


def test_builds_without():
    """The tarball builds where there is no git repository, rpm, Open vSwitch, DNS or clang for eBPF,
    and --version says that it has one backend; an option leaves eBPF out as well"""
    shown = call(os.path.join(plain(), "daemon/virt-sflowd"), "--version")
    assert re.search(r"^backends: pcap$", shown, re.M), shown
    build = os.path.join(scratch(), "without")
    call("meson", "setup", build, tree(), "-Dbpf=disabled", "-Dtests=false")
    targets = call("ninja", "-C", build, "-t", "targets", "all")
    assert "daemon/virt-sflowd:" in targets and ".bpf." not in targets, targets[-500:]


def without_library(name):
    """The exit status of meson where pkg-config does not know that one, and what it said."""
    known, build = (os.path.join(scratch(), f"{what}-{name}") for what in ("known", "missing"))
    os.makedirs(known)
    path = call("pkg-config", "--variable=pc_path", "pkg-config").strip()
    for folder in path.split(":"):
        for file in glob.glob(os.path.join(folder, "*.pc")):
            if os.path.basename(file) != name + ".pc":
                os.symlink(file, os.path.join(known, os.path.basename(file)))
    plain()  # its search path has no other way to a library than pkg-config
    done = subprocess.run(["meson", "setup", build, tree(), "-Dtests=false"], capture_output=True,
                          text=True, env={**os.environ, "CC": "gcc", "PKG_CONFIG_LIBDIR": known,
                                          "PATH": os.path.join(scratch(), "programs")})
    return done.returncode, done.stdout


def test_missing_library():
    """A library that a metric needs and that is missing fails the build, and is named; without libbpf it has
    one backend less"""
    for name in ("libvirt", "libvirt-qemu", "libpcap", "libmnl", "json-glib-1.0", "ncursesw"):
        status, said = without_library(name)
        assert status != 0 and re.search(f"ERROR.*{name}", said), said[-500:]
    tap.equal(without_library("libbpf")[0], 0)


def installed(root):
    return {os.path.join("/", os.path.relpath(os.path.join(where, name), root))
            for where, _, names in os.walk(root) for name in names}


def test_packages_hold_what_meson_installs():
    """Both packages hold what `meson install` with a DESTDIR gives, whatever the build's backends, the
    configuration in /etc, and documentation"""
    root = os.path.join(scratch(), "root")
    call("meson", "install", "-C", plain(), "--no-rebuild", DESTDIR=root)
    wanted = installed(root) | {CONFIG}
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


def test_uninstall():
    """`ninja uninstall` leaves no file and no folder that the installation made; after a second
    installation over the first one no file"""
    root = os.path.join(scratch(), "uninstalled")
    for times, left in ((1, []), (2, [root])):
        for _ in range(times):
            call("meson", "install", "-C", plain(), "--no-rebuild", DESTDIR=root)
        assert installed(root)
        call("ninja", "-C", plain(), "uninstall")
        tap.equal(installed(root), set())
        tap.equal(glob.glob(root), left)


def identity(system):
    return [system.run("id", user) for user in USERS]


def keeps(system, install, asked):
    """Through all versions the site's configuration, state, hook and users stay, and `asked` is what
    each step asks of systemd."""
    install(VERSIONS[0])
    system.run("virt-sflow", "hook", "install")
    site = system.read(CONFIG) + "# the site's own\n"
    state = "virt-sflow-indexes 1\n"
    system.write(CONFIG, site)
    system.write(STATE, state, 0o640)
    users, hook = identity(system), system.read(HOOK, binary=True)
    for version in VERSIONS[1:]:
        system.asked()
        install(version)
        tap.equal(system.asked(), asked, version)
        tap.equal((system.read(CONFIG), system.read(STATE)), (site, state), version)
        assert system.exists(HOOK), version + ": the hook went"
        tap.equal((identity(system), system.read(HOOK, binary=True)), (users, hook), version)
        assert os.access(system.path(HOOK), os.X_OK)


def test_deb_up_and_down():
    """An upgrade and downgrades of the .deb keep configuration, state, hook and users, and restart the
    services; they start when it is installed and end when it is removed"""
    system = furnished()
    system.fake_systemd()
    try:
        def install(version):
            path = system.path("/root/package.deb")
            shutil.copy(built.deb_of(version), path)
            system.run("dpkg", "--force-confold", "--install", "/root/package.deb")
            os.remove(path)
            tap.equal(system.run("dpkg-query", "-W", "-f", "${Version}", "virt-sflow"), version)

        keeps(system, install, ["stop virt-sflow-agent.service",
                                "restart virt-sflow-agent.socket virt-sflowd.service"])
        system.run("dpkg", "--remove", "virt-sflow")
        tap.equal(system.asked(), ["stop virt-sflow-agent.socket virt-sflowd.service"])
        system.run("dpkg", "--purge", "virt-sflow")
        tap.equal(system.traces(), [])
        install(VERSIONS[0])
        tap.equal(system.asked()[-1], "start virt-sflow-agent.socket virt-sflowd.service")
        system.run("dpkg", "--purge", "virt-sflow")
    finally:
        system.no_systemd()


def test_deb_runs_and_leaves_nothing():
    """The .deb installs in a clean Debian, its daemon serves a real libvirtd, and purging it
    leaves nothing, not even a hook that was installed"""
    package, system = deb(), furnished()
    shutil.copy(package, system.path("/root"))
    system.run("apt-get", "install", "-y", "-q", "--no-install-recommends",
               "/root/" + os.path.basename(package))
    shown = system.run("virt-sflowd", "--version")
    assert re.search(r"^backends: pcap ebpf$", shown, re.M), shown
    identity(system)
    system.run("virt-sflowd", "--check-config")
    judge(system.folder, "of-deb")
    system.run("virt-sflow", "hook", "install")
    assert system.exists(HOOK)
    system.run("dpkg", "--remove", "virt-sflow")
    assert not system.exists(HOOK), "the hook stayed"
    # An administrator's configuration outlives the removal, not the purge.
    assert system.exists(CONFIG)
    system.run("dpkg", "--purge", "virt-sflow")
    assert "virt-sflow" not in system.run("getent", "passwd")
    tap.equal(system.traces(), [])


def rpm_traces(system):
    return [path for path in system.traces() if not path.startswith("var/lib/rpm")]


def test_rpm_up_and_down():
    """An upgrade and downgrades of the .rpm keep configuration, state, hook and users, and restart what
    runs; an installation enables, the last removal disables and stops"""
    system = furnished()
    system.fake_systemd()
    try:
        def install(version):
            # The first one as it was built, the others from the same spec.
            package = rpm()[0] if version == VERSIONS[0] else built.rpm_of(version)
            call("rpm", "--root", system.folder, "--nodeps", "-U", "--oldpackage", package)
            tap.equal(call("rpm", "--root", system.folder, "-q", "--qf", "%{version}", "virt-sflow"),
                      version)

        units = "virt-sflow-agent.service virt-sflowd.service"
        keeps(system, install, ["try-restart " + units])
        assert "# of " + VERSIONS[-1] in system.read(CONFIG + ".rpmnew")
        call("rpm", "--root", system.folder, "-e", "virt-sflow")
        tap.equal(system.asked(), ["disable --now virt-sflow-agent.socket " + units])
        assert not system.exists(HOOK), "the hook stayed"
        assert "# the site's own" in system.read(CONFIG + ".rpmsave")
        shutil.rmtree(system.path("/etc/virt-sflow"))
        install(VERSIONS[0])
        tap.equal(system.asked(), ["preset virt-sflow-agent.socket virt-sflowd.service"])
        call("rpm", "--root", system.folder, "-e", "virt-sflow")
    finally:
        system.no_systemd()
        shutil.rmtree(os.path.dirname(system.path(STATE)), ignore_errors=True)
    tap.equal(rpm_traces(system), [])


def test_rpm_runs_and_leaves_nothing():
    """The .rpm installs into a root of its own, its daemon serves a real libvirtd, and erasing
    it leaves nothing, not even a hook that was installed"""
    system, package = furnished(), rpm()[0]
    needed = re.findall(r"^(lib\S+?)\(\)", call("rpm", "-qpR", package), re.M)
    assert any("libvirt.so" in name for name in needed), needed
    call("rpm", "--root", system.folder, "--nodeps", "-i", package)
    judge(system.folder, "of-rpm")
    system.run("virt-sflow", "hook", "install")
    call("rpm", "--root", system.folder, "-e", "virt-sflow")
    assert not system.exists(HOOK), "the hook stayed"
    shutil.rmtree(os.path.dirname(system.path(STATE)))
    tap.equal(rpm_traces(system), [])


if __name__ == "__main__":
    tap.main(globals(), system=True)
