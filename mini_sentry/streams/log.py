"""The log between processes: what a producer appends, what a consumer reads, and where each reader stands.

The contract, whichever engine is behind it:

- `append` returns, and `submit` calls back, only when the records are durable (they survive kill -9 and power loss).
- A topic has one partition or several, counted from 0. A record has an offset that grows within its topic and partition; a reader asks for records from an offset on and gets
  them in order. Offsets may have gaps.
- A position is the offset of the next record a group wants. `commit` moves it; what a group has not committed it reads
  again, so every reader must bear the same record twice.
- `trim` removes only what every declared group (`topics.py`) has passed, and keeps a while behind the slowest for replay.
  An undeclared group holds nothing back.
- Who reads joins a group. The group's members share a topic's partitions, each of which is one member's at a time.
- `log_id` names this very log. A position remembered elsewhere is worth nothing against another log.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec


class Record(msgspec.Struct, frozen=True, gc=False):
    """One entry. `offset` counts from 1, `timestamp` is the append time in Unix seconds, `key` picks the partition."""

    topic: str
    partition: int
    offset: int
    timestamp: float
    key: bytes
    value: bytes


class Position(msgspec.Struct, frozen=True):
    """Where a group stands in a topic's partition: `next_offset` is the first offset it has not committed."""

    topic: str
    partition: int
    next_offset: int


Delivered = Callable[[Exception | None], None]
"""Called once per submitted record, from a thread of the log's own: None when durable, else why it is not."""

DeliveredTokens = Callable[[list[Any], Exception | None], None]
"""Called once per group commit with the tokens of a producer's records in it, from a thread of the log's own."""

Submit = Callable[[str, bytes, bytes, Any], None]
"""`submit(topic, key, value, token)`: queue one entry for the next group commit; never blocks. Raises LogUnavailable when the log is closed."""


class Reading(Protocol):
    """What a reader needs of a log."""

    def read(
        self, topic: str, offset: int, *, partition: int = 0, limit: int = 1000, max_bytes: int = 16 << 20
    ) -> list[Record]:
        """Records from `offset` on: at most `limit`, and at most `max_bytes` of values but always one if there is any.

        Where the log ends before `offset`, because it was cut or made anew, it starts again at the first record kept.
        """

    def first_offset(self, topic: str, partition: int = 0) -> int:
        """The lowest offset still kept (1 in a new log, `end_offset` when all was trimmed): a reader below it has a gap."""

    def position(self, group: str, topic: str, partition: int = 0) -> int:
        """The group's next offset; `first_offset` for a group that has not committed yet."""

    def commit(self, group: str, topic: str, next_offset: int, partition: int = 0) -> None:
        """Move the group's position, forwards or back. Survives a killed process; a power cut may take it back a little."""

    def lag(self, group: str, topic: str, partition: int = 0) -> int:
        """How many records the group has not committed."""

    def wait(self, topic: str, offset: int, *, timeout_seconds: float, partition: int = 0) -> bool:
        """Block until a record at or past `offset` exists; False when the time is over."""


class Member(Protocol):
    """A place in a group that reads one topic. Used by one thread, which must come back every few seconds."""

    @property
    def log(self) -> Reading:
        """The log through the member's eyes. Reading what is not assigned to it raises LogUnavailable."""

    def assigned(self) -> frozenset[int]:
        """The partitions that are this member's. They change in this call and in those of `log`, never in between."""

    def wait_any(self, *, timeout_seconds: float) -> None:
        """Block until there may be something to read in any of them, or until they change, or until the time is over."""

    def close(self) -> None:
        """Leave the group, so that others take over at once."""


class Log(Reading, Protocol):
    """`may_repeat` says whether an append that failed may have happened all the same, so that its record comes twice."""

    may_repeat: bool

    @property
    def log_id(self) -> str: ...

    def partitions(self, topic: str) -> int:
        """How many the topic has."""

    def join(self, group: str, topic: str) -> Member: ...

    def append(self, topic: str, entries: Sequence[tuple[bytes, bytes]], *, timeout_seconds: float = 30.0) -> None:
        """Write `(key, value)` entries and return when all are durable. Raises LogUnavailable or LogFull; then none is promised."""

    def submit(self, topic: str, key: bytes, value: bytes, delivered: Delivered) -> None:
        """Queue one entry for the next group commit; never blocks. Raises LogUnavailable when the log is closed."""

    def producer(self, delivered: DeliveredTokens) -> Submit:
        """`submit` for many records: `delivered` hears once per group commit, not once per record (see `publisher.py`)."""

    def end_offset(self, topic: str, partition: int = 0) -> int:
        """The offset that the next record will get, or a lower bound of it: `end_offset - position` bounds the lag."""

    def trim(self, topic: str, *, keep_seconds: float, keep_bytes: int, max_bytes: int | None = None) -> int:
        """Drop what every declared group has passed and that is older than `keep_seconds` or more than `keep_bytes` behind the slowest reader.

        With `max_bytes` the topic is capped: the oldest records go even if a reader has not passed them.
        Returns how many records were removed. An engine that trims by itself removes none here.
        """

    def size_bytes(self, topic: str) -> int:
        """Bytes of values kept for the topic, roughly; 0 when the engine does not tell."""

    def close(self) -> None:
        """Write what was submitted, then release everything."""


class Alone:
    """The member of a group that has no other: all of a log's one partition is its own."""

    def __init__(self, log: Log, topic: str) -> None:
        self._log = log
        self._topic = topic
        self._assigned = frozenset(range(log.partitions(topic)))

    @property
    def log(self) -> Reading:
        return self._log

    def assigned(self) -> frozenset[int]:
        return self._assigned

    def wait_any(self, *, timeout_seconds: float) -> None:
        self._log.wait(self._topic, self._log.end_offset(self._topic), timeout_seconds=timeout_seconds)

    def close(self) -> None:
        return


class LogError(Exception):
    """Base of what a log raises."""


class LogUnavailable(LogError):
    """The log cannot be reached or was closed. Try again later."""


class LogFull(LogError):
    """No room to make a record durable."""


class RecordRefused(LogError):
    """The log will never take this record, such as one that is larger than its brokers allow."""


class LogDamaged(LogError):
    """The log's file is corrupt or is no log. Trying again does not help; the message names the file."""
