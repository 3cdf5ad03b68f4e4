"""Processes die at any moment: nothing that was answered 200 is lost, nothing counts twice."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.faults import ledger
from tests.faults.load import Load, envelope
from tests.installation import Installation, kill

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

KILLS = 20


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data")
    yield made
    made.stop()


def test_web_and_engine_die_twenty_times_under_load_and_the_books_still_balance(installation: Installation):
    installation.start()
    project = installation.create_project()
    chance = random.Random(20)
    with Load(installation.port, project["id"], project["key"], pause_seconds=0.01) as load:
        for turn in range(KILLS):
            role = ("web", "engine")[turn % 2]
            installation.wait_until(installation.answers, "the server answers again")
            time.sleep(0.3 + chance.random() * 0.9)
            installation.wait_until(partial(installation.runs, role), f"{role} runs")
            kill(installation.role(role))
        time.sleep(1)
    installation.wait_until(installation.answers, "the server answers again")
    ledger.settle(installation, load.acknowledged)
    books = ledger.read(installation, project["id"])
    assert len(load.acknowledged) > 500, load.answers
    assert books.outcomes["filtered", "duplicate"] > 0
    assert set(load.answers) == {200}
    ledger.check(books, load.acknowledged)


def test_a_death_between_the_transaction_and_the_publish_changes_nothing(installation: Installation):
    installation.start("web", "--port", str(installation.port))
    project = installation.create_project()
    acknowledged = set()
    for number in range(1, 41):
        event_id = f"{number:032x}"
        headers = {"X-Sentry-Auth": f"Sentry sentry_key={project['key']}"}
        path = f"/api/{project['id']}/envelope/"
        reply = installation.request("POST", path, envelope(event_id, number % 3), headers)
        assert reply.status == 200
        acknowledged.add(event_id)
    command = [sys.executable, "-m", "tests.faults.dies_before_publish"]
    died = subprocess.run(command, env=installation.environment, timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL
    installation.start("engine")
    ledger.settle(installation, acknowledged)
    books = ledger.read(installation, project["id"])
    assert len(books.event_ids) == 40
    ledger.check(books, acknowledged)
