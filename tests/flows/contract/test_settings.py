"""What depends on settings: the limit, and a server that has lost its columns."""

import time
from collections.abc import Iterator

import pytest

from tests.installation import Installation, running

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A server that takes three events a minute and has lost its columns."""
    variables = {"RATE_LIMIT_EVENTS_PER_MINUTE": "3", "CLICKHOUSE_URL": "http://127.0.0.1:9"}
    with running(tmp_path_factory.mktemp("narrow") / "data", variables=variables) as site:
        yield site


def test_over_the_limit_is_429_whichever_way_an_event_came(narrow: Installation) -> None:
    project = narrow.create_project()
    ways = (f"/api/events/ingest/token/{project['ingest_token']}/", "/api/events/ingest/shop/")
    # A minute that ends meanwhile begins a new count.
    if (second := time.time() % 60) > 50:
        time.sleep(60.5 - second)
    replies = [narrow.post(ways[number % 2], {"message": "loud"}) for number in range(5)]
    assert [reply.status for reply in replies] == [201, 201, 201, 429, 429]
    assert replies[-1].json() == {"detail": "Rate limit exceeded"}
    assert int(replies[-1].headers["retry-after"]) > 0


def test_without_its_columns_the_server_says_so_and_lists_go_on(narrow: Installation) -> None:
    reply = narrow.get("/api/events/clickhouse?project=shop")
    assert reply.status == 503
    assert set(reply.json()) == {"detail"}
    assert narrow.get("/api/groups/?project=shop").status == 200
