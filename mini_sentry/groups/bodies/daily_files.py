"""Bodies in one SQLite file a day, appended in order; retention is an unlink."""

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final

from mini_sentry.groups.bodies.packing import Decompressors, StoredBody
from mini_sentry.groups.bodies.store import Body, BodyMissing
from mini_sentry.streams.engines.sqlite.file import LOCK_SECONDS, patiently

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS body (id INTEGER PRIMARY KEY, dictionary INTEGER NOT NULL, data BLOB NOT NULL)",
    # Every dictionary that a body of the file was ever compressed with: asked often, and to look through the bodies is slow.
    "CREATE TABLE IF NOT EXISTS used_dictionary (id INTEGER PRIMARY KEY)",
)
_PRAGMAS = (
    "PRAGMA page_size=32768",
    "PRAGMA auto_vacuum=INCREMENTAL",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA wal_autocheckpoint=512",
    "PRAGMA journal_size_limit=16777216",
    "PRAGMA cache_size=-4096",
)
_OPEN_DAYS = 4
SHRINK_PAGES: Final = 64
"""Free pages that go back to the file system in one transaction: 2 MB."""


class DailyFiles:
    """The daily files of one directory (`store.Bodies`). Each thread has its own connections.

    A body is known by its row id alone: one that is written again is stored again, and the first goes with its day.
    """

    def __init__(self, directory: Path, *, load_dictionary: Callable[[int], bytes]) -> None:
        self._directory = directory
        self._decompressors = Decompressors(load_dictionary)
        self._local = threading.local()

    def path(self, day: date) -> Path:
        return self._directory / f"{day:%Y-%m-%d}.db"

    def _connection(self, day: date, *, create: bool) -> sqlite3.Connection:
        """Raises BodyMissing when there is no file of that day and none is to be made."""
        days: OrderedDict[date, sqlite3.Connection] = self._local.__dict__.setdefault("days", OrderedDict())
        if (connection := days.get(day)) is not None:
            days.move_to_end(day)
            return connection
        path = self.path(day)
        if create:
            self._directory.mkdir(parents=True, exist_ok=True)
        elif not path.exists():
            raise BodyMissing(f"no bodies are kept for {day}")
        connection = sqlite3.connect(path, isolation_level=None, timeout=LOCK_SECONDS)
        for statement in (*_PRAGMAS, *_SCHEMA):
            # Of several that make a file at once, SQLite lets all but one fail at once instead of waiting.
            patiently(partial(connection.execute, statement), seconds=LOCK_SECONDS)
        days[day] = connection
        if len(days) > _OPEN_DAYS:
            days.popitem(last=False)[1].close()
        return connection

    def _kept(self, day: date) -> sqlite3.Connection | None:
        """The day's file, if there is one: retention may take it at any time."""
        try:
            return self._connection(day, create=False)
        except BodyMissing:
            return None

    def write(self, day: date, bodies: Sequence[Body]) -> list[int]:
        connection = self._connection(day, create=True)
        with _transaction(connection):
            (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM body").fetchone()
            ids = list(range(last + 1, last + 1 + len(bodies)))
            connection.executemany(
                "INSERT INTO body (id, dictionary, data) VALUES (?, ?, ?)",
                [(body_id, body.dictionary_id, body.data) for body_id, body in zip(ids, bodies, strict=True)],
            )
            _note_dictionaries(connection, {body.dictionary_id for body in bodies})
        return ids

    def read(self, body_id: int, day: date) -> StoredBody:
        row = (
            self._connection(day, create=False)
            .execute("SELECT dictionary, data FROM body WHERE id = ?", (body_id,))
            .fetchone()
        )
        if row is None:
            raise BodyMissing(f"body {body_id} of {day} is not kept")
        return self._decompressors.unpack(*row)

    def replace(self, day: date, bodies: Sequence[tuple[int, tuple[int, bytes]]]) -> None:
        if (connection := self._kept(day)) is None:
            return
        with _transaction(connection):
            connection.executemany(
                "UPDATE body SET dictionary = ?, data = ? WHERE id = ?",
                [(dictionary, data, body_id) for body_id, (dictionary, data) in bodies],
            )
            _note_dictionaries(connection, {dictionary for _, (dictionary, _) in bodies})

    def remove(self, day: date, ids: Sequence[int]) -> None:
        """The newest of the day stays: the next id is counted from it."""
        if (connection := self._kept(day)) is None:
            return
        marks = ", ".join("?" * len(ids))
        connection.execute(
            f"DELETE FROM body WHERE id IN ({marks}) AND id < (SELECT max(id) FROM body)",  # noqa: S608
            tuple(ids),
        )

    def shrink(self, day: date) -> int:
        """Gives SHRINK_PAGES free pages back to the file system, and says how many it gave."""
        if (connection := self._kept(day)) is None:
            return 0
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        given = min(int(free), SHRINK_PAGES)
        if given:
            # As a script: it gives a page back at each step, and `execute` takes but one for a statement without columns.
            connection.executescript(f"PRAGMA incremental_vacuum({given})")
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            (left,) = connection.execute("PRAGMA freelist_count").fetchone()
            given = int(free) - int(left)
        return given

    def sizes(self) -> dict[date, int]:
        """The pages in use of each day's file."""
        sizes: dict[date, int] = {}
        for day in self._days():
            if (connection := self._kept(day)) is None:
                continue
            page, pages, free = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_size", "page_count", "freelist_count")
            )
            sizes[day] = page * (pages - free)
        return sizes

    def dictionaries(self) -> set[int]:
        used: set[int] = set()
        for day in self._days():
            if (connection := self._kept(day)) is None:
                continue
            used.update(row[0] for row in connection.execute("SELECT id FROM used_dictionary"))
        return used

    def _days(self) -> list[date]:
        days = []
        for path in sorted(self._directory.glob("????-??-??.db")):
            with suppress(ValueError):
                days.append(date.fromisoformat(path.stem))
        return days

    def retire(self, before: date) -> int:
        """Connections that still have such a file open read on from it, and hold its disk space until they close."""
        days: OrderedDict[date, sqlite3.Connection] = self._local.__dict__.get("days", OrderedDict())
        retired = 0
        for day in self._days():
            if day >= before:
                break
            path = self.path(day)
            if (connection := days.pop(day, None)) is not None:
                connection.close()
            # The write-ahead log first: without its file it would be taken for another's.
            for name in (f"{path.name}-wal", f"{path.name}-shm", path.name):
                path.with_name(name).unlink(missing_ok=True)
            retired += 1
        return retired

    def close(self) -> None:
        days: OrderedDict[date, sqlite3.Connection] = self._local.__dict__.pop("days", OrderedDict())
        for connection in days.values():
            connection.close()


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _note_dictionaries(connection: sqlite3.Connection, ids: Collection[int]) -> None:
    connection.executemany("INSERT OR IGNORE INTO used_dictionary (id) VALUES (?)", [(one,) for one in ids])
