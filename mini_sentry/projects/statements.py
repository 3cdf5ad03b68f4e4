"""What SQL statements over many rows share: values a part at a time, and times as columns hold them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

_T = TypeVar("_T")

CLOCKS_APART: Final = timedelta(minutes=1)
"""How far the clocks of two machines may be apart. A time of writing that lies further ahead was written before the clock was
set back: nobody waits until the clock has caught up with it."""


def chunks(values: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    """The values in order, at most `size` at a time: a statement takes only so many parameters."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def moment(seconds: float) -> datetime:
    """Unix seconds as an aware time in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def column_time(seconds: float) -> str:
    """Unix seconds as Django writes a time into a column, in UTC without saying so; several times faster than its adapter."""
    return str(moment(seconds))[:-6]
