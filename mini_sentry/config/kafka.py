"""The variables that choose Kafka for the log, and what is wrong with them."""

from typing import Final

from mini_sentry.config.environment import BadSetting, Environment
from mini_sentry.streams.engines.kafka.settings import KafkaSettings
from mini_sentry.streams.topics import COLUMN_TOPICS, EVENTS, READERS, SESSIONS, project_key

_MORE_THAN_A_REQUEST: Final = 1 << 20
"""What the log keeps of a request beside its body, with room to spare."""


def kafka(env: Environment, *, max_request_mb: int) -> KafkaSettings | None:
    """None without KAFKA_BOOTSTRAP_SERVERS. Raises BadSetting."""
    servers = env.text("KAFKA_BOOTSTRAP_SERVERS", "")
    if not servers:
        return None
    return KafkaSettings(
        bootstrap_servers=servers,
        names=_names(env),
        partitions=_at_least_one("KAFKA_PARTITIONS", env.number("KAFKA_PARTITIONS", 6)),
        column_partitions=_at_least_one("KAFKA_COLUMN_PARTITIONS", env.number("KAFKA_COLUMN_PARTITIONS", 2)),
        replication=_at_least_one("KAFKA_REPLICATION_FACTOR", env.number("KAFKA_REPLICATION_FACTOR", 1)),
        retention_seconds=_at_least_one("KAFKA_RETENTION_HOURS", env.number("KAFKA_RETENTION_HOURS", 72)) * 3600,
        dead_letter_seconds=env.number("RETENTION_DAYS", 30) * 86_400,
        max_message_bytes=(max_request_mb << 20) + _MORE_THAN_A_REQUEST,
        delivery_seconds=_at_least_one(
            "KAFKA_DELIVERY_TIMEOUT_SECONDS", env.number("KAFKA_DELIVERY_TIMEOUT_SECONDS", 5)
        ),
        hot_keys=_hot_keys(env),
        options=_options(env),
    )


def column_topics(env: Environment, settings: KafkaSettings | None) -> tuple[str, ...]:
    """What this process fills the columns from: the topics that KAFKA_TOPICS names as Kafka does. Raises BadSetting."""
    words = env.words("KAFKA_TOPICS", "")
    if not words or settings is None:
        return COLUMN_TOPICS
    known = {settings.names[topic]: topic for topic in COLUMN_TOPICS}
    if unknown := [word for word in words if word not in known]:
        wanted = f"{unknown[0]} is none of {', '.join(known)}"
        raise BadSetting("KAFKA_TOPICS", ",".join(words), wanted)
    return tuple(known[word] for word in words)


def _names(env: Environment) -> dict[str, str]:
    prefix = env.text("KAFKA_TOPIC_PREFIX", "")
    names = {topic: prefix + topic for topic in READERS}
    names[EVENTS] = env.text("KAFKA_TOPIC", names[EVENTS])
    names[SESSIONS] = env.text("KAFKA_SESSIONS_TOPIC", names[SESSIONS])
    for variable, topic in (("KAFKA_TOPIC", EVENTS), ("KAFKA_SESSIONS_TOPIC", SESSIONS)):
        if names[topic] != prefix + topic and list(names.values()).count(names[topic]) > 1:
            raise BadSetting(variable, names[topic], "another topic has this name")
    return names


def _at_least_one(name: str, number: int) -> int:
    if not number:
        raise BadSetting(name, "0", "it must be at least 1")
    return number


def _hot_keys(env: Environment) -> frozenset[bytes]:
    words = env.words("KAFKA_HOT_PROJECTS", "")
    if not all(word.isdecimal() for word in words):
        raise BadSetting("KAFKA_HOT_PROJECTS", ",".join(words), "it must be project ids, separated by commas")
    return frozenset(project_key(int(word)) for word in words)


def _options(env: Environment) -> dict[str, str]:
    words = env.words("KAFKA_CLIENT_OPTIONS", "")
    pairs = [word.partition("=") for word in words]
    if not all(name.strip() and equals for name, equals, _ in pairs):
        # The text may hold a password, so it is not shown.
        raise BadSetting("KAFKA_CLIENT_OPTIONS", "…", "it must be name=value pairs, separated by commas")
    return {name.strip(): value.strip() for name, _, value in pairs}
