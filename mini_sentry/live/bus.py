"""Hearing of batches as they land: waiters of one record, and watchers of one project.

A `Bus` belongs to one event loop; all its methods are called there, between `start` and `stop`. Where the announcements come
from is the engine's business (`engines/`): the embedded one reads the relational store's file, the others are told by Redis or
ask PostgreSQL (`listening`). An announcement's id grows within one engine; what is resumed with another's id gets a Reset.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

from mini_sentry.live.messages import Announcement, Fate, ProjectNews, decode

REPLAYED_AT_MOST: Final = 2000
QUEUED_AT_MOST: Final = 500

logger = logging.getLogger(__name__)


class News(NamedTuple):
    """One announcement's part about the watched project. `id` is the announcement's, to resume from."""

    id: int
    project: ProjectNews


class Reset(NamedTuple):
    """What was announced up to `id` is not kept any more, or was too much: read everything afresh, then go on from `id`."""

    id: int


class Watch:
    """One watcher's queue. `id` is where it began: News and Resets that follow have higher or equal ids."""

    def __init__(self, project_id: int, start_id: int) -> None:
        self.project_id = project_id
        self.id = start_id
        self._queue: deque[News | Reset] = deque()
        self._filled = asyncio.Event()
        self._held: list[News | Reset] | None = None
        self._heard_to = start_id

    async def take(self, *, timeout_seconds: float) -> list[News | Reset]:
        """All that has gathered, oldest first; waits for the first. Empty when the time is over."""
        if not self._queue:
            self._filled.clear()
            try:
                async with asyncio.timeout(timeout_seconds):
                    await self._filled.wait()
            except TimeoutError:
                return []
        taken = list(self._queue)
        self._queue.clear()
        return taken

    def put(self, message: News | Reset) -> None:
        """News that the watcher has heard of already, in another process, are left out."""
        if isinstance(message, Reset):
            self._heard_to = message.id
        elif message.id <= self._heard_to:
            return
        if self._held is not None and len(self._held) < QUEUED_AT_MOST:
            self._held.append(message)
            return
        if len(self._queue) >= QUEUED_AT_MOST or isinstance(message, Reset):
            self._queue.clear()
            message = Reset(message.id)
        self._queue.append(message)
        self._filled.set()

    def hold(self) -> None:
        """Keep what comes aside until `release`, because something older is still to come."""
        self._held = []

    def release(self, earlier: list[News | Reset], *, to_id: int) -> None:
        """Put what came `earlier`, up to the announcement `to_id`, then what was held and is newer than that."""
        held, self._held = self._held or [], None
        for message in earlier:
            self.put(message)
        self._heard_to = to_id
        for message in held:
            self.put(message)


class Bus(ABC):
    """What is common to all engines: who waits, who watches, and what an announcement means to each of them.

    `away_since` says since when the place that is listened to is away, in Unix seconds; None while it is not.
    """

    def __init__(self) -> None:
        self.away_since: float | None = None
        self._waiting: dict[bytes, asyncio.Future[Fate]] = {}
        self._watches: set[Watch] = set()
        self._last_id = 0

    @abstractmethod
    async def start(self) -> None: ...

    @abstractmethod
    async def stop(self) -> None:
        """Stop listening. Whoever still waits is cancelled."""

    @abstractmethod
    def _listen(self) -> None:
        """Somebody begins to wait or to watch: hear what is announced from now on."""

    @abstractmethod
    def _replay(self, watch: Watch, after_id: int) -> None:
        """Put what was announced since `after_id`, or a Reset when that is not known any more."""

    def expect(self, project_id: int, record_id: bytes) -> asyncio.Future[Fate]:
        """The fate of a record that is about to be appended. It may never come: wait with a time limit, cancel to stop."""
        self._listen()
        future: asyncio.Future[Fate] = asyncio.get_running_loop().create_future()
        self._waiting[record_id] = future
        future.add_done_callback(lambda _: self._waiting.pop(record_id, None))
        return future

    def watch(self, project_id: int, after_id: int | None = None) -> Watch:
        """Hear of the project from now on, or from after announcement `after_id`; give it back with `unwatch`.

        What was announced since `after_id` comes first; a Reset when that is not known any more.
        """
        self._listen()
        watch = Watch(project_id, self._last_id if after_id is None else after_id)
        self._watches.add(watch)
        if after_id is not None:
            self._replay(watch, after_id)
        return watch

    def unwatch(self, watch: Watch) -> None:
        self._watches.discard(watch)

    def _hear(self, number: int, body: bytes) -> None:
        """One announcement, newer than all before it."""
        self._last_id = number
        if not self._waiting and not self._watches:
            return
        announcement = decoded(number, body)
        for fate in announcement.fates:
            future = self._waiting.get(fate.record_id)
            if future is not None and not future.done():
                future.set_result(fate)
        if self._watches:
            by_project = {news.project_id: news for news in announcement.projects}
            for watch in self._watches:
                if watch.project_id in by_project:
                    watch.put(News(number, by_project[watch.project_id]))

    def _reset(self, number: int) -> None:
        """Something was missed, or may have been: whoever watches goes on from `number`."""
        self._last_id = number
        for watch in self._watches:
            watch.put(Reset(number))

    def _end(self) -> None:
        for future in list(self._waiting.values()):
            future.cancel()
        self._waiting.clear()
        self._watches.clear()


async def cancelled(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel and wait. Once more for a task that did not hear it, as one that was just getting what it waited for may."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=0.1)


def news_of(project_id: int, entries: list[tuple[int, bytes]]) -> list[News | Reset]:
    """What the announcements in `entries` say of one project."""
    return [
        News(number, news)
        for number, body in entries
        for news in decoded(number, body).projects
        if news.project_id == project_id
    ]


def decoded(number: int, body: bytes) -> Announcement:
    """An announcement that cannot be read says nothing, and hides no other."""
    try:
        return decode(body)
    except msgspec.MsgspecError:
        logger.warning("announcement %d cannot be read", number)
        return Announcement()
