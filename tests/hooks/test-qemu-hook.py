#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the hook as libvirt does, and as nobody should: whatever happens it
prints nothing, exits with 0 and does not hang. Speaks TAP.

usage: test-qemu-hook.py HOOK VERSION
"""
import ctypes
import os
import pty
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading

HOOK, VERSION = os.path.abspath(sys.argv[1]), sys.argv[2]
MESSAGE_MAX = 128 * 1024
XML = b"<domain type='kvm' id='7'><name>web01</name></domain>\n"
START = ["web01", "start", "begin", "-"]
# The hook promises 0.2 s. This is how long a busy machine may take to run it
# before the test calls it hung.
HUNG_S = 30


class Daemon:
    """The daemon's end of the socket."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="vsf-hook-")
        self.path = os.path.join(self.folder, "hook")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)

    def messages(self):
        found = []
        while True:
            try:
                found.append(decode(self.socket.recv(2 * MESSAGE_MAX)))
            except BlockingIOError:
                return found

    def fill(self):
        """Sends until the queue takes no more."""
        sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sender.setblocking(False)
        count = 0
        try:
            while True:
                sender.sendto(b"filler", self.path)
                count += 1
        except BlockingIOError:
            return count

    def close(self):
        self.socket.close()
        shutil.rmtree(self.folder)


def decode(data):
    """Written from the layout in hook-msg.h, not from the code."""
    magic, version, zero, n_op, n_name, n_xml = struct.unpack(">4sBBHII", data[:16])
    assert (magic, version, zero) == (b"VSFH", 1, 0), data[:16]
    rest = data[16:]
    op, rest = rest[:n_op], rest[n_op:]
    assert rest[:1] == b"\0"
    name, rest = rest[1 : n_name + 1], rest[n_name + 1 :]
    assert rest[:1] == b"\0"
    if n_xml == 0:
        assert rest == b"\0", rest
        return op, name, None
    assert rest[-1:] == b"\0" and len(rest) == n_xml + 2
    return op, name, rest[1:-1]


STRACE = shutil.which("strace")


def start_hook(args, path, tracer=False, **options):
    """With @tracer, the first of @args is what strace is to tamper with."""
    options.setdefault("stdin", subprocess.PIPE)
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    # As clean as libvirt makes it.
    env = {"LC_ALL": "C", "PATH": "/usr/bin:/bin", "VIRT_SFLOW_HOOK_SOCKET": path}
    command = [HOOK] + args
    if tracer:
        command = [STRACE, "-o/dev/null", "-e", args[0], HOOK] + args[1:]
    return subprocess.Popen(command, env=env, start_new_session=True, **options)


def kill_group(hook):
    """A killed strace leaves what it traced, and that holds the pipes."""
    os.killpg(hook.pid, signal.SIGKILL)


def finish(hook, stdin=None):
    """Asserts what holds on every path."""
    try:
        out, err = hook.communicate(stdin, timeout=HUNG_S)
    except subprocess.TimeoutExpired:
        kill_group(hook)
        hook.communicate()
        raise AssertionError("it hangs")
    assert hook.returncode == 0, f"exit status {hook.returncode}"
    assert not out and not err, (out, err)


def wait_silently(hook):
    """As finish(), for a hook whose stdin stays open."""
    try:
        hook.wait(timeout=HUNG_S)
    except subprocess.TimeoutExpired:
        kill_group(hook)
        raise AssertionError("it hangs")
    finally:
        out, err = hook.stdout.read(), hook.stderr.read()
        hook.stdin.close()
        hook.stdout.close()
        hook.stderr.close()
    assert hook.returncode == 0, f"exit status {hook.returncode}"
    assert not out and not err, (out, err)


def run(daemon, args=START, stdin=XML, **options):
    finish(start_hook(args, daemon.path, **options), stdin)
    return daemon.messages()


def start_carries_the_xml(daemon):
    assert run(daemon) == [(b"start", b"web01", XML)]


def stopped_carries_the_name_alone(daemon):
    assert run(daemon, ["web01", "stopped", "end", "-"]) == [(b"stopped", b"web01", None)]


def other_ops_send_nothing(daemon):
    for op in ["prepare", "started", "release", "migrate", "restore", "reconnect", "attach",
               "nonsense", "", "start ", "START"]:
        assert run(daemon, ["web01", op, "begin", "-"]) == [], op


def other_ops_do_not_wait_for_stdin(daemon):
    hook = start_hook(["web01", "reconnect", "begin", "-"], daemon.path)
    wait_silently(hook)
    assert daemon.messages() == []


def bad_arguments_send_nothing(daemon):
    for args in [[], [""], ["web01"], ["", "start"], ["n" * 4097, "start"], ["n" * 100000, "start"],
                 ["web01", "s" * 100000], ["web01", "\udcff\udcfe"]]:
        assert run(daemon, args) == [], args


def name_of_4_kib_is_sent(daemon):
    assert run(daemon, ["n" * 4096, "start"]) == [(b"start", b"n" * 4096, XML)]


def name_that_is_not_utf8_is_sent_as_it_is(daemon):
    assert run(daemon, [b"a\xffb", "stopped"]) == [(b"stopped", b"a\xffb", None)]


def largest_xml_fits(daemon):
    xml = b"x" * (MESSAGE_MAX - 16 - 6 - 6 - 1)
    assert run(daemon, stdin=xml) == [(b"start", b"web01", xml)]


def too_large_xml_is_left_out(daemon):
    for size in [MESSAGE_MAX - 16 - 6 - 6, MESSAGE_MAX - 1, MESSAGE_MAX, MESSAGE_MAX + 1, 1 << 24]:
        assert run(daemon, stdin=b"x" * size) == [(b"start", b"web01", None)], size


def xml_with_a_nul_is_left_out(daemon):
    assert run(daemon, stdin=b"<a>\0</a>") == [(b"start", b"web01", None)]


def empty_stdin_is_no_xml(daemon):
    assert run(daemon, stdin=b"") == [(b"start", b"web01", None)]


def xml_in_pieces_is_put_together(daemon):
    hook = start_hook(START, daemon.path)
    for i in range(len(XML)):
        os.write(hook.stdin.fileno(), XML[i : i + 1])
    finish(hook)
    assert daemon.messages() == [(b"start", b"web01", XML)]


def stdin_that_never_comes_is_not_waited_for(daemon):
    wait_silently(start_hook(START, daemon.path))
    assert daemon.messages() == [(b"start", b"web01", None)]


def stdin_that_never_ends_is_not_waited_for(daemon):
    hook = start_hook(START, daemon.path)
    os.write(hook.stdin.fileno(), XML)
    wait_silently(hook)
    assert daemon.messages() == [(b"start", b"web01", None)]


def drip(fd, stop):
    try:
        while not stop.wait(0.05):
            os.write(fd, b"x")
    except OSError:
        pass  # the hook has gone


def slow_stdin_is_not_waited_for(daemon):
    hook = start_hook(START, daemon.path)
    stop = threading.Event()
    # A copy, since the pipe's end is closed while the thread may still write.
    fd = os.dup(hook.stdin.fileno())
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    thread = threading.Thread(target=drip, args=(fd, stop))
    thread.start()
    try:
        wait_silently(hook)
    finally:
        stop.set()
        thread.join()
        os.close(fd)
    assert daemon.messages() == [(b"start", b"web01", None)]


def endless_stdin_is_not_read_to_its_end(daemon):
    with open("/dev/zero", "rb") as zeros:
        finish(start_hook(START, daemon.path, stdin=zeros))
    assert daemon.messages() == [(b"start", b"web01", None)]
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE) as yes:
        finish(start_hook(START, daemon.path, stdin=yes.stdout))
        yes.kill()
    assert daemon.messages() == [(b"start", b"web01", None)]


def huge_file_as_stdin_is_not_read_to_its_end(daemon):
    with tempfile.TemporaryFile() as file:
        file.truncate(1 << 30)
        finish(start_hook(START, daemon.path, stdin=file))
    assert daemon.messages() == [(b"start", b"web01", None)]


def odd_stdins_do_no_harm(daemon):
    directory = os.open("/", os.O_RDONLY)
    write_only = os.open("/dev/null", os.O_WRONLY)
    main, terminal = pty.openpty()
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for stdin in [directory, write_only, terminal, listener.fileno(), subprocess.DEVNULL]:
        finish(start_hook(START, daemon.path, stdin=stdin))
        assert daemon.messages() == [(b"start", b"web01", None)], stdin
    for fd in [directory, write_only, main, terminal]:
        os.close(fd)
    listener.close()


def closed_descriptors_do_no_harm(daemon):
    # With stdin closed the hook's own socket could be taken for it.
    for closed in [[0], [1], [2], [0, 1], [1, 2], [0, 1, 2]]:
        hook = start_hook(START, daemon.path, stdin=None, stdout=None, stderr=None,
                          preexec_fn=lambda: [os.close(fd) for fd in closed])
        finish(hook)
        op, name, _ = daemon.messages()[0]
        assert (op, name) == (b"start", b"web01"), closed


def broken_stdout_does_no_harm(daemon):
    reader, writer = os.pipe()
    os.close(reader)
    finish(start_hook(START, daemon.path, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer))
    os.close(writer)


def few_descriptors_do_no_harm(daemon):
    for limit in range(4):
        hook = start_hook(START, daemon.path, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (limit, limit)))
        finish(hook, XML)
        assert len(daemon.messages()) <= 1


def small_limits_do_no_harm(daemon):
    limits = [(resource.RLIMIT_STACK, 64 << 10), (resource.RLIMIT_FSIZE, 0),
              (resource.RLIMIT_NPROC, 0), (resource.RLIMIT_MEMLOCK, 0),
              (resource.RLIMIT_SIGPENDING, 0), (resource.RLIMIT_CORE, 0),
              (resource.RLIMIT_DATA, 2 << 20)]
    for which, value in limits:
        hook = start_hook(START, daemon.path,
                          preexec_fn=lambda: resource.setrlimit(which, (value, value)))
        finish(hook, XML)
        assert daemon.messages() == [(b"start", b"web01", XML)], which


def ignore_and_block_all_signals():
    """As a careless parent may leave them."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if signal.getsignal(number) is not None:
            signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def read_that_blocks_is_ended_by_the_deadline(daemon):
    # poll() claims that there is input: the deadline in the loop is no help.
    wait_silently(start_hook(["inject=?poll,?ppoll:retval=1"] + START, daemon.path, tracer=True))
    assert daemon.messages() == []


def blocked_and_ignored_signals_do_not_stop_the_deadline(daemon):
    wait_silently(start_hook(["inject=?poll,?ppoll:retval=1"] + START, daemon.path, tracer=True,
                             preexec_fn=ignore_and_block_all_signals))
    assert daemon.messages() == []


def sleeps(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "S"


def signals_end_it_with_0(daemon):
    for number in [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGILL, signal.SIGABRT,
                   signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV, signal.SIGTERM, signal.SIGSYS,
                   signal.SIGUSR1, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGXCPU,
                   signal.SIGRTMIN, signal.SIGRTMAX, signal.SIGPIPE]:
        hook = start_hook(START, daemon.path)
        # It sleeps nowhere but in the wait for stdin.
        while hook.poll() is None and not sleeps(hook.pid):
            pass
        hook.send_signal(number)
        wait_silently(hook)
        daemon.messages()


def stop_and_continue_loses_nothing(daemon):
    hook = start_hook(START, daemon.path)
    hook.send_signal(signal.SIGSTOP)
    hook.stdin.write(XML)
    hook.send_signal(signal.SIGCONT)
    finish(hook)
    assert len(daemon.messages()) <= 1


def no_daemon_does_no_harm(daemon):
    for path in ["/nonexistent/hook", "/dev/null", "/", "relative", "x" * 107, "x" * 108, "x" * 5000]:
        finish(start_hook(START, path), XML)
    assert daemon.messages() == []


def dead_daemon_does_no_harm(daemon):
    daemon.socket.close()
    finish(start_hook(START, daemon.path), XML)


def socket_of_another_kind_does_no_harm(daemon):
    path = daemon.path + ".stream"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen(0)
        finish(start_hook(START, path), XML)


def full_queue_loses_the_message_alone(daemon):
    # As a daemon that is stopped leaves it.
    count = daemon.fill()
    finish(start_hook(START, daemon.path), XML)
    for _ in range(count):
        assert daemon.socket.recv(100) == b"filler"
    assert daemon.messages() == []
    assert run(daemon) == [(b"start", b"web01", XML)]


def empty_root_does_no_harm(daemon):
    # No /run, no /proc, no loader, nothing: a bare container.
    shutil.copy(HOOK, os.path.join(daemon.folder, "program"))
    hook = subprocess.Popen(["/program"] + START, env={}, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            preexec_fn=lambda: os.chroot(daemon.folder))
    finish(hook, XML)


def no_argument_at_all_does_no_harm(daemon):
    # Not even the program's name; Python's own exec does not do that.
    execve = ctypes.CDLL(None).execve
    child = os.fork()
    if child == 0:
        nothing = (ctypes.c_char_p * 1)(None)
        execve(os.fsencode(HOOK), nothing, nothing)
        os._exit(255)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def many_at_once_do_not_wait_for_each_other(daemon):
    # libvirtd runs one for each VM.
    hooks = [start_hook(START, daemon.path) for _ in range(30)]
    for hook in hooks:
        finish(hook, XML)
    assert 0 < len(daemon.messages()) <= 30


def program_is_marked_with_its_version(daemon):
    with open(HOOK, "rb") as program:
        assert f"virt-sflow qemu hook, version {VERSION}\0".encode() in program.read()


CASES = [
    start_carries_the_xml, stopped_carries_the_name_alone, other_ops_send_nothing,
    other_ops_do_not_wait_for_stdin, bad_arguments_send_nothing, name_of_4_kib_is_sent,
    name_that_is_not_utf8_is_sent_as_it_is, largest_xml_fits, too_large_xml_is_left_out,
    xml_with_a_nul_is_left_out, empty_stdin_is_no_xml, xml_in_pieces_is_put_together,
    stdin_that_never_comes_is_not_waited_for, stdin_that_never_ends_is_not_waited_for,
    slow_stdin_is_not_waited_for, endless_stdin_is_not_read_to_its_end,
    huge_file_as_stdin_is_not_read_to_its_end, odd_stdins_do_no_harm, closed_descriptors_do_no_harm,
    broken_stdout_does_no_harm, few_descriptors_do_no_harm, small_limits_do_no_harm,
    read_that_blocks_is_ended_by_the_deadline,
    blocked_and_ignored_signals_do_not_stop_the_deadline, signals_end_it_with_0,
    stop_and_continue_loses_nothing, no_daemon_does_no_harm, dead_daemon_does_no_harm,
    socket_of_another_kind_does_no_harm, full_queue_loses_the_message_alone,
    empty_root_does_no_harm, no_argument_at_all_does_no_harm,
    many_at_once_do_not_wait_for_each_other, program_is_marked_with_its_version,
]


def is_dynamic():
    """A dynamic one (no libc.a at build time) needs its loader, which fails by
    itself where it may open no file."""
    with open(HOOK, "rb") as program:
        return b"/ld-" in program.read()


def can_trace():
    if STRACE is None:
        return False
    trial = [STRACE, "-o/dev/null", "-e", "inject=?poll,?ppoll:retval=1", "true"]
    return subprocess.run(trial, capture_output=True).returncode == 0


def skip_reason(case):
    if case is empty_root_does_no_harm and os.geteuid() != 0:
        return "needs root"
    if is_dynamic() and case in (few_descriptors_do_no_harm, small_limits_do_no_harm,
                                 empty_root_does_no_harm):
        return "the hook is not static"
    if case in (read_that_blocks_is_ended_by_the_deadline,
                blocked_and_ignored_signals_do_not_stop_the_deadline):
        return None if can_trace() else "needs strace, and leave to trace"
    return None


def main():
    failed = 0
    print(f"1..{len(CASES)}")
    for number, case in enumerate(CASES, 1):
        name = "/hooks/qemu-hook/" + case.__name__.replace("_", "-")
        reason = skip_reason(case)
        if reason is not None:
            print(f"ok {number} - {name} # SKIP {reason}", flush=True)
            continue
        daemon = Daemon()
        try:
            case(daemon)
            print(f"ok {number} - {name}", flush=True)
        except Exception as error:  # a case that breaks is a case that failed
            failed += 1
            print(f"not ok {number} - {name}\n# {type(error).__name__}: {error}", flush=True)
        finally:
            daemon.close()
    return 1 if failed else 0


sys.exit(main())
