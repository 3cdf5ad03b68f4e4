"""A log that was put back from a copy, before anybody opens it.

Readers elsewhere may remember positions that lie behind the copy's end, because they were copied later. What is appended
from now on must come after these, or it would be passed over.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from mini_sentry.streams.engines.sqlite.file import table
from mini_sentry.streams.engines.sqlite.writer import read_tail


def log_id(path: Path) -> str:
    """The id of the log in a file that nobody has open."""
    with closing(sqlite3.connect(path)) as connection:
        [(found,)] = connection.execute("SELECT value FROM meta WHERE name = 'log_id'").fetchall()
        return str(found)


def begin_no_earlier(path: Path, topic: str, offset: int) -> None:
    """Give the topic's next record `offset`, or a later one if the log has got there already."""
    with closing(sqlite3.connect(path)) as connection, connection:
        tail = read_tail(connection, topic)
        if tail.offset < offset - 1:
            connection.execute("INSERT OR REPLACE INTO tail VALUES (?, ?, ?)", (topic, offset - 1, tail.sum_bytes))


def forget_later(path: Path, topics: Sequence[str], *, than: float) -> None:
    """Drop what was appended to the topics after the Unix time `than`. Their offsets are not given again."""
    _drop(path, dict.fromkeys(topics, than))


def forget_all(path: Path, topics: Sequence[str]) -> None:
    """Drop all records of the topics, and let every reader wait for the next one."""
    _drop(path, dict.fromkeys(topics, float("-inf")))


def _drop(path: Path, later_than: Mapping[str, float]) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for topic, seconds in later_than.items():
            tail = read_tail(connection, topic)
            connection.execute("INSERT OR REPLACE INTO tail VALUES (?, ?, ?)", (topic, *tail))
            connection.execute(f"DELETE FROM {table(topic)} WHERE ts > ?", (seconds,))  # noqa: S608
            [(left,)] = connection.execute(f"SELECT count(*) FROM {table(topic)}").fetchall()  # noqa: S608
            if not left:
                connection.execute("UPDATE committed SET next_offset = ? WHERE topic = ?", (tail.offset + 1, topic))
