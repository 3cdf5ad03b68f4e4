"""How a project's sessions ended, by release and over time: counted over session rows, and the rates made of counts.

The questions are those of `analytics.sessions` and the answers are the same; every row of the time is read.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, F, Q, QuerySet, Sum

from mini_sentry.analytics.queries import bucket_starts
from mini_sentry.analytics.sessions import Place, SessionBucket, SessionCounts, fill, milliseconds
from mini_sentry.releases.models import Release, Session, SessionStatus

ADOPTION: Final = timedelta(hours=24)
"""Adoption is a release's share of the sessions that began in so long a time."""

_CRASHED = Q(status=SessionStatus.CRASHED)
_UNHANDLED = Q(status=SessionStatus.UNHANDLED)
_ABNORMAL = Q(status=SessionStatus.ABNORMAL)
_HAS_USER = ~Q(user="")
_COUNTS: Final = {
    "total": Sum("quantity"),
    "crashed": Sum("quantity", filter=_CRASHED),
    "unhandled": Sum("quantity", filter=_UNHANDLED),
    "abnormal": Sum("quantity", filter=_ABNORMAL),
    "errored": Sum("quantity", filter=Q(status__lt=SessionStatus.ABNORMAL, errors__gt=0)),
    "users": Count("user", filter=_HAS_USER, distinct=True),
    "crashed_users": Count("user", filter=_HAS_USER & _CRASHED, distinct=True),
    "unhandled_users": Count("user", filter=_HAS_USER & _UNHANDLED, distinct=True),
}


def counts_by_place(
    project_id: int,
    start: datetime | None,
    end: datetime,
    *,
    environments: Sequence[str] = (),
    version: str | None = None,
) -> dict[Place, SessionCounts]:
    """As `analytics.sessions.counts_by_place`."""
    rows = _sessions(project_id, start, end, environments, version)
    found = {
        (row["release"], row["environment"]): _counts(row)
        for row in rows.values("release", "environment").order_by().annotate(**_COUNTS)
    }
    release_ids = {release_id for release_id, _ in found if release_id is not None}
    versions = dict(Release.objects.filter(project=project_id, pk__in=release_ids).values_list("pk", "version"))
    return {(versions.get(release_id, ""), environment): counts for (release_id, environment), counts in found.items()}


def series(
    project_id: int,
    start: datetime,
    end: datetime,
    interval_seconds: int,
    *,
    environments: Sequence[str] = (),
    version: str | None = None,
) -> list[SessionBucket]:
    """As `analytics.sessions.series`."""
    starts = bucket_starts(start, end, interval_seconds)
    rows = (
        _sessions(project_id, start, end, environments, version)
        .annotate(bucket=F("started_at") / (interval_seconds * 1000))
        .values("bucket")
        .order_by()
        .annotate(**_COUNTS)
    )
    return fill(starts, interval_seconds, {row["bucket"]: _counts(row) for row in rows})


def crashes(project_id: int, start: datetime, end: datetime, *, environments: Sequence[str] = ()) -> tuple[int, int]:
    """The sessions that began in the time, and those of them that crashed. Counts no users, which takes most of the time."""
    rows = _sessions(project_id, start, end, environments, None)
    found = rows.aggregate(total=_COUNTS["total"], crashed=_COUNTS["crashed"])
    return found["total"] or 0, found["crashed"] or 0


def are_more(project_id: int, start: datetime | None, end: datetime, *, than: int) -> bool:
    """Whether more sessions than so many began in the time; looks at no more of them than it must."""
    return _sessions(project_id, start, end, (), None).order_by("started_at")[: than + 1].count() > than


def total(counts: Iterable[SessionCounts]) -> SessionCounts:
    """Sums of sessions. Users are not summed, because one may be in several counts: they are 0."""
    sums = [0, 0, 0, 0, 0]
    for one in counts:
        for index, number in enumerate((one.total, one.crashed, one.unhandled, one.abnormal, one.errored)):
            sums[index] += number
    return SessionCounts(*sums)


def share(part: int, whole: int) -> float | None:
    """Percent with two decimals; None of nothing. Not quite all is never 100, and not quite nothing never 0."""
    if whole == 0:
        return None
    if part in (0, whole):
        return 100.0 * part / whole
    return min(max(round(100 * part / whole, 2), 0.01), 99.99)


def free_rate(bad: int, whole: int) -> float | None:
    """Percent of the whole that is not bad, as `share`."""
    return share(whole - bad, whole)


def per_hundred(errors: int, sessions: int) -> float | None:
    return None if sessions == 0 else round(100 * errors / sessions, 2)


def _sessions(
    project_id: int, start: datetime | None, end: datetime, environments: Sequence[str], version: str | None
) -> QuerySet[Session]:
    condition = Q(project=project_id, started_at__lt=milliseconds(end))
    if start is not None:
        condition &= Q(started_at__gte=milliseconds(start))
    if environments:
        condition &= Q(environment__in=environments)
    if version is not None:
        releases = Release.objects.filter(project=project_id, version=version).values_list("pk", flat=True)
        condition &= Q(release__in=list(releases)) if version else Q(release=None)
    return Session.objects.filter(condition)


def _counts(row: Mapping[str, Any]) -> SessionCounts:
    return SessionCounts(**{name: row[name] or 0 for name in _COUNTS})
