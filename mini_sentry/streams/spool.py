"""What the edge accepts while the log is away: kept in a local file, sent on later.

`Spooling` looks like the log it stands before. A record of its topic that the log does not take goes into the spool, and its
producer hears of it as of any other, because it is durable. A thread sends on what lies there as soon as the log answers.
New records then take the short way again, so the order of records is not kept.

An append that failed may have happened all the same: the log may hold a spooled record twice, under one record id.
"""

import fcntl
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mini_sentry.streams.engines.sqlite import SqliteLog
from mini_sentry.streams.log import (
    Delivered,
    DeliveredTokens,
    Log,
    LogError,
    LogFull,
    LogUnavailable,
    Member,
    Record,
    RecordRefused,
    Submit,
)
from mini_sentry.streams.topics import DEAD_LETTERS, INGEST, DeadLetter, pack_dead_letter

FILE: Final = "spool.db"
SENDER: Final = "sender"
AT_ONCE: Final = 500
AT_ONCE_BYTES: Final = 4 << 20
LOOK_SECONDS: Final = 0.5
SEND_SECONDS: Final = 30.0

logger = logging.getLogger(__name__)

_Entry = tuple[str, bytes, bytes, Any]
"""What a producer submitted: topic, key, value and its token."""


@dataclass(frozen=True, slots=True)
class SpoolStatus:
    """`is_away`: new records go into the spool. `waiting` records are not sent on yet, `size_bytes` is how large they are.

    `refused` records can never be sent on; they lie in the spool's dead letters.
    """

    is_away: bool
    waiting: int
    size_bytes: int
    refused: int


class Spooling:
    """`log` with a spool in `directory`, which several processes of one machine may share.

    The spool holds at most `max_bytes`; then producers hear LogFull. `topic` is the one whose records are spooled.
    """

    def __init__(
        self,
        log: Log,
        directory: Path,
        *,
        max_bytes: int,
        topic: str = INGEST,
        clock: Callable[[], float] = time.time,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.may_repeat = log.may_repeat
        self._log = log
        self._spool = SqliteLog(directory / FILE, readers={topic: (SENDER,), DEAD_LETTERS: ()})
        self._lock_path = directory / f"{FILE}.sender"
        self._topic = topic
        self._max_bytes = max_bytes
        self._clock = clock
        self._is_away = False
        self._told = ""
        self._size_bytes = 0
        self._added_bytes = 0
        self._stop = threading.Event()
        self._measure()
        self._thread = threading.Thread(target=self._run, name="spool-sender", daemon=True)
        self._thread.start()

    def status(self) -> SpoolStatus:
        return SpoolStatus(
            is_away=self._is_away,
            waiting=self._spool.lag(SENDER, self._topic),
            size_bytes=self._spool.size_bytes(self._topic),
            refused=self._spool.end_offset(DEAD_LETTERS) - self._spool.first_offset(DEAD_LETTERS),
        )

    # What producers do

    def producer(self, delivered: DeliveredTokens) -> Submit:
        def through_log(entries: list[_Entry], error: Exception | None) -> None:
            if error is None or isinstance(error, RecordRefused):
                delivered([token for _, _, _, token in entries], error)
                return
            self._went_away(error)
            for topic, key, value, token in entries:
                self._keep(topic, key, value, token, delivered, spool, error)

        send = self._log.producer(through_log)
        spool = self._spool.producer(delivered)

        def submit(topic: str, key: bytes, value: bytes, token: Any) -> None:
            if self._is_away and topic == self._topic:
                self._put(key, value, token, spool)
                return
            try:
                send(topic, key, value, (topic, key, value, token))
            except LogUnavailable as error:
                if topic != self._topic or self._stop.is_set():
                    raise
                self._went_away(error)
                self._put(key, value, token, spool)

        return submit

    def submit(self, topic: str, key: bytes, value: bytes, delivered: Delivered) -> None:
        self.producer(_tell_each)(topic, key, value, delivered)

    def append(self, topic: str, entries: Sequence[tuple[bytes, bytes]], *, timeout_seconds: float = 30.0) -> None:
        """To the log itself: who can wait does not need the spool."""
        self._log.append(topic, entries, timeout_seconds=timeout_seconds)

    def _keep(
        self,
        topic: str,
        key: bytes,
        value: bytes,
        token: Any,
        delivered: DeliveredTokens,
        spool: Submit,
        error: Exception,
    ) -> None:
        """The second attempt of a record that the log did not take."""
        if topic != self._topic:
            delivered([token], error)
            return
        try:
            self._put(key, value, token, spool)
        except LogError as failure:
            delivered([token], failure)

    def _put(self, key: bytes, value: bytes, token: Any, spool: Submit) -> None:
        if self._size_bytes + self._added_bytes + len(value) > self._max_bytes:
            raise LogFull("the spool is full")
        self._added_bytes += len(value)
        spool(self._topic, key, value, token)

    def _went_away(self, error: Exception) -> None:
        if not self._is_away:
            self._is_away = True
            logger.warning("The log is away, what is accepted is spooled: %s", error)

    # Sending on

    def _run(self) -> None:
        with self._lock_path.open("w") as lock:
            while not self._stop.wait(LOOK_SECONDS):
                try:
                    self._measure()
                    if _is_locked(lock) and self._spool.lag(SENDER, self._topic):
                        self._send_on()
                    elif self._is_away and self._answers():
                        self._came_back()
                    self._told = ""
                except LogError as error:
                    if self._told != str(error):
                        self._told = str(error)
                        logger.warning("The spool waits: %s", error)
                except Exception:
                    # This thread must live: without it nothing is ever sent on.
                    logger.exception("The spool could not be sent on")

    def _measure(self) -> None:
        self._added_bytes = 0
        self._size_bytes = self._spool.size_bytes(self._topic)

    def _answers(self) -> bool:
        """Whether the log can be asked something. A log that answers but takes nothing sends us back here soon enough."""
        self._log.end_offset(self._topic)
        return True

    def _came_back(self) -> None:
        if self._is_away:
            self._is_away = False
            logger.info("The log is back")

    def _send_on(self) -> None:
        """Send everything, oldest first. Raises LogError."""
        while not self._stop.is_set():
            position = self._spool.position(SENDER, self._topic)
            records = self._spool.read(self._topic, position, limit=AT_ONCE, max_bytes=AT_ONCE_BYTES)
            if not records:
                return
            try:
                self._send(records)
            except RecordRefused:
                for record in records:
                    self._send_or_bury(record)
            self._spool.commit(SENDER, self._topic, records[-1].offset + 1)
            self._spool.trim(self._topic, keep_seconds=0, keep_bytes=0)
            self._came_back()
            self._measure()

    def _send(self, records: Sequence[Record]) -> None:
        entries = [(record.key, record.value) for record in records]
        self._log.append(self._topic, entries, timeout_seconds=SEND_SECONDS)

    def _send_or_bury(self, record: Record) -> None:
        try:
            self._send([record])
        except RecordRefused as error:
            logger.error("A spooled record of %d bytes is a dead letter of the spool: %s", len(record.value), error)
            letter = DeadLetter(
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                died_at=self._clock(),
                reason="refused",
                detail=str(error),
                value=record.value,
            )
            self._spool.append(DEAD_LETTERS, [(record.key, pack_dead_letter(letter))])

    def close(self) -> None:
        """Let the log finish what was submitted, spool what it does not take, and leave the rest for the next start."""
        self._stop.set()
        self._thread.join()
        self._log.close()
        self._spool.close()

    # The log as it is

    @property
    def log_id(self) -> str:
        return self._log.log_id

    def partitions(self, topic: str) -> int:
        return self._log.partitions(topic)

    def join(self, group: str, topic: str) -> Member:
        return self._log.join(group, topic)

    def read(
        self, topic: str, offset: int, *, partition: int = 0, limit: int = 1000, max_bytes: int = 16 << 20
    ) -> list[Record]:
        return self._log.read(topic, offset, partition=partition, limit=limit, max_bytes=max_bytes)

    def first_offset(self, topic: str, partition: int = 0) -> int:
        return self._log.first_offset(topic, partition)

    def end_offset(self, topic: str, partition: int = 0) -> int:
        return self._log.end_offset(topic, partition)

    def position(self, group: str, topic: str, partition: int = 0) -> int:
        return self._log.position(group, topic, partition)

    def commit(self, group: str, topic: str, next_offset: int, partition: int = 0) -> None:
        self._log.commit(group, topic, next_offset, partition)

    def lag(self, group: str, topic: str, partition: int = 0) -> int:
        return self._log.lag(group, topic, partition)

    def wait(self, topic: str, offset: int, *, timeout_seconds: float, partition: int = 0) -> bool:
        return self._log.wait(topic, offset, timeout_seconds=timeout_seconds, partition=partition)

    def trim(self, topic: str, *, keep_seconds: float, keep_bytes: int, max_bytes: int | None = None) -> int:
        return self._log.trim(topic, keep_seconds=keep_seconds, keep_bytes=keep_bytes, max_bytes=max_bytes)

    def size_bytes(self, topic: str) -> int:
        return self._log.size_bytes(topic)


def _is_locked(lock: Any) -> bool:
    """Whether this process is the one that sends on: of those that share the spool, whichever came first and lives."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _tell_each(tokens: list[Delivered], error: Exception | None) -> None:
    for delivered in tokens:
        delivered(error)
