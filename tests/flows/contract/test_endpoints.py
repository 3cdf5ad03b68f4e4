"""Every row of the endpoints: paths, codes, keys and defaults."""

import json
import urllib.parse
import uuid
from hashlib import sha256
from typing import Any

import pytest

from tests.flows.contract.world import MAP, World, has_keys, made, send

pytestmark = [pytest.mark.slow]


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
