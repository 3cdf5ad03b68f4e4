"""The log in Kafka, through confluent-kafka: partitions, consumer groups, many machines."""

from mini_sentry.streams.engines.kafka.cluster import KafkaSettings
from mini_sentry.streams.engines.kafka.log import KafkaLog

__all__ = ["KafkaLog", "KafkaSettings"]
