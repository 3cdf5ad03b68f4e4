"""What is counted over time: a group's trend, series and tags, and the project's series and top groups."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.http import QueryDict
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mini_sentry.analytics import lookups, queries
from mini_sentry.analytics.columns import asking
from mini_sentry.groups import rowcounts
from mini_sentry.groups.api import parameters, schemas
from mini_sentry.groups.api.shape import group_or_404
from mini_sentry.groups.detail import shown_components
from mini_sentry.groups.filters import environments_of, named_project
from mini_sentry.groups.models import Group, GroupHash
from mini_sentry.projects.models import Project
from mini_sentry.rest import params
from mini_sentry.rest.errors import Unavailable
from mini_sentry.rest.params import Span
from mini_sentry.rest.routing import route

TREND_BUCKETS: Final = 24
MAX_GROUPS: Final = 100
LEVELS: Final = ("error", "warning", "info", "fatal", "debug")
BACKENDS: Final = ("ch", "db")
DAY: Final = timedelta(hours=24)
HOUR: Final = timedelta(hours=1)


class ProjectRequired(APIException):
    status_code = 400
    default_detail = "project required"


def required_project(query: QueryDict) -> Project | None:
    """None when there is no such project. Raises the 400 when none is named."""
    project, exists = named_project(query)
    if project is None and exists:
        raise ProjectRequired
    return project


class GroupStatsView(APIView):
    @extend_schema(
        operation_id="groups_stats",
        parameters=[
            parameters.required(parameters.PROJECT),
            parameters.IDS,
            *parameters.TIMES,
            parameters.ENVIRONMENT,
        ],
        responses=schemas.GroupStatsSerializer,
        tags=["groups"],
    )
    def get(self, request: Request) -> Response:
        """Trend, users and events of several groups, by their ids. The time is cut into 24 parts that end with the running one."""
        query = request.query_params
        project = required_project(query)
        ids = params.ids(query, "id", most=MAX_GROUPS)
        asked = params.bounded_span(query, now=timezone.now(), default=DAY)
        if project is None or not ids:
            return Response({})
        seconds = max(1, int((asked.end - asked.start).total_seconds()) // TREND_BUCKETS)
        end = _next_boundary(asked.end, seconds)
        start = end - timedelta(seconds=seconds * TREND_BUCKETS)
        with asking() as store:
            found = queries.group_stats(
                store, project.pk, ids, start, end, seconds, environments=environments_of(query)
            )
        return Response(
            {
                str(group_id): {"trend": stats.trend, "users": stats.users, "count": stats.count}
                for group_id, stats in found.items()
            }
        )


class GroupTagsView(APIView):
    @extend_schema(
        operation_id="groups_tags",
        parameters=[*parameters.TIMES, parameters.ENVIRONMENT],
        responses=schemas.TagSharesSerializer(many=True),
        tags=["groups"],
    )
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        """How the group's events spread over the values of each tag; over all its time unless a time is asked for."""
        group = group_or_404(id)
        asked = params.span(request.query_params, now=timezone.now(), default=None) or _whole(group)
        with asking() as store:
            found = queries.tag_shares(
                store, group.project_id, group.pk, *asked, environments=environments_of(request.query_params)
            )
        return Response(
            [
                {
                    "key": tag.key,
                    "total": tag.total,
                    "value_count": tag.value_count,
                    "values": [{"value": one.value, "count": one.count, "share": one.share} for one in tag.values],
                }
                for tag in found
            ]
        )


class GroupHashesView(APIView):
    @extend_schema(operation_id="groups_hashes", responses=schemas.GroupHashSerializer(many=True), tags=["groups"])
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        """The hashes that lead to the group, the oldest first, and why the first event with each got it."""
        group = group_or_404(id)
        counts = _hash_counts(group)
        rows = GroupHash.objects.filter(group=group).order_by("pk")
        return Response(
            [
                {
                    "hash": row.hash,
                    "variant": row.variant,
                    "count": counts.get(row.hash, 0),
                    "config": row.config,
                    "explanation": _explained(row),
                    "first_seen": row.created_at,
                }
                for row in rows
            ]
        )


class GroupSeriesView(APIView):
    @extend_schema(
        operation_id="groups_series",
        parameters=[*parameters.TIMES, parameters.INTERVAL, parameters.ENVIRONMENT],
        responses=schemas.SeriesBucketSerializer(many=True),
        tags=["groups"],
    )
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        """The group's events by level and time, every bucket of the time asked for (24 hours by the hour when not said)."""
        group = group_or_404(id)
        query = request.query_params
        asked = params.bounded_span(query, now=timezone.now(), default=DAY)
        width = params.interval(query, asked, default=HOUR)
        return Response(_series(group.project_id, asked, width, environments=environments_of(query), group_id=group.pk))


class DashboardSeriesView(APIView):
    @extend_schema(
        operation_id="dashboard_series",
        parameters=[
            parameters.required(parameters.PROJECT),
            *parameters.TIMES,
            parameters.INTERVAL,
            parameters.ENVIRONMENT,
            parameters.choice(
                "backend", BACKENDS, "Which store counts: the columns (`ch`, the default) or the relational one."
            ),
        ],
        responses=schemas.SeriesBucketSerializer(many=True),
        tags=["dashboard"],
    )
    def get(self, request: Request) -> Response:
        """The project's events by level and time, every bucket (the last hour by 5 minutes when not said)."""
        query = request.query_params
        project = required_project(query)
        asked = params.bounded_span(query, now=timezone.now(), default=HOUR)
        width = params.interval(query, asked, default=timedelta(minutes=5))
        backend = params.choice(query, "backend", BACKENDS, "ch")
        if project is None:
            return Response([])
        return Response(_series(project.pk, asked, width, environments=environments_of(query), backend=backend))


class TopGroupsView(APIView):
    @extend_schema(
        operation_id="dashboard_top_groups",
        parameters=[
            parameters.required(parameters.PROJECT),
            *parameters.TIMES,
            parameters.ENVIRONMENT,
            parameters.LIMIT,
            parameters.choice(
                "backend", BACKENDS, "Which store counts: the columns (`ch`, the default) or the relational one."
            ),
        ],
        responses=schemas.TopGroupSerializer(many=True),
        tags=["dashboard"],
    )
    def get(self, request: Request) -> Response:
        """The groups with the most events in the time asked for (24 hours when not said), most first."""
        query = request.query_params
        project = required_project(query)
        asked = params.bounded_span(query, now=timezone.now(), default=DAY)
        limit = params.number(query, "limit", 10, least=1, most=100)
        environments = environments_of(query)
        backend = params.choice(query, "backend", BACKENDS, "ch")
        if project is None:
            return Response([])
        if backend == "db":
            found = rowcounts.top_groups(project.pk, asked, limit=limit, environments=environments)
        else:
            with asking() as store:
                found = queries.top_groups(store, project.pk, *asked, limit=limit, environments=environments)
        return Response(
            [
                {"fingerprint": top.fingerprint, "title": top.title, "count": top.count, "group": top.group_id}
                for top in found
            ]
        )


def _series(
    project_id: int,
    asked: Span,
    width: timedelta,
    *,
    environments: list[str],
    group_id: int | None = None,
    backend: str = "ch",
) -> list[dict[str, Any]]:
    """Buckets lie on the clock's whole intervals; the first one begins after the start, so that none is cut short but the
    running one."""
    seconds = int(width.total_seconds())
    start = _next_boundary(asked.start - timedelta(microseconds=1), seconds)
    if start >= asked.end:
        return []
    if backend == "db":
        found = rowcounts.events_by_level_series(project_id, Span(start, asked.end), seconds, environments=environments)
    else:
        with asking() as store:
            found = queries.events_by_level_series(
                store, project_id, start, asked.end, seconds, environments=environments, group_id=group_id
            )
    return [{"bucket": bucket.start, **{level: bucket.counts.get(level, 0) for level in LEVELS}} for bucket in found]


def _explained(row: GroupHash) -> list[dict[str, Any]]:
    """The part of the explanation that is about this hash, or all of it."""
    shown = shown_components(row.explanation)
    return [part for part in shown if part["hash"] == row.hash] or shown


def _hash_counts(group: Group) -> dict[str, int]:
    """Stored events by the hash that decided; empty when the columns are away, because the hashes are worth showing alone."""
    try:
        with asking() as store:
            return lookups.hash_counts(store, group.project_id, group.pk, since=group.first_seen)
    except Unavailable:
        return {}


def _whole(group: Group) -> Span:
    """All the time in which the group can have events."""
    return Span(group.first_seen - timedelta(seconds=1), max(group.last_seen, timezone.now()) + timedelta(minutes=1))


def _next_boundary(moment: datetime, seconds: int) -> datetime:
    """The next whole interval after `moment`."""
    return datetime.fromtimestamp((int(moment.timestamp()) // seconds + 1) * seconds, UTC)


urlpatterns = [
    route("api/groups/stats/", GroupStatsView.as_view(), name="group-stats"),
    route("api/groups/<id:id>/tags/", GroupTagsView.as_view(), name="group-tags"),
    route("api/groups/<id:id>/hashes/", GroupHashesView.as_view(), name="group-hashes"),
    route("api/groups/<id:id>/series/", GroupSeriesView.as_view(), name="group-series"),
    route("api/dashboard/series/", DashboardSeriesView.as_view(), name="dashboard-series"),
    route("api/dashboard/top-groups/", TopGroupsView.as_view(), name="dashboard-top-groups"),
]
