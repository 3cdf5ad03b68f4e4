"""`mini-sentry backup`: the embedded data directory, copied while everything runs.

Each file is copied as it is at one moment, but they are not all copied at the same one, so the order matters:

1. The log of accepted requests. What it holds and the rows do not will be digested after a restore; what was trimmed from
   it before was digested before, so is in the rows.
2. The rows, with the digest's position. It may lie behind the end of the log's copy, never before its beginning: restoring
   has the log go on from there.
3. The bodies, which are older than the rows that refer to them. A dictionary that was trained meanwhile is added to the rows.
4. The topics, from which restoring takes the dead letters; and the contents of artifacts, before the rows and after them.

The columns are filled again from rows and bodies. Only an event whose body is gone is known to them alone, so the column rows
of these come along.
"""

import sqlite3
from array import array
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import mini_sentry
from mini_sentry.analytics.chdb_engine import EngineError
from mini_sentry.analytics.chdb_server import ColumnServer, address
from mini_sentry.analytics.lookups import rows_of
from mini_sentry.analytics.rows import encode
from mini_sentry.analytics.store import ColumnsError, Store
from mini_sentry.config import data_files
from mini_sentry.config.progress import Progress
from mini_sentry.config.supervisor import CannotStart, lock
from mini_sentry.moving import archive, directory
from mini_sentry.moving.copying import copy

KIND: Final = "backup"
VERSION: Final = 1
ARCHIVE_SUFFIX: Final = ".zip"
COLUMNS: Final = "columns-of-events.jsonl"
SHOWN_AT: Final = "shown_at"
"""The fact that says when the rows' moment was: Unix seconds."""

_PAGE: Final = 500


def backup(data_dir: Path, target: Path, progress: Progress) -> archive.Manifest:
    """Copy the data directory to `target`: one file if its name ends in .zip, else a directory.

    Needs room for the backup and once more for the largest file. Raises ArchiveError, OSError, sqlite3.Error.
    """
    if not (data_dir / data_files.MAIN).exists():
        raise FileNotFoundError(2, "No such file", str(data_dir / data_files.MAIN))
    form = archive if target.suffix == ARCHIVE_SUFFIX else directory
    facts: dict[str, str] = {}
    with ExitStack() as opened:
        writer = opened.enter_context(
            form.writing(target, kind=KIND, version=VERSION, made_by=mini_sentry.__version__, facts=facts)
        )
        scratch = Path(opened.enter_context(TemporaryDirectory(prefix=".backup-", dir=target.absolute().parent)))
        _Backup(data_dir, writer, scratch, progress, facts).run()
    with reading(target) as written:
        return written.manifest


def reading(path: Path) -> AbstractContextManager[archive.Reader | directory.Reader]:
    """Open a backup, whichever form it has. Raises ArchiveError, OSError."""
    if path.is_dir():
        return directory.reading(path, kind=KIND, version=VERSION)
    return archive.reading(path, kind=KIND, version=VERSION)


class _Backup:
    def __init__(
        self,
        data_dir: Path,
        writer: archive.Writer | directory.Writer,
        scratch: Path,
        progress: Progress,
        facts: dict[str, str],
    ) -> None:
        self._data_dir = data_dir
        self._writer = writer
        self._scratch = scratch
        self._progress = progress
        self._facts = facts
        self._contents: set[str] = set()

    def run(self) -> None:
        self._copy_contents()
        self._database(data_files.INGEST)
        rows = self._scratch / data_files.MAIN
        self._facts[SHOWN_AT] = repr(self._copied(data_files.MAIN, rows))
        kept, dictionaries = self._bodies()
        _add_dictionaries(rows, self._data_dir / data_files.MAIN, dictionaries)
        self._database(data_files.TOPICS)
        self._copy_contents()
        # Where the operator gives SECRET_KEY there is no such file.
        with suppress(FileNotFoundError):
            self._writer.file(data_files.COOKIE_KEY, self._data_dir / data_files.COOKIE_KEY)
        self._columns(rows, kept)
        self._writer.file(data_files.MAIN, rows)

    def _copied(self, name: str, target: Path) -> float:
        with self._progress.step(name, unit="MB") as step:
            return copy(self._data_dir / name, target, lambda byte_count: step.at(byte_count >> 20))

    def _database(self, name: str) -> None:
        copied = self._scratch / Path(name).name
        self._copied(name, copied)
        self._writer.file(name, copied)
        copied.unlink()

    def _copy_contents(self) -> None:
        """Those of artifacts that were not copied yet."""
        names = [name for name in data_files.artifacts(self._data_dir) if name not in self._contents]
        with self._progress.step(data_files.ARTIFACTS, len(names)) as step:
            for count, name in enumerate(names, 1):
                # One that retention took meanwhile belongs to nobody.
                with suppress(FileNotFoundError):
                    self._writer.file(name, self._data_dir / name)
                self._contents.add(name)
                step.at(count)

    def _bodies(self) -> "tuple[dict[date, bytearray], set[int]]":
        """Copy the days; a bit for each body that is in them, and the dictionaries that they may refer to."""
        kept: dict[date, bytearray] = {}
        dictionaries: set[int] = set()
        for name in data_files.bodies(self._data_dir):
            copied = self._scratch / Path(name).name
            try:
                self._copied(name, copied)
            except (FileNotFoundError, sqlite3.OperationalError):
                if (self._data_dir / name).exists():
                    raise
                continue
            with closing(sqlite3.connect(copied)) as connection:
                kept[date.fromisoformat(copied.stem)] = _bits(connection)
                dictionaries.update(pk for (pk,) in connection.execute("SELECT id FROM used_dictionary"))
            self._writer.file(name, copied)
            copied.unlink()
        return kept, dictionaries

    def _columns(self, rows: Path, kept: Mapping[date, bytearray]) -> None:
        """The column rows of events that have no body any more."""
        with closing(sqlite3.connect(rows)) as connection:
            ids = _without_body(connection, kept)
            if not ids:
                return
            try:
                with ExitStack() as opened:
                    store = Store(lambda: address(self._data_dir))
                    if not store.ping():
                        # As long as nobody can start a server meanwhile.
                        opened.enter_context(lock(self._data_dir))
                        server = ColumnServer(self._data_dir)
                        server.start()
                        opened.callback(server.stop)
                    with self._progress.step(COLUMNS, len(ids)) as step:
                        documents = _documents(connection, store, ids)
                        self._writer.lines(COLUMNS, (step.passed(document) for document in documents))
            except (ColumnsError, CannotStart, EngineError, RuntimeError) as error:
                self._facts["without_columns"] = (
                    f"The columns were away ({error}): {len(ids)} events without a body lose their tags."
                )


def _bits(connection: sqlite3.Connection) -> bytearray:
    [(last,)] = connection.execute("SELECT coalesce(max(id), 0) FROM body").fetchall()
    bits = bytearray(last // 8 + 1)
    for (body_id,) in connection.execute("SELECT id FROM body"):
        bits[body_id >> 3] |= 1 << (body_id & 7)
    return bits


def _without_body(connection: sqlite3.Connection, kept: Mapping[date, bytearray]) -> "array[int]":
    """The ids of the events whose body is in none of the days."""
    ids = array("q")
    for pk, day, body_id in connection.execute("SELECT id, substr(received_at, 1, 10), body_id FROM groups_event"):
        bits = kept.get(date.fromisoformat(day), b"")
        if not (body_id >> 3 < len(bits) and bits[body_id >> 3] & 1 << (body_id & 7)):
            ids.append(pk)
    return ids


def _documents(connection: sqlite3.Connection, store: Store, ids: "array[int]") -> Iterator[bytes]:
    for start in range(0, len(ids), _PAGE):
        part = ids[start : start + _PAGE].tolist()
        by_project: dict[int, list[tuple[str, datetime]]] = {}
        marks = ", ".join("?" * len(part))
        for project_id, event_id, received_at in connection.execute(
            f"SELECT project_id, event_id, received_at FROM groups_event WHERE id IN ({marks})",  # noqa: S608
            part,
        ):
            moment = datetime.fromisoformat(received_at).replace(tzinfo=UTC)
            by_project.setdefault(project_id, []).append((event_id, moment))
        for project_id, events in by_project.items():
            times = [moment for _, moment in events]
            found = rows_of(store, project_id, [one for one, _ in events], start=min(times), end=max(times))
            yield from map(encode, found.values())


def _add_dictionaries(rows: Path, live: Path, used: set[int]) -> None:
    """Put dictionaries that the bodies refer to and the rows do not have, because they came later, into the rows."""
    with (
        closing(sqlite3.connect(rows)) as copied,
        closing(sqlite3.connect(f"file:{live}?mode=rw", uri=True)) as current,
    ):
        known = {pk for (pk,) in copied.execute("SELECT id FROM groups_bodydictionary")}
        for pk in sorted(used - known - {0}):
            row = current.execute(
                "SELECT id, project_id, data, created_at FROM groups_bodydictionary WHERE id = ?", (pk,)
            ).fetchone()
            if row is not None:
                copied.execute(
                    "INSERT INTO groups_bodydictionary (id, project_id, data, created_at) VALUES (?, ?, ?, ?)", row
                )
        copied.commit()
