"""How the installation stands, for the status page: which engines there are, how each is asked, and what is counted.

Asking takes no more than what is imported anyway: tasks are counted in their file or in Redis, not through Celery.
"""

import logging
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from mini_sentry.analytics import columns
from mini_sentry.config.redis import QUEUE, SCHEMES
from mini_sentry.ingest.guard import Guard, disk_of
from mini_sentry.ingest.quotas import Quotas
from mini_sentry.live.bus import Bus
from mini_sentry.streams.consumer import lag_seconds
from mini_sentry.streams.dead_letter_counts import DeadLetterCounts
from mini_sentry.streams.log import Log, LogError
from mini_sentry.streams.spool import Spooling
from mini_sentry.streams.topics import DIGEST, INGEST, READERS
from mini_sentry.web.health import database_answers
from mini_sentry.web.status import Backlog, Board, Engine, Facts, Room, Spool

if TYPE_CHECKING:
    from redis import Redis

ASK_SECONDS: Final = 1.0
READ: Final = [(group, topic) for topic, groups in READERS.items() for group in groups]

T = TypeVar("T")

logger = logging.getLogger(__name__)


def open_board(log: Log, *, quotas: Quotas, bus: Bus, guard: Guard, clock: Callable[[], float]) -> Board:
    """The board of a web process, for the log, the quotas, the bus and the guard that it works with."""
    engines = [
        Engine(
            "database",
            "postgresql" if settings.DATABASE_URL else "sqlite",
            _has_database,
            "Nothing can be looked at or changed. Events are accepted as long as the log takes them, and stored later.",
        ),
        Engine(
            "log",
            "kafka" if settings.KAFKA is not None else "sqlite",
            partial(_has_log, log),
            "Events are accepted into the spool, where there is one, and stored later; without a spool, nothing is accepted.",
        ),
        Engine(
            "columns",
            "clickhouse" if settings.CLICKHOUSE_URL else "embedded",
            columns.store().ping,
            "Nothing is counted: charts, top groups and health over time are missing. Lists and single events work.",
        ),
        Engine(
            "quotas",
            "redis" if settings.REDIS_URL else "file",
            lambda: quotas.away_since is None and _has_redis(settings.REDIS_URL),
            "Each machine counts for itself, so a project may send its quota once to each of them.",
        ),
        Engine(
            "live",
            "redis" if settings.REDIS_URL else "postgresql" if settings.DATABASE_URL else "sqlite",
            lambda: bus.away_since is None,
            "Open pages hear of new events from the database, or not at all while that is away as well.",
        ),
        _tasks(),
    ]
    letters = DeadLetterCounts(log)

    def gather() -> Facts:
        return Facts(
            backlogs=[_backlog(log, group, topic, clock()) for group, topic in READ],
            dead_letters=_told(letters.look),
            room=_told(partial(_room, guard)),
            spool=_spool(log),
            waiting_tasks=_told(_waiting_tasks),
        )

    return Board(engines, gather, clock=clock)


def _tasks() -> Engine:
    broker = settings.CELERY_BROKER_URL
    kind = urlsplit(broker).scheme if broker else "sqlite"
    return Engine(
        "tasks",
        "redis" if broker.startswith(SCHEMES) else kind,
        _has_broker,
        "Mails, webhooks, alerts and retention wait. Nothing of them is lost.",
    )


def _has_database() -> bool:
    try:
        return database_answers()
    finally:
        # A looker needs none between two looks.
        connection.close()


def _has_log(log: Log) -> bool:
    """Raises LogError."""
    if isinstance(log, Spooling) and log.status().is_away:
        return False
    log.end_offset(INGEST)
    return True


def _has_broker() -> bool:
    broker = settings.CELERY_BROKER_URL
    if not broker:
        return True
    if broker.startswith(SCHEMES):
        return _has_redis(broker)
    server = urlsplit(broker)
    with socket.create_connection((server.hostname or "localhost", server.port or 5672), timeout=ASK_SECONDS):
        return True


def _has_redis(url: str) -> bool:
    """True as well where there is none to be asked. Raises what Redis' client raises."""
    if not url:
        return True
    with closing(_redis(url)) as client:
        return bool(client.ping())


def _waiting_tasks() -> int | None:
    """Tasks that nobody has finished. None for a broker that cannot be asked."""
    broker = settings.CELERY_BROKER_URL
    if broker.startswith(SCHEMES):
        with closing(_redis(broker)) as client:
            waiting: Any = client.llen(QUEUE)
            taken: Any = client.hlen("unacked")
            return int(waiting + taken)
    path: Path = settings.DATA_DIR / "tasks.db"
    if broker:
        return None
    if not path.exists():
        return 0
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=ASK_SECONDS)) as database:
        return int(database.execute("SELECT count(*) FROM task WHERE queue = ?", (QUEUE,)).fetchone()[0])


def _redis(url: str) -> "Redis":
    from mini_sentry.live.engines.redis import client

    return client(url, seconds=ASK_SECONDS)


def _backlog(log: Log, group: str, topic: str, now: float) -> Backlog:
    backlog = Backlog(group, topic)
    try:
        backlog.records = sum(log.lag(group, topic, partition) for partition in range(log.partitions(topic)))
        if group == DIGEST:
            backlog.seconds = round(lag_seconds(log, group, topic, now=now), 3)
    except LogError as error:
        logger.debug("The log does not tell how far %s is with %s: %s", group, topic, error)
    return backlog


def _room(guard: Guard) -> Room:
    disk = disk_of(settings.DATA_DIR)
    return Room(disk.free_bytes, disk.total_bytes, guard.closed is None)


def _spool(log: Log) -> Spool | None:
    if not isinstance(log, Spooling):
        return None
    status = log.status()
    return Spool(status.is_away, status.waiting, status.size_bytes, status.refused)


def _told(ask: Callable[[], T]) -> T | None:
    """The answer; None when there is none, whatever the engine's own errors are."""
    try:
        return ask()
    except Exception as error:
        logger.debug("not told: %s", error)
        return None
