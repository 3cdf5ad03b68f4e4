"""Whether there is room to accept anything at all: free disk, and how far the digest is behind."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mini_sentry.protocol.outcomes import Reason
from mini_sentry.streams.log import LogError

logger = logging.getLogger(__name__)


class Disk(NamedTuple):
    """What an unprivileged process may still write, and how large the file system is."""

    free_bytes: int
    total_bytes: int


class Closed(NamedTuple):
    """Why the edge takes nothing, in words for the client, and after how many seconds it is worth another try."""

    reason: Reason
    detail: str
    retry_after_seconds: int


DISK_FULL = Closed(Reason.DISK_FULL, "The server's disk is nearly full.", 60)
BACKLOG = Closed(Reason.BACKLOG, "The server is too far behind.", 10)
UNREACHABLE = Closed(Reason.BACKLOG, "The server cannot store anything right now.", 10)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Below `free_bytes`, or below `free_share` of the disk, or with more than `backlog_bytes` waiting, nothing passes."""

    free_bytes: int = 1 << 30
    free_share: float = 0.05
    backlog_bytes: int = 8 << 30


def judge(disk: Disk, backlog_bytes: int, thresholds: Thresholds) -> Closed | None:
    """None while there is room. A full disk is named before a backlog, because it is what somebody must act on."""
    if disk.free_bytes < thresholds.free_bytes or disk.free_bytes < thresholds.free_share * disk.total_bytes:
        return DISK_FULL
    if backlog_bytes > thresholds.backlog_bytes:
        return BACKLOG
    return None


def disk_of(path: Path) -> Disk:
    """The file system that `path` lies on. Raises OSError."""
    facts = os.statvfs(path)
    return Disk(facts.f_bavail * facts.f_frsize, facts.f_blocks * facts.f_frsize)


class Guard:
    """Looks once a second; `closed` is what it saw last, None while there is room.

    `disk` and `backlog_bytes` may block and are called in a thread. What one of them cannot tell closes nothing: the
    append itself fails soon enough.
    """

    def __init__(
        self,
        *,
        disk: Callable[[], Disk],
        backlog_bytes: Callable[[], int],
        thresholds: Thresholds,
        every_seconds: float = 1.0,
    ) -> None:
        self.closed: Closed | None = None
        self._disk = disk
        self._backlog_bytes = backlog_bytes
        self._thresholds = thresholds
        self._every_seconds = every_seconds
        self._looking: asyncio.Task[None] | None = None
        # Always the same thread: a log keeps a connection for each that asks it something.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="guard")

    async def start(self) -> None:
        await self._look_aside()
        self._looking = asyncio.create_task(self._look_again_and_again())

    async def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking
        self._thread.shutdown(wait=True)

    def look(self) -> None:
        """Look once, now. Blocks."""
        try:
            disk = self._disk()
        except OSError:
            disk = Disk(self._thresholds.free_bytes, 0)
        try:
            backlog_bytes = self._backlog_bytes()
        except LogError:
            backlog_bytes = 0
        self.closed = judge(disk, backlog_bytes, self._thresholds)

    async def _look_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(self._every_seconds)
            try:
                await self._look_aside()
            except Exception:
                # The next look may succeed; until then the last one counts.
                logger.exception("Could not look at the disk and the log")

    async def _look_aside(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self.look)
