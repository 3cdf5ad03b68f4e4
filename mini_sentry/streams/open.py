"""The installation's log: which engine, and in the embedded one, which topic lives in which file.

Kafka's client is loaded only where Kafka is chosen.

The web process syncs `ingest.db` all the time and the engine process `topics.db`; in two files neither waits for the other.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mini_sentry.streams.engines.kafka.settings import KafkaSettings
from mini_sentry.streams.engines.sqlite import SqliteLog
from mini_sentry.streams.log import Delivered, DeliveredTokens, Log, LogUnavailable, Member, Record, Submit
from mini_sentry.streams.spool import Spooling
from mini_sentry.streams.topics import INGEST, READERS

INGEST_FILE: Final = "ingest.db"
TOPICS_FILE: Final = "topics.db"

logger = logging.getLogger(__name__)


class Logs:
    """Several logs that look like one: each topic is the business of the log that `routes` names.

    `log_id` is that of the log which holds `ingest`, the only topic whose positions are kept elsewhere.
    """

    def __init__(self, routes: Mapping[str, Log]) -> None:
        self._routes = routes
        self.log_id = routes[INGEST].log_id
        self.may_repeat = routes[INGEST].may_repeat

    def partitions(self, topic: str) -> int:
        return self._routes[topic].partitions(topic)

    def join(self, group: str, topic: str) -> Member:
        return self._routes[topic].join(group, topic)

    def append(self, topic: str, entries: Sequence[tuple[bytes, bytes]], *, timeout_seconds: float = 30.0) -> None:
        self._routes[topic].append(topic, entries, timeout_seconds=timeout_seconds)

    def submit(self, topic: str, key: bytes, value: bytes, delivered: Delivered) -> None:
        self._routes[topic].submit(topic, key, value, delivered)

    def producer(self, delivered: DeliveredTokens) -> Submit:
        submits = {id(log): log.producer(delivered) for log in self._routes.values()}
        by_topic = {topic: submits[id(log)] for topic, log in self._routes.items()}

        def submit(topic: str, key: bytes, value: bytes, token: object) -> None:
            by_topic[topic](topic, key, value, token)

        return submit

    def read(
        self, topic: str, offset: int, *, partition: int = 0, limit: int = 1000, max_bytes: int = 16 << 20
    ) -> list[Record]:
        return self._routes[topic].read(topic, offset, partition=partition, limit=limit, max_bytes=max_bytes)

    def first_offset(self, topic: str, partition: int = 0) -> int:
        return self._routes[topic].first_offset(topic, partition)

    def end_offset(self, topic: str, partition: int = 0) -> int:
        return self._routes[topic].end_offset(topic, partition)

    def position(self, group: str, topic: str, partition: int = 0) -> int:
        return self._routes[topic].position(group, topic, partition)

    def commit(self, group: str, topic: str, next_offset: int, partition: int = 0) -> None:
        self._routes[topic].commit(group, topic, next_offset, partition)

    def lag(self, group: str, topic: str, partition: int = 0) -> int:
        return self._routes[topic].lag(group, topic, partition)

    def wait(self, topic: str, offset: int, *, timeout_seconds: float, partition: int = 0) -> bool:
        return self._routes[topic].wait(topic, offset, timeout_seconds=timeout_seconds, partition=partition)

    def trim(self, topic: str, *, keep_seconds: float, keep_bytes: int, max_bytes: int | None = None) -> int:
        return self._routes[topic].trim(topic, keep_seconds=keep_seconds, keep_bytes=keep_bytes, max_bytes=max_bytes)

    def size_bytes(self, topic: str) -> int:
        return self._routes[topic].size_bytes(topic)

    def close(self) -> None:
        for log in {id(log): log for log in self._routes.values()}.values():
            log.close()


def open_logs(data_dir: Path) -> Logs:
    """The embedded log in `data_dir`, made when it is missing. Raises LogDamaged or LogUnavailable."""
    ingest = SqliteLog(data_dir / INGEST_FILE, readers={INGEST: READERS[INGEST]})
    others = {topic: groups for topic, groups in READERS.items() if topic != INGEST}
    topics = SqliteLog(data_dir / TOPICS_FILE, readers=others)
    return Logs({INGEST: ingest, **dict.fromkeys(others, topics)})


@dataclass(frozen=True)
class SpoolSettings:
    """Where the edge keeps what Kafka does not take, and how much of it."""

    directory: Path
    max_bytes: int


def open_kafka(settings: KafkaSettings, *, spool: SpoolSettings | None = None) -> Log:
    """The log in Kafka, whether Kafka is there yet or not; before it a spool, where one is given.

    Raises ValueError for options that Kafka's client does not know; LogDamaged or LogUnavailable for the spool's file.
    """
    from mini_sentry.streams.engines.kafka.log import KafkaLog

    log = KafkaLog(settings)
    try:
        log.connect()
    except LogUnavailable as error:
        logger.warning("Kafka is not there yet: %s", error)
    if spool is None:
        return log
    return Spooling(log, spool.directory, max_bytes=spool.max_bytes)
