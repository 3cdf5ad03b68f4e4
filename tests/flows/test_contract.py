"""Every row of the API's contract against a running server: paths, codes, keys, defaults, order. Clients index these answers,
so nothing here may change without their knowledge; keys may be added."""

import json
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any, NamedTuple

import pytest

from tests import reading
from tests.installation import Installation, Reply, running

pytestmark = [pytest.mark.slow]

OBJECTS = {
    "Project": "id name slug created_at ingest_token",
    "Event": "id project group message level payload received_at release environment tags stack symbolicated event_id",
    "Group": "id project title level count first_seen last_seen status resolved_at assignee is_bookmarked short_id "
    "stored_count",
    "Release": "id project version environment created_at date_released",
    "Artifact": "id release name content content_type file_name checksum created_at",
    "Session": "id project release environment session_id user status duration_ms started_at updated_at",
    "Deployment": "id project release environment name url date_started date_finished",
    "AlertRule": "id project name level threshold_count threshold_window_minutes notify_interval_minutes "
    "rearm_after_minutes last_triggered_at target_type target_value active",
    "AlertTarget": "id rule target_type target_value subject_template body_template",
    "ColumnRow": "id project level fingerprint title message received_at",
    "Health": "version environment total_sessions crashed_sessions crash_free_rate unhandled_sessions "
    "unhandled_free_rate",
    "HealthBucket": "bucket total crashed",
    "SeriesBucket": "bucket error warning info",
    "TopGroup": "fingerprint title count",
    "Comment": "id group author body created_at",
}
MAP = json.dumps(
    {"version": 3, "file": "app.js", "sources": ["cart.ts"], "names": ["pay"], "mappings": "AAAAA"}, indent=1
)
UNKNOWN_ID = 987_654_321


class World(NamedTuple):
    """What a client has made: objects as the API answered when they were made."""

    site: Installation
    shop: dict[str, Any]
    blog: dict[str, Any]
    event: dict[str, Any]
    group: dict[str, Any]
    release: dict[str, Any]
    artifact: dict[str, Any]
    session: dict[str, Any]
    deployment: dict[str, Any]
    rule: dict[str, Any]
    target: dict[str, Any]

    def path(self, template: str) -> str:
        return template.format(**self._asdict())


def made(reply: Reply) -> dict[str, Any]:
    assert reply.status == 201, (reply.status, reply.body)
    answer: dict[str, Any] = reply.json()
    return answer


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("contract") / "data") as site:
        shop, blog = site.create_project("Shop", "shop"), site.create_project("Blog", "blog")
        ingest = f"/api/events/ingest/token/{shop['ingest_token']}/"
        body = {"message": "it broke", "level": "error", "release": "1.0.0", "environment": "production", "stack": "Error: it broke\n    at t (http://h/app.js:1:1)", "extra": {"k": 1}}  # fmt: skip
        event = made(site.post(ingest, body))
        [group] = reading.wait_for_events(site, "shop", 1)
        release = made(site.post("/api/releases/", {"project": shop["id"], "version": "2.0.0"}))
        files = f"/api/releases/{release['id']}/artifacts/"
        sent = {"name": "app.js.map", "content": MAP, "content_type": "application/json"}
        sessions = f"/api/sessions/ingest/token/{shop['ingest_token']}/"
        rule = {"project": shop["id"], "name": "Many errors", "target_value": "ops@x.test"}
        ruled = made(site.post("/api/alert-rules/", rule))
        target = {"target_type": "webhook", "target_value": "https://x.test/h"}
        yield World(
            site=site,
            shop=shop,
            blog=blog,
            event=event,
            group=group,
            release=release,
            artifact=made(site.post(files, sent)),
            session=made(site.post(sessions, {"session_id": "s-1", "status": "ok", "release": "1.0.0", "environment": "production", "user": "u1", "duration_ms": 1200})),
            deployment=made(site.post("/api/deployments/", {"project": shop["id"], "release": release["id"]})),
            rule=ruled,
            target=made(site.post(f"/api/alert-rules/{ruled['id']}/targets/", target)),
        )  # fmt: skip


def has_keys(answer: Any, name: str) -> None:
    missing = set(OBJECTS[name].split()) - set(answer)
    assert not missing, missing


# A: rules for every endpoint

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
    ("GET", f"/api/events/{uuid.uuid4().hex}/"),
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


# B: objects


@pytest.mark.parametrize("name", ["shop", "event", "group", "release", "artifact", "session", "deployment", "rule", "target"])  # fmt: skip
def test_what_was_made_has_the_keys_of_its_kind(world: World, name: str) -> None:
    kinds = {"shop": "Project", "rule": "AlertRule", "target": "AlertTarget"}
    has_keys(getattr(world, name), kinds.get(name, name.title()))


def test_ids_are_integers_and_those_of_events_are_hex(world: World) -> None:
    for name in ("shop", "group", "release", "artifact", "deployment", "rule", "target"):
        assert isinstance(getattr(world, name)["id"], int), name
    assert world.event["id"] == uuid.UUID(world.event["id"]).hex == world.event["event_id"]
    assert {world.event["project"], world.group["project"], world.release["project"]} == {world.shop["id"]}


def test_what_is_absent_is_null_or_empty_as_promised(world: World) -> None:
    assert (world.group["resolved_at"], world.group["assignee"]) == (None, "")
    assert (world.group["status"], world.group["is_bookmarked"]) == ("unresolved", False)
    assert world.release["date_released"] is None
    assert world.deployment["date_finished"] is None
    assert world.rule["last_triggered_at"] is None
    bare = made(world.site.post(f"/api/events/ingest/token/{world.blog['ingest_token']}/", {}))
    assert {"message": bare["message"], "level": bare["level"], "environment": bare["environment"], "tags": bare["tags"], "release": bare["release"], "stack": bare["stack"], "symbolicated": bare["symbolicated"], "payload": bare["payload"]} == {"message": "", "level": "error", "environment": "production", "tags": [], "release": None, "stack": None, "symbolicated": {}, "payload": {}}  # fmt: skip


def test_the_payload_is_the_whole_body_as_sent(world: World) -> None:
    sent = {"message": "whole", "extra": {"a": [1, {"b": None}]}, "unheard_of": {"kept": True}, "tags": {"a": "b"}}
    event = made(world.site.post("/api/events/ingest/blog/", sent))
    assert event["payload"] == sent
    assert event["tags"] == {"a": "b"}


# C: endpoints


def test_health(world: World) -> None:
    assert world.site.get("/api/health/").json()["ok"] is True


def test_a_project_needs_a_name_and_a_slug_of_its_own(world: World) -> None:
    post = world.site.post
    assert set(post("/api/projects/", {}).json()) == {"name", "slug"}
    twice = post("/api/projects/", {"name": "Another", "slug": "shop"})
    assert (twice.status, list(twice.json())) == (400, ["slug"])
    assert "slug" in post("/api/projects/", {"name": "Long", "slug": "s" * 51}).json()
    assert "name" in post("/api/projects/", {"name": "n" * 201, "slug": "long"}).json()
    found = {one["slug"]: one for one in world.site.get("/api/projects/").json()}
    assert found["shop"]["ingest_token"] == world.shop["ingest_token"]


@pytest.mark.parametrize("way", ["token/{blog[ingest_token]}", "blog"])
def test_an_event_is_taken_by_token_and_by_slug(world: World, way: str) -> None:
    event = made(world.site.post(world.path(f"/api/events/ingest/{way}/"), {"message": f"by {way}", "release": "9.9"}))
    has_keys(event, "Event")
    assert (event["message"], event["level"], event["project"]) == (f"by {way}", "error", world.blog["id"])
    versions = {one["id"]: one["version"] for one in world.site.get("/api/releases/?project=blog").json()}
    assert versions[event["release"]] == "9.9"
    assert isinstance(event["group"], int)


LEVELS = {
    **dict.fromkeys(("warn", "warning"), "warning"),
    **dict.fromkeys(("err", "error", "fatal"), "error"),
    **dict.fromkeys(("log", "notice", "debug", "trace", "info"), "info"),
}


@pytest.mark.parametrize(("word", "level"), LEVELS.items())
def test_a_word_for_a_level_is_one_of_three(world: World, word: str, level: str) -> None:
    assert made(world.site.post("/api/events/ingest/blog/", {"level": word}))["level"] == level


@pytest.mark.parametrize(
    ("body", "level"),
    [
        ({"severity": "warn"}, "warning"),
        ({"severity_text": "notice"}, "info"),
        ({"extra": {"level": "warning"}}, "warning"),
        ({"extra": {"severity": "debug"}}, "info"),
        ({"severity_number": 9}, "info"),
        ({"severity_number": 13}, "warning"),
        ({"severity_number": 16}, "warning"),
        ({"severity_number": 17}, "error"),
    ],
)
def test_a_level_is_looked_for_where_logs_keep_theirs(world: World, body: dict[str, Any], level: str) -> None:
    assert made(world.site.post("/api/events/ingest/blog/", body))["level"] == level


@pytest.mark.parametrize("tags", [["a", "b"], [{"a": 1}], {"a": "b"}])
def test_tags_are_kept_as_sent(world: World, tags: Any) -> None:
    assert made(world.site.post("/api/events/ingest/blog/", {"message": "tagged", "tags": tags}))["tags"] == tags


def test_events_are_paged_by_limit_and_offset(world: World) -> None:
    for number in range(3):
        made(world.site.post("/api/events/ingest/shop/", {"message": "page", "extra": {"n": number}}))
    whole = world.site.get("/api/events/?project=shop").json()
    assert set(whole) == {"count", "next", "previous", "results"}
    assert whole["previous"] is None
    received = [event["received_at"] for event in whole["results"]]
    assert received == sorted(received, reverse=True)
    page = world.site.get("/api/events/?project=shop&limit=1&offset=1").json()
    assert [event["id"] for event in page["results"]] == [whole["results"][1]["id"]]
    assert page["count"] == whole["count"]
    following = urllib.parse.urlsplit(page["next"])
    assert world.site.get(f"{following.path}?{following.query}").json()["results"][0]["id"] == whole["results"][2]["id"]
    assert world.site.get("/api/events/?project=shop&limit=5000").status == 200
    for event in whole["results"]:
        has_keys(event, "Event")


def test_an_event_is_read_with_and_without_hyphens(world: World) -> None:
    event_id = world.event["id"]
    for form in (event_id, str(uuid.UUID(event_id))):
        event = world.site.get(f"/api/events/{form}/").json()
        has_keys(event, "Event")
        assert (event["id"], event["message"], event["group"]) == (event_id, "it broke", world.group["id"])


def test_column_rows_name_their_project_by_slug_newest_first(world: World) -> None:
    made(world.site.post("/api/events/ingest/shop/", {"message": "for the columns"}))
    path = "/api/events/clickhouse?project=shop&limit=2"

    def newest() -> list[str]:
        return [row["message"] for row in world.site.get(path).json()[:1]]

    world.site.wait_until(lambda: newest() == ["for the columns"], "the newest is in the columns")
    rows = world.site.get(path).json()
    assert len(rows) == 2
    assert {row["project"] for row in rows} == {"shop"}
    assert rows[0]["received_at"] >= rows[1]["received_at"]


def test_the_same_message_and_level_meet_in_one_group(world: World) -> None:
    first = made(world.site.post("/api/events/ingest/blog/", {"message": "payment 17 failed", "level": "warning"}))
    again = made(world.site.post("/api/events/ingest/blog/", {"message": "payment 18 failed", "level": "warning"}))
    other = made(world.site.post("/api/events/ingest/blog/", {"message": "no payment", "level": "warning"}))
    assert first["group"] == again["group"] != other["group"]
    group = world.site.get(f"/api/groups/{first['group']}/").json()
    has_keys(group, "Group")
    assert (group["count"], group["stored_count"], group["level"]) == (2, 2, "warning")
    assert group["last_seen"] > group["first_seen"]
    assert group["short_id"].startswith("BLOG-")


def test_releases_are_made_once(world: World) -> None:
    sent = {"project": world.blog["id"], "version": "1.0.0"}
    assert made(world.site.post("/api/releases/", sent))["environment"] == "production"
    twice = world.site.post("/api/releases/", sent)
    assert (twice.status, list(twice.json())) == (400, ["non_field_errors"])
    assert set(world.site.post("/api/releases/", {}).json()) == {"project", "version"}
    made(world.site.post("/api/releases/", sent | {"environment": "staging"}))


def test_an_artifact_is_kept_as_sent(world: World) -> None:
    artifact = world.artifact
    assert artifact["content"] == MAP
    assert artifact["checksum"] == sha256(MAP.encode()).hexdigest()
    assert (artifact["file_name"], artifact["name"], artifact["release"]) == (
        "app.js",
        "app.js.map",
        world.release["id"],
    )
    path = f"/api/releases/{world.release['id']}/artifacts/"
    functions = {"name": "names.json", "content": json.dumps({"function_map": {"min": "Original"}}), "release": world.release["id"], "file_name": "x"}  # fmt: skip
    assert made(world.site.post(path, functions))["file_name"] == ""
    refused = world.site.post(path, {"name": "app.js.map", "content": {"version": 3}})
    assert (refused.status, list(refused.json())) == (400, ["content"])


def frames(world: World, **sent: Any) -> list[dict[str, Any]]:
    reply = world.site.post("/api/symbolicate/", {"project": "shop", "release": "2.0.0", **sent})
    assert reply.status == 200, reply.body
    found: list[dict[str, Any]] = reply.json()["frames"]
    return found


def test_frames_are_mapped_in_order_and_others_come_back_as_they_were(world: World) -> None:
    sent = [{"file": "app.js", "line": 1, "column": 1, "function": "t", "own": 7}, {"file": "none.js", "line": 1, "column": 1, "function": "u"}]  # fmt: skip
    mapped, unmapped = frames(world, frames=sent)
    assert mapped["own"] == 7
    assert (mapped["orig_file"], mapped["orig_line"], mapped["orig_column"]) == ("cart.ts", 1, 0)
    assert unmapped | sent[1] == unmapped
    assert not {"orig_file", "orig_line", "orig_column"} & set(unmapped)


def test_a_function_map_gives_better_names(world: World) -> None:
    path = f"/api/releases/{world.release['id']}/artifacts/"
    made(world.site.post(path, {"name": "names.json", "content": json.dumps({"function_map": {"min": "Original"}})}))
    [frame] = frames(world, frames=[{"file": "none.js", "line": 1, "column": 1, "function": "min"}])
    assert frame["function"] == "Original"


STACKS = {
    "Chrome": ("Error: x\n    at t (http://h/app.js:1:1)", "t"),
    "Chrome, without a name": ("Error: x\n    at http://h/app.js:1:1", "<anon>"),
    "Firefox": ("t@http://h/app.js:1:1\n", "t"),
    "Safari, without a name": ("http://h/app.js:1:1\nglobal code@http://h/none.js:1:1", "<anon>"),
    "bare": ("http://h/app.js:1:1", "<anon>"),
}


@pytest.mark.parametrize(("stack", "function"), STACKS.values(), ids=STACKS)
def test_the_text_of_a_stack_is_read(world: World, stack: str, function: str) -> None:
    frame = frames(world, stack=stack, environment="production")[0]
    assert (frame["file"], frame["line"], frame["column"]) == ("http://h/app.js", 1, 1)
    assert (frame["orig_file"], frame["orig_line"], frame["orig_column"]) == ("cart.ts", 1, 0)
    plain = frames(world, stack=stack.replace("app.js", "none.js"))[0]
    assert (plain["function"], "orig_file" in plain) == (function, False)


def test_nothing_to_map_is_an_empty_list_and_unknown_names_are_404(world: World) -> None:
    assert frames(world) == []
    assert frames(world, frames=[]) == []
    assert frames(world, stack="") == []
    for sent in ({"project": "nobody", "release": "2.0.0"}, {"project": "shop", "release": "0.0.0"}):
        reply = world.site.post("/api/symbolicate/", sent | {"frames": []})
        assert (reply.status, set(reply.json())) == (404, {"detail"})


def test_a_session_is_made_then_updated(world: World) -> None:
    path = f"/api/sessions/ingest/token/{world.blog['ingest_token']}/"
    first = made(world.site.post(path, {"session_id": "b-1"}))
    has_keys(first, "Session")
    assert (first["status"], first["environment"], first["release"]) == ("init", "production", None)
    second = world.site.post(path, {"session_id": "b-1", "status": "crashed", "release": "1.0.0"})
    assert (second.status, second.json()["status"]) == (200, "crashed")
    assert second.json()["id"] == first["id"]
    third = world.site.post(path, {"session_id": "b-1", "status": "ok"})
    assert (third.status, third.json()["status"]) == (200, "crashed"), "a crash is not taken back"
    missing = world.site.post(path, {"status": "ok"})
    assert (missing.status, missing.json()) == (400, {"detail": "session_id required"})
    assert world.site.post(path, {"session_id": "b-2", "status": "nonsense"}).status == 400


def test_release_health_counts_crashes_and_agrees_with_its_series_in_both_stores(world: World) -> None:
    site = world.site
    project = site.create_project("Health", "health")
    path = f"/api/sessions/ingest/token/{project['ingest_token']}/"
    for number, status in enumerate(("ok", "crashed", "exited", "errored")):
        made(site.post(path, {"session_id": f"h-{number}", "status": status, "release": "1.0.0"}))
    made(site.post(path, {"session_id": "h-none"}))
    rows = {row["version"]: row for row in site.get("/api/releases/health/?project=health").json()}
    assert set(rows) == {"1.0.0", None}
    counted = rows["1.0.0"]
    assert (counted["total_sessions"], counted["crashed_sessions"], counted["crash_free_rate"]) == (4, 1, 75.0)
    assert (rows[None]["total_sessions"], rows[None]["crash_free_rate"]) == (1, 100.0)
    series = "/api/releases/health/series/?project=health"

    def totals(address: str) -> tuple[int, int]:
        buckets = site.get(address).json()
        return sum(one["total"] for one in buckets), sum(one["crashed"] for one in buckets)

    assert totals(series) == (5, 1)
    site.wait_until(lambda: totals(f"{series}&backend=ch") == (5, 1), "the columns agree")
    rows_of, columns_of = site.get(series).json(), site.get(f"{series}&backend=ch").json()
    assert [one["bucket"] for one in rows_of] == [one["bucket"] for one in columns_of]
    assert 288 <= len(rows_of) <= 289, "24 hours by 5 minutes, without gaps"
    assert len(site.get(f"{series}&range=60m&interval=30m").json()) in {2, 3}
    for nonsense in ("range=soon", "interval=0m", "range=10y", "backend=paper"):
        assert site.get(f"{series}&{nonsense}").status == 400, nonsense


def test_a_deployment_needs_a_release_of_its_project(world: World) -> None:
    assert {key: world.deployment[key] for key in ("environment", "name", "url")} == {"environment": "production", "name": "", "url": ""}  # fmt: skip
    sent = {"project": world.shop["id"], "release": world.release["id"], "environment": "production", "name": "Deploy 7", "url": "https://x.test"}  # fmt: skip
    deployment = made(world.site.post("/api/deployments/", sent))
    assert deployment | sent == deployment
    assert set(world.site.post("/api/deployments/", {}).json()) == {"project", "release"}
    other = world.site.post("/api/deployments/", {"project": world.blog["id"], "release": world.release["id"]})
    assert (other.status, list(other.json())) == (400, ["release"])


def test_a_rule_has_its_defaults(world: World) -> None:
    wanted = {"project": world.shop["id"], "name": "Many errors", "level": "", "threshold_count": 10, "threshold_window_minutes": 5, "notify_interval_minutes": 60, "rearm_after_minutes": 60, "target_type": "email", "target_value": "ops@x.test", "active": True}  # fmt: skip
    assert world.rule | wanted == world.rule
    assert set(world.site.post("/api/alert-rules/", {}).json()) == {"project", "name", "target_value"}


def send(world: World, method: str, path: str, data: Any = None) -> Reply:
    body = json.dumps(data).encode() if data is not None else None
    return world.site.request(method, path, body, {"Content-Type": "application/json"})


def test_a_rule_is_read_changed_and_deleted(world: World) -> None:
    sent = {"project": world.shop["id"], "name": "One", "target_value": "a@x.test", "level": "error"}
    rule = made(world.site.post("/api/alert-rules/", sent))
    path = f"/api/alert-rules/{rule['id']}/"
    assert send(world, "GET", path).json()["name"] == "One"
    changed = send(world, "PATCH", path, {"threshold_count": 3, "active": False})
    assert (changed.status, changed.json()["threshold_count"], changed.json()["active"]) == (200, 3, False)
    assert changed.json()["name"] == "One"
    put = send(world, "PUT", path, sent | {"name": "Two"})
    assert (put.status, put.json()["name"]) == (200, "Two")
    assert send(world, "PATCH", path, {"threshold_count": "many"}).status == 400
    deleted = send(world, "DELETE", path)
    assert (deleted.status, deleted.body) == (204, b"")
    assert send(world, "GET", path).status == 404


def test_a_rule_is_silenced_for_one_group_and_lets_be_heard_again(world: World) -> None:
    path = f"/api/alert-rules/{world.rule['id']}"
    snoozed = send(world, "POST", f"{path}/snooze/", {"group": world.group["id"], "minutes": 60})
    assert (snoozed.status, snoozed.json()["ok"]) == (200, True)
    assert snoozed.json()["suppress_until"].endswith("Z")
    assert send(world, "POST", f"{path}/snooze/", {"group": world.group["id"]}).status == 200
    assert send(world, "POST", f"{path}/unsnooze/", {"group": world.group["id"]}).json() == {"ok": True}
    for verb in ("snooze", "unsnooze"):
        missing = send(world, "POST", f"{path}/{verb}/", {})
        assert (missing.status, missing.json()) == (400, {"detail": "group required"})
        other = made(world.site.post("/api/events/ingest/blog/", {"message": "of another project"}))["group"]
        assert send(world, "POST", f"{path}/{verb}/", {"group": other}).status == 404


def test_targets_are_listed_and_made(world: World) -> None:
    assert world.target | {"target_type": "webhook", "target_value": "https://x.test/h", "subject_template": "", "body_template": "", "rule": world.rule["id"]} == world.target  # fmt: skip
    path = f"/api/alert-rules/{world.rule['id']}/targets/"
    assert world.target["id"] in [one["id"] for one in world.site.get(path).json()]
    assert set(world.site.post(path, {}).json()) == {"target_type", "target_value"}


def test_every_rule_of_a_group_s_project_is_listed(world: World) -> None:
    of_group = world.site.get(f"/api/alert-rules/by-group/{world.group['id']}").json()
    of_project = world.site.get("/api/alert-rules/?project=shop").json()
    assert [rule["id"] for rule in of_group] == [rule["id"] for rule in of_project]


# E: what is kept besides


@pytest.mark.parametrize(("verb", "status"), [("resolve", "resolved"), ("ignore", "ignored"), ("unresolve", "unresolved")])  # fmt: skip
def test_a_group_s_status_is_changed(world: World, verb: str, status: str) -> None:
    reply = send(world, "POST", f"/api/groups/{world.group['id']}/{verb}/")
    assert (reply.status, reply.json()["status"]) == (200, status)
    assert (reply.json()["resolved_at"] is not None) == (status == "resolved")
    has_keys(reply.json(), "Group")


def test_a_group_is_assigned_bookmarked_and_commented_on(world: World) -> None:
    path = f"/api/groups/{world.group['id']}"
    assert send(world, "POST", f"{path}/assign/", {"assignee": "ada"}).json()["assignee"] == "ada"
    for verb in ("bookmark", "unbookmark"):
        assert send(world, "POST", f"{path}/{verb}/").json() == {"ok": True}
    comment = made(send(world, "POST", f"{path}/comments/", {"body": "seen"}))
    has_keys(comment, "Comment")
    assert (comment["group"], comment["body"]) == (world.group["id"], "seen")


FILTERS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "level=error": lambda one: one["level"] == "error",
    "environment=production": lambda one: True,
    "release=1.0.0": lambda one: True,
    "q=broke": lambda one: "broke" in (one.get("title") or one["message"]),
}


@pytest.mark.parametrize("kind", ["events", "groups"])
@pytest.mark.parametrize("asked", FILTERS)
def test_events_and_groups_are_filtered(world: World, kind: str, asked: str) -> None:
    answer = world.site.get(f"/api/{kind}/?project=shop&{asked}").json()
    found = answer["results"] if kind == "events" else answer
    assert found
    assert all(FILTERS[asked](one) for one in found)
    # The list of events has newer ones as well, all of which have the environment.
    if asked != "environment=production":
        assert (world.event["id"] if kind == "events" else world.event["group"]) in [one["id"] for one in found]


def test_groups_are_filtered_by_status(world: World) -> None:
    found = world.site.get("/api/groups/?project=shop&status=ignored").json()
    assert all(group["status"] == "ignored" for group in found)


def test_a_dashboard_s_series_and_top_groups_count(world: World) -> None:
    path = "/api/dashboard/series/?project=shop"

    def errors(address: str) -> int:
        return sum(bucket["error"] for bucket in world.site.get(address).json())

    world.site.wait_until(lambda: errors(path) > 0, "the columns have counted")
    assert 12 <= len(world.site.get(path).json()) <= 13, "one hour by five minutes"
    top = world.site.get("/api/dashboard/top-groups/?project=shop&limit=1").json()
    assert len(top) == 1
    assert top[0]["group"] is not None


# What depends on settings


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A server that takes three events a minute and has lost its columns."""
    variables = {"RATE_LIMIT_EVENTS_PER_MINUTE": "3", "CLICKHOUSE_URL": "http://127.0.0.1:9"}
    with running(tmp_path_factory.mktemp("narrow") / "data", variables=variables) as site:
        yield site


def test_over_the_limit_is_429_whichever_way_an_event_came(narrow: Installation) -> None:
    project = narrow.create_project()
    ways = (f"/api/events/ingest/token/{project['ingest_token']}/", "/api/events/ingest/shop/")
    # A minute that ends meanwhile begins a new count.
    if (second := time.time() % 60) > 50:
        time.sleep(60.5 - second)
    replies = [narrow.post(ways[number % 2], {"message": "loud"}) for number in range(5)]
    assert [reply.status for reply in replies] == [201, 201, 201, 429, 429]
    assert replies[-1].json() == {"detail": "Rate limit exceeded"}
    assert int(replies[-1].headers["retry-after"]) > 0


def test_without_its_columns_the_server_says_so_and_lists_go_on(narrow: Installation) -> None:
    reply = narrow.get("/api/events/clickhouse?project=shop")
    assert reply.status == 503
    assert set(reply.json()) == {"detail"}
    assert narrow.get("/api/groups/?project=shop").status == 200
