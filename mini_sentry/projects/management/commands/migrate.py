"""Django's `migrate`, fit for a PostgreSQL that is in use: one process at a time, and nobody is held up for long.

A migration that waits for a table makes everybody who comes after it wait as well. So it waits for LOCK_MILLISECONDS only,
gives way, and tries again: every migration is a transaction of its own, and those before it stay done.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.core.management.commands import migrate
from django.db import OperationalError, connection

LOCK_MILLISECONDS: Final = 1000
PAUSE_SECONDS: Final = 1.0
ATTEMPTS: Final = 120
_LOCK_ID: Final = 0x6D696E69
_GIVES_WAY: Final = frozenset({"55P03", "40P01"})
"""SQLSTATEs: lock not available, deadlock."""


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        if connection.vendor != "postgresql":
            super().handle(*args, **options)
            return
        with _alone():
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    with _patient():
                        super().handle(*args, **options)
                    return
                except OperationalError as error:
                    if getattr(error.__cause__, "sqlstate", "") not in _GIVES_WAY or attempt == ATTEMPTS:
                        raise
                    self.stderr.write(f"Others use the tables ({str(error).strip()}). Trying again …")
                    time.sleep(PAUSE_SECONDS)


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the installation's migration lock, waiting for it as long as it takes; on a connection of its own, so that it
    outlives the transactions of the migrations."""
    import psycopg

    parameters = connection.get_connection_params()
    # Its errors become Django's, like those of every other connection.
    with connection.wrap_database_errors:
        holder = psycopg.connect(**parameters | {"autocommit": True})
    with holder:
        holder.execute("SET statement_timeout = 0")
        holder.execute("SET lock_timeout = 0")
        holder.execute("SELECT pg_advisory_lock(%s)", [_LOCK_ID])
        yield


@contextmanager
def _patient() -> Iterator[None]:
    """A statement may take as long as it needs, but not wait for locks."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SET idle_in_transaction_session_timeout = 0")
        cursor.execute(f"SET lock_timeout = {LOCK_MILLISECONDS}")
    try:
        yield
    finally:
        # The connection goes on to others with what it was opened with.
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("RESET statement_timeout")
                cursor.execute("RESET idle_in_transaction_session_timeout")
                cursor.execute("RESET lock_timeout")
