"""What an endpoint answers when a store cannot take anything."""

import errno
import sqlite3
from pathlib import Path

import pytest
from django.db import OperationalError

from mini_sentry.rest.errors import handle


def from_sqlite(path: Path, pragma: str, statement: str) -> OperationalError:
    """The error that Django makes of what SQLite really says."""
    with sqlite3.connect(path, timeout=0) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value BLOB)")
        connection.commit()
        connection.execute(pragma)
        with pytest.raises(sqlite3.OperationalError) as raised:
            connection.execute(statement)
    error = OperationalError(*raised.value.args)
    error.__cause__ = raised.value
    return error


def test_a_full_database_is_a_503_that_says_so(tmp_path: Path) -> None:
    error = from_sqlite(tmp_path / "a.db", "PRAGMA max_page_count=3", "INSERT INTO kept VALUES (zeroblob(1000000))")
    response = handle(error, {})
    assert response is not None
    assert response.status_code == 503
    assert response.data["detail"].startswith("The server's disk is full")
    assert response["Retry-After"] == "30"


def test_a_full_disk_below_a_file_is_the_same() -> None:
    response = handle(OSError(errno.ENOSPC, "No space left on device"), {})
    assert response is not None
    assert response.status_code == 503


def test_a_database_that_another_holds_is_a_503(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "b.db") as holder:
        holder.execute("CREATE TABLE kept (value BLOB)")
        holder.commit()
        holder.execute("BEGIN EXCLUSIVE")
        with sqlite3.connect(tmp_path / "b.db", timeout=0) as other, pytest.raises(sqlite3.OperationalError) as raised:
            other.execute("INSERT INTO kept VALUES (1)")
    error = OperationalError("database is locked")
    error.__cause__ = raised.value
    response = handle(error, {})
    assert response is not None
    assert response.data["detail"].startswith("The database is busy")


def test_our_own_mistakes_stay_mistakes(tmp_path: Path) -> None:
    assert handle(from_sqlite(tmp_path / "c.db", "PRAGMA user_version=1", "SELECT * FROM nothing"), {}) is None
    assert handle(FileNotFoundError(errno.ENOENT, "gone"), {}) is None
