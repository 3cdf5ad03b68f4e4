"""Which partition a record goes to: that of its project, unless the project is hot."""

import time
import zlib
from collections import Counter
from collections.abc import Callable, Collection
from typing import Final

WINDOW_RECORDS: Final = 2000
WINDOW_SECONDS: Final = 10.0


class Spread:
    """Pure but for the clock. A project is hot while it sends more than a partition's fair share of what comes fast.

    A window of 2,000 records that filled within 10 seconds decides for the next one; projects of `hot` (keys) always are. Records
    of a hot project go to all partitions in turn, which is right for topics whose records commute. Not for several threads.
    """

    def __init__(
        self, partitions: int, *, hot: Collection[bytes] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.partitions = partitions
        self._always = frozenset(hot)
        self._hot = self._always
        self._clock = clock
        self._counts: Counter[bytes] = Counter()
        self._left = WINDOW_RECORDS
        self._since = clock()
        self._turn = 0

    @property
    def hot(self) -> frozenset[bytes]:
        return self._hot

    def partition(self, key: bytes) -> int:
        self._counts[key] += 1
        self._left -= 1
        if not self._left:
            self._judge()
        if key in self._hot:
            self._turn += 1
            return self._turn % self.partitions
        return self.home(key)

    def home(self, key: bytes) -> int:
        """The partition of a project that is not hot: always the same."""
        return zlib.crc32(key) % self.partitions

    def _judge(self) -> None:
        now = self._clock()
        measured: set[bytes] = set()
        if now - self._since <= WINDOW_SECONDS and self.partitions > 1:
            share = WINDOW_RECORDS / self.partitions
            measured = {key for key, count in self._counts.items() if count > share}
        self._hot = self._always | measured
        self._counts.clear()
        self._left, self._since = WINDOW_RECORDS, now
