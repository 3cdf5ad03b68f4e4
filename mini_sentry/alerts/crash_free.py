"""Rules about a project's crash-free rate, by the clock: sessions of the last minutes, told at most once in a quiet while.

The rate is that of the sessions that started within the rule's window, in its environment if it names one.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction

from mini_sentry.alerts.conditions import is_below
from mini_sentry.alerts.models import AlertRule, Condition
from mini_sentry.alerts.notifying import Told, claim_rule, project_facts, write
from mini_sentry.releases.health import crashes


class Sessions(NamedTuple):
    """Of a project over some time."""

    total: int
    crashed: int

    @property
    def crash_free_rate(self) -> float | None:
        """A percentage; None without sessions."""
        return None if self.total == 0 else 100.0 * (self.total - self.crashed) / self.total


CountSessions = Callable[[int, str, datetime, datetime], Sessions]
"""Sessions of a project id, in an environment ("" for all), that started from one time up to another."""


def evaluate(*, now: datetime, count: CountSessions) -> int:
    """Evaluate every active rule and return how many notifications were written."""
    rules = AlertRule.objects.filter(active=True, condition=Condition.CRASH_FREE, crash_free_below__isnull=False)
    known: dict[tuple[int, str, int], Sessions] = {}
    written = 0
    for rule in rules.select_related("project").order_by("pk"):
        key = (rule.project_id, rule.environment, rule.threshold_window_minutes)
        if key not in known:
            start = now - timedelta(minutes=rule.threshold_window_minutes)
            known[key] = count(rule.project_id, rule.environment, start, now)
        written += _tell(rule, known[key], now=now)
    return written


def fires(rule: AlertRule, sessions: Sessions) -> bool:
    """Whether these sessions are under the rule's limit, and enough to tell."""
    return rule.crash_free_below is not None and is_below(
        sessions.crash_free_rate,
        sessions.total,
        limit=rule.crash_free_below,
        fewest_sessions=rule.threshold_count,
    )


def _tell(rule: AlertRule, sessions: Sessions, *, now: datetime) -> int:
    rate = sessions.crash_free_rate
    if rate is None or not fires(rule, sessions):
        return 0
    with transaction.atomic():
        if not claim_rule(rule, now=now):
            return 0
        facts = project_facts(rule, rate=rate, sessions=sessions.total, at=now)
        return len(write([Told(rule, None, facts)], now=now))


def count_sessions(project_id: int, environment: str, start: datetime, end: datetime) -> Sessions:
    """`CountSessions` as release health counts them, from the session rows."""
    return Sessions(*crashes(project_id, start, end, environments=[environment] if environment else []))
