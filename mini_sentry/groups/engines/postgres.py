"""A batch's statements on PostgreSQL, where several digests run at once.

What a batch inserts goes by COPY, an order of magnitude cheaper than parameters. Claims are decided by `groups_event_key`:
the keys are copied into a stage of the connection's own and inserted from there, in order; an insert that meets
another's key waits for that transaction's end. Rows that others update are locked in order before they are updated.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import connection
from django.db.backends.utils import CursorWrapper

from mini_sentry.groups.engines import (
    EVENT_COLUMNS,
    Arrival,
    EventRow,
    GroupUpdate,
    Key,
    ProjectTouch,
    ScopeAddition,
)
from mini_sentry.projects.statements import column_time

_STAGE: Final = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS arriving (project_id bigint, event_id uuid, received_at timestamptz) "
    "ON COMMIT DELETE ROWS; DELETE FROM arriving; "
    # The triggers of `groups_event` need not do again what `claim` does.
    "SET LOCAL mini_sentry.event_keys = 'written'"
)
_GROUP_TYPES: Final = (
    "bigint",
    "bigint",
    "timestamptz",
    "text",
    "text",
    "text",
    "text",
    "text",
    "boolean",
    "bigint",
    "bigint",
)
_SCOPE_TYPES: Final = ("bigint", "text", "text", "bigint", "timestamptz", "timestamptz")
_TOUCH_TYPES: Final = ("bigint", "timestamptz", "bigint")


class PostgresRows:
    """`engines.Rows`."""

    def stored(self, cursor: CursorWrapper, event_ids: Mapping[int, Sequence[str]]) -> dict[Key, int]:
        keys = [(project_id, event_id) for project_id, wanted in event_ids.items() for event_id in wanted]
        found: dict[Key, int] = {}
        if keys:
            # A key names the day, so that the event is looked for in one partition. Most batches find no key at all.
            cursor.execute(
                "SELECT wanted.project_id, wanted.event_id, event.group_id "  # noqa: S608
                f"FROM {_unnested(('bigint', 'uuid'))} AS wanted (project_id, event_id) "
                "JOIN groups_event_key AS key USING (project_id, event_id) "
                "JOIN groups_event AS event USING (project_id, event_id, received_at)",
                _columns(keys),
            )
            found = {(project_id, event_id.hex): group_id for project_id, event_id, group_id in cursor.fetchall()}
        return found

    def claim(self, cursor: CursorWrapper, arrivals: Sequence[Arrival]) -> set[Key]:
        cursor.execute(_STAGE)
        _copy(
            cursor,
            "COPY arriving (project_id, event_id, received_at) FROM STDIN",
            [(project_id, event_id, column_time(seconds)) for project_id, event_id, seconds in arrivals],
        )
        cursor.execute(
            "INSERT INTO groups_event_key (project_id, event_id, received_at) "
            "SELECT project_id, event_id, received_at FROM arriving ORDER BY project_id, event_id "
            "ON CONFLICT (project_id, event_id) DO NOTHING RETURNING project_id, event_id"
        )
        return {(project_id, event_id.hex) for project_id, event_id in cursor.fetchall()}

    def new_group_ids(self, cursor: CursorWrapper, count: int) -> list[int]:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('groups_group', 'id')) FROM generate_series(1, %s)", [count]
        )
        return [group_id for (group_id,) in cursor.fetchall()]

    def insert_events(self, cursor: CursorWrapper, rows: Sequence[EventRow]) -> None:
        _copy(cursor, f"COPY groups_event ({EVENT_COLUMNS}) FROM STDIN", rows)

    def update_groups(self, cursor: CursorWrapper, updates: Sequence[GroupUpdate]) -> None:
        if updates:
            names = ", ".join(f'"{name}"' for name in GroupUpdate._fields)
            cursor.execute(
                "UPDATE groups_group AS found SET count = found.count + one.added, "  # noqa: S608
                "stored_count = found.stored_count + one.added, last_seen = one.last_seen, level = one.level, "
                "title = one.title, type = one.type, value = one.value, culprit = one.culprit, handled = one.handled, "
                "first_release_id = one.first_release_id, "
                "last_release_id = coalesce(one.last_release_id, found.last_release_id) "
                f"FROM {_unnested(_GROUP_TYPES)} AS one ({names}) WHERE found.id = one.id",
                _columns(updates),
            )

    def add_to_scopes(self, cursor: CursorWrapper, additions: Sequence[ScopeAddition]) -> None:
        if additions:
            cursor.execute(
                "INSERT INTO groups_groupscope (group_id, environment, release_version, count, first_seen, last_seen) "  # noqa: S608
                f"SELECT * FROM {_unnested(_SCOPE_TYPES)} AS one ORDER BY 1, 2, 3 "
                "ON CONFLICT (group_id, environment, release_version) DO UPDATE SET "
                "count = groups_groupscope.count + excluded.count, "
                "first_seen = least(groups_groupscope.first_seen, excluded.first_seen), "
                "last_seen = greatest(groups_groupscope.last_seen, excluded.last_seen)",
                _columns(additions),
            )

    def touch_projects(self, cursor: CursorWrapper, touches: Sequence[ProjectTouch]) -> dict[int, int]:
        cursor.execute(
            "WITH locked AS MATERIALIZED ("  # noqa: S608
            f"SELECT project.id, one.at, one.numbers FROM projects_project AS project "
            f"JOIN {_unnested(_TOUCH_TYPES)} AS one (id, at, numbers) USING (id) "
            "ORDER BY project.id FOR NO KEY UPDATE OF project) "
            "UPDATE projects_project AS project SET first_event_at = coalesce(first_event_at, locked.at), "
            "last_event_at = greatest(last_event_at, locked.at), "
            "next_group_number = next_group_number + locked.numbers "
            "FROM locked WHERE project.id = locked.id RETURNING project.id, next_group_number - locked.numbers",
            _columns(touches),
        )
        return dict(cursor.fetchall())


def _copy(cursor: CursorWrapper, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    with connection.wrap_database_errors, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _unnested(types: Sequence[str]) -> str:
    """A table of as many columns, each a parameter: an array."""
    return f"unnest({', '.join(f'%s::{name}[]' for name in types)})"


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
