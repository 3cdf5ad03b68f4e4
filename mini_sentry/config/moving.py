"""`mini-sentry export` and `import`: what is moved between two installations, in order.

A table that is neither in PARTS nor in STAYS fails a test. Each part comes after those that its rows refer to.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from django.conf import settings
from django.core.management import call_command
from django.db import Error as DatabaseError

import mini_sentry
from mini_sentry.accounts import moving as accounts
from mini_sentry.alerts import moving as alerts
from mini_sentry.analytics import columns
from mini_sentry.analytics.chdb_engine import EngineError
from mini_sentry.analytics.chdb_server import ColumnServer
from mini_sentry.analytics.emptying import empty, row_count
from mini_sentry.analytics.migrate import migrate
from mini_sentry.analytics.store import ColumnsError, ColumnsUnavailable, Store
from mini_sentry.config.progress import Progress
from mini_sentry.config.supervisor import CannotStart, lock
from mini_sentry.config.wiring import open_log
from mini_sentry.digest.moving import COLUMNS_OF_EVENTS, columns_of, fill
from mini_sentry.groups import moving as groups
from mini_sentry.moving import archive
from mini_sentry.moving.parts import Heard, Part, Rows
from mini_sentry.moving.view import count_on, one_filling, one_moment, settle
from mini_sentry.projects import moving as projects
from mini_sentry.releases import moving as releases
from mini_sentry.streams.log import LogError
from mini_sentry.streams.topics import DIGEST, INGEST

KIND: Final = "export"
VERSION: Final = 1
"""Of the format. A part or a field more needs no new one; what an older version would misread does."""

PARTS: Final[tuple[Part, ...]] = (
    *accounts.PARTS,
    *projects.PARTS,
    *releases.PARTS,
    *groups.PARTS,
    *alerts.PARTS,
)
STAYS: Final[dict[str, str]] = {
    **accounts.STAYS,
    **projects.STAYS,
    **releases.STAYS,
    **groups.STAYS,
    **alerts.STAYS,
}
"""Tables that are not moved, each with its reason."""

TABLES: Final[tuple[str, ...]] = tuple(table for part in PARTS for table in part.tables)


class NotEmpty(Exception):
    """The installation that would be filled holds something already."""


class ColumnsNotFilled(Exception):
    """All rows are there, but the columns went away before they were filled."""


class Refused(Exception):
    """The tables did not take what was to be imported; nothing of it is there."""


def export(path: Path, progress: Progress) -> archive.Manifest:
    """Write everything that is moved, as it is at one moment, to `path`. Raises ArchiveError, OSError."""
    with ExitStack() as opened:
        facts: dict[str, str] = {}
        writer = opened.enter_context(
            archive.writing(path, kind=KIND, version=VERSION, made_by=mini_sentry.__version__, facts=facts)
        )
        opened.enter_context(one_moment())
        for part in PARTS:
            with progress.step(part.name, part.count()) as step:
                writer.lines(part.name, _counted(part.documents(), step.at))
        _export_columns(writer, facts, progress)
    with archive.reading(path, kind=KIND, version=VERSION) as written:
        return written.manifest


def _export_columns(writer: archive.Writer, facts: dict[str, str], progress: Progress) -> None:
    ids = groups.EVENTS.without_body
    if not ids:
        return
    try:
        with embedded_columns(), progress.step(COLUMNS_OF_EVENTS, len(ids)) as step:
            writer.lines(COLUMNS_OF_EVENTS, _counted(columns_of(Store(columns.url), ids), step.at))
    except ColumnsError as error:
        facts["without_columns"] = f"The columns were away ({error}): {len(ids)} events without a body lose their tags."


def undigested() -> int:
    """Requests that were accepted and are not digested yet, so that no export holds them; 0 when nobody knows."""
    with suppress(LogError, OSError):
        log = open_log()
        try:
            return log.lag(DIGEST, INGEST)
        finally:
            log.close()
    return 0


def check(path: Path, progress: Progress) -> archive.Manifest:
    """Read all of an export and compare it with its manifest. Raises ArchiveError, OSError."""
    with archive.reading(path, kind=KIND, version=VERSION) as source:
        total = sum(member.byte_count for member in source.manifest.members)
        with progress.step("checked", total >> 20, unit="MB") as step:
            source.verify(lambda byte_count: step.at(byte_count >> 20))
        return source.manifest


def import_(path: Path, progress: Progress, *, replace: bool = False) -> archive.Manifest:
    """Fill this installation with an export: with all of it, or with nothing.

    With `replace` what the installation holds goes first, in the same transaction. Raises ArchiveError, OSError, NotEmpty,
    Refused, CannotStart when the installation is running, ColumnsError, and ColumnsNotFilled.
    """
    manifest = check(path, progress)
    with ExitStack() as opened:
        if not (settings.DATABASE_URL and settings.CLICKHOUSE_URL):
            opened.enter_context(lock(settings.DATA_DIR))
            if not settings.CLICKHOUSE_URL and Store(columns.url).ping():
                raise CannotStart(f"A part of Mini Sentry runs on {settings.DATA_DIR}. Stop it first.")
        call_command("migrate", verbosity=0, interactive=False)
        opened.enter_context(embedded_columns())
        store = Store(columns.url)
        migrate(store, retention_days=settings.RETENTION_DAYS)
        if not replace:
            _refuse_data(store)
        source = opened.enter_context(archive.reading(path, kind=KIND, version=VERSION))
        _fill_tables(source, progress, replace=replace)
        try:
            if replace:
                empty(store)
            with progress.step("columns") as step:
                fill(store, source.lines(COLUMNS_OF_EVENTS), heard=step.at)
        except ColumnsError as error:
            raise ColumnsNotFilled(str(error)) from error
    return manifest


def _refuse_data(store: Store) -> None:
    held = [f"{count} {part.name}" for part in PARTS if (count := part.count())]
    if rows := row_count(store):
        held.append(f"{rows} rows in the columns")
    if held:
        raise NotEmpty(f"This installation holds data already ({', '.join(held[:4])}); --replace deletes it first.")


def _fill_tables(source: archive.Reader, progress: Progress, *, replace: bool) -> None:
    groups.EVENTS.begin()
    try:
        with one_filling(TABLES):
            if replace:
                for part in reversed(PARTS):
                    part.clear()
            for part in PARTS:
                member = source.manifest.member(part.name)
                with progress.step(part.name, member.line_count if member else 0) as step:
                    part.load(source.lines(part.name), step.at)
            count_on([part.model for part in PARTS if isinstance(part, Rows)])
    except (DatabaseError, sqlite3.Error) as error:
        groups.EVENTS.take_back()
        raise Refused(f"Nothing was imported: {str(error).strip().splitlines()[0]}") from error
    except BaseException:
        groups.EVENTS.take_back()
        raise
    settle(TABLES)


@contextmanager
def embedded_columns() -> Iterator[None]:
    """See that the column engine runs: the operator's, that of the running server, or meanwhile one in this process.

    Raises ColumnsUnavailable.
    """
    if settings.CLICKHOUSE_URL or Store(columns.url).ping():
        yield
        return
    server = ColumnServer(settings.DATA_DIR)
    try:
        server.start()
    except (EngineError, RuntimeError, OSError) as error:
        raise ColumnsUnavailable(f"the column engine does not start: {error}") from error
    try:
        yield
    finally:
        server.stop()


def _counted(documents: Iterator[bytes], heard: Heard) -> Iterator[bytes]:
    for count, document in enumerate(documents, 1):
        yield document
        heard(count)
