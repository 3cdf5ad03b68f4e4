"""How long events are kept: rows and bodies older than that go, counts stay."""

from collections import Counter
from datetime import timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from mini_sentry.groups.bodies import Bodies
from mini_sentry.groups.models import BodyDictionary, Event
from mini_sentry.projects.models import Project
from mini_sentry.projects.retention import MOST_ROWS, Sweep

DICTIONARY_REST: Final = timedelta(hours=1)
"""A dictionary may be written with for some seconds after there is a newer one; this is more than long enough."""


def retire_events(sweep: Sweep, *, bodies: Bodies) -> int:
    """Delete the events that the edge received before the sweep's time, then the bodies of the days that ended by then.

    `stored_count` of their groups falls with them; `count` and the scopes stay. How many events went.
    """
    total = 0
    for project_id in Project.objects.order_by("pk").values_list("pk", flat=True):
        total += sweep.repeat(lambda project_id=project_id: _retire_some(project_id, sweep))  # type: ignore[misc]
    # Bodies last: a row never outlives its body, and a body without a row harms nobody. Cut off, they wait for the next time.
    if sweep.goes_on():
        bodies.retire(sweep.before.date())
    return total


def _retire_some(project_id: int, sweep: Sweep) -> int:
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
        # In the order in which the digest counts up, so that the two never wait for each other in a circle.
        cursor.executemany(
            "UPDATE groups_group SET stored_count = stored_count - %s WHERE id = %s",
            [(count, group_id) for group_id, count in sorted(gone.items())],
        )
    return gone.total()


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
