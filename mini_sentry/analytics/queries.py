"""What is asked of the columns: series, top groups, tag shares, distinct users, latest events, outcomes.

Every question is about one project (or names its projects), about received events, and about a half-open time range
`start <= received_at < end`; times are aware datetimes. Each event counts once, however often it was replayed. Each
answer is bounded: in rows by a limit, in time by the store. All may raise ColumnsUnavailable and ColumnsBusy.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from mini_sentry.analytics.store import Store

MAX_BUCKETS: Final = 2000
MAX_GROUPS: Final = 1000
MAX_TAG_KEYS: Final = 50


class LevelBucket(msgspec.Struct, frozen=True):
    """Events by level in the interval that begins at `start`; a level without events is absent."""

    start: datetime
    counts: dict[str, int]


class TopGroup(msgspec.Struct, frozen=True):
    """`title` and `fingerprint` (the deciding hash, hex) are those of the group's newest event in the range."""

    group_id: int
    fingerprint: str
    title: str
    count: int


class TagValue(msgspec.Struct, frozen=True):
    """`share` is of the events that have the tag at all, 0 to 1."""

    value: str
    count: int
    share: float


class TagShare(msgspec.Struct, frozen=True):
    """One tag of a group: how many of its events carry it, how many values it has, the most frequent of them."""

    key: str
    total: int
    value_count: int
    values: list[TagValue]


class GroupStats(msgspec.Struct, frozen=True):
    """`users` counts distinct user tags; `trend` has one count per interval, oldest first."""

    count: int
    users: int
    trend: list[int]


class LatestEvent(msgspec.Struct, frozen=True):
    """`id` is 32 lower-case hex digits, `fingerprint` the deciding hash in hex."""

    id: str
    group_id: int
    level: str
    fingerprint: str
    title: str
    message: str
    received_at: datetime


class OutcomeCount(msgspec.Struct, frozen=True):
    outcome: str
    reason: str
    category: str
    quantity: int


def bucket_starts(start: datetime, end: datetime, interval_seconds: int) -> list[datetime]:
    """The begins of all intervals that overlap `start <= t < end`, on the clock's whole intervals (UTC).

    Raises ValueError for an interval below a second or more than MAX_BUCKETS intervals.
    """
    first, count = _intervals(start, end, interval_seconds)
    return [datetime.fromtimestamp(first + index * interval_seconds, UTC) for index in range(count)]


def events_by_level_series(
    store: Store,
    project_id: int,
    start: datetime,
    end: datetime,
    interval_seconds: int,
    *,
    environments: Sequence[str] = (),
    group_id: int | None = None,
) -> list[LevelBucket]:
    """One bucket per interval, empty ones included, oldest first; see `bucket_starts` for where they begin."""
    first, count = _intervals(start, end, interval_seconds)
    where, parameters = _events_where(project_id, start, end, environments, group_id)
    rows = store.query(
        f"""
        SELECT intDiv(toUnixTimestamp(received_at) - {first}, {interval_seconds}) AS bucket, level, count()
        FROM events WHERE {where} GROUP BY bucket, level LIMIT {MAX_BUCKETS * 10}
        """,  # noqa: S608
        parameters,
    )
    buckets: list[dict[str, int]] = [{} for _ in range(count)]
    for bucket, level, events in rows:
        buckets[bucket][level] = events
    return [
        LevelBucket(start=datetime.fromtimestamp(first + index * interval_seconds, UTC), counts=counts)
        for index, counts in enumerate(buckets)
    ]


def top_groups(
    store: Store,
    project_id: int,
    start: datetime,
    end: datetime,
    *,
    limit: int = 10,
    environments: Sequence[str] = (),
) -> list[TopGroup]:
    """The groups with the most events in the range, most first."""
    where, parameters = _events_where(project_id, start, end, environments)
    rows = store.query(
        f"""
        SELECT group_id, argMax(fingerprint, received_at), argMax(title, received_at), count() AS events
        FROM events WHERE {where}
        GROUP BY group_id ORDER BY events DESC, group_id LIMIT {{limit:UInt32}}
        """,  # noqa: S608
        {**parameters, "limit": limit},
    )
    return [TopGroup(*row) for row in rows]


def tag_shares(
    store: Store,
    project_id: int,
    group_id: int,
    start: datetime,
    end: datetime,
    *,
    environments: Sequence[str] = (),
    values: int = 10,
) -> list[TagShare]:
    """How a group's events spread over the values of each tag: at most MAX_TAG_KEYS tags, the most common first."""
    where, parameters = _events_where(project_id, start, end, environments, group_id)
    rows = store.query(
        f"""
        SELECT key, sum(events) AS total, count(),
            arraySlice(arraySort(groupArray((-toInt64(events), value))), 1, {int(values)})
        FROM
        (
            SELECT key, value, count() AS events
            FROM events ARRAY JOIN mapKeys(tags) AS key, mapValues(tags) AS value
            WHERE {where} GROUP BY key, value
        )
        GROUP BY key ORDER BY total DESC, key LIMIT {MAX_TAG_KEYS}
        """,  # noqa: S608
        parameters,
    )
    return [
        TagShare(
            key=key,
            total=total,
            value_count=value_count,
            values=[TagValue(value=value, count=-negative, share=-negative / total) for negative, value in most],
        )
        for key, total, value_count, most in rows
    ]


def tag_values(
    store: Store, project_id: int, key: str, start: datetime, end: datetime, *, prefix: str = "", limit: int = 20
) -> list[TagValue]:
    """The most frequent values of a project's tag that begin with `prefix` (ASCII letters of either case), for suggestions."""
    where, parameters = _events_where(project_id, start, end)
    rows = store.query(
        f"""
        SELECT tags[{{key:String}}] AS value, count() AS events, sum(events) OVER () AS total
        FROM events
        WHERE {where} AND mapContains(tags, {{key:String}})
            AND startsWith(lower(value), lower({{prefix:String}}))
        GROUP BY value ORDER BY events DESC, value LIMIT {{limit:UInt32}}
        """,  # noqa: S608
        {**parameters, "key": key, "prefix": prefix, "limit": limit},
    )
    return [TagValue(value=value, count=events, share=events / total) for value, events, total in rows]


def group_stats(
    store: Store,
    project_id: int,
    group_ids: Sequence[int],
    start: datetime,
    end: datetime,
    interval_seconds: int,
    *,
    environments: Sequence[str] = (),
) -> dict[int, GroupStats]:
    """Count, distinct users and trend of each of at most MAX_GROUPS groups, in one read; groups without events included."""
    first, count = _intervals(start, end, interval_seconds)
    if len(group_ids) > MAX_GROUPS:
        raise ValueError(f"at most {MAX_GROUPS} groups at once")
    stats = {group_id: GroupStats(count=0, users=0, trend=[0] * count) for group_id in group_ids}
    if not stats:
        return stats
    where, parameters = _events_where(project_id, start, end, environments)
    listed = ",".join(str(int(group_id)) for group_id in stats)
    rows = store.query(
        f"""
        SELECT group_id, count(), uniqIf(user, user != ''),
            countResample(0, {count}, 1)(intDiv(toUnixTimestamp(received_at) - {first}, {interval_seconds}))
        FROM events WHERE {where} AND group_id IN ({listed})
        GROUP BY group_id LIMIT {MAX_GROUPS}
        """,  # noqa: S608
        parameters,
    )
    for group_id, events, users, trend in rows:
        stats[group_id] = GroupStats(count=events, users=users, trend=list(trend))
    return stats


def recent_rates(
    store: Store,
    project_id: int,
    end: datetime,
    interval_seconds: int,
    intervals: int,
    *,
    fewest: int,
    limit: int = MAX_GROUPS,
    environments: Sequence[str] = (),
) -> dict[int, list[int]]:
    """Events of each group in the intervals that end with `end`, the newest interval first, of groups with `fewest` in that
    one: the busiest of it, at most `limit`."""
    if not 1 <= intervals <= MAX_BUCKETS:
        raise ValueError(f"1 to {MAX_BUCKETS} intervals")
    width = interval_seconds * 1000
    end_at = _milliseconds(end)
    start = datetime.fromtimestamp((end_at - width * intervals) / 1000, UTC)
    where, parameters = _events_where(project_id, start, end, environments)
    rows = store.query(
        f"""
        SELECT group_id,
            countResample(0, {intervals}, 1)(intDiv({end_at - 1} - toUnixTimestamp64Milli(received_at), {width})) AS counts
        FROM events
        WHERE {where} AND group_id IN
        (
            SELECT group_id FROM events
            WHERE {where} AND received_at >= fromUnixTimestamp64Milli({end_at - width}, 'UTC')
            GROUP BY group_id HAVING count() >= {{fewest:UInt64}}
        )
        GROUP BY group_id ORDER BY counts[1] DESC, group_id LIMIT {{limit:UInt32}}
        """,  # noqa: S608
        {**parameters, "fewest": fewest, "limit": limit},
    )
    return {group_id: list(counts) for group_id, counts in rows}


def latest_events(store: Store, project_id: int, *, limit: int = 100) -> list[LatestEvent]:
    """The project's newest events, newest first."""
    rows = store.query(
        """
        WITH busy AS
        (
            SELECT toStartOfHour(received_at) AS hour, count() AS events
            FROM events WHERE project_id = {project_id:UInt64} GROUP BY hour
        )
        SELECT lower(hex(event_id)), group_id, level, fingerprint, title, message, received_at
        FROM events
        WHERE project_id = {project_id:UInt64} AND received_at >=
        (
            -- The hours that the newest rows lie in; only their texts are read.
            SELECT min(hour) FROM (SELECT hour, sum(events) OVER (ORDER BY hour DESC) - events AS newer FROM busy)
            WHERE newer < {limit:UInt32}
        )
        ORDER BY received_at DESC, event_id DESC LIMIT {limit:UInt32}
        """,
        {"project_id": project_id, "limit": limit},
    )
    return [LatestEvent(*row) for row in rows]


def event_counts(store: Store, project_ids: Sequence[int], start: datetime, end: datetime) -> dict[int, int]:
    """Events of each project in the range, projects without any included."""
    counts = dict.fromkeys(project_ids, 0)
    if not counts:
        return counts
    listed = ",".join(str(int(project_id)) for project_id in counts)
    rows = store.query(
        f"""
        SELECT project_id, count() FROM events WHERE project_id IN ({listed}) AND {_IN_RANGE} GROUP BY project_id
        """,  # noqa: S608
        _range(start, end),
    )
    counts.update(rows)
    return counts


def outcome_counts(store: Store, project_id: int, start: datetime, end: datetime) -> list[OutcomeCount]:
    """What became of a project's items in the minutes of the range, most first."""
    rows = store.query(
        f"""
        SELECT outcome, reason, category, sum(quantity) AS items
        FROM outcomes WHERE project_id = {{project_id:UInt64}} AND {_IN_RANGE.replace("received_at", "minute")}
        GROUP BY outcome, reason, category ORDER BY items DESC, outcome, reason, category LIMIT 1000
        """,  # noqa: S608
        {"project_id": project_id, **_range(start, end)},
    )
    return [OutcomeCount(*row) for row in rows]


_IN_RANGE: Final = (
    "received_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')"
    " AND received_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')"
)


def _events_where(
    project_id: int, start: datetime, end: datetime, environments: Sequence[str] = (), group_id: int | None = None
) -> tuple[str, dict[str, Any]]:
    parts = ["project_id = {project_id:UInt64}", _IN_RANGE]
    parameters: dict[str, Any] = {"project_id": project_id, **_range(start, end)}
    if environments:
        parts.append("environment IN {environments:Array(String)}")
        parameters["environments"] = list(environments)
    if group_id is not None:
        parts.append("group_id = {group_id:UInt64}")
        parameters["group_id"] = group_id
    return " AND ".join(parts), parameters


def _range(start: datetime, end: datetime) -> dict[str, Any]:
    return {"start": _milliseconds(start), "end": _milliseconds(end)}


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _intervals(start: datetime, end: datetime, interval_seconds: int) -> tuple[int, int]:
    if interval_seconds < 1:
        raise ValueError("an interval has at least one second")
    first = int(start.timestamp()) // interval_seconds * interval_seconds
    seconds = max(end.timestamp() - first, 0.0)
    count = int(seconds // interval_seconds) + bool(seconds % interval_seconds)
    if count > MAX_BUCKETS:
        raise ValueError(f"more than {MAX_BUCKETS} intervals")
    return first, count
