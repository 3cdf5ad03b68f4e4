"""How many dead letters there are, by reason, without reading all of them each time somebody asks."""

import sys
from collections import Counter, deque
from typing import Final

import msgspec

from mini_sentry.streams.dead_letters import REPLAYED
from mini_sentry.streams.log import Log
from mini_sentry.streams.topics import DEAD_LETTERS, unpack_dead_letter

_PAGE: Final = 200
_PAGES_PER_LOOK: Final = 20
_BYTES: Final = 4 << 20


class DeadLetterCounts:
    """Used by one thread. `is_complete` is False while older letters are still to be read."""

    def __init__(self, log: Log) -> None:
        self.is_complete = False
        self._log = log
        self._next = 0
        self._letters: deque[tuple[int, str]] = deque()
        self._replayed: set[int] = set()

    def look(self) -> dict[str, int]:
        """The letters that are kept and were not sent again, by reason; the most frequent first. Raises LogError."""
        first = self._log.first_offset(DEAD_LETTERS)
        if self._log.end_offset(DEAD_LETTERS) < self._next:
            # Another log, or one that was restored.
            self._next = 0
            self._letters.clear()
            self._replayed.clear()
        while self._letters and self._letters[0][0] < first:
            self._replayed.discard(self._letters.popleft()[0])
        self._read_on(max(first, self._next))
        counts = Counter(reason for offset, reason in self._letters if offset not in self._replayed)
        return dict(counts.most_common())

    def _read_on(self, offset: int) -> None:
        for _ in range(_PAGES_PER_LOOK):
            records = self._log.read(DEAD_LETTERS, offset, limit=_PAGE, max_bytes=_BYTES)
            self.is_complete = not records
            if not records:
                return
            for record in records:
                try:
                    letter = unpack_dead_letter(record.value)
                except msgspec.MsgspecError:
                    continue
                if letter.reason != REPLAYED:
                    self._letters.append((record.offset, sys.intern(letter.reason)))
                elif letter.detail.isdecimal():
                    self._replayed.add(int(letter.detail))
            offset = self._next = records[-1].offset + 1
