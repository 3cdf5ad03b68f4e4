"""What is asked of the columns about sessions: how they ended, by release and over time, and the errors of each release.

Every question is about one project and the sessions that began in `start <= started_at < end`; times are aware datetimes,
held to whole milliseconds, and no `start` means since ever. Each session counts once, as its latest state has it. All may
raise ColumnsUnavailable and ColumnsBusy.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from mini_sentry.analytics.queries import bucket_starts
from mini_sentry.analytics.store import Store
from mini_sentry.protocol.session import FUTURE_SECONDS, PAST_SECONDS

MAX_RELEASES: Final = 10_000

Place = tuple[str, str]
"""Release and environment, each "" when a session or event named none."""


class SessionCounts(msgspec.Struct, frozen=True):
    """Sessions, and how many of them ended badly: each is in at most one of the four.

    `errored` are those with errors that ended well or go on. Users are distinct ids; a user is among `crashed_users` with
    one crashed session, whatever their others did.
    """

    total: int = 0
    crashed: int = 0
    unhandled: int = 0
    abnormal: int = 0
    errored: int = 0
    users: int = 0
    crashed_users: int = 0
    unhandled_users: int = 0


class SessionBucket(msgspec.Struct, frozen=True):
    """The sessions that began in the interval that begins at `start`."""

    start: datetime
    counts: SessionCounts


_COUNTS: Final = """
    sum(quantity), sumIf(quantity, status = 'crashed'), sumIf(quantity, status = 'unhandled'),
    sumIf(quantity, status = 'abnormal'),
    sumIf(quantity, errors > 0 AND status NOT IN ('crashed', 'unhandled', 'abnormal')),
    uniqExactIf(user, user != ''), uniqExactIf(user, user != '' AND status = 'crashed'),
    uniqExactIf(user, user != '' AND status = 'unhandled')
"""
_SETTINGS: Final = "SETTINGS optimize_move_to_prewhere_if_final = 0"
"""Rows of one session differ, so conditions must wait until the newest was chosen."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RECEIVED_BEFORE: Final = timedelta(seconds=FUTURE_SECONDS)
_RECEIVED_AFTER: Final = timedelta(seconds=PAST_SECONDS) + timedelta(days=1)


def counts_by_place(
    store: Store,
    project_id: int,
    start: datetime | None,
    end: datetime,
    *,
    environments: Sequence[str] = (),
    version: str | None = None,
) -> dict[Place, SessionCounts]:
    """Sessions by release and environment; places without any are absent. `version` "" asks for those of no release."""
    where, parameters = _where(project_id, start, end, environments, version)
    rows = store.query(
        f"""
        SELECT release, environment, {_COUNTS} FROM sessions WHERE {where}
        GROUP BY release, environment LIMIT {MAX_RELEASES} {_SETTINGS}
        """,  # noqa: S608
        parameters,
    )
    return {(release, environment): SessionCounts(*counts) for release, environment, *counts in rows}


def series(
    store: Store,
    project_id: int,
    start: datetime,
    end: datetime,
    interval_seconds: int,
    *,
    environments: Sequence[str] = (),
    version: str | None = None,
) -> list[SessionBucket]:
    """One bucket per interval that overlaps the time, empty ones included, oldest first; on the clock's whole intervals."""
    starts = bucket_starts(start, end, interval_seconds)
    where, parameters = _where(project_id, start, end, environments, version)
    rows = store.query(
        f"""
        SELECT intDiv(toUnixTimestamp(started_at), {interval_seconds}) AS bucket, {_COUNTS}
        FROM sessions WHERE {where} GROUP BY bucket LIMIT 10000 {_SETTINGS}
        """,  # noqa: S608
        parameters,
    )
    found = {bucket: SessionCounts(*counts) for bucket, *counts in rows}
    return fill(starts, interval_seconds, found)


def fill(starts: Sequence[datetime], interval_seconds: int, found: dict[int, SessionCounts]) -> list[SessionBucket]:
    """Every bucket; `found` has some of them by their number since 1970."""
    return [
        SessionBucket(start, found.get(int(start.timestamp()) // interval_seconds, SessionCounts())) for start in starts
    ]


def errors_by_place(
    store: Store, project_id: int, start: datetime | None, end: datetime, *, environments: Sequence[str] = ()
) -> dict[Place, int]:
    """Events of level error and fatal received in the time, by release and environment."""
    parts = ["project_id = {project_id:UInt64}", "level IN ('error', 'fatal')"]
    parameters: dict[str, Any] = {"project_id": project_id}
    _add_range(parts, parameters, "received_at", start, end)
    _add_environments(parts, parameters, environments)
    rows = store.query(
        f"""
        SELECT release, environment, count() FROM events WHERE {" AND ".join(parts)}
        GROUP BY release, environment LIMIT {MAX_RELEASES}
        """,  # noqa: S608
        parameters,
    )
    return {(release, environment): count for release, environment, count in rows}


def _where(
    project_id: int, start: datetime | None, end: datetime, environments: Sequence[str], version: str | None
) -> tuple[str, dict[str, Any]]:
    parts = ["project_id = {project_id:UInt64}"]
    parameters: dict[str, Any] = {"project_id": project_id}
    _add_range(parts, parameters, "started_at", start, end)
    # By receipt as well, which decides the partition: a session begins at most so long before its first update.
    parts.append("received_at < fromUnixTimestamp64Milli({received_before:Int64}, 'UTC')")
    parameters["received_before"] = milliseconds(end + _RECEIVED_AFTER)
    if start is not None:
        parts.append("received_at >= fromUnixTimestamp64Milli({received_from:Int64}, 'UTC')")
        parameters["received_from"] = milliseconds(start - _RECEIVED_BEFORE)
    _add_environments(parts, parameters, environments)
    if version is not None:
        parts.append("release = {version:String}")
        parameters["version"] = version
    return " AND ".join(parts), parameters


def _add_range(
    parts: list[str], parameters: dict[str, Any], column: str, start: datetime | None, end: datetime
) -> None:
    if start is not None:
        parts.append(f"{column} >= fromUnixTimestamp64Milli({{start:Int64}}, 'UTC')")
        parameters["start"] = milliseconds(start)
    parts.append(f"{column} < fromUnixTimestamp64Milli({{end:Int64}}, 'UTC')")
    parameters["end"] = milliseconds(end)


def _add_environments(parts: list[str], parameters: dict[str, Any], environments: Sequence[str]) -> None:
    if environments:
        parts.append("environment IN {environments:Array(String)}")
        parameters["environments"] = list(environments)


def milliseconds(moment: datetime) -> int:
    """Whole Unix milliseconds; the one that is running."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)
