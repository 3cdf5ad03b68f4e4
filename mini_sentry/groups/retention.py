"""How long events are kept: rows and bodies older than that go, counts stay."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Exists, OuterRef

from mini_sentry.groups import partitions
from mini_sentry.groups.bodies import Bodies
from mini_sentry.groups.models import BodyDictionary, Event
from mini_sentry.groups.partitions import DayPartitions
from mini_sentry.projects.models import Project
from mini_sentry.projects.retention import MOST_ROWS, Sweep

DICTIONARY_REST: Final = timedelta(hours=1)
"""A dictionary may be written with for some seconds after there is a newer one; this is more than long enough."""
MOST_KEYS: Final = 5_000
"""Ids of events that are forgotten in one transaction: nobody waits for their rows."""


def retire_events(sweep: Sweep, *, bodies: Bodies) -> int:
    """Delete the events that the edge received before the sweep's time, then the bodies of the days that ended by then.

    A store that keeps days apart (`partitions`) lets whole days of events go as well, at most a day late. `stored_count` of
    their groups falls with them; `count` and the scopes stay. How many events went.
    """
    total = 0
    if (days := partitions.event_days()) is not None:
        total = _retire_days(sweep, days)
    else:
        for project_id in Project.objects.order_by("pk").values_list("pk", flat=True):
            total += sweep.repeat(lambda project_id=project_id: retire_some(project_id, sweep))  # type: ignore[misc]
    # Bodies last: a row never outlives its body, and a body without a row harms nobody. Cut off, they wait for the next time.
    if sweep.goes_on():
        bodies.retire(sweep.before.date())
    return total


def _retire_days(sweep: Sweep, days: DayPartitions) -> int:
    """Days that are over leave the table at once. What they held is counted down from the groups, a few at a time, however
    often that is cut off."""
    total = 0

    def count_down_later(cursor: CursorWrapper, table: str) -> None:
        nonlocal total
        cursor.execute(
            "INSERT INTO groups_goneevents AS gone (group_id, count) "  # noqa: S608
            f"SELECT group_id, count(*) FROM {table} GROUP BY group_id "
            "ON CONFLICT (group_id) DO UPDATE SET count = gone.count + excluded.count"
        )
        cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608
        total += cursor.fetchone()[0]

    if sweep.goes_on():
        days.detach(sweep.before.date())
    for table in days.detached():
        if not sweep.goes_on():
            break
        days.drop(table, before=lambda cursor, table=table: count_down_later(cursor, table))  # type: ignore[misc]
    sweep.repeat(_count_down_some)
    _trim_keys(sweep, days)
    return total


def _count_down_some() -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM groups_goneevents WHERE group_id IN "
            "(SELECT group_id FROM groups_goneevents ORDER BY group_id LIMIT %s FOR UPDATE SKIP LOCKED) "
            "RETURNING group_id, count",
            [MOST_ROWS],
        )
        gone = cursor.fetchall()
        _count_down(cursor, gone)
    return len(gone)


def _trim_keys(sweep: Sweep, days: DayPartitions) -> None:
    """Forget the ids of events whose days are gone: such an event, sent once more, would be stored once more."""
    before = min([sweep.before.date(), *days.days()])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'groups_event_key'::regclass ORDER BY 1"
        )
        tables = [table for (table,) in cursor.fetchall()]
    for table in tables:
        sweep.repeat(lambda table=table: _trim_some_keys(table, before))  # type: ignore[misc]


def _trim_some_keys(table: str, before: date) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table} WHERE ctid = ANY(ARRAY("  # noqa: S608
            f"SELECT ctid FROM {table} WHERE received_at < %s LIMIT %s FOR UPDATE SKIP LOCKED))",
            [datetime.combine(before, time(), UTC), MOST_KEYS],
        )
        return int(cursor.rowcount)


def retire_some(project_id: int, sweep: Sweep) -> int:
    """Delete at most MOST_ROWS events of a project that are too old, the oldest first; how many went."""
    old = Event.objects.filter(project_id=project_id, received_at__lt=sweep.before).order_by("received_at", "pk")
    ids = list(old.values_list("pk", flat=True)[:MOST_ROWS])
    if ids:
        delete(ids)
    return len(ids)


def delete(ids: list[int]) -> int:
    """Delete these rows and count their groups down by what this transaction, and no other, deleted."""
    marks = ", ".join(["%s"] * len(ids))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM groups_event WHERE id IN ({marks}) RETURNING group_id", ids)  # noqa: S608
        gone = Counter(group_id for (group_id,) in cursor.fetchall())
        _count_down(cursor, gone.items())
    return gone.total()


def _count_down(cursor: CursorWrapper, gone: Iterable[tuple[int, int]]) -> None:
    # In the order in which the digest counts up, so that the two never wait for each other in a circle.
    cursor.executemany(
        "UPDATE groups_group SET stored_count = stored_count - %s WHERE id = %s",
        [(count, group_id) for group_id, count in sorted(gone)],
    )


def expire_dictionaries(sweep: Sweep, *, bodies: Bodies) -> int:
    """Delete the dictionaries that no body refers to and that nothing is written with any more; how many they were."""
    newer = BodyDictionary.objects.filter(
        project_id=OuterRef("project_id"), pk__gt=OuterRef("pk"), created_at__lt=sweep.now - DICTIONARY_REST
    )
    replaced = set(BodyDictionary.objects.filter(Exists(newer)).values_list("pk", flat=True))
    orphaned = set(
        BodyDictionary.objects.filter(created_at__lt=sweep.now - DICTIONARY_REST)
        .exclude(Exists(Project.objects.filter(pk=OuterRef("project_id"))))
        .values_list("pk", flat=True)
    )
    unused = (replaced | orphaned) - bodies.dictionaries()
    return sweep.delete(BodyDictionary.objects.filter(pk__in=sorted(unused)))
