"""Each role as a process of its own: what it says of itself, what it waits for, and how it stops."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import reading
from tests.faults.load import envelope
from tests.installation import Installation, free_port
from tests.roles import Roles
from tests.scraping import probe, scrape

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

_ASK_FOR_RETENTION = """
import django
django.setup()
import mini_sentry.config.celery
from mini_sentry.config.retention import retain
retain.delay()
"""


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data")
    made.data_dir.mkdir()
    made.manage("migrate", "--verbosity", "0")
    yield made
    made.stop()


@pytest.fixture
def roles(installation: Installation) -> Roles:
    return Roles(installation)


def send(roles: Roles, project: dict[str, str], numbers: range) -> None:
    headers = {"X-Sentry-Auth": f"Sentry sentry_key={project['key']}"}
    for number in numbers:
        body = envelope(f"{number:032x}", number % 3)
        path = f"/api/{project['id']}/envelope/"
        assert roles.installation.request("POST", path, body, headers).status == 200


def read_records(roles: Roles) -> float:
    """Records of the topic `events` that snuba has worked on since its start."""
    return roles.value("snuba", "records_total", group="snuba", topic="events")


def test_every_role_is_live_and_ready_and_tells_its_own_numbers(roles: Roles):
    roles.start()
    project = roles.installation.create_project()
    send(roles, project, range(1, 31))
    assert roles.installation.request("POST", f"/api/{project['id']}/envelope/", b"{}\n").status == 401
    reading.wait_for_events(roles.installation, "shop", 30)
    for role, port in roles.ports.items():
        assert probe(port, "/health/live") == (200, {"role": role, "live": True})
        assert probe(port, "/health/ready")[1]["ready"] is True
        assert [dict(labels)["role"] for name, labels in scrape(port) if name == "mini_sentry_build_info"] == [role]
    assert roles.value("web", "accepted_requests_total") == 30
    assert roles.value("web", "refused_items_total", reason="unauthenticated") == 1
    assert roles.value("web", "edge_open") == 1
    ingest = {"group": "digest", "topic": "ingest"}
    roles.installation.wait_until(lambda: roles.value("digest", "lag_records", **ingest) == 0, "its lag is measured")
    assert roles.value("digest", "outcomes_total", outcome="accepted", reason="", category="error") == 30
    assert roles.value("digest", "records_total", **ingest) >= 30
    assert roles.value("digest", "batch_seconds_count", **ingest) >= 1
    assert 0 < roles.value("digest", "batch_seconds_sum", **ingest) < 60
    roles.installation.wait_until(lambda: read_records(roles) == 30, "snuba has read all")
    assert ("mini_sentry_queued_tasks", frozenset({("queue", "mini-sentry")})) in scrape(roles.ports["beat"])


def test_a_dead_letter_and_a_batch_are_counted_where_they_fell(roles: Roles):
    roles.start("web", "digest")
    project = roles.installation.create_project()
    broken = b'{}\n{"type":"event"}\n{"message": broken}\n'
    headers = {"X-Sentry-Auth": f"Sentry sentry_key={project['key']}"}
    assert roles.installation.request("POST", f"/api/{project['id']}/envelope/", broken, headers).status == 200
    roles.installation.wait_until(
        lambda: roles.value("digest", "dead_letters_total", topic="ingest") == 1, "the dead letter is counted"
    )
    assert roles.value("digest", "outcomes_total", outcome="invalid", reason="dead_letter", category="error") == 1


def test_tasks_wait_for_a_worker_and_are_counted_when_they_have_ended(roles: Roles):
    roles.start("beat")
    command = [sys.executable, "-c", _ASK_FOR_RETENTION]
    environment = roles.installation.environment | {"DJANGO_SETTINGS_MODULE": "mini_sentry.config.settings"}
    subprocess.run(command, env=environment, check=True, timeout=60)
    assert roles.value("beat", "queued_tasks", queue="mini-sentry") >= 1
    roles.start("worker")
    roles.installation.wait_until(
        lambda: roles.value("worker", "tasks_total", task="retention", state="success") == 1, "the task has ended"
    )
    assert roles.value("worker", "queued_tasks", queue="mini-sentry") == 0


def test_what_waits_for_a_store_is_live_and_not_ready_and_says_why(roles: Roles):
    away = f"http://default:x@127.0.0.1:{free_port()}/away"
    roles.spawn("snuba", variables={"CLICKHOUSE_URL": away})
    port = roles.ports["snuba"]
    wanted = {"role": "snuba", "ready": False, "missing": {"snuba": "the columns have no tables yet"}}
    roles.installation.wait_until(lambda: probe(port, "/health/ready") == (503, wanted), "it says what it waits for")
    assert probe(port, "/health/live") == (200, {"role": "snuba", "live": True})
    assert roles.stop("snuba") == 0


def test_a_role_that_is_told_to_stop_finishes_its_batch_and_nothing_comes_twice(roles: Roles):
    roles.start("web", "digest", "snuba")
    project = roles.installation.create_project()
    for start in (1, 101, 201):
        send(roles, project, range(start, start + 50))
        assert roles.stop("digest") == 0
        send(roles, project, range(start + 50, start + 100))
        roles.start("digest")
        # A metric of this process alone: what it has digested is what nobody had digested before it.
        reading.wait_for_events(roles.installation, "shop", start + 99)
    assert roles.value("digest", "outcomes_total", outcome="filtered", reason="duplicate", category="error") == 0
    roles.installation.wait_until(
        lambda: roles.value("snuba", "lag_records", group="snuba", topic="events") == 0 and read_records(roles) == 300,
        "snuba has read all",
    )
    assert roles.stop("snuba") == 0
    roles.start("snuba")
    send(roles, project, range(301, 311))
    roles.installation.wait_until(lambda: read_records(roles) >= 10, "snuba has read what is new")
    time.sleep(1)
    assert read_records(roles) == 10, "it read again what it had read before it stopped in order"
    for role in ("snuba", "digest", "web"):
        assert roles.stop(role) == 0
    assert "Traceback" not in roles.installation.output()


def test_a_port_for_probes_that_cannot_be_had_stops_the_start(roles: Roles):
    roles.start("beat")
    taken = str(roles.ports["beat"])
    process = roles.installation.spawn("digest", variables={"MINI_SENTRY_HEALTH_PORT": taken})
    assert process.wait(60) == 1
    assert f"MINI_SENTRY_HEALTH_PORT {taken} on 127.0.0.1 cannot be used" in roles.installation.output()


def test_every_line_of_a_role_is_json_when_that_is_asked_for(roles: Roles):
    import json

    roles.start("web", "digest", variables={"LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG"})
    project = roles.installation.create_project()
    send(roles, project, range(1, 3))
    reading.wait_for_events(roles.installation, "shop", 2)
    for role in ("digest", "web"):
        assert roles.stop(role) == 0
    lines = [json.loads(line) for line in roles.installation.output().splitlines()]
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    stored = {line["event_id"]: line for line in lines if line["message"] == "An event is stored"}
    assert set(stored) == {f"{1:032x}", f"{2:032x}"}
    assert {line["project_id"] for line in stored.values()} == {project["id"]}
