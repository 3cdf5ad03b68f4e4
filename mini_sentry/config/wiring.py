"""The settings as the packages want them: limits as one value, the column store's address as a function."""

from django.conf import settings

from mini_sentry.analytics.chdb_server import address
from mini_sentry.protocol.limits import Limits


def limits() -> Limits:
    return Limits(
        request_bytes=settings.MAX_REQUEST_MB << 20,
        inflated_bytes=settings.MAX_REQUEST_MB << 20,
        event_bytes=settings.MAX_EVENT_KB << 10,
    )


def columns_url() -> str | None:
    """Where the columns are: the operator's server, else the embedded one's address while it runs."""
    return settings.CLICKHOUSE_URL or address(settings.DATA_DIR)
