"""`SqliteLog`: the verbs of the log over one file.

Records are synced to the disk before anyone is told. Positions and trims are not: a power cut may take them back, and they
are made again. Reading never waits for a writer, and no cursor outlives the call that opened it.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from mini_sentry.streams.engines.sqlite import file
from mini_sentry.streams.engines.sqlite.checkpoints import Checkpointer
from mini_sentry.streams.engines.sqlite.file import LOCK_SECONDS, PAGE_BYTES, as_log_error, patiently, table
from mini_sentry.streams.engines.sqlite.writer import Writer, read_tail
from mini_sentry.streams.engines.trimming import Mark, cut
from mini_sentry.streams.log import Alone, Delivered, DeliveredTokens, LogUnavailable, Member, Record, Submit
from mini_sentry.streams.topics import READERS

POLL_SECONDS: Final = 0.005
IDLE_POLL_SECONDS: Final = 0.025
ROWS_PER_FETCH: Final = 100
ROWS_PER_DELETE: Final = 200
PAUSE_SECONDS: Final = 0.002
"""Between two deletes, so that a writer of another process gets its turn."""
SPARE_BYTES: Final = 64 << 20
VACUUM_PAGES: Final = 64
VACUUM_STEPS: Final = 32

T = TypeVar("T")

logger = logging.getLogger(__name__)


class SqliteLog:
    """`readers` declares the topics and the groups that hold back their trimming; `clock` gives Unix seconds.

    The file never grows past `max_file_bytes`: then appending raises LogFull. Who cannot get the file's lock for
    `lock_seconds`, because another process holds it, gets LogUnavailable. Raises LogDamaged for a file that is no log,
    LogUnavailable for one that cannot be opened.
    """

    may_repeat = False

    def __init__(
        self,
        path: Path,
        *,
        readers: Mapping[str, Sequence[str]] = READERS,
        clock: Callable[[], float] = time.time,
        max_file_bytes: int | None = None,
        lock_seconds: float = LOCK_SECONDS,
    ) -> None:
        self.path = path
        self.log_id = file.prepare(path, readers)
        self._readers = readers
        self._clock = clock
        self._max_file_bytes = max_file_bytes
        self._lock_seconds = lock_seconds
        self._local = threading.local()
        self._lock = threading.Lock()
        self._connections: list[sqlite3.Connection] = []
        self._checkpointer: Checkpointer | None = None
        self._writer: Writer | None = None
        self._is_closed = False
        self._changed = threading.Condition()
        self._waiting_count = 0

    def partitions(self, topic: str) -> int:
        return 1

    def join(self, group: str, topic: str) -> Member:
        return Alone(self, topic)

    def append(self, topic: str, entries: Sequence[tuple[bytes, bytes]], *, timeout_seconds: float = 30.0) -> None:
        if not entries:
            return
        done = threading.Event()
        errors: list[Exception | None] = []

        def delivered(_: list[None], error: Exception | None) -> None:
            errors.append(error)
            done.set()

        self._put(topic, entries, delivered, None)
        if not done.wait(timeout_seconds):
            raise LogUnavailable(f"not durable after {timeout_seconds} s")
        if errors[0] is not None:
            raise errors[0]

    def submit(self, topic: str, key: bytes, value: bytes, delivered: Delivered) -> None:
        self._put(topic, ((key, value),), _tell_each, delivered)

    def producer(self, delivered: DeliveredTokens) -> Submit:
        def submit(topic: str, key: bytes, value: bytes, token: Any) -> None:
            self._put(topic, ((key, value),), delivered, token)

        return submit

    def read(
        self, topic: str, offset: int, *, partition: int = 0, limit: int = 1000, max_bytes: int = 16 << 20
    ) -> list[Record]:
        sql = f"SELECT offset, ts, key, value FROM {table(topic)} WHERE offset >= ? ORDER BY offset LIMIT ?"  # noqa: S608

        def read(connection: sqlite3.Connection) -> list[Record]:
            found: list[Record] = []
            size = 0
            cursor = connection.execute(sql, (offset, limit))
            try:
                while rows := cursor.fetchmany(ROWS_PER_FETCH):
                    for number, timestamp, key, value in rows:
                        size += len(value)
                        if size > max_bytes and found:
                            return found
                        found.append(Record(topic, 0, number, timestamp, key, value))
            finally:
                cursor.close()
            return found

        return self._read(read)

    def first_offset(self, topic: str, partition: int = 0) -> int:
        return self._bounds(topic)[0]

    def end_offset(self, topic: str, partition: int = 0) -> int:
        return self._bounds(topic)[1]

    def position(self, group: str, topic: str, partition: int = 0) -> int:
        committed = self._committed(group, topic)
        return self.first_offset(topic) if committed is None else committed

    def commit(self, group: str, topic: str, next_offset: int, partition: int = 0) -> None:
        sql = "INSERT INTO committed VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset"
        self._change(lambda connection: connection.execute(sql, (group, topic, next_offset)))

    def lag(self, group: str, topic: str, partition: int = 0) -> int:
        first, end = self._bounds(topic)
        committed = self._committed(group, topic)
        return max(0, end - max(first, committed or first))

    def wait(self, topic: str, offset: int, *, timeout_seconds: float, partition: int = 0) -> bool:
        sql = f"SELECT 1 FROM {table(topic)} WHERE offset >= ? LIMIT 1"  # noqa: S608

        def version(connection: sqlite3.Connection) -> int:
            [(number,)] = connection.execute("PRAGMA data_version").fetchall()
            return int(number)

        def exists(connection: sqlite3.Connection) -> bool:
            return bool(connection.execute(sql, (offset,)).fetchall())

        deadline = time.monotonic() + timeout_seconds
        pause = POLL_SECONDS
        seen = self._read(version)
        if self._read(exists):
            return True
        while (left := deadline - time.monotonic()) > 0:
            with self._changed:
                self._waiting_count += 1
                self._changed.wait(min(pause, left))
                self._waiting_count -= 1
            now = self._read(version)
            if now != seen:
                if self._read(exists):
                    return True
                seen = now
            pause = min(pause * 1.2, IDLE_POLL_SECONDS)
        return False

    def trim(self, topic: str, *, keep_seconds: float, keep_bytes: int, max_bytes: int | None = None) -> int:
        first, end = self._bounds(topic)
        until = cut(
            first=first,
            slowest=min((self.position(group, topic) for group in self._readers[topic]), default=end),
            end=end,
            mark=partial(self._mark, topic),
            older_than=self._clock() - keep_seconds,
            keep_bytes=keep_bytes,
            max_bytes=max_bytes,
        )
        for start in range(first, until, ROWS_PER_DELETE):
            self._change(partial(_delete, topic=topic, until=min(start + ROWS_PER_DELETE, until)))
            time.sleep(PAUSE_SECONDS)
        if until > first:
            self._shrink()
        return until - first

    def size_bytes(self, topic: str) -> int:
        first, end = self._bounds(topic)
        if first == end:
            return 0
        oldest, newest = self._mark(topic, first), self._mark(topic, end - 1)
        return newest.sum_bytes - oldest.sum_bytes + oldest.value_bytes

    def close(self) -> None:
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            writer, checkpointer = self._writer, self._checkpointer
        if writer is not None:
            writer.stop()
        if checkpointer is not None:
            checkpointer.stop()
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def _put(self, topic: str, entries: Sequence[tuple[bytes, bytes]], delivered: DeliveredTokens, token: Any) -> None:
        if self._is_closed:
            raise LogUnavailable("the log is closed")
        if topic not in self._readers:
            raise KeyError(topic)
        for key, value in entries:
            if type(value) is not bytes or type(key) is not bytes:
                raise TypeError("keys and values are bytes")
        (self._writer or self._start_writer()).put((topic, entries, delivered, token))

    def _start_writer(self) -> Writer:
        checkpointer = self._started_checkpointer()
        with self._lock:
            if self._is_closed:
                raise LogUnavailable("the log is closed")
            if self._writer is None:
                self._writer = Writer(
                    partial(file.connect, self.path, synchronous="FULL", max_file_bytes=self._max_file_bytes),
                    name=f"log-writer-{self.path.stem}",
                    clock=self._clock,
                    lock_seconds=self._lock_seconds,
                    checkpointer=checkpointer,
                    committed=self._appended,
                    to_log_error=lambda error: as_log_error(error, self.path),
                )
            return self._writer

    def _started_checkpointer(self) -> Checkpointer:
        with self._lock:
            if self._is_closed:
                raise LogUnavailable("the log is closed")
            if self._checkpointer is None:
                self._checkpointer = Checkpointer(self.path, partial(file.connect, self.path, synchronous="NORMAL"))
            return self._checkpointer

    def _appended(self) -> None:
        if self._checkpointer is not None:
            self._checkpointer.written()
        if self._waiting_count:
            with self._changed:
                self._changed.notify_all()

    def _connection(self) -> sqlite3.Connection:
        """This thread's own, for everything but appending."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = file.connect(self.path, synchronous="NORMAL")
            with self._lock:
                if self._is_closed:
                    connection.close()
                    raise LogUnavailable("the log is closed")
                self._connections.append(connection)
            self._local.connection = connection
        return connection

    def _read(self, question: Callable[[sqlite3.Connection], T]) -> T:
        if self._is_closed:
            raise LogUnavailable("the log is closed")
        try:
            connection = self._connection()
            return patiently(lambda: question(connection), seconds=self._lock_seconds)
        except sqlite3.Error as error:
            raise as_log_error(error, self.path) from error

    def _change(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Do a short write in one transaction, or none of it."""

        def transaction(connection: sqlite3.Connection) -> T:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = operation(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result

        result = self._read(transaction)
        self._started_checkpointer().written()
        return result

    def _bounds(self, topic: str) -> tuple[int, int]:
        """The first offset kept and the one after the last."""

        def bounds(connection: sqlite3.Connection) -> tuple[int, int]:
            [(first,)] = connection.execute(f"SELECT min(offset) FROM {table(topic)}").fetchall()  # noqa: S608
            end = read_tail(connection, topic).offset + 1
            return end if first is None else first, end

        return self._read(bounds)

    def _committed(self, group: str, topic: str) -> int | None:
        sql = "SELECT next_offset FROM committed WHERE grp = ? AND topic = ?"
        rows = self._read(lambda connection: connection.execute(sql, (group, topic)).fetchall())
        return rows[0][0] if rows else None

    def _mark(self, topic: str, offset: int) -> Mark:
        sql = f"SELECT ts, length(value), sum_bytes FROM {table(topic)} WHERE offset >= ? ORDER BY offset LIMIT 1"  # noqa: S608
        [row] = self._read(lambda connection: connection.execute(sql, (offset,)).fetchall())
        return Mark(*row)

    def _shrink(self) -> None:
        """Give the file's free pages back when they are many: more than 64 MB and more than a quarter of the file."""

        def count(connection: sqlite3.Connection) -> tuple[int, int]:
            [(free,)] = connection.execute("PRAGMA freelist_count").fetchall()
            [(total,)] = connection.execute("PRAGMA page_count").fetchall()
            return free, total

        for _ in range(VACUUM_STEPS):
            free, total = self._read(count)
            if free * PAGE_BYTES < SPARE_BYTES or free * 4 < total:
                return
            self._change(lambda connection: connection.execute(f"PRAGMA incremental_vacuum({VACUUM_PAGES})").fetchall())
            time.sleep(PAUSE_SECONDS)


def _delete(connection: sqlite3.Connection, *, topic: str, until: int) -> None:
    tail = read_tail(connection, topic)
    connection.execute("INSERT OR REPLACE INTO tail VALUES (?, ?, ?)", (topic, *tail))
    connection.execute(f"DELETE FROM {table(topic)} WHERE offset < ?", (until,))  # noqa: S608


def _tell_each(tokens: list[Delivered], error: Exception | None) -> None:
    for delivered in tokens:
        try:
            delivered(error)
        except Exception:
            logger.exception("a producer failed to hear of its record")
