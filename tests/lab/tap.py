# SPDX-License-Identifier: GPL-2.0-or-later
"""A small TAP runner. A test is a function named test_*; the first sentence of
its docstring is the statement that it proves. At the end of a test file:

    if __name__ == "__main__":
        tap.main(globals(), system=True)

Words on the command line run only the tests whose names contain one of them.
A system test needs root and what the lab is made of; without, all are skipped
with the reason. tap.fixture() makes what several tests share, once."""

import contextlib
import os
import shutil
import signal
import sys
import traceback

_stack = contextlib.ExitStack()
_fixtures = {}
_log_sources = []
_cleanups = []

LAB_PROGRAMS = ["libvirtd", "virtlogd", "virsh", "qemu-img", "qemu-ga", "busybox", "mkfs.ext4",
                "ip", "nsenter", "unshare"]


class Skip(Exception):
    """Raised by a test: cannot run here, and why."""


def skip(reason):
    raise Skip(reason)


def need(*programs):
    """Skips the running test where a program is missing."""
    missing = [name for name in programs if find_program(name) is None]
    if missing:
        skip("not installed: " + ", ".join(missing))


def find_program(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def fixture(make):
    """make() returns a context manager, entered at the first use and left after the
    last test; its value is returned each time."""
    if make not in _fixtures:
        value = _stack.enter_context(make())
        if hasattr(value, "logs"):
            _log_sources.append(value)
        _fixtures[make] = value
    return _fixtures[make]


def show_logs_of(thing):
    """The tail of thing.logs() goes into the diagnostics of tests that fail."""
    _log_sources.append(thing)


def on_exit(function):
    """Called after this test, in reverse order, however it ends."""
    _cleanups.append(function)


def diagnostics(text):
    for line in str(text).splitlines():
        print("# " + line)
    sys.stdout.flush()


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what}{': ' if what else ''}got {got!r}, wanted {wanted!r}")


def between(got, low, high, what=""):
    if not low <= got <= high:
        raise AssertionError(f"{what}{': ' if what else ''}got {got!r}, wanted {low!r} to {high!r}")


def system_reason():
    """Why system tests cannot run here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    missing = [name for name in LAB_PROGRAMS if find_program(name) is None]
    if missing:
        return "not installed: " + ", ".join(missing)
    if not os.path.exists("/dev/net/tun"):
        return "no /dev/net/tun"
    return None


def _statement(name, function):
    text = (function.__doc__ or "").strip().split("\n\n")[0]
    text = " ".join(text.split()).rstrip(".")
    return (text or name[len("test_"):].replace("_", " ")).replace("#", "")


def _run_one(number, name, function, reason):
    label = f"{number} - {_statement(name, function)}"
    if reason:
        print(f"ok {label} # SKIP {reason}", flush=True)
        return True
    try:
        try:
            function()
        finally:
            while _cleanups:
                _cleanups.pop()()
    except Skip as skipped:
        print(f"ok {label} # SKIP {skipped}", flush=True)
        return True
    except Exception:
        print(f"not ok {label}")
        diagnostics(traceback.format_exc())
        for source in _log_sources:
            try:
                diagnostics(source.logs())
            except Exception as error:
                diagnostics(f"no logs: {error}")
        return False
    print(f"ok {label}", flush=True)
    return True


def _terminated(*_):
    raise SystemExit("terminated")  # so that every context manager is left


def main(names, system=False):
    # meson ends a test that takes too long with SIGTERM.
    signal.signal(signal.SIGTERM, _terminated)
    wanted = sys.argv[1:]
    tests = [(name, function) for name, function in names.items()
             if name.startswith("test_") and callable(function)
             and (not wanted or any(word in name for word in wanted))]
    reason = system_reason() if system else None
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    with _stack:
        for number, (name, function) in enumerate(tests, 1):
            failed += not _run_one(number, name, function, reason)
    sys.exit(1 if failed else 0)
