"""Retention deletes while others write, and keeps none of them waiting."""

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.installation import Installation

pytestmark = [pytest.mark.once, pytest.mark.slow]

OLD_EVENTS = 20_000
LONGEST_WAIT_SECONDS = 0.5
"""What a write may take; 0.01 on an idle machine of 2 cores."""

NEW_EVENT = (
    "INSERT INTO groups_event (project_id, group_id, event_id, received_at, timestamp, level, environment, user, message, "
    "body_id) VALUES (1, 1, ?, ?, ?, 'error', '', '', 'broken', 0)"
)


def fill(database: sqlite3.Connection) -> None:
    """One project with one group of old events."""
    database.execute("BEGIN")
    database.execute(
        "INSERT INTO projects_project (id, name, slug, platform, ingest_token, is_active, next_group_number, created_at, "
        "grouping_config, stack_rules, fingerprint_rules) "
        "VALUES (1, 'Shop', 'shop', '', 't', 1, 2, '2000-01-01', '', '', '')"
    )
    database.execute(
        "INSERT INTO groups_group (id, project_id, number, title, type, value, culprit, level, platform, grouping_config, "
        "count, stored_count, first_seen, last_seen, status, assignee, is_bookmarked) VALUES (1, 1, 1, 'broken', '', '', "
        "'', 'error', '', '', ?, ?, '2000-01-01', '2000-01-01', 'unresolved', '', 0)",
        (OLD_EVENTS, OLD_EVENTS),
    )
    database.executemany(NEW_EVENT, ((os.urandom(16).hex(), "2000-01-01", "2000-01-01") for _ in range(OLD_EVENTS)))
    database.execute("COMMIT")


def test_a_writer_gets_in_between_and_never_waits_long(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "data")
    installation.data_dir.mkdir()
    installation.manage("migrate", "--verbosity", "0")
    database = sqlite3.connect(installation.data_dir / "main.db", isolation_level=None, timeout=20)
    fill(database)
    command = "from mini_sentry.config.retention import retain; retain()"
    waits: list[float] = []
    with subprocess.Popen(
        [sys.executable, "-m", "mini_sentry.config.cli", "manage", "shell", "-v", "0", "-c", command],
        env=installation.environment,
    ) as retention:
        try:
            while retention.poll() is None:
                # Like the digest's batches: a handful of rows in a transaction that is durable.
                started_at = time.monotonic()
                database.execute("BEGIN IMMEDIATE")
                database.executemany(NEW_EVENT, ((os.urandom(16).hex(), "2999-01-01", "2999-01-01") for _ in range(5)))
                database.execute("UPDATE groups_group SET count = count + 5, stored_count = stored_count + 5")
                database.execute("COMMIT")
                [(left,)] = database.execute("SELECT stored_count FROM groups_group")
                if left < OLD_EVENTS:
                    waits.append(time.monotonic() - started_at)
                time.sleep(0.005)
        finally:
            retention.kill()
    assert retention.returncode == 0
    written = 5 * (database.execute("SELECT count(*) FROM groups_event").fetchone()[0] // 5)
    assert database.execute("SELECT count(*) FROM groups_event WHERE received_at < '2900'").fetchone() == (0,)
    assert database.execute("SELECT count, stored_count FROM groups_group").fetchone() == (
        OLD_EVENTS + written,
        written,
    )
    assert len(waits) > OLD_EVENTS / 500, "the writer came in between the transactions"
    assert max(waits) < LONGEST_WAIT_SECONDS
    database.close()
