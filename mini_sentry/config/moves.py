"""`mini-sentry export`, `import`, `backup` and `restore` at the terminal: what they say, also when they cannot."""

import argparse
import errno
import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import django
import msgspec

from mini_sentry.config.environment import data_directory

if TYPE_CHECKING:
    from mini_sentry.moving.archive import Member


_ELSEWHERE: Final = ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "CLICKHOUSE_URL")


def run(options: argparse.Namespace) -> int:
    """Carry out one of the four; returns the exit code. Raises CannotStart and BadSetting."""
    from mini_sentry.moving.archive import ArchiveError

    try:
        match options.command:
            case "export":
                return _export(options.file)
            case "import":
                return _import(options.file, options)
            case "backup":
                return _backup(options.target)
            case _:
                return _restore(options.source)
    except ArchiveError as error:
        return _failed(str(error))
    except OSError as error:
        return _failed(told(error))
    except (sqlite3.Error, msgspec.MsgspecError) as error:
        return _failed(f"A database cannot be read or written: {error}")


def _export(path: Path) -> int:
    django.setup()
    from django.db import Error as DatabaseError

    from mini_sentry.config import moving
    from mini_sentry.config.progress import Progress

    try:
        manifest = moving.export(path, Progress())
    except DatabaseError as error:
        return _failed(f"The database cannot be read: {error}")
    waiting = moving.undigested()
    if waiting:
        print(f"{waiting} accepted requests are not digested yet, and not in it: export again when nothing comes in.")
    for note in manifest.facts.values():
        print(note)
    print(f"{path}: {_summary(manifest.members)}, {path.stat().st_size / 1e6:,.1f} MB.")
    print("It holds what people and senders sign in with: keep it as safe as the database.")
    return 0


def _import(path: Path, options: argparse.Namespace) -> int:
    django.setup()
    from mini_sentry.analytics.store import ColumnsError
    from mini_sentry.config import moving
    from mini_sentry.config.progress import Progress

    if options.check:
        manifest = moving.check(path, Progress())
        print(f"{path} is whole: {_summary(manifest.members)}, made {manifest.made_at:%Y-%m-%d %H:%M} UTC.")
        return 0
    try:
        manifest = moving.import_(path, Progress(), replace=options.replace)
    except moving.ColumnsNotFilled as error:
        return _failed(f"Everything is imported but the columns ({error}). Run `mini-sentry columns rebuild` later.")
    except (moving.NotEmpty, moving.Refused) as error:
        return _failed(str(error))
    except ColumnsError as error:
        return _failed(f"Nothing was imported, because the columns cannot be reached: {error}")
    print(f"Imported {_summary(manifest.members)}.")
    return 0


def _backup(target: Path) -> int:
    from mini_sentry.config.backup import backup
    from mini_sentry.config.progress import Progress

    if elsewhere := _elsewhere(_ELSEWHERE[:2]):
        return _failed(f"{elsewhere} is set: `backup` copies the data directory, and the data is not in it.")
    manifest = backup(data_directory(os.environ), target, Progress())
    if "without_columns" in manifest.facts:
        print(manifest.facts["without_columns"])
    print(f"{target}: {sum(member.byte_count for member in manifest.members) / 1e6:,.1f} MB of data.")
    print("It holds what people and senders sign in with: keep it as safe as the data directory.")
    return 0


def _restore(source: Path) -> int:
    from mini_sentry.config import restore
    from mini_sentry.config.progress import Progress

    if elsewhere := _elsewhere(_ELSEWHERE):
        return _failed(f"{elsewhere} is set: `restore` makes a data directory that holds everything itself.")
    progress = Progress()
    data_dir = data_directory(os.environ)
    try:
        manifest = restore.restore(source, data_dir, progress)
    except restore.NotEmpty as error:
        return _failed(str(error))
    django.setup()
    from mini_sentry.analytics.store import ColumnsError

    try:
        restore.fill_columns(source, progress)
    except ColumnsError as error:
        return _failed(
            f"Everything is restored but the columns ({error}). Start the server, then run `mini-sentry columns rebuild`."
        )
    print(f"{data_dir} is as it was at {manifest.made_at:%Y-%m-%d %H:%M} UTC.")
    return 0


def _elsewhere(names: Sequence[str]) -> str:
    """The first of the variables that is set, or nothing."""
    return next((name for name in names if os.environ.get(name, "").strip()), "")


def _summary(members: "list[Member]") -> str:
    counts = {member.name: member.line_count for member in members}
    return ", ".join(
        f"{counts.get(name, 0):,} {name}" for name in ("projects", "groups", "events", "releases", "people")
    )


def _failed(text: str) -> int:
    print(f"mini-sentry: {text}", file=sys.stderr)
    return 1


def told(error: OSError) -> str:
    """An operating system's error in a sentence."""
    name = error.filename or "A file"
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return "The disk is full: nothing was written."
        case errno.ENOENT:
            return f"{name} is not there."
        case errno.EACCES | errno.EPERM:
            return f"{name} may not be used by this user."
        case _:
            return f"{name}: {error.strerror or error}"
