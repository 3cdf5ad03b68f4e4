"""A rule's targets over HTTP. While a rule has any, they take the place of its own target."""

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mini_sentry.alerts.api import schemas
from mini_sentry.alerts.api.shape import rule_or_404, target_object
from mini_sentry.alerts.models import AlertRule, AlertTarget
from mini_sentry.rest.errors import Missing, invalid
from mini_sentry.rest.routing import route

MAX_TARGETS = 50


class TargetsView(APIView):
    @extend_schema(
        operation_id="alert_targets_list", responses=schemas.AlertTargetSerializer(many=True), tags=["alerts"]
    )
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        """The oldest first."""
        rule = rule_or_404(id)
        return Response([target_object(target) for target in AlertTarget.objects.filter(rule=rule).order_by("pk")])

    @extend_schema(
        operation_id="alert_targets_create",
        request=schemas.AlertTargetSerializer,
        responses={201: schemas.AlertTargetSerializer},
        tags=["alerts"],
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        rule = rule_or_404(id)
        sent = schemas.AlertTargetSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        with transaction.atomic():
            if AlertTarget.objects.filter(rule=rule).count() >= MAX_TARGETS:
                raise invalid("target_value", f"A rule has at most {MAX_TARGETS} targets.")
            target = AlertTarget.objects.create(rule=rule, **sent.validated_data)
        return Response(target_object(target), status=201)


class TargetView(APIView):
    @extend_schema(operation_id="alert_targets_retrieve", responses=schemas.AlertTargetSerializer, tags=["alerts"])
    def get(self, request: Request, id: int, target_id: int) -> Response:  # noqa: A002 - the path's name for it
        return Response(target_object(_target_or_404(rule_or_404(id), target_id)))

    @extend_schema(
        operation_id="alert_targets_update",
        request=schemas.AlertTargetSerializer,
        responses=schemas.AlertTargetSerializer,
        tags=["alerts"],
    )
    def put(self, request: Request, id: int, target_id: int) -> Response:  # noqa: A002 - the path's name for it
        return _changed(_target_or_404(rule_or_404(id), target_id), request, partial=False)

    @extend_schema(
        operation_id="alert_targets_partial_update",
        request=schemas.AlertTargetSerializer(partial=True),
        responses=schemas.AlertTargetSerializer,
        tags=["alerts"],
    )
    def patch(self, request: Request, id: int, target_id: int) -> Response:  # noqa: A002 - the path's name for it
        return _changed(_target_or_404(rule_or_404(id), target_id), request, partial=True)

    @extend_schema(operation_id="alert_targets_destroy", responses={204: None}, tags=["alerts"])
    def delete(self, request: Request, id: int, target_id: int) -> Response:  # noqa: A002 - the path's name for it
        _target_or_404(rule_or_404(id), target_id).delete()
        return Response(status=204)


def _changed(target: AlertTarget, request: Request, *, partial: bool) -> Response:
    sent = schemas.AlertTargetSerializer(target, data=request.data, partial=partial)
    sent.is_valid(raise_exception=True)
    for name, value in sent.validated_data.items():
        setattr(target, name, value)
    target.save()
    return Response(target_object(target))


def _target_or_404(rule: AlertRule, target_id: int) -> AlertTarget:
    target = AlertTarget.objects.filter(rule=rule, pk=target_id).first()
    if target is None:
        raise Missing(f"The rule has no target {target_id}.")
    return target


urlpatterns = [
    route("api/alert-rules/<id:id>/targets/", TargetsView.as_view(), name="alert-targets"),
    route("api/alert-rules/<id:id>/targets/<id:target_id>/", TargetView.as_view(), name="alert-target"),
]
