"""How long events are kept: rows and bodies older than that go, counts stay.

Deletion is many small transactions with pauses between them, so that whoever stores events seldom waits for the write
lock and never long. It may be cut off anywhere and run by several at once: each row is counted down exactly once.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from mini_sentry.groups.bodies import Bodies
from mini_sentry.groups.models import Event
from mini_sentry.projects.models import Project

MOST_ROWS: Final = 500
"""Event rows in one transaction."""
SHORTEST_PAUSE_SECONDS: Final = 0.02
PAUSE_RATIO: Final = 2.0
"""A pause is this many times as long as the transaction before it."""


@dataclass(frozen=True, slots=True)
class Retired:
    """`is_complete` is False when `goes_on` ended it; the bodies then wait for the next time."""

    event_count: int
    day_count: int
    is_complete: bool


def retire(
    before: datetime,
    *,
    bodies: Bodies,
    goes_on: Callable[[], bool] = lambda: True,
    pause: Callable[[float], None] = time.sleep,
) -> Retired:
    """Delete the events that the edge received before `before`, and the bodies of the days that ended by then.

    `stored_count` of their groups falls with them; `count` and the scopes stay. `goes_on` is asked before each
    transaction; `pause` is given seconds.
    """
    event_count = 0
    for project_id in Project.objects.order_by("pk").values_list("pk", flat=True):
        while True:
            if not goes_on():
                return Retired(event_count, 0, is_complete=False)
            started_at = time.monotonic()
            ids = list(
                Event.objects.filter(project_id=project_id, received_at__lt=before)
                .order_by("received_at", "pk")
                .values_list("pk", flat=True)[:MOST_ROWS]
            )
            if not ids:
                break
            event_count += delete(ids)
            pause(max(SHORTEST_PAUSE_SECONDS, PAUSE_RATIO * (time.monotonic() - started_at)))
    # Bodies last: a row never outlives its body, and a body without a row harms nobody.
    return Retired(event_count, bodies.retire(before.date()), is_complete=True)


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
