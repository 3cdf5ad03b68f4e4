"""PostgreSQL, Redis, Kafka and ClickHouse together: the variables that run an installation on all of them."""

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit, urlunsplit

from tests.engines import clickhouse, kafka, postgres, redis

REDIS_DATABASES = 16
"""What a Redis server has when nobody told it otherwise; each installation takes two."""


class Servers:
    """One server of each kind, started with the first installation: each engine that a TEST_ variable names, else our own."""

    def __init__(self) -> None:
        self._running = ExitStack()
        self._made = 0
        self._addresses: tuple[str, str, str, str] | None = None

    def variables(self) -> dict[str, str]:
        """For one more installation: a database, topics, columns and Redis databases of its own."""
        if self._addresses is None:
            enter = self._running.enter_context
            self._addresses = (
                os.environ.get("TEST_DATABASE_URL") or enter(postgres.serving()).url,
                os.environ.get("TEST_REDIS_URL") or enter(redis.serving()).url,
                os.environ.get("TEST_KAFKA_BOOTSTRAP_SERVERS") or enter(kafka.serving()).url,
                enter(clickhouse.serving()),
            )
        relational, cache, brokers, columns = self._addresses
        own = f"stack_{uuid.uuid4().hex[:10]}"
        number = self._made % (REDIS_DATABASES // 2) * 2
        self._made += 1
        database = postgres.make_database(relational, own)
        self._running.callback(postgres.drop_database, relational, own)
        caches, tasks = _path(cache, f"/{number}"), _path(cache, f"/{number + 1}")
        redis.forget(caches)
        redis.forget(tasks)
        return {
            "DATABASE_URL": database,
            "REDIS_URL": caches,
            "CELERY_BROKER_URL": tasks,
            # A killed worker's task comes back before the test's patience ends.
            "CELERY_VISIBILITY_TIMEOUT_SECONDS": "10",
            "KAFKA_BOOTSTRAP_SERVERS": brokers,
            "KAFKA_TOPIC_PREFIX": f"{own}-",
            "KAFKA_TOPIC": f"{own}-events",
            "KAFKA_SESSIONS_TOPIC": f"{own}-sessions",
            "KAFKA_PARTITIONS": "2",
            "CLICKHOUSE_URL": _path(columns, f"/{own}"),
        }

    def stop(self) -> None:
        self._running.close()
        self._addresses = None


SHARED = Servers()
"""For the whole run; `tests/conftest.py` stops it."""


@contextmanager
def distributed() -> Iterator[dict[str, str]]:
    """Servers of this use's own, which a test may kill."""
    servers = Servers()
    try:
        yield servers.variables()
    finally:
        servers.stop()


def _path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=path))
