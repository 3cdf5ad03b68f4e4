"""Every file of the data directory: what a backup holds, and what it leaves because it is made again.

A test looks whether each file of a running server has a place here.
"""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

INGEST: Final = "ingest.db"
MAIN: Final = "main.db"
TOPICS: Final = "topics.db"
COOKIE_KEY: Final = "secret_key"
BODIES: Final = "bodies"
ARTIFACTS: Final = "artifacts"

KEPT: Final = (INGEST, MAIN, TOPICS, COOKIE_KEY, f"{BODIES}/????-??-??.db", f"{ARTIFACTS}/??/*.zst")

LEFT: Final[dict[str, str]] = {
    "*-wal": "a database's write-ahead log: its contents are in the database's copy",
    "*-shm": "the index of a write-ahead log",
    f"{ARTIFACTS}/??/.new-*": "a content that is being written",
    "columns/*": "filled again from the rows and bodies",
    "columns.json": "where the column engine is now",
    ".columns.json.*": "where the column engine will be",
    "columns-schema.lock": "who brings the columns' tables up to date",
    "address": "where the server was started last",
    "tasks.db": "tasks under way; the schedule finds again what is due",
    "tasks.db.takers/*": "who is at work on a task",
    "limits.map": "this minute's counts",
    "run.lock": "who runs here",
    "mapping.lock": "who maps stored events anew",
    "migrated": "the tables' stamp, compared at the start",
    "digest.attempts": "what the digest was at work on",
    "snuba-*": "what the columns' consumers were at work on",
    "snuba.running": "whether the columns' consumers run",
}
"""Pattern to reason."""


def is_kept(name: str) -> bool:
    """`name` is relative to the data directory, with slashes."""
    return any(fnmatchcase(name, pattern) for pattern in KEPT)


def why_left(name: str) -> str | None:
    """Why a backup leaves the file; None when it does not, or when nobody knows the file."""
    return next((reason for pattern, reason in LEFT.items() if fnmatchcase(name, pattern)), None)


def artifacts(data_dir: Path) -> list[str]:
    """The names of the contents that are there now."""
    return sorted(path.relative_to(data_dir).as_posix() for path in (data_dir / ARTIFACTS).glob("??/*.zst"))


def bodies(data_dir: Path) -> list[str]:
    """The names of the days' files that are there now."""
    return sorted(path.relative_to(data_dir).as_posix() for path in (data_dir / BODIES).glob("????-??-??.db"))
