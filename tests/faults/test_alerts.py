"""Workers die while alerts are evaluated and delivered, two at once: nobody hears of a thing twice, nothing is lost."""

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.alerts.receivers import Mailbox, Receiver, mail_server
from tests.faults.ledger import rows
from tests.installation import Installation, free_port, kill
from tests.scraping import is_ready

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

GROUPS = 30
THRESHOLD = 3
KILLS = 10


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as made:
        yield made


@pytest.fixture
def installation(tmp_path: Path, mailbox: Mailbox) -> Iterator[Installation]:
    variables = {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(mailbox.port)}
    made = Installation(tmp_path / "data", variables=variables)
    yield made
    made.stop()


def test_workers_die_and_each_alert_is_told_once(installation: Installation, hooks: Receiver, mailbox: Mailbox) -> None:
    installation.start("web", "--port", str(installation.port))
    for role in ("digest", "beat"):
        installation.spawn(role)
    project = installation.create_project()
    for target in ({"target_type": "webhook", "target_value": hooks.url()}, {"target_value": "ops@x.test"}):
        rule = {"project": project["id"], "name": "Many", "threshold_count": THRESHOLD} | target
        assert installation.post("/api/alert-rules/", rule).status == 201
    workers = [_Worker(installation) for _ in range(2)]
    chance = random.Random(7)
    sent = 0
    for turn in range(KILLS):
        victim = workers[turn % 2]
        installation.wait_until(victim.is_ready, "the worker is ready")
        for group in range(GROUPS):
            # Every group reaches the count, a few of them in each turn.
            if turn < THRESHOLD - 1 or group % (KILLS - THRESHOLD + 1) == turn - THRESHOLD + 1:
                _send(installation, project, group)
                sent += 1
        time.sleep(0.1 + chance.random() * 0.7)
        victim.die()
    # A second burst within the interval must not be told of.
    for group in range(GROUPS):
        _send(installation, project, group)
        sent += 1
    installation.wait_until(lambda: _is_settled(installation, sent), "all is told", seconds=90)
    told = rows(installation, "SELECT rule_id, group_id FROM alerts_notification")
    assert Counter(told) == Counter(dict.fromkeys(told, 1))
    assert len(told) == 2 * GROUPS
    by_uid = {one.headers["x-mini-sentry-delivery"]: one.json["group_id"] for one in hooks.received}
    assert Counter(by_uid.values()) == Counter(_groups(installation))
    subjects = {mail["Message-ID"]: mail["Subject"] for mail in mailbox.mails}
    assert Counter(subjects.values()).most_common(1)[0][1] == 1
    assert len(subjects) == GROUPS
    # What came twice came under one name, and only because a process died before it could write the answer down.
    repeated = len(hooks.received) + len(mailbox.mails) - 2 * GROUPS
    (died,) = rows(installation, "SELECT count(*) FROM alerts_attempt WHERE detail LIKE 'The process ended%'")
    assert 0 <= repeated <= died[0]


class _Worker:
    """A worker process, and its successor once it has died."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._start()

    def _start(self) -> None:
        self._port = free_port()
        variables = {"MINI_SENTRY_HEALTH_PORT": str(self._port)}
        self._process = self._installation.spawn("worker", variables=variables)

    def is_ready(self) -> bool:
        """Whether it takes tasks."""
        return is_ready(self._port)

    def die(self) -> None:
        kill(self._process.pid)
        self._process.wait(10)
        self._start()


def _send(installation: Installation, project: dict[str, Any], group: int) -> None:
    body = {"exception": {"values": [{"type": f"Broken{_word(group)}", "value": "no"}]}, "platform": "python"}
    path = f"/api/{project['id']}/store/?sentry_key={project['key']}"
    assert installation.request("POST", path, json.dumps(body).encode()).status == 200


def _word(number: int) -> str:
    """Letters alone: digits are left out when groups are made."""
    return "".join(chr(ord("a") + int(digit)) for digit in f"{number:02d}").title()


def _is_settled(installation: Installation, sent: int) -> bool:
    (owed,) = rows(installation, "SELECT (SELECT count(*) FROM alerts_alerttrigger), "
                    "(SELECT count(*) FROM alerts_delivery WHERE status = 'waiting'), "
                    "(SELECT count(*) FROM groups_event)")  # fmt: skip
    return owed[:2] == (0, 0) and owed[2] == sent


def _groups(installation: Installation) -> list[int]:
    return [group for (group,) in rows(installation, "SELECT id FROM groups_group")]
