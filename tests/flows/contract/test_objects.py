"""The objects: their keys, and what is null or empty."""

import uuid

import pytest

from tests.flows.contract.world import World, has_keys, made

pytestmark = [pytest.mark.slow]


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
