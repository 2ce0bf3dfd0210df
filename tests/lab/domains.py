# SPDX-License-Identifier: GPL-2.0-or-later
"""Domain XML for the lab. Nothing here runs anything."""

import dataclasses
import uuid
from xml.sax.saxutils import escape, quoteattr


@dataclasses.dataclass
class Nic:
    """One NIC. kind: bridge (source = bridge), direct (macvtap over source),
    network (source = libvirt network), ethernet (tap `target`), vhostuser (source = socket of
    a backend)."""

    mac: str
    kind: str = "bridge"
    source: str = "br0"
    target: str = None    # name of the tap; None = libvirt's choice (vnetN, macvtapN)
    address: str = None   # ADDRESS/BITS, set by the guest's start
    model: str = "virtio"
    extra: str = ""       # more XML inside <interface>

    def xml(self):
        source = {
            "bridge": f"<source bridge={quoteattr(self.source)}/>",
            "network": f"<source network={quoteattr(self.source)}/>",
            "direct": f"<source dev={quoteattr(self.source)} mode='bridge'/>",
            "ethernet": "",
            "vhostuser": f"<source type='unix' path={quoteattr(self.source)} mode='client'/>",
        }[self.kind]
        target = f"<target dev={quoteattr(self.target)}/>" if self.target else ""
        # rom: no boot ROM, which would only cost time and host memory.
        return (f"<interface type='{self.kind}'><mac address='{self.mac}'/>{source}{target}"
                f"<model type='{self.model}'/><rom enabled='no'/>{self.extra}</interface>")


@dataclasses.dataclass
class Disk:
    """One disk. kind: file (`path`), block (`path` is a device), nbd (`path` is the
    server's socket or HOST:PORT), volume (`path` is POOL/NAME). Without a path the drive is
    empty."""

    path: str
    target: str = "vda"
    format: str = "qcow2"
    extra: str = ""           # more XML inside <disk>
    kind: str = "file"
    device: str = "disk"      # or cdrom
    readonly: bool = False
    image: str = None         # the file or device behind it, as qemu-img outside sees it
    export: str = None        # the server's name for it, of nbd
    server: object = None     # the process behind it, of nbd

    def __post_init__(self):
        if self.image is None and self.kind in ("file", "block"):
            self.image = self.path

    def xml(self):
        kind = "network" if self.kind == "nbd" else self.kind
        bus = {"vd": "virtio", "hd": "ide"}.get(self.target[:2], "scsi")
        return (f"<disk type='{kind}' device='{self.device}'>"
                f"<driver name='qemu' type='{self.format}'/>{self._source()}"
                f"<target dev='{self.target}' bus='{bus}'/>"
                + ("<readonly/>" if self.readonly else "") + f"{self.extra}</disk>")

    def _source(self):
        if self.path is None:
            return ""
        if self.kind == "file":
            return f"<source file={quoteattr(self.path)}/>"
        if self.kind == "block":
            return f"<source dev={quoteattr(self.path)}/>"
        if self.kind == "nbd":
            return self._nbd_source()
        pool, _, volume = self.path.partition("/")
        return f"<source pool={quoteattr(pool)} volume={quoteattr(volume)}/>"

    def _nbd_source(self):
        name = f" name={quoteattr(self.export)}" if self.export else ""
        host, _, port = self.path.rpartition(":")
        where = (f"name={quoteattr(host)} port='{port}'" if host else
                 f"transport='unix' socket={quoteattr(self.path)}")
        return f"<source protocol='nbd'{name}><host {where}/></source>"


def mac(number, nic=0):
    """The NIC's address of VM `number`: 52:54:00 is what libvirt gives as well."""
    return f"52:54:00:{nic:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def guest_xml(name, image, accelerator, emulator, memory=192, vcpus=1, nics=(), disks=(),
              arguments="", console=None, console_log=None, agent=True, metadata="", title="",
              identity=None, devices="", max_vcpus=None, balloon_period=5):
    """A guest that boots `image`. `console`: path (inside the lab) of the socket of
    its serial console; `arguments`: more words for the kernel's command line;
    `balloon_period`: of the balloon's statistics, 0 for none."""
    addresses = ",".join(f"{nic.mac}={nic.address}" for nic in nics if nic.address)
    # On a busy machine the timer's check may see no tick, and the kernel panics. Its own tests of
    # ciphers are a sixth of its start.
    words = ["console=ttyS0 quiet loglevel=1 panic=-1 ipv6.disable=1 random.trust_cpu=on "
             "no_timer_check cryptomgr.notests",
             f"vsf.name={name}", f"vsf.ip={addresses}" if addresses else "", arguments]
    command_line = " ".join(word for word in words if word)
    stats = f"<stats period='{balloon_period}'/>" if balloon_period else ""
    parts = [f"<memballoon model='virtio'>{stats}</memballoon>",
             "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"]
    if console:
        log = f"<log file={quoteattr(console_log)} append='on'/>" if console_log else ""
        parts.append(f"<serial type='unix'><source mode='bind' path={quoteattr(console)}/>{log}"
                     "<target port='0'/></serial>")
    if agent:
        parts.append("<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/>"
                     "</channel>")
    boot = (f"<kernel>{escape(image.kernel)}</kernel><initrd>{escape(image.initrd)}</initrd>"
            f"<cmdline>{escape(command_line)}</cmdline>")
    return _domain(name, accelerator, emulator, memory, vcpus, nics, disks, identity,
                   boot=boot, devices="".join(parts) + devices, metadata=metadata, title=title,
                   max_vcpus=max_vcpus)


def tiny_xml(name, accelerator, emulator, memory=16, nics=(), disks=(), identity=None,
             metadata="", title="", devices=""):
    """A domain without a kernel, to be started paused: about 20 MiB and 0.3 s each."""
    return _domain(name, accelerator, emulator, memory, 1, nics, disks, identity,
                   devices="<memballoon model='none'/>" + devices, metadata=metadata, title=title)


def _domain(name, accelerator, emulator, memory, vcpus, nics, disks, identity, boot="",
            devices="", metadata="", title="", max_vcpus=None):
    cpu = "<cpu mode='host-passthrough'/>" if accelerator == "kvm" else ""
    count = f"<vcpu current='{vcpus}'>{max_vcpus}</vcpu>" if max_vcpus else f"<vcpu>{vcpus}</vcpu>"
    # pc rather than q35: PCI hotplug works there without ports reserved beforehand.
    return (
        f"<domain type='{accelerator}'><name>{escape(name)}</name>"
        f"<uuid>{identity or uuid.uuid4()}</uuid>"
        + (f"<title>{escape(title)}</title>" if title else "")
        + (f"<metadata>{metadata}</metadata>" if metadata else "")
        + f"<memory unit='MiB'>{memory}</memory>{count}"
        f"<os><type arch='x86_64' machine='pc'>hvm</type>{boot}</os>"
        f"<features><acpi/></features>{cpu}"
        "<on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot>"
        "<on_crash>destroy</on_crash><devices>"
        f"<emulator>{escape(emulator)}</emulator>"
        + "".join(disk.xml() for disk in disks)
        + "".join(nic.xml() for nic in nics)
        + "<controller type='usb' model='none'/>" + devices + "</devices></domain>")
