from datetime import timedelta

import pytest
from django.db import connection, transaction

from mini_sentry.projects import usage
from mini_sentry.protocol.outcomes import Tally
from tests.factories import NOON

pytestmark = pytest.mark.django_db

MINUTE = int(NOON.timestamp()) + 7 * 60


def tally(
    quantity: int, *, project_id: int = 1, outcome: str = "accepted", reason: str = "", minute: int = MINUTE
) -> Tally:
    return Tally(project_id, minute, outcome, reason, "error", quantity)


def add(*tallies: Tally) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        usage.add_tallies(cursor, tallies)


def test_tallies_add_up_within_a_call_and_over_calls() -> None:
    add(tally(2), tally(3), tally(1, outcome="filtered", reason="duplicate"))
    add(tally(10, minute=MINUTE + 60))
    assert usage.outcomes(1, now=NOON) == [
        {"outcome": "accepted", "reason": "", "category": "error", "quantity": 15},
        {"outcome": "filtered", "reason": "duplicate", "category": "error", "quantity": 1},
    ]


def test_only_the_last_24_hours_count() -> None:
    day = 86400
    add(tally(1, minute=MINUTE - day), tally(2, minute=MINUTE - day + 3600), tally(4))
    assert usage.accepted_events([1], now=NOON) == {1: 6}


def test_projects_are_counted_apart_and_only_what_was_accepted() -> None:
    add(tally(1), tally(5, project_id=2), tally(9, outcome="rate_limited", reason="project_limit"))
    assert usage.accepted_events([1, 2, 3], now=NOON + timedelta(minutes=30)) == {1: 1, 2: 5}


def test_nothing_to_add_is_fine() -> None:
    add()
    assert usage.outcomes(1, now=NOON) == []
