# SPDX-License-Identifier: GPL-2.0-or-later
"""virt-sflow-agent as a program: its command line, who starts it and how, who may ask, how it
ends. libvirt is its test driver, whose domain has no agent but a balloon."""

import contextlib
import os
import pwd
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["VSF_SOURCE"], "tests", "lab"))
import tap  # noqa: E402

PROGRAM = os.environ["VIRT_SFLOW_AGENT"]
URI = "test:///default"
UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"
NOBODY = 65534
PATIENCE_S = 60
WE = ["--allow-user", pwd.getpwuid(os.geteuid()).pw_name]


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory() as path:
        os.chmod(path, 0o755)
        yield path


class Service:
    """One that runs; with `path` it makes its socket there."""

    def __init__(self, path=None, arguments=(), environment=None, wait=True, **options):
        self.path = path
        command = [PROGRAM, "--uri", URI, *(["--socket", path] if path else []), *arguments, *WE]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, **(environment or {})}, **options)
        tap.on_exit(self.kill)
        if wait:
            self.wait_log("started")

    def wait_log(self, words):
        for line in self.process.stderr:
            if words in line:
                return line
        raise AssertionError(f"it ended without a word of {words!r}: {self.process.wait()}")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(path)
        self._file = self.socket.makefile("rb")
        tap.on_exit(self.close)
        self.hello = self.read()

    def close(self):
        self._file.close()
        self.socket.close()

    def read(self):
        """(word, text), or None at the end."""
        head = self._file.readline().decode()
        if not head:
            return None
        word, count = head.split()
        return word, self._file.read(int(count)).decode()

    def ask(self, line):
        self.socket.sendall(line.encode() + b"\n")
        return self.read()


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False,
                          timeout=PATIENCE_S, stdin=subprocess.DEVNULL)


def test_usage():
    """--help and --version say what it is and end with 0; a wrong command line ends with 2"""
    shown = run("--help")
    tap.equal((shown.returncode, "--allow-user" in shown.stdout), (0, True))
    tap.equal(run("--version").stdout.split()[0], "virt-sflow-agent")
    for arguments, words in ((["--no-such"], "--no-such"), (["word"], "word"),
                             (["--allow-user", "no-such-user-here"], "there is no such user"),
                             (["--uri", "a b"], "blank"), (["--listen-fd", "x"], "x")):
        done = run(*arguments)
        tap.equal(done.returncode, 2, arguments)
        assert words in done.stderr, done.stderr
        tap.equal(done.stderr.count("\n"), 1, done.stderr)


def test_cannot_listen():
    """Where it cannot listen it ends with 1, and says where; what is no socket is left alone"""
    with folder() as path:
        done = run("--socket", path + "/none/agent.sock")
        tap.equal(done.returncode, 1)
        assert path + "/none/agent.sock" in done.stderr, done.stderr
        with open(path + "/file", "w") as file:
            file.write("words")
        tap.equal(run("--socket", path + "/file").returncode, 1)
        with open(path + "/file") as file:
            tap.equal(file.read(), "words")
        first = Service(path + "/agent.sock")
        second = run("--socket", path + "/agent.sock")
        tap.equal(second.returncode, 1)
        assert "another daemon runs" in second.stderr, second.stderr
        tap.equal(Client(path + "/agent.sock").hello[0], "hello")
        first.kill()
        Service(path + "/agent.sock")
        tap.equal(Client(path + "/agent.sock").hello[0], "hello")


def test_asks_libvirt():
    """It asks libvirt what is on its list, and tells whose fault a failure is"""
    with folder() as path:
        service = Service(path + "/agent.sock")
        client = Client(service.path)
        tap.equal((client.hello[0], client.hello[1].split()[0::3]),
                  ("hello", ["virt-sflow-agent", URI]))
        other = UUID.replace("6", "5")
        tap.equal(client.ask(f"ask {UUID} 2 guest-info")[0], "not-supported")
        tap.equal(client.ask(f"ask {other} 2 guest-info")[0], "not-connected")
        tap.equal(client.ask(f"balloon {UUID} 5"), ("done", ""))
        tap.equal(client.ask(f"balloon {other} 5")[0], "not-connected")
        tap.equal(client.ask(f"ask {UUID} 2 guest-exec")[0], "not-listed")
        tap.equal(client.ask(f"ask {UUID} 2 guest-file-read 1000")[0], "failed")


def test_socket_mode():
    """Its socket is for its user and one group alone, and goes with it"""
    with folder() as path:
        service = Service(path + "/agent.sock")
        found = os.stat(service.path)
        tap.equal(stat.S_IMODE(found.st_mode), 0o660)
        tap.equal(service.end(), 0)
        assert not os.path.exists(service.path)


def test_group():
    """Root's socket is for the group of the first user who may ask"""
    need_root()
    with folder() as path:
        service = Service(path + "/agent.sock", ["--allow-user", "root", "--allow-user", "nobody"])
        tap.equal((os.stat(service.path).st_uid, os.stat(service.path).st_gid), (0, NOBODY))


def need_root():
    if os.geteuid() != 0:
        tap.skip("only root can be another user")


def as_user(uid, path):
    """What the service says to that user first, and whether it then closes."""
    code = ("import os,sys,socket\n"
            f"os.setgroups([]); os.setresgid({uid},{uid},{uid}); os.setresuid({uid},{uid},{uid})\n"
            "s=socket.socket(socket.AF_UNIX); s.settimeout(60)\n"
            "try: s.connect(sys.argv[1])\n"
            "except PermissionError: print('no way in'); sys.exit()\n"
            f"try: s.sendall(b'ask {UUID} 2 guest-info\\n')\n"
            "except BrokenPipeError: pass\n"
            "said=b''\n"
            "while True:\n"
            "  try: more=s.recv(4096)\n"
            "  except ConnectionResetError: more=b''\n"
            "  said+=more\n"
            "  if not more or b'not-supported' in said: break\n"
            "print(said.decode())\n")
    return subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True,
                          check=True, timeout=PATIENCE_S).stdout


def test_other_user():
    """Another user gets one line that says so, even with a way to the socket; one who is named is
    answered"""
    need_root()
    with folder() as path:
        service = Service(path + "/agent.sock", ["--allow-user", "daemon"])
        tap.equal(as_user(NOBODY, service.path).strip(), "no way in")
        os.chmod(service.path, 0o666)
        said = as_user(NOBODY, service.path)
        assert said.startswith("forbidden "), said
        assert f"user {NOBODY} may not ask" in said and "not-supported" not in said, said
        assert f"user {NOBODY}" in service.wait_log("turned away")
        said = as_user(1, service.path)
        assert said.startswith("hello ") and "not-supported" in said, said


def test_user_by_number():
    """A user may be told by a number that has no name here, and in that user's folder the socket is that
    user's; what is neither is refused"""
    need_root()
    with folder() as path:
        os.chown(path, 4711, 4711)
        service = Service(path + "/agent.sock", ["--allow-user", "4711"])
        tap.equal((os.stat(service.path).st_uid, os.stat(service.path).st_gid), (4711, 4711))
        said = as_user(4711, service.path)
        assert said.startswith("hello ") and "not-supported" in said, said
    for word in ("4711x", "-1", "4294967295", ""):
        done = run("--allow-user", word)
        tap.equal((done.returncode, "no such user" in done.stderr), (2, True), word)


def test_ready():
    """The service manager hears when it listens, and when it stops"""
    with folder() as path, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(PATIENCE_S)
        manager.bind(path + "/notify")
        service = Service(path + "/agent.sock", environment={
            "NOTIFY_SOCKET": path + "/notify", "WATCHDOG_USEC": "200000"}, wait=False)
        tap.equal(manager.recv(100), b"READY=1")
        tap.equal(Client(service.path).hello[0], "hello")
        tap.equal(manager.recv(100), b"WATCHDOG=1")
        service.process.terminate()
        word = b"WATCHDOG=1"
        while word == b"WATCHDOG=1":
            word = manager.recv(100)
        tap.equal(word, b"STOPPING=1")
        tap.equal(service.process.wait(PATIENCE_S), 0)


@contextlib.contextmanager
def listener(path, kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_UNIX, kind) as made:
        made.bind(path)
        if kind == socket.SOCK_STREAM:
            made.listen()
        yield made


def hand_over(fd, arguments):
    """Runs the program as systemd does: the socket is descriptor 3, and LISTEN_PID its own."""
    def prepare():
        os.dup2(fd, 3)
        os.set_inheritable(3, True)
    return dict(args=["sh", "-c", 'LISTEN_PID=$$ exec "$0" "$@"', PROGRAM, *arguments],
                preexec_fn=prepare, close_fds=False)


def test_socket_of_the_service_manager():
    """A socket that the service manager hands over is taken, and its file left alone"""
    with folder() as path, listener(path + "/agent.sock") as made:
        start = hand_over(made.fileno(), ["--uri", URI, "--socket", path + "/other.sock", *WE])
        process = subprocess.Popen(**start, env={**os.environ, "LISTEN_FDS": "1"},
                                   stderr=subprocess.DEVNULL)
        tap.on_exit(process.wait)
        tap.on_exit(process.kill)
        tap.equal(Client(path + "/agent.sock").hello[0], "hello")
        assert not os.path.exists(path + "/other.sock")
        process.terminate()
        tap.equal(process.wait(PATIENCE_S), 0)
        assert os.path.exists(path + "/agent.sock")


@contextlib.contextmanager
def stuck_socket():
    """A TCP socket that has more to send than the other end takes."""
    with socket.socket() as server, socket.socket() as made:
        server.bind(("127.0.0.1", 0))
        server.listen()
        made.connect(server.getsockname())
        other = server.accept()[0]
        with other:
            with contextlib.suppress(BlockingIOError):
                while made.send(bytes(65536), socket.MSG_DONTWAIT):
                    pass
            yield made


def test_passed_socket():
    """Who passes it a socket that cannot be closed for long, before it began, stops nobody"""
    with folder() as path, listener(path + "/agent.sock") as made:
        with socket.socket(socket.AF_UNIX) as early, stuck_socket() as passed:
            early.connect(path + "/agent.sock")
            socket.send_fds(early, [b"x"], [passed.fileno()])
            passed.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 3600))
            passed.close()
            Service(arguments=["--listen-fd", str(made.fileno())], pass_fds=[made.fileno()])
            early.settimeout(PATIENCE_S)
            with contextlib.suppress(ConnectionResetError):
                while early.recv(4096):
                    pass
            client = Client(path + "/agent.sock")
            tap.equal(client.ask(f"balloon {UUID} 5"), ("done", ""))


def test_unfit_socket():
    """A descriptor that is no listening stream socket, and several, end it with 1; those of
    another process are none"""
    with folder() as path, listener(path + "/dgram", socket.SOCK_DGRAM) as dgram, \
            listener(path + "/stream") as stream:
        for made, count in ((dgram, "1"), (stream, "2")):
            start = hand_over(made.fileno(), ["--uri", URI, "--socket", path + "/own"])
            done = subprocess.run(**start, env={**os.environ, "LISTEN_FDS": count},
                                  capture_output=True, text=True, timeout=PATIENCE_S, check=False)
            tap.equal(done.returncode, 1, done.stderr)
            assert "descriptor 3" in done.stderr, done.stderr
        service = Service(path + "/own", environment={"LISTEN_FDS": "1", "LISTEN_PID": "1"})
        tap.equal(Client(service.path).hello[0], "hello")


def test_until_eof():
    """With --until-eof it ends when its standard input does, and only then at Ctrl-C's signal"""
    with folder() as path:
        service = Service(path + "/agent.sock", ["--until-eof"], stdin=subprocess.PIPE)
        service.process.send_signal(signal.SIGINT)
        service.process.send_signal(signal.SIGHUP)
        tap.equal(Client(service.path).hello[0], "hello")
        service.process.stdin.write("words")
        service.process.stdin.flush()
        tap.equal(Client(service.path).hello[0], "hello")
        service.process.stdin.close()
        tap.equal(service.process.wait(PATIENCE_S), 0)
        assert not os.path.exists(service.path)


def test_ends_with_clients():
    """It ends at SIGTERM and at SIGINT with clients that hold their connections"""
    for number in (signal.SIGTERM, signal.SIGINT):
        with folder() as path:
            service = Service(path + "/agent.sock")
            clients = [Client(service.path) for _ in range(8)]
            clients[0].socket.sendall(b"ask half of it")
            tap.equal(service.end(number), 0)
            tap.equal([client.read() for client in clients], [None] * 8)


def test_a_thousand_clients():
    """A thousand clients that never read and never go cost it nothing: one more is served"""
    with folder() as path:
        service = Service(path + "/agent.sock")
        crowd = []
        for _ in range(1000):
            one = socket.socket(socket.AF_UNIX)
            tap.on_exit(one.close)
            one.settimeout(PATIENCE_S)
            one.connect(service.path)
            one.setblocking(False)
            with contextlib.suppress(OSError):
                one.send(f"ask {UUID} 2 guest-info\n".encode())
            crowd.append(one)
        # About another domain: of one there is one question at a time.
        other = UUID.replace("6", "5")
        tap.equal(Client(service.path).ask(f"ask {other} 2 guest-info")[0], "not-connected")
        held = len(os.listdir(f"/proc/{service.process.pid}/fd"))
        tap.diagnostics(f"{held} descriptors")
        assert held < 60, held


def test_links_no_json():
    """The program that holds the read-write connection has no reader of JSON in it"""
    tap.need("readelf")
    shown = subprocess.run(["readelf", "-d", PROGRAM], capture_output=True, text=True, check=True)
    assert "libvirt-qemu.so" in shown.stdout and "json" not in shown.stdout, shown.stdout


if __name__ == "__main__":
    tap.main(globals())
