"""Tasks in Redis: a killed worker, a killed broker, and the product's own worker."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from redis import Redis

from mini_sentry.config.celery import app
from mini_sentry.config.redis import QUEUE as PRODUCT_QUEUE
from mini_sentry.config.redis import broker_options
from mini_sentry.config.redis_transport import taken
from tests.config.test_leases import until
from tests.config.worker import QUEUE, lines, make_app, worker
from tests.engines.redis import RedisServer, serving
from tests.installation import kill

pytestmark = [pytest.mark.once, pytest.mark.slow]

COMMAND = (sys.executable, "-m", "mini_sentry.config.cli")


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with serving() as started:
        yield started


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    return tmp_path / "diary"


@pytest.fixture
def sender(server: RedisServer, tmp_path: Path) -> Iterator[Celery]:
    made = make_app(tmp_path / "tasks.db", server.url)
    yield made
    made.close()


def test_no_task_of_a_killed_worker_is_lost(server: RedisServer, sender: Celery, diary: Path, tmp_path: Path) -> None:
    wanted = [f"task {number}" for number in range(20)]
    with worker(tmp_path / "tasks.db", broker=server.url) as first:
        for number, line in enumerate(wanted):
            sender.send_task("hang_once" if number % 10 == 0 else "note", args=(str(diary), line))
        assert until(lambda: {"task 0 hangs", "task 10 hangs"} <= set(lines(diary)))
        assert first.pid is not None
        kill(first.pid)
    with worker(tmp_path / "tasks.db", broker=server.url):
        # The transport looks every ten seconds for what was taken too long ago.
        assert until(lambda: set(wanted) <= set(lines(diary)), within_seconds=40)
        with Redis.from_url(server.url) as client:
            assert until(lambda: client.hlen("unacked") == 0)


def test_a_task_that_a_worker_had_only_just_taken_when_it_died_is_done(
    server: RedisServer, sender: Celery, diary: Path, tmp_path: Path
) -> None:
    sender.send_task("note", args=(str(diary), "only just"))
    with Redis.from_url(server.url) as client:
        # What a worker does first; this one is killed before it does the second.
        assert client.lmove(QUEUE, taken(QUEUE), "RIGHT", "LEFT") is not None
        with worker(tmp_path / "tasks.db", broker=server.url):
            assert until(lambda: lines(diary) == ["only just"])
            assert until(lambda: client.llen(taken(QUEUE)) == 0)
            assert until(lambda: client.hlen("unacked") == 0)


def test_a_worker_outlives_its_broker_and_goes_on_by_itself(
    server: RedisServer, sender: Celery, diary: Path, tmp_path: Path
) -> None:
    with worker(tmp_path / "tasks.db", broker=server.url) as running:
        sender.send_task("note", args=(str(diary), "before"))
        assert until(lambda: lines(diary) == ["before"])
        server.kill9()
        assert not until(lambda: not running.is_alive(), within_seconds=3)
        server.start()
        sender.send_task("note", args=(str(diary), "after"))
        assert until(lambda: "after" in lines(diary), within_seconds=60)
        os.kill(running.pid or 0, signal.SIGTERM)
        running.join(20)
        assert running.exitcode == 0
    # The first one runs again if the broker went before it was told that it is done.
    assert set(lines(diary)) == {"before", "after"}


def test_the_products_worker_does_what_is_asked_through_redis_and_stops_in_order(
    server: RedisServer, tmp_path: Path
) -> None:
    environment = {**os.environ, "MINI_SENTRY_DATA": str(tmp_path), "CELERY_BROKER_URL": server.url}
    subprocess.run([*COMMAND, "manage", "migrate", "--verbosity", "0"], env=environment, check=True)
    old = tmp_path / "bodies" / "2000-01-01.db"
    old.parent.mkdir()
    old.touch()
    sender = Celery("sender", broker=server.url, set_as_current=False)
    sender.send_task("retention", queue=PRODUCT_QUEUE)
    sender.close()
    with subprocess.Popen([*COMMAND, "worker"], env=environment) as running, Redis.from_url(server.url) as client:
        try:
            assert until(lambda: not old.exists())
            assert until(lambda: client.hlen("unacked") == client.llen(PRODUCT_QUEUE) == 0)
            running.send_signal(signal.SIGTERM)
            assert running.wait(20) == 0
        finally:
            running.kill()


def test_a_task_is_given_to_another_worker_only_after_the_longest_that_one_may_run() -> None:
    assert app.conf.task_acks_late
    assert app.conf.broker_connection_max_retries is None
    assert broker_options("redis://localhost/0", visibility_seconds=3600)["visibility_timeout"] == 3600
    assert broker_options("amqp://localhost", visibility_seconds=3600) == {}
