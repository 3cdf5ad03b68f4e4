"""Alert rules over HTTP: list, make, look at, change, delete; silence one for a group; those of a group."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mini_sentry.alerts.api import schemas
from mini_sentry.alerts.api.shape import group_rule_object, rule_object, rule_or_404
from mini_sentry.alerts.models import AlertRule, AlertState
from mini_sentry.groups.api import parameters
from mini_sentry.groups.api.shape import group_or_404
from mini_sentry.groups.filters import named_project
from mini_sentry.groups.models import Group
from mini_sentry.rest.errors import Missing
from mini_sentry.rest.routing import route


class RulesView(APIView):
    @extend_schema(
        operation_id="alert_rules_list",
        parameters=[parameters.PROJECT],
        responses=schemas.AlertRuleSerializer(many=True),
        tags=["alerts"],
    )
    def get(self, request: Request) -> Response:
        """All rules, the newest first."""
        project, exists = named_project(request.query_params)
        rules = AlertRule.objects.order_by("-pk") if exists else AlertRule.objects.none()
        if project:
            rules = rules.filter(project=project)
        return Response([rule_object(rule) for rule in rules])

    @extend_schema(
        operation_id="alert_rules_create",
        request=schemas.AlertRuleSerializer,
        responses={201: schemas.AlertRuleSerializer},
        tags=["alerts"],
    )
    def post(self, request: Request) -> Response:
        sent = schemas.AlertRuleSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        fields = sent.validated_data
        rule = AlertRule.objects.create(project_id=fields.pop("project"), **fields)
        return Response(rule_object(rule), status=201)


class RuleView(APIView):
    @extend_schema(operation_id="alert_rules_retrieve", responses=schemas.AlertRuleSerializer, tags=["alerts"])
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        return Response(rule_object(rule_or_404(id)))

    @extend_schema(
        operation_id="alert_rules_update",
        request=schemas.AlertRuleSerializer,
        responses=schemas.AlertRuleSerializer,
        tags=["alerts"],
    )
    def put(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        """Change a rule; project, name and target_value must be there."""
        rule = rule_or_404(id)
        if isinstance(request.data, dict):
            missing = [name for name in schemas.REQUIRED if name not in request.data]
            if missing:
                raise ValidationError({name: ["This field is required."] for name in missing})
        return _changed(rule, request)

    @extend_schema(
        operation_id="alert_rules_partial_update",
        request=schemas.AlertRuleSerializer(partial=True),
        responses=schemas.AlertRuleSerializer,
        tags=["alerts"],
    )
    def patch(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        """Change what is sent."""
        return _changed(rule_or_404(id), request)

    @extend_schema(operation_id="alert_rules_destroy", responses={204: None}, tags=["alerts"])
    def delete(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        """Delete a rule with its targets and what it told."""
        rule_or_404(id).delete()
        return Response(status=204)


def _changed(rule: AlertRule, request: Request) -> Response:
    sent = schemas.AlertRuleSerializer(rule, data=request.data, partial=True)
    sent.is_valid(raise_exception=True)
    fields = sent.validated_data
    fields.pop("project", None)
    if fields:
        # Only these columns: the evaluation may be moving `last_triggered_at`.
        AlertRule.objects.filter(pk=rule.pk).update(**fields)
    return Response(rule_object(rule_or_404(rule.pk)))


class SnoozeView(APIView):
    @extend_schema(
        operation_id="alert_rules_snooze",
        request=schemas.SnoozeSerializer,
        responses=schemas.SnoozedSerializer,
        tags=["alerts"],
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        """Silence a rule for one group, for a while."""
        rule = rule_or_404(id)
        fields = _sent(schemas.SnoozeSerializer, request)
        group = _group_of(rule, fields["group"])
        until = timezone.now() + timedelta(minutes=fields["minutes"])
        AlertState.objects.update_or_create(rule=rule, group=group, defaults={"snoozed_until": until})
        return Response({"ok": True, "suppress_until": until})


class UnsnoozeView(APIView):
    @extend_schema(
        operation_id="alert_rules_unsnooze",
        request=schemas.UnsnoozeSerializer,
        responses=schemas.DoneSerializer,
        tags=["alerts"],
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        """Let a rule speak of a group again."""
        rule = rule_or_404(id)
        group = _group_of(rule, _sent(schemas.UnsnoozeSerializer, request)["group"])
        AlertState.objects.filter(rule=rule, group=group).update(snoozed_until=None)
        return Response({"ok": True})


def _sent(shape: type[schemas.SnoozeSerializer | schemas.UnsnoozeSerializer], request: Request) -> dict[str, Any]:
    data = request.data
    if isinstance(data, dict) and data.get("group") in (None, ""):
        raise ParseError("group required")
    sent = shape(data=data)
    sent.is_valid(raise_exception=True)
    fields: dict[str, Any] = sent.validated_data
    return fields


def _group_of(rule: AlertRule, group_id: int) -> Group:
    group = Group.objects.filter(pk=group_id, project=rule.project_id).first()
    if group is None:
        raise Missing(f"There is no issue {group_id} in the rule's project.")
    return group


class ByGroupView(APIView):
    @extend_schema(
        operation_id="alert_rules_by_group", responses=schemas.GroupRuleSerializer(many=True), tags=["alerts"]
    )
    def get(self, request: Request, group_id: int) -> Response:
        """Every rule of a group's project, and how each stands with the group."""
        group = group_or_404(group_id)
        states = {state.rule_id: state for state in AlertState.objects.filter(group=group)}
        rules = AlertRule.objects.filter(project=group.project_id).order_by("-pk")
        return Response([group_rule_object(rule, states.get(rule.pk)) for rule in rules])


urlpatterns = [
    route("api/alert-rules/", RulesView.as_view(), name="alert-rules"),
    route("api/alert-rules/<id:id>/", RuleView.as_view(), name="alert-rule"),
    route("api/alert-rules/<id:id>/snooze/", SnoozeView.as_view(), name="alert-rule-snooze"),
    route("api/alert-rules/<id:id>/unsnooze/", UnsnoozeView.as_view(), name="alert-rule-unsnooze"),
    route("api/alert-rules/by-group/<id:group_id>/", ByGroupView.as_view(), name="alert-rules-by-group"),
]
