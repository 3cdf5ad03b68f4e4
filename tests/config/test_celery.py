"""The product's own app: what it schedules, and that its worker does it."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from celery import Celery
from celery.beat import Scheduler

from mini_sentry.config import leases
from mini_sentry.config.celery import _schedule, _steady, app
from mini_sentry.config.leases import LeaseFile
from tests.config.test_leases import until

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
COMMAND = (sys.executable, "-m", "mini_sentry.config.cli")


def test_every_entry_of_the_schedule_is_a_task() -> None:
    app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert scheduled
    assert scheduled <= set(app.tasks)


def test_every_entry_first_runs_a_minute_after_the_start() -> None:
    scheduler = Scheduler(app)
    for name, entry in _schedule(lambda: NOON).items():
        wait = scheduler.Entry(**entry, name=name, app=app).is_due().next
        assert timedelta() < timedelta(seconds=wait) <= timedelta(minutes=1), name


def test_entries_are_due_by_the_time_that_passes_and_not_by_the_clock() -> None:
    passed = [1000.0]
    plan = _schedule(_steady(NOON, lambda: passed[0]))["alerts.catch_up"]
    entry = Scheduler(app).Entry(**plan, name="alerts.catch_up", app=app)
    for _ in range(2):
        passed[0] += 9.5
        assert not entry.is_due().is_due
        passed[0] += 1
        assert entry.is_due().is_due
        entry = next(entry)


def test_tasks_outlive_their_worker() -> None:
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost


def environment(data: Path) -> dict[str, str]:
    return {**os.environ, "MINI_SENTRY_DATA": str(data)}


@pytest.mark.slow
def test_the_worker_does_what_is_asked_and_stops_in_order(tmp_path: Path) -> None:
    subprocess.run([*COMMAND, "manage", "migrate", "--verbosity", "0"], env=environment(tmp_path), check=True)
    old = tmp_path / "bodies" / "2000-01-01.db"
    old.parent.mkdir()
    old.touch()
    sender = Celery("sender", broker=leases.url(tmp_path / "tasks.db"), set_as_current=False)
    sender.send_task("retention", queue=app.conf.task_default_queue)
    sender.close()
    tasks = LeaseFile(tmp_path / "tasks.db")
    with subprocess.Popen([*COMMAND, "worker"], env=environment(tmp_path)) as worker:
        try:
            assert until(lambda: not old.exists())
            assert until(lambda: tasks.count(app.conf.task_default_queue) == 0)
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(20) == 0
        finally:
            worker.kill()
            tasks.close()


@pytest.mark.slow
def test_the_schedule_stops_when_asked(tmp_path: Path) -> None:
    with subprocess.Popen([*COMMAND, "beat"], env=environment(tmp_path), stderr=subprocess.PIPE, text=True) as beat:
        try:
            assert beat.stderr is not None
            assert any("beat is ready" in line for line in beat.stderr)
            beat.send_signal(signal.SIGTERM)
            assert beat.wait(10) == 0
        finally:
            beat.kill()
