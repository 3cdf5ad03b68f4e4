"""Projects over HTTP: list, make, look at one, and what intake saw of it."""

from collections.abc import Sequence
from typing import Any, Final

from django.db.models import Count
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mini_sentry.projects import usage
from mini_sentry.projects.addresses import base_url, project_dsn
from mini_sentry.projects.create import NAME_CHARS, SLUG_CHARS, CannotCreate, create_project
from mini_sentry.projects.models import Project, ProjectKey
from mini_sentry.protocol.outcomes import Outcome
from mini_sentry.rest.errors import Missing, invalid
from mini_sentry.rest.routing import route

MAX_ID: Final = 2**63 - 1
"""The largest row id: what a column can hold."""


class ProjectIdField(serializers.IntegerField):
    """The id of a project that there is."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=MAX_ID, **options)

    def run_validation(self, data: Any = empty) -> Any:
        value = super().run_validation(data)
        if not Project.objects.filter(pk=value).exists():
            raise serializers.ValidationError(f"There is no project {value}.")
        return value


class ProjectSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    slug = serializers.CharField()
    created_at = serializers.DateTimeField()
    ingest_token = serializers.CharField()
    dsn = serializers.CharField(help_text="Of the oldest active key; empty when all are disabled.")
    platform = serializers.CharField(
        help_text="As somebody said, else of most of its groups; empty when nothing tells."
    )
    first_event_at = serializers.DateTimeField(allow_null=True)
    last_event_at = serializers.DateTimeField(allow_null=True)
    open_count = serializers.IntegerField(help_text="Unresolved groups.")
    event_count_24h = serializers.IntegerField(help_text="Events stored in the last 24 hours, by the hour.")


class NewProjectSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=NAME_CHARS)
    slug = serializers.SlugField(max_length=SLUG_CHARS)
    platform = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")


class OutcomeSerializer(serializers.Serializer[Any]):
    outcome = serializers.ChoiceField(choices=[outcome.value for outcome in Outcome])
    reason = serializers.CharField(help_text="Empty for what was accepted.")
    category = serializers.CharField()
    quantity = serializers.IntegerField()


class IntakeSerializer(serializers.Serializer[Any]):
    range = serializers.CharField()
    accepted = serializers.IntegerField(help_text="Events that were stored.")
    outcomes = OutcomeSerializer(many=True)
    unattributed = OutcomeSerializer(many=True, help_text="Refused before a project could be told: a wrong key, say.")


class ProjectsView(APIView):
    @extend_schema(operation_id="projects_list", responses=ProjectSerializer(many=True), tags=["projects"])
    def get(self, request: Request) -> Response:
        """All projects, the newest first."""
        return Response(_shown(Project.objects.order_by("-pk"), request))

    @extend_schema(
        operation_id="projects_create",
        request=NewProjectSerializer,
        responses={201: ProjectSerializer},
        tags=["projects"],
    )
    def post(self, request: Request) -> Response:
        """Make a project with a key and a token."""
        wanted = NewProjectSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        fields = wanted.validated_data
        try:
            project = create_project(fields["name"], fields["slug"], platform=fields["platform"])
        except CannotCreate as refusal:
            raise invalid(refusal.field, str(refusal)) from refusal
        return Response(_shown([project], request)[0], status=201)


class ProjectView(APIView):
    @extend_schema(operation_id="projects_retrieve", responses=ProjectSerializer, tags=["projects"])
    def get(self, request: Request, slug: str) -> Response:
        return Response(_shown([project_or_404(slug)], request)[0])


class IntakeView(APIView):
    @extend_schema(operation_id="projects_intake", responses=IntakeSerializer, tags=["projects"])
    def get(self, request: Request, slug: str) -> Response:
        """What arrived for the project in the last 24 hours and what became of it."""
        project = project_or_404(slug)
        now = timezone.now()
        return Response(
            {
                "range": "24h",
                "accepted": usage.accepted_events([project.pk], now=now).get(project.pk, 0),
                "outcomes": usage.outcomes(project.pk, now=now),
                "unattributed": usage.outcomes(usage.UNATTRIBUTED, now=now),
            }
        )


def project_or_404(slug: str) -> Project:
    project = Project.objects.filter(slug=slug).first()
    if project is None:
        raise Missing(f"There is no project {slug!r}.")
    return project


def _shown(projects: Sequence[Project] | Any, request: Request) -> list[dict[str, Any]]:
    projects = list(projects)
    ids = [project.pk for project in projects]
    keys: dict[int, str] = {}
    for project_id, public_key in (
        ProjectKey.objects.filter(project__in=ids, is_active=True)
        .order_by("pk")
        .values_list("project_id", "public_key")
    ):
        keys.setdefault(project_id, public_key)
    counts = usage.accepted_events(ids, now=timezone.now())
    open_counts = dict(
        Project.objects.filter(pk__in=ids, groups__status="unresolved").values_list("pk").annotate(Count("groups"))
    )
    platforms = _seen_platforms([project.pk for project in projects if not project.platform])
    base = base_url(request._request)
    return [
        {
            "id": project.pk,
            "name": project.name,
            "slug": project.slug,
            "created_at": project.created_at,
            "ingest_token": project.ingest_token,
            "dsn": project_dsn(project.pk, keys[project.pk], base=base) if project.pk in keys else "",
            "platform": project.platform or platforms.get(project.pk, ""),
            "first_event_at": project.first_event_at,
            "last_event_at": project.last_event_at,
            "open_count": open_counts.get(project.pk, 0),
            "event_count_24h": counts.get(project.pk, 0),
        }
        for project in projects
    ]


def _seen_platforms(project_ids: list[int]) -> dict[int, str]:
    """The platform that most groups of a project are of; projects whose groups name none are absent."""
    if not project_ids:
        return {}
    rows = (
        Project.objects.filter(pk__in=project_ids, groups__platform__gt="")
        .values_list("pk", "groups__platform")
        .annotate(total=Count("groups"))
        .order_by("total")
    )
    return {project_id: platform for project_id, platform, _ in rows if platform != "other"}


urlpatterns = [
    route("api/projects/", ProjectsView.as_view(), name="projects"),
    route("api/projects/<slug:slug>/", ProjectView.as_view(), name="project"),
    route("api/projects/<slug:slug>/intake/", IntakeView.as_view(), name="project-intake"),
]
