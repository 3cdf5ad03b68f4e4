"""The ClickHouse server goes away and comes back: only charts notice, they say so at once, and then nothing is missing."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mini_sentry.analytics.store import Store
from tests import reading
from tests.engines.clickhouse import ClickHouseServer
from tests.faults import ledger
from tests.faults.load import Load, envelope
from tests.installation import Installation

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.timeout(300)]

AT_ONCE_SECONDS = 1.0
AWAY_SECONDS = 60.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ClickHouseServer]:
    made = ClickHouseServer(tmp_path / "clickhouse").start()
    yield made
    made.stop()


@pytest.fixture
def installation(tmp_path: Path, server: ClickHouseServer) -> Iterator[Installation]:
    made = Installation(tmp_path / "data", variables={"CLICKHOUSE_URL": server.url})
    yield made.start()
    made.stop()


def send(installation: Installation, project: dict[str, Any], numbers: range) -> None:
    headers = {"X-Sentry-Auth": f"Sentry sentry_key={project['key']}"}
    for number in numbers:
        body = envelope(f"{number:032x}", number % 2)
        assert installation.request("POST", f"/api/{project['id']}/envelope/", body, headers).status == 200


def charts(group_id: int) -> list[str]:
    """Every answer that is counted in the columns."""
    return [
        f"/api/groups/stats/?project=shop&id={group_id}",
        f"/api/groups/{group_id}/tags/",
        f"/api/groups/{group_id}/series/",
        "/api/dashboard/series/?project=shop",
        "/api/dashboard/top-groups/?project=shop",
        "/api/groups/spikes/?project=shop",
        "/api/events/clickhouse?project=shop",
        "/api/releases/health/?project=shop&backend=ch",
        "/api/groups/?project=shop&q=runtime:x",
    ]


def assert_only_charts_are_missing(installation: Installation, group_id: int) -> None:
    for path in charts(group_id):
        started = time.monotonic()
        reply = installation.get(path)
        assert (reply.status, path) == (503, path)
        assert "columns are away" in reply.json()["detail"]
        assert int(reply.headers["retry-after"]) > 0
        assert time.monotonic() - started < AT_ONCE_SECONDS, path
    group = f"/api/groups/{group_id}/"
    for path in (
        "/api/groups/?project=shop",
        group,
        f"{group}events/latest/",
        f"{group}hashes/",
        "/api/projects/shop/",
    ):
        assert (installation.get(path).status, path) == (200, path)
    assert installation.get("/api/health/").json()["columns"] == "away"


def counted(installation: Installation) -> int:
    """Events of the project as the charts have it; -1 while they have nothing."""
    reply = installation.get("/api/dashboard/top-groups/?project=shop&limit=50")
    return sum(top["count"] for top in reply.json()) if reply.status == 200 else -1


def test_an_installation_with_a_server_starts_no_engine_of_its_own(installation: Installation):
    installation.wait_until(lambda: installation.get("/api/health/").json()["columns"] == "ok", "the columns answer")
    for pid in installation.pids():
        assert "chdb" not in Path(f"/proc/{pid}/maps").read_text()
    assert not (installation.data_dir / "columns.json").exists()
    assert not (installation.data_dir / "columns").exists()


@pytest.mark.parametrize("ending", ["stopped", "killed"])
def test_a_server_that_is_away_is_missed_by_charts_alone_and_is_filled_when_it_is_back(
    installation: Installation, server: ClickHouseServer, ending: str
):
    project = installation.create_project()
    send(installation, project, range(1, 41))
    [group, _] = reading.wait_for_events(installation, "shop", 40)
    installation.wait_until(lambda: counted(installation) == 40, "the charts have all events")
    server.stop() if ending == "stopped" else server.kill9()
    installation.wait_until(lambda: counted(installation) == -1, "the charts are away")
    assert_only_charts_are_missing(installation, group["id"])
    send(installation, project, range(41, 81))
    reading.wait_for_events(installation, "shop", 80)
    time.sleep(3)
    assert_only_charts_are_missing(installation, group["id"])
    server.start()
    installation.wait_until(lambda: counted(installation) == 80, "the charts have all events again", seconds=30)
    store = Store(lambda: server.url)
    rows = store.query("SELECT toString(event_id), count() FROM events GROUP BY event_id")
    store.close()
    assert sorted(int(event_id.replace("-", ""), 16) for event_id, _ in rows) == list(range(1, 81))
    assert {count for _, count in rows} == {1}
    assert "dead letter" not in installation.output()
    assert installation.output().count("waits") < 10, "it said over and over that it waits"


def test_a_minute_without_the_server_under_load_loses_and_doubles_nothing(
    installation: Installation, server: ClickHouseServer
):
    project = installation.create_project()
    with Load(installation.port, project["id"], project["key"], pause_seconds=0.05) as load:
        installation.wait_until(lambda: counted(installation) > 100, "the charts follow")
        server.kill9()
        time.sleep(AWAY_SECONDS)
        assert counted(installation) == -1
        before = len(load.acknowledged)
        server.start()
        installation.wait_until(lambda: counted(installation) > before, "the charts catch up", seconds=60)
        time.sleep(2)
    assert set(load.answers) == {200}
    ledger.settle(installation)
    books = ledger.read(installation, project["id"])
    assert books.outcomes["filtered", "duplicate"] > 0
    ledger.check(books, load.acknowledged)
    assert counted(installation) == len(books.event_ids)


def test_a_server_that_hangs_holds_one_question_up_and_no_other(installation: Installation, server: ClickHouseServer):
    project = installation.create_project()
    send(installation, project, range(1, 11))
    [group, _] = reading.wait_for_events(installation, "shop", 10)
    installation.wait_until(lambda: counted(installation) == 10, "the charts have all events")
    server.hold()
    # Heard of a moment ago, it is given the time that a question may take.
    assert installation.get(charts(group["id"])[0]).status == 503
    assert_only_charts_are_missing(installation, group["id"])
    server.proceed()
    installation.wait_until(lambda: counted(installation) == 10, "the charts are back")
