"""The loop of a reader: poll, hand a batch over, commit; and what happens when that fails.

- Operational errors (something is away, locked or full) are nobody's data: back off, keep the position, try again.
- Any other error is taken for the data's: the batch is halved until the record that fails stands alone, and that one is
  buried as a dead letter while the others go on.
- A process that dies over the same records twice comes back to them one by one, and buries the one that kills it twice.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from mini_sentry.streams.attempts import Attempts
from mini_sentry.streams.log import Log, LogError, Reading, Record
from mini_sentry.streams.topics import DEAD_LETTERS, DeadLetter, pack_dead_letter

BATCH_RECORDS: Final = 1000
BATCH_BYTES: Final = 16 << 20
LINGER_SECONDS: Final = 0.05
LINGER_ABOVE: Final = 100
POLL_SECONDS: Final = 0.25
FIRST_BACK_OFF_SECONDS: Final = 0.1
LONGEST_BACK_OFF_SECONDS: Final = 5.0
LAG_EVERY_SECONDS: Final = 0.5
SUSPICIOUS_DEATHS: Final = 10
"""Dead letters in a row after which each further one waits: so many are rather the fault of what is around them."""

logger = logging.getLogger(__name__)


class Unavailable(Exception):
    """Something that the work needs is away, locked or full for now: the same batch may succeed later."""


class BadRecord(ValueError):
    """A record cannot be worked on, however often one tries. The message becomes the dead letter's detail."""


class Handler(Protocol):
    """The work on a topic's records. Used by one thread.

    `operational_errors` are the exceptions, beside Unavailable, LogError and OSError, that mean "try again later".
    """

    operational_errors: tuple[type[Exception], ...]

    def resume(self) -> int | None:
        """The next offset wanted; None for the first one kept. Asked at the start and after each operational error."""

    def handle(self, records: Sequence[Record]) -> None:
        """Do the work on a batch, all of it or nothing; a handler that keeps its own position moves it with the work.

        The same batch, or parts of it, may come again.
        """

    def bury(self, record: Record, reason: str) -> None:
        """Give the record up: make it a dead letter, and move the handler's own position past it."""


class LogHandler:
    """A handler whose position is what the log has committed for its group.

    `reading` is the log through the eyes of a group's member, None for the log itself.
    """

    def __init__(
        self,
        log: Log,
        group: str,
        topic: str,
        handle: Callable[[Sequence[Record]], None],
        *,
        operational_errors: tuple[type[Exception], ...] = (),
        clock: Callable[[], float] = time.time,
        reading: Reading | None = None,
        partition: int = 0,
    ) -> None:
        self.operational_errors = operational_errors
        self.handle = handle
        self._log = log
        self._reading = reading or log
        self._partition = partition
        self._group = group
        self._topic = topic
        self._clock = clock

    def resume(self) -> int:
        return self._reading.position(self._group, self._topic, self._partition)

    def bury(self, record: Record, reason: str) -> None:
        letter = DeadLetter(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            died_at=self._clock(),
            reason="given up",
            detail=reason,
            value=record.value,
        )
        self._log.append(DEAD_LETTERS, [(record.key, pack_dead_letter(letter))])


@dataclass(slots=True)
class Status:
    """How a consumer fares, written by its thread and read by any other. Times are Unix seconds, None means never.

    `batch_seconds` is how long the last batch took, `busy_seconds` all of them. `error` is what it is backing off from, None when all is well. `gap_records` were lost to trimming before they were read.
    """

    group: str
    topic: str
    partition: int = 0
    position: int = 0
    lag: int = 0
    batch_count: int = 0
    record_count: int = 0
    batch_seconds: float = 0.0
    busy_seconds: float = 0.0
    dead_letter_count: int = 0
    gap_records: int = 0
    error: str | None = None
    last_error: str | None = None
    last_error_at: float | None = None
    last_success_at: float | None = None


@dataclass(slots=True)
class Consumer:
    """Reads one partition of `topic` for `group` and hands its records to `handler`.

    After each batch the position is also committed to the log, which trims and measures lag by it. `attempts_path` is a file
    that remembers over a crash what was being handled; None goes without. `on_gap(wanted, first)` hears that the records
    from offset `wanted` to before `first` are gone.
    """

    log: Reading
    group: str
    topic: str
    handler: Handler
    partition: int = field(default=0, kw_only=True)
    attempts_path: Path | None = None
    on_gap: Callable[[int, int], None] | None = None
    batch_records: int = BATCH_RECORDS
    batch_bytes: int = BATCH_BYTES
    clock: Callable[[], float] = time.time
    status: Status = field(init=False)
    _attempts: Attempts = field(init=False)
    _operational: tuple[type[Exception], ...] = field(init=False)
    _position: int | None = None
    _alone_until: int = 0
    _last_batch_records: int = 0
    _deaths_in_a_row: int = 0
    _failures_in_a_row: int = 0
    _lag_known_at: float = 0.0

    def __post_init__(self) -> None:
        self.status = Status(self.group, self.topic, self.partition)
        self._attempts = Attempts(self.attempts_path)
        self._operational = (Unavailable, LogError, OSError, *self.handler.operational_errors)

    def run(self, stop: threading.Event) -> None:
        """Consume until `stop` is set; the batch at hand is finished first."""
        while not stop.is_set():
            self.run_once(stop)

    def run_once(self, stop: threading.Event, *, wait_seconds: float = POLL_SECONDS) -> int:
        """Handle one batch, waiting at most `wait_seconds` for it; how many records it had. Backs off when it fails."""
        try:
            records = self._poll(wait_seconds)
            if records:
                self._consume(records)
            self._measure_lag()
        except self._operational as error:
            self._position = None
            self._back_off(error, stop)
            return 0
        self._failures_in_a_row = 0
        self.status.error = None
        if self._deaths_in_a_row > SUSPICIOUS_DEATHS:
            stop.wait(_back_off_seconds(self._deaths_in_a_row - SUSPICIOUS_DEATHS))
        return len(records)

    def _poll(self, wait_seconds: float) -> list[Record]:
        position = self._position if self._position is not None else self._resume()
        is_alone = position < self._alone_until
        limit = 1 if is_alone else self.batch_records
        records = self._read(position, limit, self.batch_bytes)
        if not records:
            self._last_batch_records = 0
            self._wait(position, wait_seconds)
            records = self._read(position, limit, self.batch_bytes)
        if records and records[0].offset != position:
            self._look_for_gap(position, records[0].offset)
        if self._last_batch_records > LINGER_ABOVE and not is_alone:
            records += self._linger(records)
        return records

    def _linger(self, records: list[Record]) -> list[Record]:
        """What comes in the next moment: under load, larger batches cost less a record, and none waits longer than this."""
        room = self.batch_records - len(records)
        room_bytes = self.batch_bytes - sum(len(record.value) for record in records)
        if not records or room <= 0 or room_bytes <= 0:
            return []
        following = records[-1].offset + 1
        self._wait(following + room - 1, LINGER_SECONDS)
        return self._read(following, room, room_bytes)

    def _read(self, offset: int, limit: int, max_bytes: int) -> list[Record]:
        return self.log.read(self.topic, offset, partition=self.partition, limit=limit, max_bytes=max_bytes)

    def _wait(self, offset: int, timeout_seconds: float) -> None:
        self.log.wait(self.topic, offset, partition=self.partition, timeout_seconds=timeout_seconds)

    def _resume(self) -> int:
        first = self.log.first_offset(self.topic, self.partition)
        wanted = self.handler.resume()
        position = first if wanted is None else wanted
        if position < first:
            self._record_gap(position, first)
            position = first
        self._alone_until = self._attempts.alone_until(position)
        if self._alone_until:
            logger.warning("%s of %s: one record at a time up to offset %d", self.group, self.topic, self._alone_until)
        self._position = self.status.position = position
        return position

    def _look_for_gap(self, wanted: int, found: int) -> None:
        """Offsets may leave some out; only records that are no longer kept are missing."""
        if found < wanted:
            logger.error(
                "%s of %s/%d starts again at %d: the log ends before %d",
                self.group, self.topic, self.partition, found, wanted,
            )  # fmt: skip
        elif (first := self.log.first_offset(self.topic, self.partition)) > wanted:
            self._record_gap(wanted, first)

    def _record_gap(self, wanted: int, first: int) -> None:
        logger.warning(
            "%s lost %d records of %s: trimmed before they were read", self.group, first - wanted, self.topic
        )
        self.status.gap_records += first - wanted
        if self.on_gap is not None:
            self.on_gap(wanted, first)

    def _consume(self, records: list[Record]) -> None:
        started = time.perf_counter()
        if records[0].offset < self._alone_until:
            if self._attempts.is_deadly(records[0].offset):
                self._bury(records[0], "killed the process twice")
            else:
                self._handle(records, is_alone=True)
        else:
            self._handle(records)
        self._last_batch_records = len(records)
        self.status.batch_seconds = time.perf_counter() - started
        self.status.busy_seconds += self.status.batch_seconds
        self.status.batch_count += 1
        self.status.record_count += len(records)

    def _handle(self, records: list[Record], *, is_alone: bool = False) -> None:
        end = self._alone_until if is_alone else records[-1].offset + 1
        self._attempts.begin(records[0].offset, end, is_alone=is_alone)
        try:
            self.handler.handle(records)
        except self._operational:
            self._attempts.survived()
            raise
        except Exception as error:
            self._attempts.survived()
            if not isinstance(error, BadRecord):
                logger.exception("%s of %s failed on %d records", self.group, self.topic, len(records))
            if len(records) == 1:
                self._bury(records[0], f"{type(error).__name__}: {error}")
                return
            middle = len(records) // 2
            self._handle(records[:middle])
            self._handle(records[middle:])
        else:
            self._deaths_in_a_row = 0
            self.status.last_success_at = self.clock()
            self._passed(records[-1])

    def _bury(self, record: Record, reason: str) -> None:
        self.handler.bury(record, reason)
        logger.warning("record %d of %s is a dead letter: %s", record.offset, self.topic, reason)
        self._deaths_in_a_row += 1
        self.status.dead_letter_count += 1
        self._note(reason)
        self._passed(record)

    def _passed(self, record: Record) -> None:
        self.log.commit(self.group, self.topic, record.offset + 1, self.partition)
        self._position = self.status.position = record.offset + 1

    def _measure_lag(self) -> None:
        now = time.monotonic()
        if now - self._lag_known_at > LAG_EVERY_SECONDS:
            self._lag_known_at = now
            self.status.lag = self.log.lag(self.group, self.topic, self.partition)

    def _back_off(self, error: Exception, stop: threading.Event) -> None:
        text = f"{type(error).__name__}: {error}"
        if self.status.error != text:
            logger.warning("%s of %s waits: %s", self.group, self.topic, text)
        self.status.error = text
        self._note(text)
        self._failures_in_a_row += 1
        stop.wait(_back_off_seconds(self._failures_in_a_row))

    def _note(self, text: str) -> None:
        self.status.last_error = text
        self.status.last_error_at = self.clock()


def lag_seconds(log: Log, group: str, topic: str, *, now: float) -> float:
    """How long the oldest record that the group has not committed has been waiting; 0 when there is none."""
    oldest = now
    for partition in range(log.partitions(topic)):
        position = log.position(group, topic, partition)
        for record in log.read(topic, position, partition=partition, limit=1):
            oldest = min(oldest, record.timestamp)
    return now - oldest


def _back_off_seconds(turn: int) -> float:
    """Doubles with each turn, up to the longest, less up to a half by chance so that many do not come back at once."""
    longest = min(LONGEST_BACK_OFF_SECONDS, FIRST_BACK_OFF_SECONDS * 2.0 ** min(turn - 1, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311
