"""Which groups and events have a tag or a user, and which hash they came by: what the API looks up in the columns.

Bounded like every question: in rows by `limit` (the newest count), in time by the store. May raise ColumnsUnavailable
and ColumnsBusy.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from mini_sentry.analytics.rows import EVENT_TYPES, EventRow
from mini_sentry.analytics.store import Store

USER: Final = "user"


class Wanted(msgspec.Struct, frozen=True):
    """Any of `texts` exactly, or of `patterns` (LIKE, ignoring case). For the key USER a text also matches what stands
    behind the kind of a user tag: `ann@x.test` finds `email:ann@x.test`."""

    key: str
    texts: Sequence[str] = ()
    patterns: Sequence[str] = ()


def group_ids(store: Store, project_id: int, wanted: Wanted, *, limit: int, since: datetime | None = None) -> list[int]:
    """Groups of the project with such an event (received at or after `since`), those seen last first."""
    where, parameters = _where(project_id, wanted, since)
    rows = store.query(
        f"""
        SELECT group_id FROM events WHERE {where}
        GROUP BY group_id ORDER BY max(received_at) DESC, group_id LIMIT {{limit:UInt32}}
        """,  # noqa: S608
        {**parameters, "limit": limit},
    )
    return [row[0] for row in rows]


def event_ids(
    store: Store,
    project_id: int,
    wanted: Wanted,
    *,
    limit: int,
    since: datetime | None = None,
    group_id: int | None = None,
) -> list[str]:
    """Such events of the project, or of one group, as 32 lower-case hex digits, newest first."""
    where, parameters = _where(project_id, wanted, since)
    if group_id is not None:
        where += " AND group_id = {group_id:UInt64}"
        parameters["group_id"] = group_id
    rows = store.query(
        f"""
        SELECT lower(hex(event_id)) FROM events WHERE {where}
        ORDER BY received_at DESC, event_id DESC LIMIT {{limit:UInt32}}
        """,  # noqa: S608
        {**parameters, "limit": limit},
    )
    return [row[0] for row in rows]


def hash_counts(store: Store, project_id: int, group_id: int, *, since: datetime) -> dict[str, int]:
    """Events of a group received at or after `since`, by the hash that decided."""
    rows = store.query(
        """
        SELECT fingerprint, count() FROM events
        WHERE project_id = {project_id:UInt64} AND group_id = {group_id:UInt64}
            AND received_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
        GROUP BY fingerprint LIMIT 10000
        """,
        {"project_id": project_id, "group_id": group_id, "since": int(since.timestamp() * 1000)},
    )
    return dict(rows)


def rows_of(
    store: Store, project_id: int, event_ids: Sequence[str], *, start: datetime, end: datetime
) -> dict[str, EventRow]:
    """The rows of these events (32 hex digits), received from `start` until and with `end`, by id; of those that are there."""
    as_sent = {
        "event_id": "lower(hex(event_id))",
        "received_at": "toUnixTimestamp64Milli(received_at)",
        "timestamp": "toUnixTimestamp64Milli(timestamp)",
    }
    # Names of their own, or the condition would mean what is selected.
    selected = ", ".join(f"{as_sent.get(name, name)} AS sent_{name}" for name in EVENT_TYPES)
    rows = store.query(
        f"""
        SELECT {selected} FROM events
        WHERE project_id = {{project_id:UInt64}} AND event_id IN {{event_ids:Array(UUID)}}
            AND received_at >= fromUnixTimestamp64Milli({{start:Int64}}, 'UTC')
            AND received_at <= fromUnixTimestamp64Milli({{end:Int64}}, 'UTC')
        LIMIT {len(event_ids)}
        """,  # noqa: S608
        {
            "project_id": project_id,
            "event_ids": list(event_ids),
            "start": int(start.timestamp() * 1000),
            "end": int(end.timestamp() * 1000) + 1,
        },
    )
    found = (EventRow(**dict(zip(EVENT_TYPES, row, strict=True))) for row in rows)
    return {row.event_id: row for row in found}


def _where(project_id: int, wanted: Wanted, since: datetime | None) -> tuple[str, dict[str, Any]]:
    parameters: dict[str, Any] = {"project_id": project_id, "key": wanted.key, "texts": list(wanted.texts)}
    is_user = wanted.key == USER
    column = "user" if is_user else "tags[{key:String}]"
    choices = []
    if wanted.texts:
        choices.append(f"{column} IN {{texts:Array(String)}}")
        if is_user:
            choices.append(
                "(position(user, ':') > 0 AND substring(user, position(user, ':') + 1) IN {texts:Array(String)})"
            )
    for index, pattern in enumerate(wanted.patterns):
        choices.append(f"{column} ILIKE {{pattern{index}:String}}")
        parameters[f"pattern{index}"] = pattern
    parts = ["project_id = {project_id:UInt64}", f"({' OR '.join(choices)})"]
    parts.append("user != ''" if is_user else "mapContains(tags, {key:String})")
    if since is not None:
        parts.append("received_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')")
        parameters["since"] = int(since.timestamp() * 1000)
    return " AND ".join(parts), parameters
