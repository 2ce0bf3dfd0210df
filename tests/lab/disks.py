# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks of every kind for the lab's guests. Their files and servers are the lab's
and go with it; a loop device goes when nobody has it open any more, so that it is
left behind on no path."""

import contextlib
import json
import os
import struct
import subprocess
import time

import image
from domains import Disk

POOL = "vsf-pool"
MIB = 1 << 20
# Where the partition of partitioned() begins.
_START = MIB
_SECTOR = 512


def raw(lab, name, target, size):
    """A sparse file."""
    path = _path(lab, name, target, "raw")
    with open(path, "wb") as file:
        file.truncate(size)
    return Disk(path, target, "raw")


def qcow2(lab, name, target, size, backing=None):
    """`backing`: a Disk that lies below it."""
    path = _path(lab, name, target, "qcow2")
    below = ["-b", backing.path, "-F", backing.format] if backing else []
    _quietly("qemu-img", "create", "-q", "-f", "qcow2", *below, path, str(size))
    return Disk(path, target)


@contextlib.contextmanager
def loop(lab, name, target, size):
    """A block device of the host's: a loop device over a sparse file."""
    path = raw(lab, name + "-loop", target, size).path
    done = subprocess.run([image.program("losetup"), "--find", "--show", path], check=True,
                          capture_output=True, text=True)
    device = done.stdout.strip()
    with open(device, "rb"):
        # Detached once this and all other descriptors of it are closed, however we end.
        _quietly("losetup", "--detach", device)
        yield Disk(device, target, "raw", kind="block")


def nbd(lab, name, target, size, port=None, export=None):
    """A sparse file behind a server that QEMU speaks to over a socket, or over TCP on loopback at
    `port`; `export` as in Disk."""
    behind = raw(lab, name + "-nbd", target, size)
    where = f"127.0.0.1:{port}" if port else f"/run/vsf/{name}-{target}.nbd"
    disk = Disk(where, target, "raw", kind="nbd", image=behind.path, export=export)
    serve_nbd(lab, disk)
    return disk


def serve_nbd(lab, disk):
    """Starts its server, once more after an end."""
    host, _, port = disk.path.rpartition(":")
    where = [f"--bind={host}", f"--port={port}"] if host else [f"--socket={disk.path}"]
    name = [f"--export-name={disk.export}"] if disk.export else []
    disk.server = lab.daemon(f"nbd-{os.path.basename(disk.image)}", [
        "qemu-nbd", "--persistent", "--format", "raw", *where, *name, disk.image])
    if not host:
        lab.wait_socket(disk.path.removeprefix("/run/"), disk.server)
        return
    deadline = time.monotonic() + 30
    while not lab.run(["ss", "-Hltn", f"sport = :{port}"]).stdout.strip():
        assert time.monotonic() < deadline and disk.server.poll() is None, lab.logs()
        time.sleep(0.05)


def volume(lab, name, target, size):
    """A qcow2 volume of a pool that libvirt keeps in a folder."""
    if POOL not in lab.virsh("pool-list", "--name").split():
        os.makedirs(lab.path("lib", POOL))
        lab.virsh("pool-create-as", POOL, "dir", "--target", f"/var/lib/libvirt/{POOL}")
    file = f"{name}-{target}.qcow2"
    lab.virsh("vol-create-as", POOL, file, str(size), "--format", "qcow2")
    return Disk(f"{POOL}/{file}", target, kind="volume", image=lab.path("lib", f"{POOL}/{file}"))


def partitioned(lab, name, target, sizes):
    """A sparse file with partitions of so many bytes; the first one has an ext4."""
    disk = raw(lab, name, target, _START + sum(sizes))
    entries, at = [], _START
    for size in sizes:
        # No cylinders, type Linux, first sector and count.
        entries.append(struct.pack("<B3sB3sII", 0, b"\xfe\xff\xff", 0x83, b"\xfe\xff\xff",
                                   at // _SECTOR, size // _SECTOR))
        at += size
    with open(disk.path, "r+b") as file:
        file.seek(446)
        file.write(b"".join(entries).ljust(64, b"\0") + b"\x55\xaa")
    _quietly("mkfs.ext4", "-q", "-F", "-m", "0", "-E", f"offset={_START}", disk.path,
             f"{sizes[0] // 1024}k")
    return disk


def empty_cdrom(target="hda"):
    return Disk(None, target, "raw", device="cdrom", readonly=True)


def info(disk):
    """(capacity, allocation) as qemu-img sees it; a block device has all that it holds."""
    shown = subprocess.run(["qemu-img", "info", "--output=json", "--force-share",
                            "-f", disk.format, disk.image],
                           check=True, capture_output=True, text=True)
    said = json.loads(shown.stdout)
    return said["virtual-size"], (said["virtual-size"] if disk.kind == "block"
                                  else said["actual-size"])


def _path(lab, name, target, ending):
    return os.path.join(lab.folder, f"{name}-{target}.{ending}")


def _quietly(*command):
    subprocess.run([image.program(command[0]), *command[1:]], check=True, capture_output=True)
