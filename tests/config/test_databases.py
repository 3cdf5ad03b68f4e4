"""DATABASE_URL as Django's settings."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mini_sentry.config.databases import database
from mini_sentry.config.environment import BadSetting, Environment


def settings_of(address: str = "", **variables: str) -> dict[str, Any]:
    return database(Environment({"DATABASE_URL": address} | variables), sqlite_path=Path("/data/main.db"))


def test_without_an_address_the_rows_are_in_the_data_directory():
    found = settings_of()
    assert (found["ENGINE"], found["NAME"]) == ("django.db.backends.sqlite3", "/data/main.db")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_an_address_names_a_postgresql_server(scheme: str):
    found = settings_of(f"{scheme}://shop:p%40ss@db.example:5433/errors")
    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert [found[name] for name in ("HOST", "PORT", "USER", "PASSWORD", "NAME")] == [
        "db.example",
        5433,
        "shop",
        "p@ss",
        "errors",
    ]


def test_connections_come_from_a_pool_and_are_looked_at_before_use():
    found = settings_of("postgresql://db/errors", DATABASE_POOL_SIZE="5")
    assert found["OPTIONS"]["pool"]["max_size"] == 5
    assert found["CONN_HEALTH_CHECKS"] is True
    assert found["CONN_MAX_AGE"] == 0


def test_each_connection_has_time_outs():
    options = settings_of("postgresql://db/errors", DATABASE_LOCK_TIMEOUT_SECONDS="3")["OPTIONS"]["options"]
    assert "-c lock_timeout=3000" in options
    assert "-c statement_timeout=60000" in options
    assert "-c idle_in_transaction_session_timeout=60000" in options


def test_what_the_address_asks_of_the_connection_is_kept():
    options = settings_of("postgresql://db/errors?sslmode=verify-full&currentSchema=shop")["OPTIONS"]
    assert options["sslmode"] == "verify-full"
    assert options["options"].startswith("-c search_path=shop -c statement_timeout=")


@pytest.mark.parametrize(
    "address",
    [
        "mysql://root:geheim@db/errors",
        "postgresql://db",
        "postgresql://u:geheim@db:many/errors",
        "db.example/errors",
        "sqlite:///errors.db",
    ],
)
def test_another_address_stops_the_start_and_the_password_is_not_shown(address: str):
    with pytest.raises(BadSetting, match="DATABASE_URL") as refused:
        settings_of(address)
    assert "geheim" not in str(refused.value)


def test_the_embedded_processes_load_no_driver_of_another_engine(tmp_path: Path) -> None:
    drivers = {"psycopg", "redis", "confluent_kafka"}
    asked = (
        "import sys, django; django.setup(); import mini_sentry.config.asgi, mini_sentry.config.parts;"
        f"print(sorted({drivers} & set(sys.modules)))"
    )
    variables = {"PATH": os.environ["PATH"], "MINI_SENTRY_DATA": str(tmp_path)}
    variables["DJANGO_SETTINGS_MODULE"] = "mini_sentry.config.settings"
    done = subprocess.run([sys.executable, "-c", asked], env=variables, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_server_that_comes_back_is_found_while_somebody_waits_for_it():
    pool = settings_of("postgresql://db/errors")["OPTIONS"]["pool"]
    assert pool["reconnect_timeout"] <= pool["timeout"]
