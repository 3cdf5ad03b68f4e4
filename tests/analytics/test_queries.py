"""Answers over rows whose numbers are known; every test keeps rows that must not be counted."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from mini_sentry.analytics import queries
from mini_sentry.analytics.rows import EventRow, encode
from mini_sentry.analytics.store import Store
from tests.columns import NOON, make_outcome, make_row

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
MILLISECOND = timedelta(milliseconds=1)

NOISE = [
    make_row(9001, project_id=2),
    make_row(9002, at=NOON - HOUR - MILLISECOND, level="fatal", tags={"os": "too old"}),
    make_row(9003, at=NOON + HOUR, level="fatal", tags={"os": "too new"}),
]
"""Another project, before the range of an hour around noon, and at its open end."""

RANGE = (NOON - HOUR, NOON + HOUR)


def put(store: Store, rows: Iterable[EventRow]) -> None:
    """Insert the rows and the noise, twice, so that every count below would double without FINAL."""
    documents = [encode(row) for row in [*rows, *NOISE]]
    store.insert_documents("events", documents)
    store.insert_documents("events", documents)


def test_a_series_has_every_bucket_and_counts_by_level(store: Store) -> None:
    put(
        store,
        [
            make_row(1, at=NOON - HOUR),
            make_row(2, at=NOON, level="warning"),
            make_row(3, at=NOON),
            make_row(4, at=NOON + HOUR - MILLISECOND),
        ],
    )
    series = queries.events_by_level_series(store, 1, *RANGE, 1800)
    assert [(bucket.start, bucket.counts) for bucket in series] == [
        (NOON - HOUR, {"error": 1}),
        (NOON - 30 * MINUTE, {}),
        (NOON, {"error": 1, "warning": 1}),
        (NOON + 30 * MINUTE, {"error": 1}),
    ]


def test_a_series_of_nothing_is_all_zeros(store: Store) -> None:
    series = queries.events_by_level_series(store, 77, NOON, NOON + HOUR, 60)
    assert [bucket.counts for bucket in series] == [{}] * 60


def test_a_series_may_be_of_one_group_and_some_environments(store: Store) -> None:
    put(
        store,
        [
            make_row(1, group_id=5, environment="production"),
            make_row(2, group_id=5, environment="staging"),
            make_row(3, group_id=5, environment="test"),
            make_row(4, group_id=6, environment="production"),
        ],
    )
    [bucket] = queries.events_by_level_series(
        store, 1, NOON, NOON + HOUR, 3600, group_id=5, environments=["production", "staging"]
    )
    assert bucket.counts == {"error": 2}


@pytest.mark.parametrize(
    ("start", "end", "seconds", "expected"),
    [
        (NOON, NOON + HOUR, 1800, [NOON, NOON + 30 * MINUTE]),
        (NOON + MINUTE, NOON + HOUR, 1800, [NOON, NOON + 30 * MINUTE]),
        (NOON, NOON + HOUR + MILLISECOND, 3600, [NOON, NOON + HOUR]),
        (NOON, NOON, 60, []),
        (NOON + MINUTE, NOON + 2 * MINUTE, 3600, [NOON]),
    ],
)
def test_buckets_begin_on_the_clocks_whole_intervals(start, end, seconds, expected) -> None:
    assert queries.bucket_starts(start, end, seconds) == expected


def test_too_many_buckets_are_refused_before_the_engine_is_asked() -> None:
    away = Store(lambda: None)
    with pytest.raises(ValueError, match="intervals"):
        queries.events_by_level_series(away, 1, NOON, NOON + timedelta(days=365), 1)
    with pytest.raises(ValueError, match="second"):
        queries.events_by_level_series(away, 1, NOON, NOON + HOUR, 0)


def test_top_groups_come_most_first_with_their_newest_title(store: Store) -> None:
    put(
        store,
        [
            make_row(1, group_id=5, title="old", fingerprint="aa"),
            make_row(2, group_id=5, at=NOON + MINUTE, title="new", fingerprint="bb"),
            make_row(3, group_id=6),
            make_row(4, group_id=7),
        ],
    )
    first, second = queries.top_groups(store, 1, *RANGE, limit=2)
    assert (first.group_id, first.title, first.fingerprint, first.count) == (5, "new", "bb", 2)
    assert second.group_id == 6


def test_tag_shares_are_of_the_events_that_have_the_tag(store: Store) -> None:
    put(
        store,
        [
            make_row(1, group_id=5, tags={"os": "Linux", "browser": "Firefox"}),
            make_row(2, group_id=5, tags={"os": "Linux"}),
            make_row(3, group_id=5, tags={"os": "Windows"}),
            make_row(4, group_id=5, tags={"os": "macOS"}),
            make_row(5, group_id=6, tags={"os": "Plan 9"}),
        ],
    )
    os, browser = queries.tag_shares(store, 1, 5, *RANGE, values=2)
    assert (os.key, os.total, os.value_count) == ("os", 4, 3)
    assert [(value.value, value.count, value.share) for value in os.values] == [("Linux", 2, 0.5), ("Windows", 1, 0.25)]
    assert (browser.key, browser.total, [value.share for value in browser.values]) == ("browser", 1, [1.0])


def test_tag_values_are_suggested_by_prefix(store: Store) -> None:
    put(
        store,
        [make_row(n, tags={"url": url}) for n, url in enumerate(["/orders", "/Orders/2", "/Orders/2", "/cart", ""])],
    )
    found = queries.tag_values(store, 1, "url", *RANGE, prefix="/ord")
    assert [(value.value, value.count) for value in found] == [("/Orders/2", 2), ("/orders", 1)]
    assert [value.value for value in queries.tag_values(store, 1, "url", *RANGE, limit=1)] == ["/Orders/2"]
    assert queries.tag_values(store, 1, "it's", *RANGE) == []


def test_group_stats_answer_for_every_group_asked_in_order(store: Store) -> None:
    put(
        store,
        [
            make_row(1, group_id=5, user="id:1"),
            make_row(2, group_id=5, user="id:1", at=NOON + 30 * MINUTE),
            make_row(3, group_id=5, user="id:2", at=NOON - HOUR),
            make_row(4, group_id=5, user=""),
            make_row(5, group_id=6, user="id:9", environment="staging"),
        ],
    )
    stats = queries.group_stats(store, 1, [6, 5, 404], *RANGE, 1800)
    assert list(stats) == [6, 5, 404]
    assert stats[5] == queries.GroupStats(count=4, users=2, trend=[1, 0, 2, 1])
    assert stats[404] == queries.GroupStats(count=0, users=0, trend=[0, 0, 0, 0])
    assert queries.group_stats(store, 1, [6], *RANGE, 1800, environments=["production"])[6].count == 0
    assert queries.group_stats(store, 1, [], *RANGE, 1800) == {}


def test_the_latest_events_come_newest_first_from_as_many_hours_as_needed(store: Store) -> None:
    put(store, [make_row(n, at=NOON + n * timedelta(hours=7), message=f"m{n}") for n in range(10, 20)])
    found = queries.latest_events(store, 1, limit=3)
    assert [event.message for event in found] == ["m19", "m18", "m17"]
    assert [event.id for event in found][:1] == [f"{19:032x}"]
    assert found[0].received_at == NOON + 19 * timedelta(hours=7)
    assert len(queries.latest_events(store, 1, limit=100)) == 12
    assert queries.latest_events(store, 404, limit=3) == []


def test_events_are_counted_per_project_in_one_read(store: Store) -> None:
    put(store, [make_row(1), make_row(2), make_row(3, project_id=3)])
    assert queries.event_counts(store, [1, 3, 404], *RANGE) == {1: 2, 3: 1, 404: 0}
    assert queries.event_counts(store, [], *RANGE) == {}


def test_outcomes_add_up_by_outcome_reason_and_category(store: Store) -> None:
    tallies = [
        make_outcome("a", quantity=5),
        make_outcome("b", quantity=2),
        make_outcome("c", quantity=3, outcome="filtered", reason="unsupported", category="span"),
        make_outcome("d", quantity=99, project_id=2),
        make_outcome("e", quantity=99, at=NOON + HOUR),
    ]
    for _ in range(2):
        store.insert_documents("outcomes", [encode(tally) for tally in tallies])
    assert queries.outcome_counts(store, 1, *RANGE) == [
        queries.OutcomeCount("accepted", "", "error", 7),
        queries.OutcomeCount("filtered", "unsupported", "span", 3),
    ]
