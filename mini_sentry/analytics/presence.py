"""Whether the column engine is there, so that an engine that is away costs its askers no time-outs.

After a failed connection everybody is refused at once for a moment, then one caller looks again. An engine that was not
heard of for a while is first asked for a sign of life, because one that hangs would keep its askers for as long as a query
may take.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

AWAY_SECONDS: Final = 2.0
"""How long nobody asks an engine that did not answer."""

FRESH_SECONDS: Final = 2.0
"""How long an answer counts as a sign of life."""


class Away(Exception):
    """The engine did not answer a moment ago; the text is what it was."""


class Presence:
    """One per store, used from every thread. `clock` gives seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._url = ""
        self._seen_at = float("-inf")
        self._away_until = float("-inf")
        self._reason = ""

    def enter(self, url: str) -> bool:
        """Called before the engine at `url` is asked: whether to look for a sign of life first. Raises Away.

        When the time of refusal is over, one caller passes and the others are refused until it has told how it fared.
        """
        now = self._clock()
        with self._lock:
            if url != self._url:
                self._url = url
                self._seen_at = self._away_until = float("-inf")
                self._reason = ""
            if self._reason:
                if now < self._away_until:
                    raise Away(self._reason)
                self._away_until = now + AWAY_SECONDS
                return True
            return now - self._seen_at > FRESH_SECONDS

    def seen(self, url: str) -> None:
        """It answered, well or ill."""
        with self._lock:
            if url == self._url:
                self._seen_at = self._clock()
                self._reason = ""

    def lost(self, url: str, reason: str) -> None:
        """It did not."""
        with self._lock:
            if url == self._url:
                self._reason = reason or "no answer"
                self._away_until = self._clock() + AWAY_SECONDS
