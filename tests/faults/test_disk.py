"""The disk is full under load: what is answered 200 is kept, the rest is refused, and all goes on as soon as there is room."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.engines.kafka import Tansu, serving
from tests.faults import ledger
from tests.faults.faults import Faults, build
from tests.faults.load import Load, envelope
from tests.installation import Installation
from tests.roles import ROLES, Roles

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.timeout(240)]

FULL_SECONDS = 4.0


@pytest.fixture
def edge(tmp_path: Path) -> Faults:
    """Of the web's processes."""
    return Faults(build(tmp_path), "edge")


@pytest.fixture
def rest(tmp_path: Path) -> Faults:
    """Of all others."""
    return Faults(build(tmp_path), "rest")


@pytest.fixture
def broker(engines: dict[str, str]) -> Iterator[Tansu | None]:
    """One that the test may freeze; None where the log is on the edge's own disk."""
    if "KAFKA_BOOTSTRAP_SERVERS" in engines:
        with serving() as broker:
            yield broker
    else:
        yield None


@pytest.fixture
def installation(tmp_path: Path, engines: dict[str, str], broker: Tansu | None, rest: Faults) -> Iterator[Installation]:
    # A process that comes and goes with a backlog would be missed among those that must live through it.
    variables = engines | rest.variables | {"DIGEST_SIDE_DECODERS": "0"}
    if broker is not None:
        spool = {"SPOOL_DIR": str(tmp_path / "spool"), "KAFKA_DELIVERY_TIMEOUT_SECONDS": "2"}
        variables |= spool | {"KAFKA_BOOTSTRAP_SERVERS": broker.url}
    made = Installation(tmp_path / "data", variables=variables)
    made.data_dir.mkdir()
    made.manage("migrate", "--verbosity", "0")
    yield made
    made.stop()


def test_the_edges_disk_is_full_for_a_while_and_then_the_whole_machines(
    installation: Installation, edge: Faults, rest: Faults, broker: Tansu | None
):
    roles = Roles(installation).start("web", variables=edge.variables)
    roles.start(*(role for role in ROLES if role != "web"))
    project = installation.create_project()
    processes = installation.pids()
    with Load(installation.port, project["id"], project["key"], pause_seconds=0.02) as load:
        _wait_for_more(installation, load)
        if broker is not None:
            # Without the broker the edge keeps what it accepts on its own disk.
            os.kill(broker.pid, signal.SIGSTOP)
            time.sleep(3)
            _wait_for_more(installation, load)
        edge.fill_disk()
        _nothing_passes(installation, load, project)
        edge.free_disk()
        _wait_for_more(installation, load)
        if broker is not None:
            os.kill(broker.pid, signal.SIGCONT)
        edge.fill_disk()
        rest.fill_disk()
        time.sleep(FULL_SECONDS)
        rest.free_disk()
        edge.free_disk()
        _wait_for_more(installation, load)
    assert set(load.answers) == {200, 503}
    ledger.settle(installation, load.acknowledged)
    ledger.check(ledger.read(installation, project["id"]), load.acknowledged)
    # One request was refused beside those of the load. The edge counts in memory while it can write nothing down.
    refused = load.answers[503] + 1
    installation.wait_until(
        lambda: _refused(installation, project) >= refused, "what was refused is counted", seconds=30, every=0.5
    )
    assert _refused(installation, project) == refused
    assert installation.pids() == processes, "nobody died of it"
    assert "Traceback" not in installation.output()


def _refused(installation: Installation, project: dict[str, Any]) -> int:
    outcomes = ledger.read(installation, project["id"]).outcomes
    return sum(count for (outcome, _), count in outcomes.items() if outcome == "rate_limited")


def _wait_for_more(installation: Installation, load: Load) -> None:
    before = len(load.acknowledged)
    installation.wait_until(lambda: len(load.acknowledged) > before + 200, "events pass", seconds=15)


def _nothing_passes(installation: Installation, load: Load, project: dict[str, Any]) -> None:
    installation.wait_until(lambda: load.answers.get(503, 0) > 50, "events are refused", seconds=15)
    before = len(load.acknowledged)
    time.sleep(FULL_SECONDS)
    assert len(load.acknowledged) == before
    headers = {"X-Sentry-Auth": f"Sentry sentry_key={project['key']}"}
    reply = installation.request("POST", f"/api/{project['id']}/envelope/", envelope(uuid4().hex, 1), headers)
    assert (reply.status, reply.json()) == (503, {"detail": "The server's disk is nearly full."})
    assert int(reply.headers["retry-after"]) > 0
    assert installation.get("/api/projects/").status == 200
