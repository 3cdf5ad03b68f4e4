"""The file behind the SQLite log: its tables, its connections, and what its errors mean.

A topic is a table of its own, `log:<topic>`: offsets are then dense, so counting is subtraction, and reading and trimming
go along the primary key without an index. `sum_bytes` is the size of all values up to and including the row's own; with it
sizes are differences too. `value` stands last, so that looking at the others never follows a long value's overflow pages.
`tail` remembers the last offset and sum of a topic whose newest record was trimmed: no offset is given twice.
"""

import random
import sqlite3
import time
import uuid
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final, TypeVar

from mini_sentry.streams.log import LogDamaged, LogError, LogFull, LogUnavailable

PAGE_BYTES: Final = 16384
APPLICATION_ID: Final = 0x4D534C47
LOCK_SECONDS: Final = 20.0
WAL_KEPT_BYTES: Final = 64 << 20

T = TypeVar("T")


def table(topic: str) -> str:
    """The topic's table, quoted for SQL."""
    if not topic.replace("-", "").isalnum():
        raise ValueError(f"not a topic's name: {topic!r}")
    return f'"log:{topic}"'


def connect(path: Path, *, synchronous: str, max_file_bytes: int | None = None) -> sqlite3.Connection:
    """One connection in autocommit mode that never waits for a lock by itself (see `patiently`) and never checkpoints."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False, cached_statements=160)
    try:
        # The first look into the file, for which another process may hold the lock, as when it closes the last connection.
        patiently(lambda: connection.execute(f"PRAGMA synchronous={synchronous}"), seconds=LOCK_SECONDS)
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute(f"PRAGMA journal_size_limit={WAL_KEPT_BYTES}")
        if max_file_bytes is not None:
            connection.execute(f"PRAGMA max_page_count={max_file_bytes // PAGE_BYTES}").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(path: Path, topics: Collection[str]) -> str:
    """Make the file and its tables where they are missing; the log's id. Raises LogError."""
    try:
        return patiently(lambda: _prepare(path, topics), seconds=LOCK_SECONDS)
    except sqlite3.Error as error:
        raise as_log_error(error, path) from error


def _prepare(path: Path, topics: Collection[str]) -> str:
    connection = connect(path, synchronous="FULL")
    try:
        [(marked,)] = connection.execute("PRAGMA application_id").fetchall()
        [(objects,)] = connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        if marked != APPLICATION_ID and objects:
            raise LogDamaged(f"{path} is a database, but not a log")
        if not objects:
            # Only in a new file: on an old one, even with the same value, these want the write lock.
            connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
        connection.execute("INSERT OR IGNORE INTO meta VALUES ('log_id', ?)", (uuid.uuid4().hex,))
        connection.execute(
            "CREATE TABLE IF NOT EXISTS committed (grp TEXT, topic TEXT, next_offset INTEGER NOT NULL, "
            "PRIMARY KEY (grp, topic)) WITHOUT ROWID"
        )
        connection.execute(
            "CREATE TABLE IF NOT EXISTS tail (topic TEXT PRIMARY KEY, offset INTEGER NOT NULL, sum_bytes INTEGER NOT NULL)"
            " WITHOUT ROWID"
        )
        for topic in topics:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {table(topic)} (offset INTEGER PRIMARY KEY, ts REAL NOT NULL, "
                "sum_bytes INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL)"
            )
        [(log_id,)] = connection.execute("SELECT value FROM meta WHERE name = 'log_id'").fetchall()
        connection.execute("COMMIT")
        return str(log_id)
    finally:
        connection.close()


def patiently(operation: Callable[[], T], *, seconds: float) -> T:
    """Do it, and again while another connection holds the lock, for at most `seconds`; then sqlite3.OperationalError.

    SQLite's own waiting sleeps up to 100 ms at a time and loses against a writer that commits all the time.
    """
    deadline = time.monotonic() + seconds
    pause = 0.0002
    while True:
        try:
            return operation()
        except sqlite3.OperationalError as error:
            if not is_locked(error) or time.monotonic() > deadline:
                raise
        time.sleep(pause * (0.5 + random.random()))  # noqa: S311
        pause = min(pause * 1.5, 0.003)


def is_locked(error: sqlite3.Error) -> bool:
    return _primary(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)


def as_log_error(error: sqlite3.Error, path: Path) -> LogError:
    match _primary(error):
        case sqlite3.SQLITE_FULL:
            return LogFull(f"no room left for {path}")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return LogDamaged(f"{path} is damaged or is no log: {error}")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return LogUnavailable(f"another process holds the lock of {path}")
        case _:
            return LogUnavailable(f"{path}: {error}")


def _primary(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 for the errors that the sqlite3 module raises by itself."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
