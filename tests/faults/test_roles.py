"""Every role is killed in turn while events come in: nothing is lost, nothing counts twice, every alert is told once."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.alerts.receivers import Receiver
from tests.faults import ledger
from tests.faults.ledger import rows
from tests.faults.load import KINDS, Load
from tests.installation import Installation
from tests.roles import ROLES, Roles

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.timeout(400)]

ROUNDS = 3


@pytest.fixture
def installation(tmp_path: Path, engines: dict[str, str]) -> Iterator[Installation]:
    made = Installation(tmp_path / "data", variables=engines)
    made.data_dir.mkdir()
    made.manage("migrate", "--verbosity", "0")
    yield made
    made.stop()


def test_each_role_dies_in_turn_under_load_and_the_books_still_balance(installation: Installation, hooks: Receiver):
    roles = Roles(installation).start()
    project = installation.create_project()
    rule = {"project": project["id"], "name": "Any", "threshold_count": 1}
    target = {"target_type": "webhook", "target_value": hooks.url()}
    assert installation.post("/api/alert-rules/", rule | target).status == 201
    chance = random.Random(5)
    with Load(installation.port, project["id"], project["key"], pause_seconds=0.02) as load:
        for turn in range(ROUNDS):
            for role in ROLES:
                time.sleep(0.2 + chance.random() * 0.6)
                if role == "web" and turn:
                    # One of its workers: the others go on, and its parent starts another.
                    roles.kill9_a_worker()
                else:
                    roles.kill9(role)
                    roles.start(role)
        time.sleep(1)
    ledger.settle(installation, load.acknowledged)
    books = ledger.read(installation, project["id"])
    assert len(load.acknowledged) > 500, load.answers
    assert set(load.answers) == {200}
    assert books.outcomes["filtered", "duplicate"] > 0
    ledger.check(books, load.acknowledged)
    installation.wait_until(partial(_all_is_told, installation), "all alerts are told", seconds=60)
    told = rows(installation, "SELECT group_id FROM alerts_notification")
    assert Counter(told) == Counter(rows(installation, "SELECT id FROM groups_group"))
    assert len(told) == KINDS
    assert {one.json["group_id"] for one in hooks.received} == {group for (group,) in told}


def _all_is_told(installation: Installation) -> bool:
    owed = rows(installation, "SELECT count(*) FROM alerts_alerttrigger")
    waiting = rows(installation, "SELECT count(*) FROM alerts_delivery WHERE status = 'waiting'")
    return owed == waiting == [(0,)]
