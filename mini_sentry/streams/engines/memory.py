"""The log in a list, for tests: every verb of the contract, nothing on disk."""

import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mini_sentry.streams.engines.trimming import Mark, cut
from mini_sentry.streams.log import Alone, Delivered, DeliveredTokens, LogUnavailable, Member, Record, Submit
from mini_sentry.streams.topics import READERS


class _Topic:
    def __init__(self) -> None:
        self.records: list[Record] = []
        self.sums: list[int] = []
        self.first = 1

    @property
    def end(self) -> int:
        return self.first + len(self.records)

    def mark(self, offset: int) -> Mark:
        index = offset - self.first
        record = self.records[index]
        return Mark(record.timestamp, len(record.value), self.sums[index])


class MemoryLog:
    """`readers` declares the topics and the groups that hold back their trimming; `clock` gives Unix seconds."""

    may_repeat = False

    def __init__(
        self, *, readers: Mapping[str, Sequence[str]] = READERS, clock: Callable[[], float] = time.time
    ) -> None:
        self.log_id = uuid.uuid4().hex
        self._readers = readers
        self._clock = clock
        self._topics = {topic: _Topic() for topic in readers}
        self._positions: dict[tuple[str, str], int] = {}
        self._changed = threading.Condition()
        self._is_closed = False

    def partitions(self, topic: str) -> int:
        return 1

    def join(self, group: str, topic: str) -> Member:
        return Alone(self, topic)

    def append(self, topic: str, entries: Sequence[tuple[bytes, bytes]], *, timeout_seconds: float = 30.0) -> None:
        with self._changed:
            if self._is_closed:
                raise LogUnavailable("the log is closed")
            kept = self._topics[topic]
            now = self._clock()
            for key, value in entries:
                kept.sums.append((kept.sums[-1] if kept.sums else 0) + len(value))
                kept.records.append(Record(topic, 0, kept.end, now, key, value))
            self._changed.notify_all()

    def submit(self, topic: str, key: bytes, value: bytes, delivered: Delivered) -> None:
        self.append(topic, [(key, value)])
        delivered(None)

    def producer(self, delivered: DeliveredTokens) -> Submit:
        def submit(topic: str, key: bytes, value: bytes, token: Any) -> None:
            self.append(topic, [(key, value)])
            delivered([token], None)

        return submit

    def read(
        self, topic: str, offset: int, *, partition: int = 0, limit: int = 1000, max_bytes: int = 16 << 20
    ) -> list[Record]:
        with self._changed:
            kept = self._topics[topic]
            found = kept.records[max(0, offset - kept.first) :][:limit]
        size = 0
        for count, record in enumerate(found):
            size += len(record.value)
            if size > max_bytes and count:
                return found[:count]
        return found

    def first_offset(self, topic: str, partition: int = 0) -> int:
        return self._topics[topic].first

    def end_offset(self, topic: str, partition: int = 0) -> int:
        return self._topics[topic].end

    def position(self, group: str, topic: str, partition: int = 0) -> int:
        return self._positions.get((group, topic), self._topics[topic].first)

    def commit(self, group: str, topic: str, next_offset: int, partition: int = 0) -> None:
        self._positions[group, topic] = next_offset

    def lag(self, group: str, topic: str, partition: int = 0) -> int:
        kept = self._topics[topic]
        return max(0, kept.end - max(kept.first, self.position(group, topic)))

    def wait(self, topic: str, offset: int, *, timeout_seconds: float, partition: int = 0) -> bool:
        with self._changed:
            kept = self._topics[topic]
            return self._changed.wait_for(lambda: bool(kept.records) and kept.end > offset, timeout_seconds)

    def trim(self, topic: str, *, keep_seconds: float, keep_bytes: int, max_bytes: int | None = None) -> int:
        with self._changed:
            kept = self._topics[topic]
            until = cut(
                first=kept.first,
                slowest=min((self.position(group, topic) for group in self._readers[topic]), default=kept.end),
                end=kept.end,
                mark=kept.mark,
                older_than=self._clock() - keep_seconds,
                keep_bytes=keep_bytes,
                max_bytes=max_bytes,
            )
            removed = until - kept.first
            del kept.records[:removed], kept.sums[:removed]
            kept.first = until
            return removed

    def size_bytes(self, topic: str) -> int:
        return sum(len(record.value) for record in self._topics[topic].records)

    def close(self) -> None:
        self._is_closed = True
