"""Groups over HTTP: the list, one of them, and what people do to them."""

from datetime import datetime
from typing import Any, Final

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mini_sentry.accounts.person import acting
from mini_sentry.groups.api import parameters, schemas
from mini_sentry.groups.api.shape import group_object, group_objects, group_or_404, stream
from mini_sentry.groups.filters import filtered_groups
from mini_sentry.groups.models import Group
from mini_sentry.groups.short_ids import parse as parse_short_id
from mini_sentry.groups.transitions import Action, change
from mini_sentry.projects.api import project_or_404
from mini_sentry.projects.models import Project
from mini_sentry.rest import params
from mini_sentry.rest.errors import Missing, invalid
from mini_sentry.rest.pagination import cursor_at, cursor_headers, read_cursor, rows_behind
from mini_sentry.rest.routing import route

MAX_LIMIT: Final = 100
DEFAULT_LIMIT: Final = 50
SORTS: Final = ("last_seen", "first_seen", "count")


class GroupsView(APIView):
    @extend_schema(
        operation_id="groups_list",
        parameters=[
            *parameters.FILTERS,
            parameters.choice("sort", SORTS, "Descending; `last_seen` when absent."),
            parameters.LIMIT,
            parameters.CURSOR,
            *parameters.PAGE_HEADERS,
        ],
        responses=schemas.GroupSerializer(many=True),
        tags=["groups"],
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Groups that match, the last seen first. Without `limit` and `cursor` all of them, streamed as they are read."""
        now = timezone.now()
        query = request.query_params
        groups, project = filtered_groups(query, person=acting(request), now=now)
        sort = params.choice(query, "sort", SORTS, "last_seen")
        ordered = groups.order_by(f"-{sort}", "-pk")
        if "limit" not in query and "cursor" not in query:
            ids = list(ordered.values_list("pk", flat=True))
            return StreamingHttpResponse(stream(ids, now=now, project=project), content_type="application/json")
        return _page(request, groups, ordered, sort=sort, project=project, now=now)


def _page(
    request: Request,
    groups: QuerySet[Group],
    ordered: QuerySet[Group],
    *,
    sort: str,
    project: Project | None,
    now: datetime,
) -> Response:
    limit = params.number(request.query_params, "limit", DEFAULT_LIMIT, least=1, most=MAX_LIMIT)
    cursor = read_cursor(request.query_params)
    if cursor is not None:
        value = cursor.value if sort == "count" else cursor.moment
        ordered = ordered.filter(rows_behind(sort, value, cursor.id))
    shown = group_objects(ordered[: limit + 1], now=now, project=project)
    following = cursor_at(shown[limit - 1][sort], shown[limit - 1]["id"]) if len(shown) > limit else None
    headers = cursor_headers(request._request, following=following, total=groups.count())
    return Response(shown[:limit], headers=headers)


class GroupView(APIView):
    @extend_schema(operation_id="groups_retrieve", responses=schemas.GroupSerializer, tags=["groups"])
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        return Response(group_object(id, now=timezone.now()))


class GroupByShortIdView(APIView):
    @extend_schema(operation_id="groups_by_short_id", responses=schemas.GroupSerializer, tags=["groups"])
    def get(self, request: Request, short_id: str) -> Response:
        """The group people call `WEB-1F3`, in either case."""
        parsed = parse_short_id(short_id)
        found = (
            group_objects(Group.objects.filter(project__slug__iexact=parsed[0], number=parsed[1]), now=timezone.now())
            if parsed
            else []
        )
        if not found:
            raise Missing(f"There is no issue {short_id!r}.")
        return Response(found[0])


def _action_view(action: Action, answer: Any, body: Any = None) -> type[APIView]:
    """The endpoint of one action. Doing what is done already is fine and changes nothing."""

    class ActionView(APIView):
        @extend_schema(operation_id=f"groups_{action}", request=body, responses=answer, tags=["groups"])
        def post(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
            group_or_404(id)
            assignee = ""
            if action is Action.ASSIGN:
                sent = schemas.AssignSerializer(data=request.data)
                sent.is_valid(raise_exception=True)
                assignee = sent.validated_data["assignee"]
            now = timezone.now()
            change([id], action, author=acting(request), assignee=assignee, now=now)
            if answer is schemas.OkSerializer:
                return Response({"ok": True})
            return Response(group_object(id, now=now))

    return ActionView


class BulkView(APIView):
    @extend_schema(
        operation_id="groups_bulk",
        parameters=[parameter for parameter in parameters.FILTERS if parameter.name not in ("project", "q")],
        request=schemas.BulkActionSerializer,
        responses=schemas.BulkResultSerializer,
        tags=["groups"],
    )
    def post(self, request: Request) -> Response:
        """One action on many groups of a project: those listed, or all that match. Answers which it changed."""
        sent = schemas.BulkActionSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        fields = sent.validated_data
        project = project_or_404(fields["project"])
        action = Action(fields["action"])
        if action is Action.ASSIGN and "assignee" not in fields:
            raise invalid("assignee", "This field is required.")
        now, person = timezone.now(), acting(request)
        if "ids" in fields:
            groups = Group.objects.filter(project=project, pk__in=fields["ids"])
        elif "q" in fields:
            query = request.query_params.copy()
            query["project"], query["q"] = project.slug, fields["q"]
            groups, _ = filtered_groups(query, person=person, now=now)
        else:
            raise invalid("ids", "Either ids or q is required.")
        ids = list(groups.values_list("pk", flat=True))
        changed = change(ids, action, author=person, assignee=fields.get("assignee", ""), now=now)
        return Response({"changed": changed})


urlpatterns = [
    route("api/groups/", GroupsView.as_view(), name="groups"),
    route("api/groups/bulk/", BulkView.as_view(), name="groups-bulk"),
    route("api/groups/by-short-id/<str:short_id>/", GroupByShortIdView.as_view(), name="group-by-short-id"),
    route("api/groups/<id:id>/", GroupView.as_view(), name="group"),
    *(
        route(
            f"api/groups/<id:id>/{action}/",
            _action_view(action, schemas.GroupSerializer).as_view(),
            name=f"group-{action}",
        )
        for action in (Action.RESOLVE, Action.UNRESOLVE, Action.IGNORE)
    ),
    route(
        "api/groups/<id:id>/assign/",
        _action_view(Action.ASSIGN, schemas.GroupSerializer, schemas.AssignSerializer).as_view(),
        name="group-assign",
    ),
    *(
        route(
            f"api/groups/<id:id>/{action}/",
            _action_view(action, schemas.OkSerializer).as_view(),
            name=f"group-{action}",
        )
        for action in (Action.BOOKMARK, Action.UNBOOKMARK)
    ),
]
