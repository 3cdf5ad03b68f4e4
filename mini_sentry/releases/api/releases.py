"""Releases and environments over HTTP: list, make one, look at one, say when it went out."""

from collections.abc import Sequence
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mini_sentry.projects.api import ProjectIdField
from mini_sentry.protocol.limits import DEFAULT
from mini_sentry.releases.models import Artifact, Environment, Release
from mini_sentry.rest import params
from mini_sentry.rest.errors import Missing, invalid
from mini_sentry.rest.pagination import cursor_at, cursor_headers, read_cursor, rows_behind
from mini_sentry.rest.routing import route

MAX_LIMIT: Final = 1000

PROJECT = OpenApiParameter("project", str, description="A slug. An unknown one gives an empty list.")


class OneLineField(serializers.CharField):
    """Text of printable characters, as events may carry it."""

    def to_internal_value(self, data: Any) -> str:
        value = str(super().to_internal_value(data))
        if not value.isprintable():
            raise serializers.ValidationError("Ensure this field is one line of printable characters.")
        return value


class ReleaseSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    project = serializers.IntegerField()
    version = serializers.CharField()
    environment = serializers.CharField(help_text="Empty for events that named none.")
    created_at = serializers.DateTimeField()
    date_released = serializers.DateTimeField(allow_null=True)
    artifact_count = serializers.IntegerField(help_text="Files, each name once.")
    dists = serializers.ListField(child=serializers.CharField(), help_text="Builds that files were uploaded for.")


class NewReleaseSerializer(serializers.Serializer[Any]):
    project = ProjectIdField()
    version = OneLineField(max_length=DEFAULT.release_chars)
    environment = OneLineField(
        max_length=DEFAULT.environment_chars, required=False, allow_blank=True, default="production"
    )
    date_released = serializers.DateTimeField(required=False, allow_null=True, default=None)


class ReleaseChangeSerializer(serializers.Serializer[Any]):
    date_released = serializers.DateTimeField(required=False, allow_null=True)


class EnvironmentSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    project = serializers.IntegerField()
    name = serializers.CharField(help_text="Empty for events that named none.")
    created_at = serializers.DateTimeField()


class ReleasesView(APIView):
    @extend_schema(
        operation_id="releases_list",
        parameters=[
            PROJECT,
            OpenApiParameter("version", str, description="Only this version."),
            OpenApiParameter("environment", str, description="Only this environment."),
            OpenApiParameter("limit", int, description="Without it and `cursor` the list is whole; at most 1,000."),
            OpenApiParameter("cursor", str, description="From the `Link` header of the page before."),
        ],
        responses=ReleaseSerializer(many=True),
        tags=["releases"],
    )
    def get(self, request: Request) -> Response:
        """Releases, the newest first."""
        query = request.query_params
        releases = Release.objects.order_by("-created_at", "-pk")
        if slug := params.text(query, "project"):
            releases = releases.filter(project__slug=slug)
        if version := params.text(query, "version"):
            releases = releases.filter(version=version)
        if "environment" in query:
            releases = releases.filter(environment=params.text(query, "environment"))
        if "limit" not in query and "cursor" not in query:
            return Response(release_objects(releases))
        limit = params.number(query, "limit", 100, least=1, most=MAX_LIMIT)
        page = releases
        if (cursor := read_cursor(query)) is not None:
            page = page.filter(rows_behind("created_at", cursor.moment, cursor.id))
        shown = release_objects(page[: limit + 1])
        last = shown[limit - 1] if len(shown) > limit else None
        following = cursor_at(last["created_at"], last["id"]) if last else None
        return Response(
            shown[:limit], headers=cursor_headers(request._request, following=following, total=releases.count())
        )

    @extend_schema(
        operation_id="releases_create",
        request=NewReleaseSerializer,
        responses={201: ReleaseSerializer},
        tags=["releases"],
    )
    def post(self, request: Request) -> Response:
        """Make a release. Those that events and sessions name are there by themselves."""
        sent = NewReleaseSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        fields = sent.validated_data
        try:
            with transaction.atomic():
                release = Release.objects.create(
                    project_id=fields["project"],
                    version=fields["version"],
                    environment=fields["environment"],
                    date_released=fields["date_released"],
                )
                if release.environment:
                    Environment.objects.get_or_create(project_id=release.project_id, name=release.environment)
        except IntegrityError as error:
            raise invalid(
                "non_field_errors", "The fields project, version, environment must make a unique set."
            ) from error
        return Response(release_objects([release])[0], status=201)


class ReleaseView(APIView):
    @extend_schema(operation_id="releases_retrieve", responses=ReleaseSerializer, tags=["releases"])
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        return Response(release_objects([release_or_404(id)])[0])

    @extend_schema(
        operation_id="releases_change", request=ReleaseChangeSerializer, responses=ReleaseSerializer, tags=["releases"]
    )
    def patch(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        """Say when the release went out, or that it has not."""
        release = release_or_404(id)
        sent = ReleaseChangeSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        if "date_released" in sent.validated_data:
            release.date_released = sent.validated_data["date_released"]
            release.save(update_fields=["date_released"])
        return Response(release_objects([release])[0])


class EnvironmentsView(APIView):
    @extend_schema(
        operation_id="environments_list",
        parameters=[PROJECT],
        responses=EnvironmentSerializer(many=True),
        tags=["releases"],
    )
    def get(self, request: Request) -> Response:
        """Environments that events, sessions and releases named, by name."""
        environments = Environment.objects.order_by("name", "pk")
        if slug := params.text(request.query_params, "project"):
            environments = environments.filter(project__slug=slug)
        return Response(
            [
                {"id": one.pk, "project": one.project_id, "name": one.name, "created_at": one.created_at}
                for one in environments
            ]
        )


def release_or_404(release_id: int) -> Release:
    release = Release.objects.filter(pk=release_id).first()
    if release is None:
        raise Missing(f"There is no release {release_id}.")
    return release


def release_objects(releases: QuerySet[Release] | Sequence[Release]) -> list[dict[str, Any]]:
    """The objects of the rows, in their order."""
    rows = list(releases)
    counts: dict[int, int] = {}
    dists: dict[int, list[str]] = {}
    # Whole tables are shown at times, so the ids are not listed.
    artifacts = Artifact.objects.filter(release__isnull=False)
    if len(rows) <= 500:
        artifacts = artifacts.filter(release__in=[release.pk for release in rows])
    for release_id, dist, count in artifacts.values_list("release_id", "dist").annotate(Count("name", distinct=True)):
        assert release_id is not None  # noqa: S101 - filtered above
        counts[release_id] = counts.get(release_id, 0) + count
        if dist:
            dists.setdefault(release_id, []).append(dist)
    return [
        {
            "id": release.pk,
            "project": release.project_id,
            "version": release.version,
            "environment": release.environment,
            "created_at": release.created_at,
            "date_released": release.date_released,
            "artifact_count": counts.get(release.pk, 0),
            "dists": sorted(dists.get(release.pk, [])),
        }
        for release in rows
    ]


urlpatterns = [
    route("api/releases/", ReleasesView.as_view(), name="releases"),
    route("api/releases/<id:id>/", ReleaseView.as_view(), name="release"),
    route("api/environments/", EnvironmentsView.as_view(), name="environments"),
]
