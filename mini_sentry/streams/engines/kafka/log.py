"""`KafkaLog`: the verbs of the log over Kafka's topics.

Reading by offset, outside a group, goes through one client that is told where to go on; a group's members have one each
(`member.py`). Kafka trims by itself, by the retention of its topics.
"""

import threading
import time
from collections.abc import Sequence
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from mini_sentry.streams.engines.kafka.cluster import ANSWER_SECONDS, Cluster, as_log_error
from mini_sentry.streams.engines.kafka.fetcher import Fetcher, Lane
from mini_sentry.streams.engines.kafka.member import KafkaMember
from mini_sentry.streams.engines.kafka.producer import Sender
from mini_sentry.streams.engines.kafka.settings import KafkaSettings
from mini_sentry.streams.log import Delivered, DeliveredTokens, LogUnavailable, Member, Record, Submit
from mini_sentry.streams.topics import INGEST

END_SECONDS: Final = 2.0
FETCH_KBYTES: Final = 128
WAITING_BYTES: Final = 2 << 20
PAUSE_SECONDS: Final = 0.01


class KafkaLog:
    """Opens at once, whether Kafka is there or not; what needs it raises LogUnavailable while it is away."""

    may_repeat = True

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._cluster = Cluster(settings)
        self._lock = threading.RLock()
        self._ends: dict[tuple[str, int], int] = {}
        self._sender: Sender | None = None
        self._cursor: Fetcher | None = None
        self._groups: dict[str, Consumer] = {}
        self._is_closed = False

    @property
    def log_id(self) -> str:
        return self._cluster.log_id()

    def connect(self) -> None:
        """Make the topics, if Kafka is there; without it, go on trying in the background."""
        self._sending()
        self._cluster.prepare()

    def partitions(self, topic: str) -> int:
        return self._cluster.partitions(topic)

    def append(self, topic: str, entries: Sequence[tuple[bytes, bytes]], *, timeout_seconds: float = 30.0) -> None:
        if not entries:
            return
        deadline = time.monotonic() + timeout_seconds
        done = threading.Event()
        errors: list[Exception] = []
        left = len(entries)

        def delivered(tokens: list[None], error: Exception | None) -> None:
            nonlocal left
            left -= len(tokens)
            if error is not None:
                errors.append(error)
            if not left:
                done.set()

        self._open()
        self._cluster.partitions(topic)
        sender = self._sending()
        for key, value in entries:
            while True:
                try:
                    sender.send(topic, key, value, delivered, None)
                    break
                except LogUnavailable:
                    if self._is_closed or time.monotonic() > deadline:
                        raise
                time.sleep(PAUSE_SECONDS)
        if not done.wait(max(0.0, deadline - time.monotonic())):
            raise LogUnavailable(f"not durable after {timeout_seconds} s")
        if errors:
            raise errors[0]

    def submit(self, topic: str, key: bytes, value: bytes, delivered: Delivered) -> None:
        self._sending().send(topic, key, value, _tell_each, delivered)

    def producer(self, delivered: DeliveredTokens) -> Submit:
        send = self._sending().send

        def submit(topic: str, key: bytes, value: bytes, token: Any) -> None:
            send(topic, key, value, delivered, token)

        return submit

    def join(self, group: str, topic: str) -> Member:
        self._open()
        return KafkaMember(self._cluster, group, topic, ended=self._ended)

    def read(
        self, topic: str, offset: int, *, partition: int = 0, limit: int = 1000, max_bytes: int = 16 << 20
    ) -> list[Record]:
        with self._lock:
            fetcher = self._reading()
            lane = self._lane(fetcher, topic, partition, max(1, offset))
            deadline = time.monotonic() + END_SECONDS
            while True:
                found = fetcher.read(lane, max(1, offset), limit=limit, max_bytes=max_bytes)
                is_whole = len(found) == limit or len(found) < len(lane.records) or lane.is_full
                end = self._ends.get((topic, partition), 1)
                if is_whole or (lane.is_at_end and lane.next >= end) or time.monotonic() > deadline:
                    return found
                fetcher.poll(0.05)

    def wait(self, topic: str, offset: int, *, timeout_seconds: float, partition: int = 0) -> bool:
        deadline = time.monotonic() + timeout_seconds
        while True:
            with self._lock:
                fetcher = self._reading()
                lane = self._lane(fetcher, topic, partition, max(1, offset))
                fetcher.aim(lane, max(1, offset))
                if lane.records:
                    return True
                left = deadline - time.monotonic()
                if left <= 0 and lane.is_at_end:
                    return False
                fetcher.poll(min(0.05, max(0.001, left)))
                if lane.records:
                    return True
            if left <= 0:
                return False

    def first_offset(self, topic: str, partition: int = 0) -> int:
        return self._bounds(topic, partition)[0]

    def end_offset(self, topic: str, partition: int = 0) -> int:
        return self._bounds(topic, partition)[1]

    def position(self, group: str, topic: str, partition: int = 0) -> int:
        with self._lock:
            try:
                [found] = self._group(group, topic).committed([self._place(topic, partition)], ANSWER_SECONDS)
            except KafkaException as error:
                raise as_log_error(error) from error
        return found.offset + 1 if found.offset >= 0 else self.first_offset(topic, partition)

    def commit(self, group: str, topic: str, next_offset: int, partition: int = 0) -> None:
        """For a group without members; while it has some, only they may."""
        place = self._place(topic, partition)
        place.offset = next_offset - 1
        with self._lock:
            try:
                self._group(group, topic).commit(offsets=[place], asynchronous=False)
            except KafkaException as error:
                raise as_log_error(error) from error

    def lag(self, group: str, topic: str, partition: int = 0) -> int:
        first, end = self._bounds(topic, partition)
        return max(0, end - max(first, self.position(group, topic, partition)))

    def trim(self, topic: str, *, keep_seconds: float, keep_bytes: int, max_bytes: int | None = None) -> int:
        """Nothing: Kafka does, by the topic's retention."""
        return 0

    def size_bytes(self, topic: str) -> int:
        """0: only the brokers know, and they keep their own bounds."""
        return 0

    def close(self) -> None:
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            if self._sender is not None:
                self._sender.close()
            if self._cursor is not None:
                self._cursor.consumer.close()
            for consumer in self._groups.values():
                consumer.close()

    def _open(self) -> None:
        if self._is_closed:
            raise LogUnavailable("the log is closed")

    def _sending(self) -> Sender:
        # Without the lock where it can be: whoever reads holds it for as long as that takes.
        if self._sender is not None and not self._is_closed:
            return self._sender
        with self._lock:
            self._open()
            if self._sender is None:
                self._sender = Sender(self._cluster, self._ended)
            return self._sender

    def _reading(self) -> Fetcher:
        self._open()
        self._cluster.prepare()
        if self._cursor is None:
            self._cursor = Fetcher(
                Consumer(
                    self._settings.client(
                        group_id=self._settings.group_id("reading", INGEST),
                        enable_auto_commit=False,
                        enable_auto_offset_store=False,
                        auto_offset_reset="earliest",
                        enable_partition_eof=True,
                        fetch_wait_max_ms=50,
                        queued_max_messages_kbytes=2 * FETCH_KBYTES,
                        max_partition_fetch_bytes=FETCH_KBYTES << 10,
                    )
                ),
                ended=self._ended,
                waiting_bytes=WAITING_BYTES,
            )
        return self._cursor

    def _lane(self, fetcher: Fetcher, topic: str, partition: int, offset: int) -> Lane:
        """The cursor's partition, assigned when it is first asked for."""
        name = self._settings.names[topic]
        lane = fetcher.lanes.get((name, partition))
        if lane is None:
            lane = fetcher.open(topic, partition, name)
            try:
                fetcher.consumer.incremental_assign([lane.at(offset)])
            except KafkaException as error:
                raise as_log_error(error) from error
            lane.is_paused = False
            lane.begin(offset)
        return lane

    def _group(self, group: str, topic: str) -> Consumer:
        """A client that asks and tells of the group's positions without being a member."""
        self._open()
        self._cluster.prepare()
        group_id = self._settings.group_id(group, topic)
        if group_id not in self._groups:
            self._groups[group_id] = Consumer(self._settings.client(group_id=group_id, enable_auto_commit=False))
        return self._groups[group_id]

    def _place(self, topic: str, partition: int) -> TopicPartition:
        return TopicPartition(self._settings.names[topic], partition)

    def _bounds(self, topic: str, partition: int) -> tuple[int, int]:
        place = self._place(topic, partition)
        with self._lock:
            try:
                found = self._reading().consumer.get_watermark_offsets(place, ANSWER_SECONDS)
            except KafkaException as error:
                raise as_log_error(error) from error
        if found is None:
            raise LogUnavailable("Kafka does not answer")
        first, end = found[0] + 1, found[1] + 1
        return first, max(first, end, self._ends.get((topic, partition), 0))

    def _ended(self, topic: str, partition: int, offset: int) -> None:
        """Brokers may be behind with what they say of a partition's end; what was seen counts as well."""
        key = topic, partition
        if offset > self._ends.get(key, 0):
            self._ends[key] = offset


def _tell_each(tokens: list[Delivered], error: Exception | None) -> None:
    for delivered in tokens:
        delivered(error)
