"""Sessions over the deaths of both processes: what was acknowledged is kept, once, and both stores agree."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mini_sentry.releases.models import SessionStatus
from tests.faults.ledger import rows
from tests.installation import Installation, command_line, kill

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]

CLIENTS = 6
KILLS = 6
SUPERVISOR_KILLS = 2
ANSWERED_BEFORE_A_KILL = 50
# Each session is told of twice; a crash stays a crash, so every third one must be found as such.
ENDS = ("exited", "errored", "crashed")


class Client(threading.Thread):
    """Sends two updates of one session after another; `acknowledged` holds the last status of each that was answered."""

    def __init__(self, installation: Installation, token: str, name: str, stop: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self._installation = installation
        self._path = f"/api/sessions/ingest/token/{token}/"
        self._stop_now = stop
        self.acknowledged: dict[str, str] = {}
        self.statuses: set[int] = set()

    def run(self) -> None:
        number = 0
        while not self._stop_now.is_set():
            for status in ("ok", ENDS[number % len(ENDS)]):
                self._send(f"{self.name}-{number}", status)
            number += 1

    def _send(self, session_id: str, status: str) -> None:
        update = {"session_id": session_id, "status": status, "release": "1.0", "user": self.name}
        try:
            reply = self._installation.post(self._path, update)
        except OSError:
            time.sleep(0.1)
            return
        self.statuses.add(reply.status)
        if reply.status in {200, 201}:
            self.acknowledged[session_id] = status


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data", variables={"RATE_LIMIT_EVENTS_PER_MINUTE": "0"})
    yield made
    made.stop()


@contextmanager
def sending(installation: Installation) -> Iterator[list[Client]]:
    """Clients that send meanwhile."""
    project = installation.create_project()
    stop = threading.Event()
    clients = [Client(installation, project["ingest_token"], f"client-{number}", stop) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        yield clients
    finally:
        stop.set()
        for client in clients:
            client.join(30)


def answered(clients: list[Client]) -> int:
    return sum(len(client.acknowledged) for client in clients)


def books_balance(installation: Installation, clients: list[Client]) -> None:
    acknowledged = {key: status for client in clients for key, status in client.acknowledged.items()}
    assert len(acknowledged) > 50
    assert set.union(*(client.statuses for client in clients)) == {200, 201}
    installation.wait_until(installation.answers, "the server answers", seconds=60)
    installation.wait_until(partial(_agree, installation), "rows and columns agree", seconds=60)
    kept = _kept(installation)
    assert acknowledged.keys() <= kept.keys()
    ended = {key for key, status in acknowledged.items() if status == "crashed"}
    assert ended
    assert {kept[key] for key in ended} == {SessionStatus.CRASHED}
    [row] = _health(installation)
    assert row["total_sessions"] == len(kept)
    assert row["crashed_sessions"] == sum(status == SessionStatus.CRASHED for status in kept.values())


def test_acknowledged_sessions_outlive_the_deaths_of_web_and_engine(installation: Installation):
    installation.start()
    with sending(installation) as clients:
        for turn in range(KILLS):
            role = ("web", "engine")[turn % 2]
            installation.wait_until(installation.answers, "the server answers", seconds=60)
            time.sleep(2)
            installation.wait_until(partial(installation.runs, role), f"{role} runs")
            kill(installation.role(role))
        time.sleep(1)
    books_balance(installation, clients)


def test_acknowledged_sessions_outlive_the_deaths_of_the_supervisor(installation: Installation):
    installation.start()
    with sending(installation) as clients:
        for turn in range(1, SUPERVISOR_KILLS + 1):
            wanted = turn * ANSWERED_BEFORE_A_KILL
            installation.wait_until(lambda: answered(clients) > wanted, "sessions are accepted", seconds=60)  # noqa: B023
            supervisor, *children = installation.pids()
            kill(supervisor)
            installation.wait_until(lambda: not any(map(command_line, children)), "web and engine end", seconds=30)  # noqa: B023
            installation.start()
        time.sleep(1)
    books_balance(installation, clients)


def _health(installation: Installation, backend: str = "db") -> list[dict[str, Any]]:
    reply = installation.get(f"/api/releases/health/?project=shop&backend={backend}")
    answer: list[dict[str, Any]] = reply.json() if reply.status == 200 else []
    return answer


def _agree(installation: Installation) -> bool:
    found = _health(installation)
    return bool(found) and found == _health(installation, "ch")


def _kept(installation: Installation) -> dict[str, int]:
    return dict(rows(installation, "SELECT session_id, status FROM releases_session"))
