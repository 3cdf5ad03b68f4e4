"""What the operator said about the column store, and its schema brought up to date by one process at a time."""

import re
from typing import Final

from mini_sentry.analytics.migrate import migrate
from mini_sentry.analytics.server import parse, without_password
from mini_sentry.analytics.store import Store
from mini_sentry.config.environment import BadSetting

SCHEMA_LOCK: Final = "columns-schema"

_CLUSTER: Final = re.compile(r"[A-Za-z0-9_.-]+|\{cluster\}")


def check_columns(url: str, *, database: str, cluster: str) -> None:
    """Raises BadSetting for a url, database or cluster that cannot be used. Connects to nothing."""
    try:
        parse(url or "http://localhost", database=database)
    except ValueError as error:
        if url:
            raise BadSetting("CLICKHOUSE_URL", without_password(url), str(error)) from error
        raise BadSetting("CLICKHOUSE_DATABASE", database, str(error)) from error
    if cluster and not url:
        raise BadSetting(
            "CLICKHOUSE_CLUSTER", cluster, "CLICKHOUSE_URL is not set, and the embedded engine is no cluster"
        )
    if cluster and not _CLUSTER.fullmatch(cluster):
        raise BadSetting(
            "CLICKHOUSE_CLUSTER", cluster, "it must be a cluster's name, or {cluster} for the server's own macro"
        )


def migrate_columns(store: Store) -> list[str]:
    """Bring the tables up to date, alone among all processes of the installation; the files applied now.

    Raises ColumnsError, or Occupied while another process is at it.
    """
    from django.conf import settings

    from mini_sentry.config.exclusive import exclusively

    with exclusively(SCHEMA_LOCK):
        return migrate(store, retention_days=settings.RETENTION_DAYS, cluster=settings.CLICKHOUSE_CLUSTER)
