import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from mini_sentry.groups.api.events import event_json
from mini_sentry.groups.models import Event, Group
from mini_sentry.projects.models import Project
from tests.factories import NOON, make_event, make_group, make_project, make_release

CONTRACT = {"id", "project", "group", "message", "level", "payload", "received_at", "release", "environment", "tags", "stack", "symbolicated"}  # fmt: skip
SECOND = timedelta(seconds=1)

CRASH: dict[str, Any] = {
    "platform": "python",
    "level": "error",
    "environment": "production",
    "release": "1.0.0",
    "tags": {"server": "web-1"},
    "user": {"id": "7", "email": "ann@example.com", "plan": "gold"},
    "exception": {
        "values": [
            {
                "type": "KeyError",
                "value": "'price'",
                "mechanism": {"type": "chained", "handled": False, "exception_id": 1, "parent_id": 0, "source": "__cause__"},
                "stacktrace": {"frames": [{"function": "price", "module": "shop.cart", "filename": "shop/cart.py", "lineno": 3}]},
            },
            {
                "type": "ValueError",
                "value": "cannot pay",
                "mechanism": {"type": "generic", "handled": False, "exception_id": 0},
                "stacktrace": {
                    "frames": [
                        {"function": "run", "module": "django.core", "filename": "django/core.py", "abs_path": "/venv/lib/python3.11/site-packages/django/core.py", "lineno": 1, "in_app": False},
                        {"function": "pay", "module": "shop.cart", "filename": "shop/cart.py", "abs_path": "/srv/shop/cart.py", "lineno": 9, "in_app": True, "context_line": "raise ValueError", "vars": {"total": "12"}},
                    ]
                },
            },
        ]
    },
    "breadcrumbs": {"values": [{"timestamp": "2026-03-14T11:59:00Z", "category": "query", "message": "SELECT 1"}]},
    "request": {"url": "https://shop.test/pay?id=1", "method": "POST", "headers": {"Accept": "*/*"}},
    "contexts": {"runtime": {"name": "CPython", "version": "3.11"}},
    "extra": {"order": 12},
    "modules": {"django": "5.2"},
    "sdk": {"name": "sentry.python", "version": "2.0.0"},
}  # fmt: skip


@pytest.fixture
def group(shop: Project) -> Group:
    return make_group(shop, "ValueError: cannot pay", count=9)


def get(client: Client, path: str) -> Any:
    response = client.get(f"/api/{path}")
    assert response.status_code == 200, response.content
    return response.json()


def test_the_list_is_the_contracts_page_with_whole_events(client: Client, shop: Project, group: Group) -> None:
    release = make_release(shop)
    event = make_event(group, CRASH, release=release)
    page = get(client, "events/?project=shop")
    assert {key: page[key] for key in ("count", "next", "previous")} == {"count": 1, "next": None, "previous": None}
    (shown,) = page["results"]
    assert set(shown) >= CONTRACT
    assert shown["id"] == shown["event_id"] == event.event_id.hex
    assert (shown["project"], shown["group"], shown["release"]) == (shop.pk, group.pk, release.pk)
    assert shown["payload"] == CRASH
    assert shown["tags"] == {"server": "web-1"}
    assert (shown["stack"], shown["symbolicated"]) == (None, {})
    assert shown["received_at"] == "2026-03-14T12:00:00Z"
    assert shown["message"] == "cannot pay"


def test_the_list_goes_by_limit_and_offset_with_the_last_received_first(client: Client, group: Group) -> None:
    for number in range(5):
        make_event(group, received_at=NOON + SECOND * number, message=f"m{number}")
    page = get(client, "events/?project=shop&limit=2&offset=2")
    assert [event["message"] for event in page["results"]] == ["m2", "m1"]
    assert page["next"] == "http://testserver/api/events/?project=shop&limit=2&offset=4"
    assert page["previous"] == "http://testserver/api/events/?project=shop&limit=2&offset=0"
    assert page["count"] == 5
    assert len(get(client, "events/?project=shop&limit=5000")["results"]) == 5


def test_an_unknown_project_has_no_events(client: Client, group: Group) -> None:
    make_event(group)
    assert get(client, "events/?project=nowhere") == {"count": 0, "next": None, "previous": None, "results": []}
    assert get(client, "events/")["count"] == 1


def test_the_filters_keep_what_they_name(client: Client, shop: Project) -> None:
    release = make_release(shop, "2.0")
    group = make_group(shop, "ValueError: cannot pay", environments=("production", "staging"), release="2.0")
    make_event(group, message="a", level="fatal", environment="production", release=release, user="id:7")
    make_event(group, message="b", level="error", environment="staging", received_at=NOON + SECOND)
    make_event(make_group(shop, "Other: x", status="resolved"), message="c", level="info", environment="", received_at=NOON - SECOND, user="email:ann@x.test")  # fmt: skip

    def letters(query: str) -> str:
        return "".join(event["message"] for event in get(client, f"events/?project=shop&{query}")["results"])

    assert letters("level=fatal,info") == "ac"
    assert letters("environment=staging") == "b"
    assert letters("release=2.0") == "a"
    assert letters("status=resolved") == "c"
    assert letters("from=2026-03-14T12:00:00Z") == "ba"
    assert letters("to=2026-03-14T12:00:00Z") == "c"
    assert letters("q=is:unresolved env:production") == "a"
    assert letters("q=user:7") == "a"
    assert letters("q=user:ann@*") == "c"
    assert letters("q=!release:2.0") == "bc"
    assert letters("q=type:Other") == "c"
    assert letters("q=cannot") == "ba"


@pytest.mark.parametrize("form", ["{hex}", "{dashed}", "{upper}"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_an_event_is_found_by_its_id_however_it_is_written(client: Client, group: Group, form: str, slash: str) -> None:
    event = make_event(group, CRASH)
    text = form.format(hex=event.event_id.hex, dashed=str(event.event_id), upper=event.event_id.hex.upper())
    assert get(client, f"events/{text}{slash}")["id"] == event.event_id.hex


@pytest.mark.parametrize("event_id", ["0" * 31, "g" * 32, "a" * 32, "latest", "%00"])
def test_an_event_that_is_not_there_is_a_404(client: Client, group: Group, event_id: str) -> None:
    assert client.get(f"/api/events/{event_id}/").status_code == 404
    if event_id != "latest":
        assert client.get(f"/api/groups/{group.pk}/events/{event_id}/").status_code == 404


def test_the_same_id_in_two_projects_is_told_apart_by_the_project(client: Client, group: Group) -> None:
    event = make_event(group, message="ours")
    other = make_project("Other", slug="other")
    make_event(make_group(other), event_id=event.event_id, message="theirs")
    assert get(client, f"events/{event.event_id.hex}/?project=shop")["message"] == "ours"
    assert get(client, f"events/{event.event_id.hex}/?project=other")["message"] == "theirs"
    assert client.get(f"/api/events/{event.event_id.hex}/?project=nowhere").status_code == 404


def test_the_detail_has_every_part_of_the_event(client: Client, group: Group) -> None:
    event = make_event(group, CRASH)
    shown = get(client, f"groups/{group.pk}/events/latest/")
    assert set(shown) >= CONTRACT
    assert (shown["event_id"], shown["title"], shown["platform"]) == (
        event.event_id.hex,
        "ValueError: cannot pay",
        "python",
    )
    assert (shown["handled"], shown["release_version"], shown["type"]) == (False, "1.0.0", "error")
    assert {"key": "server", "value": "web-1"} in shown["tag_list"]
    assert {"key": "environment", "value": "production"} in shown["tag_list"]
    assert shown["user"] == {
        "id": "7",
        "username": None,
        "email": "ann@example.com",
        "ip_address": None,
        "plan": "gold",
    }
    assert (shown["position"], shown["stored"], shown["counted"]) == (1, 1, 9)
    normalized = shown["normalized"]
    cause, thrown = normalized["exceptions"]
    assert (cause["type"], cause["relation"], thrown["type"], thrown["relation"]) == (
        "KeyError",
        "cause",
        "ValueError",
        None,
    )
    assert [frame["function"] for frame in thrown["frames"]] == ["run", "pay"]
    assert [frame["in_app"] for frame in thrown["frames"]] == [False, True]
    assert all(frame["in_app_reason"] for frame in thrown["frames"])
    assert thrown["frames"][1]["vars"] == {"total": "12"}
    assert normalized["breadcrumbs"][0]["message"] == "SELECT 1"
    assert normalized["request"]["query_string"] == [["id", "1"]]
    assert normalized["contexts"]["runtime"]["name"] == "CPython"
    assert normalized["extra"] == {"order": 12}
    assert normalized["sdk"] == {"name": "sentry.python", "version": "2.0.0"}
    assert normalized["errors"] == []
    assert shown["payload"] == CRASH


def test_the_detail_explains_the_grouping(client: Client, group: Group) -> None:
    make_event(group, CRASH)
    grouping = get(client, f"groups/{group.pk}/events/latest/")["grouping"]
    contributing = [part for part in grouping["explanation"] if part["contributes"]]
    assert [part["hash"] for part in contributing] == [one["hash"] for one in grouping["hashes"]]
    assert contributing[0]["children"]
    (first, *_) = get(client, f"groups/{group.pk}/hashes/")
    assert first["hash"] == grouping["hashes"][0]["hash"]
    assert [part["hash"] for part in first["explanation"]] == [first["hash"]]
    assert first["count"] == 0


def test_our_rules_decide_what_is_in_app(client: Client, shop: Project, group: Group) -> None:
    shop.stack_rules = "stack.function:pay -app"
    shop.save()
    make_event(group, CRASH)
    frame = get(client, f"groups/{group.pk}/events/latest/")["normalized"]["exceptions"][1]["frames"][1]
    assert (frame["in_app"], frame["in_app_sent"]) == (False, True)


def test_a_rest_body_shows_the_frames_of_its_stack_text(client: Client, group: Group) -> None:
    stack = "TypeError: x\n    at pay (https://shop.test/app.js:10:5)\n    at click (https://shop.test/app.js:2:1)"
    make_event(group, {"message": "it broke", "stack": stack, "tags": ["a", "b"]}, rest=True)
    shown = get(client, f"groups/{group.pk}/events/latest/")
    assert (shown["stack"], shown["tags"], shown["message"]) == (stack, ["a", "b"], "it broke")
    frames = shown["normalized"]["stacktrace"]
    assert [(frame["function"], frame["lineno"], frame["colno"]) for frame in frames] == [
        ("click", 2, 1),
        ("pay", 10, 5),
    ]


def test_an_event_without_its_body_is_still_shown(client: Client, group: Group) -> None:
    event = make_event(group, message="cut message")
    shown = get(client, f"events/{event.event_id.hex}/")
    assert (shown["message"], shown["payload"], shown["body_is_kept"]) == ("cut message", {}, False)
    assert shown["normalized"]["exceptions"] == []


def test_notes_of_the_digest_and_the_client_are_both_shown(client: Client, group: Group) -> None:
    make_event(group, CRASH | {"timestamp": "when?", "errors": [{"type": "js_no_source", "name": "x"}]})
    errors = get(client, f"groups/{group.pk}/events/latest/")["normalized"]["errors"]
    assert {error["type"] for error in errors} >= {"js_no_source"}
    assert all(set(error) == {"type", "name", "value"} for error in errors)
    assert len(errors) >= 2


def test_neighbours_go_by_the_order_of_receipt(client: Client, group: Group) -> None:
    events = [make_event(group, received_at=NOON + SECOND * (number // 2)) for number in range(5)]
    names = [event.event_id.hex for event in events]
    for index, event in enumerate(events):
        shown = get(client, f"groups/{group.pk}/events/{event.event_id.hex}/")
        assert shown["neighbours"] == {
            "previous": names[index - 1] if index else None,
            "next": names[index + 1] if index < 4 else None,
            "first": names[0],
            "latest": names[-1],
        }
        assert (shown["position"], shown["stored"]) == (index + 1, 5)
    assert get(client, f"groups/{group.pk}/events/first")["id"] == names[0]
    assert get(client, f"groups/{group.pk}/events/latest")["id"] == names[4]


def test_neighbours_obey_the_filter_even_when_the_event_itself_does_not_match(client: Client, group: Group) -> None:
    events = [
        make_event(group, received_at=NOON + SECOND * number, environment="qa" if number % 2 else "production")
        for number in range(6)
    ]
    names = [event.event_id.hex for event in events]
    shown = get(client, f"groups/{group.pk}/events/{names[3]}/?environment=qa")
    assert shown["neighbours"] == {"previous": names[1], "next": names[5], "first": names[1], "latest": names[5]}
    assert (shown["position"], shown["stored"]) == (2, 3)
    outside = get(client, f"groups/{group.pk}/events/{names[2]}/?q=env:qa")
    assert outside["neighbours"] == {"previous": names[1], "next": names[3], "first": names[1], "latest": names[5]}
    assert get(client, f"groups/{group.pk}/events/latest/?environment=production")["id"] == names[4]
    assert client.get(f"/api/groups/{group.pk}/events/latest/?environment=nowhere").status_code == 404


def test_an_event_of_another_group_is_not_found_in_this_one(client: Client, shop: Project, group: Group) -> None:
    event = make_event(make_group(shop, "Other: x"))
    assert client.get(f"/api/groups/{group.pk}/events/{event.event_id.hex}/").status_code == 404


def test_the_events_of_a_group_come_in_pages(client: Client, group: Group) -> None:
    for number in range(7):
        make_event(group, CRASH, received_at=NOON + SECOND * (number // 3))
    found: list[str] = []
    url = f"/api/groups/{group.pk}/events/?limit=3"
    while url:
        response = client.get(url)
        assert response.headers["X-Hits"] == "7"
        found += [event["id"] for event in response.json()]
        link = re.match("<http://testserver(.+?)>", response.headers.get("Link", ""))
        url = link[1] if link else ""
    newest_first = Event.objects.order_by("-received_at", "-pk")
    assert found == [event.event_id.hex for event in newest_first]
    (row, *_) = client.get(f"/api/groups/{group.pk}/events/").json()
    assert set(row) == {"id", "event_id", "message", "level", "timestamp", "received_at", "release", "environment", "user", "tags"}  # fmt: skip
    assert {"key": "server", "value": "web-1"} in row["tags"]
    assert row["user"] == "id:7"


def test_an_event_can_be_had_as_bytes_by_its_project_and_id(client: Client, group: Group) -> None:
    event = make_event(group, CRASH)
    found = event_json(group.project_id, event.event_id.hex)
    listed = client.get("/api/events/?project=shop").content
    assert found is not None
    assert found in listed
    assert event_json(group.project_id, "f" * 32) is None
    assert event_json(group.project_id + 1, event.event_id.hex) is None


@pytest.mark.parametrize(
    "path",
    [
        "events/clickhouse?project=shop",
        "events/clickhouse/?project=shop&limit=5",
        "dashboard/series/?project=shop",
        "dashboard/top-groups/?project=shop",
    ],
)
def test_what_only_the_columns_know_is_a_503_while_they_are_away(client: Client, group: Group, path: str) -> None:
    response = client.get(f"/api/{path}")
    assert response.status_code == 503
    assert set(response.json()) == {"detail"}


@pytest.mark.parametrize("path", ["events/clickhouse", "dashboard/series/", "dashboard/top-groups/", "groups/stats/"])
def test_a_question_to_the_columns_needs_a_project(client: Client, shop: Project, path: str) -> None:
    response = client.get(f"/api/{path}")
    assert (response.status_code, response.json()) == (400, {"detail": "project required"})
    unknown = client.get(f"/api/{path}", {"project": "nowhere"})
    assert (unknown.status_code, len(unknown.json())) == (200, 0)
