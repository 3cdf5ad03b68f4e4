"""A copy of an SQLite file that others are writing to: as it was at one moment, without holding any of them up."""

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

PAGES_AT_ONCE = 512


def copy(source: Path, target: Path, heard: Callable[[int], None] = lambda byte_count: None) -> float:
    """Copy `source` to the new file `target`, mode 0600; the Unix time just after the moment that the copy shows.

    `heard` is told of the bytes copied so far. What is committed until then is in the copy, what comes later is not. The
    source's write-ahead log cannot begin anew until this ends. Raises FileNotFoundError, OSError, sqlite3.Error.
    """
    if not source.exists():
        raise FileNotFoundError(2, "No such file", str(source))
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    # Not made when it went meanwhile.
    address = f"file:{quote(str(source))}?mode=rw"
    with (
        closing(sqlite3.connect(address, uri=True, isolation_level=None, timeout=20)) as reader,
        closing(sqlite3.connect(target, isolation_level=None)) as writer,
    ):
        # Read inside a transaction of its own, the source stands still; without it each commit of another process would
        # have the copy begin again.
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_master").fetchall()
        shown_at = time.time()
        [(page_bytes,)] = reader.execute("PRAGMA page_size").fetchall()
        writer.execute("PRAGMA synchronous=OFF")
        reader.backup(
            writer,
            pages=PAGES_AT_ONCE,
            progress=lambda _, left, total: heard((total - left) * page_bytes),
        )
        reader.execute("ROLLBACK")
    return shown_at
