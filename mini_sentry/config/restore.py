"""`mini-sentry restore`: a backup becomes a data directory again, from which the server goes on.

Everything is unpacked and checked beside its place first, and put there at the end. Then the log, the topics and the
columns are brought to what the rows say: see `backup` for the order in which they were copied.
"""

import os
import shutil
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from mini_sentry.config import data_files
from mini_sentry.config.backup import COLUMNS, SHOWN_AT, reading
from mini_sentry.config.progress import Progress
from mini_sentry.config.supervisor import lock
from mini_sentry.moving import archive, directory
from mini_sentry.streams.engines.sqlite import restoring
from mini_sentry.streams.topics import DEAD_LETTERS, EVENTS, INGEST, OUTCOMES, SESSIONS

UNPACKED: Final = ".restoring"


class NotEmpty(Exception):
    """The data directory holds something already."""


def restore(source: Path, data_dir: Path, progress: Progress) -> archive.Manifest:
    """Fill the empty `data_dir` from a backup: with all of it, or with nothing. The columns come afterwards (`fill_columns`).

    Raises ArchiveError, OSError, sqlite3.Error, NotEmpty, CannotStart when something runs there.
    """
    with ExitStack() as opened:
        reader = opened.enter_context(reading(source))
        opened.enter_context(lock(data_dir))
        held = sorted(path.name for path in data_dir.iterdir() if path.name not in {UNPACKED, "run.lock"})
        if held:
            raise NotEmpty(f"{data_dir} is not empty ({', '.join(held[:4])}): restore into a new directory.")
        unpacked = data_dir / UNPACKED
        shutil.rmtree(unpacked, ignore_errors=True)
        opened.callback(shutil.rmtree, unpacked, ignore_errors=True)
        _unpack(reader, source, unpacked, progress)
        _agree(unpacked, shown_at=float(reader.manifest.facts[SHOWN_AT]))
        _put(unpacked, data_dir)
        return reader.manifest


def _unpack(reader: archive.Reader | directory.Reader, source: Path, target: Path, progress: Progress) -> None:
    target.mkdir(mode=0o700)
    wanted = [member for member in reader.manifest.members if member.name != COLUMNS]
    done = 0
    with progress.step("unpacked", sum(member.byte_count for member in wanted) >> 20, unit="MB") as step:
        for member in wanted:
            if not directory.is_inside(member.name) or not data_files.is_kept(member.name):
                raise archive.Damaged(f"{source} is damaged: it holds {member.name}, which no backup has.")
            path = target / member.name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                for chunk in reader.file(member.name):
                    file.write(chunk)
                    done += len(chunk)
                    step.at(done >> 20)
                file.flush()
                os.fsync(file.fileno())
    missing = [name for name in (data_files.MAIN, data_files.INGEST, data_files.TOPICS) if not (target / name).exists()]
    if missing or SHOWN_AT not in reader.manifest.facts:
        raise archive.Damaged(f"{source} is damaged: {', '.join(missing) or SHOWN_AT} is missing.")


def _agree(unpacked: Path, *, shown_at: float) -> None:
    """Have the logs say what the rows say."""
    ingest, topics = unpacked / data_files.INGEST, unpacked / data_files.TOPICS
    log_id = restoring.log_id(ingest)
    with closing(sqlite3.connect(unpacked / data_files.MAIN)) as rows:
        for next_offset in rows.execute(
            "SELECT next_offset FROM groups_digestposition WHERE log_id = ? AND topic = ?", (log_id, INGEST)
        ):
            # The rows were copied later: what they have from the log is not to be passed over when it comes under the same offset.
            restoring.begin_no_earlier(ingest, INGEST, *next_offset)
    # What was told to the columns after the rows' moment is not in the rows; and what was before will be told from them.
    for topic in (EVENTS, SESSIONS, OUTCOMES):
        restoring.forget_all(topics, topic)
    # Letters of later batches come again with these, and those that were still owed are owed again.
    restoring.forget_later(topics, DEAD_LETTERS, than=shown_at)


def _put(unpacked: Path, data_dir: Path) -> None:
    """Move everything to its place, the rows last: without them nothing is there."""
    names = sorted((path.name for path in unpacked.iterdir()), key=lambda name: name == data_files.MAIN)
    for name in names:
        (unpacked / name).rename(data_dir / name)
    directory.sync(data_dir)


def fill_columns(source: Path, progress: Progress) -> int:
    """Bring the restored tables up to date and fill the columns from them; how many rows. Needs Django.

    Raises ColumnsError, CannotStart, ArchiveError.
    """
    from django.conf import settings
    from django.core.management import call_command

    from mini_sentry.analytics import columns
    from mini_sentry.analytics.migrate import migrate
    from mini_sentry.analytics.store import Store
    from mini_sentry.config.moving import embedded_columns
    from mini_sentry.digest import relay
    from mini_sentry.digest.moving import fill

    with lock(settings.DATA_DIR), reading(source) as reader:
        call_command("migrate", verbosity=0, interactive=False)
        relay.forget({EVENTS, SESSIONS, OUTCOMES})
        with embedded_columns():
            store = Store(columns.url)
            migrate(store, retention_days=settings.RETENTION_DAYS)
            with progress.step("columns") as step:
                return fill(store, reader.lines(COLUMNS), heard=step.at)
