"""What an endpoint answers when a store cannot take anything."""

import errno
import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, OperationalError
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.utils import DatabaseErrorWrapper
from django.test import RequestFactory

from mini_sentry.rest.errors import handle
from mini_sentry.web.failures import failed
from tests.installation import free_port


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


def from_postgres(connection: "psycopg.Connection[Any]", *statements: str) -> DatabaseError:
    """The error that Django makes of what PostgreSQL says to the last statement."""
    *before, last = statements
    for statement in before:
        connection.execute(statement)
    with pytest.raises(DatabaseError) as raised, DatabaseErrorWrapper(DatabaseWrapper({})):
        connection.execute(last)
    return raised.value


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statements", "sentence"),
    [
        (("SET statement_timeout = 20", "SELECT pg_sleep(5)"), "The database took too long"),
        (("SET default_transaction_read_only = on", "CREATE TABLE kept ()"), "The database is busy or away"),
        (("SELECT pg_terminate_backend(pg_backend_pid())",), "The database is busy or away"),
    ],
)
def test_a_database_server_that_cannot_answer_is_a_503(
    postgres: str, statements: tuple[str, ...], sentence: str
) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        response = handle(from_postgres(connection, *statements), {})
    assert response is not None
    assert response.status_code == 503
    assert response.data["detail"].startswith(sentence)
    assert response["Retry-After"] == "30"


@pytest.mark.slow
def test_a_lock_that_another_holds_for_too_long_is_a_503(postgres: str) -> None:
    with psycopg.connect(postgres) as holder, psycopg.connect(postgres, autocommit=True) as connection:
        holder.execute("SELECT pg_advisory_lock(1)")
        response = handle(from_postgres(connection, "SET lock_timeout = 20", "SELECT pg_advisory_lock(1)"), {})
    assert response is not None
    assert response.status_code == 503


@pytest.mark.slow
def test_a_table_that_is_missing_on_a_database_server_is_our_mistake(postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        assert handle(from_postgres(connection, "SELECT * FROM nothing"), {}) is None


@pytest.mark.slow
def test_a_server_that_is_not_there_is_a_503() -> None:
    with pytest.raises(psycopg.OperationalError) as raised:
        psycopg.connect(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing", connect_timeout=2)
    error = OperationalError(*raised.value.args)
    error.__cause__ = raised.value
    response = handle(error, {})
    assert response is not None
    assert response.status_code == 503


@pytest.mark.parametrize(("path", "kind"), [("/admin/", "text/plain"), ("/api/groups/", "application/json")])
def test_what_no_view_answers_is_a_503_as_well_while_a_store_is_away(tmp_path: Path, path: str, kind: str) -> None:
    request = RequestFactory().get(path)
    try:
        raise from_sqlite(tmp_path / "d.db", "PRAGMA query_only=ON", "INSERT INTO kept VALUES (1)")
    except OperationalError:
        response = failed(request)
    assert (response.status_code, response["Retry-After"]) == (503, "30")
    assert response["Content-Type"].startswith(kind)
    try:
        raise ValueError("a mistake")
    except ValueError:
        assert failed(request).status_code == 500
