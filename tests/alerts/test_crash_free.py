"""Rules about a project's crash-free rate."""

from datetime import datetime, timedelta

import pytest

from mini_sentry.alerts.crash_free import Sessions, count_sessions, evaluate
from mini_sentry.alerts.models import Notification
from mini_sentry.projects.models import Project
from mini_sentry.releases.models import SessionStatus
from tests.alerts.rules import make_rule, make_session
from tests.factories import NOON, make_project

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def always(total: int, crashed: int):
    def count(project_id: int, environment: str, start: datetime, end: datetime) -> Sessions:
        return Sessions(total, crashed)

    return count


def test_a_rate_below_the_limit_is_told_once_in_the_interval(shop: Project) -> None:
    rule = make_rule(shop, condition="crash_free", crash_free_below=95.0, threshold_count=100)
    assert evaluate(now=NOON, count=always(100, 5)) == 0
    assert evaluate(now=NOON, count=always(99, 50)) == 0
    assert evaluate(now=NOON, count=always(0, 0)) == 0
    assert evaluate(now=NOON, count=always(100, 6)) == 1
    assert evaluate(now=NOON + HOUR / 2, count=always(100, 6)) == 0
    assert evaluate(now=NOON + HOUR, count=always(100, 6)) == 1
    facts = Notification.objects.filter(rule=rule).latest("pk").facts
    assert facts["group_title"] == "Crash-free sessions at 94.00 %, below 95 %"
    assert (facts["project"], facts["group_id"], facts["count"]) == ("shop", None, 100)


def test_an_interval_does_not_grow_with_a_clock_that_was_set_back(shop: Project) -> None:
    make_rule(shop, condition="crash_free", crash_free_below=95.0, threshold_count=100)
    assert evaluate(now=NOON, count=always(100, 6)) == 1
    assert evaluate(now=NOON - HOUR, count=always(100, 6)) == 1
    assert evaluate(now=NOON - HOUR / 2, count=always(100, 6)) == 0


def test_inactive_rules_and_others_are_left_alone(shop: Project) -> None:
    make_rule(shop, condition="crash_free", crash_free_below=95.0, active=False)
    make_rule(shop)
    assert evaluate(now=NOON, count=always(100, 100)) == 0


def test_sessions_are_those_that_started_in_the_window_and_environment(shop: Project) -> None:
    make_session(shop, "a", at=NOON - HOUR / 2, status=SessionStatus.CRASHED)
    make_session(shop, "b", at=NOON - HOUR / 2, status=SessionStatus.EXITED, quantity=7)
    make_session(shop, "c", at=NOON - HOUR / 2, status=SessionStatus.UNHANDLED, environment="staging")
    make_session(shop, "d", at=NOON - 2 * HOUR, status=SessionStatus.CRASHED)
    assert count_sessions(shop.pk, "", NOON - HOUR, NOON) == Sessions(9, 1)
    assert count_sessions(shop.pk, "production", NOON - HOUR, NOON) == Sessions(8, 1)
    assert count_sessions(make_project("Elsewhere").pk, "", NOON - HOUR, NOON) == Sessions(0, 0)
