"""The Kafka cluster as the log sees it: how it is reached, its topics and their partitions, and what its errors mean."""

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin import NewPartitions as MorePartitions  # type: ignore[attr-defined]
from confluent_kafka.admin import NewTopic as Topic  # type: ignore[attr-defined]

from mini_sentry.streams.engines.kafka.settings import KafkaSettings
from mini_sentry.streams.log import LogError, LogUnavailable, RecordRefused
from mini_sentry.streams.topics import INGEST

ANSWER_SECONDS: Final = 5.0
LOOK_AGAIN_SECONDS: Final = 60.0
RETRY_SECONDS: Final = 1.0

logger = logging.getLogger(__name__)


class Cluster:
    """Makes the topics when it is first needed, and knows how many partitions each has.

    Raises ValueError for options that the client does not know.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        try:
            self._admin = AdminClient(settings.client())
        except KafkaException as error:
            raise ValueError(error.args[0].str()) from error
        self._lock = threading.Lock()
        self._partitions: dict[str, int] = {}
        self._looked_at = float("-inf")
        self._failed_at = float("-inf")
        self._failure = ""
        self._log_id: str | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the topics are there, as far as anyone has looked."""
        return bool(self._partitions)

    def partitions(self, topic: str) -> int:
        """How many the topic has. Raises LogUnavailable, at once when the cluster was away a moment ago."""
        self.prepare()
        return self._partitions[topic]

    def known_partitions(self, topic: str) -> int:
        """As `partitions`, without asking anyone; 0 as long as nothing is known. Raises KeyError for no topic of ours."""
        return self._partitions[topic] if self._partitions else 0 * len(self.settings.names[topic])

    def prepare(self) -> None:
        """Make the topics that are missing, unless that was looked at lately. Raises LogUnavailable."""
        if time.monotonic() - self._looked_at < LOOK_AGAIN_SECONDS:
            return
        with self._lock:
            now = time.monotonic()
            if now - self._looked_at < LOOK_AGAIN_SECONDS:
                return
            if now - self._failed_at < RETRY_SECONDS:
                raise LogUnavailable(self._failure)
            try:
                self._partitions = self._made()
                self._looked_at = time.monotonic()
            except (KafkaException, TimeoutError) as error:
                self._failed_at = time.monotonic()
                if self._partitions:
                    # What is known stays true enough; the records themselves will tell whether the cluster is there.
                    self._looked_at = self._failed_at
                    return
                failure = as_log_error(error)
                self._failure = str(failure)
                raise failure from error

    def log_id(self) -> str:
        """Names this very log: made anew, a topic is another one, with positions of its own. Raises LogUnavailable."""
        self.prepare()
        if self._log_id is None:
            name = self.settings.names[INGEST]
            try:
                cluster_id = self._admin.list_topics(timeout=ANSWER_SECONDS).cluster_id or "kafka"
                topic_id = self._topic_id(name)
            except (KafkaException, TimeoutError) as error:
                raise as_log_error(error) from error
            self._log_id = f"{cluster_id[:32]}/{topic_id or name}"[:64]
        return self._log_id

    def _topic_id(self, name: str) -> str:
        """Empty where the broker gives topics no ids."""
        try:
            [described] = self._admin.describe_topics(
                TopicCollection([name]), request_timeout=ANSWER_SECONDS
            ).values()  # fmt: skip
            return str(described.result(ANSWER_SECONDS).topic_id)
        except KafkaException as error:
            if error.args[0].retriable() or error.args[0].code() == KafkaError._TIMED_OUT:
                raise
            return ""

    def _made(self) -> dict[str, int]:
        """Our topics and their partitions, once all are there with as many as are wanted."""
        settings, admin = self.settings, self._admin
        wanted = {name: settings.wanted_partitions(topic) for topic, name in settings.names.items()}
        known = self._look()
        missing = {topic: name for topic, name in settings.names.items() if name not in known}
        if missing:
            made = [
                Topic(
                    name,
                    num_partitions=wanted[name],
                    replication_factor=settings.replication,
                    config=settings.topic_config(topic),
                )
                for topic, name in missing.items()
            ]
            _finish(admin.create_topics(made, request_timeout=ANSWER_SECONDS), KafkaError.TOPIC_ALREADY_EXISTS)
        grown = [MorePartitions(name, wanted[name]) for name, count in known.items() if count < wanted[name]]
        if grown:
            logger.info("Topics get more partitions: %s", ", ".join(sorted(one.topic for one in grown)))
            _finish(admin.create_partitions(grown, request_timeout=ANSWER_SECONDS), KafkaError.INVALID_PARTITIONS)
        deadline = time.monotonic() + ANSWER_SECONDS
        while any(known.get(name, 0) < count for name, count in wanted.items()):
            if time.monotonic() > deadline:
                raise TimeoutError("the topics that were made do not show")
            time.sleep(0.05)
            known = self._look()
        return {topic: known[name] for topic, name in settings.names.items()}

    def _look(self) -> dict[str, int]:
        found = self._admin.list_topics(timeout=ANSWER_SECONDS).topics
        ours = (found.get(name) for name in self.settings.names.values())
        return {
            str(one.topic): len(one.partitions) for one in ours if one is not None and not one.error and one.partitions
        }


def _finish(futures: Mapping[str, Any], tolerated: int) -> None:
    """Another process that does the same at the same time is no failure."""
    for future in futures.values():
        try:
            future.result(ANSWER_SECONDS)
        except KafkaException as error:
            if error.args[0].code() != tolerated:
                raise


def as_log_error(error: Exception) -> LogError:
    kafka = error.args[0] if isinstance(error, KafkaException) and error.args else error
    if isinstance(kafka, KafkaError):
        if kafka.code() in (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD):
            return RecordRefused(kafka.str())
        return LogUnavailable(f"Kafka: {kafka.str()}")
    return LogUnavailable(f"Kafka: {error}")
