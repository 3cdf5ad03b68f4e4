"""What every column engine must do for the store, asked through the one client over HTTP.

The embedded engine is asked, and a server: one of our own, or that at `TEST_CLICKHOUSE_URL`, whose database is emptied.
"""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mini_sentry.analytics.migrate import migrate, schema_files
from mini_sentry.analytics.rows import encode
from mini_sentry.analytics.store import (
    READS_AT_ONCE,
    ColumnsBusy,
    ColumnsError,
    ColumnsRejected,
    ColumnsUnavailable,
    Store,
)
from tests.columns import empty_columns, make_outcome, make_row


@pytest.fixture(scope="module", params=["embedded_columns", "clickhouse"])
def engine_store(request: pytest.FixtureRequest) -> Iterator[Store]:
    url: str = request.getfixturevalue(request.param)
    store = Store(lambda: url)
    yield store
    store.close()


@pytest.fixture
def store(engine_store: Store) -> Store:
    empty_columns(engine_store)
    return engine_store


def stored(store: Store) -> list[tuple[object, ...]]:
    return store.query("SELECT * FROM events ORDER BY event_id")


def test_the_schema_is_applied_once(store: Store) -> None:
    assert migrate(store, retention_days=0) == []
    assert store.query("SELECT name FROM schema_applied ORDER BY name") == [(name,) for name in schema_files()]


@pytest.mark.parametrize(("days", "kept"), [(30, True), (90, True), (0, False), (10_000, False)])
def test_how_long_rows_are_kept_follows_the_setting(store: Store, days: int, kept: bool) -> None:
    migrate(store, retention_days=days)
    definitions = store.query(
        "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name IN ('events', 'sessions', 'outcomes')"
    )
    assert len(definitions) == 3
    for (definition,) in definitions:
        assert (f"toIntervalDay({days})" in definition) is kept
        assert ("TTL" in definition) is kept


def test_a_row_comes_back_as_it_was_written(store: Store) -> None:
    row = make_row(
        0x0123456789ABCDEF,
        at=datetime(2026, 11, 22, 23, 59, 59, 999000, tzinfo=UTC),
        project_id=2**63,
        group_id=7,
        message='a "quoted"\n\ttext, \\ and \u2028 and 🦆',
        handled=False,
        tags={"browser": "Firefox 130", "k'\"": "v\\n"},
        trace_id="f" * 32,
        user="id:5",
    )
    store.insert_documents("events", [encode(row)])
    [found] = store.query_dicts("SELECT * FROM events")
    assert found["event_id"].hex == row.event_id
    assert found["received_at"] == datetime(2026, 11, 22, 23, 59, 59, 999000, tzinfo=UTC)
    assert round(found["timestamp"].timestamp() * 1000) == row.timestamp
    assert found["handled"] is False
    assert {name: found[name] for name in ("project_id", "group_id", "message", "tags", "trace_id", "user", "v")} == {
        "project_id": 2**63,
        "group_id": 7,
        "message": row.message,
        "tags": row.tags,
        "trace_id": row.trace_id,
        "user": "id:5",
        "v": 1,
    }


def test_unknown_keys_are_skipped_and_absent_or_null_ones_take_their_default(store: Store) -> None:
    store.insert_documents(
        "events",
        [
            (
                b'{"project_id":1,"event_id":"00000000000000000000000000000001","received_at":1795348800000,'
                b'"later_field":{"a":[1]},"release":null}'
            )
        ],
    )
    [found] = store.query_dicts("SELECT * FROM events")
    assert (found["release"], found["tags"], found["handled"], found["group_id"]) == ("", {}, None, 0)


@pytest.mark.parametrize("boundaries", [[1] * 12, [5, 7], [12], [3, 12, 9, 1]])
def test_replaying_with_any_boundaries_changes_nothing(store: Store, boundaries: list[int]) -> None:
    documents = [encode(make_row(number, tags={"n": str(number)})) for number in range(12)]
    store.insert_documents("events", documents[:8])
    store.insert_documents("events", documents[8:])
    before = stored(store)
    start = 0
    for size in boundaries:
        store.insert_documents("events", documents[start : start + size] or documents[:size])
        start += size
    assert stored(store) == before
    assert store.query("SELECT count() FROM events") == [(12,)]


def test_the_same_row_twice_in_one_batch_is_one_row(store: Store) -> None:
    store.insert_documents("events", [encode(make_row(1)), encode(make_row(1))])
    assert store.query("SELECT count() FROM events") == [(1,)]


def test_a_tally_counts_once_and_two_tallies_count_both(store: Store) -> None:
    first, second = make_outcome("a", quantity=3), make_outcome("b", quantity=4)
    store.insert_documents("outcomes", [encode(first), encode(second)])
    store.insert_documents("outcomes", [encode(second)])
    assert store.query("SELECT sum(quantity) FROM outcomes") == [(7,)]


@pytest.mark.parametrize(
    "document",
    [
        b"not json",
        b'{"project_id":"one"}',
        b'{"project_id":1',
        b'{"project_id":1,"event_id":"zz"}',
        b'{"project_id":1,"tags":[1]}',
        b'{"project_id":-1}',
    ],
)
def test_a_document_that_does_not_fit_is_rejected_and_none_of_its_batch_is_stored(
    store: Store, document: bytes
) -> None:
    with pytest.raises(ColumnsRejected):
        store.insert_documents("events", [encode(make_row(1)), document, encode(make_row(2))])
    assert store.query("SELECT count() FROM events") == [(0,)]


def test_bytes_that_are_no_text_are_rejected_like_any_document_that_cannot_be_read(store: Store) -> None:
    with pytest.raises(ColumnsRejected):
        store.insert_documents("events", [b'{"no": "document"\xff'])


def test_a_wrong_statement_is_rejected_with_the_engines_number(store: Store) -> None:
    with pytest.raises(ColumnsRejected) as caught:
        store.query("SELECT nothing FROM events")
    assert caught.value.code == 47


def test_values_are_never_taken_for_sql(store: Store) -> None:
    text = "it's \\ a \t tab\nand '; DROP TABLE events"
    assert store.query("SELECT {text:String}, {texts:Array(String)}", {"text": text, "texts": [text, ""]}) == [
        (text, [text, ""])
    ]


def test_rows_of_a_hundred_days_fit_into_one_insert(store: Store) -> None:
    day = 86_400_000
    rows = [make_row(number) for number in range(120)]
    documents = [
        encode(row).replace(b'"received_at":%d' % row.received_at, b'"received_at":%d' % (row.received_at - n * day))
        for n, row in enumerate(rows)
    ]
    store.insert_documents("events", documents)
    assert store.query("SELECT uniqExact(toDate(received_at)) FROM events") == [(120,)]


def test_a_read_that_takes_too_long_ends(store: Store) -> None:
    with pytest.raises(ColumnsError):
        store.query("SELECT sleepEachRow(0.5) FROM numbers(100) SETTINGS max_block_size = 1, max_execution_time = 1")


def test_the_fifth_read_at_once_waits_a_second_and_is_told_busy(store: Store) -> None:
    slow = "SELECT sleepEachRow(0.1) FROM numbers(25) SETTINGS max_block_size = 1"
    threads = [threading.Thread(target=store.query, args=(slow,)) for _ in range(READS_AT_ONCE)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    with pytest.raises(ColumnsBusy):
        store.query("SELECT 1")
    store.insert_documents("events", [encode(make_row(1))])
    for thread in threads:
        thread.join()
    assert store.query("SELECT 1") == [(1,)]


def test_many_threads_read_and_write_at_once(store: Store) -> None:
    counts: list[int] = []

    def work(worker: int) -> None:
        store.insert_documents("events", [encode(make_row(worker * 100 + n, group_id=worker)) for n in range(50)])
        [(count,)] = store.query("SELECT count() FROM events WHERE group_id = {g:UInt64}", {"g": worker})
        counts.append(count)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [50] * 8


def test_without_an_engine_the_columns_are_unavailable(tmp_path: Path) -> None:
    with pytest.raises(ColumnsUnavailable):
        Store(lambda: None).query("SELECT 1")
    with pytest.raises(ColumnsUnavailable):
        Store(lambda: "http://default:x@127.0.0.1:9/sentry").query("SELECT 1")
    assert not Store(lambda: None).ping()
