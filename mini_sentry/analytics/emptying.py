"""Whether the columns hold anything, and how they come to hold nothing."""

from mini_sentry.analytics.rows import TYPES
from mini_sentry.analytics.store import Store


def row_count(store: Store) -> int:
    """Rows in all tables, those that will be merged away among them. The tables must be there. Raises ColumnsError."""
    return sum(int(store.query(f"SELECT count() FROM {table} SETTINGS final = 0")[0][0]) for table in TYPES)  # noqa: S608


def empty(store: Store) -> None:
    """Remove every row. Raises ColumnsError."""
    for table in TYPES:
        store.command(f"TRUNCATE TABLE {store.database}.{table}")
