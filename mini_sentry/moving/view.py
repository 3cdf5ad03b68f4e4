"""One moment of the relational store, for reading while others write; and one transaction, for filling it."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from django.core.management.color import no_style
from django.db import connection, models, transaction

_NO_TIME_OUTS = (
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL lock_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
)


@contextmanager
def one_moment() -> Iterator[None]:
    """What this thread reads through Django meanwhile is the store as it is now. Writers are not held up."""
    with connection.cursor() as cursor:
        # Not `atomic`: on SQLite that takes the write lock.
        if connection.vendor == "postgresql":
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            for statement in _NO_TIME_OUTS:
                cursor.execute(statement)
        else:
            cursor.execute("BEGIN DEFERRED")
        try:
            # A transaction's view begins with its first read.
            cursor.execute("SELECT count(*) FROM django_migrations")
            cursor.fetchall()
            yield
        finally:
            cursor.execute("ROLLBACK")


@contextmanager
def one_filling(tables: Collection[str]) -> Iterator[None]:
    """All that is written meanwhile, or nothing. Others may read the tables, and write them when it is over."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                for statement in _NO_TIME_OUTS:
                    cursor.execute(statement)
                names = ", ".join(connection.ops.quote_name(table) for table in tables)
                cursor.execute(f"LOCK TABLE {names} IN EXCLUSIVE MODE")
        yield


def count_on(filled: Collection[type[models.Model]]) -> None:
    """Have the next ids of these models come after those that were given explicitly."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(filled)):
            cursor.execute(statement)


def settle(tables: Collection[str]) -> None:
    """Tell the planner what the tables hold now. Outside of a transaction."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for table in tables:
                cursor.execute(f"ANALYZE {connection.ops.quote_name(table)}")
        else:
            cursor.execute("PRAGMA optimize")
