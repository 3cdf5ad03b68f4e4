"""One embedded engine for the tests of this package, empty before each."""

from collections.abc import Iterator

import pytest

from mini_sentry.analytics.store import Store
from tests.columns import EngineProcess, empty_columns


@pytest.fixture(scope="package")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    engine = EngineProcess(tmp_path_factory.mktemp("columns"))
    engine.start()
    yield engine
    assert engine.stop() == 0


@pytest.fixture
def store(engine: EngineProcess) -> Iterator[Store]:
    store = engine.store()
    empty_columns(store)
    yield store
    store.close()
