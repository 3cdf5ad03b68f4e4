"""Redis goes under load and comes back: nothing is lost, nothing counts twice, and nobody has to do anything."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.engines.redis import RedisServer, serving
from tests.faults import ledger
from tests.faults.load import Load, envelope
from tests.installation import Installation

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.timeout(240)]

AWAY_SECONDS = 60.0
BRIEFLY_SECONDS = 8.0
"""A minute in production; long enough here for every time-out, retry and look of the status page."""


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with serving() as started:
        yield started


@pytest.fixture
def installation(tmp_path: Path, server: RedisServer) -> Iterator[Installation]:
    variables = {
        # A limit that is never reached: each request is counted in Redis all the same.
        "RATE_LIMIT_EVENTS_PER_MINUTE": "100000000",
        "REDIS_URL": server.url,
        "CELERY_BROKER_URL": server.url.replace("/0", "/1"),
        "CELERY_VISIBILITY_TIMEOUT_SECONDS": "5",
    }
    made = Installation(tmp_path / "data", variables=variables)
    yield made
    made.stop()


def stop(server: RedisServer) -> None:
    server.stop()


def kill9(server: RedisServer) -> None:
    server.kill9()


def hang(server: RedisServer) -> None:
    server.pause()


def come_back(server: RedisServer) -> None:
    try:
        server.resume()
    except ProcessLookupError:
        server.start()


def states(installation: Installation) -> dict[str, Any]:
    reply = installation.get("/api/status/")
    assert reply.status == 200
    return {engine["name"]: engine["state"] for engine in reply.json()["engines"]}


@pytest.mark.parametrize(
    ("go_away", "away_seconds"),
    [(stop, AWAY_SECONDS), (kill9, BRIEFLY_SECONDS), (hang, BRIEFLY_SECONDS)],
    ids=["stopped", "killed", "hangs"],
)
def test_redis_goes_for_a_while_under_load(
    installation: Installation, server: RedisServer, go_away: Callable[[RedisServer], None], away_seconds: float
):
    installation.start()
    project = installation.create_project()
    with Load(installation.port, project["id"], project["key"], pause_seconds=0.05) as load:
        installation.wait_until(lambda: len(load.acknowledged) > 200, "there is load")
        installation.wait_until(lambda: set(states(installation).values()) == {"ok"}, "every engine is there")
        go_away(server)
        gone_at = time.monotonic()
        before = len(load.acknowledged)
        installation.wait_until(lambda: states(installation)["quotas"] == "away", "the status page says so")
        installation.wait_until(lambda: states(installation)["live"] == "away", "of the pages as well")
        installation.wait_until(lambda: states(installation)["tasks"] == "away", "and of the tasks")
        waits = [_timed(installation, project) for _ in range(5)]
        assert max(waits) < 1, "a request waits for nobody who is away"
        time.sleep(max(0.0, away_seconds - (time.monotonic() - gone_at)))
        while_away = len(load.acknowledged) - before
        come_back(server)
        installation.wait_until(lambda: set(states(installation).values()) == {"ok"}, "all is well by itself")
        time.sleep(1)
    assert while_away > 200, "ingest went on"
    assert set(load.answers) == {200}
    ledger.settle(installation)
    books = ledger.read(installation, project["id"])
    ledger.check(books, load.acknowledged)
    old = installation.data_dir / "bodies" / "2000-01-01.db"
    old.touch()
    _retain(installation)
    installation.wait_until(lambda: not old.exists(), "tasks are done again", seconds=60)
    assert "Traceback" not in installation.output()


def _timed(installation: Installation, project: dict[str, Any]) -> float:
    headers = {"X-Sentry-Auth": f"Sentry sentry_key={project['key']}"}
    began = time.monotonic()
    reply = installation.request("POST", f"/api/{project['id']}/envelope/", envelope(uuid4().hex, 1), headers)
    assert reply.status == 200
    return time.monotonic() - began


def _retain(installation: Installation) -> None:
    """Ask for what the schedule asks for once an hour."""
    command = "from mini_sentry.config.retention import retain; retain.delay()"
    installation.manage("shell", "-v", "0", "-c", "import mini_sentry.config.celery\n" + command)
