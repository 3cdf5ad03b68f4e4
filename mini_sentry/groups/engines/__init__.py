"""The statements over a batch's rows that every relational store says in its own way, and the place that chooses whose.

A batch runs them in the order of `Rows`, in one transaction, and each takes its locks sorted by key: two batches that run
at once take every lock in one order, so neither can wait for the other in a circle.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from django.db import connection
from django.db.backends.utils import CursorWrapper

Key = tuple[int, str]
"""Project id and event id (32 hex digits)."""


class Arrival(NamedTuple):
    """An event's key and the time of its receipt in Unix seconds."""

    project_id: int
    event_id: str
    received_at: float


class EventRow(NamedTuple):
    """The columns of a row of `groups_event`, in the order of `EVENT_COLUMNS`; times as columns hold them."""

    project_id: int
    group_id: int
    event_id: str
    received_at: str
    timestamp: str
    level: str
    environment: str
    release_id: int | None
    user: str
    message: str
    body_id: int


EVENT_COLUMNS = ", ".join(f'"{name}"' for name in EventRow._fields)


class GroupUpdate(NamedTuple):
    """What a batch adds to a group (`added` events) and sets in it. `last_release_id` None leaves the release it has."""

    id: int
    added: int
    last_seen: str
    level: str
    title: str
    type: str
    value: str
    culprit: str
    handled: bool | None
    first_release_id: int | None
    last_release_id: int | None


class ScopeAddition(NamedTuple):
    """`added` more events of a group in an environment and release, received from `first_seen` to `last_seen`."""

    group_id: int
    environment: str
    release_version: str
    added: int
    first_seen: str
    last_seen: str


class ProjectTouch(NamedTuple):
    """The project's latest event, and how many numbers for new groups it gives out."""

    id: int
    last_event_at: str
    new_groups: int


class Rows(Protocol):
    def stored(self, cursor: CursorWrapper, event_ids: Mapping[int, Sequence[str]]) -> dict[Key, int]:
        """The group ids of those events (ids by project) that are stored."""

    def claim(self, cursor: CursorWrapper, arrivals: Sequence[Arrival]) -> set[Key]:
        """Take the keys that are free for this transaction; which these were. The others' events are stored by now."""

    def new_group_ids(self, cursor: CursorWrapper, count: int) -> list[int]:
        """Ids that no group has or had."""

    def insert_events(self, cursor: CursorWrapper, rows: Sequence[EventRow]) -> None:
        """Insert events whose keys are claimed. There is a partition for the days of their receipt."""

    def update_groups(self, cursor: CursorWrapper, updates: Sequence[GroupUpdate]) -> None:
        """Change groups that this transaction has locked."""

    def add_to_scopes(self, cursor: CursorWrapper, additions: Sequence[ScopeAddition]) -> None: ...

    def touch_projects(self, cursor: CursorWrapper, touches: Sequence[ProjectTouch]) -> dict[int, int]:
        """Note the latest events; the first of the numbers given out, by project. Projects that are gone are absent."""


def rows() -> Rows:
    """Those of the store that Django is connected to."""
    if connection.vendor == "postgresql":
        from mini_sentry.groups.engines.postgres import PostgresRows

        return PostgresRows()
    from mini_sentry.groups.engines.sqlite import SqliteRows

    return SqliteRows()


def marks(values: Sequence[object]) -> str:
    """A placeholder for each value."""
    return ", ".join(["%s"] * len(values))
