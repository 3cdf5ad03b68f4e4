"""What rules told and would have told, over HTTP: notifications with every attempt, a test, and a look back."""

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mini_sentry.alerts import preview
from mini_sentry.alerts.api import schemas
from mini_sentry.alerts.api.shape import notification_objects, rule_or_404
from mini_sentry.alerts.delivery import deliver_now
from mini_sentry.alerts.models import AlertRule, Notification
from mini_sentry.alerts.notifying import Told, sample_facts, write
from mini_sentry.groups.api import parameters
from mini_sentry.groups.filters import named_project
from mini_sentry.rest import params
from mini_sentry.rest.errors import Missing, invalid
from mini_sentry.rest.pagination import cursor_at, cursor_headers, read_cursor
from mini_sentry.rest.routing import route

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 100
WEEK: Final = timedelta(days=7)
LONGEST_PREVIEW: Final = timedelta(days=90)

_GROUP: Final = parameters.filter_of("group", "A group's id.", kind=int)


class NotificationsView(APIView):
    @extend_schema(
        operation_id="alert_notifications_list",
        parameters=[
            parameters.PROJECT,
            _GROUP,
            parameters.LIMIT,
            parameters.CURSOR,
            *parameters.PAGE_HEADERS,
        ],
        responses=schemas.NotificationSerializer(many=True),
        tags=["alerts"],
    )
    def get(self, request: Request) -> Response:
        """What was told, the newest first, with every attempt to deliver it."""
        project, exists = named_project(request.query_params)
        found = Notification.objects.all() if exists else Notification.objects.none()
        if project:
            found = found.filter(rule__project=project)
        return _page(found, request)


class RuleNotificationsView(APIView):
    @extend_schema(
        operation_id="alert_rules_notifications",
        parameters=[_GROUP, parameters.LIMIT, parameters.CURSOR, *parameters.PAGE_HEADERS],
        responses=schemas.NotificationSerializer(many=True),
        tags=["alerts"],
    )
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        """What the rule told, the newest first, with every attempt to deliver it."""
        return _page(Notification.objects.filter(rule=rule_or_404(id)), request)


class NotificationView(APIView):
    @extend_schema(
        operation_id="alert_notifications_retrieve", responses=schemas.NotificationSerializer, tags=["alerts"]
    )
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        found = Notification.objects.filter(pk=id).first()
        if found is None:
            raise Missing(f"There is no notification {id}.")
        return Response(notification_objects([found])[0])


def _page(found: QuerySet[Notification], request: Request) -> Response:
    query = request.query_params
    limit = params.number(query, "limit", DEFAULT_LIMIT, least=1, most=MAX_LIMIT)
    if groups := params.ids(query, "group", most=100):
        found = found.filter(group__in=groups)
    cursor = read_cursor(query)
    rows = found.filter(pk__lt=cursor.id) if cursor else found
    shown = list(rows.order_by("-pk")[: limit + 1])
    following = cursor_at(0, shown[limit - 1].pk) if len(shown) > limit else None
    headers = cursor_headers(request._request, following=following, total=found.count())
    return Response(notification_objects(shown[:limit]), headers=headers)


class TestView(APIView):
    @extend_schema(
        operation_id="alert_rules_test", request=None, responses=schemas.NotificationSerializer, tags=["alerts"]
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        """Send a sample to each of the rule's targets now, once, and tell how that went."""
        rule = rule_or_404(id)
        now = timezone.now()
        with transaction.atomic():
            (notification,) = write([Told(rule, None, sample_facts(rule, now=now))], now=now, is_test=True)
        deliver_now(notification)
        return Response(notification_objects([notification])[0])


class PreviewView(APIView):
    @extend_schema(
        operation_id="alert_rules_preview",
        parameters=parameters.TIMES,
        responses=schemas.PreviewSerializer,
        tags=["alerts"],
    )
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        """When the rule would have notified, over the last week if no time is asked for, by the events that are stored."""
        return _preview(rule_or_404(id), request)


class UnsavedPreviewView(APIView):
    @extend_schema(
        operation_id="alert_rules_preview_unsaved",
        parameters=parameters.TIMES,
        request=schemas.PreviewRuleSerializer,
        responses=schemas.PreviewSerializer,
        tags=["alerts"],
    )
    def post(self, request: Request) -> Response:
        """The same for a rule that is not saved yet."""
        sent = schemas.PreviewRuleSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        fields = sent.validated_data
        return _preview(AlertRule(project_id=fields.pop("project"), **fields), request)


def _preview(rule: AlertRule, request: Request) -> Response:
    asked = params.bounded_span(request.query_params, now=timezone.now(), default=WEEK)
    if asked.end - asked.start > LONGEST_PREVIEW:
        name = "from" if params.text(request.query_params, "from") else "range"
        raise invalid(name, f"This is longer than {LONGEST_PREVIEW.days} days.")
    return Response(preview.preview(rule, asked.start, asked.end))


urlpatterns = [
    route("api/alert-notifications/", NotificationsView.as_view(), name="alert-notifications"),
    route("api/alert-notifications/<id:id>/", NotificationView.as_view(), name="alert-notification"),
    route("api/alert-rules/<id:id>/notifications/", RuleNotificationsView.as_view(), name="alert-rule-notifications"),
    route("api/alert-rules/<id:id>/test/", TestView.as_view(), name="alert-rule-test"),
    route("api/alert-rules/<id:id>/preview/", PreviewView.as_view(), name="alert-rule-preview"),
    route("api/alert-rules/preview/", UnsavedPreviewView.as_view(), name="alert-rules-preview"),
]
