"""`web --workers N`: several processes behind one port, which act as one."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.faults.load import envelope
from tests.installation import Installation, command_line, descendants, kill
from tests.scraping import probe, value

pytestmark = [pytest.mark.slow]

Connect = Callable[[], http.client.HTTPConnection]

WORKERS = 3
LIMIT = 40


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data", variables={"RATE_LIMIT_EVENTS_PER_MINUTE": str(LIMIT)})
    yield made.start("web", "--port", str(made.port), "--workers", str(WORKERS))
    made.stop()


def workers(installation: Installation) -> list[int]:
    return [pid for pid in installation.pids() if "--listen-fd" in command_line(pid)]


def owner(installation: Installation, connection: http.client.HTTPConnection) -> int:
    """The worker that has the other end of a connection."""
    port = connection.sock.getsockname()[1]
    wanted = f":{installation.port:04X}", f":{port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        local, remote, inode = line.split()[1], line.split()[2], line.split()[9]
        if (local[8:], remote[8:]) == wanted:
            for pid in workers(installation):
                if f"socket:[{inode}]" in {str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()}:
                    return pid
    raise LookupError(port)


@pytest.fixture
def connect(installation: Installation) -> Iterator[Connect]:
    """Opens connections, which are closed at the end."""
    with ExitStack() as opened:

        def one_more() -> http.client.HTTPConnection:
            connection = http.client.HTTPConnection("127.0.0.1", installation.port, timeout=20)
            opened.callback(connection.close)
            connection.connect()
            return connection

        yield one_more


def send(connection: http.client.HTTPConnection, project: dict[str, Any], number: int) -> int:
    headers = {"X-Sentry-Auth": f"Sentry sentry_key={project['key']}"}
    connection.request("POST", f"/api/{project['id']}/envelope/", envelope(f"{number:032x}", 1), headers)
    reply = connection.getresponse()
    reply.read()
    return reply.status


def wait_for_a_fresh_minute() -> None:
    """So that what follows falls into one window of the limits."""
    left = 60 - time.time() % 60
    if left < 15:
        time.sleep(left + 0.1)


def test_limits_hold_over_all_workers_and_metrics_are_their_sum(installation: Installation, connect: Connect):
    project = installation.create_project()
    installation.wait_until(lambda: len(workers(installation)) == WORKERS, "all workers run")
    time.sleep(1)
    connections: dict[int, http.client.HTTPConnection] = {}
    for _ in range(200):
        connection = connect()
        installation.wait_until(partial(_has_owner, installation, connection), "a worker takes the connection")
        connections.setdefault(owner(installation, connection), connection)
        if len(connections) == WORKERS:
            break
    assert len(connections) == WORKERS, "connections are not spread"
    wait_for_a_fresh_minute()
    answers: Counter[int] = Counter()
    for number in range(1, LIMIT * 2 + 1):
        answers[send(list(connections.values())[number % WORKERS], project, number)] += 1
    assert answers == {200: LIMIT, 429: LIMIT}
    for connection in connections.values():
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        assert f"\nmini_sentry_accepted_requests_total {LIMIT}.0\n" in text
        assert f'\nmini_sentry_refused_items_total{{reason="project_limit"}} {LIMIT}.0\n' in text
    assert value(installation.port, "build_info", **_build(installation)) == 1


def _build(installation: Installation) -> dict[str, str]:
    import platform

    import mini_sentry

    return {"version": mini_sentry.__version__, "python": platform.python_version(), "role": "web"}


def _has_owner(installation: Installation, connection: http.client.HTTPConnection) -> bool:
    try:
        owner(installation, connection)
    except LookupError:
        return False
    return True


def _is_replaced(installation: Installation, victim: int) -> bool:
    found = workers(installation)
    return len(found) == WORKERS and victim not in found


def test_a_worker_that_dies_is_replaced_and_its_counts_stay(installation: Installation, connect: Connect):
    project = installation.create_project()
    wait_for_a_fresh_minute()
    for number in range(1, 11):
        connection = connect()
        assert send(connection, project, number) == 200
        connection.close()
    before = workers(installation)
    for victim in before:
        kill(victim)
        installation.wait_until(
            partial(_is_replaced, installation, victim),
            "another worker is there",
        )
    assert not set(before) & set(workers(installation))
    installation.wait_until(lambda: probe(installation.port, "/health/ready")[0] == 200, "the new ones answer")
    assert value(installation.port, "accepted_requests_total") == 10
    # Who connects while a worker is replaced waits, and is not refused.
    connection = connect()
    assert send(connection, project, 11) == 200
    assert value(installation.port, "accepted_requests_total") == 11


def test_they_stop_together_and_a_killed_parent_leaves_none(installation: Installation):
    children = workers(installation)
    [parent] = [pid for pid in installation.pids() if pid not in children]
    os.kill(parent, signal.SIGTERM)
    installation.wait_until(
        lambda: not any("--listen-fd" in command_line(pid) for pid in children), "they stop", seconds=15
    )
    assert "Traceback" not in installation.output()
    installation.stop()
    installation.start("web", "--port", str(installation.port), "--workers", "2")
    children = workers(installation)
    [parent] = [pid for pid in installation.pids() if pid not in children]
    assert set(descendants(parent)) >= set(children)
    kill(parent)
    installation.wait_until(
        lambda: not any("--listen-fd" in command_line(pid) for pid in children), "they end", seconds=15
    )


def test_a_number_of_workers_must_make_sense(tmp_path: Path):
    command = [sys.executable, "-m", "mini_sentry.config.cli", "web", "--workers"]
    for number in ("0", "many", "-1"):
        done = subprocess.run([*command, number], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 2
        assert "no number from 1 to 256" in done.stderr


def test_each_answer_of_the_probes_is_small_and_json(installation: Installation):
    assert probe(installation.port, "/health/live") == (200, {"role": "web", "live": True})
    assert probe(installation.port, "/health/ready") == (200, {"role": "web", "ready": True, "missing": {}})
    refused = installation.request("GET", "/metrics", headers={"Host": "errors.example"})
    assert refused.status == 403
    assert "METRICS_TOKEN" in json.loads(refused.body)["detail"]


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("TRUSTED_PROXIES", {"TRUSTED_PROXIES": "everybody"}),
        (
            "KAFKA_CLIENT_OPTIONS",
            {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9", "KAFKA_CLIENT_OPTIONS": "no.such.option=1"},
        ),
    ],
)
def test_a_setting_that_cannot_be_used_ends_them_all_with_its_name(
    tmp_path: Path, name: str, variables: dict[str, str]
):
    installation = Installation(tmp_path / "data")
    installation.manage("migrate", "--verbosity", "0")
    spoiled = Installation(tmp_path / "data", port=installation.port, variables=variables)
    arguments = [sys.executable, "-m", "mini_sentry.config.cli", "web", "--workers", "2", "--port", str(spoiled.port)]
    done = subprocess.run(arguments, env=spoiled.environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"{name}=" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.endswith("A setting cannot be used; see the line above.\n")
