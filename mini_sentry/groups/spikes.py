"""Which groups spike: a pure rule over a group's own counts.

A group spikes when its events of the last hour are at least 10, and more than both three times its mean hour and its mean
hour plus four standard deviations, over its hours of the 7 days before. (Hour and days are the defaults.)
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

FEWEST: Final = 10
TIMES: Final = 3.0
DEVIATIONS: Final = 4.0
LEAST_LIFT: Final = 0.25
MOST_REASONS: Final = 3


class Spike(NamedTuple):
    """`usual` is the mean of an interval, `limit` what the newest one had to exceed; `factor` is how many times the usual
    it has, None for a group without a past. `lasting` intervals up to the newest are above the limit."""

    event_count: int
    usual: float
    limit: float
    factor: float | None
    lasting: int


class Reason(NamedTuple):
    """A tag's value that more of a group's events have than usual; shares are of 1."""

    key: str
    value: str
    share: float
    usual_share: float


def spike(counts: Sequence[int], *, past: int) -> Spike | None:
    """`counts` are events by interval, the newest first; the `past` intervals after the newest are all that the group has
    lived through. None when it does not spike."""
    count, before = counts[0], counts[1 : past + 1]
    usual = sum(before) / len(before) if before else 0.0
    deviation = math.sqrt(sum((one - usual) ** 2 for one in before) / len(before)) if before else 0.0
    limit = max(TIMES * usual, usual + DEVIATIONS * deviation)
    if count < FEWEST or count <= limit:
        return None
    lasting = next((index for index, one in enumerate(counts) if one < FEWEST or one <= limit), len(counts))
    return Spike(count, usual, limit, count / usual if usual else None, lasting)


def reasons(now: Mapping[tuple[str, str], float], usual: Mapping[tuple[str, str], float]) -> list[Reason]:
    """What sets a spike's events apart from earlier ones, the clearest first. Both map (tag, value) to its share."""
    found = [Reason(key, value, share, usual.get((key, value), 0.0)) for (key, value), share in now.items()]
    clear = [reason for reason in found if reason.share - reason.usual_share >= LEAST_LIFT]
    return sorted(clear, key=lambda reason: (reason.usual_share - reason.share, reason.key))[:MOST_REASONS]
