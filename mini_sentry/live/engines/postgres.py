"""Announcements from PostgreSQL: the table `live_announcement`, asked ten times a second while anyone waits or watches.

Ids are taken in the order of commits (a trigger sees to it), so what is newer than the last one seen is all that is new.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from typing import Any, Final

import psycopg

POLL_SECONDS: Final = 0.1
IDLE_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 5.0


class PostgresAnnouncements:
    """A source (`live.listening`) over one connection of its own. `parameters` are those of `psycopg.connect`."""

    errors: tuple[type[Exception], ...] = (psycopg.Error, OSError, TimeoutError)

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self._parameters = {"connect_timeout": 5, **parameters}
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self._mutex = asyncio.Lock()

    async def begin(self, *, back_seconds: float) -> int:
        before = time.time() - back_seconds
        sql = "SELECT coalesce(max(id), 0) FROM live_announcement WHERE %s = 0 OR created_at < %s"
        [(number,)] = await self._query(sql, back_seconds, before)
        return int(number)

    async def oldest(self) -> int:
        [(number,)] = await self._query("SELECT coalesce(min(id), 0) FROM live_announcement")
        return int(number)

    async def after(self, number: int, *, limit: int) -> list[tuple[int, bytes]]:
        sql = "SELECT id, body FROM live_announcement WHERE id > %s ORDER BY id LIMIT %s"
        return [(row_id, bytes(body)) for row_id, body in await self._query(sql, number, limit)]

    async def wait(self, number: int, *, limit: int, hurry: asyncio.Event) -> list[tuple[int, bytes]]:
        if hurry.is_set():
            await asyncio.sleep(POLL_SECONDS)
        else:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_SECONDS):
                    await hurry.wait()
        return await self.after(number, limit=limit)

    async def close(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()

    async def _query(self, sql: str, *values: float) -> list[tuple[Any, ...]]:
        """Raises one of `errors`, and then the next question is asked over a new connection."""
        async with self._mutex:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    if self._connection is None:
                        self._connection = await psycopg.AsyncConnection.connect(**self._parameters, autocommit=True)
                    cursor = await self._connection.execute(sql, values)
                    return await cursor.fetchall()
            except BaseException:
                if self._connection is not None:
                    connection, self._connection = self._connection, None
                    await connection.close()
                raise
