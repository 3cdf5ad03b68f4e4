import threading
import time
from collections.abc import Iterator

import pytest
from django.test import Client

from mini_sentry import __version__
from mini_sentry.web import health


@pytest.mark.parametrize("path", ["/api/health/", "/api/health"])
def test_health_says_that_it_works_while_the_columns_are_away(client: Client, db: None, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert response.json() == {
        "ok": True,
        "version": __version__,
        "database": "ok",
        "columns": "away",
        "digest_lag_seconds": None,
    }


@pytest.fixture
def lag() -> Iterator[None]:
    before, health.lag.seconds = health.lag.seconds, lambda: 1.5
    yield
    health.lag.seconds = before


@pytest.mark.usefixtures("lag")
def test_the_lag_is_what_the_process_that_holds_the_log_says(client: Client, db: None) -> None:
    assert client.get("/api/health/").json()["digest_lag_seconds"] == 1.5


def test_an_engine_that_hangs_is_not_waited_for() -> None:
    release = threading.Event()

    def hang() -> bool:
        release.wait(10)
        return True

    asking = health.Asking(hang)
    started = time.monotonic()
    assert asking.answer() is False
    assert asking.answer() is False
    assert time.monotonic() - started < 2
    release.set()
    time.sleep(0.05)
    assert asking.answer() is True
