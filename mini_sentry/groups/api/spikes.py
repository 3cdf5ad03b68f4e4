"""Groups whose rate departs from their own past, over HTTP."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mini_sentry.analytics import queries
from mini_sentry.analytics.columns import asking
from mini_sentry.analytics.store import Store
from mini_sentry.groups.api import parameters
from mini_sentry.groups.api.counts import required_project
from mini_sentry.groups.filters import environments_of
from mini_sentry.groups.models import Group, Level, Status
from mini_sentry.groups.short_ids import short_id
from mini_sentry.groups.spikes import FEWEST, Spike, reasons, spike
from mini_sentry.projects.models import Project
from mini_sentry.rest import params
from mini_sentry.rest.errors import invalid
from mini_sentry.rest.routing import route

HOUR: Final = timedelta(hours=1)
WEEK: Final = timedelta(days=7)
SHORTEST: Final = timedelta(minutes=1)
MOST_INTERVALS: Final = 1000
SHOWN_INTERVALS: Final = 24
MOST_EXPLAINED: Final = 5


class SpikeReasonSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    value = serializers.CharField()
    share = serializers.FloatField(help_text="Of the spike's events that have the tag, 0 to 1.")
    usual_share = serializers.FloatField(help_text="Of the earlier ones.")


class SpikeSerializer(serializers.Serializer[Any]):
    group = serializers.IntegerField()
    short_id = serializers.CharField()
    title = serializers.CharField()
    level = serializers.ChoiceField(choices=Level.values)
    status = serializers.ChoiceField(choices=Status.values)
    count = serializers.IntegerField(help_text="Events in the window.")
    usual = serializers.FloatField(help_text="The mean of such windows before.")
    limit = serializers.FloatField(help_text="What the window had to exceed.")
    factor = serializers.FloatField(allow_null=True, help_text="Times the usual; null without a past.")
    is_new = serializers.BooleanField(help_text="Seen for less than two windows, so that there is no past.")
    since = serializers.DateTimeField(help_text="The begin of the first of the windows in a row above the limit.")
    counts = serializers.ListField(child=serializers.IntegerField(), help_text="At most 24 windows, oldest first.")
    explained_by = SpikeReasonSerializer(many=True, help_text="With `explain=1`, of the first five.")


class SpikesView(APIView):
    @extend_schema(
        operation_id="groups_spikes",
        parameters=[
            parameters.required(parameters.PROJECT),
            parameters.filter_of("window", "What is looked at, up to now: `1h` (the default), `5m`."),
            parameters.filter_of("range", "The past it is held against: `7d` (the default), `24h`."),
            parameters.ENVIRONMENT,
            parameters.choice("explain", ("0", "1"), "Whether to say which tags set the events apart."),
        ],
        responses=SpikeSerializer(many=True),
        tags=["groups"],
    )
    def get(self, request: Request) -> Response:
        """Groups that spike, the most events first: at least 10 in the last hour, and more than both three times the
        group's mean hour and that mean plus four standard deviations, over its hours of the 7 days before."""
        query = request.query_params
        project = required_project(query)
        now = timezone.now()
        window = params.duration(params.text(query, "window", "1h"), "window")
        past = params.duration(params.text(query, "range", "7d"), "range")
        if window < SHORTEST:
            raise invalid("window", "This is shorter than a minute.")
        if past > params.MAX_RANGE or past < window:
            raise invalid("range", f"This must be at least the window, and at most {params.MAX_RANGE.days} days.")
        intervals = int(past / window)
        if intervals > MOST_INTERVALS:
            raise invalid("range", f"This is more than {MOST_INTERVALS} times the window.")
        explain = params.choice(query, "explain", ("0", "1"), "0") == "1"
        if project is None:
            return Response([])
        with asking() as store:
            rates = queries.recent_rates(
                store,
                project.pk,
                now,
                int(window.total_seconds()),
                intervals + 1,
                fewest=FEWEST,
                environments=environments_of(query),
            )
            found = _spikes(rates, now=now, window=window)
            shown = [_shown(project, group, one, rates[group.pk], now=now, window=window) for group, one in found]
            if explain:
                for entry, (group, one) in zip(shown[:MOST_EXPLAINED], found, strict=False):
                    entry["explained_by"] = _reasons(store, group, one, now=now, window=window, past=past)
        return Response(shown)


def _spikes(rates: dict[int, list[int]], *, now: datetime, window: timedelta) -> list[tuple[Group, Spike]]:
    groups = Group.objects.in_bulk(list(rates))
    found = []
    for group_id, counts in rates.items():
        group = groups.get(group_id)
        if group is None:
            continue
        one = spike(counts, past=_past(group, now=now, window=window))
        if one is not None:
            found.append((group, one))
    return sorted(found, key=lambda pair: (-pair[1].event_count, pair[0].pk))


def _past(group: Group, *, now: datetime, window: timedelta) -> int:
    """The whole windows before the newest that the group has lived through."""
    return max(0, int((now - group.first_seen) / window) - 1)


def _shown(
    project: Project, group: Group, one: Spike, counts: list[int], *, now: datetime, window: timedelta
) -> dict[str, Any]:
    return {
        "group": group.pk,
        "short_id": short_id(project.slug, group.number),
        "title": group.title,
        "level": group.level,
        "status": group.status,
        "count": one.event_count,
        "usual": round(one.usual, 2),
        "limit": round(one.limit, 2),
        "factor": None if one.factor is None else round(one.factor, 1),
        "is_new": _past(group, now=now, window=window) == 0,
        "since": now - window * one.lasting,
        "counts": counts[:SHOWN_INTERVALS][::-1],
        "explained_by": [],
    }


def _reasons(
    store: Store, group: Group, one: Spike, *, now: datetime, window: timedelta, past: timedelta
) -> list[dict[str, Any]]:
    since = now - window * one.lasting
    shares = [
        {
            (tag.key, value.value): value.share
            for tag in queries.tag_shares(store, group.project_id, group.pk, start, end)
            for value in tag.values
        }
        for start, end in ((since, now), (since - past, since))
    ]
    return [reason._asdict() for reason in reasons(*shares)]


urlpatterns = [route("api/groups/spikes/", SpikesView.as_view(), name="group-spikes")]
