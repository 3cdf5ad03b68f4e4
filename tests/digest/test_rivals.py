"""Two digests at once on one PostgreSQL: no group twice, no deadlock, and every count exact."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.digest import rival
from tests.engines.postgres import drop_database, make_database
from tests.installation import Installation

pytestmark = [pytest.mark.once, pytest.mark.slow]

PROJECTS = ("Shop", "Till", "Desk")


@pytest.fixture
def database(postgres: str, tmp_path: Path):
    """A migrated database of this test's own; its URL."""
    name = f"rivals_{tmp_path.name}"
    yield make_database(postgres, name)
    drop_database(postgres, name)


def run_rivals(installation: Installation, project_ids: list[int]) -> list[dict[str, Any]]:
    """Both at once; what each of them printed."""
    processes = []
    for number in (1, 2):
        command = [sys.executable, "-m", "tests.digest.rival", str(number), *map(str, project_ids)]
        processes.append(
            subprocess.Popen(
                command, env=installation.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        )
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    printed = [process.communicate(timeout=100)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    return [json.loads(text) for text in printed]


def test_two_digests_make_each_group_once_and_count_exactly(database: str, tmp_path: Path):
    installation = Installation(tmp_path / "data", variables={"DATABASE_URL": database})
    installation.data_dir.mkdir()
    installation.manage("migrate", "--verbosity", "0")
    for name in PROJECTS:
        installation.manage("create_project", name)
    with psycopg.connect(database, autocommit=True) as db:

        def rows(query: str) -> list[tuple[Any, ...]]:
            return db.execute(query).fetchall()

        project_ids = [pk for (pk,) in rows("SELECT id FROM projects_project ORDER BY id")]
        deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        both = run_rivals(installation, project_ids)

        events = [event for number in (1, 2) for event in rival.sent(number, project_ids)]
        unique = {(project, payload["event_id"]): payload for project, payload in events}
        by_group = Counter(
            (project, payload["exception"]["values"][0]["type"]) for (project, _), payload in unique.items()
        )
        assert len(unique) < len(events)

        assert [one["dead"] for one in both] == [0, 0]
        assert [one["errors"] for one in both] == [[], []]
        assert [one["position"] for one in both] == [rival.RECORDS + 1] * 2
        assert rows(deadlocks) == [(0,)]
        stored = rows("SELECT project_id, replace(event_id::text, '-', '') FROM groups_event")
        assert sorted(stored) == sorted(unique)
        assert rows("SELECT count(*) FROM groups_event_key") == [(len(unique),)]
        groups = rows("SELECT project_id, type, count, stored_count FROM groups_group")
        assert sorted(groups) == sorted((*key, count, count) for key, count in by_group.items())
        numbers = rows("SELECT project_id, array_agg(number ORDER BY number) FROM groups_group GROUP BY project_id")
        assert all(found == list(range(1, len(found) + 1)) for _, found in numbers)
        assert rows(
            "SELECT count(*) FROM groups_event e JOIN groups_group g ON g.id = e.group_id AND g.project_id = e.project_id"
        ) == [(len(unique),)]
        scopes = rows(
            "SELECT g.project_id, g.type, s.environment, s.release_version, s.count "
            "FROM groups_groupscope s JOIN groups_group g ON g.id = s.group_id"
        )
        assert sorted(scopes) == sorted((*key, count) for key, count in _scopes(unique).items())
        outcomes = rows(
            "SELECT project_id, outcome, sum(quantity)::int FROM projects_outcomecount GROUP BY project_id, outcome"
        )
        assert sorted(outcomes) == sorted((*key, count) for key, count in _outcomes(unique, events).items())
        told = [event_id for one in both for event_id in one["told"]]
        assert sorted(told) == sorted(event_id for _, event_id in unique)
        assert rows("SELECT count(*) FROM groups_outbox") == [(0,)]


def _scopes(unique: dict[tuple[int, str], dict[str, Any]]) -> Counter[tuple[int, str, str, str]]:
    return Counter(
        (project, payload["exception"]["values"][0]["type"], payload["environment"], payload["release"])
        for (project, _), payload in unique.items()
    )


def _outcomes(unique: dict[tuple[int, str], Any], events: list[tuple[int, Any]]) -> Counter[tuple[int, str]]:
    accepted = Counter(project for project, _ in unique)
    counts: Counter[tuple[int, str]] = Counter({(project, "accepted"): count for project, count in accepted.items()})
    for project, count in Counter(project for project, _ in events).items():
        counts[project, "filtered"] = count - accepted[project]
    return +counts
