"""How many rows match: exactly, as far as that does not mean to read a table of millions for one number on a page."""

from typing import Any, Final

import msgspec
from django.db import connections
from django.db.models import QuerySet, Sum

from mini_sentry.groups.models import Event, Group

MOST_COUNTED: Final = 100_000
"""PostgreSQL counts rows so far, and estimates what is beyond. SQLite has fewer rows, and cannot estimate."""


def count(rows: QuerySet[Any, Any], *, most: int = MOST_COUNTED) -> int:
    """Exact up to `most`; beyond, an estimate that is larger than that, where the store has one."""
    if connections[rows.db].vendor != "postgresql":
        return rows.count()
    found = _up_to(most, rows)
    return found if found <= most else max(found, _estimated(rows))


def count_events(events: QuerySet[Event], *, groups: QuerySet[Group] | None, most: int = MOST_COUNTED) -> int:
    """As `count`, and exact where `events` are all the events of `groups`: these know how many they have."""
    if groups is None or connections[events.db].vendor != "postgresql":
        return count(events, most=most)
    found = _up_to(most, events)
    return found if found <= most else int(groups.aggregate(stored=Sum("stored_count"))["stored"] or 0)


def _up_to(most: int, rows: QuerySet[Any, Any]) -> int:
    return rows.order_by()[: most + 1].count()


def _estimated(rows: QuerySet[Any, Any]) -> int:
    plan = msgspec.json.decode(rows.order_by().explain(format="json").encode())
    return int(plan[0]["Plan"]["Plan Rows"])
