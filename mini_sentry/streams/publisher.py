"""Appending from an event loop: a future per record, one wake-up of the loop per group commit."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from mini_sentry.streams.log import Log


class Waiter(Protocol):
    """Who waits for a record to be durable: the part of a future that is used here. Told nothing once it is `done`."""

    def done(self) -> bool: ...

    def set_result(self, result: None, /) -> None: ...

    def set_exception(self, error: Exception, /) -> None: ...


class Publisher:
    """Belongs to one event loop. Its futures resolve when the record is durable, or fail with the log's LogError."""

    def __init__(
        self, log: Log, loop: asyncio.AbstractEventLoop, *, count: Callable[[int], None] = lambda quantity: None
    ) -> None:
        """`count` hears of each group commit how many records it made durable, in a thread of the log's."""
        self._loop = loop
        self._count = count
        self._submit = log.producer(self._committed)

    def publish(self, topic: str, key: bytes, value: bytes) -> asyncio.Future[None]:
        """Queue one record; never blocks. A future that nobody waits for any more does not take its record back.

        Raises LogUnavailable when the log is closed.
        """
        future: asyncio.Future[None] = self._loop.create_future()
        self._submit(topic, key, value, future)
        return future

    def submit(self, topic: str, key: bytes, value: bytes, waiter: Waiter) -> None:
        """As `publish`, for a waiter of one's own, which is called in the event loop."""
        self._submit(topic, key, value, waiter)

    def _committed(self, futures: list[Any], error: Exception | None) -> None:
        if error is None:
            self._count(len(futures))
        try:
            self._loop.call_soon_threadsafe(_resolve, futures, error)
        except RuntimeError:
            # The loop has ended, and with it everyone who waited.
            if not self._loop.is_closed():
                raise


def _resolve(futures: list[Waiter], error: Exception | None) -> None:
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
