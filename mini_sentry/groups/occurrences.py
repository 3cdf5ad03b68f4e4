"""Events and their groupings → occurrences: which group each fell into, and whether that group is new or came back.

`place` stores a batch's events in their groups, `count` moves the counters: the one place where events are counted. Both
run in the caller's transaction and write only what no earlier run wrote, so the same batch twice changes nothing. Several
digests may run at once: whatever they could meet at is taken in one order (keys, hashes, groups, scopes, projects; each
sorted), and what all of them meet at, the counters, last. The hot statements are the store's own (`engines`); the rare
ones (a new group, a regression) go through the models.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef

from mini_sentry.grouping.group import Grouping
from mini_sentry.groups import assignment, engines
from mini_sentry.groups.engines import Arrival, EventRow, GroupUpdate, ProjectTouch, ScopeAddition
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
    id and the compressed body, which stands for the payload from then on. `is_bare`: the event comes without its stacks.
    """

    event: Event
    grouping: Grouping
    record_id: bytes = b""
    is_awaited: bool = False
    is_bare: bool = False
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
    """What became of a batch: the events that are stored, those that another digest was first with (and their groups), and
    the groups that changed. `made` are the groups that do not exist yet, by id, with their first events."""

    stored: list[Candidate] = field(default_factory=list)
    overtaken: list[tuple[Candidate, int]] = field(default_factory=list)
    changes: dict[int, GroupChange] = field(default_factory=dict)
    made: dict[int, Candidate] = field(default_factory=dict)


class GroupGone(Exception):
    """Groups (or a whole project) were deleted while events fell into them: roll back, `let_go` of the groups, and find the
    events' groups again."""

    def __init__(self, text: str, group_ids: Collection[int] = ()) -> None:
        super().__init__(text)
        self.group_ids = group_ids


def stored_already(candidates: Sequence[Candidate]) -> dict[tuple[int, str], int]:
    """The group id of every candidate whose `(project, event id)` is stored, by that key."""
    by_project: dict[int, list[str]] = {}
    for candidate in candidates:
        by_project.setdefault(candidate.event.project_id, []).append(candidate.event.event_id)
    with connection.cursor() as cursor:
        return engines.rows().stored(cursor, by_project)


def unknown(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The first candidate with each hash that leads to no group yet: those that will be explained."""
    with connection.cursor() as cursor:
        places = assignment.first_of_new_hashes(
            cursor, [(candidate.event.project_id, candidate.grouping) for candidate in candidates]
        )
    return [candidates[place] for place in places]


def day_of(seconds: float) -> date:
    return moment(seconds).date()


def place(
    candidates: Sequence[Candidate],
    *,
    releases: dict[Seen, int],
    explain: Callable[[Candidate], list[Any]],
    now: float,
) -> Occurrences:
    """Store new events in their groups.

    `candidates` hold no duplicate and none that was stored when the transaction began (see `stored_already`); each has its
    body. `releases` maps (project id, version, environment) to release ids. `explain` is asked once for each hash that is
    new. `now` is Unix seconds. Must run inside a transaction, and `count` must follow in it.
    """
    occurrences = Occurrences()
    if not candidates:
        return occurrences
    rows = engines.rows()
    with connection.cursor() as cursor:
        claimed = rows.claim(
            cursor,
            [
                Arrival(event.project_id, event.event_id, event.received_at)
                for event in (candidate.event for candidate in candidates)
            ],
        )
        if len(claimed) == len(candidates):
            occurrences.stored = list(candidates)
        else:
            occurrences.stored = [candidate for candidate in candidates if candidate.key in claimed]
            late = [candidate for candidate in candidates if candidate.key not in claimed]
            found = stored_already(late)
            occurrences.overtaken = [(candidate, found.get(candidate.key, 0)) for candidate in late]
        stored = occurrences.stored
        groups = assignment.assign(
            cursor,
            [(candidate.event.project_id, candidate.grouping) for candidate in stored],
            explain=lambda index: explain(stored[index]),
            now=now,
        )
        for candidate, group_id in zip(stored, groups.ids, strict=True):
            candidate.group_id = group_id
        occurrences.made = {group_id: stored[index] for group_id, index in groups.made.items()}
        rows.insert_events(cursor, _event_rows(occurrences.stored, releases))
    return occurrences


def count(occurrences: Occurrences, *, releases: dict[Seen, int]) -> None:
    """Move the counters for what was placed, make the new groups, and fill in `changes`. Raises GroupGone.

    What is locked here is locked until the transaction ends: little should follow.
    """
    if not occurrences.stored:
        return
    by_group: dict[int, list[Candidate]] = {}
    for candidate in occurrences.stored:
        by_group.setdefault(candidate.group_id, []).append(candidate)
    rows = engines.rows()
    with connection.cursor() as cursor:
        known = sorted(by_group.keys() - occurrences.made.keys())
        occurrences.changes, updates = _count_known({group_id: by_group[group_id] for group_id in known}, releases)
        rows.update_groups(cursor, updates)
        rows.add_to_scopes(cursor, _scope_additions(occurrences.stored))
        numbers = rows.touch_projects(cursor, _touches(occurrences))
    occurrences.changes |= _make_groups(
        {group_id: by_group[group_id] for group_id in occurrences.made}, occurrences.made, releases, numbers
    )


def let_go(group_ids: Collection[int]) -> None:
    """Forget the hashes that lead to those of these groups that do not exist, so that events with them make a new group."""
    is_there = Exists(Group.objects.filter(pk=OuterRef("group_id")))
    GroupHash.objects.filter(group_id__in=group_ids).exclude(is_there).delete()


def _event_rows(candidates: Sequence[Candidate], releases: dict[Seen, int]) -> list[EventRow]:
    return [
        EventRow(
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
    ]


def _count_known(
    by_group: dict[int, list[Candidate]], releases: dict[Seen, int]
) -> tuple[dict[int, GroupChange], list[GroupUpdate]]:
    """Lock these groups, bring resolved ones back, and say what is to be added to each."""
    changes: dict[int, GroupChange] = {}
    updates: list[GroupUpdate] = []
    fields = ("id", "number", "project_id", "count", "status", "resolved_at", "last_seen", "first_release_id")
    for part in chunks(sorted(by_group), _CHUNK):
        found = Group.objects.filter(pk__in=part).order_by("pk").select_for_update(no_key=True)
        for group_id, number, project_id, count, status, resolved_at, seen, first_release in found.values_list(*fields):
            members = by_group[group_id]
            latest = max(members, key=lambda member: member.event.received_at)
            event = latest.event
            kind = Kind.AGAIN
            if regresses(status, resolved_at, moment(event.received_at)):
                kind = Kind.REGRESSION
                _regress(group_id, latest)
            release_id = releases.get((project_id, event.release, event.environment))
            last_seen = max(seen.timestamp(), event.received_at)
            updates.append(
                GroupUpdate(
                    id=group_id,
                    added=len(members),
                    last_seen=column_time(last_seen),
                    first_release_id=first_release or release_id,
                    last_release_id=release_id,
                    handled=event.handled,
                    **_shown(latest),
                )
            )
            changes[group_id] = _change(
                group_id, latest, number=number, kind=kind, before=count, added=len(members), last_seen=last_seen
            )
    if missing := by_group.keys() - changes.keys():
        raise GroupGone(f"groups {sorted(missing)} were deleted while events fell into them", missing)
    return changes, updates


def _make_groups(
    by_group: dict[int, list[Candidate]],
    made: dict[int, Candidate],
    releases: dict[Seen, int],
    numbers: dict[int, int],
) -> dict[int, GroupChange]:
    """Make the groups that `made` begins, counted already. `numbers` are the next free ones by project."""
    changes: dict[int, GroupChange] = {}
    groups: list[Group] = []
    activities: list[Activity] = []
    numbers = dict(numbers)
    for group_id, first in made.items():
        members = by_group[group_id]
        latest = max(members, key=lambda member: member.event.received_at)
        project_id, event = first.event.project_id, latest.event
        number = numbers.get(project_id)
        if number is None:
            raise GroupGone(f"project {project_id} was deleted while events arrived")
        numbers[project_id] = number + 1
        first_seen = min(member.event.received_at for member in members)
        release_id = releases.get((project_id, event.release, event.environment))
        groups.append(
            Group(
                id=group_id,
                project_id=project_id,
                number=number,
                platform=first.event.platform[:64],
                handled=event.handled,
                grouping_config=first.grouping.config,
                count=len(members),
                stored_count=len(members),
                first_seen=moment(first_seen),
                last_seen=moment(event.received_at),
                first_release_id=release_id,
                last_release_id=release_id,
                **_shown(latest),
            )
        )
        activities.append(
            Activity(group_id=group_id, kind=Activity.Kind.FIRST_SEEN, created_at=moment(first.event.received_at))
        )
        changes[group_id] = _change(
            group_id,
            latest,
            number=number,
            kind=Kind.NEW,
            before=0,
            added=len(members),
            last_seen=event.received_at,
        )
    if groups:
        Group.objects.bulk_create(groups)
        Activity.objects.bulk_create(activities)
    return changes


def _shown(latest: Candidate) -> dict[str, str]:
    """What a group shows of its latest event."""
    grouping = latest.grouping
    return {
        "level": latest.event.level,
        "title": grouping.title[:512],
        "type": grouping.type[:256],
        "value": grouping.value[:512],
        "culprit": grouping.culprit[:256],
    }


def _change(
    group_id: int, latest: Candidate, *, number: int, kind: Kind, before: int, added: int, last_seen: float
) -> GroupChange:
    return GroupChange(
        group_id=group_id,
        project_id=latest.event.project_id,
        number=number,
        kind=kind,
        count=before + added,
        added=added,
        last_seen=last_seen,
        title=latest.grouping.title[:512],
        level=latest.event.level,
    )


def _regress(group_id: int, latest: Candidate) -> None:
    seen = moment(latest.event.received_at)
    Group.objects.filter(pk=group_id).update(status=Status.UNRESOLVED, resolved_at=None, regressed_at=seen)
    Activity.objects.create(
        group_id=group_id,
        kind=Activity.Kind.REGRESSED,
        data={"event_id": latest.event.event_id, "release": latest.event.release},
        created_at=seen,
    )


def _scope_additions(candidates: Sequence[Candidate]) -> list[ScopeAddition]:
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
    return [
        ScopeAddition(group_id, environment, release, int(count), column_time(first), column_time(last))
        for (group_id, environment, release), (count, first, last) in sorted(scopes.items())
    ]


def _touches(occurrences: Occurrences) -> list[ProjectTouch]:
    latest: dict[int, float] = {}
    for candidate in occurrences.stored:
        event = candidate.event
        latest[event.project_id] = max(latest.get(event.project_id, 0.0), event.received_at)
    new_groups = Counter(candidate.event.project_id for candidate in occurrences.made.values())
    return [
        ProjectTouch(project_id, column_time(last), new_groups[project_id])
        for project_id, last in sorted(latest.items())
    ]
