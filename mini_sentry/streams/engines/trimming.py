"""Where to cut a topic: the pure part of `Log.trim`, for the engines that delete their own records."""

from collections.abc import Callable
from typing import NamedTuple


class Mark(NamedTuple):
    """What stands beside a record: its append time, the bytes of its value, and of all values up to and including it."""

    timestamp: float
    value_bytes: int
    sum_bytes: int


def cut(
    *,
    first: int,
    slowest: int,
    end: int,
    mark: Callable[[int], Mark],
    older_than: float,
    keep_bytes: int,
    max_bytes: int | None,
) -> int:
    """The offset below which records may go; `first` when none may.

    Records are `first … end - 1` and `slowest` is the lowest position of a declared group. `mark(offset)` is asked for kept
    offsets only, a few dozen times at most; its sums grow with the offset, its times nearly do. `older_than` is Unix seconds.
    """
    if first >= end:
        return first

    def bytes_from(offset: int) -> int:
        if offset == end:
            return 0
        record = mark(offset)
        return total - record.sum_bytes + record.value_bytes

    total = mark(end - 1).sum_bytes
    slowest = min(max(slowest, first), end)
    unread = bytes_from(slowest)
    too_old = _lowest(first, slowest, lambda offset: mark(offset).timestamp >= older_than)
    too_far = _lowest(first, slowest, lambda offset: bytes_from(offset) - unread <= keep_bytes)
    kept = max(too_old, too_far)
    if max_bytes is not None:
        kept = max(kept, _lowest(first, end, lambda offset: bytes_from(offset) <= max_bytes))
    return kept


def _lowest(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The lowest offset of `low … high - 1` from which on `holds` is true; `high` when it never is."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
