"""Records of the log become rows, whatever is replayed and whatever is broken."""

import itertools
import threading
import time
from datetime import UTC, datetime

import pytest

from mini_sentry.analytics.rows import encode
from mini_sentry.analytics.snuba import consumers, insert, rebuild, rewind_offset
from mini_sentry.analytics.store import ColumnsUnavailable, Store
from mini_sentry.streams.consumer import BadRecord, Unavailable
from mini_sentry.streams.dead_letters import dead_letters
from mini_sentry.streams.engines.memory import MemoryLog
from mini_sentry.streams.log import Record
from mini_sentry.streams.topics import EVENTS, OUTCOMES, SNUBA
from tests.columns import make_outcome, make_row


def make_record(value: bytes, *, topic: str = EVENTS, offset: int = 1) -> Record:
    return Record(topic=topic, partition=0, offset=offset, timestamp=0.0, key=b"1", value=value)


def append(log: MemoryLog, *values: bytes, topic: str = EVENTS) -> None:
    log.append(topic, [(b"1", value) for value in values])


def drain(log: MemoryLog, store: Store, *, rewind_to: float | None = None) -> int:
    """Everything that is in the log; how many records were handled."""
    stop = threading.Event()
    working = consumers(log, store, rewind_to=rewind_to, rest_seconds={})
    for consumer in working:
        while consumer.run_once(stop, wait_seconds=0):
            pass
    return sum(status.record_count for consumer in working for status in consumer.statuses())


def event_ids(store: Store) -> list[int]:
    return sorted(event_id.int for (event_id,) in store.query("SELECT event_id FROM events"))


def test_events_and_outcomes_go_into_their_tables(store: Store) -> None:
    log = MemoryLog()
    append(log, *(encode(make_row(number)) for number in range(5)))
    append(log, encode(make_outcome("a", quantity=5)), topic=OUTCOMES)
    assert drain(log, store) == 6
    assert event_ids(store) == [0, 1, 2, 3, 4]
    assert store.query("SELECT sum(quantity) FROM outcomes") == [(5,)]
    assert log.lag(SNUBA, EVENTS) == log.lag(SNUBA, OUTCOMES) == 0


def test_one_broken_record_is_the_only_one_lost(store: Store) -> None:
    log = MemoryLog()
    values = [encode(make_row(number)) for number in range(20)]
    values[7] = b'{"project_id":"broken'
    append(log, *values)
    drain(log, store)
    assert event_ids(store) == [number for number in range(20) if number != 7]
    assert [letter.value for letter in dead_letters(log)] == [values[7]]


def test_reading_everything_again_changes_nothing(store: Store) -> None:
    log = MemoryLog()
    append(log, *(encode(make_row(number)) for number in range(10)))
    append(log, *(encode(make_outcome(str(number))) for number in range(4)), topic=OUTCOMES)
    drain(log, store)
    assert drain(log, store, rewind_to=0.0) == 14
    assert event_ids(store) == list(range(10))
    assert store.query("SELECT sum(quantity) FROM outcomes") == [(4,)]


def test_a_clean_start_reads_nothing_again(store: Store) -> None:
    log = MemoryLog()
    append(log, encode(make_row(1)))
    drain(log, store)
    assert drain(log, store) == 0


def test_a_trickle_goes_in_together_but_its_first_record_at_once(store: Store) -> None:
    log = MemoryLog()
    [consumer] = consumers(log, store, topics=[EVENTS], rest_seconds={EVENTS: 0.5})
    stop = threading.Event()
    thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()
    for number in range(20):
        append(log, encode(make_row(number)))
        time.sleep(0.02)
    while log.lag(SNUBA, EVENTS):
        time.sleep(0.02)
    stop.set()
    thread.join()
    assert event_ids(store) == list(range(20))
    assert consumer.statuses()[0].batch_count <= 4


def test_without_an_engine_the_batch_waits(store: Store) -> None:
    away = Store(lambda: None)
    with pytest.raises(ColumnsUnavailable):
        insert(away, [make_record(encode(make_row(1)))])
    log = MemoryLog()
    append(log, encode(make_row(1)))
    [consumer, *_] = consumers(log, away)
    stop = threading.Event()
    stop.set()
    assert consumer.run_once(stop, wait_seconds=0) == 0
    assert consumer.statuses()[0].error is not None
    assert list(dead_letters(log)) == []
    drain(log, store)
    assert event_ids(store) == [1]


def test_a_missing_table_is_nobodys_data_error(store: Store) -> None:
    store.command(f"RENAME TABLE {store.database}.outcomes TO {store.database}.away")
    try:
        with pytest.raises(Unavailable):
            insert(store, [make_record(encode(make_outcome("a")), topic=OUTCOMES)])
    finally:
        store.command(f"RENAME TABLE {store.database}.away TO {store.database}.outcomes")


def test_a_record_that_cannot_be_read_is_bad(store: Store) -> None:
    with pytest.raises(BadRecord):
        insert(store, [make_record(b"{")])


@pytest.mark.parametrize(("since", "offset"), [(0.0, 1), (100.0, 1), (103.0, 4), (103.5, 5), (200.0, 8)])
def test_the_rewind_starts_at_the_first_record_of_that_time(since: float, offset: int) -> None:
    ticks = itertools.count(100)
    log = MemoryLog(clock=lambda: float(next(ticks)))
    for number in range(10):
        append(log, encode(make_row(number)))
    assert rewind_offset(log, EVENTS, position=8, since=since) == offset


def test_a_rewind_never_goes_forward(store: Store) -> None:
    assert rewind_offset(MemoryLog(), EVENTS, position=1, since=0.0) == 1


def test_a_rebuild_fills_what_is_missing_and_doubles_nothing(store: Store) -> None:
    store.insert_documents("events", [encode(make_row(number)) for number in range(0, 10, 2)])
    seen: list[int] = []
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert rebuild(store, (make_row(number, at=at) for number in range(10)), batch_rows=4, progress=seen.append) == 10
    assert seen == [4, 8, 10]
    assert event_ids(store) == list(range(10))
