"""A firing → a notification and its deliveries, at most one a rule and group within its quiet while.

The claim is the row of (rule, group): whoever moves its `quiet_until` on may tell. The row is unique and locked while it
is looked at, so of two workers at once one finds that it has been told.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db.models import Q

from mini_sentry.alerts import occurred
from mini_sentry.alerts.addresses import destination_of, issue_url, project_url
from mini_sentry.alerts.conditions import LEVELS_OF, quiet_minutes
from mini_sentry.alerts.models import AlertRule, AlertState, AlertTarget, Condition, Delivery, Notification
from mini_sentry.alerts.occurred import LastEvent, Scope, Window
from mini_sentry.groups.models import Group
from mini_sentry.groups.short_ids import short_id
from mini_sentry.projects.statements import CLOCKS_APART, chunks

_CHUNK: Final = 500


class Firing(NamedTuple):
    """A rule fires for a group. `at` is the event's time that made it (Unix seconds); the rest is the rule's scope."""

    rule_id: int
    group_id: int
    at: float
    level: str
    environment: str

    @property
    def scope(self) -> Scope:
        return Scope(self.group_id, self.level, self.environment)


class Told(NamedTuple):
    """What to tell: `group_id` is None when it is about a project as a whole."""

    rule: AlertRule
    group_id: int | None
    facts: dict[str, Any]


def notify(fired: Sequence[Firing], *, now: datetime) -> int:
    """Claim, write notifications with a delivery to each target, and return how many. Must run inside a transaction."""
    if not fired:
        return 0
    rules = {
        rule.pk: rule
        for part in chunks(sorted({one.rule_id for one in fired}), _CHUNK)
        for rule in AlertRule.objects.filter(pk__in=part, active=True).select_related("project")
    }
    claimed = _claim([one for one in fired if one.rule_id in rules], rules, now=now)
    facts = _facts(claimed, rules)
    told = [Told(rules[one.rule_id], one.group_id, facts[one]) for one in claimed if one in facts]
    write(told, now=now)
    return len(told)


def write(told: Sequence[Told], *, now: datetime, is_test: bool = False) -> list[Notification]:
    """Notifications and their deliveries, due at once. Must run inside a transaction."""
    if not told:
        return []
    notifications = Notification.objects.bulk_create(
        [
            Notification(rule=one.rule, group_id=one.group_id, facts=one.facts, is_test=is_test, created_at=now)
            for one in told
        ],
        batch_size=_CHUNK,
    )
    targets = _targets({one.rule.pk: one.rule for one in told})
    Delivery.objects.bulk_create(
        [
            Delivery(
                notification=notification,
                target_type=target.target_type,
                target_value=target.target_value,
                subject_template=target.subject_template,
                body_template=target.body_template,
                destination=destination_of(target.target_type, target.target_value),
                # A test is attempted by whoever made it, and by nobody else.
                next_attempt_at=None if is_test else now,
            )
            for notification in notifications
            for target in targets[notification.rule_id]
        ],
        batch_size=_CHUNK,
    )
    if not is_test:
        for part in chunks(sorted({one.rule.pk for one in told}), _CHUNK):
            AlertRule.objects.filter(pk__in=part).update(last_triggered_at=now)
    return notifications


def claim_rule(rule: AlertRule, *, now: datetime) -> bool:
    """The claim of a rule that is about its project as a whole: at most one in its quiet while."""
    before = now - timedelta(minutes=quiet_minutes(rule.notify_interval_minutes, rule.rearm_after_minutes))
    free = Q(last_triggered_at=None) | Q(last_triggered_at__lte=before) | Q(last_triggered_at__gt=now + CLOCKS_APART)
    return AlertRule.objects.filter(free, pk=rule.pk, active=True).update(last_triggered_at=now) == 1


def _claim(fired: Sequence[Firing], rules: dict[int, AlertRule], *, now: datetime) -> list[Firing]:
    by_group: dict[int, dict[int, Firing]] = {}
    for one in fired:
        by_group.setdefault(one.group_id, {}).setdefault(one.rule_id, one)
    claimed: list[Firing] = []
    quiet: dict[int, list[int]] = {}
    for part in chunks(sorted(by_group), _CHUNK):
        pairs = [(rule_id, group_id) for group_id in part for rule_id in sorted(by_group[group_id])]
        AlertState.objects.bulk_create(
            [AlertState(rule_id=rule_id, group_id=group_id) for rule_id, group_id in pairs],
            ignore_conflicts=True,
            batch_size=_CHUNK,
        )
        # Locked in one order, so that two workers never wait for each other in a circle.
        states = (
            AlertState.objects.select_for_update()
            .filter(group__in=part, rule__in=list(rules))
            .order_by("group_id", "rule_id")
            .values_list("pk", "rule_id", "group_id", "notified_at", "quiet_until", "snoozed_until")
        )
        for pk, rule_id, group_id, notified_at, quiet_until, snoozed_until in states:
            firing = by_group[group_id].get(rule_id)
            keeps_quiet = _is_after(quiet_until, now) and not _is_after(notified_at, now + CLOCKS_APART)
            if firing is None or keeps_quiet or _is_after(snoozed_until, now):
                continue
            rule = rules[rule_id]
            minutes = quiet_minutes(rule.notify_interval_minutes, rule.rearm_after_minutes)
            quiet.setdefault(minutes, []).append(pk)
            claimed.append(firing)
    for minutes, ids in quiet.items():
        for ids_part in chunks(ids, _CHUNK):
            AlertState.objects.filter(pk__in=ids_part).update(
                notified_at=now, quiet_until=now + timedelta(minutes=minutes)
            )
    return claimed


def _is_after(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment > now


def _targets(rules: dict[int, AlertRule]) -> dict[int, list[AlertTarget]]:
    """Where each rule's notifications go: its targets, or its own when it has none."""
    found: dict[int, list[AlertTarget]] = {}
    for part in chunks(sorted(rules), _CHUNK):
        for target in AlertTarget.objects.filter(rule__in=part).order_by("pk"):
            found.setdefault(target.rule_id, []).append(target)
    for pk, rule in rules.items():
        if pk not in found:
            own = AlertTarget(rule=rule, target_type=rule.target_type, target_value=rule.target_value)
            found[pk] = [own]
    return found


def _facts(claimed: Sequence[Firing], rules: dict[int, AlertRule]) -> dict[Firing, dict[str, Any]]:
    groups: dict[int, Group] = {}
    for part in chunks(sorted({one.group_id for one in claimed}), _CHUNK):
        groups.update(Group.objects.in_bulk(list(part)))
    windows = {
        one: Window(one.scope, one.at, rules[one.rule_id].threshold_window_minutes * 60.0)
        for one in claimed
        if rules[one.rule_id].condition == Condition.THRESHOLD
    }
    counts = occurred.window_counts(windows.values(), levels_of=LEVELS_OF)
    events = occurred.last_events(((one.scope, one.at) for one in claimed), levels_of=LEVELS_OF)
    return {
        one: group_facts(
            rules[one.rule_id],
            groups[one.group_id],
            events.get((one.scope, one.at)),
            count=counts[windows[one]] if one in windows else groups[one.group_id].count,
        )
        for one in claimed
        if one.group_id in groups
    }


def group_facts(rule: AlertRule, group: Group, event: LastEvent | None, *, count: int) -> dict[str, Any]:
    """What is told of a group: the seven keys first, JSON values all. `count` is that of the window for thresholds, of
    the group for the other conditions."""
    slug = rule.project.slug
    return {
        "project": slug,
        "group_id": group.pk,
        "group_title": group.title,
        "level": event.level if event else group.level,
        "message": event.message if event else group.value or group.title,
        "count": count,
        "received_at": iso(event.received_at if event else group.last_seen),
        "short_id": short_id(slug, group.number),
        "culprit": group.culprit,
        "environment": event.environment if event else "",
        "release": event.release if event else "",
        "event_id": event.event_id if event else None,
        "total_count": group.count,
        "first_seen": iso(group.first_seen),
        "url": issue_url(slug, group.number),
        **rule_facts(rule),
        "reason": reason(rule, count=count),
    }


def rule_facts(rule: AlertRule) -> dict[str, Any]:
    return {"rule_id": rule.pk, "rule_name": rule.name, "condition": rule.condition}


def project_facts(rule: AlertRule, *, rate: float, sessions: int, at: datetime) -> dict[str, Any]:
    """What is told of a project's crash-free rate: the same keys, without a group."""
    window = _minutes(rule.threshold_window_minutes)
    title = f"Crash-free sessions at {rate:.2f} %, below {rule.crash_free_below:g} %"
    return {
        "project": rule.project.slug,
        "group_id": None,
        "group_title": title,
        "level": "",
        "message": f"{sessions} sessions in the last {window}",
        "count": sessions,
        "received_at": iso(at),
        "environment": rule.environment,
        "crash_free_rate": rate,
        "crash_free_below": rule.crash_free_below,
        "url": project_url(rule.project.slug),
        **rule_facts(rule),
        "reason": f"{sessions} sessions in the last {window}",
    }


def sample_facts(rule: AlertRule, *, now: datetime) -> dict[str, Any]:
    """What a test tells: of the project's latest group, or of one made up while there is none."""
    if rule.condition == Condition.CRASH_FREE:
        limit = rule.crash_free_below or 0.0
        return project_facts(rule, rate=max(0.0, limit - 1.0), sessions=rule.threshold_count, at=now)
    group = Group.objects.filter(project=rule.project_id).order_by("-last_seen", "-pk").first()
    if group is None:
        title = "Example: this is what a notification looks like"
        group = Group(
            pk=0, number=0, title=title, value=title, culprit="example in test", first_seen=now, last_seen=now
        )
        return group_facts(rule, group, None, count=rule.threshold_count)
    newest = (Scope(group.pk, "", ""), now.timestamp())
    event = occurred.last_events([newest], levels_of=LEVELS_OF).get(newest)
    return group_facts(rule, group, event, count=rule.threshold_count)


def reason(rule: AlertRule, *, count: int) -> str:
    """Why the rule fired, in a few words."""
    if rule.condition == Condition.NEW_GROUP:
        return "A new issue"
    if rule.condition == Condition.REGRESSION:
        return "A resolved issue came back"
    return f"{count} events within {_minutes(rule.threshold_window_minutes)}"


def iso(moment: datetime) -> str:
    """ISO 8601 of a time that is in UTC, with microseconds and `Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _minutes(minutes: int) -> str:
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
