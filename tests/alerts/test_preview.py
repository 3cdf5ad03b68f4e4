"""When rules would have fired."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from mini_sentry.alerts import preview
from mini_sentry.groups.models import Activity, Group
from mini_sentry.projects.models import Project
from mini_sentry.releases.models import SessionStatus
from tests.alerts.rules import make_rule, make_session
from tests.factories import make_event, make_group

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def group(shop: Project, now: datetime) -> Group:
    return make_group(shop, first_seen=now - 2 * DAY)


def look(client: Client, rule_id: int, **query: str) -> Any:
    response = client.get(f"/api/alert-rules/{rule_id}/preview/", query)
    assert response.status_code == 200, response.content
    return response.json()


def test_a_threshold_rule_would_have_fired_once_a_burst(
    client: Client, shop: Project, group: Group, now: datetime
) -> None:
    rule = make_rule(shop, threshold_count=3, threshold_window_minutes=5, notify_interval_minutes=30)
    for burst in (6 * DAY, DAY):
        for minute in range(5):
            make_event(group, received_at=now - burst + minute * MINUTE)
    make_event(make_group(shop, "Quiet: b"), received_at=now - DAY)
    seen = look(client, rule.pk)
    assert (seen["count"], seen["groups"], seen["is_complete"]) == (2, 1, True)
    assert [one["group"] for one in seen["firings"]] == [group.pk, group.pk]
    assert seen["firings"][0]["at"] == (now - DAY + 2 * MINUTE).isoformat().replace("+00:00", "Z")
    assert look(client, rule.pk, range="2d")["count"] == 1


def test_too_many_events_are_looked_at_from_the_newest(
    client: Client, shop: Project, group: Group, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "MOST_EVENTS", 3)
    rule = make_rule(shop, threshold_count=1, threshold_window_minutes=1, notify_interval_minutes=1)
    for minute in range(2, 8):
        make_event(group, received_at=now - minute * MINUTE)
    seen = look(client, rule.pk)
    assert (seen["is_complete"], seen["count"]) == (False, 2)
    assert seen["start"] > (now - 5 * MINUTE).isoformat()


def test_new_groups_and_regressions_would_have_fired(
    client: Client, shop: Project, group: Group, now: datetime
) -> None:
    make_group(shop, "Old: b", first_seen=now - 30 * DAY)
    make_group(shop, "Warned: c", first_seen=now - DAY, level="warning")
    new = look(client, make_rule(shop, condition="new_group", level="error").pk)
    assert [one["group"] for one in new["firings"]] == [group.pk]
    for ago in (3 * DAY, DAY, DAY - MINUTE):
        Activity.objects.create(group=group, kind=Activity.Kind.REGRESSED, created_at=now - ago)
    assert look(client, make_rule(shop, condition="regression").pk)["count"] == 2


def test_a_crash_free_rule_would_have_fired(client: Client, shop: Project, now: datetime) -> None:
    for number in range(20):
        status = SessionStatus.CRASHED if number < 2 else SessionStatus.EXITED
        make_session(shop, f"s{number}", at=now - DAY + number * timedelta(seconds=1), status=status)
    rule = {"condition": "crash_free", "crash_free_below": 95.0, "threshold_count": 20, "threshold_window_minutes": 60}
    seen = look(client, make_rule(shop, **rule).pk)
    assert (seen["count"], seen["firings"][0]["group"]) == (1, None)
    assert look(client, make_rule(shop, **rule | {"threshold_count": 21}).pk)["count"] == 0
    assert look(client, make_rule(shop, **rule | {"crash_free_below": 90.0}).pk)["count"] == 0


def test_a_rule_can_be_looked_at_before_it_is_saved(client: Client, shop: Project, group: Group, now: datetime) -> None:
    make_event(group, received_at=now - DAY)
    response = client.post(
        "/api/alert-rules/preview/", {"project": shop.pk, "threshold_count": 1}, content_type="application/json"
    )
    assert (response.status_code, response.json()["count"]) == (200, 1)
    refused = client.post("/api/alert-rules/preview", {"project": 999}, content_type="application/json")
    assert (refused.status_code, set(refused.json())) == (400, {"project"})


@pytest.mark.parametrize("length", ["10y", "3650d", "91d", "0d", "week"])
def test_a_time_that_cannot_be_looked_at_is_refused(client: Client, shop: Project, length: str) -> None:
    response = client.get(f"/api/alert-rules/{make_rule(shop).pk}/preview/", {"range": length})
    assert (response.status_code, set(response.json())) == (400, {"range"})
