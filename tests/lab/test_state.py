# SPDX-License-Identifier: GPL-2.0-or-later
"""State files and the directory they lie in: the daemon killed, files cut short by a power cut
or filled with something else, no place to write. Judged by the indexes on the wire."""

import os
import signal
import time

import lab as labs
import tap
from monitor import Monitor

NAMES = ("indexes", "guests")


def lab():
    return tap.fixture(labs.Lab)


def monitor():
    return tap.fixture(make_monitor)


def make_monitor():
    return Monitor(lab(), sampling=0, polling=1, start=False)


def vms():
    found = getattr(vms, "made", None)
    if found is None:
        found = vms.made = [lab().define_tiny(name, disks=[lab().disk(name)])
                            for name in ("db01", "db02")]
        for domain in found:
            domain.start(paused=True)
        monitor().start()
        vms.sources = sources(0)
        vms.choices = choices()
        wait_file("guests", lambda text: text.count("disk=host") == len(found))
        wait_file("indexes", lambda text: all(domain.uuid in text for domain in found))
    return found


def sources(since):
    """The VMs' data sources in samples after `since`."""
    return {domain.name: monitor().collector.wait(
        lambda: monitor().collector.vm(domain.uuid, since), 30,
        f"a sample of {domain.name}")[-1].content["source"] for domain in vms.made}


def choices():
    """Where the VMs' numbers come from, once that is chosen for all of them."""
    def chosen(status):
        found = {vm["domain"]: (vm["memory"]["source"], vm["disk"]["source"])
                 for vm in status.get("vms", ())}
        return found if len(found) == len(vms.made) and all(map(all, found.values())) else None

    return monitor().wait_status(chosen, 30, "the choices")


def place(name):
    """A state file, from outside the lab."""
    return lab().path("lib", f"{monitor().name}/{name}")


def read(name):
    try:
        with open(place(name), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def wait_file(name, question):
    deadline = time.monotonic() + 20
    while not question((read(name) or b"").decode()):
        assert time.monotonic() < deadline, f"{name}: {read(name)}"
        time.sleep(0.05)


def kill():
    monitor().process.signal(signal.SIGKILL)
    monitor().process.wait(10)


def start_again():
    """Starts the daemon; returns what it warned of until all VMs had their samples, whose
    sources are the known ones."""
    logged, since = len(monitor().log()), time.time()
    monitor().start()
    tap.equal(sources(since), vms.sources, "data sources")
    return [line for line in monitor().log()[logged:].splitlines() if "warning: " in line]


def state_warnings(warnings):
    return [line for line in warnings if monitor().state in line]


def test_kill():
    """Killed and started again, three times: same indexes, same choices, no warning"""
    vms()
    for _ in range(3):
        before = read("guests")
        kill()
        tap.equal(state_warnings(start_again()), [])
        tap.equal(choices(), vms.choices)
        assert before is not None
    tap.equal(sorted(os.listdir(place(""))), sorted(NAMES))


def bad_contents():
    """What may lie there after a power cut, and what nobody expects."""
    whole = {name: read(name) for name in NAMES}
    for what, make in (("empty", lambda text: b""),
                       ("one byte", lambda text: text[:1]),
                       ("half", lambda text: text[:len(text) // 2]),
                       ("a line less", lambda text: text[:text.rstrip().rindex(b"\n") + 1]),
                       ("a byte less", lambda text: text[:-1]),
                       ("zeros", lambda text: bytes(len(text))),
                       ("noise", lambda text: os.urandom(len(text)))):
        yield what, {name: make(text) for name, text in whole.items()}, "bad"
    yield "a newer release's", {"indexes": b"virt-sflow-indexes 2\nall is new\n",
                                "guests": b"[virt-sflow guests]\nversion=2\n"}, "newer"


def test_bad_files():
    """Files that are cut short, empty, noise or a newer release's: the same indexes, one warning
    for each, and the file is kept for a look"""
    vms()
    for what, contents, suffix in list(bad_contents()):
        kill()
        for name, content in contents.items():
            with open(place(name), "wb") as file:
                file.write(content)
        warnings = start_again()
        for name, content in contents.items():
            path = f"{monitor().state}/{name}"
            named = [line for line in warnings if path in line]
            tap.equal(len(named), 1, f"{what}: {warnings}")
            assert f"{path}.{suffix}" in named[0], named
            tap.equal(read(f"{name}.{suffix}"), content, what)
        tap.equal(choices(), vms.choices, what)
        tap.equal(monitor().status()["state"]["trouble"], None, what)
        wait_file("indexes", lambda text: all(domain.uuid in text for domain in vms()))
        wait_file("guests", lambda text: text.count("disk=host") == len(vms()))


def trouble_with(state, what):
    """The daemon runs there, says so once and shows it; its warning."""
    logged = len(monitor().log())
    usual, monitor().state = monitor().state, state
    tap.on_exit(lambda: setattr(monitor(), "state", usual))
    start_again()
    trouble = monitor().wait_status(lambda status: status["state"]["trouble"], 20, what)
    assert state in trouble, trouble
    time.sleep(2)  # long enough for the other file to fail as well
    warnings = [line for line in monitor().log()[logged:].splitlines()
                if "warning: " in line and state in line]
    tap.equal(len(warnings), 1, f"{what}: {warnings}")
    tap.diagnostics(warnings[0])
    tap.equal(monitor().status()["state"]["directory"], state)
    text = monitor().command("status", "--runtime-dir", monitor().runtime).stdout
    assert "cannot be kept: " in text, text
    return warnings[0]


def stopped():
    vms()
    tap.equal(monitor().stop(), 0, "exit status")
    tap.on_exit(lambda: monitor().process or monitor().start())
    tap.on_exit(monitor().stop)


def test_read_only():
    """On a read-only file system it runs, with the indexes that lie there"""
    stopped()
    state = monitor().state
    lab().run(f"mount --bind {state} {state} && mount -o remount,ro,bind {state}")
    tap.on_exit(lambda: lab().run(f"umount -l {state}"))
    before = read("indexes")
    assert "Read-only file system" in trouble_with(state, "a read-only directory")
    tap.equal(choices(), vms.choices)
    tap.equal(monitor().stop(), 0, "exit status")
    tap.equal(read("indexes"), before)


def test_full():
    """On a full file system it runs, and keeps state as soon as there is room"""
    stopped()
    state = "/var/lib/libvirt/full"
    lab().run(f"mkdir -p {state} && mount -t tmpfs -o size=64k tmpfs {state} && "
              f"! cat /dev/zero >{state}/filler 2>/dev/null")
    tap.on_exit(lambda: lab().run(f"umount -l {state}"))
    assert "No space left" in trouble_with(state, "a full directory")
    lab().run(["rm", f"{state}/filler"])
    monitor().wait_status(lambda status: status["state"]["trouble"] is None, 30, "room again")
    tap.equal(sorted(lab().run(["ls", state]).stdout.split()), sorted(NAMES))


def test_no_directory():
    """Where the directory cannot be made, and where a file is in its place, it runs"""
    stopped()
    trouble_with("/proc/virt-sflow", "a directory that cannot be made")
    tap.equal(monitor().stop(), 0, "exit status")
    lab().run("echo precious >/var/lib/libvirt/file")
    trouble_with("/var/lib/libvirt/file", "a file in its place")
    tap.equal(lab().run(["cat", "/var/lib/libvirt/file"]).stdout, "precious\n")
    tap.equal(monitor().stop(), 0, "exit status")


def test_removed():
    """A directory that is removed while it runs is made again"""
    vms()
    lab().run(f"rm -r {monitor().state}")
    new = lab().define_tiny("db03", nics=[])
    tap.on_exit(lambda: lab().virsh("undefine", "db03"))
    new.start(paused=True)
    tap.on_exit(lambda: lab().virsh("destroy", "db03"))
    wait_file("indexes", lambda text: new.uuid in text)


def test_nothing_malformed():
    """Every datagram of this run decodes"""
    monitor().collector.check()


if __name__ == "__main__":
    tap.main(globals(), system=True)
