"""Which rules fire for what a batch changed, with the real store."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mini_sentry.alerts import evaluation
from mini_sentry.alerts.evaluation import evaluate_pending
from mini_sentry.alerts.models import AlertRule, AlertState, AlertTarget, AlertTrigger, Delivery, Notification
from mini_sentry.groups.models import Group, Status
from mini_sentry.groups.occurrences import Kind
from mini_sentry.projects.models import Project
from tests.alerts.rules import make_rule, no_rest, occur, occur_all
from tests.factories import NOON, make_group, make_project

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def group(shop: Project) -> Group:
    return make_group(shop, "ValueError: broken", count=0, stored_count=0)


def fired(rule: AlertRule, *, now: datetime = NOON) -> list[Notification]:
    """Evaluate, and give what the rule has told so far."""
    evaluate_pending(clock=lambda: now, pause=no_rest)
    assert not AlertTrigger.objects.exists()
    return list(Notification.objects.filter(rule=rule).order_by("pk"))


def test_a_rule_fires_when_the_events_within_the_window_reach_the_count(shop: Project, group: Group) -> None:
    rule = make_rule(shop, threshold_count=3, threshold_window_minutes=1)
    occur(group, at=[0, 20])
    assert fired(rule) == []
    occur(group, at=[59])
    (notification,) = fired(rule)
    assert notification.group == group
    assert notification.facts["count"] == 3


@pytest.mark.parametrize("part", [0.12345623, 0.12345678, 0.99999987])
def test_times_finer_than_the_store_keeps_lose_nothing(shop: Project, group: Group, part: float) -> None:
    rule = make_rule(shop, threshold_count=2)
    occur(group, at=[0])
    occur(group, at=[part])
    assert len(fired(rule)) == 1


def test_an_event_that_is_a_window_old_no_longer_counts(shop: Project, group: Group) -> None:
    rule = make_rule(shop, threshold_count=2, threshold_window_minutes=1)
    occur(group, at=[0])
    occur(group, at=[60])
    assert fired(rule) == []
    occur(group, at=[119.999])
    assert len(fired(rule)) == 1


def test_a_burst_is_heard_of_even_when_the_evaluation_comes_late(shop: Project, group: Group) -> None:
    rule = make_rule(shop, threshold_count=3, threshold_window_minutes=1)
    occur(group, at=[0, 1, 2])
    occur(group, at=[3000])
    (notification,) = fired(rule, now=NOON + timedelta(hours=2))
    assert notification.facts["received_at"] == "2026-03-14T12:00:02.000000Z"


def test_a_burst_in_the_middle_of_a_long_batch_is_heard_of(shop: Project, group: Group) -> None:
    rule = make_rule(shop, threshold_count=3, threshold_window_minutes=1)
    occur(group, at=[0, 1, 2, 3000])
    assert len(fired(rule)) == 1


def test_a_threshold_beyond_the_list_is_exact_too(shop: Project, group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "LISTED_COUNT", 2)
    reached = make_rule(shop, threshold_count=5, threshold_window_minutes=1)
    missed = make_rule(shop, threshold_count=6, threshold_window_minutes=1)
    narrow = make_rule(shop, threshold_count=4, threshold_window_minutes=1)
    occur(group, at=[0, 100, 110, 120, 130, 140])
    assert [len(fired(rule)) for rule in (reached, missed, narrow)] == [1, 0, 1]


def test_other_levels_environments_and_groups_do_not_count(shop: Project, group: Group) -> None:
    errors = make_rule(shop, level="error", threshold_count=3)
    staging = make_rule(shop, environment="staging", threshold_count=2)
    occur(group, at=[0, 1], level="warning")
    occur(group, at=[2], level="fatal")
    occur(group, at=[3], level="error", environment="staging")
    occur(make_group(shop, "Other: b", count=0), at=[4, 5])
    assert fired(errors) == fired(staging) == []
    occur(group, at=[6], level="error", environment="staging")
    assert len(fired(errors)) == len(fired(staging)) == 1


def test_rules_of_other_projects_and_inactive_rules_hear_nothing(shop: Project, group: Group) -> None:
    foreign = make_rule(make_project("Elsewhere"), threshold_count=1)
    off = make_rule(shop, threshold_count=1, active=False)
    assert not occur(group, at=[0, 1])
    assert fired(foreign) == fired(off) == []


def test_a_group_that_cannot_have_reached_any_count_leaves_no_trigger(shop: Project, group: Group) -> None:
    make_rule(shop, threshold_count=3)
    assert not occur(group, at=[0, 1])
    assert occur(group, at=[2])


def test_a_rule_tells_of_a_group_once_in_its_interval(shop: Project, group: Group) -> None:
    rule = make_rule(shop, threshold_count=1, notify_interval_minutes=60)
    other = make_group(shop, "Other: b", count=0)
    for second in range(3):
        occur_all([(group, [second]), (other, [second])])
        fired(rule, now=NOON + second * SECOND)
    assert Notification.objects.filter(group=group).count() == Notification.objects.filter(group=other).count() == 1
    occur(group, at=[10])
    assert len(fired(rule, now=NOON + 59 * MINUTE)) == 2
    occur(group, at=[11])
    assert len(fired(rule, now=NOON + 60 * MINUTE)) == 3


def test_an_interval_does_not_grow_with_a_clock_that_was_set_back(shop: Project, group: Group) -> None:
    rule = make_rule(shop, threshold_count=1, notify_interval_minutes=60)
    earlier = timedelta(hours=2)
    occur(group, at=[0])
    assert len(fired(rule, now=NOON)) == 1
    occur(group, at=[-7200])
    assert len(fired(rule, now=NOON - earlier)) == 2
    occur(group, at=[-7199])
    assert len(fired(rule, now=NOON - earlier + SECOND)) == 2


def test_an_interval_of_none_takes_the_time_to_rearm(shop: Project, group: Group) -> None:
    rule = make_rule(shop, threshold_count=1, notify_interval_minutes=0, rearm_after_minutes=5)
    for minute in (0, 4, 5):
        occur(group, at=[minute * 60])
        fired(rule, now=NOON + minute * MINUTE)
    assert Notification.objects.count() == 2


def test_a_snooze_silences_one_rule_for_one_group_until_its_time(shop: Project, group: Group) -> None:
    snoozed, awake = make_rule(shop, threshold_count=1), make_rule(shop, threshold_count=1)
    other = make_group(shop, "Other: b", count=0)
    AlertState.objects.create(rule=snoozed, group=group, snoozed_until=NOON + MINUTE)
    occur_all([(group, [0]), (other, [0])])
    assert [one.group for one in fired(snoozed)] == [other]
    assert len(fired(awake)) == 2
    occur(group, at=[61])
    assert len(fired(snoozed, now=NOON + MINUTE)) == 2


@pytest.mark.parametrize("status", [Status.RESOLVED, Status.IGNORED])
def test_resolved_and_ignored_groups_do_not_alert(shop: Project, group: Group, status: Status) -> None:
    rule = make_rule(shop, threshold_count=1)
    occur(group, at=[0])
    Group.objects.filter(pk=group.pk).update(status=status)
    assert fired(rule) == []


def test_a_new_group_and_a_regression_are_told_of(shop: Project, group: Group) -> None:
    new = make_rule(shop, condition="new_group", level="error")
    back = make_rule(shop, condition="regression")
    occur(group, at=[0], kind=Kind.NEW)
    assert (len(fired(new)), len(fired(back))) == (1, 0)
    assert not occur(group, at=[1])
    occur(group, at=[2], kind=Kind.REGRESSION)
    assert (len(fired(new)), len(fired(back))) == (1, 1)
    occur(make_group(shop, "Warned: c", count=0), at=[3], kind=Kind.NEW, level="warning")
    assert len(fired(new)) == 1


def test_a_notification_holds_the_seven_keys_and_goes_to_every_target(shop: Project, group: Group) -> None:
    rule = make_rule(shop, threshold_count=1, target_type="email", target_value="own@x.test")
    for value in ("a@x.test", "b@x.test"):
        AlertTarget.objects.create(rule=rule, target_type="email", target_value=value)
    occur(group, at=[0], level="fatal")
    (notification,) = fired(rule)
    facts = notification.facts
    assert {key: facts[key] for key in ("project", "group_id", "group_title", "level", "message", "count")} == {
        "project": "shop",
        "group_id": group.pk,
        "group_title": "ValueError: broken",
        "level": "fatal",
        "message": "broken",
        "count": 1,
    }
    assert facts["received_at"] == "2026-03-14T12:00:00.000000Z"
    assert list(Delivery.objects.order_by("pk").values_list("target_value", flat=True)) == ["a@x.test", "b@x.test"]
    rule.refresh_from_db()
    assert rule.last_triggered_at == NOON


def test_a_rule_without_targets_of_its_own_uses_the_one_it_has(shop: Project, group: Group) -> None:
    rule = make_rule(shop, threshold_count=1, target_type="email", target_value="own@x.test")
    occur(group)
    fired(rule)
    assert Delivery.objects.get().target_value == "own@x.test"


def test_a_trigger_that_cannot_be_read_does_not_stop_the_others(shop: Project, group: Group) -> None:
    rule = make_rule(shop, threshold_count=1)
    AlertTrigger.objects.create(created_at=NOON, body=b"\xc1")
    occur(group)
    assert len(fired(rule)) == 1


def test_a_flood_is_written_in_small_transactions_with_rests(
    shop: Project, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "MOST_FIRINGS", 2)
    for _ in range(5):
        make_rule(shop, threshold_count=1)
    occur(group)
    rests: list[float] = []
    assert evaluate_pending(clock=lambda: NOON, pause=rests.append) == 5
    assert len(rests) == 3
    assert all(0 < rest <= evaluation.LONGEST_PAUSE_SECONDS for rest in rests)


def statements(shop: Project, groups: list[Group], *, rules: int) -> int:
    AlertRule.objects.all().delete()
    AlertState.objects.all().delete()
    AlertRule.objects.bulk_create(
        AlertRule(
            project=shop,
            name=f"Rule {number}",
            condition=("threshold", "threshold", "new_group", "regression")[number % 4],
            level=("", "error", "warning")[number % 3],
            threshold_count=1 + number % 50,
            threshold_window_minutes=1 + number % 60,
            target_value="ops@x.test",
        )
        for number in range(rules)
    )
    with CaptureQueriesContext(
        connection,
    ) as queries:
        occur_all([(group, [0, 1, 2]) for group in groups])
        evaluate_pending(clock=lambda: NOON, pause=no_rest)
    return sum(not _is_of_the_arrangement(query) for query in queries.captured_queries)


def _is_of_the_arrangement(query: dict[str, Any]) -> bool:
    sql = query["sql"]
    arranges = sql.startswith(('INSERT INTO "groups_event"', 'UPDATE "groups_group"')) or " LIMIT 21" in sql
    return arranges or "groups_event_2" in sql or "'groups_event'" in sql  # the partitions of days


def test_the_number_of_statements_does_not_grow_with_the_rules(shop: Project) -> None:
    groups = [make_group(shop, f"E: {number}", count=0) for number in range(20)]
    few = statements(shop, groups, rules=10)
    many = statements(shop, groups, rules=400)
    assert few < 40
    assert many < 3 * few
