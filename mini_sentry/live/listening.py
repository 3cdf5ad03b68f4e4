"""The bus of several machines: a task that follows a source of announcements, and another source while the first is away.

After anything that may have been missed (a source that was away, a change to another one) whoever watches gets a Reset, and
the new source is followed from a few seconds back, so that no waiter misses the fate of its record.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from mini_sentry.live.bus import REPLAYED_AT_MOST, Bus, News, Reset, Watch, cancelled, news_of

ENTRIES_PER_LOOK: Final = 200
RETRY_SECONDS: Final = 1.0
BACK_SECONDS: Final = 3.0
START_SECONDS: Final = 5.0

Entry = tuple[int, bytes | None]
"""An announcement's id and body; no body means that others before it may have been lost."""

logger = logging.getLogger(__name__)


class Source(Protocol):
    """Announcements in the order of their ids. `errors` are what its methods raise while it is away."""

    errors: tuple[type[Exception], ...]

    async def begin(self, *, back_seconds: float) -> int:
        """Connect, and return the newest id that is older than so many seconds; 0 when there is none."""

    async def oldest(self) -> int:
        """The oldest id that is kept; 0 when none is."""

    async def after(self, number: int, *, limit: int) -> Sequence[Entry]:
        """What is announced after `number`, at once."""

    async def wait(self, number: int, *, limit: int, hurry: asyncio.Event) -> Sequence[Entry]:
        """The same, waited for, a second or so at most; `hurry` is set while somebody would notice the difference."""

    async def close(self) -> None: ...


class ListeningBus(Bus):
    """`sources` in the order of preference; `away_since` is about the first of them."""

    def __init__(self, sources: Sequence[Source], *, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._sources = sources
        self._clock = clock
        self._source: Source | None = None
        self._hurry = asyncio.Event()
        self._has_begun = asyncio.Event()
        self._is_fresh = True
        self._following: asyncio.Task[None] | None = None
        self._replaying: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Returns once a source is followed, or after START_SECONDS without one."""
        self._following = asyncio.create_task(self._follow_for_ever())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                await self._has_begun.wait()

    async def stop(self) -> None:
        await cancelled(task for task in (self._following, *self._replaying) if task is not None)
        self._end()
        for source in self._sources:
            with contextlib.suppress(*source.errors):
                await source.close()

    def _listen(self) -> None:
        self._hurry.set()

    async def _follow_for_ever(self) -> None:
        while True:
            for source in self._sources:
                try:
                    await self._follow(source)
                    break
                except source.errors as error:
                    self._lost(source, error)
            else:
                await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self, source: Source) -> None:
        """Hear what the source tells, until the first one is back, if this is another. Raises the source's errors."""
        position = await source.begin(back_seconds=0.0 if self._is_fresh else BACK_SECONDS)
        self._source = source
        if self._is_fresh:
            self._last_id = position
        else:
            self._reset(position)
        self._is_fresh = False
        is_first = source is self._sources[0]
        if is_first and self.away_since is not None:
            self.away_since = None
            logger.info("Announcements are heard as usual again")
        self._has_begun.set()
        look_at = time.monotonic() + RETRY_SECONDS
        while True:
            if not self._waiting and not self._watches:
                self._hurry.clear()
            entries = await source.wait(self._last_id, limit=ENTRIES_PER_LOOK, hurry=self._hurry)
            if len(entries) == ENTRIES_PER_LOOK and 0 < self._last_id < await source.oldest() - 1:
                self._reset(entries[0][0])
            for number, body in entries:
                if body is None:
                    self._reset(number)
                else:
                    self._hear(number, body)
            if not is_first and time.monotonic() >= look_at:
                if await self._is_first_back():
                    return
                look_at = time.monotonic() + RETRY_SECONDS

    async def _is_first_back(self) -> bool:
        first = self._sources[0]
        try:
            await first.begin(back_seconds=0.0)
        except first.errors:
            return False
        return True

    def _lost(self, source: Source, error: Exception) -> None:
        self._source = None
        self._is_fresh = False
        if source is self._sources[0] and self.away_since is None:
            self.away_since = self._clock()
            logger.warning("Announcements are heard late, or not at all: %s", error)

    def _replay(self, watch: Watch, after_id: int) -> None:
        watch.hold()
        task = asyncio.create_task(self._replay_soon(watch, after_id))
        self._replaying.add(task)
        task.add_done_callback(self._replaying.discard)

    async def _replay_soon(self, watch: Watch, after_id: int) -> None:
        """The watcher may come from a process that was ahead of this one."""
        source = self._source
        newest = self._last_id
        replayed: list[News | Reset] | None = None
        if source is not None and after_id != newest:
            with contextlib.suppress(*source.errors):
                newest = max(newest, await source.begin(back_seconds=0.0))
                oldest = await source.oldest()
                entries = await source.after(after_id, limit=REPLAYED_AT_MOST)
                kept = [(number, body) for number, body in entries if body is not None]
                is_known = 0 < oldest <= after_id + 1 and after_id <= newest
                if is_known and len(kept) == len(entries) < REPLAYED_AT_MOST and source is self._source:
                    replayed = news_of(watch.project_id, kept)
                    newest = max(newest, kept[-1][0]) if kept else newest
        elif after_id == newest:
            replayed = []
        if replayed is None:
            replayed = [Reset(newest)]
        watch.release(replayed, to_id=newest)
