"""Hearing of batches as they land: waiters of one record, and watchers of one project.

Embedded, the bus is the table `live_announcement` in the relational store's SQLite file, read with a connection of its own and
without Django. While anyone waits or watches, the event loop looks every 10 ms whether the file has changed (a few
microseconds), and only then reads what is new. Nobody waiting costs nothing.

A `Bus` belongs to one event loop; all its methods are called there.
"""

import asyncio
import logging
import sqlite3
from collections import deque
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from mini_sentry.live.messages import Announcement, Fate, ProjectNews, decode

POLL_SECONDS: Final = 0.010
ROWS_PER_LOOK: Final = 200
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

    async def take(self, *, timeout_seconds: float) -> list[News | Reset]:
        """All that has gathered, oldest first; waits for the first. Empty when the time is over."""
        if not self._queue:
            self._filled.clear()
            try:
                await asyncio.wait_for(self._filled.wait(), timeout_seconds)
            except TimeoutError:
                return []
        taken = list(self._queue)
        self._queue.clear()
        return taken

    def put(self, message: News | Reset) -> None:
        if len(self._queue) >= QUEUED_AT_MOST or isinstance(message, Reset):
            self._queue.clear()
            message = Reset(message.id)
        self._queue.append(message)
        self._filled.set()


class Bus:
    """`path` is the relational store's SQLite file. It may be missing or locked for now: then nothing is heard."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._waiting: dict[bytes, asyncio.Future[Fate]] = {}
        self._watches: set[Watch] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._seen_version: int | None = None
        self._last_id = 0
        self._is_lost = False

    def expect(self, project_id: int, record_id: bytes) -> asyncio.Future[Fate]:
        """The fate of a record that is about to be appended. It may never come: wait with a time limit, cancel to stop."""
        self._listen()
        future: asyncio.Future[Fate] = asyncio.get_running_loop().create_future()
        self._waiting[record_id] = future
        future.add_done_callback(lambda _: self._waiting.pop(record_id, None))
        return future

    def watch(self, project_id: int, after_id: int | None = None) -> Watch:
        """Hear of the project from now on, or from after announcement `after_id`; give it back with `unwatch`.

        What was announced since `after_id` is in the queue at once; a Reset when that is not known any more.
        """
        self._listen()
        watch = Watch(project_id, self._last_id if after_id is None else after_id)
        self._watches.add(watch)
        if after_id is not None:
            self._replay(watch, after_id)
        return watch

    def unwatch(self, watch: Watch) -> None:
        self._watches.discard(watch)

    def close(self) -> None:
        """Stop listening. Whoever still waits is cancelled."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for future in list(self._waiting.values()):
            future.cancel()
        self._waiting.clear()
        self._watches.clear()
        self._disconnect()

    def _listen(self) -> None:
        """Begin to look, from what is announced next; when listening already, nothing changes."""
        if self._timer is not None:
            return
        self._seen_version = None
        try:
            self._find_end()
        except sqlite3.Error as error:
            self._is_lost = True
            self._fail(error)
        self._timer = asyncio.get_running_loop().call_later(POLL_SECONDS, self._tick)

    def _find_end(self) -> None:
        [(self._last_id,)] = self._query("SELECT coalesce(max(id), 0) FROM live_announcement")
        self._is_lost = False

    def _tick(self) -> None:
        self._timer = None
        if not self._waiting and not self._watches:
            return
        try:
            self._look()
        except sqlite3.Error as error:
            self._fail(error)
        self._timer = asyncio.get_running_loop().call_later(POLL_SECONDS, self._tick)

    def _look(self) -> None:
        if self._is_lost:
            self._find_end()
            for watch in self._watches:
                watch.put(Reset(self._last_id))
        [(version,)] = self._query("PRAGMA data_version")
        if version == self._seen_version:
            return
        rows = self._rows(self._last_id, limit=ROWS_PER_LOOK)
        for number, body in rows:
            self._last_id = number
            announcement = _decoded(number, body)
            for fate in announcement.fates:
                future = self._waiting.get(fate.record_id)
                if future is not None and not future.done():
                    future.set_result(fate)
            if self._watches:
                by_project = {news.project_id: news for news in announcement.projects}
                for watch in self._watches:
                    if watch.project_id in by_project:
                        watch.put(News(number, by_project[watch.project_id]))
        if len(rows) < ROWS_PER_LOOK:
            self._seen_version = version

    def _replay(self, watch: Watch, after_id: int) -> None:
        try:
            [(oldest,)] = self._query("SELECT coalesce(min(id), 0) FROM live_announcement")
            is_known = oldest - 1 <= after_id <= self._last_id and self._last_id - after_id <= REPLAYED_AT_MOST
            rows = self._rows(after_id, limit=REPLAYED_AT_MOST) if is_known else []
        except sqlite3.Error as error:
            self._fail(error)
            is_known, rows = False, []
        if not is_known:
            watch.put(Reset(self._last_id))
        for number, body in rows:
            if number <= self._last_id:
                for news in _decoded(number, body).projects:
                    if news.project_id == watch.project_id:
                        watch.put(News(number, news))

    def _rows(self, after_id: int, *, limit: int) -> list[tuple[int, bytes]]:
        sql = "SELECT id, body FROM live_announcement WHERE id > ? ORDER BY id LIMIT ?"
        return self._query(sql, after_id, limit)

    def _query(self, sql: str, *values: int) -> list[tuple[Any, ...]]:
        if self._connection is None:
            # `mode=rw` does not make the file, and without a timeout a lock never holds up the event loop.
            self._connection = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=rw", uri=True, timeout=0)
        return self._connection.execute(sql, values).fetchall()

    def _fail(self, error: sqlite3.Error) -> None:
        """The next look opens the file again; what was announced meanwhile is still there."""
        logger.debug("the announcements cannot be read: %s", error)
        self._disconnect()

    def _disconnect(self) -> None:
        self._seen_version = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _decoded(number: int, body: bytes) -> Announcement:
    try:
        return decode(body)
    except msgspec.MsgspecError:
        logger.warning("announcement %d cannot be read", number)
        return Announcement()
