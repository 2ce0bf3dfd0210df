# SPDX-License-Identifier: GPL-2.0-or-later
"""The eBPF programs and samplers on the kernel of the distribution, which is older than tcx (Linux
6.6) in Debian 12: the unit tests that need a kernel are run once more in a QEMU that boots it."""

import contextlib
import glob
import gzip
import os
import re
import stat
import subprocess
import tempfile

import image as images
import tap

# The programs of tests/bpf and tests/net that put samplers on real taps.
PROGRAMS = ["bpf/test-bpf-frames", "bpf/test-bpf-life", "bpf/test-bpf-slots",
            "bpf/test-bpf-rights", "net/test-capture-life"]
TOOLS = ["ip", "tc", "tcpdump"]
MODULES = ["tun", "bridge", "veth", "macvtap", "8021q", "sch_ingress", "cls_bpf", "cls_u32",
           "act_police", "sch_htb", "dummy", "ipip"]
LIMIT_S = 240
HERE = os.path.dirname(os.path.abspath(__file__))


def archive():
    build = os.environ["VSF_BUILD"]
    kernel, folder = images.find_kernel(os.path.join(build, "lab", "kernel"))
    programs = {"tests/" + os.path.basename(name): os.path.join(build, "tests", name)
                for name in PROGRAMS}
    programs = {place: source for place, source in programs.items() if os.path.exists(source)}
    tools = {"sbin/" + name: images.program(name) for name in TOOLS if tap.find_program(name)}
    libraries = sorted({path for source in [*programs.values(), *tools.values()]
                        for path in images.libraries_of(source)})
    cpio = images.system_of(images.program("busybox"), {**programs, **tools}, libraries,
                            images.module_files(folder, MODULES))
    with open(os.path.join(HERE, "old-kernel-init.sh"), "rb") as file:
        cpio.file("init", file.read())
    return kernel, cpio


@contextlib.contextmanager
def run():
    """What the guest prints."""
    image = images.Image(os.path.join(os.environ["VSF_BUILD"], "lab", "image"))
    kernel, cpio = archive()
    with tempfile.TemporaryDirectory() as folder:
        initrd = os.path.join(folder, "initrd")
        with open(initrd, "wb") as file:
            file.write(gzip.compress(cpio.bytes(), 1))
        accelerator = "kvm" if image.accelerator() == "kvm" else "tcg"
        command = [images.emulator(), "-accel", accelerator, "-machine", "pc", "-m", "512", "-smp",
                   "2", "-display", "none", "-nodefaults", "-no-reboot", "-serial", "stdio",
                   "-kernel", kernel, "-initrd", initrd, "-append",
                   "console=ttyS0 quiet panic=-1"]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=LIMIT_S)
            output = done.stdout
        except subprocess.TimeoutExpired as late:
            output = (late.stdout or b"") + b"\n(stopped)"
    yield output.decode(errors="replace").replace("\r", "")


def output():
    return tap.fixture(run)


def part(program):
    """What that program printed, and its exit status."""
    found = re.search(rf"@@program {program}\n(.*?)@@status (\d+)\n", output(), re.S)
    if found is None:
        tap.diagnostics(output()[-3000:])
        raise AssertionError(f"{program} did not end")
    return found[1], int(found[2])


def judge(program, at_least):
    if not glob.glob(os.path.join(os.environ["VSF_BUILD"], "tests", "*", program)):
        tap.skip(f"{program} is not built")
    text, status = part(program)
    passed = re.findall(r"^ok \d+ (?!.*# SKIP)", text, re.M)
    if status != 0 or "not ok" in text or len(passed) < at_least:
        tap.diagnostics(text[-4000:])
    tap.equal(status, 0, program)
    assert "not ok" not in text
    assert len(passed) >= at_least, f"{len(passed)} passed"
    return text


def test_boots():
    """The distribution's kernel boots with the tests in it"""
    found = re.search(r"@@kernel (\S+)", output())
    if found is None:
        tap.diagnostics(output()[-3000:])
    assert found
    tap.diagnostics(f"Linux {found[1]}")


def test_frames():
    """There frames, directions and super-frames are sampled and counted as here"""
    judge("test-bpf-frames", 7)


def test_life():
    """There samplers come and go, by clsact where there is no tcx"""
    judge("test-bpf-life", 5)
    judge("test-bpf-slots", 3)


def test_rights():
    """There its verifier takes the programs of a process that has CAP_BPF and CAP_NET_ADMIN alone"""
    judge("test-bpf-rights", 1)


def test_capture():
    """There the capture with backend = ebpf opens, ends with its taps and closes, and refuses a
    tunnel of ipip"""
    text = judge("test-capture-life", 3)
    assert "ipip is refused" in text, "no ipip there"


if __name__ == "__main__":
    tap.main(globals(), system=True)
