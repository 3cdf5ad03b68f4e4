"""Deployments over HTTP: list, tell of one, finish it."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mini_sentry.projects.api import MAX_ID, ProjectIdField
from mini_sentry.protocol.limits import DEFAULT
from mini_sentry.releases.api.releases import PROJECT, OneLineField
from mini_sentry.releases.models import Deployment, Environment, Release
from mini_sentry.rest import params
from mini_sentry.rest.errors import Missing, invalid
from mini_sentry.rest.routing import route


class DeploymentSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    project = serializers.IntegerField()
    release = serializers.IntegerField()
    environment = serializers.CharField()
    name = serializers.CharField()
    url = serializers.CharField()
    date_started = serializers.DateTimeField()
    date_finished = serializers.DateTimeField(allow_null=True)
    version = serializers.CharField(help_text="The release's.")


class NewDeploymentSerializer(serializers.Serializer[Any]):
    project = ProjectIdField()
    release = serializers.IntegerField(min_value=1, max_value=MAX_ID, help_text="One of the same project.")
    environment = OneLineField(max_length=DEFAULT.environment_chars, required=False, default="production")
    name = OneLineField(max_length=200, required=False, allow_blank=True, default="")
    url = serializers.URLField(max_length=500, required=False, allow_blank=True, default="")
    date_started = serializers.DateTimeField(required=False)
    date_finished = serializers.DateTimeField(required=False, allow_null=True, default=None)

    def validate_url(self, value: str) -> str:
        if value and not value.lower().startswith(("http://", "https://")):
            raise serializers.ValidationError("Enter an address of http or https.")
        return value


class DeploymentChangeSerializer(serializers.Serializer[Any]):
    name = OneLineField(max_length=200, required=False, allow_blank=True)
    url = serializers.URLField(max_length=500, required=False, allow_blank=True)
    date_finished = serializers.DateTimeField(required=False, allow_null=True, help_text="Null: it is under way again.")

    validate_url = NewDeploymentSerializer.validate_url


class FinishSerializer(serializers.Serializer[Any]):
    date_finished = serializers.DateTimeField(required=False, help_text="Now when absent.")


class DeploymentsView(APIView):
    @extend_schema(
        operation_id="deployments_list",
        parameters=[
            PROJECT,
            OpenApiParameter("release", str, description="Only of this version."),
            OpenApiParameter("environment", str, description="Only into this environment."),
        ],
        responses=DeploymentSerializer(many=True),
        tags=["releases"],
    )
    def get(self, request: Request) -> Response:
        """Deployments, the one started last first."""
        query = request.query_params
        deployments = _deployments().order_by("-date_started", "-pk")
        if slug := params.text(query, "project"):
            deployments = deployments.filter(project__slug=slug)
        if version := params.text(query, "release"):
            deployments = deployments.filter(release__version=version)
        if environment := params.text(query, "environment"):
            deployments = deployments.filter(environment=environment)
        return Response([_shown(deployment) for deployment in deployments])

    @extend_schema(
        operation_id="deployments_create",
        request=NewDeploymentSerializer,
        responses={201: DeploymentSerializer},
        tags=["releases"],
    )
    def post(self, request: Request) -> Response:
        """Say that a release was put somewhere."""
        sent = NewDeploymentSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        fields = sent.validated_data
        release = Release.objects.filter(pk=fields["release"]).first()
        if release is None:
            raise invalid("release", f"There is no release {fields['release']}.")
        if release.project_id != fields["project"]:
            raise invalid("release", "This is a release of another project.")
        started = fields.get("date_started") or timezone.now()
        _check_order(started, fields["date_finished"])
        Environment.objects.get_or_create(project_id=release.project_id, name=fields["environment"])
        deployment = Deployment.objects.create(
            project_id=release.project_id,
            release=release,
            environment=fields["environment"],
            name=fields["name"],
            url=fields["url"],
            date_started=started,
            date_finished=fields["date_finished"],
        )
        return Response(_shown(deployment), status=201)


class DeploymentView(APIView):
    @extend_schema(operation_id="deployments_retrieve", responses=DeploymentSerializer, tags=["releases"])
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        return Response(_shown(deployment_or_404(id)))

    @extend_schema(
        operation_id="deployments_change",
        request=DeploymentChangeSerializer,
        responses=DeploymentSerializer,
        tags=["releases"],
    )
    def patch(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        """Change its name or address, or say when it was finished."""
        deployment = deployment_or_404(id)
        sent = DeploymentChangeSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        _check_order(deployment.date_started, sent.validated_data.get("date_finished"))
        for name, value in sent.validated_data.items():
            setattr(deployment, name, value)
        deployment.save(update_fields=[*sent.validated_data])
        return Response(_shown(deployment))


class FinishView(APIView):
    @extend_schema(
        operation_id="deployments_finish", request=FinishSerializer, responses=DeploymentSerializer, tags=["releases"]
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        """Finish it now, or at the time given; what is finished already stays as it is."""
        deployment = deployment_or_404(id)
        sent = FinishSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        finished = sent.validated_data.get("date_finished") or timezone.now()
        _check_order(deployment.date_started, finished)
        Deployment.objects.filter(pk=deployment.pk, date_finished=None).update(date_finished=finished)
        return Response(_shown(deployment_or_404(id)))


def deployment_or_404(deployment_id: int) -> Deployment:
    deployment = _deployments().filter(pk=deployment_id).first()
    if deployment is None:
        raise Missing(f"There is no deployment {deployment_id}.")
    return deployment


def _deployments() -> QuerySet[Deployment]:
    return Deployment.objects.select_related("release")


def _check_order(started: Any, finished: Any) -> None:
    if finished is not None and finished < started:
        raise invalid("date_finished", "This is before the deployment started.")


def _shown(deployment: Deployment) -> dict[str, Any]:
    return {
        "id": deployment.pk,
        "project": deployment.project_id,
        "release": deployment.release_id,
        "environment": deployment.environment,
        "name": deployment.name,
        "url": deployment.url,
        "date_started": deployment.date_started,
        "date_finished": deployment.date_finished,
        "version": deployment.release.version,
    }


urlpatterns = [
    route("api/deployments/", DeploymentsView.as_view(), name="deployments"),
    route("api/deployments/<id:id>/", DeploymentView.as_view(), name="deployment"),
    route("api/deployments/<id:id>/finish/", FinishView.as_view(), name="deployment-finish"),
]
