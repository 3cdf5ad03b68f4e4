"""The rules' endpoints, as clients that know the published contract use them."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from django.test import Client
from django.utils import timezone

from mini_sentry.alerts.models import AlertRule, AlertState, Notification
from mini_sentry.groups.models import Group
from mini_sentry.projects.models import Project
from tests.alerts.receivers import Receiver, receiver
from tests.alerts.rules import make_rule
from tests.factories import make_group, make_project

pytestmark = pytest.mark.django_db

KEYS = {
    "id",
    "project",
    "name",
    "level",
    "threshold_count",
    "threshold_window_minutes",
    "notify_interval_minutes",
    "rearm_after_minutes",
    "last_triggered_at",
    "target_type",
    "target_value",
    "active",
}


@pytest.fixture
def group(shop: Project) -> Group:
    return make_group(shop)


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def call(client: Client, method: str, path: str, data: Any = None) -> tuple[int, Any]:
    response = client.generic(
        method, f"/api/alert-rules/{path}", "" if data is None else as_json(data), content_type="application/json"
    )
    return response.status_code, response.json() if response.content else None


def as_json(data: Any) -> bytes:
    return msgspec.json.encode(data)


def wanted(shop: Project, /, **fields: Any) -> dict[str, Any]:
    return {"project": shop.pk, "name": "Many errors", "target_value": "ops@x.test"} | fields


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_rule_is_made_with_its_defaults(client: Client, shop: Project, slash: str) -> None:
    response = client.post(f"/api/alert-rules{slash}", wanted(shop), content_type="application/json")
    made = response.json()
    assert response.status_code == 201
    assert set(made) >= KEYS
    assert {key: made[key] for key in KEYS - {"id"}} == {
        "project": shop.pk,
        "name": "Many errors",
        "level": "",
        "threshold_count": 10,
        "threshold_window_minutes": 5,
        "notify_interval_minutes": 60,
        "rearm_after_minutes": 60,
        "last_triggered_at": None,
        "target_type": "email",
        "target_value": "ops@x.test",
        "active": True,
    }
    assert client.get(f"/api/alert-rules/{made['id']}{slash}").json() == made


def test_a_rule_may_be_made_by_a_form(client: Client, shop: Project) -> None:
    response = client.post("/api/alert-rules/", wanted(shop))
    assert response.status_code == 201, response.content
    assert response.json()["active"] is True


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"project": 999}, "project"),
        ({"project": "shop"}, "project"),
        ({"project": None}, "project"),
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"level": "loud"}, "level"),
        ({"threshold_count": 0}, "threshold_count"),
        ({"threshold_count": 2_000_000}, "threshold_count"),
        ({"threshold_count": "many"}, "threshold_count"),
        ({"threshold_window_minutes": 0}, "threshold_window_minutes"),
        ({"threshold_window_minutes": 10**9}, "threshold_window_minutes"),
        ({"notify_interval_minutes": -1}, "notify_interval_minutes"),
        ({"rearm_after_minutes": 0}, "rearm_after_minutes"),
        ({"target_value": ""}, "target_value"),
        ({"target_value": None}, "target_value"),
        ({"target_value": "not an address"}, "target_value"),
        ({"target_value": "ops@x.test, "}, None),
        ({"target_type": "pager"}, "target_type"),
        ({"target_type": "webhook"}, "target_value"),
        ({"target_type": "webhook", "target_value": "ftp://x.test/"}, "target_value"),
        ({"target_type": "webhook", "target_value": "http:///x"}, "target_value"),
        ({"target_type": "webhook", "target_value": "http://x.test:99999/"}, "target_value"),
        ({"target_type": "webhook", "target_value": "http://localhost:8000/hook?a=1"}, None),
        ({"condition": "sometimes"}, "condition"),
        ({"condition": "crash_free"}, "crash_free_below"),
        ({"condition": "crash_free", "crash_free_below": 101}, "crash_free_below"),
        ({"condition": "crash_free", "crash_free_below": 99.5}, None),
        ({"unknown": 1}, None),
    ],
)
def test_what_cannot_be_a_rule_is_refused_by_its_field(
    client: Client, shop: Project, fields: dict[str, Any], name: str | None
) -> None:
    status, answer = call(client, "POST", "", wanted(shop, **fields))
    assert (status, set(answer) if status == 400 else None) == ((400, {name}) if name else (201, None))


def test_a_rule_without_a_target_is_refused(client: Client, shop: Project) -> None:
    assert call(client, "POST", "", {"project": shop.pk, "name": "x"}) == (
        400,
        {"target_value": ["This field is required."]},
    )


@pytest.mark.parametrize("body", [[], "text", 7])
def test_a_body_that_is_no_object_is_refused(client: Client, shop: Project, body: object) -> None:
    rule = make_rule(shop)
    for method, path in (
        ("POST", ""),
        ("PUT", f"{rule.pk}/"),
        ("PATCH", f"{rule.pk}/"),
        ("POST", f"{rule.pk}/snooze/"),
        ("POST", f"{rule.pk}/unsnooze/"),
        ("POST", f"{rule.pk}/targets/"),
        ("POST", "preview/"),
    ):
        assert call(client, method, path, body)[0] == 400, path


def test_rules_are_listed_newest_first_by_project(client: Client, shop: Project) -> None:
    rules = [make_rule(shop), make_rule(make_project("Elsewhere", slug="elsewhere")), make_rule(shop)]
    listed = client.get("/api/alert-rules/").json()
    assert [one["id"] for one in listed] == [rule.pk for rule in reversed(rules)]
    of_shop = client.get("/api/alert-rules/", {"project": "shop"}).json()
    assert [one["id"] for one in of_shop] == [rules[2].pk, rules[0].pk]
    assert client.get("/api/alert-rules/", {"project": "nowhere"}).json() == []


def test_a_change_touches_what_is_sent(client: Client, shop: Project) -> None:
    rule = make_rule(shop, threshold_count=4, condition="new_group", secret="kept")
    status, changed = call(client, "PATCH", f"{rule.pk}/", {"name": "Renamed", "active": False})
    assert (status, changed["name"], changed["active"], changed["threshold_count"]) == (200, "Renamed", False, 4)
    status, changed = call(client, "PUT", f"{rule.pk}", wanted(shop, threshold_count=7, target_type="email"))
    assert (status, changed["threshold_count"], changed["condition"], changed["secret"]) == (
        200,
        7,
        "new_group",
        "kept",
    )
    assert call(client, "PUT", f"{rule.pk}/", {"name": "x"})[1].keys() == {"project", "target_value"}
    assert call(client, "PATCH", f"{rule.pk}/", {"target_type": "webhook"})[1].keys() == {"target_value"}
    assert call(client, "PATCH", f"{rule.pk}/", {"project": make_project("Other").pk})[1].keys() == {"project"}


def test_a_rule_is_deleted_with_what_belongs_to_it(client: Client, shop: Project) -> None:
    rule = make_rule(shop)
    assert call(client, "DELETE", f"{rule.pk}/") == (204, None)
    assert call(client, "GET", f"{rule.pk}/")[0] == 404
    assert call(client, "DELETE", f"{rule.pk}/")[0] == 404


def test_a_snooze_says_until_when(client: Client, shop: Project, group: Group) -> None:
    rule = make_rule(shop)
    before = timezone.now()
    status, answer = call(client, "POST", f"{rule.pk}/snooze/", {"group": group.pk})
    state = AlertState.objects.get(rule=rule, group=group)
    assert (status, answer["ok"], answer["suppress_until"][-1]) == (200, True, "Z")
    assert state.snoozed_until is not None
    assert 59 < (state.snoozed_until - before).total_seconds() / 60 < 61
    assert call(client, "POST", f"{rule.pk}/snooze", {"group": str(group.pk), "minutes": 5})[0] == 200
    assert call(client, "POST", f"{rule.pk}/unsnooze", {"group": group.pk}) == (200, {"ok": True})
    state.refresh_from_db()
    assert state.snoozed_until is None


@pytest.mark.parametrize("verb", ["snooze", "unsnooze"])
def test_a_snooze_needs_a_group_of_the_rules_project(client: Client, shop: Project, verb: str) -> None:
    rule = make_rule(shop)
    foreign = make_group(make_project("Elsewhere"))
    assert call(client, "POST", f"{rule.pk}/{verb}/", {}) == (400, {"detail": "group required"})
    assert call(client, "POST", f"{rule.pk}/{verb}/", {"group": "x"})[1].keys() == {"group"}
    assert call(client, "POST", f"{rule.pk}/{verb}/", {"group": foreign.pk})[0] == 404
    assert call(client, "POST", f"{rule.pk}/{verb}/", {"group": 0})[0] == 404
    assert call(client, "POST", f"999/{verb}/", {"group": foreign.pk})[0] == 404
    if verb == "snooze":
        assert call(client, "POST", f"{rule.pk}/{verb}/", {"group": 1, "minutes": 0})[1].keys() == {"minutes"}
        assert call(client, "POST", f"{rule.pk}/{verb}/", {"group": 1, "minutes": 10**12})[1].keys() == {"minutes"}


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_rules_of_a_group_say_how_they_stand_with_it(
    client: Client, shop: Project, group: Group, slash: str
) -> None:
    quiet, other = make_rule(shop), make_rule(shop)
    make_rule(make_project("Elsewhere"))
    until = timezone.now()
    AlertState.objects.create(rule=quiet, group=group, snoozed_until=until)
    status, listed = call(client, "GET", f"by-group/{group.pk}{slash}")
    assert (status, [one["id"] for one in listed]) == (200, [other.pk, quiet.pk])
    assert set(listed[0]) >= KEYS
    assert (listed[0]["suppress_until"], listed[1]["suppress_until"] is None) == (None, False)
    assert call(client, "GET", "by-group/999/")[0] == 404


def test_targets_are_made_listed_changed_and_deleted(client: Client, shop: Project) -> None:
    rule = make_rule(shop)
    sent = {"target_type": "webhook", "target_value": "https://x.test/h"}
    status, made = call(client, "POST", f"{rule.pk}/targets/", sent)
    assert status == 201
    assert made == sent | {"id": made["id"], "rule": rule.pk, "subject_template": "", "body_template": ""}
    path = f"{rule.pk}/targets/{made['id']}/"
    status, changed = call(client, "PATCH", path, {"subject_template": "{level}"})
    assert (status, changed["subject_template"], changed["target_value"]) == (200, "{level}", "https://x.test/h")
    assert call(client, "GET", f"{rule.pk}/targets") == (200, [changed])
    assert call(client, "DELETE", path) == (204, None)
    assert call(client, "GET", path)[0] == 404
    assert call(client, "GET", "999/targets/")[0] == 404


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"target_type": "webhook"}, "target_value"),
        ({"target_value": "a@x.test"}, "target_type"),
        ({"target_type": "email", "target_value": "https://x.test/"}, "target_value"),
        ({"target_type": "webhook", "target_value": "a@x.test"}, "target_value"),
    ],
)
def test_what_cannot_be_a_target_is_refused(client: Client, shop: Project, fields: dict[str, str], name: str) -> None:
    status, answer = call(client, "POST", f"{make_rule(shop).pk}/targets/", fields)
    assert (status, set(answer)) == (400, {name})


def test_a_sample_is_sent_and_its_attempt_is_shown(client: Client, shop: Project, hooks: Receiver) -> None:
    rule = make_rule(shop, target_value=hooks.url())
    status, answer = call(client, "POST", f"{rule.pk}/test/")
    (attempt,) = answer["deliveries"][0]["attempts"]
    assert (status, answer["is_test"], attempt["outcome"], attempt["status_code"]) == (200, True, "sent", 200)
    assert hooks.received[0].json["is_test"] is True
    status, listed = call(client, "GET", f"{rule.pk}/notifications/")
    assert listed == [answer]


def test_a_sample_that_does_not_arrive_says_why(client: Client, shop: Project, hooks: Receiver) -> None:
    rule = make_rule(shop, target_value=hooks.url("/redirect"))
    delivery = call(client, "POST", f"{rule.pk}/test/")[1]["deliveries"][0]
    assert (delivery["status"], delivery["attempts"][0]["status_code"]) == ("failed", 302)
    assert "redirect" in delivery["attempts"][0]["detail"]


def test_notifications_are_listed_in_pages(client: Client, shop: Project, group: Group) -> None:
    rule = make_rule(shop)
    made = [Notification.objects.create(rule=rule, group=group) for _ in range(3)]
    Notification.objects.create(rule=make_rule(make_project("Elsewhere")), group=None)
    response = client.get("/api/alert-notifications/", {"project": "shop", "limit": "2"})
    assert [one["id"] for one in response.json()] == [made[2].pk, made[1].pk]
    assert response["X-Hits"] == "3"
    rest = client.get(response["Link"].split("<")[1].split(">")[0])
    assert [one["id"] for one in rest.json()] == [made[0].pk]
    assert client.get("/api/alert-notifications/", {"group": 999}).json() == []
    assert client.get(f"/api/alert-notifications/{made[0].pk}").json()["group"] == group.pk
    assert client.get("/api/alert-notifications/999/").status_code == 404


def test_a_rule_that_is_gone_is_missed_everywhere(client: Client, shop: Project) -> None:
    assert AlertRule.objects.count() == 0
    for path in ("9/", "9/targets/", "9/notifications/", "9/preview/", "9/targets/1/"):
        assert call(client, "GET", path)[0] == 404
    assert call(client, "POST", "9/test/")[0] == 404
