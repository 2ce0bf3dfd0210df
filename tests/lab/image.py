# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest boots from: the distribution's kernel, an initramfs of busybox,
the real guest agent and the modules it needs, and an ext4 disk. Built once
into a folder and again when an input changes. Also: does KVM really work?"""

import contextlib
import fcntl
import glob
import gzip
import hashlib
import json
import lzma
import os
import platform
import re
import shutil
import stat
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
# Loaded in this order after their dependencies; what is built in is left out.
MODULES = ["virtio_pci", "virtio_blk", "virtio_console", "virtio_balloon", "virtio_net", "ext4",
           "evdev", "button", "loop", "pvpanic_mmio"]
FOLDERS = ["bin", "sbin", "usr/bin", "usr/sbin", "etc/acpi/PWRF", "modules", "proc", "sys",
                   "dev", "run", "tmp", "mnt", "var/run", "root"]
INITTAB = """::sysinit:/etc/guest-init.sh
::once:/etc/guest-agent.sh
::once:/bin/acpid -f -c /etc/acpi -l /dev/null
ttyS0::respawn:/etc/guest-console.sh
::shutdown:/bin/sync
::shutdown:/bin/umount -r /mnt
"""
# guest-shutdown of the agent calls shutdown -P, -r or -H.
SHUTDOWN = """#!/bin/sh
case "$*" in *-r*) exec reboot ;; *) exec poweroff ;; esac
"""
OS_RELEASE = """NAME="virt-sflow test guest"
ID=vsf-guest
VERSION_ID=1
PRETTY_NAME="virt-sflow test guest"
"""
DISK_MIB = 256


class Unavailable(Exception):
    """Something a guest is made from is not installed."""


def emulator():
    for path in ("qemu-system-" + platform.machine(), "/usr/libexec/qemu-kvm"):
        found = shutil.which(path)
        if found:
            return found
    raise Unavailable("no QEMU for this machine")


def find_kernel(unpacked):
    """(path, modules folder) of the newest cloud kernel, else of any kernel whose
    modules are here. `unpacked`: a folder in which one may have been unpacked."""
    roots = [(root, path) for root in ("", unpacked)
             for path in glob.glob(root + "/boot/vmlinuz-*")
             + glob.glob(root + "/lib/modules/*/vmlinuz")]

    def rank(found):
        release = _release(found[1])
        return ("cloud" in release, [int(n) for n in re.findall(r"\d+", release)])

    for root, path in sorted(roots, key=rank, reverse=True):
        folder = root + "/lib/modules/" + _release(path)
        if os.path.exists(folder + "/modules.dep"):
            return path, folder
    raise Unavailable("no guest kernel (/boot/vmlinuz-* with its /lib/modules)")


def _release(path):
    name = os.path.basename(path)
    return name[len("vmlinuz-"):] if name != "vmlinuz" else path.split("/")[-2]


def module_files(folder, names=None):
    """The files to load, dependencies first; of those that a guest of the lab needs, or @names."""
    dependencies = {}
    with open(folder + "/modules.dep") as file:
        for line in file:
            path, _, rest = line.partition(":")
            dependencies[_module_name(path)] = [path] + rest.split()
    order = []
    for name in names or MODULES:
        # modules.dep lists the farthest dependency last.
        for path in reversed(dependencies.get(name, [])):
            if path not in order:
                order.append(path)
    return [os.path.join(folder, path) for path in order]


def _module_name(path):
    return os.path.basename(path).split(".ko")[0].replace("-", "_")


def _unpacked(path):
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith(".xz"):
        return lzma.decompress(data)
    if path.endswith(".zst"):
        return subprocess.run(["zstd", "-dc", path], check=True, capture_output=True).stdout
    return gzip.decompress(data) if path.endswith(".gz") else data


class Cpio:
    """An archive in the kernel's "newc" format."""

    def __init__(self):
        self._parts = []
        self._names = set()

    def add(self, name, mode, data=b"", device=(0, 0)):
        name = name.strip("/")
        if name in self._names:
            return
        parent = os.path.dirname(name)
        if parent:
            self.add(parent, stat.S_IFDIR | 0o755)
        self._names.add(name)
        self._entry(name, mode, data, device)

    def _entry(self, name, mode, data, device):
        raw = name.encode() + b"\0"
        fields = [len(self._names), mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(raw), 0]
        header = b"070701" + b"".join(b"%08X" % field for field in fields) + raw
        self._parts += [header, b"\0" * (-len(header) % 4), data, b"\0" * (-len(data) % 4)]

    def file(self, name, data, mode=0o755):
        self.add(name, stat.S_IFREG | mode, data)

    def bytes(self):
        self._entry("TRAILER!!!", 0, b"", (0, 0))
        return b"".join(self._parts)


def program(name):
    """Its path, where root's programs lie too."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise Unavailable(f"{name} is not installed")
    return os.path.realpath(found)


def libraries_of(program):
    output = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    return sorted(set(re.findall(r"(/\S+) \(0x", output)))


def system_of(busybox, programs, libraries, modules):
    """An archive with busybox and its applets, @programs (place: source), the libraries, and the
    modules with the order to load them in."""
    cpio = Cpio()
    for folder in FOLDERS:
        cpio.add(folder, stat.S_IFDIR | 0o755)
    cpio.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    for name, source in [("bin/busybox", busybox), *programs.items(),
                         *((path, path) for path in libraries)]:
        with open(source, "rb") as file:
            cpio.file(name, file.read())
    # Links rather than `busybox --install`: nothing to run before they are there.
    listing = subprocess.run([busybox, "--list"], check=True, capture_output=True, text=True)
    for applet in listing.stdout.split():
        if applet != "busybox":
            cpio.add("bin/" + applet, stat.S_IFLNK | 0o777, b"/bin/busybox")
    order = []
    for path in modules:
        name = _module_name(path) + ".ko"
        order.append(name)
        cpio.file("modules/" + name, _unpacked(path), 0o644)
    cpio.file("modules/order", "".join(name + "\n" for name in order).encode(), 0o644)
    return cpio


def _initramfs(busybox, agent, libraries, modules):
    cpio = system_of(busybox, {"usr/sbin/qemu-ga": agent}, libraries, modules)
    for name in ("guest-init.sh", "guest-agent.sh", "guest-console.sh", "guest-hostile.sh"):
        with open(os.path.join(HERE, name), "rb") as file:
            cpio.file("etc/" + name, file.read())
    cpio.file("sbin/shutdown", SHUTDOWN.encode())
    cpio.file("etc/acpi/PWRF/00000080", b"#!/bin/sh\npoweroff\n")
    cpio.file("etc/inittab", INITTAB.encode(), 0o644)
    cpio.file("etc/os-release", OS_RELEASE.encode(), 0o644)
    cpio.file("etc/passwd", b"root::0:0:root:/root:/bin/sh\n", 0o644)
    cpio.add("init", stat.S_IFLNK | 0o777, b"/bin/busybox")
    # Not packed: under software emulation the guest would take half a second to unpack it.
    return cpio.bytes()


class Image:
    """kernel, initrd, disk: paths in `folder` (made if absent)."""

    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.initrd = os.path.join(self.folder, "initrd.img")
        self.disk = os.path.join(self.folder, "disk.qcow2")
        self.kernel = os.path.join(self.folder, "vmlinuz")
        with self._alone():
            self._build()

    @contextlib.contextmanager
    def _alone(self):
        """Several tests may start at once."""
        with open(os.path.join(self.folder, "lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _build(self):
        # packages.sh unpacks one beside us where the machine has none.
        kernel, folder = find_kernel(os.path.join(os.path.dirname(self.folder), "kernel"))
        busybox, agent = program("busybox"), program("qemu-ga")
        libraries, modules = libraries_of(agent), module_files(folder)
        own = [os.path.join(HERE, name) for name in sorted(os.listdir(HERE))
               if name.startswith("guest-") or name == "image.py"]
        key = hashlib.sha256()
        for path in [kernel, busybox, agent, *libraries, *modules, *own]:
            status = os.stat(path)
            key.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
        self._key = key.hexdigest()
        stamp = os.path.join(self.folder, "stamp")
        if _read(stamp) == self._key:
            return
        shutil.copy(kernel, self.kernel)
        _write(self.initrd, _initramfs(busybox, agent, libraries, modules))
        self._build_disk()
        _write(stamp, self._key.encode())

    def _build_disk(self):
        raw = os.path.join(self.folder, "disk.raw")
        with open(raw, "wb") as file:
            file.truncate(DISK_MIB << 20)
        mkfs = program("mkfs.ext4")
        subprocess.run([mkfs, "-q", "-F", "-m", "0", raw], check=True, capture_output=True)
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, self.disk],
                       check=True, capture_output=True)
        os.unlink(raw)

    def accelerator(self):
        """"kvm" only if this kernel boots under it here: on some nested hosts
        /dev/kvm opens, QEMU starts, and an ordinary kernel hangs."""
        with self._alone():
            return self._known_accelerator()

    def _known_accelerator(self):
        path = os.path.join(self.folder, "accelerator.json")
        with open("/proc/sys/kernel/random/boot_id") as file:
            question = [self._key, file.read().strip()]
        known = json.loads(_read(path) or "{}")
        if known.get("question") != question:
            answer = "kvm" if os.path.exists("/dev/kvm") and self._boots_under_kvm() else "qemu"
            known = {"question": question, "answer": answer}
            _write(path, json.dumps(known).encode())
        return known["answer"]

    def _boots_under_kvm(self, limit_s=12):
        command = [emulator(), "-accel", "kvm", "-machine", "pc", "-m", "192", "-display", "none",
                   "-nodefaults", "-no-reboot", "-serial", "stdio", "-kernel", self.kernel,
                   "-initrd", self.initrd, "-append", "console=ttyS0 quiet panic=-1 vsf.trial"]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=limit_s)
        except subprocess.TimeoutExpired:
            return False
        return b"vsf-trial: the kernel is up" in done.stdout


def _read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None


def _write(path, data):
    with open(path + ".new", "wb") as file:
        file.write(data)
    os.replace(path + ".new", path)
