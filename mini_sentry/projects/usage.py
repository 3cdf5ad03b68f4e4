"""How many items of a project ended which way, by the hour: the writer the digest uses, and what intake shows."""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import TypedDict
from uuid import UUID

from django.db.backends.utils import CursorWrapper
from django.db.models import Sum

from mini_sentry.projects.models import CountedRecord, OutcomeCount
from mini_sentry.projects.statements import chunks, column_time
from mini_sentry.protocol.outcomes import Outcome, Tally

EVENT_CATEGORIES = ("error", "security", "default")
"""The categories whose accepted items are stored events."""

UNATTRIBUTED = 0
"""The project id that items are counted under when no project could be told."""

_HOUR_SECONDS = 3600
_CHUNK = 500


class OutcomeRow(TypedDict):
    outcome: str
    reason: str
    category: str
    quantity: int


def add_tallies(cursor: CursorWrapper, tallies: Iterable[Tally]) -> None:
    """Add tallies to the counts of their hours. Runs in the caller's transaction; it has no key of its own, so the
    caller's position must move in the same one."""
    sums: Counter[tuple[int, int, str, str, str]] = Counter()
    for tally in tallies:
        hour = tally.minute - tally.minute % _HOUR_SECONDS
        sums[tally.project_id, hour, tally.outcome, tally.reason[:64], tally.category[:32]] += tally.quantity
    if not sums:
        return
    # Sorted, so that two writers take the rows in the same order and never wait for each other in a circle.
    cursor.executemany(
        "INSERT INTO projects_outcomecount (project_id, hour, outcome, reason, category, quantity) "
        "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (project_id, hour, outcome, reason, category) DO UPDATE SET "
        "quantity = projects_outcomecount.quantity + excluded.quantity",
        [
            (project_id, column_time(hour), outcome, reason, category, quantity)
            for (project_id, hour, outcome, reason, category), quantity in sorted(sums.items())
        ],
    )


class CountedMeanwhile(Exception):
    """Another digest has counted a copy of one of the records: roll back and look again."""


def counted_already(record_ids: Collection[bytes]) -> set[bytes]:
    """Those of the records (16 bytes each) of which a copy was counted."""
    found: set[bytes] = set()
    for part in chunks([UUID(bytes=record_id) for record_id in record_ids], _CHUNK):
        known = CountedRecord.objects.filter(record_id__in=part).values_list("record_id", flat=True)
        found.update(record_id.bytes for record_id in known)
    return found


def remember_counted(cursor: CursorWrapper, record_ids: Collection[bytes], *, now: float) -> None:
    """Remember the records inside the transaction that counts them. `now` is Unix seconds. Raises CountedMeanwhile."""
    if not record_ids:
        return
    counted_at = column_time(now)
    cursor.executemany(
        "INSERT INTO projects_countedrecord (record_id, counted_at) VALUES (%s, %s) ON CONFLICT (record_id) DO NOTHING",
        [(record_id.hex(), counted_at) for record_id in sorted(record_ids)],
    )
    if cursor.rowcount != len(record_ids):
        raise CountedMeanwhile


def outcomes(project_id: int, *, now: datetime, hours: int = 24) -> list[OutcomeRow]:
    """How the items of the last `hours` hours (the running one included) ended, the largest quantity first."""
    rows = (
        OutcomeCount.objects.filter(project_id=project_id, hour__gte=_first_hour(now, hours))
        .values("outcome", "reason", "category")
        .annotate(total=Sum("quantity"))
        .order_by("-total", "outcome", "reason", "category")
    )
    return [
        OutcomeRow(outcome=row["outcome"], reason=row["reason"], category=row["category"], quantity=row["total"])
        for row in rows
    ]


def accepted_events(project_ids: Collection[int], *, now: datetime, hours: int = 24) -> dict[int, int]:
    """Events stored in the last `hours` hours (the running one included), by project; projects without any are absent."""
    rows = (
        OutcomeCount.objects.filter(
            project_id__in=project_ids,
            hour__gte=_first_hour(now, hours),
            outcome=Outcome.ACCEPTED,
            category__in=EVENT_CATEGORIES,
        )
        .values_list("project_id")
        .annotate(Sum("quantity"))
    )
    return dict(rows)


def _first_hour(now: datetime, hours: int) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours - 1)
