"""Announcements through Redis: a stream that the digest's side adds to and every web process reads.

The relational store has them as well: the stream only spares the store the questions of many web processes, and is believed
to have lost something whenever either side had to connect anew.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from redis import Redis
from redis.asyncio import Redis as AsyncioRedis
from redis.asyncio.retry import Retry as AsyncioRetry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

STREAM: Final = "mini-sentry:live"
KEPT_ENTRIES: Final = 10_000
CALL_SECONDS: Final = 0.25
"""How long anybody waits for an answer before Redis counts as away."""
RETRY_SECONDS: Final = 1.0
BLOCK_MILLISECONDS: Final = 1000
READ_SECONDS: Final = 2.0

BODIES_WAITING: Final = 1000
DOUBT: Final = b""
"""The body that says: something before may have been lost."""

_BODY: Final = b"body"
_SEQUENCES: Final = 1 << 12
"""A stream's ids are milliseconds and a number within; as one whole number they still fit into a browser's."""

logger = logging.getLogger(__name__)


def asyncio_client(url: str, *, seconds: float) -> "AsyncioRedis":
    """A client for one event loop that gives up after so many seconds, and tries nothing twice by itself."""
    return AsyncioRedis.from_url(
        url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=AsyncioRetry(NoBackoff(), 0)
    )


def client(url: str, *, seconds: float) -> "Redis":
    """The same for threads."""
    return Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=Retry(NoBackoff(), 0))


class RedisAnnouncements:
    """The stream as a source (`live.listening`)."""

    errors: tuple[type[Exception], ...] = (RedisError, OSError)

    def __init__(self, url: str) -> None:
        self._reader = asyncio_client(url, seconds=READ_SECONDS)
        self._asker = asyncio_client(url, seconds=CALL_SECONDS)

    async def begin(self, *, back_seconds: float) -> int:
        newest = _entries(await self._asker.xrevrange(STREAM, count=1))
        number = newest[0][0] if newest else 0
        if not back_seconds:
            return number
        seconds, microseconds = await self._asker.time()
        return min(number, int((seconds + microseconds / 1e6 - back_seconds) * 1000) * _SEQUENCES)

    async def oldest(self) -> int:
        entries = _entries(await self._asker.xrange(STREAM, count=1))
        return entries[0][0] if entries else 0

    async def after(self, number: int, *, limit: int) -> list[tuple[int, bytes | None]]:
        return _entries(await self._asker.xrange(STREAM, min=f"({_id(number)}", count=limit))

    async def wait(self, number: int, *, limit: int, hurry: asyncio.Event) -> list[tuple[int, bytes | None]]:
        found: Any = await self._reader.xread({STREAM: _id(number)}, count=limit, block=BLOCK_MILLISECONDS)
        streams = found.values() if isinstance(found, dict) else [entries for _, entries in found or ()]
        return [entry for entries in streams for entry in _entries(entries)]

    async def close(self) -> None:
        await self._reader.aclose()
        await self._asker.aclose()


class RedisHerald:
    """Adds announcements to the stream (`live.messages.Herald`), from a thread of its own.

    What cannot be added is dropped, and the first thing that is added afterwards says so. `away_since` is Unix seconds, None
    while Redis takes what it is told.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.time) -> None:
        self.away_since: float | None = None
        self._client = client(url, seconds=CALL_SECONDS)
        self._clock = clock
        self._bodies: deque[bytes] = deque(maxlen=BODIES_WAITING)
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="herald", daemon=True)

    def start(self) -> None:
        self._bodies.append(DOUBT)
        self._wanted.set()
        self._thread.start()

    def tell(self, body: bytes) -> None:
        if self.away_since is None:
            self._bodies.append(body)
            self._wanted.set()

    def stop(self) -> None:
        """Tell what is left, and wait a moment for it."""
        self._stopping.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join(CALL_SECONDS * 4)

    def _run(self) -> None:
        while not self._stopping.is_set() or self._bodies:
            self._wanted.wait()
            self._wanted.clear()
            bodies = []
            while self._bodies:
                bodies.append(self._bodies.popleft())
            try:
                self._add(bodies)
            except (RedisError, OSError) as error:
                if self.away_since is None:
                    self.away_since = self._clock()
                    logger.warning("Redis is away (%s): open pages hear of batches from the relational store", error)
                self._bodies.clear()
                self._stopping.wait(RETRY_SECONDS)
                if self._stopping.is_set():
                    break
                self._bodies.append(DOUBT)
                self._wanted.set()
            else:
                if self.away_since is not None:
                    self.away_since = None
                    logger.info("Redis hears of batches again")
        self._client.close()

    def _add(self, bodies: list[bytes]) -> None:
        if not bodies:
            return
        with self._client.pipeline(transaction=False) as pipeline:
            for body in bodies:
                pipeline.xadd(STREAM, {_BODY: body}, maxlen=KEPT_ENTRIES, approximate=True)
            pipeline.execute()


def _number(entry_id: bytes) -> int:
    milliseconds, _, sequence = entry_id.partition(b"-")
    return int(milliseconds) * _SEQUENCES + min(int(sequence), _SEQUENCES - 1)


def _id(number: int) -> str:
    return f"{number // _SEQUENCES}-{number % _SEQUENCES}"


def _entries(entries: Any) -> list[tuple[int, bytes | None]]:
    return [(_number(entry_id), fields.get(_BODY, DOUBT) or None) for entry_id, fields in entries]
