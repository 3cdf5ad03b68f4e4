"""The status page of a whole installation."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.installation import Installation, kill

pytestmark = [pytest.mark.once, pytest.mark.slow]


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data")
    yield made
    made.stop()


def status(installation: Installation) -> dict[str, Any]:
    reply = installation.get("/api/status/")
    assert reply.status == 200
    page: dict[str, Any] = reply.json()
    return page | {"engines": {engine["name"]: engine for engine in page["engines"]}}


def test_it_says_how_everything_stands_and_what_is_missing_when_something_dies(installation: Installation):
    installation.start()
    project = installation.create_project()
    installation.wait_until(lambda: _states(installation) == {"ok"}, "every engine is there")
    page = status(installation)
    assert {name: engine["kind"] for name, engine in page["engines"].items()} == {
        "database": "sqlite",
        "log": "sqlite",
        "columns": "embedded",
        "quotas": "file",
        "live": "sqlite",
        "tasks": "sqlite",
    }
    assert {(one["group"], one["topic"]) for one in page["backlogs"]} >= {("digest", "ingest"), ("snuba", "events")}
    assert page["dead_letters"] == {"total": 0, "by_reason": []}
    assert 0 < page["disk"]["free_bytes"] < page["disk"]["total_bytes"]
    assert page["disk"]["is_accepting"] is True
    assert page["spool"] is None
    assert page["tasks"]["waiting"] >= 0
    kill(installation.pids()[0])
    installation.wait_until(lambda: not installation.answers(), "all of it ends")
    installation.start("web", "--port", str(installation.port))
    headers = {"X-Sentry-Auth": f"Sentry sentry_key={project['key']}"}
    body = b'{}\n{"type":"event"}\n{"message":"nobody digests"}\n'
    assert installation.request("POST", f"/api/{project['id']}/envelope/", body, headers).status == 200
    installation.wait_until(
        lambda: status(installation)["engines"]["columns"]["state"] == "away", "the columns are missed"
    )
    installation.wait_until(lambda: _waiting(installation) == 1, "the event waits for a digest")
    page = status(installation)
    assert page["engines"]["columns"]["limited"]
    assert page["engines"]["database"]["state"] == "ok"


def _states(installation: Installation) -> set[str]:
    return {engine["state"] for engine in status(installation)["engines"].values()}


def _waiting(installation: Installation) -> int | None:
    records: int | None
    [records] = [one["records"] for one in status(installation)["backlogs"] if one["group"] == "digest"]
    return records
