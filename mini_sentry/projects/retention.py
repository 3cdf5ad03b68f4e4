"""How rows leave when their time is up: few at a time, with pauses, so that whoever stores events seldom waits for the
write lock and never long.

What leaves is a list of steps (`config.retention`); each takes a `Sweep`, may be cut off anywhere, goes on the next
time, and bears that two of them run at once.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from mini_sentry.projects.models import CountedRecord, OutcomeCount

MOST_ROWS: Final = 500
"""Rows in one transaction."""
SHORTEST_PAUSE_SECONDS: Final = 0.02
PAUSE_RATIO: Final = 2.0
"""A pause is this many times as long as the transaction before it."""

COPIES_COME: Final = timedelta(days=7)
"""The longest that a record may have lain in an edge's spool."""

FOR_EVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sweep:
    """One run. What is older than `before` goes; FOR_EVER keeps everything.

    `goes_on` is asked before each transaction; `pause` is given seconds.
    """

    now: datetime
    before: datetime
    goes_on: Callable[[], bool] = lambda: True
    pause: Callable[[float], object] = time.sleep

    def repeat(self, take: Callable[[], int]) -> int:
        """Call `take`, one small transaction that says how many rows it took, until it takes none; how many in all."""
        total = 0
        while self.goes_on():
            started_at = time.monotonic()
            taken = take()
            if not taken:
                break
            total += taken
            self.pause(max(SHORTEST_PAUSE_SECONDS, PAUSE_RATIO * (time.monotonic() - started_at)))
        return total

    def delete(self, rows: QuerySet[Any]) -> int:
        """Delete these rows, with what refers to them; how many they were.

        The queryset is asked again for each batch: it must find its first rows by an index, or be small.
        """

        def take() -> int:
            ids = list(rows.values_list("pk", flat=True)[:MOST_ROWS])
            with transaction.atomic():
                rows.model._default_manager.filter(pk__in=ids).delete()
            return len(ids)

        return self.repeat(take)


def sweep_of(days: int, *, now: datetime, goes_on: Callable[[], bool] = lambda: True) -> Sweep:
    """The run at `now` of a retention of so many days; 0 keeps everything."""
    return Sweep(now=now, before=now - timedelta(days=days) if days else FOR_EVER, goes_on=goes_on)


def expire_outcomes(sweep: Sweep) -> int:
    """Delete the counts of outcomes of hours that are over. Rows are made in about the order of their hours."""
    return sweep.delete(OutcomeCount.objects.filter(hour__lt=sweep.before).order_by("pk"))


def forget_counted(sweep: Sweep) -> int:
    """Forget which records were counted once no copy of them can come any more."""
    return sweep.delete(CountedRecord.objects.filter(counted_at__lt=sweep.now - COPIES_COME).order_by("counted_at"))
