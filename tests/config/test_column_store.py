"""The columns' schema is brought up to date by one process at a time."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from mini_sentry.analytics import columns
from mini_sentry.analytics.migrate import schema_files
from mini_sentry.analytics.store import Store
from mini_sentry.config.exclusive import Occupied, exclusively
from tests.engines.clickhouse import ClickHouseServer
from tests.installation import Installation

pytestmark = pytest.mark.django_db

_MIGRATE = """
import sys, time
import django
django.setup()
from mini_sentry.analytics import columns
from mini_sentry.analytics.store import Store
from mini_sentry.config.column_store import migrate_columns
from mini_sentry.config.exclusive import Occupied
print("ready", flush=True)
sys.stdin.readline()
while True:
    try:
        print(*migrate_columns(Store(columns.url)), flush=True)
        break
    except Occupied:
        time.sleep(0.01)
"""


@pytest.mark.django_db(transaction=True)
def test_a_lock_is_held_by_one_at_a_time_and_let_go_at_the_end():
    seen: list[str] = []

    def try_it() -> None:
        from django.db import connection

        try:
            with exclusively("work"):
                seen.append("held")
        except Occupied:
            seen.append("occupied")
        finally:
            connection.close()

    def in_another_thread() -> None:
        thread = threading.Thread(target=try_it)
        thread.start()
        thread.join()

    with exclusively("work"):
        in_another_thread()
        with exclusively("other work"):
            pass
    in_another_thread()
    assert seen == ["occupied", "held"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ClickHouseServer]:
    made = ClickHouseServer(tmp_path / "clickhouse").start()
    yield made
    made.stop()


@pytest.mark.slow
@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_starts_at_once_apply_each_file_once(
    request: pytest.FixtureRequest, tmp_path: Path, server: ClickHouseServer, store: str
):
    variables = {"CLICKHOUSE_URL": server.url, "DJANGO_SETTINGS_MODULE": "mini_sentry.config.settings"}
    if store == "postgres":
        variables["DATABASE_URL"] = request.getfixturevalue("postgres")
    installation = Installation(tmp_path / "data", variables=variables)
    installation.data_dir.mkdir()
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", _MIGRATE],
            env=installation.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for start in starts:
        assert start.stdout.readline() == "ready\n"
    for start in starts:
        start.stdin.write("go\n")
        start.stdin.flush()
    applied = [name for start in starts for name in start.communicate(timeout=60)[0].split()]
    assert [start.returncode for start in starts] == [0] * len(starts)
    assert sorted(applied) == schema_files()
    found = Store(lambda: server.url)
    assert found.query("SELECT name FROM schema_applied ORDER BY name") == [(name,) for name in schema_files()]
    found.close()


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://ann:x@ch:8123", "http://ann:x@ch:8123/errors"),
        ("http://ch/", "http://ch/errors"),
        ("https://ch/named?verify=0", "https://ch/named?verify=0"),
        ("https://ch?ca_cert=/a.pem", "https://ch/errors?ca_cert=/a.pem"),
    ],
)
def test_the_database_is_the_urls_else_the_settings(settings: Settings, url: str, asked: str):
    settings.CLICKHOUSE_URL, settings.CLICKHOUSE_DATABASE = url, "errors"
    assert columns.url() == asked
