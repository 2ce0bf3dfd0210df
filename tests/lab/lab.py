# SPDX-License-Identifier: GPL-2.0-or-later
"""A private hypervisor: libvirtd, virtlogd and a bridge in namespaces of their own.

    with Lab() as lab:
        guest = lab.boot("web01")
        guest.run("ping -c 3 " + lab.address)
        lab.run(["virsh", "list"])           # anything, inside

Nothing of the machine's own libvirt is seen or touched: /run, /etc/libvirt and
/var/{lib,log,cache}/libvirt are folders of the lab, which lies in the build
folder. Leaving the block, or a SIGKILL of this process, ends every process
inside; what a SIGKILL leaves in the build folder the next lab removes."""

import fcntl
import glob
import itertools
import os
import re
import shutil
import subprocess
import tempfile
import time
import uuid

import domains
import image as images
from domains import Disk, Nic
from guest import Guest
from sandbox import Failed, Sandbox

MACVTAP_NODES_S = 20  # on a host that has macvtaps of its own no longer

QEMU_CONF = """user = "root"
group = "root"
security_driver = "none"
dynamic_ownership = 0
cgroup_controllers = [ ]
namespaces = [ ]
"""
# No D-Bus inside, so no polkit to ask.
LIBVIRTD_CONF = """host_uuid = "{host_uuid}"
auth_unix_ro = "none"
auth_unix_rw = "none"
log_level = 3
"""
CAPABILITIES = "qemu/capabilities"  # in libvirt's cache
BOUND = {"run": "/run", "etc": "/etc/libvirt", "lib": "/var/lib/libvirt",
         "log": "/var/log/libvirt", "cache": "/var/cache/libvirt"}


def build_folder():
    """Where scratch files go: the meson build folder that runs the test."""
    return os.path.abspath(os.environ.get("VSF_BUILD", "build"))


class Lab:
    """`address`/`bits` is the bridge's; `hooks` are copied to hooks/qemu.d before libvirtd
    starts; `libvirtd=False` leaves it to start_libvirtd(). `capabilities`: a folder of one's own
    for what libvirtd finds out about QEMU, which else all labs share."""

    def __init__(self, build=None, hostname="kvm-lab", bridge="br0", address="10.77.0.1", bits=24,
                 hooks=(), libvirtd=True, libvirtd_conf="", qemu_conf="", capabilities=None):
        self.build = os.path.abspath(build or build_folder())
        self.hostname, self.bridge = hostname, bridge
        self.address, self.bits = address, bits
        self.libvirtd = self.virtlogd = self.sandbox = None
        self._hooks, self._want_libvirtd = hooks, libvirtd
        self._libvirtd_conf, self._qemu_conf = libvirtd_conf, qemu_conf
        self._numbers = itertools.count(10)
        self._processes = []
        self._macvtaps = None
        self._capabilities = capabilities or os.path.join(self.build, "lab", "capabilities")

    # ------------------------------------------------------------ life cycle

    def __enter__(self):
        base = os.path.join(self.build, "lab")
        os.makedirs(base, exist_ok=True)
        remove_stale(base)
        self.image = images.Image(os.path.join(base, "image"))
        self.accelerator = self.image.accelerator()
        self.emulator = images.emulator()
        self.folder = tempfile.mkdtemp(prefix="run-", dir=base)
        # Held while we live: tells remove_stale() of other labs whose folder this is.
        self._lock = os.open(os.path.join(self.folder, "lock"), os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start(self):
        for name in BOUND:
            os.makedirs(os.path.join(self.folder, name))
        for name in ("vsf", "lock"):
            os.makedirs(self.path("run", name))
        for name in ("hooks/qemu.d", "qemu"):
            os.makedirs(self.path("etc", name))
        os.makedirs(self.path("log", "qemu"))
        self.write("etc/qemu.conf", QEMU_CONF + self._qemu_conf)
        self.write("etc/libvirtd.conf",
                   LIBVIRTD_CONF.format(host_uuid=uuid.uuid4()) + self._libvirtd_conf)
        self.write("etc/virtlogd.conf", "log_level = 3\n")
        for hook in self._hooks:
            shutil.copy(hook, self.path("etc", "hooks/qemu.d"))
        self._take_capabilities()
        self.sandbox = Sandbox(self.hostname, [(self.path(name), over)
                                               for name, over in BOUND.items()])
        self.pid = self.sandbox.pid
        self.run(f"""set -e
            echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
            # Else frames with a wrong IP checksum vanish in the bridge.
            f=/proc/sys/net/bridge/bridge-nf-call-iptables; [ ! -e $f ] || echo 0 >$f
            ip link add {self.bridge} address 52:54:00:ff:ff:01 type bridge stp_state 0 \\
                forward_delay 0 mcast_snooping 0
            ip address add {self.address}/{self.bits} dev {self.bridge}
            ip link set {self.bridge} up""")
        if self._want_libvirtd:
            self.start_libvirtd()

    def __exit__(self, *_):
        if self.sandbox is not None:
            self.sandbox.stop()
            self._keep_capabilities()
        for process in self._processes:
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)
        if self._macvtaps is not None:
            os.close(self._macvtaps)
            self._macvtaps = None

    def _take_capabilities(self):
        """What the libvirtd of another lab found out about QEMU, which takes it seconds. Ours judges
        whether it still holds: by the programs, the kernel and the processor."""
        if os.path.isdir(self._capabilities):
            shutil.copytree(self._capabilities, self.path("cache", CAPABILITIES))

    def _keep_capabilities(self):
        for path in glob.glob(self.path("cache", CAPABILITIES + "/*.xml")):
            os.makedirs(self._capabilities, exist_ok=True)
            # Other labs may look: in one step.
            new = os.path.join(self.folder, "capabilities")
            shutil.copy(path, new)
            os.replace(new, os.path.join(self._capabilities, os.path.basename(path)))

    def start_libvirtd(self):
        """Again after stop_libvirtd() or a kill; the guests live on in between."""
        if self.virtlogd is None or self.virtlogd.poll() is not None:
            self.virtlogd = self.daemon("virtlogd", ["virtlogd"])
            self.wait_socket("libvirt/virtlogd-sock", self.virtlogd)
        for name in ("libvirt-sock", "libvirt-sock-ro"):
            if os.path.exists(self.path("run", "libvirt/" + name)):
                os.unlink(self.path("run", "libvirt/" + name))
        self.libvirtd = self.daemon("libvirtd", ["libvirtd"])
        self.wait_socket("libvirt/libvirt-sock", self.libvirtd)
        self.virsh("list")

    def stop_libvirtd(self):
        self.libvirtd.end()

    def daemon(self, name, command, **options):
        """Starts a long-running command with its output in the lab's log folder."""
        with open(self.path("log", name + ".out"), "ab") as log:
            return self.popen(command, stdout=log, stderr=log, **options)

    def wait_socket(self, name, process, timeout=30):
        """Until `process` has made the socket of that name below /run."""
        deadline = time.monotonic() + timeout
        while not os.path.exists(self.path("run", name)):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"{process.args[-1]} does not start:\n{self.logs()}")
            time.sleep(0.02)

    # ------------------------------------------------------------ inside

    def path(self, part, name=""):
        """From outside: part is run, etc, lib, log or cache (see BOUND)."""
        return os.path.join(self.folder, part, name) if name else os.path.join(self.folder, part)

    def write(self, name, text, mode=0o644):
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(text)
        os.chmod(os.path.join(self.folder, name), mode)

    def run(self, command, **options):
        return self.sandbox.run(command, **options)

    def popen(self, command, **options):
        process = self.sandbox.popen(command, **options)
        self._processes.append(process)
        return process

    def virsh(self, *arguments, check=True, timeout=60, input=None):
        """Its output; with check=False a CompletedProcess."""
        done = self.run(["virsh", "-q", *arguments], check=check, timeout=timeout, input=input)
        return done.stdout if check else done

    def socket(self, *arguments):
        return self.sandbox.socket(*arguments)

    def logs(self, lines=15):
        """The tail of every log, for a failing test's diagnostics."""
        text = []
        for folder, _, names in sorted(os.walk(self.path("log"))):
            for name in sorted(names):
                with open(os.path.join(folder, name), errors="replace") as file:
                    tail = file.read().splitlines()[-lines:]
                if tail:
                    text += [f"--- {name}", *(line[:300] for line in tail)]
        return "\n".join(text)

    # ------------------------------------------------------------ guests

    def nic(self, number=None, index=0, **options):
        """A NIC on the bridge with an address of its own: 10.77.0.NUMBER."""
        number = number if number is not None else next(self._numbers)
        if options.get("kind") == "direct" and self._macvtaps is None:
            # Its device node bears its ifIndex and is one for all labs: one lab at a time has any.
            self._macvtaps = os.open("/dev/net", os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(self._macvtaps, fcntl.LOCK_EX)
            # The kernel ends a network namespace after its last process: until then the nodes of
            # the lab before are there, and one with the number of ours keeps ours from being made.
            until = time.monotonic() + MACVTAP_NODES_S
            while glob.glob("/dev/tap[0-9]*") and time.monotonic() < until:
                time.sleep(0.05)
        if index == 0 and options.get("kind", "bridge") == "bridge":
            address = f"{self.address.rsplit('.', 1)[0]}.{number}/{self.bits}"
            options.setdefault("address", address)
        options.setdefault("source", self.bridge)
        return Nic(mac=domains.mac(number, index), **options)

    def disk(self, name="disk", target="vda", size=None):
        """A new ext4 disk (the image's, copied); `size`: of the disk, as qemu-img takes it,
        the file system stays as it is."""
        path = os.path.join(self.folder, f"{name}-{target}.qcow2")
        shutil.copy(self.image.disk, path)
        if size is not None:
            subprocess.run(["qemu-img", "resize", "-q", path, size], check=True)
        return Disk(path, target)

    def define_guest(self, name, nics=None, disks=None, identity=None, **options):
        """A guest that boots; one NIC and one disk unless told otherwise."""
        identity = str(identity or uuid.uuid4())
        nics = [self.nic()] if nics is None else nics
        disks = [self.disk(name)] if disks is None else disks
        xml = domains.guest_xml(
            name, self.image, self.accelerator, self.emulator, nics=nics, disks=disks,
            identity=identity, console=f"/run/vsf/{name}.console",
            console_log=f"/var/log/libvirt/qemu/{name}-console.log", **options)
        self.virsh("define", "/dev/stdin", input=xml)
        return Guest(self, name, identity, nics, self.path("run", f"vsf/{name}.console"))

    def boot(self, name, **options):
        guest = self.define_guest(name, **options)
        guest.start()
        return guest

    def define_tiny(self, name, nics=None, identity=None, **options):
        """A 16 MiB domain without a kernel: start(paused=True) is all it can."""
        identity = str(identity or uuid.uuid4())
        nics = [self.nic()] if nics is None else nics
        xml = domains.tiny_xml(name, self.accelerator, self.emulator, nics=nics,
                               identity=identity, **options)
        self.virsh("define", "/dev/stdin", input=xml)
        return Guest(self, name, identity, nics, None)

    def taps(self, name):
        xml = self.virsh("dumpxml", name)
        interfaces = re.findall(r"<interface .*?</interface>", xml, re.S)
        return [re.search(r"<target dev='([^']*)'", part)[1] for part in interfaces]

    def ifindex(self, device):
        return int(self.run(["cat", f"/sys/class/net/{device}/ifindex"]).stdout)

    def qemu_pid(self, name):
        """From outside; None when it is gone."""
        for pid in self.sandbox.processes():
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if f"guest={name},debug-threads=on".encode() in words:
                return pid
        return None


def remove_stale(base):
    """Folders of labs whose process was killed: their lock is free."""
    for name in os.listdir(base):
        if not name.startswith("run-"):
            continue
        folder = os.path.join(base, name)
        try:
            lock = os.open(os.path.join(folder, "lock"), os.O_RDWR)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(lock)


def join(one, other, name="peer0", address=("10.78.0.1", "10.78.0.2"), bits=24):
    """Two labs, one cable: a veth pair with an address at each end. Each sees the
    other's /run as /run/peer, for qemu+unix URIs."""
    one.sandbox.network_run(["ip", "link", "add", name, "type", "veth", "peer", "name", name,
                             "netns", str(other.pid)])
    for lab, peer, own in ((one, other, address[0]), (other, one, address[1])):
        lab.run(f"ip address add {own}/{bits} dev {name}; ip link set {name} up")
        os.symlink(peer.path("run"), lab.path("run", "peer"))
