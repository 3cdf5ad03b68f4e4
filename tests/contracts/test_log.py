"""The log's contract, against every engine."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mini_sentry.streams.engines.kafka.log import KafkaLog
from mini_sentry.streams.engines.kafka.settings import KafkaSettings
from mini_sentry.streams.engines.memory import MemoryLog
from mini_sentry.streams.engines.sqlite import SqliteLog
from mini_sentry.streams.log import Log, LogUnavailable
from mini_sentry.streams.topics import DEAD_LETTERS, DIGEST, EVENTS, INGEST, SNUBA
from tests.engines.kafka import kafka_settings
from tests.streams.records import FOREVER, append, trim_passed, values


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


TRIMMED_BY_US = ["memory", "sqlite"]
"""The engines that delete what is passed themselves, know the bytes they keep, and have a clock that can be set."""


def connected(settings: KafkaSettings) -> KafkaLog:
    log = KafkaLog(settings)
    log.connect()
    return log


def make_log(engine: str, request: pytest.FixtureRequest, clock: Clock) -> Log:
    match engine:
        case "memory":
            return MemoryLog(clock=clock)
        case "sqlite":
            return SqliteLog(request.getfixturevalue("tmp_path") / "log.db", clock=clock)
        case "kafka":
            return connected(kafka_settings(request.getfixturevalue("kafka"), partitions=1))
        case _:
            return connected(kafka_settings(request.getfixturevalue("mock_kafka"), partitions=1))


@pytest.fixture(params=[*TRIMMED_BY_US, "kafka", "kafka-mock"])
def log(request: pytest.FixtureRequest, clock: Clock) -> Iterator[Log]:
    log = make_log(request.param, request, clock)
    yield log
    log.close()


@pytest.fixture(params=TRIMMED_BY_US)
def trimmed(request: pytest.FixtureRequest, clock: Clock) -> Iterator[Log]:
    log = make_log(request.param, request, clock)
    yield log
    log.close()


def test_records_are_read_in_the_order_they_were_appended(log: Log) -> None:
    log.append(INGEST, [(b"7", b"one"), (b"8", b"two")])
    append(log, b"three")
    first, second, third = log.read(INGEST, 1)
    assert [first.value, second.value, third.value] == [b"one", b"two", b"three"]
    assert [first.offset, second.offset, third.offset] == [1, 2, 3]
    assert (first.key, second.key) == (b"7", b"8")
    assert (first.topic, first.partition) == (INGEST, 0)


def test_a_record_bears_the_time_it_was_appended_at(trimmed: Log, clock: Clock) -> None:
    append(trimmed, b"one")
    clock.now += 5
    append(trimmed, b"two")
    assert [record.timestamp for record in trimmed.read(INGEST, 1)] == [clock.now - 5, clock.now]


def test_a_record_bears_the_time_of_day(tmp_path: Path, kafka: str) -> None:
    for log in (SqliteLog(tmp_path / "log.db"), connected(kafka_settings(kafka))):
        before = time.time()
        append(log, b"one")
        [record] = [
            record for partition in range(log.partitions(INGEST)) for record in log.read(INGEST, 1, partition=partition)
        ]
        assert before - 0.01 <= record.timestamp <= time.time() + 0.01
        log.close()


def test_reading_starts_at_the_offset_and_ends_with_the_log(log: Log) -> None:
    append(log, b"one", b"two", b"three")
    assert values(log, 2) == [b"two", b"three"]
    assert values(log, 4) == []
    assert values(log, 0) == [b"one", b"two", b"three"]


def test_topics_have_their_own_records_and_offsets(log: Log) -> None:
    append(log, b"raw", b"raw too")
    append(log, b"event", topic=EVENTS)
    assert values(log, topic=EVENTS) == [b"event"]
    assert log.end_offset(EVENTS) == 2
    assert log.end_offset(INGEST) == 3


def test_an_empty_batch_is_no_record(log: Log) -> None:
    log.append(INGEST, [])
    assert log.end_offset(INGEST) == 1


def test_an_unknown_topic_is_refused(log: Log) -> None:
    with pytest.raises(KeyError):
        append(log, b"x", topic="elsewhere")


def test_a_read_is_bounded_by_records(log: Log) -> None:
    append(log, *[b"x"] * 250)
    assert len(values(log, limit=120)) == 120
    assert len(values(log, 200, limit=120)) == 51


def test_a_read_is_bounded_by_bytes_but_gives_one_record_at_least(log: Log) -> None:
    append(log, b"a" * 100, b"b" * 100, b"c" * 100)
    assert len(values(log, max_bytes=200)) == 2
    assert len(values(log, max_bytes=199)) == 1
    assert len(values(log, max_bytes=1)) == 1


def test_a_large_batch_is_one_append(log: Log) -> None:
    append(log, *[b"%d" % number for number in range(1, 3001)])
    assert values(log, 2990, limit=5) == [b"2990", b"2991", b"2992", b"2993", b"2994"]
    assert log.end_offset(INGEST) == 3001


def test_large_values_come_back_whole(log: Log) -> None:
    value = os.urandom(1_200_000)
    append(log, value, b"small")
    assert values(log) == [value, b"small"]


def test_a_submitted_record_is_readable_when_its_callback_runs(log: Log) -> None:
    heard: list[tuple[Exception | None, list[bytes]]] = []
    done = threading.Event()

    def delivered(error: Exception | None) -> None:
        heard.append((error, values(log)))
        done.set()

    log.submit(INGEST, b"1", b"x", delivered)
    assert done.wait(10)
    assert heard == [(None, [b"x"])]


def test_a_producer_hears_of_every_token_once(log: Log) -> None:
    heard: list[object] = []
    done = threading.Event()

    def delivered(tokens: list[object], error: Exception | None) -> None:
        assert error is None
        heard.extend(tokens)
        if len(heard) == 500:
            done.set()

    submit = log.producer(delivered)
    for number in range(500):
        submit(EVENTS if number % 3 else INGEST, b"1", b"%d" % number, number)
    assert done.wait(10)
    assert sorted(heard) == list(range(500))  # type: ignore[type-var]
    assert len(values(log)) + len(values(log, topic=EVENTS)) == 500


def test_a_callback_that_fails_takes_no_other_with_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = SqliteLog(tmp_path / "log.db")
    done = threading.Event()

    def fails(error: Exception | None) -> None:
        raise RuntimeError("a broken callback")

    log.submit(INGEST, b"1", b"x", fails)
    log.submit(INGEST, b"1", b"y", lambda error: done.set())
    assert done.wait(10)
    assert "a broken callback" in caplog.text
    append(log, b"z")
    log.close()


def test_a_group_starts_at_the_first_record(log: Log) -> None:
    append(log, b"one", b"two")
    assert log.position(DIGEST, INGEST) == 1
    assert log.lag(DIGEST, INGEST) == 2


def test_each_group_stands_where_it_committed(log: Log) -> None:
    append(log, b"one", b"two", b"three")
    log.commit(DIGEST, INGEST, 3)
    log.commit("other", INGEST, 2)
    assert log.position(DIGEST, INGEST) == 3
    assert log.position("other", INGEST) == 2
    assert (log.lag(DIGEST, INGEST), log.lag("other", INGEST), log.lag("new", INGEST)) == (1, 2, 3)


def test_a_group_may_go_back(log: Log) -> None:
    append(log, b"one", b"two")
    log.commit(DIGEST, INGEST, 3)
    log.commit(DIGEST, INGEST, 2)
    assert log.position(DIGEST, INGEST) == 2


def test_waiting_ends_when_the_record_is_there(log: Log) -> None:
    assert not log.wait(INGEST, 1, timeout_seconds=0.02)
    writer = threading.Timer(0.1, append, [log, b"x"])
    writer.start()
    assert log.wait(INGEST, 1, timeout_seconds=10)
    assert log.wait(INGEST, 1, timeout_seconds=0)
    assert not log.wait(INGEST, 2, timeout_seconds=0.02)
    writer.join()


def test_what_a_declared_group_has_not_passed_is_never_trimmed(trimmed: Log) -> None:
    append(trimmed, b"one", b"two", b"three")
    assert trim_passed(trimmed) == 0
    trimmed.commit(DIGEST, INGEST, 3)
    assert trim_passed(trimmed) == 2
    assert values(trimmed) == [b"three"]
    assert trimmed.first_offset(INGEST) == 3


def test_an_undeclared_group_holds_nothing_back_and_has_a_gap(trimmed: Log) -> None:
    append(trimmed, b"one", b"two", b"three")
    trimmed.commit("other", INGEST, 1)
    trimmed.commit(DIGEST, INGEST, 4)
    assert trim_passed(trimmed) == 3
    assert trimmed.position("other", INGEST) < trimmed.first_offset(INGEST)
    assert trimmed.lag("other", INGEST) == 0


def test_offsets_go_on_after_everything_was_trimmed(trimmed: Log) -> None:
    append(trimmed, b"one", b"two")
    trimmed.commit(DIGEST, INGEST, 3)
    trim_passed(trimmed)
    assert (trimmed.first_offset(INGEST), trimmed.end_offset(INGEST), trimmed.size_bytes(INGEST)) == (3, 3, 0)
    assert trimmed.position("new", INGEST) == 3
    append(trimmed, b"three")
    assert [record.offset for record in trimmed.read(INGEST, 1)] == [3]


def test_records_are_kept_for_replay_by_age(trimmed: Log, clock: Clock) -> None:
    append(trimmed, b"old")
    clock.now += 100
    append(trimmed, b"young")
    trimmed.commit(DIGEST, INGEST, 3)
    clock.now += 10
    assert trimmed.trim(INGEST, keep_seconds=60, keep_bytes=1 << 30) == 1
    assert values(trimmed) == [b"young"]


def test_records_are_kept_for_replay_by_size_behind_the_slowest_reader(trimmed: Log) -> None:
    append(trimmed, *[b"x" * 100] * 10)
    trimmed.commit(DIGEST, INGEST, 9)
    assert trimmed.trim(INGEST, keep_seconds=FOREVER, keep_bytes=300) == 5
    assert trimmed.first_offset(INGEST) == 6


def test_a_capped_topic_loses_its_oldest_records_though_nobody_read_them(trimmed: Log) -> None:
    append(trimmed, *[b"x" * 100] * 10, topic=EVENTS)
    assert trimmed.trim(EVENTS, keep_seconds=FOREVER, keep_bytes=1 << 30, max_bytes=450) == 6
    assert trimmed.size_bytes(EVENTS) == 400
    assert trimmed.position(SNUBA, EVENTS) == 7


def test_a_topic_without_readers_is_trimmed_by_age_alone(trimmed: Log, clock: Clock) -> None:
    append(trimmed, b"old", topic=DEAD_LETTERS)
    clock.now += 100
    append(trimmed, b"young", topic=DEAD_LETTERS)
    assert trimmed.trim(DEAD_LETTERS, keep_seconds=60, keep_bytes=1 << 30) == 1
    assert values(trimmed, topic=DEAD_LETTERS) == [b"young"]


def test_trimming_an_empty_topic_removes_nothing(trimmed: Log) -> None:
    assert trimmed.trim(INGEST, keep_seconds=0, keep_bytes=0, max_bytes=0) == 0


def test_trimming_many_records_leaves_the_rest_whole(trimmed: Log) -> None:
    append(trimmed, *[b"%d" % number for number in range(1, 2401)])
    trimmed.commit(DIGEST, INGEST, 2301)
    assert trim_passed(trimmed) == 2300
    assert values(trimmed) == [b"%d" % number for number in range(2301, 2401)]
    assert trimmed.size_bytes(INGEST) == 400


def test_size_is_the_bytes_of_the_values(trimmed: Log) -> None:
    assert trimmed.size_bytes(INGEST) == 0
    append(trimmed, b"x" * 10, b"y" * 32)
    assert trimmed.size_bytes(INGEST) == 42
    assert trimmed.size_bytes(EVENTS) == 0


def test_a_closed_log_takes_nothing_more(log: Log) -> None:
    log.close()
    log.close()
    with pytest.raises(LogUnavailable):
        append(log, b"x")
    with pytest.raises(LogUnavailable):
        log.submit(INGEST, b"1", b"x", lambda error: None)
