"""The log's contract, against every engine."""

import multiprocessing
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from mini_sentry.streams.engines.kafka.log import KafkaLog
from mini_sentry.streams.engines.kafka.settings import KafkaSettings
from mini_sentry.streams.engines.memory import MemoryLog
from mini_sentry.streams.engines.sqlite import SqliteLog
from mini_sentry.streams.log import Log, LogDamaged, LogFull, LogUnavailable
from mini_sentry.streams.open import open_logs
from mini_sentry.streams.topics import DEAD_LETTERS, DIGEST, EVENTS, INGEST, READERS, SNUBA
from tests.engines.kafka import kafka_settings

FOREVER = 1e9


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


def append(log: Log, *values: bytes, topic: str = INGEST) -> None:
    log.append(topic, [(b"1", value) for value in values])


def trim_passed(log: Log) -> int:
    """Keep nothing for replay."""
    return log.trim(INGEST, keep_seconds=FOREVER, keep_bytes=0)


def values(log: Log, offset: int = 1, topic: str = INGEST, **bounds: int) -> list[bytes]:
    return [record.value for record in log.read(topic, offset, **bounds)]


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


def test_what_was_submitted_before_closing_is_kept(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    heard: list[Exception | None] = []
    for number in range(300):
        log.submit(INGEST, b"1", b"%d" % number, heard.append)
    log.close()
    assert heard == [None] * 300
    again = SqliteLog(tmp_path / "log.db")
    assert len(again.read(INGEST, 1)) == 300
    again.close()


def test_a_reopened_log_is_the_same_log(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    append(log, b"one")
    log.commit(DIGEST, INGEST, 2)
    trim_passed(log)
    log.close()
    again = SqliteLog(tmp_path / "log.db")
    append(again, b"two")
    assert again.log_id == log.log_id
    assert again.position(DIGEST, INGEST) == 2
    assert [(record.offset, record.value) for record in again.read(INGEST, 1)] == [(2, b"two")]
    again.close()
    other = SqliteLog(tmp_path / "other.db")
    assert other.log_id != log.log_id
    other.close()


def test_two_writers_of_one_file_share_its_offsets(tmp_path: Path) -> None:
    one, two = SqliteLog(tmp_path / "log.db"), SqliteLog(tmp_path / "log.db")
    append(one, b"1")
    append(two, b"2")
    append(one, b"3")
    append(two, b"4")
    assert [(record.offset, record.value) for record in one.read(INGEST, 1)] == [
        (1, b"1"),
        (2, b"2"),
        (3, b"3"),
        (4, b"4"),
    ]
    assert two.size_bytes(INGEST) == 4
    one.close()
    two.close()


def test_an_idle_writer_never_writes_behind_readers_though_all_between_was_trimmed(tmp_path: Path) -> None:
    idle, busy = SqliteLog(tmp_path / "log.db"), SqliteLog(tmp_path / "log.db")
    append(idle, b"1")
    append(busy, b"2", b"3")
    busy.commit(DIGEST, INGEST, 4)
    trim_passed(busy)
    append(idle, b"4")
    assert [record.offset for record in busy.read(INGEST, busy.position(DIGEST, INGEST))] == [4]
    idle.close()
    busy.close()


def test_a_full_log_says_so_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db", max_file_bytes=1 << 20)
    with pytest.raises(LogFull):
        append(log, b"x" * (2 << 20))
    append(log, b"small")
    assert values(log) == [b"small"]
    log.close()


def test_a_writer_that_never_gets_the_lock_reports_it(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db", lock_seconds=0.2)
    other = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LogUnavailable, match="lock"):
        append(log, b"x")
    other.execute("ROLLBACK")
    other.close()
    append(log, b"y")
    assert values(log) == [b"y"]
    log.close()


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_file_that_is_no_log_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log.db").write_bytes(content)
    with pytest.raises(LogDamaged, match=r"log\.db"):
        SqliteLog(tmp_path / "log.db")


def test_another_database_is_not_taken_for_a_log(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "main.db")
    other.execute("CREATE TABLE people (name TEXT)")
    other.commit()
    with pytest.raises(LogDamaged, match="not a log"):
        SqliteLog(tmp_path / "main.db")
    assert other.execute("PRAGMA journal_mode").fetchall() == [("delete",)]
    other.close()


def test_a_log_in_a_missing_directory_says_where(tmp_path: Path) -> None:
    with pytest.raises(LogUnavailable, match="absent"):
        SqliteLog(tmp_path / "absent" / "log.db")


def test_the_embedded_log_keeps_the_accepted_bytes_in_a_file_of_their_own(tmp_path: Path) -> None:
    log = open_logs(tmp_path)
    for topic in READERS:
        append(log, topic.encode(), topic=topic)
    assert [values(log, topic=topic) for topic in READERS] == [[topic.encode()] for topic in READERS]
    log.close()
    ingest = SqliteLog(tmp_path / "ingest.db", readers={INGEST: READERS[INGEST]})
    assert (values(ingest), ingest.log_id) == ([INGEST.encode()], log.log_id)
    ingest.close()


def _write_until_killed(path: Path, name: str, acknowledged: Path) -> None:
    log = SqliteLog(path)
    with acknowledged.open("ab", buffering=0) as out:

        def write(thread: int) -> None:
            for number in range(1_000_000):
                value = f"{name}.{thread}.{number}".encode()
                log.append(INGEST, [(b"1", value + b" " + b"x" * 3000)])
                out.write(value + b"\n")

        threads = [threading.Thread(target=write, args=(number,), daemon=True) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _all_larger_than(size: int, files: list[Path]) -> bool:
    return all(file.exists() and file.stat().st_size > size for file in files)


def _until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_when_writers_are_killed(tmp_path: Path) -> None:
    path, context = tmp_path / "log.db", multiprocessing.get_context("spawn")
    acknowledged: list[Path] = []
    reader = SqliteLog(path)
    seen: list[bytes] = []
    for turn in range(3):
        names = [f"{turn}-{number}" for number in range(2)]
        acknowledged += [tmp_path / f"{name}.acknowledged" for name in names]
        writers = [
            context.Process(target=_write_until_killed, args=(path, name, tmp_path / f"{name}.acknowledged"))
            for name in names
        ]
        for writer in writers:
            writer.start()
        _until(partial(_all_larger_than, 2000, acknowledged))
        for writer in writers:
            assert writer.pid is not None
            os.kill(writer.pid, signal.SIGKILL)
            writer.join()
        # What was read goes away between the kills, as it does in life.
        while records := reader.read(INGEST, reader.position(DIGEST, INGEST), limit=500):
            seen += [record.value.split(b" ")[0] for record in records]
            reader.commit(DIGEST, INGEST, records[-1].offset + 1)
        trim_passed(reader)
    promised = {line for file in acknowledged for line in file.read_bytes().split(b"\n")[:-1]}
    assert len(promised) > 300
    assert promised <= set(seen)
    assert len(seen) == len(set(seen))
    reader.close()
    check = sqlite3.connect(path)
    assert check.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    check.close()


def _append_number(path: Path, start: int) -> None:
    log = SqliteLog(path)
    for number in range(start, start + 200):
        log.append(INGEST, [(b"1", b"%d" % number)])
    log.close()


@pytest.mark.slow
def test_several_processes_append_and_one_reads_each_record_once(tmp_path: Path) -> None:
    path, context = tmp_path / "log.db", multiprocessing.get_context("spawn")
    log = SqliteLog(path)
    writers = [context.Process(target=_append_number, args=(path, start)) for start in (0, 1000)]
    for writer in writers:
        writer.start()
    seen: list[bytes] = []
    while len(seen) < 400:
        position = log.position(DIGEST, INGEST)
        assert log.wait(INGEST, position, timeout_seconds=30)
        records = log.read(INGEST, position)
        seen += [record.value for record in records]
        log.commit(DIGEST, INGEST, records[-1].offset + 1)
    for writer in writers:
        writer.join()
    assert sorted(map(int, seen)) == [*range(200), *range(1000, 1200)]
    assert [number for number in map(int, seen) if number < 1000] == list(range(200))
    log.close()
