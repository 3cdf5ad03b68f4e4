"""PostgreSQL is killed, or migrated, while events come in: ingest goes on, and the books balance afterwards."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from mini_sentry.streams.open import open_logs
from mini_sentry.streams.topics import DIGEST, INGEST
from tests.engines.postgres import PostgresServer, serving
from tests.faults.load import Load
from tests.installation import Installation

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.timeout(400)]

AWAY_SECONDS = (60.0, 6.0)


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with serving() as started:
        yield started


@pytest.fixture
def installation(server: PostgresServer, tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data", variables={"DATABASE_URL": server.make_database("faults")})
    made.data_dir.mkdir()
    yield made
    made.stop()


def make_project(installation: Installation) -> tuple[int, str]:
    """Its id and public key."""
    printed = installation.manage("create_project", "Shop")
    dsn = printed.split("DSN: ")[1].split()[0]
    return int(dsn.rsplit("/", 1)[1]), dsn.split("//")[1].split("@")[0]


def settle(installation: Installation) -> None:
    log = open_logs(installation.data_dir)
    try:
        installation.wait_until(lambda: log.lag(DIGEST, INGEST) == 0, "the log is digested", seconds=90)
    finally:
        log.close()


def wait_for_more(installation: Installation) -> None:
    """Until the digest stores again, which must not take as long as the server was away."""

    def stored() -> int:
        with psycopg.connect(installation.variables["DATABASE_URL"]) as db:
            row = db.execute("SELECT count(*) FROM groups_event_key").fetchone()
        return row[0] if row else 0

    before = stored()
    installation.wait_until(lambda: stored() > before, "the digest goes on", seconds=25, every=0.5)


def check(installation: Installation, load: Load) -> None:
    """All that was answered 200 is stored once and counted once."""
    with psycopg.connect(installation.variables["DATABASE_URL"]) as db:
        stored = [event_id.hex for (event_id,) in db.execute("SELECT event_id FROM groups_event")]
        assert len(set(stored)) == len(stored)
        assert not load.acknowledged - set(stored)
        sums = db.execute(
            "SELECT (SELECT sum(count) FROM groups_group)::int, (SELECT sum(count) FROM groups_groupscope)::int, "
            "(SELECT count(*) FROM groups_event_key)::int, "
            "(SELECT sum(quantity) FROM projects_outcomecount WHERE outcome = 'accepted')::int"
        ).fetchone()
        assert sums == (len(stored),) * 4


def test_postgresql_dies_under_load_and_comes_back(server: PostgresServer, installation: Installation):
    installation.manage("migrate", "--verbosity", "0")
    project_id, key = make_project(installation)
    installation.start("web", "--port", str(installation.port))
    digest = installation.spawn("digest")
    with Load(installation.port, project_id, key, pause_seconds=0.05) as load:
        installation.wait_until(lambda: len(load.acknowledged) > 200, "events are accepted", seconds=60)
        for away_seconds in AWAY_SECONDS:
            server.kill9()
            before = len(load.acknowledged)
            time.sleep(away_seconds)
            assert len(load.acknowledged) > before + 100, "ingest does not need PostgreSQL"
            server.start()
            wait_for_more(installation)
    settle(installation)
    assert digest.poll() is None, "the digest waits, it does not end"
    assert load.answers.keys() == {200}
    check(installation, load)


def test_tables_are_migrated_while_ingest_accepts(installation: Installation):
    # Tables as they were before the events were partitioned; the digest finds them so and waits.
    for app in ("accounts", "admin", "sessions", "projects", "releases"):
        installation.manage("migrate", app, "--verbosity", "0")
    installation.manage("migrate", "groups", "0001", "--verbosity", "0")
    project_id, key = make_project(installation)
    installation.spawn("web", "--port", str(installation.port))
    installation.wait_until(installation.answers, "the server answers", seconds=60)
    installation.spawn("digest")
    with (
        Load(installation.port, project_id, key) as load,
        psycopg.connect(installation.variables["DATABASE_URL"]) as reader,
    ):
        installation.wait_until(lambda: len(load.acknowledged) > 200, "events are accepted", seconds=60)
        reader.execute("SELECT count(*) FROM groups_event").fetchall()
        migrating = installation.spawn("manage", "migrate", "--verbosity", "0")
        # A reader holds the table, so the migration gives way and tries again.
        installation.wait_until(lambda: "Others use the tables" in installation.output(), "it gives way", seconds=60)
        reader.rollback()
        assert migrating.wait(100) == 0
        before = len(load.acknowledged)
        installation.wait_until(lambda: len(load.acknowledged) > before + 200, "ingest goes on", seconds=60)
    settle(installation)
    assert load.answers.keys() == {200}
    check(installation, load)


def test_two_migrations_at_once_do_the_work_once(installation: Installation):
    command = [sys.executable, "-m", "mini_sentry.config.cli", "manage", "migrate", "--verbosity", "0"]
    both = [subprocess.Popen(command, env=installation.environment) for _ in range(2)]
    assert [one.wait(120) for one in both] == [0, 0]
