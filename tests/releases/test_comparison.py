"""Whether a release is worse than another: intervals and verdicts."""

import math

import pytest

from mini_sentry.releases.comparison import MIN_SESSIONS, RULE, Verdict, rate, ratio, verdict

# Errors seen → exact 95 % limits of a Poisson mean, from published tables.
EXACT = {1: (0.0253, 5.572), 5: (1.623, 11.668), 10: (4.795, 18.390), 50: (37.111, 65.919), 100: (81.364, 121.627)}


@pytest.mark.parametrize(("errors", "limits"), EXACT.items())
def test_the_interval_of_a_rate_is_that_of_a_poisson_count(errors, limits):
    found = rate(errors, 1000)
    assert found.value == errors / 10
    assert found.low == pytest.approx(limits[0] / 10, rel=0.02, abs=0.01)
    assert found.high == pytest.approx(limits[1] / 10, rel=0.02)


def test_no_errors_are_not_surely_none():
    found = rate(0, 200)
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(1.84, abs=0.02)


def test_without_sessions_there_is_no_rate_and_no_ratio():
    assert rate(5, 0) is None
    assert ratio(5, 0, 5, 100) is None
    assert ratio(5, 100, 5, 0) is None


def test_the_ratio_equals_a_hand_calculation():
    found = ratio(40, 1000, 20, 2000)
    assert found.value == pytest.approx((40.5 / 1000) / (20.5 / 2000))
    assert math.log(found.high / found.value) == pytest.approx(1.96 * math.sqrt(1 / 40.5 + 1 / 20.5), rel=1e-4)
    assert found.low * found.high == pytest.approx(found.value**2)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((40, 1000, 20, 2000), Verdict.WORSE),
        ((20, 2000, 40, 1000), Verdict.BETTER),
        ((20, 1000, 21, 1000), Verdict.STEADY),
        ((0, 1000, 0, 1000), Verdict.STEADY),
        ((3, 1000, 0, 1000), Verdict.STEADY),
        ((30, 1000, 0, 1000), Verdict.WORSE),
        ((90, MIN_SESSIONS - 1, 1, 5000), Verdict.TOO_FEW),
        ((90, MIN_SESSIONS, 1, 5000), Verdict.WORSE),
        ((90, 5000, 1, MIN_SESSIONS - 1), Verdict.TOO_FEW),
        ((1, 0, 0, 0), Verdict.TOO_FEW),
    ],
)
def test_the_verdict_follows_the_rule(numbers, expected):
    assert verdict(*numbers) is expected


def test_the_rule_is_one_sentence_with_its_numbers():
    assert RULE.count(".") == 1
    assert str(MIN_SESSIONS) in RULE
