"""Appending to Kafka: an idempotent producer that answers when every replica in sync has the record.

librdkafka gathers and sends in threads of its own; one thread of ours hears what became of the records and tells those who
wait, once for all that were reported together.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from mini_sentry.streams.engines.kafka.cluster import Cluster, as_log_error
from mini_sentry.streams.engines.kafka.spread import Spread
from mini_sentry.streams.log import DeliveredTokens, LogError, LogUnavailable, RecordRefused
from mini_sentry.streams.topics import INGEST

QUEUE_KBYTES: Final = 64 << 10
LINGER_MS: Final = 2
POLL_SECONDS: Final = 0.25
CLOSE_SECONDS: Final = 20.0

logger = logging.getLogger(__name__)


class Sender:
    """One producer for all topics. `ended(topic, partition, offset)` hears where a partition was seen to end."""

    def __init__(self, cluster: Cluster, ended: Callable[[str, int, int], None]) -> None:
        self._cluster = cluster
        self._ended = ended
        self._names = cluster.settings.names
        self._topics = {name: topic for topic, name in self._names.items()}
        self._lock = threading.Lock()
        self._spreads: dict[str, Spread] = {}
        self._reported: list[tuple[DeliveredTokens, Any, LogError | None]] = []
        self._producer = self._make()
        self._retired: list[Producer] = []
        self._has_failed = False
        self._fresh_until = float("-inf")
        self._is_closed = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kafka-deliveries", daemon=True)
        self._thread.start()

    def send(self, topic: str, key: bytes, value: bytes, hears: DeliveredTokens, token: Any) -> None:
        """Queue one record; never blocks. Raises LogUnavailable when there is no room or no cluster yet, RecordRefused."""
        if self._is_closed:
            raise LogUnavailable("the log is closed")
        count = self._cluster.known_partitions(topic)
        if not count:
            raise LogUnavailable("Kafka has not answered yet")

        def reported(error: Any, message: Message) -> None:
            self._report(error, message, hears, token)

        with self._lock:
            spread = self._spreads.get(topic)
            if spread is None or spread.partitions != count:
                spread = self._spreads[topic] = Spread(count, hot=self._cluster.settings.hot_keys)
            partition = spread.partition(key) if topic == INGEST else spread.home(key)
            producer = self._producer
        try:
            producer.produce(self._names[topic], value, key, partition, reported)
        except BufferError as error:
            raise LogUnavailable("Kafka is too slow: too much waits to be sent") from error
        except KafkaException as error:
            if error.args[0].code() == KafkaError._FATAL:
                producer.purge()
                self._retire(producer)
            raise as_log_error(error) from error

    def close(self) -> None:
        """Send what was submitted and tell of it, then end; what Kafka does not take in 20 seconds has failed."""
        if self._is_closed:
            return
        self._is_closed = True
        self._stop.set()
        self._thread.join()
        for producer in (self._producer, *self._retired):
            if producer.flush(CLOSE_SECONDS):
                producer.purge()
                producer.flush(1.0)
        self._tell()

    def _make(self) -> Producer:
        settings = self._cluster.settings
        return Producer(
            settings.client(
                acks="all",
                enable_idempotence=True,
                linger_ms=LINGER_MS,
                message_timeout_ms=round(settings.delivery_seconds * 1000),
                message_max_bytes=settings.max_message_bytes,
                queue_buffering_max_kbytes=QUEUE_KBYTES,
                compression_type="none",
            )
        )

    def _report(self, error: Any, message: Message, hears: DeliveredTokens, token: Any) -> None:
        if error is None:
            self._reported.append((hears, token, None))
            self._ended(self._topics[str(message.topic())], message.partition() or 0, (message.offset() or 0) + 2)
        else:
            failure = as_log_error(KafkaException(error))
            self._has_failed |= not isinstance(failure, RecordRefused)
            self._reported.append((hears, token, failure))

    def _run(self) -> None:
        while not self._stop.is_set():
            if not self._cluster.is_ready:
                try:
                    self._cluster.prepare()
                except LogError as error:
                    logger.debug("Kafka is away: %s", error)
            producer = self._producer
            producer.poll(POLL_SECONDS)
            for retired in self._retired:
                retired.poll(0)
            with self._lock:
                self._retired = [retired for retired in self._retired if len(retired)]
            if self._has_failed and time.monotonic() > self._fresh_until:
                self._has_failed = False
                self._retire(producer)
            self._tell()

    def _tell(self) -> None:
        """Each `hears` once for its tokens that stand next to each other and ended alike."""
        reported, self._reported = self._reported, []
        start = 0
        for index in range(1, len(reported) + 1):
            if (
                index < len(reported)
                and reported[index][0] == reported[start][0]
                and reported[index][2] is reported[start][2]
            ):
                continue
            hears, _, error = reported[start]
            try:
                hears([token for _, token, _ in reported[start:index]], error)
            except Exception:
                logger.exception("a producer failed to hear of its records")
            start = index

    def _retire(self, producer: Producer) -> None:
        """After a failure start afresh, with a number of its own at the broker: one that gave records up, or that lost its
        place in the log, may not find its way back. What the old one still has it sends or gives up."""
        with self._lock:
            if self._producer is producer:
                self._retired.append(producer)
                self._producer = self._make()
                self._fresh_until = time.monotonic() + self._cluster.settings.delivery_seconds
