"""The column store as the API asks it: one per process, and what its absence means to a client."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings

from mini_sentry.analytics.chdb_server import address
from mini_sentry.analytics.store import ColumnsBusy, ColumnsError, ColumnsUnavailable, Store
from mini_sentry.rest.errors import Unavailable


def url() -> str | None:
    """Where the columns are: the operator's server, else the embedded one's address while it runs."""
    if settings.CLICKHOUSE_URL:
        server = urlsplit(settings.CLICKHOUSE_URL)
        return urlunsplit(server._replace(path=server.path.strip("/") or settings.CLICKHOUSE_DATABASE))
    return address(settings.DATA_DIR)


@cache
def store() -> Store:
    return Store(url)


@contextmanager
def asking() -> Iterator[Store]:
    """The store, for one question. A store that is away or full becomes the API's 503."""
    try:
        yield store()
    except ColumnsBusy as error:
        raise Unavailable("The columns are busy; try again in a moment.", retry_seconds=1) from error
    except ColumnsUnavailable as error:
        raise Unavailable("The columns are away, so nothing can be counted right now.") from error
    except ColumnsError as error:
        raise Unavailable("The columns could not answer.") from error
