"""When events of a group occurred, as the conditions ask: their times by rank from the newest, how many lie in a window,
and the one that completed a count. Exact, from the event rows; each question is one part of a statement of many."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from django.db import connection

from mini_sentry.projects.statements import chunks, column_time, moment

_PARTS: Final = 200
"""Parts of one statement; SQLite takes 500."""

_LAST_EVENT: Final = (
    "SELECT event_id, received_at, level, groups_event.environment, message, "
    "coalesce(releases_release.version, '') AS version, body_id "
    "FROM groups_event LEFT JOIN releases_release ON releases_release.id = release_id"
)


class Scope(NamedTuple):
    """The events of a group with a rule's level and environment; empty means any."""

    group_id: int
    level: str
    environment: str


class Question(NamedTuple):
    """Events of `scope` received after `since` and until `until` (Unix seconds): the newest `depth` of them, and `width`
    more from each rank in `far` (0 is the newest)."""

    scope: Scope
    since: float
    until: float
    depth: int
    width: int
    far: set[int]


@dataclass(slots=True)
class Ranks:
    """Times in Unix seconds, the newest first: from rank 0, and from each rank asked for beyond."""

    newest: list[float] = field(default_factory=list)
    far: dict[int, list[float]] = field(default_factory=dict)


class Window(NamedTuple):
    """The events of `scope` in the `seconds` that end with `until`, that moment included."""

    scope: Scope
    until: float
    seconds: float


class LastEvent(NamedTuple):
    """The newest event of a window. `body_id` names its body."""

    event_id: str
    received_at: datetime
    level: str
    environment: str
    message: str
    release: str
    body_id: int


def ranks(questions: Sequence[Question], *, levels_of: Mapping[str, Sequence[str]]) -> dict[Scope, Ranks]:
    """The answer to each question, by its scope. `levels_of` tells which levels of events a scope's level takes in."""
    parts: list[tuple[Scope, int, str, list[Any]]] = []
    for question in questions:
        where, values = _where(question.scope, question.since, question.until, levels_of)
        for offset, limit in [(0, question.depth), *((rank, question.width) for rank in sorted(question.far))]:
            sql = f"SELECT received_at FROM groups_event WHERE {where} ORDER BY received_at DESC LIMIT %s OFFSET %s"  # noqa: S608
            parts.append((question.scope, offset, sql, [*values, limit, offset]))
    answers = {question.scope: Ranks() for question in questions}
    for chunk in chunks(parts, _PARTS):
        for number, received_at in _union([(sql, values) for _, _, sql, values in chunk]):
            scope, offset, _, _ = chunk[number]
            found = answers[scope]
            (found.far.setdefault(offset, []) if offset else found.newest).append(_seconds(received_at))
    for found in answers.values():
        # A union promises no order between or within its parts.
        found.newest.sort(reverse=True)
        for times in found.far.values():
            times.sort(reverse=True)
    for question in questions:
        for rank in question.far:
            answers[question.scope].far.setdefault(rank, [])
    return answers


def window_counts(windows: Iterable[Window], *, levels_of: Mapping[str, Sequence[str]]) -> dict[Window, int]:
    """How many events each window holds."""
    wanted = list(dict.fromkeys(windows))
    counts: dict[Window, int] = {}
    for chunk in chunks(wanted, _PARTS):
        parts = []
        for window in chunk:
            where, values = _where(window.scope, window.until - window.seconds, window.until, levels_of)
            parts.append((f"SELECT count(*) AS events FROM groups_event WHERE {where}", values))  # noqa: S608
        counts.update({chunk[number]: count for number, count in _union(parts)})
    return counts


def last_events(
    ends: Iterable[tuple[Scope, float]], *, levels_of: Mapping[str, Sequence[str]]
) -> dict[tuple[Scope, float], LastEvent]:
    """The newest event of each scope at or before a time; absent where retention took it."""
    wanted = list(dict.fromkeys(ends))
    found: dict[tuple[Scope, float], LastEvent] = {}
    for chunk in chunks(wanted, _PARTS):
        parts = []
        for scope, until in chunk:
            where, values = _where(scope, None, until, levels_of)
            parts.append(
                (f"{_LAST_EVENT} WHERE {where} ORDER BY received_at DESC, groups_event.id DESC LIMIT 1", values)
            )
        for number, event_id, received_at, *rest in _union(parts):
            text = event_id if isinstance(event_id, str) else event_id.hex
            found[chunk[number]] = LastEvent(text, moment(_seconds(received_at)), *rest)
    return found


def times_by_group(
    project_id: int,
    since: float,
    until: float,
    *,
    level: str,
    environment: str,
    most: int,
    levels_of: Mapping[str, Sequence[str]],
) -> tuple[dict[int, list[float]], bool]:
    """When events of each group of a project were received in `since <= time < until`, ascending: the newest `most` of all,
    and whether that is all of them."""
    where = "project_id = %s AND received_at >= %s AND received_at < %s"
    values: list[Any] = [project_id, column_time(since), column_time(until)]
    if levels := levels_of[level]:
        where += f" AND level IN ({', '.join(['%s'] * len(levels))})"
        values += levels
    if environment:
        where += " AND environment = %s"
        values.append(environment)
    times: dict[int, list[float]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT group_id, received_at FROM groups_event WHERE {where} ORDER BY received_at DESC LIMIT %s",  # noqa: S608
            [*values, most + 1],
        )
        rows = cursor.fetchall()
    for group_id, received_at in rows[:most]:
        times.setdefault(group_id, []).append(_seconds(received_at))
    for group_times in times.values():
        group_times.reverse()
    return times, len(rows) <= most


def _where(
    scope: Scope, since: float | None, until: float, levels_of: Mapping[str, Sequence[str]]
) -> tuple[str, list[Any]]:
    where = "groups_event.group_id = %s AND received_at <= %s"
    values: list[Any] = [scope.group_id, column_time(until)]
    if since is not None:
        where += " AND received_at > %s"
        values.append(column_time(since))
    if levels := levels_of[scope.level]:
        where += f" AND level IN ({', '.join(['%s'] * len(levels))})"
        values += levels
    if scope.environment:
        where += " AND groups_event.environment = %s"
        values.append(scope.environment)
    return where, values


def _union(parts: Sequence[tuple[str, list[Any]]]) -> list[tuple[Any, ...]]:
    """The rows of all parts, each led by its part's number."""
    if not parts:
        return []
    # The number is written into the text: PostgreSQL must not guess a parameter's type.
    numbered = (f"SELECT {number} AS part, found.* FROM ({sql}) found" for number, (sql, _) in enumerate(parts))  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(numbered), [value for _, values in parts for value in values])
        return list(cursor.fetchall())


def _seconds(value: Any) -> float:
    """A time as the store gave it: SQLite as text in UTC, PostgreSQL as an aware datetime."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value).replace(tzinfo=UTC)
    return float(value.timestamp())
