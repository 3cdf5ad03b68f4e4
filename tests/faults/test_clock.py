"""The clock is set back and forward again under load: nothing is lost or counted twice, and nobody waits for it to catch up."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.alerts.receivers import Receiver
from tests.faults import ledger
from tests.faults.faults import Faults, build
from tests.faults.ledger import rows
from tests.faults.load import Load, envelope
from tests.installation import Installation
from tests.roles import Roles

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.timeout(240)]

LIMIT = 1500
"""Events a minute: a few seconds' worth, so that each turn of the clock meets a project that has used its minute up."""
BACK = timedelta(hours=-2)
TRUE = timedelta(0)


@pytest.fixture
def faults(tmp_path: Path) -> Faults:
    return Faults(build(tmp_path), "machine")


@pytest.fixture
def installation(tmp_path: Path, engines: dict[str, str], faults: Faults) -> Iterator[Installation]:
    variables = {"RATE_LIMIT_EVENTS_PER_MINUTE": str(LIMIT)}
    made = Installation(tmp_path / "data", variables=engines | faults.variables | variables)
    made.data_dir.mkdir()
    made.manage("migrate", "--verbosity", "0")
    yield made
    made.stop()


def test_the_clock_goes_back_two_hours_and_forward_again(installation: Installation, faults: Faults, hooks: Receiver):
    Roles(installation).start()
    loud, quiet = installation.create_project(), installation.create_project("Quiet", "quiet")
    _tell_of_new_groups(installation, quiet, hooks.url("/ok"))
    sent: list[str] = []
    with Load(installation.port, loud["id"], loud["key"], pause_seconds=0.02) as load:
        for turn, ahead in enumerate([BACK, TRUE]):
            _use_the_minute_up(installation, load)
            # What is told here fails once, and is due again ten seconds later by the clock that is.
            flaky = f"/flaky/{turn}/1"
            _tell_of_new_groups(installation, quiet, hooks.url(flaky))
            sent.append(_send(installation, quiet, kind=100 + 2 * turn))
            _wait_until_told(installation, hooks, flaky, sent[-1])
            before = len(load.acknowledged)
            faults.set_clock(ahead=ahead)
            _wait_for_more(installation, load, before)
            _wait_until_told(installation, hooks, flaky, sent[-1], times=2)
            sent.append(_send(installation, quiet, kind=101 + 2 * turn))
            _wait_until_told(installation, hooks, "/ok", sent[-1])
    assert set(load.answers) == {200, 429}
    acknowledged = load.acknowledged | set(sent)
    ledger.settle(installation, acknowledged)
    books = ledger.read(installation, loud["id"], quiet["id"])
    assert books.outcomes["filtered", "duplicate"] > 0
    ledger.check(books, acknowledged)
    assert _told(hooks, "/ok") == Counter(sent)
    told = Counter(rows(installation, "SELECT rule_id, group_id FROM alerts_notification"))
    assert set(told.values()) == {1}
    assert "Traceback" not in installation.output()


def _use_the_minute_up(installation: Installation, load: Load) -> None:
    refused = load.answers.get(429, 0)
    installation.wait_until(lambda: load.answers.get(429, 0) > refused, "the project is limited", seconds=30)


def _wait_for_more(installation: Installation, load: Load, before: int) -> None:
    installation.wait_until(lambda: len(load.acknowledged) > before + 100, "events pass again", seconds=10)


def _tell_of_new_groups(installation: Installation, project: dict[str, Any], url: str) -> None:
    rule = {"project": project["id"], "name": url, "condition": "new_group", "target_type": "webhook"}
    assert installation.post("/api/alert-rules/", rule | {"target_value": url}).status == 201


def _send(installation: Installation, project: dict[str, Any], *, kind: int) -> str:
    """One event of a kind; its id."""
    event_id = uuid4().hex
    headers = {"X-Sentry-Auth": f"Sentry sentry_key={project['key']}"}
    path = f"/api/{project['id']}/envelope/"
    assert installation.request("POST", path, envelope(event_id, kind), headers).status == 200
    return event_id


def _wait_until_told(installation: Installation, hooks: Receiver, path: str, event_id: str, *, times: int = 1) -> None:
    what = f"{path} is told {times} times"
    installation.wait_until(lambda: _told(hooks, path)[event_id] == times, what, seconds=40)


def _told(hooks: Receiver, path: str) -> Counter[str]:
    """How often each event was told of."""
    return Counter(one.json["event_id"] for one in hooks.at(path))
