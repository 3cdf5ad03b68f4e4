"""Groups as the API shows them: rows → objects, a few statements for any number of groups."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.db.models import QuerySet

from mini_sentry.groups.matching import NEW_FOR
from mini_sentry.groups.models import Group, Status
from mini_sentry.groups.short_ids import short_id
from mini_sentry.projects.models import Project
from mini_sentry.rest.errors import Missing
from mini_sentry.rest.rendering import to_json

_STREAM_ROWS: Final = 500

_FIELDS: Final = (
    "id",
    "project_id",
    "title",
    "level",
    "count",
    "first_seen",
    "last_seen",
    "status",
    "resolved_at",
    "assignee",
    "is_bookmarked",
    "number",
    "stored_count",
    "type",
    "value",
    "culprit",
    "platform",
    "handled",
    "regressed_at",
    "first_release__version",
    "last_release__version",
    "grouping_config",
)


def substatus(status: str, *, first_seen: datetime, regressed_at: datetime | None, now: datetime) -> str | None:
    """How an unresolved group stands: `regressed`, `new` for its first week, else `ongoing`; None for other groups."""
    if status != Status.UNRESOLVED:
        return None
    if regressed_at is not None:
        return "regressed"
    return "new" if first_seen > now - NEW_FOR else "ongoing"


def group_objects(groups: QuerySet[Group], *, now: datetime, project: Project | None = None) -> list[dict[str, Any]]:
    """The objects of the rows, in their order. `project` is the one all of them belong to, when that is known."""
    rows = list(groups.values_list(*_FIELDS))
    ids = [row[0] for row in rows]
    slugs = {project.pk: project.slug} if project else _slugs({row[1] for row in rows})
    environments = _environments(ids)
    hash_counts = _hash_counts(ids)
    objects = []
    for (
        pk,
        project_id,
        title,
        level,
        count,
        first_seen,
        last_seen,
        status,
        resolved_at,
        assignee,
        is_bookmarked,
        number,
        stored_count,
        kind,
        value,
        culprit,
        platform,
        handled,
        regressed_at,
        first_release,
        last_release,
        grouping,
    ) in rows:
        objects.append(
            {
                "id": pk,
                "project": project_id,
                "title": title,
                "level": level,
                "count": count,
                "first_seen": first_seen,
                "last_seen": last_seen,
                "status": status,
                "resolved_at": resolved_at,
                "assignee": assignee,
                "is_bookmarked": is_bookmarked,
                "short_id": short_id(slugs[project_id], number),
                "stored_count": stored_count,
                "type": kind,
                "value": value,
                "culprit": culprit,
                "platform": platform,
                "handled": handled,
                "environments": environments.get(pk, []),
                "substatus": substatus(status, first_seen=first_seen, regressed_at=regressed_at, now=now),
                "first_release": first_release,
                "last_release": last_release,
                "hash_count": hash_counts.get(pk, 0),
                "grouping": grouping,
            }
        )
    return objects


def group_object(group_id: int, *, now: datetime) -> dict[str, Any]:
    """Raises Missing."""
    found = group_objects(Group.objects.filter(pk=group_id), now=now)
    if not found:
        raise Missing(f"There is no issue {group_id}.")
    return found[0]


def group_or_404(group_id: int) -> Group:
    group = Group.objects.select_related("project").filter(pk=group_id).first()
    if group is None:
        raise Missing(f"There is no issue {group_id}.")
    return group


def stream(ids: Sequence[int], *, now: datetime, project: Project | None) -> Iterator[bytes]:
    """A JSON array of the groups with these ids, in their order, a part at a time."""
    yield b"["
    is_first = True
    for start in range(0, len(ids), _STREAM_ROWS):
        part = ids[start : start + _STREAM_ROWS]
        found = {
            shown["id"]: shown for shown in group_objects(Group.objects.filter(pk__in=part), now=now, project=project)
        }
        # A group that was deleted meanwhile is left out.
        text = b",".join(to_json(found[pk]) for pk in part if pk in found)
        if text:
            yield text if is_first else b"," + text
            is_first = False
    yield b"]"


def _slugs(project_ids: Iterable[int]) -> dict[int, str]:
    return dict(Project.objects.filter(pk__in=project_ids).values_list("pk", "slug"))


# The two below are plain SQL: for a page of groups the ORM takes several times longer to write them than they take to run.


def _environments(group_ids: Sequence[int]) -> dict[int, list[str]]:
    """The names under which each group was seen; events that named none add nothing."""
    found: dict[int, list[str]] = {}
    for group_id, environment in _of_groups(
        "SELECT DISTINCT group_id, environment FROM groups_groupscope WHERE group_id IN ({}) AND environment <> ''",
        group_ids,
    ):
        found.setdefault(group_id, []).append(environment)
    for names in found.values():
        names.sort()
    return found


def _hash_counts(group_ids: Sequence[int]) -> dict[int, int]:
    return dict(
        _of_groups(
            "SELECT group_id, count(*) FROM groups_grouphash WHERE group_id IN ({}) GROUP BY group_id", group_ids
        )
    )


def _of_groups(sql: str, group_ids: Sequence[int]) -> list[tuple[int, Any]]:
    if not group_ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(sql.format(", ".join(["%s"] * len(group_ids))), list(group_ids))
        return list(cursor.fetchall())
