"""Records of several partitions through one Kafka client, each partition read from the offset that its reader asks for.

The client hands out what comes, from any partition; what the reader at hand does not want yet waits here. A partition of
which too much waits is paused until its reader has caught up, so memory stays bounded however far a reader is behind.

Kafka counts from 0, the log from 1: `offset - 1` and `offset + 1` stand where the two meet.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from mini_sentry.streams.engines.kafka.cluster import as_log_error
from mini_sentry.streams.log import LogUnavailable, Record

WAITING_RECORDS: Final = 4000
WAITING_BYTES: Final = 4 << 20
AT_ONCE: Final = 500
SEEK_SECONDS: Final = 5.0


class Lane:
    """What is known of one partition: the records from offset `start` to before `next`, and whether its end was seen."""

    def __init__(self, topic: str, partition: int, name: str, *, waiting_bytes: int) -> None:
        self._waiting_bytes = waiting_bytes
        self.topic = topic
        self.partition = partition
        self.name = name
        self.records: deque[Record] = deque()
        self.bytes = 0
        self.start: int | None = None
        self.next = 0
        self.is_at_end = False
        self.is_paused = False

    @property
    def is_full(self) -> bool:
        return self.bytes > self._waiting_bytes or len(self.records) > WAITING_RECORDS

    def at(self, offset: int) -> TopicPartition:
        return TopicPartition(self.name, self.partition, offset - 1)

    def begin(self, offset: int) -> None:
        self.records.clear()
        self.bytes = 0
        self.start = self.next = offset
        self.is_at_end = False

    def take(self, record: Record) -> None:
        self.records.append(record)
        self.bytes += len(record.value)
        self.next = record.offset + 1
        self.is_at_end = False

    def drop_before(self, offset: int) -> None:
        while self.records and self.records[0].offset < offset:
            self.bytes -= len(self.records.popleft().value)
        self.start = offset


class Fetcher:
    """Belongs to one thread at a time. `ended(topic, partition, offset)` hears where a partition was seen to end."""

    def __init__(
        self, consumer: Consumer, *, ended: Callable[[str, int, int], None], waiting_bytes: int = WAITING_BYTES
    ) -> None:
        self.consumer = consumer
        self._waiting_bytes = waiting_bytes
        self._ended = ended
        self.lanes: dict[tuple[str, int], Lane] = {}

    def open(self, topic: str, partition: int, name: str) -> Lane:
        """Start on a partition that the client has been assigned, paused. `name` is the topic's in Kafka."""
        lane = self.lanes[name, partition] = Lane(topic, partition, name, waiting_bytes=self._waiting_bytes)
        lane.is_paused = True
        return lane

    def drop(self, name: str, partition: int) -> None:
        self.lanes.pop((name, partition), None)

    def read(self, lane: Lane, offset: int, *, limit: int, max_bytes: int) -> list[Record]:
        """What is here from `offset` on, without waiting for more. Raises LogUnavailable."""
        self.aim(lane, offset)
        if len(lane.records) < limit:
            self.poll(0)
        found: list[Record] = []
        size = 0
        for record in lane.records:
            size += len(record.value)
            if len(found) == limit or (found and size > max_bytes):
                break
            found.append(record)
        return found

    def aim(self, lane: Lane, offset: int) -> None:
        """Have the partition go on at `offset`: what lies before it is forgotten, what follows is fetched."""
        if lane.start is not None and lane.start <= offset <= lane.next:
            lane.drop_before(offset)
        else:
            self._seek(lane, offset)
            lane.begin(offset)
        if lane.is_paused and not lane.is_full:
            self._call(self.consumer.resume, [lane.at(1)])
            lane.is_paused = False

    def poll(self, timeout_seconds: float) -> int:
        """Take what has come, waiting at most so long for the first record; how many came. Raises LogUnavailable."""
        first = self._call(self.consumer.poll, timeout_seconds)
        if first is None:
            return 0
        messages = [first, *self._call(self.consumer.consume, AT_ONCE, 0)]
        for message in messages:
            self._take(message)
        for lane in self.lanes.values():
            if lane.is_full and not lane.is_paused:
                self._call(self.consumer.pause, [lane.at(1)])
                lane.is_paused = True
        return len(messages)

    def _take(self, message: Message) -> None:
        lane = self.lanes.get((str(message.topic()), message.partition() or 0))
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF and lane is not None:
                lane.is_at_end = True
                self._ended(lane.topic, lane.partition, (message.offset() or 0) + 1)
            elif error.fatal():
                raise LogUnavailable(f"Kafka: {error.str()}")
            return
        if lane is None or lane.start is None:
            return
        _, milliseconds = message.timestamp()
        offset = (message.offset() or 0) + 1
        value, key = message.value() or b"", message.key() or b""
        record = Record(lane.topic, lane.partition, offset, milliseconds / 1000, key, value)
        if offset < lane.next:
            # The offset asked for is beyond the end: the partition was cut or made anew, and starts again at its first.
            lane.begin(offset)
        lane.take(record)

    def _seek(self, lane: Lane, offset: int) -> None:
        """A partition that was just assigned may not be ready to be told."""
        deadline = time.monotonic() + SEEK_SECONDS
        while True:
            try:
                self.consumer.seek(lane.at(offset))
                return
            except KafkaException as error:
                if error.args[0].code() != KafkaError._STATE or time.monotonic() > deadline:
                    raise as_log_error(error) from error
            self.poll(0.02)

    def _call(self, verb: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return verb(*arguments)
        except (KafkaException, RuntimeError) as error:
            raise as_log_error(error) from error
