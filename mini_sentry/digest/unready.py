"""What the relational store refuses although no record is to blame: tables that are not migrated yet, a server that has
become a replica. Such a batch must wait and never become dead letters."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import InternalError, NotSupportedError, ProgrammingError

# By the first two characters of the SQLSTATE: feature not supported, invalid transaction state (read-only), insufficient
# privilege and unknown names.
_CLASSES: Final = frozenset({"0A", "25", "42"})


class StoreUnready(Exception):
    """The relational store cannot take any batch as it is now. Its text is the database's."""


@contextmanager
def told_apart() -> Iterator[None]:
    """Raises StoreUnready for errors that would befall any batch; others pass."""
    try:
        yield
    except (ProgrammingError, InternalError, NotSupportedError) as error:
        # psycopg's own complaints about a value have no SQLSTATE, and SQLite says all this with OperationalError.
        if (getattr(error.__cause__, "sqlstate", None) or "")[:2] in _CLASSES:
            raise StoreUnready(str(error).strip()) from error
        raise
