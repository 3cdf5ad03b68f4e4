"""What goes when bodies take more room than they may: those of loud groups first.

The more often a group occurs, the less one more body of it tells. So every group may keep as many bodies as any other,
and that number is as large as the room allows: quiet groups keep all, loud ones their first and their newest. Only when
one body a group is still too much do whole days go, the oldest first. Rows and counts stay as they are; a row whose
body went has `body_id` 0.
"""

import logging
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from mini_sentry.groups.bodies import Bodies
from mini_sentry.groups.models import Event
from mini_sentry.projects.models import Project
from mini_sentry.projects.retention import MOST_ROWS, Sweep

logger = logging.getLogger(__name__)

TARGET: Final = 0.9
"""Thinning goes on down to this part of the limit, so that it is not needed again at once."""
MOST_ROUNDS: Final = 8
"""Bodies that went leave half-empty pages, which are given back only once their neighbours go as well; so it measures again."""


class _Kept(NamedTuple):
    pk: int
    received_at: datetime
    body_id: int


def thin_bodies(sweep: Sweep, *, bodies: Bodies, limit_bytes: int) -> int:
    """Bring the bodies down to `limit_bytes` on disk; 0 means no limit. How many bodies went."""
    gone = 0
    for _ in range(MOST_ROUNDS):
        used_bytes = sum(bodies.sizes().values())
        if not limit_bytes or used_bytes <= limit_bytes or not sweep.goes_on():
            return gone
        counts = dict(Event.objects.filter(body_id__gt=0).values_list("group").annotate(Count("pk")).order_by())
        most = fair_share(counts.values(), room=int(sum(counts.values()) * TARGET * limit_bytes / used_bytes))
        loud = sorted((count, group_id) for group_id, count in counts.items() if count > most)
        if not loud:
            break
        for count, group_id in reversed(loud):
            gone += _thin_group(sweep, bodies, group_id, count=count, most=most)
        _give_back(sweep, bodies)
    return gone + _take_days(sweep, bodies, limit_bytes)


def fair_share(counts: Collection[int], *, room: int) -> int:
    """The largest number, at least 1, of which every group may keep so many and all together at most `room`."""
    low, high = 1, max(counts, default=1)
    while low < high:
        middle = (low + high + 1) // 2
        if sum(min(count, middle) for count in counts) <= room:
            low = middle
        else:
            high = middle - 1
    return low


def _thin_group(sweep: Sweep, bodies: Bodies, group_id: int, *, count: int, most: int) -> int:
    """Take all but the first and the newest `most - 1` bodies of a group; of one body, the newest stays."""
    kept = Event.objects.filter(group_id=group_id, body_id__gt=0).order_by("received_at", "pk")
    last: _Kept | None = None
    if most > 1:
        last = _rows(kept[:1])[0]
    left = count - most

    def take() -> int:
        nonlocal last, left
        behind = kept
        if last is not None:
            at = last.received_at
            behind = kept.filter(Q(received_at__gte=at), Q(received_at__gt=at) | Q(pk__gt=last.pk))
        rows = _rows(behind[: min(left, MOST_ROWS)]) if left else []
        if rows:
            last = rows[-1]
            left -= len(rows)
            _take(bodies, rows)
        return len(rows)

    return sweep.repeat(take)


def _rows(events: QuerySet[Event]) -> list[_Kept]:
    return [_Kept(*row) for row in events.values_list("pk", "received_at", "body_id")]


def _take(bodies: Bodies, rows: list[_Kept]) -> None:
    """Body first: cut off between the two, a row refers to nothing, which is borne, and is found again the next time."""
    by_day: dict[date, list[int]] = {}
    for row in rows:
        by_day.setdefault(row.received_at.astimezone(UTC).date(), []).append(row.body_id)
    for day, ids in by_day.items():
        bodies.remove(day, ids)
    _forget(rows)


def _forget(rows: list[_Kept]) -> int:
    with transaction.atomic():
        Event.objects.filter(pk__in=[row.pk for row in rows]).update(body_id=0)
    return len(rows)


def _give_back(sweep: Sweep, bodies: Bodies) -> None:
    for day in bodies.sizes():
        sweep.repeat(lambda day=day: bodies.shrink(day))  # type: ignore[misc]


def _take_days(sweep: Sweep, bodies: Bodies, limit_bytes: int) -> int:
    """Take the bodies of the oldest days; today's stay, whatever they are."""
    gone = 0
    sizes = bodies.sizes()
    today = sweep.now.astimezone(UTC).date()
    for day in sorted(sizes):
        if sum(sizes.values()) <= limit_bytes or day >= today or not sweep.goes_on():
            break
        start = datetime.combine(day, time(), UTC)
        end = start + timedelta(days=1)
        for project_id in Project.objects.order_by("pk").values_list("pk", flat=True):
            of_day = Event.objects.filter(project_id=project_id, received_at__gte=start, received_at__lt=end)
            kept = of_day.filter(body_id__gt=0).order_by("received_at", "pk")

            gone += sweep.repeat(lambda kept=kept: _forget(_rows(kept[:MOST_ROWS])))  # type: ignore[misc]
        bodies.retire(day + timedelta(days=1))
        del sizes[day]
    if sum(sizes.values()) > limit_bytes:
        logger.warning("The bodies of today's events alone take more than EVENT_STORAGE_LIMIT_MB")
    return gone
