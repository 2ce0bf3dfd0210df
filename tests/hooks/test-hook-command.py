#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`virt-sflow hook install | remove | status` in a folder of its own: what can
go wrong must leave libvirt's folder as it was. Speaks TAP.

usage: test-hook-command.py COMMAND HOOK VERSION
"""
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

COMMAND, HOOK = map(os.path.abspath, sys.argv[1:3])
VERSION = sys.argv[3]
MARKER = "virt-sflow qemu hook, version "
HUNG_S = 60


class Skip(Exception):
    pass


class Host:
    """A folder such as /etc/libvirt/hooks, and programs to put there."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="vsf-hooks-")
        self.hooks = os.path.join(self.root, "hooks")
        self.folder = os.path.join(self.hooks, "qemu.d")
        self.target = os.path.join(self.folder, "50-virt-sflow")
        os.mkdir(self.hooks)

    def close(self):
        shutil.rmtree(self.root)

    def script(self, body, name="hook", version="9.9", interpreter="/bin/sh"):
        """A program that carries the mark and does something else."""
        return self.file(os.path.join(self.root, name),
                         f"#!{interpreter}\n# {MARKER}{version}\n{body}\n")

    def file(self, path, text="#!/bin/sh\n", mode=0o755):
        with open(path, "w") as out:
            out.write(text)
        os.chmod(path, mode)
        return path

    def tree(self):
        """Every path below the root's hooks with what it holds."""
        found = {}
        for folder, folders, files in os.walk(self.hooks):
            for name in folders + files:
                path = os.path.join(folder, name)
                found[os.path.relpath(path, self.hooks)] = content(path)
        return found

    def run(self, *args, hooks=None, **options):
        command = [COMMAND] + list(args) + ["--hooks-dir", hooks or self.hooks]
        done = subprocess.run(command, capture_output=True, text=True, timeout=HUNG_S, **options)
        return done.returncode, done.stdout, done.stderr

    def install(self, binary=HOOK, **options):
        return self.run("install", "--binary", binary, **options)


def content(path):
    if os.path.islink(path) or os.path.isdir(path):
        return os.path.islink(path) and os.readlink(path)
    with open(path, "rb") as file:
        return oct(os.stat(path).st_mode & 0o7777), file.read()


def has(text, *words):
    for word in words:
        assert word in text, f"no {word!r} in {text!r}"


def install_puts_a_real_file_in_place(host):
    code, out, err = host.install()
    assert (code, err) == (0, ""), (code, err)
    has(out, host.target, "installed", VERSION)
    assert not os.path.islink(host.target)
    assert host.tree() == {"qemu.d": False, "qemu.d/50-virt-sflow": content(HOOK)}
    assert os.stat(host.target).st_mode & 0o7777 == 0o755
    assert os.stat(host.folder).st_mode & 0o755 == 0o755


def install_follows_a_link_to_the_program(host):
    link = os.path.join(host.root, "link")
    os.symlink(HOOK, link)
    assert host.install(link)[0] == 0
    assert content(host.target) == content(HOOK) and not os.path.islink(host.target)


def install_makes_the_hooks_folder(host):
    os.rmdir(host.hooks)
    assert host.install()[0] == 0
    assert os.access(host.target, os.X_OK)


def first_hook_needs_a_reload_and_it_says_so(host):
    has(host.install()[1], "systemctl reload libvirtd", "virtqemud")


def reload_is_not_asked_for_when_hooks_were_there(host):
    os.mkdir(host.folder)
    host.file(os.path.join(host.folder, "10-other"))
    assert "reload" not in host.install()[1]
    host.run("remove")
    os.remove(os.path.join(host.folder, "10-other"))
    host.file(os.path.join(host.hooks, "qemu"))
    assert "reload" not in host.install()[1]


def hooks_that_libvirt_skips_do_not_save_the_reload(host):
    os.makedirs(os.path.join(host.folder, "folder"))
    host.file(os.path.join(host.folder, "10-off"), mode=0o644)
    os.symlink("/nonexistent", os.path.join(host.folder, "20-dangling"))
    has(host.install()[1], "reload")


def the_qemu_hook_of_others_is_not_touched(host):
    path = host.file(os.path.join(host.hooks, "qemu"), "#!/bin/sh\nexit 7\n")
    before = content(path)
    host.install()
    host.run("remove")
    assert content(path) == before


def second_install_says_that_it_is_there(host):
    host.install()
    before = os.stat(host.target)
    code, out, _ = host.install()
    assert code == 0
    has(out, "already installed")
    after = os.stat(host.target)
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def another_version_is_replaced(host):
    assert host.install(host.script("exit 0", version="0.0.1"))[0] == 0
    code, out, _ = host.install()
    assert code == 0
    has(out, "replaced", VERSION)
    assert "reload" not in out
    assert content(host.target) == content(HOOK)


def lost_x_bit_is_mended(host):
    host.install()
    os.chmod(host.target, 0o644)
    code, out, _ = host.run("status", "--binary", HOOK)
    assert code == 1
    has(out, "not executable")
    assert host.install()[0] == 0
    assert content(host.target) == content(HOOK)


def refused(host, binary, *words, **options):
    before = host.tree()
    code, out, err = host.install(binary, **options)
    assert code == 1 and out == "", (code, out)
    has(err, "virt-sflow hook: ", *words)
    assert host.tree() == before, (before.keys(), host.tree().keys())


def failing_program_is_refused(host):
    refused(host, host.script("exit 1"), "trial", "exit status is 1")
    refused(host, host.script("kill -9 $$"), "trial", "signal 9")


def printing_program_is_refused(host):
    refused(host, host.script("echo hello"), "trial", 'it prints "hello\\n"')
    refused(host, host.script("echo hello >&2"), "trial", "it prints")
    refused(host, host.script("exec yes"), "trial", "it prints")


def pid_of(host):
    with open(os.path.join(host.root, "pid")) as file:
        return int(file.read())


def runs_in_group(group):
    """Zombies do not count: who reaps them is no matter of ours."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                state, _, its_group = stat.read().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(its_group) == group and state != "Z":
            return True
    return False


def hanging_program_is_refused_and_ended(host):
    refused(host, host.script(f"echo $$ > {host.root}/pid; sleep 1000; :"), "it does not end")
    until = time.monotonic() + HUNG_S
    while runs_in_group(pid_of(host)):
        assert time.monotonic() < until, "it still runs"


def program_whose_child_keeps_the_output_is_refused(host):
    # libvirt would wait for the child, too.
    refused(host, host.script("sleep 1000 &\nexit 0"), "it does not end")
    refused(host, host.script("exec >/dev/null 2>&1; sleep 1000"), "it does not end")


def program_that_cannot_be_run_is_refused(host):
    refused(host, host.script("exit 0", interpreter="/nonexistent/sh"), "trial")


def program_that_is_not_ours_is_refused(host):
    refused(host, "/bin/true", "not virt-sflow's hook")
    refused(host, "/nonexistent/hook", "/nonexistent/hook", "No such file")
    refused(host, "/dev/zero", "not a program file")
    refused(host, host.root, "not a program file")
    fifo = os.path.join(host.root, "fifo")
    os.mkfifo(fifo)
    refused(host, fifo, "not a program file")


def program_runs_without_stdin_and_in_a_clean_environment(host):
    body = f'read x && exit 3\n[ "$#" = 4 ] && [ -z "$HOME" ] && [ "$LC_ALL" = C ]'
    code, _, err = host.install(host.script(body))
    assert code == 0, err


def failed_update_leaves_the_old_one(host):
    host.install()
    refused(host, host.script("exit 1"), "trial")
    assert content(host.target) == content(HOOK)


def full_disk_leaves_nothing(host):
    def no_large_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

    host.install(host.script("exit 0"))
    refused(host, HOOK if os.path.getsize(HOOK) > 20000 else host.script("#" * 30000), "write",
            preexec_fn=no_large_files)


def read_only_folder_is_an_error(host):
    command = ["--binary", HOOK, "--hooks-dir", host.hooks]
    if os.geteuid() == 0:
        script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 77; shift; exec "$@"'
        run = ["unshare", "-m", "sh", "-c", script, "sh", host.hooks, COMMAND, "install"] + command
    else:
        os.chmod(host.hooks, 0o555)
        run = [COMMAND, "install"] + command
    try:
        done = subprocess.run(run, capture_output=True, text=True, timeout=HUNG_S)
    except FileNotFoundError:
        raise Skip("needs unshare")
    finally:
        os.chmod(host.hooks, 0o755)
    if done.returncode == 77 or "unshare:" in done.stderr:
        raise Skip("no leave to mount")
    assert done.returncode == 1
    has(done.stderr, host.hooks, "create")
    assert host.tree() == {}


def unsuitable_folders_are_errors(host):
    refused_at = host.run("install", "--binary", HOOK, hooks="/nonexistent/libvirt/hooks")
    assert refused_at[0] == 1
    has(refused_at[2], "/nonexistent/libvirt/hooks", "is libvirt installed")
    host.file(host.folder, "a file")
    refused(host, HOOK)


def who_may_not_is_told_to_be_root(host):
    os.chmod(host.hooks, 0o555)
    other = {"user": 65534} if os.geteuid() == 0 else {}
    try:
        code, _, err = host.install(**other)
    except PermissionError:
        raise Skip("nobody else reaches the build folder") from None
    assert code == 1
    has(err, "Permission denied; run it as root")
    os.chmod(host.hooks, 0o755)
    assert host.tree() == {}


def foreign_file_in_its_place_is_left(host):
    os.mkdir(host.folder)
    host.file(host.target, "#!/bin/sh\nexit 0\n")
    refused(host, HOOK, "not virt-sflow's")
    before = host.tree()
    code, _, err = host.run("remove")
    assert code == 1
    has(err, "not virt-sflow's")
    assert host.tree() == before
    code, out, _ = host.run("status")
    assert code == 1
    has(out, "not installed", "not virt-sflow's")


def link_or_folder_in_its_place_is_left(host):
    os.mkdir(host.folder)
    os.symlink(HOOK, host.target)
    refused(host, HOOK, "not virt-sflow's")
    assert host.run("remove")[0] == 1 and os.path.islink(host.target)
    os.remove(host.target)
    os.mkdir(host.target)
    refused(host, HOOK, "not virt-sflow's")
    assert host.run("remove")[0] == 1 and os.path.isdir(host.target)


def remove_takes_our_file_alone(host):
    os.mkdir(host.folder)
    host.file(os.path.join(host.folder, "10-other"))
    host.file(os.path.join(host.folder, "50-virt-sflow.bak"))
    host.install()
    code, out, err = host.run("remove")
    assert (code, err) == (0, "")
    has(out, host.target, "removed")
    assert sorted(host.tree()) == ["qemu.d", "qemu.d/10-other", "qemu.d/50-virt-sflow.bak"]


def remove_twice_is_well(host):
    host.install()
    assert host.run("remove")[0] == 0
    code, out, err = host.run("remove")
    assert (code, err) == (0, "")
    has(out, "not installed")
    assert host.run("remove", hooks="/nonexistent/hooks")[0] == 0


def killed_install_leaves_nothing_that_runs(host):
    binary = host.script(f"echo $$ > {host.root}/pid.new; mv {host.root}/pid.new {host.root}/pid\n"
                         "exec >/dev/null 2>&1 sleep 1000")
    command = [COMMAND, "install", "--binary", binary, "--hooks-dir", host.hooks]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as install:
        while install.poll() is None and not os.path.exists(os.path.join(host.root, "pid")):
            pass
        install.kill()
    os.kill(pid_of(host), signal.SIGKILL)
    assert not os.path.exists(host.folder)
    stray = os.listdir(host.hooks)
    assert len(stray) == 1 and stray[0].startswith(".virt-sflow-hook-"), stray
    keep = host.file(os.path.join(host.hooks, ".virt-sflow-other"))
    code, out, _ = host.run("remove")
    assert code == 0
    has(out, "1 temporary file")
    assert os.listdir(host.hooks) == [os.path.basename(keep)]


def status_tells_what_is_there(host):
    code, out, err = host.run("status")
    assert (code, err) == (1, "")
    has(out, "not installed", "no other hook")
    host.install()
    code, out, err = host.run("status", "--binary", HOOK)
    assert (code, err) == (0, "")
    has(out, "installed: " + host.target, VERSION, "no other hook")


def status_tells_another_version(host):
    host.install(host.script("exit 0", version="0.0.1"))
    code, out, _ = host.run("status", "--binary", HOOK)
    assert code == 1
    has(out, "0.0.1", "differs")


def status_names_other_hooks(host):
    host.install()
    single = host.file(os.path.join(host.hooks, "qemu"))
    other = host.file(os.path.join(host.folder, "10-other"))
    host.file(os.path.join(host.folder, "20-off"), mode=0o644)
    os.mkdir(os.path.join(host.folder, "30-folder"))
    out = host.run("status", "--binary", HOOK)[1]
    has(out, "another hook for QEMU: " + single, "another hook for QEMU: " + other)
    assert "20-off" not in out and "30-folder" not in out


def status_without_the_program_is_not_compared(host):
    host.install()
    code, out, _ = host.run("status", "--binary", "/nonexistent/hook")
    assert code == 0
    has(out, VERSION, "not compared")


def bad_options_are_exit_2(host):
    for args in [[], ["nonsense"], ["install", "remove"], ["--nonsense"], ["install", "--binary"]]:
        done = subprocess.run([COMMAND] + args, capture_output=True, text=True, timeout=HUNG_S)
        assert done.returncode == 2 and "--help" in done.stderr, (args, done)
    assert host.tree() == {}


CASES = [
    install_puts_a_real_file_in_place, install_follows_a_link_to_the_program,
    install_makes_the_hooks_folder, first_hook_needs_a_reload_and_it_says_so,
    reload_is_not_asked_for_when_hooks_were_there, hooks_that_libvirt_skips_do_not_save_the_reload,
    the_qemu_hook_of_others_is_not_touched, second_install_says_that_it_is_there,
    another_version_is_replaced, lost_x_bit_is_mended, failing_program_is_refused,
    printing_program_is_refused, hanging_program_is_refused_and_ended,
    program_whose_child_keeps_the_output_is_refused, program_that_cannot_be_run_is_refused,
    program_that_is_not_ours_is_refused, program_runs_without_stdin_and_in_a_clean_environment,
    failed_update_leaves_the_old_one, full_disk_leaves_nothing, read_only_folder_is_an_error,
    unsuitable_folders_are_errors, who_may_not_is_told_to_be_root, foreign_file_in_its_place_is_left,
    link_or_folder_in_its_place_is_left, remove_takes_our_file_alone, remove_twice_is_well,
    killed_install_leaves_nothing_that_runs, status_tells_what_is_there,
    status_tells_another_version, status_names_other_hooks,
    status_without_the_program_is_not_compared, bad_options_are_exit_2,
]


def main():
    failed = 0
    print(f"1..{len(CASES)}")
    for number, case in enumerate(CASES, 1):
        name = "/cli/hook/" + case.__name__.replace("_", "-")
        host = Host()
        try:
            case(host)
            print(f"ok {number} - {name}", flush=True)
        except Skip as reason:
            print(f"ok {number} - {name} # SKIP {reason}", flush=True)
        except Exception as error:  # a case that breaks is a case that failed
            failed += 1
            text = str(error).replace("\n", " ")
            print(f"not ok {number} - {name}\n# {type(error).__name__}: {text}", flush=True)
        finally:
            host.close()
    return 1 if failed else 0


sys.exit(main())
