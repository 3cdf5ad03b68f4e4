"""The rules for every endpoint: slashes, lists, order, errors, times."""

import urllib.parse
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests import reading
from tests.flows.contract.world import MAP, UNKNOWN_ID, World, has_keys, made

pytestmark = [pytest.mark.slow]

READS = {
    "/api/health/": None,
    "/api/projects/": "Project",
    "/api/events/?project=shop": None,
    "/api/events/{event[id]}/": None,
    "/api/events/clickhouse/?project=shop": "ColumnRow",
    "/api/groups/?project=shop": "Group",
    "/api/groups/{group[id]}/": None,
    "/api/groups/{group[id]}/comments/": "Comment",
    "/api/releases/?project=shop": "Release",
    "/api/releases/{release[id]}/artifacts/": "Artifact",
    "/api/releases/health/?project=shop": "Health",
    "/api/releases/health/series/?project=shop": "HealthBucket",
    "/api/releases/health/series/?project=shop&backend=ch": "HealthBucket",
    "/api/deployments/?project=shop": "Deployment",
    "/api/alert-rules/?project=shop": "AlertRule",
    "/api/alert-rules/{rule[id]}/": None,
    "/api/alert-rules/{rule[id]}/targets/": "AlertTarget",
    "/api/alert-rules/by-group/{group[id]}/": "AlertRule",
    "/api/dashboard/series/?project=shop": "SeriesBucket",
    "/api/dashboard/top-groups/?project=shop": "TopGroup",
}
"""Every address that is read, and what the bare array that it answers holds; None where it is no array."""


@pytest.mark.parametrize("template", READS)
def test_both_slash_forms_are_served_directly(world: World, template: str) -> None:
    path = world.path(template)
    for form in (path, path.replace("/?", "?") if "?" in path else path.rstrip("/")):
        reply = world.site.get(form)
        assert (reply.status, reply.headers["content-type"].split(";")[0]) == (200, "application/json"), form


@pytest.mark.parametrize(("template", "name"), [(path, name) for path, name in READS.items() if name])
def test_lists_are_bare_arrays_of_objects_with_their_keys(world: World, template: str, name: str) -> None:
    if name == "Comment":
        made(world.site.post(world.path(template), {"body": "seen"}))
    path = world.path(template)
    world.site.wait_until(lambda: bool(world.site.get(path).json()), f"{path} has something")
    answer = world.site.get(path).json()
    assert isinstance(answer, list)
    for one in answer:
        has_keys(one, name)


def test_a_post_without_the_slash_works(world: World) -> None:
    made(world.site.post(f"/api/events/ingest/token/{world.blog['ingest_token']}", {"message": "no slash"}))
    made(world.site.post("/api/projects", {"name": "No slash", "slug": "no-slash"}))


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/projects", 200), ("/admin/login/", 200), ("/docs/", 200), ("/docs/openapi.yaml", 200)])  # fmt: skip
def test_the_pages_beside_the_api_are_where_they_were(world: World, path: str, status: int) -> None:
    assert world.site.get(path).status == status


def test_a_form_is_read_as_well(world: World) -> None:
    body = urllib.parse.urlencode({"name": "By form", "slug": "by-form"}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert made(world.site.request("POST", "/api/projects/", body, headers))["slug"] == "by-form"


UNKNOWN = [
    ("GET", "/api/events/87527b6067cc477380eaf8e04183b797/"),
    ("GET", f"/api/groups/{UNKNOWN_ID}/"),
    ("POST", f"/api/groups/{UNKNOWN_ID}/resolve/"),
    ("GET", f"/api/groups/{UNKNOWN_ID}/comments/"),
    ("GET", f"/api/releases/{UNKNOWN_ID}/artifacts/"),
    ("POST", f"/api/releases/{UNKNOWN_ID}/artifacts/"),
    ("GET", f"/api/alert-rules/{UNKNOWN_ID}/"),
    ("PATCH", f"/api/alert-rules/{UNKNOWN_ID}/"),
    ("PUT", f"/api/alert-rules/{UNKNOWN_ID}/"),
    ("DELETE", f"/api/alert-rules/{UNKNOWN_ID}/"),
    ("GET", f"/api/alert-rules/{UNKNOWN_ID}/targets/"),
    ("POST", f"/api/alert-rules/{UNKNOWN_ID}/targets/"),
    ("POST", f"/api/alert-rules/{UNKNOWN_ID}/snooze/"),
    ("POST", f"/api/alert-rules/{UNKNOWN_ID}/unsnooze/"),
    ("GET", f"/api/alert-rules/by-group/{UNKNOWN_ID}"),
    ("POST", "/api/events/ingest/token/nobody/"),
    ("POST", "/api/events/ingest/nobody/"),
    ("POST", "/api/sessions/ingest/token/nobody/"),
    ("GET", "/api/releases/health/?project=nobody"),
    ("GET", "/api/releases/health/series/?project=nobody"),
    ("GET", "/api/nothing/"),
    ("POST", "/api/nothing/"),
    ("PATCH", "/api/deployments/null/"),
]


@pytest.mark.parametrize(("method", "path"), UNKNOWN)
def test_what_is_not_there_is_404_with_a_detail(world: World, method: str, path: str) -> None:
    body = None if method in {"GET", "DELETE"} else b'{"message": "x", "session_id": "x", "group": 1}'
    reply = world.site.request(method, path, body, {"Content-Type": "application/json"})
    assert reply.status == 404
    assert isinstance(reply.json()["detail"], str)


WRITES = [
    "/api/projects/",
    "/api/events/ingest/token/{shop[ingest_token]}/",
    "/api/events/ingest/shop/",
    "/api/sessions/ingest/token/{shop[ingest_token]}/",
    "/api/releases/",
    "/api/releases/{release[id]}/artifacts/",
    "/api/symbolicate/",
    "/api/deployments/",
    "/api/alert-rules/",
    "/api/alert-rules/{rule[id]}/targets/",
    "/api/alert-rules/{rule[id]}/snooze/",
    "/api/alert-rules/{rule[id]}/unsnooze/",
]


def is_told(answer: Any) -> bool:
    """Whether an error has one of the two shapes."""
    if set(answer) == {"detail"}:
        return isinstance(answer["detail"], str)
    return bool(answer) and all(isinstance(reasons, list) and reasons for reasons in answer.values())


@pytest.mark.parametrize("template", WRITES)
def test_bad_input_is_400_415_or_405_and_told(world: World, template: str) -> None:
    path = world.path(template)
    for body, media_type, status in (
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{}", "application/xml", 415),
    ):
        reply = world.site.request("POST", path, body, {"Content-Type": media_type})
        assert reply.status == status, (body, reply.body)
        assert is_told(reply.json())
    reply = world.site.request("DELETE", path)
    assert reply.status == 405
    assert is_told(reply.json())


ORDERS = {
    "/api/projects/": "id",
    "/api/groups/?project=shop": "last_seen",
    "/api/releases/?project=shop": "created_at",
    "/api/releases/{release[id]}/artifacts/": "created_at",
    "/api/deployments/?project=shop": "date_started",
    "/api/alert-rules/?project=shop": "id",
    "/api/releases/health/?project=shop": "total_sessions",
}


@pytest.mark.parametrize(("template", "key"), ORDERS.items())
def test_lists_are_in_descending_order(world: World, template: str, key: str) -> None:
    site, shop = world.site, world.shop
    tag = uuid.uuid4().hex[:8]
    match template.split("/")[2]:
        case "groups":
            made(site.post("/api/events/ingest/shop/", {"message": f"other {tag} thing", "level": "info"}))
            reading.wait_for_events(site, "shop", len(site.get("/api/events/?project=shop").json()["results"]))
        case "releases" if "health" in template:
            for number in range(3):
                sent = {"session_id": f"{tag}-{number}", "release": "3.0.0"}
                site.post(f"/api/sessions/ingest/token/{shop['ingest_token']}/", sent)
            site.wait_until(lambda: len(site.get(template).json()) > 1, "both releases have sessions")
        case "releases" if "artifacts" in template:
            made(site.post(world.path(template), {"name": f"{tag}.js.map", "content": MAP}))
        case "releases":
            made(site.post("/api/releases/", {"project": shop["id"], "version": tag}))
        case "deployments":
            made(site.post("/api/deployments/", {"project": shop["id"], "release": world.release["id"]}))
        case "alert-rules":
            made(site.post("/api/alert-rules/", {"project": shop["id"], "name": tag, "target_value": "a@x.test"}))
    found = [one[key] for one in site.get(world.path(template)).json()]
    assert len(found) > 1
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("path", ["groups", "releases", "deployments", "alert-rules"])
def test_a_list_of_an_unknown_project_is_empty(world: World, path: str) -> None:
    reply = world.site.get(f"/api/{path}/?project=nobody")
    assert (reply.status, reply.json()) == (200, [])


def test_the_events_of_an_unknown_project_are_none(world: World) -> None:
    reply = world.site.get("/api/events/?project=nobody")
    assert (reply.status, reply.json()) == (200, {"count": 0, "next": None, "previous": None, "results": []})


@pytest.mark.parametrize("path", ["releases/health", "releases/health/series", "dashboard/series", "dashboard/top-groups", "events/clickhouse"])  # fmt: skip
def test_what_needs_a_project_asks_for_one(world: World, path: str) -> None:
    reply = world.site.get(f"/api/{path}/")
    assert reply.status == 400
    if "health" in path:
        assert reply.json() == {"detail": "project required"}


def times(value: Any) -> Iterator[tuple[str, str]]:
    """Every key and text that stands for a time, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str) and (key.endswith(("_at", "_seen", "_started", "_finished")) or key == "bucket"):
                yield key, inner
            elif key != "payload":
                yield from times(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from times(inner)


@pytest.mark.parametrize("template", READS)
def test_times_are_utc_with_a_z(world: World, template: str) -> None:
    for key, text in times(world.site.get(world.path(template)).json()):
        assert text.endswith("Z"), (key, text)
