"""Work that only one process of an installation may do at a time.

The relational store is what all of them share, so it keeps the lock: PostgreSQL for its transaction, and beside a SQLite
file the system does on a file, since everybody is on one machine. Either lets go when the holder dies.
"""

import fcntl
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection, transaction


class Occupied(Exception):
    """Another process has the lock. Try again later."""


@contextmanager
def exclusively(name: str) -> Iterator[None]:
    """Hold the lock `name` while the block runs. Raises Occupied at once when another process, or thread, holds it."""
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            # Of the transaction and not of the session: pools hand sessions on.
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [zlib.crc32(name.encode())])
            if cursor.fetchone() != (True,):
                raise Occupied(name)
            yield
    else:
        with (settings.DATA_DIR / f"{name}.lock").open("ab") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Occupied(name) from None
            yield
