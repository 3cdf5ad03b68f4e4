"""What the edge refused, counted in memory and handed to the log once a second.

A killed process loses the counts of its last second, and no accepted event with them.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

import msgspec

from mini_sentry.ingest.counts import Counts
from mini_sentry.ingest.publish import new_record_id
from mini_sentry.protocol.outcomes import Outcome, Reason, Tally
from mini_sentry.streams.log import LogError
from mini_sentry.streams.publisher import Publisher
from mini_sentry.streams.topics import INGEST, Accepted, pack, project_key

FLUSH_SECONDS: Final = 1.0
LAST_FLUSH_SECONDS: Final = 5.0

_Counted = tuple[int, int, str, str, str]

logger = logging.getLogger(__name__)


class Refusals:
    """Counts per project, minute, outcome, reason and category. `now` gives Unix seconds.

    `counts` are the server's numbers for monitoring, added to as well.
    """

    def __init__(self, now: Callable[[], float], counts: Counts | None = None) -> None:
        self._now = now
        self._totals = counts or Counts()
        self._counts: dict[_Counted, int] = {}
        self._flushing: asyncio.Task[None] | None = None
        self._publisher: Publisher | None = None

    def count(self, project_id: int, outcome: Outcome, reason: Reason, category: str, quantity: int = 1) -> None:
        """`project_id` is 0 when no project could be told."""
        key = (project_id, int(self._now() // 60) * 60, outcome.value, reason.value, category)
        self._counts[key] = self._counts.get(key, 0) + quantity
        self._totals.add_refused(reason, quantity)

    def tallies(self) -> list[Tally]:
        """What is counted and not in the log yet."""
        return [Tally(*key, quantity) for key, quantity in self._counts.items()]

    async def start(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._flushing = asyncio.create_task(self._flush_again_and_again())

    async def stop(self) -> None:
        """Flush once more, and wait a few seconds for it at most."""
        if self._flushing is None:
            return
        self._flushing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._flushing
        try:
            await asyncio.wait_for(self.flush(), LAST_FLUSH_SECONDS)
        except (LogError, TimeoutError) as error:
            logger.warning("The last counts of refused items are lost: %s", error)

    async def flush(self) -> None:
        """Put the counts into the log. Raises LogError, and keeps them for the next time."""
        if not self._counts or self._publisher is None:
            return
        counts, self._counts = self._counts, {}
        body = msgspec.json.encode([Tally(*key, quantity) for key, quantity in counts.items()])
        message = Accepted(
            kind="tallies",
            project_id=0,
            key_id=0,
            received_at=self._now(),
            record_id=new_record_id(),
            event_id="",
            encoding="",
            client_ip="",
            user_agent="",
            content_type="",
            origin="",
            query={},
            dropped=[],
            body=body,
        )
        try:
            await self._publisher.publish(INGEST, project_key(0), pack(message))
        except LogError:
            for key, quantity in counts.items():
                self._counts[key] = self._counts.get(key, 0) + quantity
            raise

    async def _flush_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            # What the disk does not take now is counted with what comes next; the guard says why.
            with contextlib.suppress(LogError):
                await self.flush()
