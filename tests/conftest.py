"""What every test may use."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as configured
from pytest_django import Settings

from mini_sentry.analytics.chdb_server import address
from mini_sentry.analytics.store import Store
from mini_sentry.projects.models import Project
from tests.columns import EngineProcess, empty_columns
from tests.engines import is_wanted, is_whole
from tests.engines.stack import SHARED
from tests.factories import make_project
from tests.settings import POSTGRES_PORT

if TYPE_CHECKING:
    from tests.engines.kafka import MockCluster

ROOT = Path(__file__).parent.parent
LONG = ("faults", "deploy", "flows", "ui", "clients", "config", "analytics")
STORES = {"db", "transactional_db", "columns"}

# Processes that tests start run with the product's own settings.
os.environ["DJANGO_SETTINGS_MODULE"] = "mini_sentry.config.settings"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes minutes begins first, so that one of several processes is not left with it at the end. A run on other
    engines leaves out what says nothing about them."""
    if is_whole():
        left_out = [item for item in items if not _concerns_engines(item)]
        items[:] = [item for item in items if _concerns_engines(item)]
        config.hook.pytest_deselected(items=left_out)
    items.sort(key=_minutes_first)


def _concerns_engines(item: pytest.Item) -> bool:
    if any(map(item.get_closest_marker, ("once", "browser"))):
        return False
    fixtures = set(getattr(item, "fixturenames", ()))
    return any(map(item.get_closest_marker, ("django_db", "slow"))) or bool(fixtures & STORES)


def _minutes_first(item: pytest.Item) -> int:
    folder = item.path.relative_to(ROOT).parts[1]
    return LONG.index(folder) if folder in LONG else len(LONG)


def pytest_unconfigure(config: pytest.Config) -> None:
    SHARED.stop()
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
def redis_server() -> Iterator[str]:
    """The URL of a Redis server for the whole run; `redis` gives it to one test, empty."""
    from tests.engines.redis import serving

    if given := os.environ.get("TEST_REDIS_URL"):
        yield given
    else:
        with serving() as server:
            yield server.url


@pytest.fixture
def redis(redis_server: str) -> str:
    """The URL of a Redis server that holds nothing of ours."""
    from tests.engines.redis import forget

    forget(redis_server)
    return redis_server


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """The `host:port` of a broker; `tests.engines.kafka.kafka_settings` gives each test topics of its own."""
    from tests.engines.kafka import serving

    if given := os.environ.get("TEST_KAFKA_BOOTSTRAP_SERVERS"):
        yield given
    else:
        with serving() as broker:
            yield broker.url


@pytest.fixture(scope="session")
def mock_kafka() -> Iterator["MockCluster"]:
    """The broker that librdkafka tests itself with: exact offsets, and faults on demand."""
    from tests.engines.kafka import MockCluster

    cluster = MockCluster()
    yield cluster
    cluster.stop()


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
def clickhouse() -> Iterator[str]:
    """The URL of a ClickHouse server that is not the embedded engine (`tests.engines.clickhouse`)."""
    from tests.engines.clickhouse import serving

    with serving() as url:
        yield url


@pytest.fixture(scope="session")
def column_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    process = EngineProcess(tmp_path_factory.mktemp("columns"))
    process.start()
    yield process
    assert process.stop() == 0


@pytest.fixture(scope="session")
def embedded_columns(column_engine: EngineProcess) -> str:
    """The URL of an embedded column engine."""
    return str(address(column_engine.data_dir))


@pytest.fixture
def columns(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Store]:
    """Empty columns of a real engine, which the product reads as well."""
    url: str = request.getfixturevalue("clickhouse" if is_wanted("clickhouse") else "embedded_columns")
    store = Store(lambda: url)
    empty_columns(store)
    settings.CLICKHOUSE_URL = url
    yield store
    store.close()
