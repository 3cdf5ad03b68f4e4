"""A batch's statements on SQLite. There is one writer at a time, so nothing can change between reading and writing."""

from collections.abc import Mapping, Sequence
from typing import Final

from django.db.backends.utils import CursorWrapper

from mini_sentry.groups.engines import (
    EVENT_COLUMNS,
    Arrival,
    EventRow,
    GroupUpdate,
    Key,
    ProjectTouch,
    ScopeAddition,
    marks,
)
from mini_sentry.projects.statements import chunks

_CHUNK: Final = 500


class SqliteRows:
    """`engines.Rows`."""

    def stored(self, cursor: CursorWrapper, event_ids: Mapping[int, Sequence[str]]) -> dict[Key, int]:
        found: dict[Key, int] = {}
        for project_id, wanted in event_ids.items():
            for part in chunks(wanted, _CHUNK):
                cursor.execute(
                    f"SELECT event_id, group_id FROM groups_event WHERE project_id = %s AND event_id IN ({marks(part)})",  # noqa: S608
                    [project_id, *part],
                )
                found.update({(project_id, event_id): group_id for event_id, group_id in cursor.fetchall()})
        return found

    def claim(self, cursor: CursorWrapper, arrivals: Sequence[Arrival]) -> set[Key]:
        """All of them: the caller has asked what is stored, and only one digest runs."""
        return {(arrival.project_id, arrival.event_id) for arrival in arrivals}

    def new_group_ids(self, cursor: CursorWrapper, count: int) -> list[int]:
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = 'groups_group'")
        row = cursor.fetchone()
        last = row[0] if row else 0
        return list(range(last + 1, last + 1 + count))

    def insert_events(self, cursor: CursorWrapper, rows: Sequence[EventRow]) -> None:
        cursor.executemany(
            f"INSERT INTO groups_event ({EVENT_COLUMNS}) VALUES ({marks(EventRow._fields)})",  # noqa: S608
            rows,
        )

    def update_groups(self, cursor: CursorWrapper, updates: Sequence[GroupUpdate]) -> None:
        cursor.executemany(
            "UPDATE groups_group SET count = count + %s, stored_count = stored_count + %s, last_seen = %s, level = %s, "
            "title = %s, type = %s, value = %s, culprit = %s, handled = %s, first_release_id = %s, "
            "last_release_id = coalesce(%s, last_release_id) WHERE id = %s",
            [(update.added, *update[1:], update.id) for update in updates],
        )

    def add_to_scopes(self, cursor: CursorWrapper, additions: Sequence[ScopeAddition]) -> None:
        cursor.executemany(
            "INSERT INTO groups_groupscope (group_id, environment, release_version, count, first_seen, last_seen) "
            "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (group_id, environment, release_version) DO UPDATE SET "
            "count = groups_groupscope.count + excluded.count, "
            "last_seen = max(groups_groupscope.last_seen, excluded.last_seen)",
            additions,
        )

    def touch_projects(self, cursor: CursorWrapper, touches: Sequence[ProjectTouch]) -> dict[int, int]:
        first: dict[int, int] = {}
        for touch in touches:
            cursor.execute(
                "UPDATE projects_project SET first_event_at = coalesce(first_event_at, %s), last_event_at = %s, "
                "next_group_number = next_group_number + %s WHERE id = %s RETURNING next_group_number",
                (touch.last_event_at, touch.last_event_at, touch.new_groups, touch.id),
            )
            if (row := cursor.fetchone()) is not None:
                first[touch.id] = row[0] - touch.new_groups
        return first
