# mypy: allow-untyped-calls
"""Celery's broker in one SQLite file: tasks are leased, so that none is lost when a process is killed.

A task that is taken stays in the file under its taker's name until it is finished. A taker lives as long as it holds the
lock on a small file of its own, which the kernel lets go of however the process ends. Leases of takers that are gone end,
and their tasks are delivered again. A lease of a living taker never ends by time: a task may run, or wait for its hour,
as long as it likes. Delivery is at least once, so tasks must be idempotent and acknowledged late.

Everything that touches one file runs on one machine. Nothing here outlives a fork; processes are spawned.
"""

import fcntl
import itertools
import logging
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any, Final
from urllib.parse import quote
from weakref import WeakValueDictionary

from kombu.transport import TRANSPORT_ALIASES, virtual
from kombu.utils.json import dumps, loads

logger = logging.getLogger(__name__)

SCHEME: Final = "leases"
POLL_SECONDS: Final = 0.2
REAP_SECONDS: Final = 1.0
LOCK_SECONDS: Final = 20.0
LONGEST_DRAIN_SECONDS: Final = 0.5
FREE_DEATHS: Final = 3
FIRST_WAIT_SECONDS: Final = 60.0
LONGEST_WAIT_SECONDS: Final = 3600.0
TURN: Final = "turn"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS task (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL,
    priority INTEGER NOT NULL,
    taker TEXT,
    deaths INTEGER NOT NULL DEFAULT 0,
    due_at REAL NOT NULL DEFAULT 0,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS task_ready ON task (queue, priority DESC, id) WHERE taker IS NULL;
CREATE INDEX IF NOT EXISTS task_leased ON task (taker) WHERE taker IS NOT NULL;
"""
# No wait is longer than the longest: what is due later than that was written before the clock was set back.
_READY = (
    "FROM task WHERE queue = ? AND taker IS NULL AND (due_at <= ? OR due_at > ?) ORDER BY priority DESC, id LIMIT 1"
)

_bells: WeakValueDictionary[Path, threading.Event] = WeakValueDictionary()
_bells_mutex = threading.Lock()


def wait_seconds(deaths: int) -> float:
    """How long a task waits after its taker died for the `deaths`th time.

    The first few are taken for accidents. A task that goes on killing its process would else keep that process, and
    what else runs in it, from ever working again.
    """
    if deaths < FREE_DEATHS:
        return 0.0
    return min(FIRST_WAIT_SECONDS * 2.0 ** min(deaths - FREE_DEATHS, 16), LONGEST_WAIT_SECONDS)


class LeaseFile:
    """One taker's view of the file; any number may be open in any number of processes. Safe to use from threads.

    Opens on first use. Raises sqlite3.Error when the file cannot be used, also after `close`.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._takers = path.with_name(path.name + ".takers")
        with _bells_mutex:
            self.bell = _bells.setdefault(path, threading.Event())
            """Rings when this process put or gave back a task; another process's is found by polling."""
        self._clock = clock
        self._mutex = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._is_closed = False
        self._taker = ""
        self._taker_lock = -1
        self._reaped_at = 0.0

    def put(self, queue: str, body: str, *, priority: int = 0) -> None:
        """Add a task, durably. Higher priorities come first, then older tasks."""
        with self._mutex:
            database = self._open()
            # A task must outlive the machine's power. That one was taken or finished need not: it only runs again.
            database.execute("PRAGMA synchronous=FULL")
            try:
                database.execute("INSERT INTO task (queue, priority, body) VALUES (?, ?, ?)", (queue, priority, body))
            finally:
                database.execute("PRAGMA synchronous=NORMAL")
        self.bell.set()

    def take(self, queue: str) -> tuple[int, str] | None:
        """Lease the next task: its id and body, or None when there is none."""
        with self._mutex:
            database = self._open()
            now = self._clock()
            if not self._reaped_at <= now < self._reaped_at + REAP_SECONDS:
                self._reaped_at = now
                self._reap(database, now)
            # Looking first keeps an idle poll from asking for the write lock.
            ready = queue, now, now + LONGEST_WAIT_SECONDS
            if not database.execute(f"SELECT 1 {_READY}", ready).fetchall():
                return None
            if not self._taker:
                self._become_taker()
            taken = database.execute(
                f"UPDATE task SET taker = ? WHERE id = (SELECT id {_READY}) RETURNING id, body",  # noqa: S608
                (self._taker, *ready),
            ).fetchall()
            return taken[0] if taken else None

    def finish(self, task_id: int) -> None:
        """The task is done, whoever holds its lease by now."""
        with self._mutex:
            self._open().execute("DELETE FROM task WHERE id = ?", (task_id,))

    def release(self, task_id: int) -> None:
        """Give a lease of ours back unused; the task is delivered again at once."""
        with self._mutex:
            self._open().execute("UPDATE task SET taker = NULL WHERE id = ? AND taker = ?", (task_id, self._taker))
        self.bell.set()

    def count(self, queue: str) -> int:
        """Tasks of the queue, leased ones included."""
        with self._mutex:
            return int(self._open().execute("SELECT count(*) FROM task WHERE queue = ?", (queue,)).fetchall()[0][0])

    def purge(self, queue: str) -> int:
        """Drop the tasks of the queue that nobody has taken; how many these were."""
        with self._mutex:
            return self._open().execute("DELETE FROM task WHERE queue = ? AND taker IS NULL", (queue,)).rowcount

    def close(self) -> None:
        """Let go of everything. Leases that are still held end as if the process had died."""
        with self._mutex:
            self._is_closed = True
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            if self._taker_lock >= 0:
                (self._takers / self._taker).unlink(missing_ok=True)
                os.close(self._taker_lock)
                self._taker_lock = -1

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None:
            return self._connection
        if self._is_closed:
            raise sqlite3.ProgrammingError(f"{self.path} was closed")
        self._takers.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self.path, isolation_level=None, timeout=LOCK_SECONDS, check_same_thread=False)
        try:
            database.execute("PRAGMA synchronous=NORMAL")
            # Turning on the write-ahead log does not wait for another process that does the same, so they take turns.
            with self._turn():
                database.execute("PRAGMA journal_mode=WAL").fetchall()
                database.executescript(_SCHEMA)
        except BaseException:
            database.close()
            raise
        self._connection = database
        return database

    @contextmanager
    def _turn(self) -> Iterator[None]:
        turn = os.open(self._takers / TURN, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(turn, fcntl.LOCK_EX)
            yield
        finally:
            os.close(turn)

    def _become_taker(self) -> None:
        """Take a name and its lock before the first lease is written, so that no one sees a name without its lock."""
        name = secrets.token_hex(8)
        with self._turn():
            for left in self._takers.iterdir():
                if left.name != TURN and self._is_gone(left.name):
                    left.unlink(missing_ok=True)
            lock = os.open(self._takers / name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
        self._taker, self._taker_lock = name, lock

    def _reap(self, database: sqlite3.Connection, now: float) -> None:
        """End the leases of takers that are gone."""
        for (taker,) in database.execute("SELECT DISTINCT taker FROM task WHERE taker IS NOT NULL").fetchall():
            if taker != self._taker and self._is_gone(taker):
                freed = [
                    (task_id, deaths + 1, now + wait_seconds(deaths + 1))
                    for task_id, deaths in database.execute(
                        "SELECT id, deaths FROM task WHERE taker = ?", (taker,)
                    ).fetchall()
                ]
                for task_id, deaths, due_at in freed:
                    database.execute(
                        "UPDATE task SET taker = NULL, deaths = ?, due_at = ? WHERE id = ? AND taker = ?",
                        (deaths, due_at, task_id, taker),
                    )
                (self._takers / taker).unlink(missing_ok=True)
                logger.warning("A process ended with %d unfinished tasks; they are delivered again", len(freed))

    def _is_gone(self, taker: str) -> bool:
        try:
            lock = os.open(self._takers / taker, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(lock)
        return True


class Channel(virtual.Channel):
    """Kombu's verbs, said to a `LeaseFile`. A delivery tag is the task's id and a number that makes it unique."""

    supports_fanout = False
    _deliveries = itertools.count(1)

    def __init__(self, connection: "Transport", **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        self._file = connection.file

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        self._file.put(queue, dumps(message), priority=self._get_message_priority(message))

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        try:
            taken = self._file.take(queue)
        except sqlite3.OperationalError as error:
            # A full disk or a file that stays locked. A new connection would not help, and would run tasks twice.
            logger.error("No task can be taken from %s: %s", self._file.path, error)
            time.sleep(1.0)
            raise Empty from error
        if taken is None:
            raise Empty
        task_id, body = taken
        message: dict[str, Any] = loads(body)
        message["properties"]["delivery_tag"] = f"{task_id}.{next(self._deliveries)}"
        return message

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        self._file.finish(_task_id(delivery_tag))
        super().basic_ack(delivery_tag, multiple)
        self._file.bell.set()

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if not requeue:
            self._file.finish(_task_id(delivery_tag))
        super().basic_reject(delivery_tag, requeue)
        self._file.bell.set()

    def _restore(self, message: virtual.Message) -> None:
        self._file.release(_task_id(str(message.delivery_tag)))

    def _restore_at_beginning(self, message: virtual.Message) -> None:
        self._restore(message)

    def _size(self, queue: str) -> int:
        return self._file.count(queue)

    def _purge(self, queue: str) -> int:
        return self._file.purge(queue)


def _task_id(delivery_tag: str) -> int:
    return int(delivery_tag.partition(".")[0])


class Transport(virtual.Transport):
    """One connection of kombu's, with a `LeaseFile` of its own."""

    Channel = Channel
    polling_interval = POLL_SECONDS
    driver_type = "sqlite"
    driver_name = "sqlite"
    connection_errors = (*virtual.Transport.connection_errors, sqlite3.Error)  # type: ignore[assignment]

    def __init__(self, client: Any, **kwargs: Any) -> None:
        self.file = LeaseFile(Path("/" + client.virtual_host.lstrip("/")))
        super().__init__(client, **kwargs)

    def driver_version(self) -> str:
        return sqlite3.sqlite_version

    def drain_events(self, connection: Any, timeout: float | None = None, **kwargs: Any) -> None:
        """Deliver one task. Raises TimeoutError after `timeout` seconds or sooner; None waits for ever."""
        # A worker looks only between two of these whether it is to stop.
        deadline = None if timeout is None else time.monotonic() + min(timeout, LONGEST_DRAIN_SECONDS)
        while True:
            self.file.bell.clear()
            try:
                self.cycle.get(self._deliver, timeout=timeout)  # type: ignore[union-attr]
            except Empty:
                if deadline is not None and time.monotonic() >= deadline:
                    raise TimeoutError from None
                self.file.bell.wait(self.polling_interval)
            else:
                return

    def close_connection(self, connection: Any) -> None:
        super().close_connection(connection)
        self.file.close()


TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"


def url(path: Path) -> str:
    """The broker URL of a file; its directory is made when it is first used."""
    return f"{SCHEME}://localhost/{quote(str(path.absolute()))}"
