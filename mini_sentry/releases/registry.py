"""Releases and environments on first sight: every one that a batch mentions has a row afterwards."""

from collections.abc import Collection, Sequence

from django.db import connection
from django.db.backends.utils import CursorWrapper

from mini_sentry.projects.statements import chunks, column_time

Seen = tuple[int, str, str]
"""Project id, version, environment. An empty version is no release; an empty environment stands for none named."""

_CHUNK = 200


def observe(seen: Collection[Seen], *, now: float) -> dict[Seen, int]:
    """Make the rows that are missing and return the release ids; tuples with an empty version are absent from it.

    Runs in the caller's transaction and keeps nothing between calls, so a rollback or a deleted release needs no care.
    Writers at the same time meet in the unique constraints: the second insert does nothing and the row is read.
    `now` is Unix seconds and becomes `created_at`.
    """
    releases = sorted({one for one in seen if one[1]})
    environments = sorted({(project_id, environment) for project_id, _, environment in seen})
    with connection.cursor() as cursor:
        _observe_environments(cursor, environments, now)
        found = _find_releases(cursor, releases)
        if missing := [one for one in releases if one not in found]:
            cursor.executemany(
                "INSERT INTO releases_release (project_id, version, environment, created_at) VALUES (%s, %s, %s, %s) "
                "ON CONFLICT (project_id, version, environment) DO NOTHING",
                [(*one, column_time(now)) for one in missing],
            )
            found |= _find_releases(cursor, missing)
    return found


def _find_releases(cursor: CursorWrapper, wanted: Sequence[Seen]) -> dict[Seen, int]:
    found: dict[Seen, int] = {}
    for part in chunks(wanted, _CHUNK):
        marks = _rows(part)
        cursor.execute(
            f"SELECT project_id, version, environment, id FROM releases_release WHERE (project_id, version, environment) IN (VALUES {marks})",  # noqa: S608
            [value for one in part for value in one],
        )
        found.update(
            {(project_id, version, environment): pk for project_id, version, environment, pk in cursor.fetchall()}
        )
    return found


def _observe_environments(cursor: CursorWrapper, wanted: Sequence[tuple[int, str]], now: float) -> None:
    known: set[tuple[int, str]] = set()
    for part in chunks(wanted, _CHUNK):
        cursor.execute(
            f"SELECT project_id, name FROM releases_environment WHERE (project_id, name) IN (VALUES {_rows(part)})",  # noqa: S608
            [value for one in part for value in one],
        )
        known.update((project_id, name) for project_id, name in cursor.fetchall())
    if missing := [one for one in wanted if one not in known]:
        cursor.executemany(
            "INSERT INTO releases_environment (project_id, name, created_at) VALUES (%s, %s, %s) "
            "ON CONFLICT (project_id, name) DO NOTHING",
            [(*one, column_time(now)) for one in missing],
        )


def _rows(part: Sequence[tuple[object, ...]]) -> str:
    row = f"({', '.join(['%s'] * len(part[0]))})"
    return ", ".join([row] * len(part))
