"""Events over HTTP: the list, one of them, those of a group, and the newest as the columns have them."""

from datetime import UTC
from typing import Any, Final

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mini_sentry.accounts.person import acting
from mini_sentry.analytics import queries
from mini_sentry.analytics.columns import asking
from mini_sentry.groups.api import event_schemas, parameters, schemas
from mini_sentry.groups.api.counts import required_project
from mini_sentry.groups.api.shape import group_or_404
from mini_sentry.groups.counting import count_events
from mini_sentry.groups.detail import event_detail, event_object, neighbours, stored
from mini_sentry.groups.filters import filtered_events, is_filtered, named_project
from mini_sentry.groups.models import Event, Group
from mini_sentry.projects.models import Project
from mini_sentry.protocol import ids
from mini_sentry.rest import params
from mini_sentry.rest.errors import Missing
from mini_sentry.rest.pagination import cursor_at, cursor_headers, page, read_cursor, rows_behind
from mini_sentry.rest.rendering import to_json
from mini_sentry.rest.routing import route

MAX_LIMIT: Final = 1000
MAX_CURSOR_LIMIT: Final = 100
MAX_OFFSET: Final = 10_000_000


def event_json(project_id: int, event_id: str) -> bytes | None:
    """A stored event as the JSON of its object; None when the project has none of that id (32 hex digits)."""
    event = Event.objects.filter(project=project_id, event_id=event_id).first()
    return None if event is None else to_json(event_object(stored(event)))


class EventsView(APIView):
    @extend_schema(
        operation_id="events_list",
        parameters=[
            *parameters.FILTERS,
            parameters.number("limit", "50 when not said, at most 1,000."),
            parameters.number("offset", "How many to pass over."),
        ],
        responses=event_schemas.EventPageSerializer,
        tags=["events"],
    )
    def get(self, request: Request) -> Response:
        """Events that match, the last received first."""
        query = request.query_params
        events = filtered_events(query, person=acting(request), now=timezone.now())
        limit = params.number(query, "limit", 50, least=1, most=MAX_LIMIT)
        offset = params.number(query, "offset", 0, most=MAX_OFFSET)
        rows = events.order_by("-received_at", "-pk")[offset : offset + limit]
        shown = [event_object(stored(event)) for event in rows]
        return Response(page(request._request, shown, count=_count(events, query), limit=limit, offset=offset))


class EventView(APIView):
    @extend_schema(
        operation_id="events_retrieve",
        parameters=[parameters.filter_of("project", "A slug, where several projects have an event of this id.")],
        responses=event_schemas.EventDetailSerializer,
        tags=["events"],
    )
    def get(self, request: Request, event_id: str) -> Response:
        """One event by its id, with or without hyphens."""
        project, exists = named_project(request.query_params)
        # By the projects' ids, because that is what the index on event ids begins with.
        projects = [project.pk] if project else list(Project.objects.values_list("pk", flat=True)) if exists else []
        event = Event.objects.filter(project__in=projects, event_id=event_id).order_by("-pk").first()
        if event is None:
            raise Missing(f"There is no event {event_id!r}.")
        group = group_or_404(event.group_id)
        return Response(_detail(event, group, Event.objects.filter(group=group)))


class GroupEventsView(APIView):
    @extend_schema(
        operation_id="groups_events_list",
        parameters=[
            *[one for one in parameters.FILTERS if one.name not in ("project", "status")],
            parameters.LIMIT,
            parameters.CURSOR,
            *parameters.PAGE_HEADERS,
        ],
        responses=event_schemas.GroupEventSerializer(many=True),
        tags=["groups"],
    )
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        """The group's events that match, the last received first; always in pages, of 50 when `limit` is not said."""
        group = group_or_404(id)
        query = request.query_params
        events = filtered_events(query, person=acting(request), now=timezone.now(), group=group)
        limit = params.number(query, "limit", 50, least=1, most=MAX_CURSOR_LIMIT)
        total = count_events(events, groups=None if is_filtered(query) else Group.objects.filter(pk=group.pk))
        ordered = events.select_related("release").order_by("-received_at", "-pk")
        if (cursor := read_cursor(query)) is not None:
            ordered = ordered.filter(rows_behind("received_at", cursor.moment, cursor.id))
        rows = list(ordered[: limit + 1])
        last = rows[limit - 1] if len(rows) > limit else None
        following = cursor_at(last.received_at, last.pk) if last else None
        return Response(
            [_row(event) for event in rows[:limit]],
            headers=cursor_headers(request._request, following=following, total=total),
        )


class GroupEventView(APIView):
    @extend_schema(
        operation_id="groups_events_retrieve",
        parameters=[
            parameters.path("event", "`latest`, `first`, or an event id with or without hyphens."),
            *[one for one in parameters.FILTERS if one.name not in ("project", "status")],
        ],
        responses=event_schemas.EventDetailSerializer,
        tags=["groups"],
    )
    def get(self, request: Request, id: int, event: str) -> Response:  # noqa: A002 - the path's name for it
        """One event of the group. `latest` and `first`, and the neighbours of any, are among those that match the filters."""
        group = group_or_404(id)
        matching = filtered_events(request.query_params, person=acting(request), now=timezone.now(), group=group)
        match event:
            case "latest":
                found = matching.order_by("-received_at", "-pk").first()
            case "first":
                found = matching.order_by("received_at", "pk").first()
            case _:
                event_id = ids.normalise(event)
                found = (
                    Event.objects.filter(project=group.project_id, group=group, event_id=event_id).first()
                    if event_id
                    else None
                )
        if found is None:
            raise Missing(f"This issue has no event {event!r} that matches.")
        return Response(_detail(found, group, matching))


class ColumnEventsView(APIView):
    @extend_schema(
        operation_id="events_clickhouse",
        parameters=[
            parameters.required(parameters.PROJECT),
            parameters.number("limit", "100 when not said, at most 1,000."),
        ],
        responses=schemas.ColumnEventSerializer(many=True),
        tags=["events"],
    )
    def get(self, request: Request) -> Response:
        """The project's newest events as the columns have them, newest first."""
        project = required_project(request.query_params)
        limit = params.number(request.query_params, "limit", 100, least=1, most=MAX_LIMIT)
        if project is None:
            return Response([])
        with asking() as store:
            found = queries.latest_events(store, project.pk, limit=limit)
        return Response(
            [
                {
                    "id": event.id,
                    "project": project.slug,
                    "level": event.level,
                    "fingerprint": event.fingerprint,
                    "title": event.title,
                    "message": event.message,
                    "received_at": event.received_at.astimezone(UTC),
                }
                for event in found
            ]
        )


def _count(events: QuerySet[Event], query: QueryDict) -> int:
    if is_filtered(query):
        return count_events(events, groups=None)
    project, exists = named_project(query)
    groups = Group.objects.filter(project=project) if project else Group.objects.all()
    return count_events(events, groups=groups if exists else Group.objects.none())


def _detail(event: Event, group: Group, among: QuerySet[Event]) -> dict[str, Any]:
    return event_detail(stored(event), group=group, neighbours=neighbours(among, event))


def _row(event: Event) -> dict[str, Any]:
    event_id = event.event_id.hex
    tags = stored(event).facts.get("tags", {})
    return {
        "id": event_id,
        "event_id": event_id,
        "message": event.message,
        "level": event.level,
        "timestamp": event.timestamp,
        "received_at": event.received_at,
        "release": event.release.version if event.release else None,
        "environment": event.environment,
        "user": event.user,
        "tags": [{"key": key, "value": value} for key, value in sorted(tags.items())],
    }


urlpatterns = [
    route("api/events/", EventsView.as_view(), name="events"),
    route("api/events/clickhouse/", ColumnEventsView.as_view(), name="events-clickhouse"),
    route("api/events/<event_id:event_id>/", EventView.as_view(), name="event"),
    route("api/groups/<id:id>/events/", GroupEventsView.as_view(), name="group-events"),
    route("api/groups/<id:id>/events/<str:event>/", GroupEventView.as_view(), name="group-event"),
]
