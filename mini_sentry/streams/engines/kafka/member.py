"""A reader's place in a Kafka consumer group: the partitions that are its own, and their records.

Partitions move one by one (cooperative rebalancing): who keeps a partition goes on with it undisturbed. They move only while
the member is asked something, between two batches, so none is taken away in mid-batch from a member that is alive. One that is
held for dead has lost its partitions all the same: its commits are refused, and readers that keep their position elsewhere
move it by compare-and-set.
"""

import logging
import time
from collections.abc import Callable
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from mini_sentry.streams.engines.kafka.cluster import ANSWER_SECONDS, Cluster, as_log_error
from mini_sentry.streams.engines.kafka.fetcher import Fetcher, Lane
from mini_sentry.streams.log import LogUnavailable, Record

SESSION_MS: Final = 6000
HEARTBEAT_MS: Final = 1500
QUEUE_KBYTES: Final = 16 << 10

logger = logging.getLogger(__name__)


class KafkaMember:
    """`streams.log.Member`, and the log as its reader sees it. Used by one thread."""

    def __init__(self, cluster: Cluster, group: str, topic: str, *, ended: Callable[[str, int, int], None]) -> None:
        cluster.prepare()
        self._group = group
        self._topic = topic
        self._name = cluster.settings.names[topic]
        self._passed: dict[int, int] = {}
        self._told: dict[int, int] = {}
        self._consumer = Consumer(
            cluster.settings.client(
                group_id=cluster.settings.group_id(group, topic),
                enable_auto_commit=False,
                enable_auto_offset_store=False,
                auto_offset_reset="earliest",
                partition_assignment_strategy="cooperative-sticky",
                session_timeout_ms=SESSION_MS,
                heartbeat_interval_ms=HEARTBEAT_MS,
                enable_partition_eof=True,
                fetch_wait_max_ms=100,
                queued_max_messages_kbytes=QUEUE_KBYTES,
                fetch_message_max_bytes=4 << 20,
                max_partition_fetch_bytes=4 << 20,
            )
        )
        self._fetcher = Fetcher(self._consumer, ended=ended)
        self._is_closed = False
        self._consumer.subscribe([self._name], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)

    @property
    def log(self) -> "KafkaMember":
        return self

    @property
    def lanes(self) -> list[Lane]:
        """What waits of each partition that is its own."""
        return list(self._fetcher.lanes.values())

    def assigned(self) -> frozenset[int]:
        self._fetcher.poll(0)
        return frozenset(partition for _, partition in self._fetcher.lanes)

    def wait_any(self, *, timeout_seconds: float) -> None:
        if not any(lane.records for lane in self._fetcher.lanes.values()):
            self._fetcher.poll(timeout_seconds)

    def read(
        self, topic: str, offset: int, *, partition: int = 0, limit: int = 1000, max_bytes: int = 16 << 20
    ) -> list[Record]:
        return self._fetcher.read(self._lane(partition), offset, limit=limit, max_bytes=max_bytes)

    def wait(self, topic: str, offset: int, *, timeout_seconds: float, partition: int = 0) -> bool:
        deadline = time.monotonic() + timeout_seconds
        lane = self._lane(partition)
        while lane.next <= offset:
            left = deadline - time.monotonic()
            if left <= 0 or lane.is_full or lane.is_paused:
                return False
            self._fetcher.poll(left)
            lane = self._lane(partition)
        return bool(lane.records)

    def first_offset(self, topic: str, partition: int = 0) -> int:
        return self._bounds(partition)[0] + 1

    def position(self, group: str, topic: str, partition: int = 0) -> int:
        if partition in self._passed:
            return self._passed[partition]
        try:
            [found] = self._consumer.committed([TopicPartition(self._name, partition)], ANSWER_SECONDS)
        except KafkaException as error:
            raise as_log_error(error) from error
        return found.offset + 1 if found.offset >= 0 else self.first_offset(topic, partition)

    def commit(self, group: str, topic: str, next_offset: int, partition: int = 0) -> None:
        """Told to Kafka without waiting for its answer; told again, and waited for, before the partition is given away."""
        self._lane(partition)
        self._passed[partition] = next_offset
        try:
            self._consumer.commit(offsets=[TopicPartition(self._name, partition, next_offset - 1)], asynchronous=True)
        except KafkaException as error:
            raise as_log_error(error) from error

    def lag(self, group: str, topic: str, partition: int = 0) -> int:
        lane = self._lane(partition)
        try:
            _, end = self._consumer.get_watermark_offsets(TopicPartition(self._name, partition), cached=True)
        except KafkaException as error:
            raise as_log_error(error) from error
        position = self._passed.get(partition, lane.start or 1)
        return max(0, max(end + 1, lane.next) - position)

    def close(self) -> None:
        """Commit what was passed and leave the group, so that others go on at once."""
        if self._is_closed:
            return
        self._is_closed = True
        self._settle(list(self._passed))
        self._fetcher.lanes.clear()
        self._consumer.close()

    def _lane(self, partition: int) -> Lane:
        lane = self._fetcher.lanes.get((self._name, partition))
        if lane is None:
            raise LogUnavailable(f"partition {partition} of {self._topic} is another member's now")
        return lane

    def _bounds(self, partition: int) -> tuple[int, int]:
        try:
            found = self._consumer.get_watermark_offsets(TopicPartition(self._name, partition), ANSWER_SECONDS)
        except KafkaException as error:
            raise as_log_error(error) from error
        if found is None:
            raise LogUnavailable("Kafka does not answer")
        return found

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if not partitions:
            return
        logger.info("%s of %s takes partitions %s", self._group, self._topic, _numbers(partitions))
        # Where to begin, the reader says when it asks for the first record.
        consumer.incremental_assign([TopicPartition(self._name, one.partition, 0) for one in partitions])
        consumer.pause([TopicPartition(self._name, one.partition) for one in partitions])
        for one in partitions:
            self._fetcher.open(self._topic, one.partition, self._name)

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if not partitions:
            return
        logger.info("%s of %s gives partitions %s away", self._group, self._topic, _numbers(partitions))
        self._settle([one.partition for one in partitions])
        self._forget(consumer, partitions)

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        logger.warning(
            "%s of %s was held for dead and lost partitions %s", self._group, self._topic, _numbers(partitions)
        )
        self._forget(consumer, partitions)

    def _forget(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for one in partitions:
            self._fetcher.drop(self._name, one.partition)
            self._passed.pop(one.partition, None)
        consumer.incremental_unassign(partitions)

    def _settle(self, partitions: list[int]) -> None:
        """Wait until Kafka has the positions. What it refuses is read again by whoever comes next."""
        positions = [
            TopicPartition(self._name, partition, self._passed[partition] - 1)
            for partition in partitions
            if partition in self._passed
        ]
        if not positions:
            return
        try:
            self._consumer.commit(offsets=positions, asynchronous=False)
        except KafkaException as error:
            logger.warning("%s of %s could not commit: %s", self._group, self._topic, error.args[0].str())


def _numbers(partitions: list[TopicPartition]) -> str:
    return ", ".join(str(one.partition) for one in partitions)
