from datetime import timedelta
from typing import Any

import pytest

from mini_sentry.groups.models import Activity, Group, Status
from mini_sentry.groups.transitions import TRANSITIONS, Action, change, regresses
from mini_sentry.projects.models import Project
from tests.factories import NOON, make_group

SECOND = timedelta(seconds=1)


def do(group: Group, action: Action, **more: Any) -> list[int]:
    changed = change([group.pk], action, author="ann@example.com", now=NOON, **more)
    group.refresh_from_db()
    return changed


@pytest.mark.parametrize(("start", "action"), list(TRANSITIONS))
def test_every_transition_sets_the_status_and_notes_the_activity(shop: Project, start: Status, action: Action) -> None:
    group = make_group(shop, status=start, resolved_at=NOON if start == Status.RESOLVED else None, regressed_at=NOON)
    assert do(group, action) == [group.pk]
    expected = TRANSITIONS[start, action]
    assert group.status == expected.status
    assert (group.resolved_at is not None) == (expected.status == Status.RESOLVED)
    assert group.regressed_at is None
    activity = Activity.objects.get(group=group)
    assert (activity.kind, activity.author, activity.created_at) == (expected.kind, "ann@example.com", NOON)


@pytest.mark.parametrize(("start", "action"), list(TRANSITIONS))
def test_whatever_is_done_can_be_undone_to_the_last_date(shop: Project, start: Status, action: Action) -> None:
    resolved_at = NOON - SECOND if start == Status.RESOLVED else None
    regressed_at = NOON - 2 * SECOND if start == Status.UNRESOLVED else None
    group = make_group(shop, status=start, resolved_at=resolved_at, regressed_at=regressed_at)
    do(group, action)
    assert do(group, Action.UNDO) == [group.pk]
    assert (group.status, group.resolved_at, group.regressed_at) == (start, resolved_at, regressed_at)
    assert do(group, Action.UNDO) == [group.pk]
    assert group.status == TRANSITIONS[start, action].status


def test_what_was_undone_is_an_activity_of_its_own(shop: Project) -> None:
    group = make_group(shop)
    do(group, Action.IGNORE)
    do(group, Action.UNDO)
    assert list(Activity.objects.order_by("pk").values_list("kind", flat=True)) == ["ignored", "unresolved"]


def test_nothing_is_undone_where_nothing_was_done_or_the_group_came_back(shop: Project) -> None:
    untouched, returned = make_group(shop), make_group(shop)
    do(untouched, Action.BOOKMARK)
    do(returned, Action.RESOLVE)
    Activity.objects.create(group=returned, kind=Activity.Kind.REGRESSED)
    Group.objects.filter(pk=returned.pk).update(status=Status.UNRESOLVED, regressed_at=NOON)
    assert do(untouched, Action.UNDO) == []
    assert do(returned, Action.UNDO) == []
    assert returned.regressed_at == NOON


@pytest.mark.parametrize(
    ("status", "action"),
    [(Status.RESOLVED, Action.RESOLVE), (Status.IGNORED, Action.IGNORE), (Status.UNRESOLVED, Action.UNRESOLVE)],
)
def test_an_action_that_changes_nothing_leaves_no_trace(shop: Project, status: Status, action: Action) -> None:
    group = make_group(shop, status=status)
    assert do(group, action) == []
    assert not Activity.objects.exists()


def test_assigning_notes_from_whom_to_whom(shop: Project) -> None:
    group = make_group(shop)
    do(group, Action.ASSIGN, assignee="bob")
    do(group, Action.ASSIGN, assignee="bob")
    do(group, Action.ASSIGN, assignee="")
    assert group.assignee == ""
    assert list(Activity.objects.order_by("pk").values_list("kind", "data")) == [
        ("assigned", {"from": "", "to": "bob"}),
        ("unassigned", {"from": "bob", "to": ""}),
    ]


def test_bookmarks_come_and_go(shop: Project) -> None:
    group = make_group(shop)
    do(group, Action.BOOKMARK)
    assert group.is_bookmarked
    do(group, Action.UNBOOKMARK)
    assert not group.is_bookmarked


def test_many_groups_change_at_once_and_unknown_ids_are_passed_over(shop: Project) -> None:
    groups = [make_group(shop, status=Status.RESOLVED if number % 2 else Status.UNRESOLVED) for number in range(8)]
    changed = change([*(group.pk for group in groups), 10**12], Action.RESOLVE, author="", now=NOON)
    assert changed == [group.pk for group in groups[::2]]
    assert set(Group.objects.values_list("status", flat=True)) == {Status.RESOLVED}


@pytest.mark.parametrize(
    ("status", "resolved_at", "received_at", "comes_back"),
    [
        (Status.RESOLVED, NOON, NOON + SECOND, True),
        (Status.RESOLVED, NOON, NOON, False),
        (Status.RESOLVED, NOON, NOON - SECOND, False),
        (Status.RESOLVED, None, NOON, True),
        (Status.IGNORED, None, NOON, False),
        (Status.UNRESOLVED, None, NOON, False),
    ],
)
def test_only_an_event_newer_than_the_resolution_brings_a_group_back(
    status: Status, resolved_at: Any, received_at: Any, comes_back: bool
) -> None:
    assert regresses(status, resolved_at, received_at) is comes_back
