"""Whether a rule fires: decisions over values, without a store and without a clock. Times are Unix seconds."""

from collections.abc import Iterable, Sequence
from typing import Final

from mini_sentry.groups.models import Level

LEVELS_OF: Final[dict[str, tuple[str, ...]]] = {
    "": (),
    Level.FATAL: (Level.FATAL.value,),
    Level.ERROR: (Level.ERROR.value, Level.FATAL.value),
    Level.WARNING: (Level.WARNING.value,),
    Level.INFO: (Level.INFO.value,),
    Level.DEBUG: (Level.DEBUG.value,),
}
"""The levels of events that a rule's level takes in; none named means any."""


def takes_level(rule_level: str, levels: Iterable[str]) -> bool:
    """Whether one of the levels is the rule's; error takes in fatal, and no level takes in all."""
    wanted = LEVELS_OF[rule_level]
    return not wanted or any(level in wanted for level in levels)


def takes_environment(rule_environment: str, environments: Iterable[str]) -> bool:
    return not rule_environment or rule_environment in environments


def reached_at(ends: Sequence[float], starts: Sequence[float], window_seconds: float) -> float | None:
    """The newest time at which a count was reached, or None.

    `ends` are events, the newest first; `starts[i]` is the event that lies count - 1 events before `ends[i]`, absent when
    there is none. The window is half-open: an event that is exactly a window old is out of it.
    """
    for end, start in zip(ends, starts, strict=False):
        if end - start < window_seconds:
            return end
    return None


def firings(times: Sequence[float], *, count: int, window_seconds: float, quiet_seconds: float) -> list[float]:
    """The times at which a threshold rule fires over events in ascending order, quiet after each for a while."""
    completing = zip(times, times[count - 1 :], strict=False)
    return spaced((end for start, end in completing if end - start < window_seconds), quiet_seconds)


def spaced(times: Iterable[float], quiet_seconds: float) -> list[float]:
    """Those of ascending times that are not within a quiet while after the one kept before."""
    kept: list[float] = []
    for time in times:
        if not kept or time - kept[-1] >= quiet_seconds:
            kept.append(time)
    return kept


def is_below(crash_free_rate: float | None, sessions: int, *, limit: float, fewest_sessions: int) -> bool:
    """Whether a crash-free rate (a percentage; None without sessions) is under the limit, over enough sessions to tell."""
    return crash_free_rate is not None and sessions >= fewest_sessions and crash_free_rate < limit


def quiet_minutes(notify_interval_minutes: int, rearm_after_minutes: int) -> int:
    """How long a rule keeps quiet about a group after it has told of it."""
    return notify_interval_minutes or rearm_after_minutes
