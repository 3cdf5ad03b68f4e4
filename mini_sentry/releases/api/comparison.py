"""Releases beside the ones before them over HTTP: errors per 100 sessions, and whether that is worse."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, Final

from django.db.models import Min
from django.db.models.functions import Coalesce
from django.urls import URLPattern
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mini_sentry.analytics.sessions import Place, SessionCounts
from mini_sentry.releases import comparison
from mini_sentry.releases.api.questions import PARAMETERS, Asked, CountErrors, none_counted, read, version_of
from mini_sentry.releases.health import free_rate, total
from mini_sentry.releases.models import Release
from mini_sentry.rest import params
from mini_sentry.rest.errors import Missing
from mini_sentry.rest.routing import route

MAX_LIMIT: Final = 100


class SideSerializer(serializers.Serializer[Any]):
    version = serializers.CharField()
    sessions = serializers.IntegerField()
    errors = serializers.IntegerField(  # type: ignore[assignment]  # a field of that name, which its library allows
        help_text="Events of level error or fatal received in that time."
    )
    errors_per_100_sessions = serializers.FloatField(allow_null=True, help_text="Null without sessions.")
    low = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval.")
    high = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval.")
    crash_free_rate = serializers.FloatField(allow_null=True, help_text="Percent; null without sessions.")


class ComparisonSerializer(serializers.Serializer[Any]):
    version = serializers.CharField()
    base_version = serializers.CharField(allow_null=True, help_text="Null for the first release.")
    current = SideSerializer()
    base = SideSerializer(allow_null=True)
    ratio = serializers.FloatField(allow_null=True, help_text="Of the rates, half an error added to each count.")
    ratio_low = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval.")
    ratio_high = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval.")
    verdict = serializers.ChoiceField(choices=[verdict.value for verdict in comparison.Verdict])
    rule = serializers.CharField(help_text="How the verdict is reached, in one sentence.")


class ComparisonView(APIView):
    count_errors: CountErrors = staticmethod(none_counted)

    @extend_schema(
        operation_id="releases_comparison",
        parameters=[
            *PARAMETERS,
            OpenApiParameter("version", str, description="Only this version; an unknown one is a 404."),
            OpenApiParameter("base", str, description="What to compare with, instead of the version before."),
            OpenApiParameter("limit", int, description="Versions, the newest; 10 when absent, at most 100."),
        ],
        responses=ComparisonSerializer(many=True),
        tags=["releases"],
    )
    def get(self, request: Request) -> Response:
        """Each version beside the one that came out before it, the newest first, over all environments asked for."""
        query = request.query_params
        asked = read(query, now=timezone.now(), default=None)
        version, base = version_of(query), params.text(query, "base") or None
        limit = params.number(query, "limit", 10, least=1, most=MAX_LIMIT)
        versions = _versions(asked)
        for name in (version, base):
            if name is not None and name not in versions:
                raise Missing(f"There is no release {name!r}.")
        counts, errors = asked.counts(), asked.errors(self.count_errors)
        before = dict(zip_longest(versions, versions[1:]))
        return Response(
            [
                _compared(one, base if base is not None else before[one], counts, errors)
                for one in ([version] if version is not None else versions[:limit])
            ]
        )


def _versions(asked: Asked) -> list[str]:
    """All versions, the one that came out last first; it came out when somebody said so, else when it was first seen."""
    releases = Release.objects.filter(project=asked.project_id)
    if asked.environments:
        releases = releases.filter(environment__in=asked.environments)
    out_at = Min(Coalesce("date_released", "created_at"))
    found = releases.values("version").annotate(out_at=out_at, first=Min("pk")).order_by("-out_at", "-first")
    return [row["version"] for row in found]


def _compared(
    version: str, base: str | None, counts: dict[Place, SessionCounts], errors: dict[Place, int]
) -> dict[str, Any]:
    own = _sums(version, counts, errors)
    other = _sums(base, counts, errors) if base is not None else (SessionCounts(), 0)
    numbers = own[1], own[0].total, other[1], other[0].total
    ratio = comparison.ratio(*numbers)
    return {
        "version": version,
        "base_version": base,
        "current": _side(version, *own),
        "base": _side(base, *other) if base is not None else None,
        "ratio": round(ratio.value, 4) if ratio else None,
        "ratio_low": round(ratio.low, 4) if ratio else None,
        "ratio_high": round(ratio.high, 4) if ratio else None,
        "verdict": comparison.verdict(*numbers).value,
        "rule": comparison.RULE,
    }


def _sums(version: str, counts: dict[Place, SessionCounts], errors: dict[Place, int]) -> tuple[SessionCounts, int]:
    """Over all environments."""
    return (
        total(found for (name, _), found in counts.items() if name == version),
        sum(found for (name, _), found in errors.items() if name == version),
    )


def _side(version: str, counts: SessionCounts, errors: int) -> dict[str, Any]:
    rate = comparison.rate(errors, counts.total)
    values: Sequence[float | None] = (rate.value, rate.low, rate.high) if rate else (None, None, None)
    value, low, high = (round(one, 4) if one is not None else None for one in values)
    return {
        "version": version,
        "sessions": counts.total,
        "errors": errors,
        "errors_per_100_sessions": value,
        "low": low,
        "high": high,
        "crash_free_rate": free_rate(counts.crashed, counts.total),
    }


def urlpatterns(count_errors: CountErrors) -> list[URLPattern]:
    """A function, because what counts errors in the relational store is in a package above this one."""
    return [
        route("api/releases/comparison/", ComparisonView.as_view(count_errors=count_errors), name="release-comparison")
    ]
