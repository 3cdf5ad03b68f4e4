"""What every test may use."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as configured
from pytest_django import Settings

from mini_sentry.analytics.chdb_server import address
from mini_sentry.analytics.store import Store
from mini_sentry.projects.models import Project
from tests.columns import EngineProcess, empty_columns
from tests.engines import is_wanted
from tests.factories import make_project
from tests.settings import POSTGRES_PORT

# Processes that tests start run with the product's own settings.
os.environ["DJANGO_SETTINGS_MODULE"] = "mini_sentry.config.settings"


def pytest_unconfigure(config: pytest.Config) -> None:
    data: Path = configured.DATA_DIR
    if data.name.startswith("mini-sentry-tests-"):
        shutil.rmtree(data, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server whose user may create databases (`tests.engines.postgres.make_database`)."""
    from tests.engines.postgres import serving

    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
    else:
        with serving(port=POSTGRES_PORT) as server:
            yield server.url


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request: pytest.FixtureRequest) -> None:
    """Asked for by pytest-django before the first test with a database."""
    if is_wanted("postgres"):
        request.getfixturevalue("postgres")


@pytest.fixture
def shop(db: None) -> Project:
    """A project that sends events."""
    return make_project("Shop", slug="shop")


@pytest.fixture(scope="session")
def column_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    process = EngineProcess(tmp_path_factory.mktemp("columns"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def columns(column_engine: EngineProcess, settings: Settings) -> Iterator[Store]:
    """Empty columns of a real engine, which the product reads as well."""
    store = column_engine.store()
    empty_columns(store)
    settings.CLICKHOUSE_URL = address(column_engine.data_dir)
    yield store
    store.close()
