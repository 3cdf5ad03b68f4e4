"""Groupings → groups: the first of an event's hashes that is known decides, none known makes a new group.

Hashes are the only thing by which two digests could make one group twice, so they are decided in the store: a hash is
inserted with the id of its group, in the order of the hashes, and whoever comes second waits, finds it taken and asks again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import transaction
from django.db.backends.utils import CursorWrapper

from mini_sentry.grouping.group import Grouping, Hash
from mini_sentry.groups import engines
from mini_sentry.groups.models import GroupHash
from mini_sentry.projects.statements import chunks, column_time

Known = dict[tuple[int, str], int]
"""Group ids by project id and hash."""

_KNOWN_CHUNK: Final = 500
_NEW_CHUNK: Final = 100
_explanation: Final = GroupHash._meta.get_field("explanation")


@dataclass(slots=True)
class Assigned:
    """The group of each event, in order. `made` are the groups that must be made, each with the place of its first event."""

    ids: list[int]
    made: dict[int, int]


def assign(
    cursor: CursorWrapper,
    events: Sequence[tuple[int, Grouping]],
    *,
    explain: Callable[[int], list[Any]],
    now: float,
) -> Assigned:
    """Give each event, a project id and a grouping, its group; hashes that are new lead to that group from now on.

    `explain` is asked for the event at a place when it brings a new hash. `now` is Unix seconds. Runs in a transaction.
    """
    explained: dict[int, bytes] = {}
    while True:
        plan = _plan(events, _known(cursor, events))
        ids = engines.rows().new_group_ids(cursor, len(plan.made)) if plan.made else []
        given = dict(zip(plan.made, ids, strict=True))
        groups = {key: given.get(group_id, group_id) for key, group_id in plan.groups.items()}
        new = []
        for key, (place, found) in sorted(plan.new.items(), key=lambda item: item[0]):
            if place not in explained:
                explained[place] = _explanation.get_prep_value(explain(place))
            config = events[place][1].config
            new.append((*key, groups[key], found.variant, config, explained[place], column_time(now)))
        if _attach(cursor, new):
            # All hashes of an event that were new lead to the group of the event, and so does the first that was known.
            return Assigned(
                ids=[groups[project_id, grouping.hashes[0].hash] for project_id, grouping in events],
                made={given[number]: place for number, place in plan.made.items()},
            )


def first_of_new_hashes(cursor: CursorWrapper, events: Sequence[tuple[int, Grouping]]) -> list[int]:
    """The places of the events that bring a new hash, as the store stands now."""
    return sorted({place for place, _ in _plan(events, _known(cursor, events)).new.values()})


@dataclass(slots=True)
class _Plan:
    """The group of each hash. `new` are the hashes not stored yet, each with the place of the event it came with first.
    Groups to be made have negative numbers; `made` has the places of their first events."""

    groups: Known
    new: dict[tuple[int, str], tuple[int, Hash]] = field(default_factory=dict)
    made: dict[int, int] = field(default_factory=dict)


def _plan(events: Sequence[tuple[int, Grouping]], known: Known) -> _Plan:
    plan = _Plan(known)
    for place, (project_id, grouping) in enumerate(events):
        for found in grouping.hashes:
            if group_id := known.get((project_id, found.hash)):
                break
        else:
            group_id = -1 - len(plan.made)
            plan.made[group_id] = place
        for found in grouping.hashes:
            key = project_id, found.hash
            if key not in known:
                known[key] = group_id
                plan.new[key] = place, found
    return plan


def _known(cursor: CursorWrapper, events: Sequence[tuple[int, Grouping]]) -> Known:
    wanted: dict[int, set[str]] = {}
    for project_id, grouping in events:
        wanted.setdefault(project_id, set()).update(found.hash for found in grouping.hashes)
    known: Known = {}
    for project_id, hashes in wanted.items():
        for part in chunks(sorted(hashes), _KNOWN_CHUNK):
            cursor.execute(
                f"SELECT hash, group_id FROM groups_grouphash WHERE project_id = %s AND hash IN ({engines.marks(part)})",  # noqa: S608
                [project_id, *part],
            )
            known.update({(project_id, found): group_id for found, group_id in cursor.fetchall()})
    return known


def _attach(cursor: CursorWrapper, hashes: Sequence[tuple[Any, ...]]) -> bool:
    """Insert these rows, or none of them and say so: when another transaction was first with one of them."""
    if not hashes:
        return True
    row = f"({engines.marks(hashes[0])})"
    savepoint = transaction.savepoint()
    for part in chunks(hashes, _NEW_CHUNK):
        cursor.execute(
            "INSERT INTO groups_grouphash (project_id, hash, group_id, variant, config, explanation, created_at) "  # noqa: S608
            f"VALUES {', '.join([row] * len(part))} ON CONFLICT (project_id, hash) DO NOTHING RETURNING hash",
            [value for one in part for value in one],
        )
        if len(cursor.fetchall()) < len(part):
            transaction.savepoint_rollback(savepoint)
            return False
    transaction.savepoint_commit(savepoint)
    return True
