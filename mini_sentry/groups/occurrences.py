"""Events and their groupings → occurrences: which group each fell into, and whether that group is new or came back.

`record` is the one place where events are counted. It runs inside the caller's transaction and writes only what no
earlier run wrote, so the same batch twice changes nothing. The hot statements are plain SQL on one cursor, because a
batch touches thousands of rows; the rare ones (a new group, a regression) go through the models.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from mini_sentry.grouping.group import Grouping
from mini_sentry.groups.models import Activity, Group, GroupHash, Status
from mini_sentry.groups.transitions import regresses
from mini_sentry.projects.statements import chunks, column_time, moment
from mini_sentry.protocol.event import Event
from mini_sentry.releases.registry import Seen

_CHUNK = 500


class Kind(StrEnum):
    NEW = "new"
    AGAIN = "again"
    REGRESSION = "regression"


@dataclass(slots=True)
class Candidate:
    """One event on its way into a group. `body_id` is 0 until its body is stored.

    `record_id` names the log record it came in; somebody waits to hear of it when `is_awaited`. `body` is the dictionary's
    id and the compressed body, which stands for the payload from then on.
    """

    event: Event
    grouping: Grouping
    record_id: bytes = b""
    is_awaited: bool = False
    body: tuple[int, bytes] = (0, b"")
    body_id: int = 0
    group_id: int = 0

    @property
    def key(self) -> tuple[int, str]:
        return self.event.project_id, self.event.event_id


@dataclass(slots=True)
class GroupChange:
    """What a batch did to one group. `count` is the group's count after it; `status_before` tells a regression."""

    group_id: int
    project_id: int
    number: int
    kind: Kind
    count: int
    added: int
    last_seen: float
    title: str
    level: str


@dataclass(slots=True)
class Occurrences:
    """What `record` did: the events it stored, the groups they changed, and the group of every event it was given."""

    stored: list[Candidate] = field(default_factory=list)
    changes: dict[int, GroupChange] = field(default_factory=dict)


def stored_already(candidates: Sequence[Candidate]) -> dict[tuple[int, str], int]:
    """The group id of every candidate whose `(project, event id)` is stored, by that key."""
    found: dict[tuple[int, str], int] = {}
    by_project: dict[int, list[str]] = {}
    for candidate in candidates:
        by_project.setdefault(candidate.event.project_id, []).append(candidate.event.event_id)
    with connection.cursor() as cursor:
        for project_id, event_ids in by_project.items():
            for part in chunks(event_ids, _CHUNK):
                cursor.execute(
                    f"SELECT event_id, group_id FROM groups_event WHERE project_id = %s AND event_id IN ({_marks(part)})",  # noqa: S608
                    [project_id, *part],
                )
                found.update({(project_id, _hex(event_id)): group_id for event_id, group_id in cursor.fetchall()})
    return found


def day_of(seconds: float) -> date:
    return moment(seconds).date()


def record(
    candidates: Sequence[Candidate],
    *,
    releases: dict[Seen, int],
    explain: Callable[[Candidate], list[Any]],
    now: float,
) -> Occurrences:
    """Store new events and move their groups' counters.

    `candidates` hold no duplicate and none that is stored (see `stored_already`); each has its body. `releases` maps
    (project id, version, environment) to release ids. `explain` is asked once for each hash that is new. `now` is Unix
    seconds. Must run inside a transaction.
    """
    occurrences = Occurrences(stored=list(candidates))
    if not candidates:
        return occurrences
    with connection.cursor() as cursor:
        new_groups = _find_groups(cursor, candidates, explain=explain, now=now)
        _insert_events(cursor, candidates, releases)
        occurrences.changes = _count(cursor, candidates, releases, new_groups)
        _count_scopes(cursor, candidates)
        _touch_projects(cursor, candidates)
    return occurrences


def _find_groups(
    cursor: CursorWrapper,
    candidates: Sequence[Candidate],
    *,
    explain: Callable[[Candidate], list[Any]],
    now: float,
) -> set[int]:
    """Give each candidate its group: the first of its hashes that is known decides; none known makes a new group.

    Hashes of the event that are still unknown are attached to that group. Returns the ids of the groups made.
    """
    known = _known_hashes(cursor, candidates)
    made: set[int] = set()
    attached: list[GroupHash] = []
    numbers = _Numbers(cursor)
    for candidate in candidates:
        project_id, hashes = candidate.event.project_id, candidate.grouping.hashes
        for grouping_hash in hashes:
            if group_id := known.get((project_id, grouping_hash.hash)):
                break
        else:
            group_id = _make_group(candidate, number=numbers.next(project_id))
            made.add(group_id)
        candidate.group_id = group_id
        for grouping_hash in hashes:
            if (project_id, grouping_hash.hash) not in known:
                known[project_id, grouping_hash.hash] = group_id
                attached.append(
                    GroupHash(
                        project_id=project_id,
                        hash=grouping_hash.hash,
                        group_id=group_id,
                        variant=grouping_hash.variant,
                        config=candidate.grouping.config,
                        explanation=explain(candidate),
                        created_at=moment(now),
                    )
                )
    if attached:
        GroupHash.objects.bulk_create(attached)
    return made


def _known_hashes(cursor: CursorWrapper, candidates: Sequence[Candidate]) -> dict[tuple[int, str], int]:
    wanted: dict[int, set[str]] = {}
    for candidate in candidates:
        wanted.setdefault(candidate.event.project_id, set()).update(h.hash for h in candidate.grouping.hashes)
    known: dict[tuple[int, str], int] = {}
    for project_id, hashes in wanted.items():
        for part in chunks(sorted(hashes), _CHUNK):
            cursor.execute(
                f"SELECT hash, group_id FROM groups_grouphash WHERE project_id = %s AND hash IN ({_marks(part)})",  # noqa: S608
                [project_id, *part],
            )
            known.update({(project_id, found): group_id for found, group_id in cursor.fetchall()})
    return known


class _Numbers:
    """Hands out the numbers of new groups; the project's row remembers the next one."""

    def __init__(self, cursor: CursorWrapper) -> None:
        self._cursor = cursor

    def next(self, project_id: int) -> int:
        self._cursor.execute(
            "UPDATE projects_project SET next_group_number = next_group_number + 1 WHERE id = %s "
            "RETURNING next_group_number - 1",
            [project_id],
        )
        return int(self._cursor.fetchone()[0])


def _make_group(candidate: Candidate, *, number: int) -> int:
    event, grouping = candidate.event, candidate.grouping
    seen = moment(event.received_at)
    group = Group.objects.create(
        project_id=event.project_id,
        number=number,
        title=grouping.title[:512],
        type=grouping.type[:256],
        value=grouping.value[:512],
        culprit=grouping.culprit[:256],
        level=event.level,
        platform=event.platform[:64],
        handled=event.handled,
        grouping_config=grouping.config,
        first_seen=seen,
        last_seen=seen,
    )
    Activity.objects.create(group=group, kind=Activity.Kind.FIRST_SEEN, created_at=seen)
    return group.pk


def _insert_events(cursor: CursorWrapper, candidates: Sequence[Candidate], releases: dict[Seen, int]) -> None:
    cursor.executemany(
        "INSERT INTO groups_event (project_id, group_id, event_id, received_at, timestamp, level, environment, "
        "release_id, user, message, body_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            (
                (event := candidate.event).project_id,
                candidate.group_id,
                event.event_id,
                column_time(event.received_at),
                column_time(event.timestamp),
                event.level,
                event.environment,
                releases.get((event.project_id, event.release, event.environment)),
                event.user_tag[:200],
                (event.message or candidate.grouping.value or candidate.grouping.title)[:200],
                candidate.body_id,
            )
            for candidate in candidates
        ],
    )


def _count(
    cursor: CursorWrapper, candidates: Sequence[Candidate], releases: dict[Seen, int], new_groups: set[int]
) -> dict[int, GroupChange]:
    """Move each group's counters once for the whole batch, and bring resolved ones back."""
    by_group: dict[int, list[Candidate]] = {}
    for candidate in candidates:
        by_group.setdefault(candidate.group_id, []).append(candidate)
    changes: dict[int, GroupChange] = {}
    updates = []
    fields = ("id", "number", "project_id", "count", "status", "resolved_at", "last_seen", "first_release_id")
    for part in chunks(sorted(by_group), _CHUNK):
        for group_id, number, project_id, count, status, resolved_at, last_seen, first_release in Group.objects.filter(
            pk__in=part
        ).values_list(*fields):
            members = by_group[group_id]
            latest = max(members, key=lambda member: member.event.received_at)
            event, grouping = latest.event, latest.grouping
            kind = Kind.NEW if group_id in new_groups else Kind.AGAIN
            if regresses(status, resolved_at, moment(event.received_at)):
                kind = Kind.REGRESSION
                _regress(group_id, latest)
            release_id = releases.get((project_id, event.release, event.environment))
            updates.append(
                (
                    len(members),
                    len(members),
                    column_time(max(last_seen.timestamp(), event.received_at)),
                    event.level,
                    grouping.title[:512],
                    grouping.type[:256],
                    grouping.value[:512],
                    grouping.culprit[:256],
                    event.handled,
                    first_release or release_id,
                    release_id,
                    group_id,
                )
            )
            changes[group_id] = GroupChange(
                group_id=group_id,
                project_id=project_id,
                number=number,
                kind=kind,
                count=count + len(members),
                added=len(members),
                last_seen=max(last_seen.timestamp(), event.received_at),
                title=grouping.title[:512],
                level=event.level,
            )
    cursor.executemany(
        "UPDATE groups_group SET count = count + %s, stored_count = stored_count + %s, last_seen = %s, level = %s, "
        "title = %s, type = %s, value = %s, culprit = %s, handled = %s, first_release_id = %s, "
        "last_release_id = coalesce(%s, last_release_id) WHERE id = %s",
        updates,
    )
    return changes


def _regress(group_id: int, latest: Candidate) -> None:
    seen = moment(latest.event.received_at)
    Group.objects.filter(pk=group_id).update(status=Status.UNRESOLVED, resolved_at=None, regressed_at=seen)
    Activity.objects.create(
        group_id=group_id,
        kind=Activity.Kind.REGRESSED,
        data={"event_id": latest.event.event_id, "release": latest.event.release},
        created_at=seen,
    )


def _count_scopes(cursor: CursorWrapper, candidates: Sequence[Candidate]) -> None:
    scopes: dict[tuple[int, str, str], list[float]] = {}
    for candidate in candidates:
        event = candidate.event
        key = (candidate.group_id, event.environment, event.release)
        scope = scopes.get(key)
        if scope is None:
            scopes[key] = [1, event.received_at, event.received_at]
        else:
            scope[0] += 1
            scope[1] = min(scope[1], event.received_at)
            scope[2] = max(scope[2], event.received_at)
    greatest = "max" if connection.vendor == "sqlite" else "greatest"
    cursor.executemany(
        "INSERT INTO groups_groupscope (group_id, environment, release_version, count, first_seen, last_seen) "  # noqa: S608
        "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (group_id, environment, release_version) DO UPDATE SET "
        "count = groups_groupscope.count + excluded.count, "
        f"last_seen = {greatest}(groups_groupscope.last_seen, excluded.last_seen)",
        [
            (group_id, environment, release, int(count), column_time(first), column_time(last))
            for (group_id, environment, release), (count, first, last) in sorted(scopes.items())
        ],
    )


def _touch_projects(cursor: CursorWrapper, candidates: Sequence[Candidate]) -> None:
    latest: dict[int, float] = {}
    for candidate in candidates:
        event = candidate.event
        latest[event.project_id] = max(latest.get(event.project_id, 0.0), event.received_at)
    cursor.executemany(
        "UPDATE projects_project SET first_event_at = coalesce(first_event_at, %s), last_event_at = %s WHERE id = %s",
        [(column_time(last), column_time(last), project_id) for project_id, last in sorted(latest.items())],
    )


def _hex(event_id: Any) -> str:
    """SQLite gives the 32 digits back, PostgreSQL a UUID."""
    return event_id if isinstance(event_id, str) else event_id.hex


def _marks(part: Sequence[object]) -> str:
    return ", ".join(["%s"] * len(part))
