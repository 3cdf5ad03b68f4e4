"""A log that was put back from a copy, before anybody opens it.

Readers elsewhere may remember positions that lie behind the copy's end, because they were copied later. What is appended
from now on must come after these, or it would be passed over.
"""

import sqlite3
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
    """Give the topic's next record `offset`, or a later one if the log has got there already.

    Its readers have passed every record before `offset`. Where the log ends sooner its records go, as if they were trimmed: in a
    log that holds some, no offset is missing before its end.
    """
    with closing(sqlite3.connect(path)) as connection, connection:
        tail = read_tail(connection, topic)
        if tail.offset < offset - 1:
            connection.execute("INSERT OR REPLACE INTO tail VALUES (?, ?, ?)", (topic, offset - 1, tail.sum_bytes))
            connection.execute(f"DELETE FROM {table(topic)}")  # noqa: S608
            connection.execute("UPDATE committed SET next_offset = ? WHERE topic = ?", (offset, topic))


def forget_later(path: Path, topic: str, *, than: float) -> None:
    """Drop what was appended to the topic after the Unix time `than`. Nobody may remember a position behind that."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"DELETE FROM {table(topic)} WHERE ts > ?", (than,))  # noqa: S608


def forget_all(path: Path, topic: str) -> None:
    """Drop all records of the topic, and let every reader wait for the next one."""
    with closing(sqlite3.connect(path)) as connection, connection:
        tail = read_tail(connection, topic)
        connection.execute("INSERT OR REPLACE INTO tail VALUES (?, ?, ?)", (topic, *tail))
        connection.execute(f"DELETE FROM {table(topic)}")  # noqa: S608
        connection.execute("UPDATE committed SET next_offset = ? WHERE topic = ?", (tail.offset + 1, topic))
