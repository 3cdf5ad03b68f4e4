"""What an announcement says, and how long it is kept."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mini_sentry.live.messages import (
    Announcement,
    Fate,
    FateKind,
    GroupKind,
    announce,
    as_json,
    decode,
    encode,
    expire,
    merge,
)
from tests.live.announcements import NOON, SqliteBoard, make_group, make_latest, make_news


class Cursor:
    """Speaks `%s`, as Django's cursor does."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, params: Sequence[Any], /) -> Any:
        return self._connection.execute(sql.replace("%s", "?"), params)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteBoard]:
    store = SqliteBoard(tmp_path)
    yield store
    store.close()


def test_an_announcement_survives_its_encoding() -> None:
    announcement = Announcement(
        fates=[Fate(b"r" * 16, FateKind.NEW, "e" * 32, 7), Fate(b"s" * 16, FateKind.DEAD)],
        projects=[make_news(groups=[make_group(7, kind=GroupKind.NEW)], latest=[make_latest("e" * 32)])],
    )
    assert decode(encode(announcement)) == announcement


def test_an_announcement_that_says_nothing_is_not_written(store: SqliteBoard) -> None:
    assert announce(Cursor(store.connection), Announcement(), now=NOON) is None
    assert store.ids() == []


def test_a_herald_tells_what_is_written(store: SqliteBoard) -> None:
    body = announce(Cursor(store.connection), Announcement([], [make_news()]), now=NOON)
    assert store.connection.execute("SELECT body FROM live_announcement").fetchall() == [(body,)]


def test_announcements_go_after_ten_minutes_but_the_newest_stays(store: SqliteBoard) -> None:
    cursor = Cursor(store.connection)
    for minutes in range(20):
        announce(cursor, Announcement([], [make_news()]), now=NOON + 60 * minutes)
    expire(cursor, now=NOON + 60 * 19)
    assert store.ids() == list(range(10, 21))
    expire(cursor, now=NOON + 10_000)
    assert store.ids() == [20]
    expire(cursor, now=NOON + 10_000)
    assert store.ids() == [20]


def test_merged_news_add_up_and_keep_each_groups_last_state() -> None:
    merged = merge(
        [
            make_news(events=2, groups=[make_group(1, count=5), make_group(2, kind=GroupKind.NEW)]),
            make_news(events=3, groups=[make_group(2, count=4), make_group(1, count=6, kind=GroupKind.REGRESSION)]),
        ]
    )
    assert merged.events == 5
    assert {(group.id, group.count, group.kind) for group in merged.groups} == {
        (1, 6, GroupKind.REGRESSION),
        (2, 4, GroupKind.NEW),
    }


def test_merged_news_keep_the_latest_twenty_events_newest_first() -> None:
    merged = merge(make_news(latest=[make_latest(f"{number}b"), make_latest(f"{number}a")]) for number in range(15))
    assert len(merged.latest) == 20
    assert [event.event_id for event in merged.latest[:3]] == ["14b", "14a", "13b"]


def test_a_batch_on_the_stream_has_the_documented_keys() -> None:
    news = make_news(7, 3, groups=[make_group(9, count=4, kind=GroupKind.NEW)], latest=[make_latest("e" * 32)])
    assert json.loads(as_json(news, slug="shop")) == {
        "project": 7,
        "slug": "shop",
        "events": 3,
        "groups": [
            {
                "id": 9,
                "short_id": "SHOP-9",
                "count": 4,
                "last_seen": "2023-11-14T22:13:20.000Z",
                "title": "TypeError: x",
                "level": "error",
                "kind": "new",
            }
        ],
        "latest": [
            {
                "event_id": "e" * 32,
                "group": 1,
                "title": "TypeError: x",
                "level": "error",
                "timestamp": "2023-11-14T22:13:20.000Z",
            }
        ],
    }


def test_of_very_many_groups_the_new_ones_are_sent() -> None:
    groups = [make_group(number, last_seen=NOON + number) for number in range(300)]
    news = make_news(groups=[*groups, make_group(1000, kind=GroupKind.NEW)])
    sent = [group["id"] for group in json.loads(as_json(news, slug="shop"))["groups"]]
    assert (len(sent), sent[:3]) == (200, [1000, 299, 298])
