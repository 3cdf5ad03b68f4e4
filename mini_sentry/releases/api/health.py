"""Release health over HTTP: crash-free sessions and users, adoption and errors of each release, and their course."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from django.urls import URLPattern
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mini_sentry.analytics.sessions import Place, SessionCounts
from mini_sentry.releases.api.questions import DAY, PARAMETERS, Asked, CountErrors, none_counted, read, version_of
from mini_sentry.releases.health import ADOPTION, free_rate, per_hundred, share
from mini_sentry.releases.models import Release
from mini_sentry.rest import params
from mini_sentry.rest.routing import route

MAX_EMPTY: Final = 500
_PERCENT: Final = "Percent, two decimals; null without sessions."
_VERSION = OpenApiParameter("version", str, description="Only this version.")


class HealthSerializer(serializers.Serializer[Any]):
    version = serializers.CharField(allow_null=True, help_text="Null for sessions of no release.")
    environment = serializers.CharField(help_text="Empty for sessions that named none.")
    total_sessions = serializers.IntegerField()
    crashed_sessions = serializers.IntegerField()
    crash_free_rate = serializers.FloatField(allow_null=True, help_text=_PERCENT)
    unhandled_sessions = serializers.IntegerField()
    unhandled_free_rate = serializers.FloatField(allow_null=True, help_text=_PERCENT)
    abnormal_sessions = serializers.IntegerField()
    errored_sessions = serializers.IntegerField(help_text="With errors, but ended well or going on.")
    healthy_sessions = serializers.IntegerField(help_text="The rest.")
    users = serializers.IntegerField(help_text="Distinct; sessions without a user are in none of the users' numbers.")
    crashed_users = serializers.IntegerField()
    crash_free_users_rate = serializers.FloatField(allow_null=True, help_text="Percent; null without users.")
    unhandled_free_users_rate = serializers.FloatField(allow_null=True, help_text="Percent; null without users.")
    adoption = serializers.FloatField(
        allow_null=True, help_text="Percent of the environment's sessions of the last 24 hours; null when it had none."
    )
    adoption_users = serializers.FloatField(
        allow_null=True, help_text="Percent of the environment's users of the last 24 hours, over its releases."
    )
    errors = serializers.IntegerField(  # type: ignore[assignment]  # a field of that name, which its library allows
        help_text="Events of level error or fatal received in that time."
    )
    errors_per_100_sessions = serializers.FloatField(allow_null=True, help_text="Null without sessions.")


class HealthBucketSerializer(serializers.Serializer[Any]):
    bucket = serializers.DateTimeField(help_text="When the interval begins.")
    total = serializers.IntegerField()
    crashed = serializers.IntegerField()
    unhandled = serializers.IntegerField()
    abnormal = serializers.IntegerField()
    errored = serializers.IntegerField()
    users = serializers.IntegerField()
    crashed_users = serializers.IntegerField()
    crash_free_rate = serializers.FloatField(allow_null=True, help_text=_PERCENT)
    unhandled_free_rate = serializers.FloatField(allow_null=True, help_text=_PERCENT)


class HealthView(APIView):
    count_errors: CountErrors = staticmethod(none_counted)

    @extend_schema(
        operation_id="releases_health",
        parameters=[
            *PARAMETERS,
            _VERSION,
            OpenApiParameter("all", bool, description="Also releases without a session in that time."),
        ],
        responses=HealthSerializer(many=True),
        tags=["releases"],
    )
    def get(self, request: Request) -> Response:
        """How the sessions that began in that time ended (all that are kept when no time is said), most sessions first."""
        query = request.query_params
        asked = read(query, now=timezone.now(), default=None)
        version = version_of(query)
        with_empty = params.flag(query, "all", default=False)
        found = asked.counts(version)
        errors = asked.errors(self.count_errors)
        recent = asked.during(asked.end - ADOPTION).counts()
        if with_empty:
            found = {place: SessionCounts() for place in _releases(asked, version)} | found
        shown = [_health(place, counts, recent, errors.get(place, 0)) for place, counts in found.items()]
        shown.sort(key=lambda row: (-row["total_sessions"], row["version"] or "", row["environment"]))
        return Response(shown)


class HealthSeriesView(APIView):
    @extend_schema(
        operation_id="releases_health_series",
        parameters=[
            *PARAMETERS,
            _VERSION,
            OpenApiParameter("interval", str, description="The width of a bucket: `5m`, `1h`; 5 minutes when absent."),
        ],
        responses=HealthBucketSerializer(many=True),
        tags=["releases"],
    )
    def get(self, request: Request) -> Response:
        """The sessions that began in that time (the last 24 hours when not said), by interval, every interval.

        Intervals lie on the clock's whole ones; of the first and the last only the part within the time is counted.
        """
        query = request.query_params
        now = timezone.now()
        asked = read(query, now=now, default=DAY)
        start = asked.start or asked.end - DAY
        width = params.interval(query, params.Span(start, asked.end), default=timedelta(minutes=5))
        return Response(
            [
                {
                    "bucket": bucket.start,
                    "total": bucket.counts.total,
                    "crashed": bucket.counts.crashed,
                    "unhandled": bucket.counts.unhandled,
                    "abnormal": bucket.counts.abnormal,
                    "errored": bucket.counts.errored,
                    "users": bucket.counts.users,
                    "crashed_users": bucket.counts.crashed_users,
                    "crash_free_rate": free_rate(bucket.counts.crashed, bucket.counts.total),
                    "unhandled_free_rate": free_rate(bucket.counts.unhandled, bucket.counts.total),
                }
                for bucket in asked.series(start, width, version_of(query))
            ]
        )


def _health(place: Place, counts: SessionCounts, recent: dict[Place, SessionCounts], errors: int) -> dict[str, Any]:
    version, environment = place
    own = recent.get(place, SessionCounts())
    peers = [other for (_, where), other in recent.items() if where == environment]
    bad = counts.crashed + counts.unhandled + counts.abnormal + counts.errored
    return {
        "version": version or None,
        "environment": environment,
        "total_sessions": counts.total,
        "crashed_sessions": counts.crashed,
        "crash_free_rate": free_rate(counts.crashed, counts.total),
        "unhandled_sessions": counts.unhandled,
        "unhandled_free_rate": free_rate(counts.unhandled, counts.total),
        "abnormal_sessions": counts.abnormal,
        "errored_sessions": counts.errored,
        "healthy_sessions": counts.total - bad,
        "users": counts.users,
        "crashed_users": counts.crashed_users,
        "crash_free_users_rate": free_rate(counts.crashed_users, counts.users),
        "unhandled_free_users_rate": free_rate(counts.unhandled_users, counts.users),
        "adoption": share(own.total, sum(other.total for other in peers)),
        "adoption_users": share(own.users, sum(other.users for other in peers)),
        "errors": errors,
        "errors_per_100_sessions": per_hundred(errors, counts.total),
    }


def _releases(asked: Asked, version: str | None) -> Iterable[Place]:
    """Places of the newest releases that match."""
    releases = Release.objects.filter(project=asked.project_id)
    if asked.environments:
        releases = releases.filter(environment__in=asked.environments)
    if version is not None:
        releases = releases.filter(version=version)
    return releases.order_by("-created_at").values_list("version", "environment")[:MAX_EMPTY]


def urlpatterns(count_errors: CountErrors) -> list[URLPattern]:
    """A function, because what counts errors in the relational store is in a package above this one."""
    return [
        route("api/releases/health/", HealthView.as_view(count_errors=count_errors), name="release-health"),
        route("api/releases/health/series/", HealthSeriesView.as_view(), name="release-health-series"),
    ]
