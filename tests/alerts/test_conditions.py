"""Decisions by values alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mini_sentry.alerts.conditions import (
    firings,
    is_below,
    quiet_minutes,
    reached_at,
    spaced,
    takes_environment,
    takes_level,
)


@pytest.mark.parametrize(
    ("rule", "events", "takes"),
    [
        ("", {"debug"}, True),
        ("error", {"error"}, True),
        ("error", {"fatal"}, True),
        ("error", {"warning", "info"}, False),
        ("error", {"info", "fatal"}, True),
        ("fatal", {"error"}, False),
        ("warning", {"warning"}, True),
        ("info", {"debug"}, False),
    ],
)
def test_a_rule_takes_its_own_level_and_error_takes_fatal_too(rule: str, events: set[str], takes: bool) -> None:
    assert takes_level(rule, events) is takes


def test_a_rule_without_an_environment_takes_all_of_them() -> None:
    assert takes_environment("", {""})
    assert takes_environment("staging", {"production", "staging"})
    assert not takes_environment("staging", {"production"})


def test_a_count_is_reached_only_within_the_window() -> None:
    assert reached_at([100.0], [41.0], 60.0) == 100.0
    assert reached_at([100.0], [40.0], 60.0) is None


def test_too_few_events_reach_nothing() -> None:
    assert reached_at([100.0], [], 60.0) is None


def test_an_earlier_event_of_the_batch_may_be_the_one_that_reached_the_count() -> None:
    assert reached_at([500.0, 100.0], [100.0, 90.0], 60.0) == 100.0


def test_a_rule_fires_once_in_its_quiet_while() -> None:
    times = [float(second) for second in range(0, 100, 10)]
    assert firings(times, count=3, window_seconds=60, quiet_seconds=3600) == [20.0]
    assert firings(times, count=3, window_seconds=60, quiet_seconds=50) == [20.0, 70.0]
    assert firings(times, count=3, window_seconds=20, quiet_seconds=50) == []


@given(
    times=st.lists(st.integers(0, 500).map(float), max_size=40).map(sorted),
    count=st.integers(1, 6),
    window=st.integers(1, 100),
)
def test_firings_are_those_of_counting_each_window_anew(times: list[float], count: int, window: int) -> None:
    plain = [at for index, at in enumerate(times) if sum(at - window < other for other in times[: index + 1]) >= count]
    assert firings(times, count=count, window_seconds=window, quiet_seconds=0) == plain
    assert firings(times, count=count, window_seconds=window, quiet_seconds=30) == spaced(plain, 30)


def test_a_crash_free_rate_says_nothing_over_too_few_sessions() -> None:
    assert is_below(90.0, 50, limit=95, fewest_sessions=50)
    assert not is_below(90.0, 49, limit=95, fewest_sessions=50)
    assert not is_below(95.0, 50, limit=95, fewest_sessions=50)
    assert not is_below(None, 0, limit=95, fewest_sessions=0)


def test_rearming_counts_only_without_a_notify_interval() -> None:
    assert quiet_minutes(60, 5) == 60
    assert quiet_minutes(0, 5) == 5
