"""What people (and returning events) do to a group's status: a table, and its one writer."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from django.db import transaction

from mini_sentry.groups.models import Activity, Group, Status
from mini_sentry.projects.statements import chunks

ASSIGNEE_CHARS: Final = 200
_CHUNK = 500


class Action(StrEnum):
    RESOLVE = "resolve"
    UNRESOLVE = "unresolve"
    IGNORE = "ignore"
    ASSIGN = "assign"
    BOOKMARK = "bookmark"
    UNBOOKMARK = "unbookmark"


class Transition(NamedTuple):
    status: Status
    kind: Activity.Kind


TRANSITIONS: Final[dict[tuple[Status, Action], Transition]] = {
    (Status.UNRESOLVED, Action.RESOLVE): Transition(Status.RESOLVED, Activity.Kind.RESOLVED),
    (Status.UNRESOLVED, Action.IGNORE): Transition(Status.IGNORED, Activity.Kind.IGNORED),
    (Status.RESOLVED, Action.UNRESOLVE): Transition(Status.UNRESOLVED, Activity.Kind.UNRESOLVED),
    (Status.RESOLVED, Action.IGNORE): Transition(Status.IGNORED, Activity.Kind.IGNORED),
    (Status.IGNORED, Action.RESOLVE): Transition(Status.RESOLVED, Activity.Kind.RESOLVED),
    (Status.IGNORED, Action.UNRESOLVE): Transition(Status.UNRESOLVED, Activity.Kind.UNRESOLVED),
}
"""Every change of status there is. A pair that is absent (to resolve what is resolved) changes nothing."""


def regresses(status: str, resolved_at: datetime | None, received_at: datetime) -> bool:
    """Whether an event that the edge received then brings a group back: only a resolved one, and only if the event is
    newer than the resolution (a late or replayed event does not)."""
    return status == Status.RESOLVED and (resolved_at is None or received_at > resolved_at)


def change(group_ids: Collection[int], action: Action, *, author: str, now: datetime, assignee: str = "") -> list[int]:
    """Do one action to groups, note it in their activity, and return the ids that it changed, ascending.

    `assignee` is for ASSIGN; empty takes the assignment away. Ids that do not exist are passed over. Large sets are
    written in several transactions, so that the digest never waits long.
    """
    changed: list[int] = []
    for part in chunks(sorted(set(group_ids)), _CHUNK):
        with transaction.atomic():
            changed += _change_some(part, action, author=author, now=now, assignee=assignee)
    return changed


def _change_some(group_ids: Sequence[int], action: Action, *, author: str, now: datetime, assignee: str) -> list[int]:
    groups = list(
        Group.objects.select_for_update()
        .filter(pk__in=group_ids)
        .order_by("pk")
        .only("pk", "status", "assignee", "is_bookmarked")
    )
    by_change: dict[tuple[Activity.Kind, frozenset[tuple[str, Any]]], list[int]] = {}
    activities: list[Activity] = []
    for group in groups:
        made = _decide(group, action, assignee=assignee, now=now)
        if made is None:
            continue
        kind, fields, data = made
        by_change.setdefault((kind, frozenset(fields.items())), []).append(group.pk)
        activities.append(Activity(group=group, kind=kind, author=author, data=data, created_at=now))
    for (_, values), ids in by_change.items():
        Group.objects.filter(pk__in=ids).update(**dict(values))
    Activity.objects.bulk_create(activities)
    return [activity.group_id for activity in activities]


def _decide(
    group: Group, action: Action, *, assignee: str, now: datetime
) -> tuple[Activity.Kind, dict[str, Any], dict[str, Any]] | None:
    """The activity, the columns to set and the activity's data; None when nothing changes."""
    match action:
        case Action.ASSIGN:
            if group.assignee == assignee:
                return None
            kind = Activity.Kind.ASSIGNED if assignee else Activity.Kind.UNASSIGNED
            return kind, {"assignee": assignee}, {"from": group.assignee, "to": assignee}
        case Action.BOOKMARK | Action.UNBOOKMARK:
            wanted = action is Action.BOOKMARK
            if group.is_bookmarked is wanted:
                return None
            kind = Activity.Kind.BOOKMARKED if wanted else Activity.Kind.UNBOOKMARKED
            return kind, {"is_bookmarked": wanted}, {}
        case _:
            transition = TRANSITIONS.get((Status(group.status), action))
            if transition is None:
                return None
            resolved_at = now if transition.status is Status.RESOLVED else None
            fields = {"status": transition.status, "resolved_at": resolved_at, "regressed_at": None}
            return transition.kind, fields, {"from": group.status}
