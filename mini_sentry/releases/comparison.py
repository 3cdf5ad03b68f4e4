"""Whether a release is worse than another one: errors per 100 sessions, how sure that number is, and a verdict. Pure.

Errors are taken to be independent of each other (a Poisson count over the sessions). The interval of a rate is Byar's
approximation of the exact one; that of the ratio of two rates is the usual one of its logarithm, half an error added to each
count so that none is zero.
"""

import math
from enum import StrEnum
from typing import Final

import msgspec

MIN_SESSIONS: Final = 100
"""With fewer sessions on either side there is no verdict."""
RULE: Final = (
    "A release is worse than its base when the whole 95 % interval of the ratio of their errors per 100 sessions lies above "
    "1, better when it lies below 1, steady when it holds 1, and too few when either has fewer than "
    f"{MIN_SESSIONS} sessions."
)
_Z: Final = 1.959964


class Verdict(StrEnum):
    WORSE = "worse"
    STEADY = "steady"
    BETTER = "better"
    TOO_FEW = "too few"


class Rate(msgspec.Struct, frozen=True):
    """Errors per 100 sessions with the bounds of its 95 % interval."""

    value: float
    low: float
    high: float


class Ratio(msgspec.Struct, frozen=True):
    """How many times the rate of one release is that of the other, with the bounds of its 95 % interval."""

    value: float
    low: float
    high: float


def rate(errors: int, sessions: int) -> Rate | None:
    """None without sessions."""
    if sessions == 0:
        return None
    return Rate(*(100 * bound / sessions for bound in (errors, *_byar(errors))))


def ratio(errors: int, sessions: int, base_errors: int, base_sessions: int) -> Ratio | None:
    """None when either has no sessions."""
    if sessions == 0 or base_sessions == 0:
        return None
    one, other = errors + 0.5, base_errors + 0.5
    value = (one / sessions) / (other / base_sessions)
    spread = math.exp(_Z * math.sqrt(1 / one + 1 / other))
    return Ratio(value, value / spread, value * spread)


def verdict(errors: int, sessions: int, base_errors: int, base_sessions: int) -> Verdict:
    """The RULE."""
    found = ratio(errors, sessions, base_errors, base_sessions)
    if found is None or min(sessions, base_sessions) < MIN_SESSIONS:
        return Verdict.TOO_FEW
    if found.low > 1:
        return Verdict.WORSE
    return Verdict.BETTER if found.high < 1 else Verdict.STEADY


def _byar(count: int) -> tuple[float, float]:
    """The bounds of the 95 % interval of a Poisson mean of which `count` were seen."""
    low = 0.0
    if count:
        low = count * (1 - 1 / (9 * count) - _Z / (3 * math.sqrt(count))) ** 3
    above = count + 1
    return max(low, 0.0), above * (1 - 1 / (9 * above) + _Z / (3 * math.sqrt(above))) ** 3
