"""The embedded bus: the table `live_announcement` in the relational store's SQLite file, read without Django.

While anyone waits or watches, the event loop looks every 10 ms whether the file has changed (a few microseconds), and only
then reads what is new. Nobody waiting costs nothing.
"""

import asyncio
import logging
import sqlite3
import time
from pathlib import Path
from typing import Any, Final

from mini_sentry.live.bus import REPLAYED_AT_MOST, Bus, Reset, Watch, news_of

POLL_SECONDS: Final = 0.010
ROWS_PER_LOOK: Final = 200

logger = logging.getLogger(__name__)


class AnnouncementFile:
    """The table as the bus reads it. Opens on first use and after an error; every method but `close` raises sqlite3.Error.

    The file may be missing or locked for now; a lock is never waited for.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def version(self) -> int:
        """Changes whenever another connection has written to the file."""
        [(version,)] = self._query("PRAGMA data_version")
        return int(version)

    def newest(self) -> int:
        [(number,)] = self._query("SELECT coalesce(max(id), 0) FROM live_announcement")
        return int(number)

    def newest_before(self, unix_seconds: float) -> int:
        [(number,)] = self._query(
            "SELECT coalesce(max(id), 0) FROM live_announcement WHERE created_at < ?", unix_seconds
        )
        return int(number)

    def oldest(self) -> int:
        [(number,)] = self._query("SELECT coalesce(min(id), 0) FROM live_announcement")
        return int(number)

    def after(self, number: int, *, limit: int) -> list[tuple[int, bytes]]:
        return self._query("SELECT id, body FROM live_announcement WHERE id > ? ORDER BY id LIMIT ?", number, limit)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _query(self, sql: str, *values: float) -> list[tuple[Any, ...]]:
        if self._connection is None:
            # `mode=rw` does not make the file, and without a timeout a lock never holds up the event loop.
            self._connection = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=rw", uri=True, timeout=0)
        return self._connection.execute(sql, values).fetchall()


class SqliteBus(Bus):
    """`path` is the relational store's SQLite file. While it is missing or locked nothing is heard."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = AnnouncementFile(path)
        self._timer: asyncio.TimerHandle | None = None
        self._seen_version: int | None = None
        self._is_lost = False

    async def start(self) -> None:
        return

    async def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._end()
        self._disconnect()

    def _listen(self) -> None:
        """Begin to look, from what is announced next; when listening already, nothing changes."""
        if self._timer is not None:
            return
        self._seen_version = None
        try:
            self._last_id = self._file.newest()
            self._is_lost = False
        except sqlite3.Error as error:
            self._is_lost = True
            self._fail(error)
        self._timer = asyncio.get_running_loop().call_later(POLL_SECONDS, self._tick)

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
            self._reset(self._file.newest())
            self._is_lost = False
        version = self._file.version()
        if version == self._seen_version:
            return
        rows = self._file.after(self._last_id, limit=ROWS_PER_LOOK)
        for number, body in rows:
            self._hear(number, body)
        if len(rows) < ROWS_PER_LOOK:
            self._seen_version = version

    def _replay(self, watch: Watch, after_id: int) -> None:
        try:
            oldest = self._file.oldest()
            is_known = oldest - 1 <= after_id <= self._last_id and self._last_id - after_id <= REPLAYED_AT_MOST
            rows = self._file.after(after_id, limit=REPLAYED_AT_MOST) if is_known else []
        except sqlite3.Error as error:
            self._fail(error)
            is_known, rows = False, []
        if not is_known:
            watch.put(Reset(self._last_id))
        for message in news_of(watch.project_id, [row for row in rows if row[0] <= self._last_id]):
            watch.put(message)

    def _fail(self, error: sqlite3.Error) -> None:
        """The next look opens the file again; what was announced meanwhile is still there."""
        logger.debug("the announcements cannot be read: %s", error)
        self._disconnect()

    def _disconnect(self) -> None:
        self._seen_version = None
        self._file.close()


class SqliteAnnouncements:
    """The same table as a source (`live.listening`): what is heard while Redis is away and the store is embedded."""

    errors: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(self, path: Path) -> None:
        self._file = AnnouncementFile(path)

    async def begin(self, *, back_seconds: float) -> int:
        return self._file.newest_before(time.time() - back_seconds)

    async def oldest(self) -> int:
        return self._file.oldest()

    async def after(self, number: int, *, limit: int) -> list[tuple[int, bytes]]:
        return self._file.after(number, limit=limit)

    async def wait(self, number: int, *, limit: int, hurry: asyncio.Event) -> list[tuple[int, bytes]]:
        await asyncio.sleep(POLL_SECONDS * 10)
        return self._file.after(number, limit=limit)

    async def close(self) -> None:
        self._file.close()
