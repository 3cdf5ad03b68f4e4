"""A database is copied as it is at one moment while another process writes to it."""

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from mini_sentry.moving.copying import copy

WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)
number = 0
while True:
    # Two rows that belong together, in one transaction.
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO one VALUES (?, ?)", (number, "x" * 4000))
    connection.execute("INSERT INTO other VALUES (?)", (number,))
    connection.execute("COMMIT")
    number += 1
    if number == 500:
        print("writing", flush=True)
"""


def test_a_copy_holds_whole_transactions_and_the_writer_is_not_held_up(tmp_path: Path):
    source, target = tmp_path / "source.db", tmp_path / "target.db"
    with closing(sqlite3.connect(source)) as made:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("CREATE TABLE one (number INTEGER PRIMARY KEY, text TEXT)")
        made.execute("CREATE TABLE other (number INTEGER PRIMARY KEY)")
        made.commit()
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(source)], stdout=subprocess.PIPE)
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        heard: list[int] = []
        shown_at = copy(source, target, heard.append)
        assert shown_at <= time.time()
        with closing(sqlite3.connect(source)) as live:
            (now,) = live.execute("SELECT count(*) FROM other").fetchone()
        assert writer.poll() is None
    finally:
        writer.kill()
        writer.communicate()
    with closing(sqlite3.connect(target)) as copied:
        assert copied.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (one,) = copied.execute("SELECT count(*) FROM one").fetchone()
        (other,) = copied.execute("SELECT count(*) FROM other").fetchone()
    assert 500 <= one == other <= now
    assert heard == sorted(heard)
    assert heard
    assert target.stat().st_mode & 0o077 == 0


def test_what_is_not_there_is_not_made(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        copy(tmp_path / "nowhere.db", tmp_path / "target.db")
    assert list(tmp_path.iterdir()) == []
