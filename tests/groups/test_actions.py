from typing import Any

import pytest
from django.test import Client

from mini_sentry.groups.models import Activity, Comment, Group, Status
from mini_sentry.projects.models import Project
from tests.factories import make_group, make_project
from tests.people import make_teammate


def post(client: Client, path: str, **fields: Any) -> Any:
    return client.post(path, fields, content_type="application/json")


@pytest.mark.parametrize(
    ("action", "start", "status"),
    [
        ("resolve", Status.UNRESOLVED, "resolved"),
        ("unresolve", Status.RESOLVED, "unresolved"),
        ("ignore", Status.UNRESOLVED, "ignored"),
    ],
)
@pytest.mark.parametrize("slash", ["/", ""])
def test_an_action_answers_the_group_as_it_is_now(
    client: Client, shop: Project, action: str, start: Status, status: str, slash: str
) -> None:
    group = make_group(shop, status=start)
    response = client.post(f"/api/groups/{group.pk}/{action}{slash}")
    assert response.status_code == 200
    assert (response.json()["id"], response.json()["status"]) == (group.pk, status)
    assert (response.json()["resolved_at"] is not None) == (status == "resolved")


def test_assigning_takes_a_name_and_an_empty_one_takes_it_away(client: Client, shop: Project) -> None:
    group = make_group(shop)
    assert post(client, f"/api/groups/{group.pk}/assign/", assignee="ann").json()["assignee"] == "ann"
    assert post(client, f"/api/groups/{group.pk}/assign/", assignee="").json()["assignee"] == ""
    for wrong in ({}, {"assignee": None}, {"assignee": ["x"]}, {"assignee": "x" * 201}, {"assignee": "\0"}):
        response = post(client, f"/api/groups/{group.pk}/assign/", **wrong)
        assert (response.status_code, set(response.json())) == (400, {"assignee"})


def test_bookmarks_answer_ok(client: Client, shop: Project) -> None:
    group = make_group(shop)
    assert client.post(f"/api/groups/{group.pk}/bookmark/").json() == {"ok": True}
    assert client.get(f"/api/groups/{group.pk}/").json()["is_bookmarked"] is True
    assert client.post(f"/api/groups/{group.pk}/unbookmark/").json() == {"ok": True}


@pytest.mark.parametrize(
    "path",
    [
        "resolve/",
        "assign/",
        "bookmark/",
        "comments/",
        "activity/",
        "hashes/",
        "tags/",
        "series/",
        "events/",
        "events/latest/",
        "",
    ],
)
@pytest.mark.parametrize("group_id", [404, 10**18 - 1])
def test_a_group_that_is_not_there_is_a_404(client: Client, db: None, path: str, group_id: int) -> None:
    method = client.post if path in ("resolve/", "assign/", "bookmark/") else client.get
    response = method(f"/api/groups/{group_id}/{path}")
    assert (response.status_code, set(response.json())) == (404, {"detail"})


def test_an_id_that_no_row_can_have_is_a_404(client: Client, db: None) -> None:
    for text in ("9" * 19, "-1", "1.5", "abc"):
        assert client.get(f"/api/groups/{text}/").status_code == 404


def test_comments_are_kept_in_order_as_plain_text(client: Client, shop: Project) -> None:
    group = make_group(shop)
    first = post(client, f"/api/groups/{group.pk}/comments/", body="<b>first</b>\n  kept", author="ann")
    assert first.status_code == 201
    assert set(first.json()) == {"id", "group", "author", "body", "created_at"}
    post(client, f"/api/groups/{group.pk}/comments/", body="second")
    bodies = [comment["body"] for comment in client.get(f"/api/groups/{group.pk}/comments/").json()]
    assert bodies == ["<b>first</b>\n  kept", "second"]
    for wrong in ({}, {"body": ""}, {"body": "x" * 8193}, {"body": "a\0b"}):
        assert post(client, f"/api/groups/{group.pk}/comments/", **wrong).status_code == 400
    assert Comment.objects.count() == 2


def test_who_is_signed_in_is_the_author(client: Client, shop: Project) -> None:
    client.force_login(make_teammate("ann@example.com"))
    group = make_group(shop)
    client.post(f"/api/groups/{group.pk}/resolve/")
    comment = post(client, f"/api/groups/{group.pk}/comments/", body="done", author="somebody else")
    assert comment.json()["author"] == "ann@example.com"
    assert Activity.objects.get().author == "ann@example.com"


def test_activity_tells_what_happened_and_was_said_newest_first(client: Client, shop: Project) -> None:
    group = make_group(shop)
    client.post(f"/api/groups/{group.pk}/resolve/")
    post(client, f"/api/groups/{group.pk}/comments/", body="hm")
    client.post(f"/api/groups/{group.pk}/unresolve/")
    entries = client.get(f"/api/groups/{group.pk}/activity/").json()
    assert [entry["kind"] for entry in entries] == ["unresolved", "comment", "resolved"]
    assert entries[1]["data"]["body"] == "hm"
    assert len({entry["id"] for entry in entries}) == 3


def test_a_bulk_action_answers_which_it_changed(client: Client, shop: Project) -> None:
    groups = [make_group(shop) for _ in range(3)]
    done = make_group(shop, status=Status.RESOLVED)
    foreign = make_group(make_project("Other"))
    ids = [group.pk for group in [*groups, done, foreign]]
    response = post(client, "/api/groups/bulk/", project="shop", ids=ids, action="resolve")
    assert response.json() == {"changed": [group.pk for group in groups]}
    assert Group.objects.get(pk=foreign.pk).status == Status.UNRESOLVED


def test_a_bulk_action_takes_a_search_and_the_lists_filters(client: Client, shop: Project) -> None:
    wanted = [make_group(shop, f"TimeoutError: {number}") for number in range(3)]
    make_group(shop, "TimeoutError: elsewhere", environments=("staging",))
    make_group(shop, "KeyError: x")
    response = post(
        client, "/api/groups/bulk/?environment=production", project="shop", q="type:TimeoutError", action="ignore"
    )
    assert response.json() == {"changed": [group.pk for group in wanted]}


def test_a_bulk_assignment_names_the_person(client: Client, shop: Project) -> None:
    group = make_group(shop)
    response = post(client, "/api/groups/bulk/", project="shop", ids=[group.pk], action="assign", assignee="ann")
    assert response.json() == {"changed": [group.pk]}
    assert Group.objects.get().assignee == "ann"


@pytest.mark.parametrize(
    ("fields", "status", "keys"),
    [
        ({"ids": [1], "action": "resolve"}, 400, {"project"}),
        ({"project": "shop", "ids": [1], "action": "explode"}, 400, {"action"}),
        ({"project": "shop", "action": "resolve"}, 400, {"ids"}),
        ({"project": "shop", "ids": ["x"], "action": "resolve"}, 400, {"ids"}),
        ({"project": "shop", "ids": [2**70], "action": "resolve"}, 400, {"ids"}),
        ({"project": "shop", "ids": [1], "action": "assign"}, 400, {"assignee"}),
        ({"project": "shop", "q": "levle:x", "action": "resolve"}, 400, {"q"}),
        ({"project": "nowhere", "ids": [1], "action": "resolve"}, 404, {"detail"}),
    ],
)
def test_a_bulk_action_that_cannot_be_done_says_why(
    client: Client, shop: Project, fields: dict[str, Any], status: int, keys: set[str]
) -> None:
    response = post(client, "/api/groups/bulk/", **fields)
    assert (response.status_code, set(response.json())) == (status, keys)
