"""Updates of sessions → rows, and what the columns hear of them.

The row is the join of all updates of its session (`protocol.session.merge`), made in the statement that writes it: a
repeated or outdated update finds nothing to change, and then neither the row nor its revision moves.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.db.backends.utils import CursorWrapper

from mini_sentry.analytics.rows import SessionRow
from mini_sentry.projects.models import Project
from mini_sentry.projects.retention import Sweep
from mini_sentry.projects.statements import chunks, moment
from mini_sentry.protocol.session import PAST_SECONDS, SessionUpdate, Status
from mini_sentry.releases.models import Release, Session
from mini_sentry.releases.registry import Seen
from mini_sentry.rest.rendering import to_json

Key = tuple[int, str]
"""Project id and session id."""

_CHUNK: Final = 400
_COLUMNS: Final = (
    "project_id",
    "session_id",
    "release_id",
    "environment",
    '"user"',
    "status",
    "errors",
    "duration_ms",
    "quantity",
    "started_at",
    "updated_at",
    "received_at",
    "placed_at",
    "revision",
)


def _upsert() -> tuple[str, str]:
    """The statement before and after its rows."""
    table = "releases_session"
    # A place is release and environment together; one with a release goes before one without, then the later one.
    place = "({0}.release_id IS NOT NULL, {0}.placed_at, COALESCE({0}.release_id, 0), {0}.environment)"
    moves = f"{place.format('excluded')} > {place.format(table)}"
    longer = f"excluded.duration_ms > COALESCE({table}.duration_ms, -1)"
    rising = ("status", "errors", '"user"', "updated_at")
    changed = [f"excluded.{name} > {table}.{name}" for name in rising]
    settings = [
        f"{name} = CASE WHEN {condition} THEN excluded.{name} ELSE {table}.{name} END"
        for name, condition in [
            *zip(rising, changed, strict=True),
            ("started_at", f"excluded.started_at < {table}.started_at"),
            ("duration_ms", longer),
            ("release_id", moves),
            ("environment", moves),
            ("placed_at", moves),
        ]
    ]
    settings.append(f"revision = {table}.revision + 1")
    differs = [*changed, f"excluded.started_at < {table}.started_at", longer, moves]
    head = f"INSERT INTO {table} ({', '.join(_COLUMNS)}) VALUES "  # noqa: S608
    tail = (
        f" ON CONFLICT (project_id, session_id) DO UPDATE SET {', '.join(settings)} "
        f"WHERE {' OR '.join(differs)} RETURNING {', '.join(_COLUMNS)}"
    )
    return head, tail


_HEAD, _TAIL = _upsert()
_ROW: Final = f"({', '.join(['%s'] * len(_COLUMNS))})"


def record(updates: Mapping[Key, SessionUpdate], *, releases: Mapping[Seen, int]) -> list[SessionRow]:
    """Join updates with what is stored, one statement for some hundred of them; the rows that this changed.

    `releases` maps (project id, version, environment) to release ids, those of all updates among them. A row that was
    made by this call has the revision 1. Runs in the caller's transaction.
    """
    stored: list[tuple[Any, ...]] = []
    # In one order for all writers, so that two of them never wait for each other in a circle.
    ordered = sorted(updates.items())
    with connection.cursor() as cursor:
        for part in chunks(ordered, _CHUNK):
            values: list[Any] = []
            for (project_id, _), update in part:
                values += _values(project_id, update, releases)
            cursor.execute(f"{_HEAD}{', '.join([_ROW] * len(part))}{_TAIL}", values)
            stored += cursor.fetchall()
        versions = {release_id: version for (_, version, _), release_id in releases.items()}
        _add_versions(cursor, versions, {row[2] for row in stored if row[2] is not None} - versions.keys())
    return [_row(values, versions) for values in stored]


def _values(project_id: int, update: SessionUpdate, releases: Mapping[Seen, int]) -> tuple[Any, ...]:
    return (
        project_id,
        update.session_id,
        releases.get((project_id, update.release, update.environment)),
        update.environment,
        update.user,
        int(update.status),
        update.errors,
        update.duration_ms,
        update.quantity,
        update.started_at,
        update.updated_at,
        update.received_at,
        update.placed_at,
        1,
    )


def _add_versions(cursor: CursorWrapper, versions: dict[int, str], missing: Iterable[int]) -> None:
    wanted = sorted(missing)
    if wanted:
        marks = ", ".join(["%s"] * len(wanted))
        cursor.execute(f"SELECT id, version FROM releases_release WHERE id IN ({marks})", wanted)  # noqa: S608
        versions.update(cursor.fetchall())


def _row(values: Sequence[Any], versions: Mapping[int, str]) -> SessionRow:
    project_id, session_id, release_id, environment, user, status, errors, duration_ms, quantity, *rest = values
    started_at, updated_at, received_at, _placed_at, revision = rest
    return SessionRow(
        project_id=project_id,
        session_id=session_id,
        received_at=received_at,
        revision=revision,
        started_at=started_at,
        updated_at=updated_at,
        status=Status(status).word,
        errors=errors,
        user=user,
        release=versions.get(release_id, "") if release_id is not None else "",
        environment=environment,
        duration_ms=duration_ms,
        quantity=quantity,
    )


def stored_rows(*, since: datetime | None, page: int = 1000) -> Iterable[SessionRow]:
    """A row for each stored session whose first update was received at or after `since`, to fill the columns again."""
    sessions = Session.objects.order_by("pk")
    if since is not None:
        sessions = sessions.filter(received_at__gte=int(since.timestamp() * 1000))
    versions = dict(Release.objects.values_list("pk", "version"))
    names = [name.strip('"') for name in _COLUMNS]
    last = 0
    while rows := list(sessions.filter(pk__gt=last).values_list("pk", *names)[:page]):
        for _, *values in rows:
            yield _row(values, versions)
        last = rows[-1][0]


def retire_sessions(sweep: Sweep) -> int:
    """Delete the sessions that began so long before the sweep's time that all of them was received before it; how many."""
    before = int((sweep.before.timestamp() - PAST_SECONDS) * 1000)
    return sum(
        sweep.delete(Session.objects.filter(project_id=project_id, started_at__lt=before).order_by("started_at"))
        for project_id in Project.objects.order_by("pk").values_list("pk", flat=True)
    )


def session_json(project_id: int, session_id: str) -> bytes | None:
    """A stored session as the REST API shows it, or None."""
    session = Session.objects.filter(project_id=project_id, session_id=session_id).first()
    return to_json(_shown(session)) if session is not None else None


def _shown(session: Session) -> dict[str, Any]:
    return {
        "id": session.pk,
        "project": session.project_id,
        "release": session.release_id,
        "environment": session.environment,
        "session_id": session.session_id,
        "user": session.user,
        "status": Status(session.status).word,
        "duration_ms": session.duration_ms,
        "started_at": moment(session.started_at / 1000),
        "updated_at": moment(session.updated_at / 1000),
        "errors": session.errors,
    }
