"""What people (and returning events) do to a group's status: a table, and its one writer."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from django.db import transaction
from django.db.models import Max

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
    UNDO = "undo"
    """Take back the last change of status, unless the group has come back since: all is again as it was, dates included."""


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

KIND_OF: Final[dict[Status, Activity.Kind]] = {made.status: made.kind for made in TRANSITIONS.values()}
_OF_STATUS: Final = (*KIND_OF.values(), Activity.Kind.REGRESSED)
_DATES: Final = ("resolved_at", "regressed_at")


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
        .only("pk", "status", "assignee", "is_bookmarked", *_DATES)
    )
    undone = _last_changes(group_ids) if action is Action.UNDO else {}
    by_change: dict[tuple[Activity.Kind, frozenset[tuple[str, Any]]], list[int]] = {}
    activities: list[Activity] = []
    for group in groups:
        made = _decide(group, action, assignee=assignee, now=now, last=undone.get(group.pk))
        if made is None:
            continue
        kind, fields, data = made
        by_change.setdefault((kind, frozenset(fields.items())), []).append(group.pk)
        activities.append(Activity(group=group, kind=kind, author=author, data=data, created_at=now))
    for (_, values), ids in by_change.items():
        Group.objects.filter(pk__in=ids).update(**dict(values))
    Activity.objects.bulk_create(activities)
    return [activity.group_id for activity in activities]


def _last_changes(group_ids: Sequence[int]) -> dict[int, Activity]:
    """The last change of status of each group that had any."""
    of_groups = Activity.objects.filter(group__in=group_ids, kind__in=_OF_STATUS)
    newest = of_groups.values("group").order_by().annotate(newest=Max("pk")).values_list("newest", flat=True)
    return {activity.group_id: activity for activity in Activity.objects.filter(pk__in=list(newest))}


def _decide(
    group: Group, action: Action, *, assignee: str, now: datetime, last: Activity | None = None
) -> tuple[Activity.Kind, dict[str, Any], dict[str, Any]] | None:
    """The activity, the columns to set and the activity's data; None when nothing changes. `last` is what UNDO takes back."""
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
        case Action.UNDO:
            status = Status(group.status)
            if last is None or last.kind != KIND_OF[status] or "from" not in last.data:
                return None
            before = Status(last.data["from"])
            dates = {name: _moment(last.data.get(name)) for name in _DATES}
            return KIND_OF[before], {"status": before, **dates}, _as_it_was(group)
        case _:
            transition = TRANSITIONS.get((Status(group.status), action))
            if transition is None:
                return None
            resolved_at = now if transition.status is Status.RESOLVED else None
            fields = {"status": transition.status, "resolved_at": resolved_at, "regressed_at": None}
            return transition.kind, fields, _as_it_was(group)


def _as_it_was(group: Group) -> dict[str, Any]:
    """What the activity must know for the change to be taken back."""
    dates = {name: moment.isoformat() for name in _DATES if (moment := getattr(group, name)) is not None}
    return {"from": group.status, **dates}


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
