"""The settings as the packages want them, and the engines that they choose.

An engine's library is imported only where its setting is given.
"""

from pathlib import Path
from typing import Any

from django.conf import settings

from mini_sentry.config.environment import BadSetting
from mini_sentry.ingest.quotas import MappedQuotas, Quotas
from mini_sentry.live.bus import Bus
from mini_sentry.live.engines.sqlite import SqliteAnnouncements, SqliteBus
from mini_sentry.live.messages import Herald, NoHerald
from mini_sentry.protocol.limits import Limits
from mini_sentry.streams.log import Log
from mini_sentry.streams.open import SpoolSettings, open_kafka, open_logs


def limits() -> Limits:
    return Limits(
        request_bytes=settings.MAX_REQUEST_MB << 20,
        inflated_bytes=settings.MAX_REQUEST_MB << 20,
        event_bytes=settings.MAX_EVENT_KB << 10,
    )


def open_log(*, spools: bool = False) -> Log:
    """The log: Kafka's, else the one in the data directory. `spools`: keep what Kafka does not take, where SPOOL_DIR says.

    Raises LogDamaged, LogUnavailable and BadSetting.
    """
    if settings.KAFKA is None:
        return open_logs(settings.DATA_DIR)
    spool = None
    if spools and settings.SPOOL_DIR:
        spool = SpoolSettings(Path(settings.SPOOL_DIR), settings.SPOOL_MB << 20)
    try:
        return open_kafka(settings.KAFKA, spool=spool)
    except ValueError as error:
        raise BadSetting("KAFKA_CLIENT_OPTIONS", "…", str(error)) from error


def open_quotas() -> Quotas:
    """Where intake is counted: in Redis, else in a file that the web processes of this machine share. Raises QuotasUnavailable."""
    per_minute = settings.RATE_LIMIT_EVENTS_PER_MINUTE
    path = settings.DATA_DIR / "limits.map"
    local = MappedQuotas(path, events_per_minute=per_minute, sessions_per_minute=per_minute)
    if not settings.REDIS_URL:
        return local
    from mini_sentry.ingest.redis_quotas import RedisQuotas

    return RedisQuotas(settings.REDIS_URL, local, events_per_minute=per_minute, sessions_per_minute=per_minute)


def open_bus() -> Bus:
    """Where a web process hears of batches: from Redis, else from the relational store."""
    if not settings.REDIS_URL and not settings.DATABASE_URL:
        return SqliteBus(settings.SQLITE_PATH)
    from mini_sentry.live.listening import ListeningBus, Source

    sources: list[Source] = []
    if settings.REDIS_URL:
        from mini_sentry.live.engines.redis import RedisAnnouncements

        sources.append(RedisAnnouncements(settings.REDIS_URL))
    if settings.DATABASE_URL:
        from mini_sentry.live.engines.postgres import PostgresAnnouncements

        sources.append(PostgresAnnouncements(_postgres_parameters()))
    else:
        sources.append(SqliteAnnouncements(settings.SQLITE_PATH))
    return ListeningBus(sources)


def open_herald() -> Herald:
    """Whom the digest tells of batches, beside the relational store."""
    if not settings.REDIS_URL:
        return NoHerald()
    from mini_sentry.live.engines.redis import RedisHerald

    return RedisHerald(settings.REDIS_URL)


def _postgres_parameters() -> dict[str, Any]:
    """Django's settings of the database as libpq names them, without what is Django's own."""
    database = settings.DATABASES["default"]
    options = {name: value for name, value in database["OPTIONS"].items() if name not in _OF_DJANGO}
    named = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}
    return options | {name: database[key] for name, key in named.items() if database.get(key)}


_OF_DJANGO = frozenset({"pool", "isolation_level", "server_side_binding", "assume_role"})
