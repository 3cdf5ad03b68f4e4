"""A relational store with nothing but announcements, and news to put into it."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mini_sentry.live.messages import Announcement, Fate, GroupKind, LatestEvent, ProjectNews, TouchedGroup, announce

NOON = 1_700_000_000.0


class Cursor:
    """Speaks `%s`, as Django's cursor does."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, params: Sequence[Any], /) -> Any:
        return self._connection.execute(sql.replace("%s", "?"), params)


class Store:
    """`main.db`, as far as the bus knows it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "main.db"
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute(
            "CREATE TABLE live_announcement "
            "(id INTEGER PRIMARY KEY AUTOINCREMENT, created_at REAL NOT NULL, body BLOB NOT NULL)"
        )
        self.cursor = Cursor(self.connection)

    def announce(self, *projects: ProjectNews, fates: Sequence[Fate] = (), now: float = NOON) -> None:
        announce(self.cursor, Announcement(list(fates), list(projects)), now=now)

    def ids(self) -> list[int]:
        return [number for (number,) in self.connection.execute("SELECT id FROM live_announcement ORDER BY id")]

    def close(self) -> None:
        self.connection.close()


def make_news(project_id: int = 1, events: int = 1, **fields: Any) -> ProjectNews:
    return ProjectNews(project_id, events, **fields)


def make_group(
    group_id: int, count: int = 1, kind: GroupKind = GroupKind.AGAIN, last_seen: float = NOON
) -> TouchedGroup:
    return TouchedGroup(group_id, f"SHOP-{group_id}", count, last_seen, "TypeError: x", "error", kind)


def make_latest(event_id: str) -> LatestEvent:
    return LatestEvent(event_id, 1, "TypeError: x", "error", NOON)
