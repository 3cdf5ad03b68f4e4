"""The one thread of a process that appends: it takes whatever gathered while the last commit ran, and commits it at once.

In a busy process every call into SQLite costs a turn of the interpreter's lock. So the usual commit (one topic, up to
`ROWS_AT_ONCE` records) is one statement that begins, inserts, commits and syncs. It carries the offsets that come next as far as
this thread knows; when another process has written meanwhile they collide, nothing is stored, and the batch is done again
under the lock with the offsets read anew.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from queue import SimpleQueue
from typing import Any, Final, NamedTuple

from mini_sentry.streams.engines.sqlite.checkpoints import Checkpointer
from mini_sentry.streams.engines.sqlite.file import is_locked, patiently, table
from mini_sentry.streams.log import DeliveredTokens, LogError, LogUnavailable

ROWS_AT_ONCE: Final = 64
ITEMS_PER_COMMIT: Final = 1000
BYTES_PER_COMMIT: Final = 16 << 20
LOCK_SECONDS_AFTER_FAILURE: Final = 1.0
BUSY_ITEMS: Final = 4
GATHER_SECONDS: Final = 0.0005
"""After a commit of `BUSY_ITEMS` the next one waits this long for company: a commit costs as much as ten records do, and each
one takes the interpreter from the thread that accepts."""

logger = logging.getLogger(__name__)

Item = tuple[str, Sequence[tuple[bytes, bytes]], DeliveredTokens, Any]
"""A topic, its `(key, value)` entries, who hears of the commit, and the token handed to it."""


class Tail(NamedTuple):
    """The last record's offset and sum of bytes in a topic, whether it is still kept or not."""

    offset: int
    sum_bytes: int


class Writer:
    """`connect` opens the connection that commits; `committed` is called after each commit, before anyone is told."""

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        *,
        name: str,
        clock: Callable[[], float],
        lock_seconds: float,
        checkpointer: Checkpointer,
        committed: Callable[[], None],
        to_log_error: Callable[[sqlite3.Error], LogError],
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._checkpointer = checkpointer
        self._committed = committed
        self._to_log_error = to_log_error
        self._queue: SimpleQueue[Item | None] = SimpleQueue()
        self._connection: sqlite3.Connection | None = None
        self._tails: dict[str, Tail] = {}
        self._lock_seconds = self._patience_seconds = lock_seconds
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        self._queue.put(item)
        if self._is_over:
            self._refuse_rest()

    def stop(self) -> None:
        """Write what was put before, then end."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        queue = self._queue
        is_last = False
        gathered = 0
        while not is_last:
            item = queue.get()
            if gathered >= BUSY_ITEMS:
                time.sleep(GATHER_SECONDS)
            batch: list[Item] = []
            size = 0
            while item is not None:
                batch.append(item)
                for _, value in item[1]:
                    size += len(value)
                if size > BYTES_PER_COMMIT or len(batch) >= ITEMS_PER_COMMIT or not queue.qsize():
                    break
                item = queue.get()
            is_last = item is None
            gathered = len(batch)
            if batch:
                deliver(batch, self._write(batch))
        self._is_over = True
        self._refuse_rest()
        if self._connection is not None:
            self._connection.close()

    def _refuse_rest(self) -> None:
        while self._queue.qsize():
            item = self._queue.get()
            if item is not None:
                deliver([item], LogUnavailable("the log is closed"))

    def _write(self, batch: Sequence[Item]) -> LogError | None:
        """Commit the batch; why it is not durable, or None."""
        entries: dict[str, list[tuple[bytes, bytes]]] = {}
        for topic, items, _, _ in batch:
            entries.setdefault(topic, []).extend(items)
        try:
            if self._connection is None:
                self._connection = self._connect()
            self._insert(self._connection, entries)
        except sqlite3.Error as error:
            self._forget(error)
            return self._to_log_error(error)
        except Exception as error:
            # This thread must live: without it every later record would wait for ever.
            logger.exception("a commit failed in an unforeseen way")
            self._forget()
            return LogUnavailable(repr(error))
        self._patience_seconds = self._lock_seconds
        self._committed()
        if self._checkpointer.is_restart_due:
            try:
                self._checkpointer.restart(self._connection)
            except sqlite3.Error as error:
                self._forget(error)
        return None

    def _insert(self, connection: sqlite3.Connection, entries: dict[str, list[tuple[bytes, bytes]]]) -> None:
        now = self._clock()
        if len(entries) == 1:
            [(topic, rows)] = entries.items()
            known = self._tails.get(topic)
            if known is not None and len(rows) <= ROWS_AT_ONCE:
                insert = partial(_insert_rows, connection, topic, rows, tail=known, now=now)
                try:
                    self._tails[topic] = patiently(insert, seconds=self._patience_seconds)
                except sqlite3.IntegrityError:
                    self._tails.clear()
                else:
                    return
        patiently(lambda: connection.execute("BEGIN IMMEDIATE"), seconds=self._patience_seconds)
        tails = {}
        for topic, rows in entries.items():
            tail = read_tail(connection, topic)
            for start in range(0, len(rows), ROWS_AT_ONCE):
                tail = _insert_rows(connection, topic, rows[start : start + ROWS_AT_ONCE], tail=tail, now=now)
            tails[topic] = tail
        connection.execute("COMMIT")
        self._tails.update(tails)

    def _forget(self, error: sqlite3.Error | None = None) -> None:
        """Start from nothing after a failure: what the connection was in the middle of is rolled back when it closes."""
        self._tails.clear()
        if error is not None and is_locked(error):
            self._patience_seconds = min(self._lock_seconds, LOCK_SECONDS_AFTER_FAILURE)
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def read_tail(connection: sqlite3.Connection, topic: str) -> Tail:
    [(offset, sum_bytes)] = connection.execute(
        f"SELECT * FROM (SELECT offset, sum_bytes FROM {table(topic)} ORDER BY offset DESC LIMIT 1) "  # noqa: S608
        "UNION ALL SELECT offset, sum_bytes FROM tail WHERE topic = ? UNION ALL SELECT 0, 0 ORDER BY 1 DESC LIMIT 1",
        (topic,),
    ).fetchall()
    return Tail(offset, sum_bytes)


def deliver(batch: Iterable[Item], error: LogError | None) -> None:
    """Tell each `delivered` once about all of its tokens that stand next to each other in the batch."""
    hears: DeliveredTokens | None = None
    tokens: list[Any] = []
    for _, _, delivered, token in batch:
        if delivered is not hears:
            if hears is not None:
                _call(hears, tokens, error)
            hears, tokens = delivered, []
        tokens.append(token)
    if hears is not None:
        _call(hears, tokens, error)


def _call(delivered: DeliveredTokens, tokens: list[Any], error: LogError | None) -> None:
    try:
        delivered(tokens, error)
    except Exception:
        logger.exception("a producer failed to hear of its records")


def _insert_rows(
    connection: sqlite3.Connection, topic: str, rows: Sequence[tuple[bytes, bytes]], *, tail: Tail, now: float
) -> Tail:
    """Insert behind `tail`; where the topic ends now. Raises sqlite3.IntegrityError when that is not its tail any more."""
    offset, sum_bytes = tail
    values: list[object] = []
    for key, value in rows:
        offset += 1
        sum_bytes += len(value)
        values += (offset, now, sum_bytes, key, value)
    values.insert(1, tail.offset)
    connection.execute(_insert_sql(topic, len(rows)), values)
    return Tail(offset, sum_bytes)


@cache
def _insert_sql(topic: str, count: int) -> str:
    # What others appended collides with our offsets, unless it was trimmed again, and then `tail` knows of it: a record at an
    # offset that readers have passed would be lost, so its time becomes NULL, which the table refuses.
    guarded_time = f"(SELECT CASE WHEN coalesce(max(offset), 0) <= ? THEN ? END FROM tail WHERE topic = '{topic}')"  # noqa: S608
    rows = [f"(?,{guarded_time},?,?,?)"] + ["(?,?,?,?,?)"] * (count - 1)
    return f"INSERT INTO {table(topic)} VALUES {','.join(rows)}"  # noqa: S608
