"""The tests of this package ask both the embedded engine and an external server; the columns are empty before each."""

from collections.abc import Iterator

import pytest

from mini_sentry.analytics.store import Store
from tests.columns import empty_columns


@pytest.fixture(params=["embedded_columns", "clickhouse"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    url: str = request.getfixturevalue(request.param)
    store = Store(lambda: url)
    empty_columns(store)
    yield store
    store.close()
