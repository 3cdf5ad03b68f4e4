"""The columns: what is counted by, behind one client whichever engine answers.

`Store` speaks ClickHouse's HTTP protocol to a server or to the embedded engine; nothing else in the system knows
which. At most four reads run at once in a process and the next one waits a second, so that charts never starve the
lists and the sign-in. Inserts do not take part: their one writer is already slower than the engine. Reads of an engine that
is away fail at once (`presence.py`); inserts always try.

ColumnsError
    ColumnsUnavailable   the engine is away; try again later, answer 503
    ColumnsBusy          four reads are already running, or the engine is full; answer 503
    ColumnsRejected      the statement or its rows are wrong and will stay so
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http.client import HTTPException
from typing import Any, Final, TypeVar, cast

from mini_sentry.analytics.presence import Away, Presence
from mini_sentry.analytics.rows import TYPES
from mini_sentry.analytics.server import Server, answers, parse

READS_AT_ONCE: Final = 4
WAIT_SECONDS: Final = 1.0
READ_SECONDS: Final = 10
INSERT_SECONDS: Final = 60
PROBE_SECONDS: Final = 2.0
STALE_SECONDS: Final = 1.0

_INSERT_SETTINGS: Final[dict[str, Any]] = {
    "input_format_skip_unknown_fields": 1,
    "input_format_defaults_for_omitted_fields": 1,
    "input_format_null_as_default": 1,
    # Rows of one key in one batch are left to the merges, as those of two batches are.
    "optimize_on_insert": 0,
    "date_time_input_format": "basic",
    "max_partitions_per_insert_block": 0,
    # On a cluster: the rows are on their shard when the insert returns, and not in a queue on the way there.
    "distributed_foreground_insert": 1,
    # Replicated tables would drop a block they have had, also after its rows were removed; keys take care of doubles.
    "insert_deduplicate": 0,
    "max_execution_time": INSERT_SECONDS,
}

_COMMAND_SETTINGS: Final[dict[str, Any]] = {
    # On a cluster: a node that is away must not hold a statement up for longer than the connection waits.
    "distributed_ddl_task_timeout": INSERT_SECONDS - 10,
}

_READ_SETTINGS: Final[dict[str, Any]] = {
    "final": 1,
    "do_not_merge_across_partitions_select_final": 1,
    # Rows of one key are equal, so a condition may be tried before the doubles are gone.
    "optimize_move_to_prewhere_if_final": 1,
    # On a cluster: a project lies on one shard, so a question about it, and each one inside it, is that shard's alone.
    "distributed_product_mode": "local",
    "optimize_skip_unused_shards": 1,
    "max_execution_time": READ_SECONDS,
}

_BUSY_CODES: Final = frozenset({202, 241})
"""Too many statements at once; not enough memory for this one now."""

_PASSING_CODES: Final = frozenset(
    {
        3, 32, 74, 75, 76, 95, 96, 159, 160, 164, 198, 209, 210, 225, 236, 242, 243, 252, 279, 285, 286, 289, 319,
        341, 345, 364, 373, 394, 415, 425, 473, 499, 516, 519, 659, 700, 702, 722, 733, 745, 999, 1000, 1002,
    }
)  # fmt: skip
"""The engine's error numbers that say nothing about the data: disks, networks, replicas, limits of the moment."""

T = TypeVar("T")


class ColumnsError(Exception):
    """Base of what the store raises."""


class ColumnsUnavailable(ColumnsError):
    """The engine cannot be reached, or cannot do its work now."""


class ColumnsBusy(ColumnsError):
    """Too much is being read at once. The same read a second later may pass."""


class ColumnsRejected(ColumnsError):
    """The engine understood and refused: a wrong statement, or rows that do not fit the table.

    `code` is the engine's error number, 0 when the client refused before it asked.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Store:
    """One per process. Every method may be called from any thread and raises only ColumnsError.

    `url` is asked before each connection, because the embedded engine is elsewhere after a restart; it gives a url as
    `server.parse` reads it, or None while there is no engine. Reads see each row once (`final`).
    """

    def __init__(self, url: Callable[[], str | None]) -> None:
        self._url = url
        self._readers: queue.LifoQueue[_Connection] = queue.LifoQueue()
        for _ in range(READS_AT_ONCE):
            self._readers.put(_Connection(READ_SECONDS + 5))
        self._writer = _Connection(INSERT_SECONDS + 5)
        self._writing = threading.Lock()
        self._presence = Presence()

    @property
    def database(self) -> str:
        """The database's name as the url has it. Raises ColumnsUnavailable while there is no url."""
        return parse(self._current_url()).database

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows of a SELECT. `parameters` are values for `{name:Type}`; times come back with their zone, UTC."""

        def read(client: Any) -> list[tuple[Any, ...]]:
            result = client.query(sql, parameters=dict(parameters or {}), settings=_READ_SETTINGS)
            return cast("list[tuple[Any, ...]]", result.result_rows)

        return self._read(read)

    def query_dicts(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """As `query`, each row by its columns' names."""

        def read(client: Any) -> list[dict[str, Any]]:
            result = client.query(sql, parameters=dict(parameters or {}), settings=_READ_SETTINGS)
            return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]

        return self._read(read)

    def command(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run a statement that returns no rows. It may run twice if the connection breaks, so it must bear that."""
        self._write(
            lambda client: client.command(
                sql, parameters=dict(parameters or {}), settings=_COMMAND_SETTINGS, use_database=False
            )
        )

    def insert_documents(self, table: str, documents: Sequence[bytes]) -> None:
        """Insert JSON objects, one row each, durable when it returns. `table` is one of `rows.TYPES`.

        Unknown keys are skipped and absent ones take their defaults. A broken connection is tried once more, so rows may
        be written twice: tables keep one of a key. Raises ColumnsRejected when a document does not fit.
        """
        if not documents:
            return
        body = b"\n".join(documents)
        self._write(
            lambda client: client.command(
                _insert_statement(f"{client.database}.{table}", TYPES[table]),
                data=body,
                settings=_INSERT_SETTINGS,
                use_database=False,
            )
        )

    def ping(self) -> bool:
        """Whether the engine answers."""
        try:
            self.query("SELECT 1")
        except ColumnsError:
            return False
        return True

    def close(self) -> None:
        """Drop the connections that are not in use. The store may be used again."""
        with self._writing:
            self._writer.close()
        kept = []
        with suppress(queue.Empty):
            while True:
                kept.append(self._readers.get_nowait())
        for connection in kept:
            connection.close()
            self._readers.put(connection)

    def _read(self, work: Callable[[Any], T]) -> T:
        url = self._current_url()
        try:
            is_silent = self._presence.enter(url)
        except Away as away:
            raise ColumnsUnavailable(str(away)) from away
        if is_silent:
            self._look_for(url)
        try:
            connection = self._readers.get(timeout=WAIT_SECONDS)
        except queue.Empty:
            raise ColumnsBusy(f"{READS_AT_ONCE} reads of the columns are already running") from None
        try:
            return self._watched(url, connection, work)
        finally:
            self._readers.put(connection)

    def _write(self, work: Callable[[Any], T]) -> T:
        with self._writing:
            return self._watched(self._current_url(), self._writer, work)

    def _look_for(self, url: str) -> None:
        try:
            answers(parse(url), timeout_seconds=PROBE_SECONDS)
        except (OSError, HTTPException) as failure:
            self._presence.lost(url, _first_line(failure))
            raise ColumnsUnavailable(_first_line(failure)) from failure
        self._presence.seen(url)

    def _watched(self, url: str, connection: "_Connection", work: Callable[[Any], T]) -> T:
        try:
            result = connection.run(url, work)
        except _NoAnswer as failure:
            self._presence.lost(url, str(failure))
            raise
        except ColumnsError:
            self._presence.seen(url)
            raise
        self._presence.seen(url)
        return result

    def _current_url(self) -> str:
        url = self._url()
        if not url:
            raise ColumnsUnavailable("no column engine is running")
        return url


class _NoAnswer(ColumnsUnavailable):
    """The engine could not be reached at all, rather than declined."""


class _Connection:
    """A client that one thread at a time uses, made when first needed and anew when the engine moved."""

    def __init__(self, timeout_seconds: int) -> None:
        self._timeout_seconds = timeout_seconds
        self._url = ""
        self._client: Any = None

    def run(self, url: str, work: Callable[[Any], T]) -> T:
        from clickhouse_connect.driver.exceptions import ClickHouseError, ProgrammingError
        from urllib3.exceptions import HTTPError

        is_second_try = False
        started = time.monotonic()
        while True:
            try:
                return work(self._connected(url))
            except (ClickHouseError, HTTPError, OSError) as failure:
                code = getattr(failure, "code", None)
                if code is None and isinstance(failure, ProgrammingError):
                    raise ColumnsRejected(_first_line(failure), 0) from failure
                if code is None:
                    self.close()
                    # A kept connection that has gone stale fails at once; one that waited in vain would again.
                    if is_second_try or time.monotonic() - started > STALE_SECONDS:
                        raise _NoAnswer(_first_line(failure)) from failure
                    is_second_try = True
                elif code in _BUSY_CODES:
                    raise ColumnsBusy(_first_line(failure)) from failure
                elif code in _PASSING_CODES:
                    raise ColumnsUnavailable(_first_line(failure)) from failure
                else:
                    raise ColumnsRejected(_first_line(failure), code) from failure

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                client.close()

    def _connected(self, url: str) -> Any:
        if self._client is None or url != self._url:
            self.close()
            self._client = _connect(parse(url), self._timeout_seconds)
            self._url = url
        return self._client


def _connect(server: Server, timeout_seconds: int) -> Any:
    import clickhouse_connect
    import urllib3

    # Every failure is raised here and told by the caller; the client's own logs would print each with its stack.
    logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    if not server.verify:
        # It warns of each request; whoever set it knows.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    client = clickhouse_connect.get_client(
        host=server.host,
        port=server.port,
        interface=server.scheme,
        username=server.user,
        password=server.password,
        verify=server.verify,
        ca_cert=server.ca_cert or None,
        compress=not server.is_local,
        connect_timeout=2,
        send_receive_timeout=timeout_seconds,
        query_retries=0,
        autogenerate_session_id=False,
        autogenerate_query_id=False,
        dedicated_pool=True,
        tz_mode="aware",
        show_clickhouse_errors="scrub",
        client_name="mini-sentry",
    )
    # Set afterwards, because a connection that names a database fails until the first migration has made it.
    client.database = server.database
    return client


def _insert_statement(target: str, fields: Mapping[str, str]) -> str:
    names = ", ".join(fields)
    structure = ", ".join(f"{name} {kind}" for name, kind in fields.items()).replace("'", "\\'")
    return f"INSERT INTO {target} ({names}) SELECT {names} FROM input('{structure}') FORMAT JSONEachRow"  # noqa: S608


def _first_line(failure: Exception) -> str:
    """What it says, and what the client did not reach the engine for, when that is why.

    The library's own text of it would show the request's address, and with it what somebody searched for.
    """
    said = str(failure).split("\n", 1)[0]
    reason = getattr(failure.__cause__, "reason", None)
    return (f"{said}: {reason}" if isinstance(reason, Exception) else said)[:500]
