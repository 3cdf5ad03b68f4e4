"""How the log in Kafka is set up. Plain values: nothing of Kafka's client is loaded for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mini_sentry.streams.topics import DEAD_LETTERS, INGEST, READERS


@dataclass(frozen=True, kw_only=True)
class KafkaSettings:
    """How to reach the cluster and what its topics are like.

    `names` maps our topics to theirs. `partitions` is that of `ingest`, `column_partitions` that of the topics which fill the
    columns; there is one of dead letters, whose offsets are their names. These, `replication`, `retention_seconds` and
    `dead_letter_seconds` count when a topic is made; a topic with fewer partitions gets more, one with more keeps them. The records of the projects in
    `hot_keys` (`topics.project_key`) go to all partitions, whatever is measured. A record that is not durable after
    `delivery_seconds` has failed. `options` are librdkafka's own, for encryption and sign-in.
    """

    bootstrap_servers: str
    names: Mapping[str, str] = field(default_factory=lambda: {topic: topic for topic in READERS})
    partitions: int = 6
    column_partitions: int = 2
    replication: int = 1
    retention_seconds: int = 72 * 3600
    dead_letter_seconds: int = 30 * 86_400
    max_message_bytes: int = 21 << 20
    delivery_seconds: float = 10.0
    hot_keys: frozenset[bytes] = frozenset()
    options: Mapping[str, str] = field(default_factory=dict)

    def wanted_partitions(self, topic: str) -> int:
        return {INGEST: self.partitions, DEAD_LETTERS: 1}.get(topic, self.column_partitions)

    def topic_config(self, topic: str) -> dict[str, str]:
        """What a topic is made with; Kafka keeps for good what is to be kept for 0 seconds.

        With copies, all of them but one must have a record before it is confirmed: it outlives the loss of any broker.
        """
        kept = self.dead_letter_seconds if topic == DEAD_LETTERS else self.retention_seconds
        config = {"retention.ms": str(kept * 1000 or -1), "max.message.bytes": str(self.max_message_bytes)}
        return config | ({"min.insync.replicas": str(self.replication - 1)} if self.replication > 1 else {})

    def group_id(self, group: str, topic: str) -> str:
        """One group a topic, so that members of one topic do not disturb those of another."""
        return f"mini-sentry-{group}-{self.names[topic]}"

    def client(self, **more: Any) -> dict[str, Any]:
        """A client's configuration; what is given here wins over `options`."""
        return {
            "bootstrap.servers": self.bootstrap_servers,
            "client.id": "mini-sentry",
            "log_level": 2,
            "socket.keepalive.enable": True,
            "reconnect.backoff.max.ms": 1000,
            "topic.metadata.refresh.interval.ms": 30_000,
            **self.options,
            **{name.replace("_", "."): value for name, value in more.items()},
        }
