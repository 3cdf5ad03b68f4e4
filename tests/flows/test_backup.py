"""The data directory is copied under load, and what is made from the copy holds every event exactly once."""

import io
import shutil
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mini_sentry.config.backup import backup
from mini_sentry.config.progress import Progress, Step
from tests.faults import ledger
from tests.faults.load import Load, envelope
from tests.flows.test_moving import command
from tests.installation import Installation
from tests.ui import seed

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data")
    yield made
    made.stop()


@pytest.fixture
def restored(tmp_path: Path) -> Iterator[Installation]:
    """Not started yet."""
    made = Installation(tmp_path / "restored")
    yield made
    made.stop()


@pytest.mark.parametrize("name", ["backup", "backup.zip"])
def test_what_was_accepted_before_a_backup_under_load_is_in_it_exactly_once(
    site: Installation, restored: Installation, tmp_path: Path, name: str
):
    site.start()
    project = site.create_project()
    with Load(site.port, project["id"], project["key"]) as load:
        time.sleep(3)
        before = set(load.acknowledged)
        command(site, "backup", tmp_path / name)
        time.sleep(0.5)
    site.stop()
    assert len(before) > 200, load.answers

    command(restored, "restore", tmp_path / name)
    restored.start()
    stored = _check(restored, project["id"], before)
    assert len(stored) < len(load.acknowledged)

    # It goes on from there: nothing that comes now is passed over or lost.
    with Load(restored.port, project["id"], project["key"]) as more:
        time.sleep(1)
    _check(restored, project["id"], before | more.acknowledged)


class _Busy(Progress):
    """Sends and waits until the rows have what was sent, each time a file is about to be copied."""

    def __init__(self, busy: Callable[[str], None]) -> None:
        super().__init__(io.StringIO())
        self._busy = busy

    def step(self, name: str, total: int | None = None, *, unit: str = "") -> Step:
        self._busy(name)
        return super().step(name, total, unit=unit)


def test_a_log_that_was_copied_long_before_the_rows_goes_on_behind_them(
    site: Installation, restored: Installation, tmp_path: Path
):
    site.start()
    project = site.create_project()
    sent: dict[str, list[str]] = {}

    def send_and_settle(moment: str) -> None:
        for _ in range(20):
            event_id = uuid.uuid4().hex
            _send(site, project, event_id)
            sent.setdefault(moment, []).append(event_id)
        ledger.settle(site)

    send_and_settle("before")
    backup(site.data_dir, tmp_path / "copy", _Busy(send_and_settle))
    site.stop()

    command(restored, "restore", tmp_path / "copy")
    restored.start()
    stored = _check(restored, project["id"], set(sent["before"]) | set(sent["ingest.db"]))
    in_rows = {event_id for moment in ("before", "artifacts", "ingest.db", "main.db") for event_id in sent[moment][:20]}
    assert stored == in_rows

    later = set()
    for _ in range(60):
        later.add(event_id := uuid.uuid4().hex)
        _send(restored, project, event_id)
    assert _check(restored, project["id"], later) == stored | later


def test_a_restored_letter_is_there_once_and_thinned_events_keep_their_tags(
    site: Installation, restored: Installation, tmp_path: Path
):
    site.start()
    project = site.create_project()
    body = b'{}\n{"type":"event"}\nnot json\n'
    headers = {"X-Sentry-Auth": f"Sentry sentry_key={project['key']}"}
    assert site.request("POST", f"/api/{project['id']}/envelope/", body, headers).status == 200
    for number in range(30):
        seed.send(site, project, {"message": "loud", "tags": {"region": ("eu", "us", "ap")[number % 3]}})
    ledger.settle(site)
    with closing(sqlite3.connect(site.data_dir / "main.db")) as rows:
        found = rows.execute("SELECT substr(received_at, 1, 10), body_id FROM groups_event LIMIT 20").fetchall()
    for day, body_id in found:
        with closing(sqlite3.connect(site.data_dir / "bodies" / f"{day}.db")) as bodies, bodies:
            bodies.execute("DELETE FROM body WHERE id = ?", (body_id,))
    tags = site.get("/api/groups/1/tags/").json()
    letters = command(site, "dead-letters", "list")
    command(site, "backup", tmp_path / "copy.zip")
    site.stop()

    command(restored, "restore", tmp_path / "copy.zip")
    restored.start()
    ledger.settle(restored)
    assert restored.get("/api/groups/1/tags/").json() == tags
    assert command(restored, "dead-letters", "list") == letters
    assert "1 shown" in letters


def test_a_directory_that_is_not_empty_or_in_use_is_not_restored_into(
    site: Installation, restored: Installation, tmp_path: Path
):
    site.start()
    command(site, "backup", tmp_path / "copy")
    assert "already runs" in command(site, "restore", tmp_path / "copy", expect=1)
    site.stop()
    assert "not empty" in command(site, "restore", tmp_path / "copy", expect=1)

    # A copy that was changed leaves nothing behind, so that a whole one can follow.
    damaged = tmp_path / "damaged"
    shutil.copytree(tmp_path / "copy", damaged)
    with (damaged / "main.db").open("r+b") as file:
        file.seek(5000)
        file.write(b"damage")
    assert "damaged" in command(restored, "restore", damaged, expect=1)
    assert {path.name for path in restored.data_dir.iterdir()} <= {"run.lock"}
    command(restored, "restore", tmp_path / "copy")


def test_a_backup_of_what_is_elsewhere_is_refused(site: Installation, tmp_path: Path):
    site.variables["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:9/nothing"
    assert "DATABASE_URL is set" in command(site, "backup", tmp_path / "copy", expect=1)


def _send(site: Installation, project: dict[str, Any], event_id: str) -> None:
    headers = {"X-Sentry-Auth": f"Sentry sentry_key={project['key']}"}
    reply = site.request("POST", f"/api/{project['id']}/envelope/", envelope(event_id, 1), headers)
    assert reply.status == 200, reply.body


def _check(site: Installation, project_id: int, acknowledged: set[str]) -> set[str]:
    """Nothing of `acknowledged` is lost, nothing is there twice, all counts agree and every body can be read; the event ids."""
    ledger.settle(site)
    books = ledger.read(site, project_id)
    stored = set(books.event_ids)
    assert not acknowledged - stored, "events that were answered 200 are lost"
    assert len(stored) == len(books.event_ids) == books.group_counts == books.group_scopes
    assert sorted(books.column_ids) == sorted(stored)
    assert books.outcomes["accepted", ""] == len(stored)
    for event_id in sorted(stored)[:: max(1, len(stored) // 50)]:
        assert site.get(f"/api/events/{event_id}/").json()["payload"]["event_id"] == event_id
    return stored
