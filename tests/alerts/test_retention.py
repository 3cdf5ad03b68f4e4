"""What alerts keep leaves when its time is up."""

from datetime import timedelta

import pytest

from mini_sentry.alerts.models import AlertRule, AlertState, Notification
from mini_sentry.config.retention import STEPS
from mini_sentry.projects.models import Project
from mini_sentry.projects.retention import sweep_of
from tests.alerts.rules import make_rule
from tests.factories import NOON, make_group

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def rule(shop: Project) -> AlertRule:
    return make_rule(shop)


def retire(what: str, *, days: int = 30) -> int:
    return STEPS[what](sweep_of(days, now=NOON))


def test_notifications_leave_with_their_deliveries(rule: AlertRule) -> None:
    for age in (29, 31):
        made = Notification.objects.create(rule=rule, created_at=NOON - age * DAY)
        made.deliveries.create(target_type="email", target_value="ops@x.test", destination="mail")
    assert retire("notifications") == 1
    assert [one.created_at for one in Notification.objects.all()] == [NOON - 29 * DAY]


def test_how_a_rule_stands_with_a_group_is_forgotten_once_it_decides_nothing(rule: AlertRule) -> None:
    def make(**fields: object) -> AlertState:
        return AlertState.objects.create(rule=rule, group=make_group(rule.project), **fields)

    old = {"notified_at": NOON - 31 * DAY, "quiet_until": NOON - 30 * DAY}
    kept = [
        make(notified_at=NOON - 29 * DAY, quiet_until=NOON - 28 * DAY),
        make(**old | {"quiet_until": NOON + DAY}),
        make(**old, snoozed_until=NOON + DAY),
    ]
    make(**old)
    make(snoozed_until=NOON - DAY)
    assert retire("alert states", days=0) == 1
    assert retire("alert states") == 1
    assert list(AlertState.objects.order_by("pk")) == kept
