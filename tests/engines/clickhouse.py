"""A ClickHouse server of the tests' own: the genuine engine in a process of its own behind its HTTP protocol; or the one at
`TEST_CLICKHOUSE_URL`.

Unlike the embedded engine it stays at one address with one password, and its database is not `sentry`.
"""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from tests.installation import free_port

PASSWORD = "p@ss w/rd"

DEAD_CLUSTER = "dead"
"""A cluster that every server here knows: two shards, behind whose addresses nothing runs."""

_DEAD_SHARD = "<shard><replica><host>127.0.0.1</host><port>9</port></replica></shard>"

_SERVE = f"""
import sys
from pathlib import Path
from mini_sentry.analytics import chdb_engine
from mini_sentry.analytics.chdb_server import ColumnServer
known = "<remote_servers><{DEAD_CLUSTER}>{_DEAD_SHARD * 2}</{DEAD_CLUSTER}></remote_servers></clickhouse>"
chdb_engine._CONFIG = chdb_engine._CONFIG.replace("</clickhouse>", known)
server = ColumnServer(Path(sys.argv[1]), port=int(sys.argv[2]), password=sys.argv[3])
server.start()
print("serving", flush=True)
sys.stdin.read()
server.stop()
"""


class ClickHouseServer:
    """One server on a loopback port. May be stopped, killed, held still and started again; its data stays.

    `url` names a database that does not exist until the product makes it.
    """

    def __init__(self, data_dir: Path, *, database: str = "mini_sentry_tests") -> None:
        self.port = free_port()
        self.url = f"http://default:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/{database}"
        self._data_dir = data_dir
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "ClickHouseServer":
        """Returns when it answers."""
        arguments = [str(self._data_dir), str(self.port), PASSWORD]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"serving\n"
        return self

    def stop(self) -> None:
        """End it in order; nothing happens when it does not run."""
        if self._process is not None:
            self.proceed()
            self._process.communicate(timeout=30)
            assert self._process.returncode == 0
            self._process = None

    def kill9(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.communicate(timeout=30)
        self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def hold(self) -> None:
        """Let it hang: connections are taken and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def proceed(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def serving() -> Iterator[str]:
    """The url of an external server: the one given, whose database is emptied, or one of our own."""
    if given := os.environ.get("TEST_CLICKHOUSE_URL"):
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="mini-sentry-clickhouse-") as directory:
        server = ClickHouseServer(Path(directory), database=f"tests_{secrets.token_hex(4)}").start()
        try:
            yield server.url
        finally:
            server.stop()
