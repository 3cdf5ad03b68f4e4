"""What is kept besides the published rows: workflow, filters, dashboard."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.flows.contract.world import World, has_keys, made, send

pytestmark = [pytest.mark.slow]


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
    "environment=production": lambda one: one.get("environment", "production") == "production",
    "release=1.0.0": lambda one: one.get("release", 0) is not None,
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
    event = made(world.site.post("/api/events/ingest/shop/", {"message": "to be ignored"}))
    assert send(world, "POST", f"/api/groups/{event['group']}/ignore/").status == 200
    found = world.site.get("/api/groups/?project=shop&status=ignored").json()
    assert event["group"] in [group["id"] for group in found]
    assert {group["status"] for group in found} == {"ignored"}


def test_a_dashboard_s_series_and_top_groups_count(world: World) -> None:
    path = "/api/dashboard/series/?project=shop"

    def errors(address: str) -> int:
        return sum(bucket["error"] for bucket in world.site.get(address).json())

    world.site.wait_until(lambda: errors(path) > 0, "the columns have counted")
    assert 12 <= len(world.site.get(path).json()) <= 13, "one hour by five minutes"
    top = world.site.get("/api/dashboard/top-groups/?project=shop&limit=1").json()
    assert len(top) == 1
    assert top[0]["group"] is not None
