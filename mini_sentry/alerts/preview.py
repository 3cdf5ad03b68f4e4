"""When a rule would have notified: the conditions over what is stored, as if the rule had been there all the time.

Snoozes and the status that groups had at the time are not considered.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any, Final, NamedTuple

from django.db.models import Q, Sum

from mini_sentry.alerts import occurred
from mini_sentry.alerts.conditions import LEVELS_OF, firings, quiet_minutes, spaced
from mini_sentry.alerts.crash_free import Sessions, fires
from mini_sentry.alerts.models import AlertRule, Condition
from mini_sentry.groups.models import Activity, Group
from mini_sentry.groups.short_ids import short_id
from mini_sentry.projects.statements import moment
from mini_sentry.releases.models import Session, SessionStatus

MOST_EVENTS: Final = 200_000
MOST_SHOWN: Final = 500
MINUTE: Final = 60


class _Would(NamedTuple):
    """`at` is Unix seconds; `group_id` is 0 for the project as a whole."""

    at: float
    group_id: int


def preview(rule: AlertRule, start: datetime, end: datetime) -> dict[str, Any]:
    """The API's object, for `start <= time < end`. The rule need not be saved, but for its project."""
    quiet_seconds = quiet_minutes(rule.notify_interval_minutes, rule.rearm_after_minutes) * 60.0
    looked_from = start
    match rule.condition:
        case Condition.THRESHOLD:
            would, looked_from = _threshold(rule, start, end, quiet_seconds=quiet_seconds)
        case Condition.NEW_GROUP:
            would = _new_groups(rule, start, end)
        case Condition.REGRESSION:
            would = _regressions(rule, start, end, quiet_seconds=quiet_seconds)
        case _:
            would = _crash_free(rule, start, end, quiet_seconds=quiet_seconds)
    newest_first = sorted(would, reverse=True)
    groups = Group.objects.in_bulk({one.group_id for one in newest_first[:MOST_SHOWN] if one.group_id})
    return {
        "start": looked_from,
        "end": end,
        "is_complete": looked_from == start,
        "count": len(newest_first),
        "groups": len({one.group_id for one in newest_first if one.group_id}),
        "firings": [_shown(rule, one, groups) for one in newest_first[:MOST_SHOWN]],
    }


def _shown(rule: AlertRule, one: _Would, groups: Mapping[int, Group]) -> dict[str, Any]:
    group = groups.get(one.group_id)
    return {
        "at": moment(one.at),
        "group": one.group_id or None,
        "short_id": short_id(rule.project.slug, group.number) if group else "",
        "title": group.title if group else "",
    }


def _threshold(
    rule: AlertRule, start: datetime, end: datetime, *, quiet_seconds: float
) -> tuple[list[_Would], datetime]:
    window = timedelta(minutes=rule.threshold_window_minutes)
    times, is_whole = occurred.times_by_group(
        rule.project_id,
        (start - window).timestamp(),
        end.timestamp(),
        level=rule.level,
        environment=rule.environment,
        most=MOST_EVENTS,
        levels_of=LEVELS_OF,
    )
    if not is_whole:
        # Windows that began before the oldest event that was read cannot be judged.
        start = moment(min(group_times[0] for group_times in times.values())) + window
    return [
        _Would(at, group_id)
        for group_id, group_times in times.items()
        for at in firings(
            group_times,
            count=rule.threshold_count,
            window_seconds=window.total_seconds(),
            quiet_seconds=quiet_seconds,
        )
        if at >= start.timestamp()
    ], start


def _of_rule(rule: AlertRule, prefix: str = "") -> Q:
    condition = Q(**{f"{prefix}project": rule.project_id})
    if levels := LEVELS_OF[rule.level]:
        condition &= Q(**{f"{prefix}level__in": levels})
    if rule.environment:
        condition &= Q(**{f"{prefix}scopes__environment": rule.environment})
    return condition


def _new_groups(rule: AlertRule, start: datetime, end: datetime) -> list[_Would]:
    groups = Group.objects.filter(_of_rule(rule), first_seen__gte=start, first_seen__lt=end).distinct()
    return [_Would(first_seen.timestamp(), pk) for pk, first_seen in groups.values_list("pk", "first_seen")]


def _regressions(rule: AlertRule, start: datetime, end: datetime, *, quiet_seconds: float) -> list[_Would]:
    found = Activity.objects.filter(
        _of_rule(rule, "group__"), kind=Activity.Kind.REGRESSED, created_at__gte=start, created_at__lt=end
    ).distinct()
    times: dict[int, list[float]] = {}
    for group_id, at in sorted(found.values_list("group_id", "created_at")):
        times.setdefault(group_id, []).append(at.timestamp())
    return [
        _Would(at, group_id) for group_id, group_times in times.items() for at in spaced(group_times, quiet_seconds)
    ]


def _crash_free(rule: AlertRule, start: datetime, end: datetime, *, quiet_seconds: float) -> list[_Would]:
    """Looked at each whole minute, as the schedule does."""
    if rule.crash_free_below is None:
        return []
    window = rule.threshold_window_minutes
    first = int(start.timestamp()) // MINUTE - window
    count = int(end.timestamp()) // MINUTE - first
    totals, crashed = [0] * count, [0] * count
    for minute, total, of_them in _sessions(rule, first, first + count):
        totals[minute - first] += total
        crashed[minute - first] += of_them
    below = (
        float((first + index) * MINUTE)
        for index, (total, of_them) in enumerate(zip(_sliding(totals, window), _sliding(crashed, window), strict=True))
        if index >= window and fires(rule, Sessions(total, of_them))
    )
    return [_Would(at, 0) for at in spaced(below, quiet_seconds)]


def _sessions(rule: AlertRule, first: int, end: int) -> Iterable[tuple[int, int, int]]:
    """(minute since 1970, sessions that started in it, those of them that crashed)."""
    rows = Session.objects.filter(
        project=rule.project_id, started_at__gte=first * MINUTE * 1000, started_at__lt=end * MINUTE * 1000
    )
    if rule.environment:
        rows = rows.filter(environment=rule.environment)
    by_start = rows.values_list("started_at").annotate(
        total=Sum("quantity"), crashed=Sum("quantity", filter=Q(status=SessionStatus.CRASHED))
    )
    for started_at, total, crashed in by_start.iterator():
        yield started_at // (MINUTE * 1000), total, crashed or 0


def _sliding(counts: Sequence[int], width: int) -> list[int]:
    """At each index, the sum of the `width` counts before it."""
    sums = [0, *accumulate(counts)]
    return [sums[index] - sums[max(0, index - width)] for index in range(len(counts))]
