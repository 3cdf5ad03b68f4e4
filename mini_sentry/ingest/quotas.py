"""How much of a project passes in a minute, and the headers that tell an SDK about the rest.

One rule for every engine: minutes of the clock are windows; in each a project may send so many events (whichever way
they come in) and, counted apart, so many session items. What does not fit is refused until the minute ends. Client
reports are never counted here.
"""

import fcntl
import math
import mmap
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple, Protocol

WINDOW_SECONDS: Final = 60
WINDOWS_AHEAD: Final = 2
"""How many windows ahead of the clock a count is believed: further ahead, the clock was set back and the count is void."""


class Bucket(IntEnum):
    EVENTS = 0
    SESSIONS = 1


CATEGORIES: Final[dict[Bucket, str]] = {
    # An attachment goes with its event: without the event there is nothing to attach it to.
    Bucket.EVENTS: "error;default;security;attachment",
    Bucket.SESSIONS: "session",
}


class Admission(NamedTuple):
    """How many items pass, and after how many whole seconds more may be tried (0 when all pass)."""

    admitted: int
    retry_after_seconds: int


class QuotasUnavailable(Exception):
    """The counts cannot be kept: no room for them, or their keeper is away."""


Told = Callable[[Admission | QuotasUnavailable], None]
"""Hears the answer to a question that had to be waited for."""


class Quotas(Protocol):
    """Counts per project and minute. What one process admitted, the others know at once; exactly the limit passes.

    `away_since` says since when the common counts are away and this machine counts for itself, in Unix seconds.
    """

    away_since: float | None

    async def start(self) -> None:
        """Called once, in the event loop that asks."""

    def admit(self, project_id: int, bucket: Bucket, quantity: int, *, now: float) -> Admission | None:
        """Let as many of `quantity` items pass as still fit. `now` is Unix seconds. Raises QuotasUnavailable.

        None when the answer must be waited for, and then nothing is counted: `ask`. Called by one thread at a time.
        """

    def ask_soon(self, project_id: int, bucket: Bucket, quantity: int, *, now: float, then: Told) -> None:
        """The same, answered by a call of `then` in the event loop."""

    async def ask(self, project_id: int, bucket: Bucket, quantity: int, *, now: float) -> Admission:
        """The same, waited for. Never for long: counts that are far away are replaced by this machine's own meanwhile."""

    async def stop(self) -> None: ...


class _AtOnce(ABC):
    """The part of an engine that can always tell at once and holds nothing of an event loop."""

    away_since: float | None = None

    @abstractmethod
    def admit(self, project_id: int, bucket: Bucket, quantity: int, *, now: float) -> Admission: ...

    @abstractmethod
    def close(self) -> None: ...

    def ask_soon(self, project_id: int, bucket: Bucket, quantity: int, *, now: float, then: Told) -> None:
        try:
            told: Admission | QuotasUnavailable = self.admit(project_id, bucket, quantity, now=now)
        except QuotasUnavailable as error:
            told = error
        then(told)

    async def start(self) -> None:
        return

    async def ask(self, project_id: int, bucket: Bucket, quantity: int, *, now: float) -> Admission:
        return self.admit(project_id, bucket, quantity, now=now)

    async def stop(self) -> None:
        self.close()


def window_at(now: float, counted_in: int) -> int:
    """The window to count in, given the one that was counted in last: the clock's, or one just ahead of it.

    A clock that was set back a little must not open the same minute twice; one that was set back a lot must not keep a
    full window closed for longer than `WINDOWS_AHEAD` minutes.
    """
    window = int(now // WINDOW_SECONDS)
    return counted_in if window < counted_in <= window + WINDOWS_AHEAD else window


def seconds_left(window: int, now: float) -> int:
    return max(1, math.ceil((window + 1) * WINDOW_SECONDS - now))


def rate_limit_headers(refused: Sequence[tuple[Bucket, int]]) -> list[tuple[bytes, bytes]]:
    """The headers for what did not pass: per bucket, the seconds until it may be tried again.

    Spec: https://develop.sentry.dev/sdk/expected-features/rate-limiting/
    """
    limits = ", ".join(f"{seconds}:{CATEGORIES[bucket]}:project:project_limit" for bucket, seconds in refused)
    longest = max(seconds for _, seconds in refused)
    return [(b"retry-after", b"%d" % longest), (b"x-sentry-rate-limits", limits.encode())]


class MemoryQuotas(_AtOnce):
    """Counts of one process, for tests and for a single web process."""

    def __init__(self, *, events_per_minute: int, sessions_per_minute: int) -> None:
        """A limit of 0 means no limit."""
        self._limits = (events_per_minute, sessions_per_minute)
        self._counts: dict[int, tuple[int, list[int]]] = {}

    def admit(self, project_id: int, bucket: Bucket, quantity: int, *, now: float) -> Admission:
        limit = self._limits[bucket]
        if not limit:
            return Admission(quantity, 0)
        counted_in, used = self._counts.get(project_id, (0, [0, 0]))
        window = window_at(now, counted_in)
        if window != counted_in:
            used = [0, 0]
        admitted = max(0, min(quantity, limit - used[bucket]))
        used[bucket] += admitted
        self._counts[project_id] = (window, used)
        return Admission(admitted, 0 if admitted == quantity else seconds_left(window, now))

    def close(self) -> None:
        self._counts.clear()


_NUMBERS_PER_SLOT: Final = 4  # window, events, sessions, nothing; 32 bits each, as the machine writes them
_SLOT_BYTES: Final = 16
_MAGIC: Final = b"mini-sentry q1\0\0"


class MappedQuotas(_AtOnce):
    """Counts in a file that several web processes on one machine map into memory; `flock` keeps them apart.

    Project ids are small and dense, so a project's slot lies at `project_id * 16` and never moves; no project has the
    id 0, whose slot holds the name of the layout. The kernel frees the lock of a process that dies.
    """

    def __init__(self, path: Path, *, events_per_minute: int, sessions_per_minute: int, projects: int = 4096) -> None:
        """A limit of 0 means no limit. `projects` is how many ids to make room for at first; the file grows on demand.

        Raises QuotasUnavailable when the file cannot be made.
        """
        self._limits = (events_per_minute, sessions_per_minute)
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                self._map = self._mapped(projects * _SLOT_BYTES)
            except BaseException:
                os.close(self._file)
                raise
        except OSError as error:
            raise QuotasUnavailable(f"{path}: {error.strerror}") from error
        self._numbers = memoryview(self._map).cast("I")

    def admit(self, project_id: int, bucket: Bucket, quantity: int, *, now: float) -> Admission:
        limit = self._limits[bucket]
        if not limit:
            return Admission(quantity, 0)
        start = project_id * _NUMBERS_PER_SLOT
        if start >= len(self._numbers):
            self._grow((project_id + 1) * _SLOT_BYTES)
        numbers = self._numbers
        used = start + 1 + bucket
        window = int(now // WINDOW_SECONDS)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            counted_in = numbers[start]
            if counted_in != window:
                window = window_at(now, counted_in)
                if counted_in != window:
                    numbers[start + 1] = numbers[start + 2] = 0
                    numbers[start] = window
            left = limit - numbers[used]
            admitted = quantity if quantity <= left else max(left, 0)
            numbers[used] += admitted
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        return Admission(admitted, 0 if admitted == quantity else seconds_left(window, now))

    def close(self) -> None:
        self._numbers.release()
        self._map.close()
        os.close(self._file)

    def _grow(self, bytes_needed: int) -> None:
        try:
            grown = self._mapped(bytes_needed)
        except OSError as error:
            raise QuotasUnavailable(f"no room for the counts: {error.strerror}") from error
        self._numbers.release()
        self._map.close()
        self._map = grown
        self._numbers = memoryview(grown).cast("I")

    def _mapped(self, bytes_needed: int) -> mmap.mmap:
        """The whole file, at least `bytes_needed` long. Raises OSError."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            size = os.fstat(self._file).st_size
            if size < bytes_needed or size % mmap.PAGESIZE:
                size = 1 << (max(bytes_needed, size, mmap.PAGESIZE) - 1).bit_length()
                # Real blocks, not a hole: a full disk must be an error here, not a SIGBUS at the first write.
                os.posix_fallocate(self._file, 0, size)
            mapped = mmap.mmap(self._file, size)
            if mapped[: len(_MAGIC)] != _MAGIC:
                mapped[:] = bytes(size)
                mapped[: len(_MAGIC)] = _MAGIC
            return mapped
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
