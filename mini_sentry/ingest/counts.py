"""How many requests the edge has accepted and how many items it has refused since the server started, for monitoring.

Plain numbers, added to once per group commit or refusal and read when somebody asks. Several web processes of one server
each map a file of their own, so that any of them can tell the sum of all, and a process that is started in the place of a
dead one goes on with its numbers: the sum never falls.
"""

import mmap
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from mini_sentry.protocol.outcomes import Reason

REASONS: Final = tuple(reason for reason in Reason if reason)

_ACCEPTED: Final = 0
_INDEX_OF_REASON: Final = {reason: index for index, reason in enumerate(REASONS, start=1)}
_BYTES: Final = 8 * (1 + len(REASONS))


class Counts:
    """One process's numbers. Each is added to by one thread."""

    def __init__(self, path: Path | None = None) -> None:
        """`path` is the file to keep them in, made when it is missing; None keeps them in memory. Raises OSError."""
        if path is None:
            self._numbers = memoryview(array("Q", bytes(_BYTES)))
            return
        with path.open("a+b") as file:
            file.truncate(_BYTES)
            self._numbers = memoryview(mmap.mmap(file.fileno(), _BYTES)).cast("Q")

    def add_accepted(self, quantity: int) -> None:
        """Requests whose record is durable."""
        self._numbers[_ACCEPTED] += quantity

    def add_refused(self, reason: Reason, quantity: int) -> None:
        """Items that did not pass."""
        index = _INDEX_OF_REASON.get(reason)
        if index is not None:
            self._numbers[index] += quantity

    @property
    def accepted(self) -> int:
        return self._numbers[_ACCEPTED]

    @property
    def refused(self) -> dict[Reason, int]:
        """Every reason, those of which nothing was refused with 0."""
        return {reason: self._numbers[index] for reason, index in _INDEX_OF_REASON.items()}


def total(every: Iterable[Counts]) -> Counts:
    """The sum, as numbers of its own."""
    made = Counts()
    for counts in every:
        made.add_accepted(counts.accepted)
        for reason, quantity in counts.refused.items():
            made.add_refused(reason, quantity)
    return made
