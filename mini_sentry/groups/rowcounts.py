"""Counting over event rows: the dashboard's questions, answered without the columns. For small ranges and for
comparing the two stores; it reads every row of the range."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Func, IntegerField, Q, QuerySet
from django.db.models.sql.compiler import SQLCompiler

from mini_sentry.analytics.queries import LevelBucket, TopGroup, bucket_starts
from mini_sentry.groups.models import Event, Group, GroupHash, Level
from mini_sentry.releases.models import Release
from mini_sentry.rest.params import Span


class _UnixSeconds(Func):
    """A time as whole Unix seconds."""

    output_field = IntegerField()
    template = "CAST(extract(epoch FROM %(expressions)s) AS bigint)"

    def as_sqlite(self, compiler: SQLCompiler, connection: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        sql, parameters = super().as_sql(
            compiler, connection, template="CAST(strftime('%%%%s', %(expressions)s) AS INTEGER)", **context
        )
        return sql, tuple(parameters)


def events_by_level_series(
    project_id: int, span: Span, interval_seconds: int, *, environments: list[str]
) -> list[LevelBucket]:
    """As `analytics.queries.events_by_level_series`, from the relational store."""
    starts = bucket_starts(span.start, span.end, interval_seconds)
    rows = (
        _events(project_id, span, environments)
        .annotate(bucket=_UnixSeconds(F("received_at")) / interval_seconds)
        .values_list("bucket", "level")
        .annotate(Count("pk"))
    )
    counts: dict[int, dict[str, int]] = {}
    for bucket, level, count in rows:
        counts.setdefault(bucket, {})[level] = count
    return [LevelBucket(start, counts.get(int(start.timestamp()) // interval_seconds, {})) for start in starts]


def top_groups(project_id: int, span: Span, *, limit: int, environments: list[str]) -> list[TopGroup]:
    """As `analytics.queries.top_groups`, from the relational store; titles are the groups' current ones."""
    counts = dict(
        _events(project_id, span, environments)
        .values_list("group")
        .annotate(events=Count("pk"))
        .order_by("-events", "group")[:limit]
    )
    titles = dict(Group.objects.filter(pk__in=counts).values_list("pk", "title"))
    hashes: dict[int, str] = {}
    for group_id, found in GroupHash.objects.filter(group__in=counts).order_by("pk").values_list("group", "hash"):
        hashes.setdefault(group_id, found)
    return [
        TopGroup(group_id=pk, fingerprint=hashes.get(pk, ""), title=titles.get(pk, ""), count=count)
        for pk, count in counts.items()
    ]


def errors_by_place(
    project_id: int, start: datetime | None, end: datetime, environments: Sequence[str]
) -> dict[tuple[str, str], int]:
    """As `analytics.sessions.errors_by_place`, from the relational store."""
    condition = Q(project=project_id, received_at__lt=end, level__in=(Level.ERROR, Level.FATAL))
    if start is not None:
        condition &= Q(received_at__gte=start)
    if environments:
        condition &= Q(environment__in=environments)
    rows = Event.objects.filter(condition).values("release", "environment").order_by().annotate(events=Count("pk"))
    found = {(row["release"], row["environment"]): row["events"] for row in rows}
    ids = {release_id for release_id, _ in found if release_id is not None}
    versions = dict(Release.objects.filter(project=project_id, pk__in=ids).values_list("pk", "version"))
    return {(versions.get(release_id, ""), environment): events for (release_id, environment), events in found.items()}


def _events(project_id: int, span: Span, environments: list[str]) -> QuerySet[Event]:
    condition = Q(project=project_id, received_at__gte=span.start, received_at__lt=span.end)
    if environments:
        condition &= Q(environment__in=environments)
    return Event.objects.filter(condition)
