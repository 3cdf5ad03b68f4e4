"""The variables of Kafka."""

import pytest

from mini_sentry.config.environment import BadSetting, Environment
from mini_sentry.config.kafka import column_topics, kafka
from mini_sentry.streams.engines.kafka.settings import KafkaSettings
from mini_sentry.streams.topics import DEAD_LETTERS, EVENTS, INGEST, OUTCOMES, SESSIONS


def read(**variables: str) -> KafkaSettings:
    found = kafka(Environment({"KAFKA_BOOTSTRAP_SERVERS": "one:9092", **variables}), max_request_mb=20)
    assert found is not None
    return found


def test_without_servers_the_log_is_the_embedded_one() -> None:
    assert kafka(Environment({"KAFKA_TOPIC": "x"}), max_request_mb=20) is None
    assert column_topics(Environment({"KAFKA_TOPICS": "elsewhere"}), None) == (EVENTS, SESSIONS, OUTCOMES)


def test_topics_have_the_names_that_were_given() -> None:
    names = read(KAFKA_TOPIC="stored", KAFKA_TOPIC_PREFIX="shop-").names
    assert names == {
        INGEST: "shop-ingest",
        EVENTS: "stored",
        SESSIONS: "shop-sessions",
        OUTCOMES: "shop-outcomes",
        DEAD_LETTERS: "shop-dead-letters",
    }


def test_each_topic_gets_its_partitions() -> None:
    settings = read(KAFKA_PARTITIONS="12", KAFKA_COLUMN_PARTITIONS="3")
    assert [settings.wanted_partitions(topic) for topic in (INGEST, EVENTS, OUTCOMES, DEAD_LETTERS)] == [12, 3, 3, 1]


def test_a_request_of_the_largest_size_fits_into_a_record() -> None:
    assert read().max_message_bytes > 20 << 20


def test_dead_letters_stay_as_long_as_everywhere() -> None:
    settings = read(KAFKA_RETENTION_HOURS="10", RETENTION_DAYS="7")
    assert settings.topic_config(INGEST)["retention.ms"] == "36000000"
    assert settings.topic_config(DEAD_LETTERS)["retention.ms"] == "604800000"
    assert read(RETENTION_DAYS="0").topic_config(DEAD_LETTERS)["retention.ms"] == "-1"


def test_a_record_outlives_the_loss_of_any_broker_where_there_are_copies() -> None:
    assert "min.insync.replicas" not in read().topic_config(INGEST)
    assert read(KAFKA_REPLICATION_FACTOR="3").topic_config(INGEST)["min.insync.replicas"] == "2"


def test_options_of_the_client_are_handed_on_but_do_not_decide_what_must_be_so() -> None:
    settings = read(KAFKA_CLIENT_OPTIONS="security.protocol=SASL_SSL, sasl.password=a=b,acks=1")
    options = settings.client(acks="all")
    assert (options["security.protocol"], options["sasl.password"], options["acks"]) == ("SASL_SSL", "a=b", "all")


def test_hot_projects_are_keys() -> None:
    assert read(KAFKA_HOT_PROJECTS="3, 17").hot_keys == {b"3", b"17"}


def test_a_snuba_may_read_some_of_the_topics() -> None:
    settings = read(KAFKA_TOPIC="stored")
    assert column_topics(Environment({"KAFKA_TOPICS": "outcomes,stored"}), settings) == (OUTCOMES, EVENTS)
    assert column_topics(Environment({}), settings) == (EVENTS, SESSIONS, OUTCOMES)
    with pytest.raises(BadSetting, match="KAFKA_TOPICS"):
        column_topics(Environment({"KAFKA_TOPICS": "events"}), settings)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("KAFKA_PARTITIONS", "0"),
        ("KAFKA_REPLICATION_FACTOR", "many"),
        ("KAFKA_RETENTION_HOURS", "0"),
        ("KAFKA_HOT_PROJECTS", "shop"),
        ("KAFKA_CLIENT_OPTIONS", "compression"),
        ("KAFKA_TOPIC", "ingest"),
        ("KAFKA_SESSIONS_TOPIC", "events"),
    ],
)
def test_what_cannot_be_used_is_named(variable: str, text: str) -> None:
    with pytest.raises(BadSetting, match=variable):
        read(**{variable: text})


def test_a_password_is_not_shown() -> None:
    with pytest.raises(BadSetting) as raised:
        read(KAFKA_CLIENT_OPTIONS="sasl.password=secret,oops")
    assert "secret" not in str(raised.value)
