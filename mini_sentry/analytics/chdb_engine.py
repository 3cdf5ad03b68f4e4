"""The embedded column engine: chDB, opened on a directory, one statement at a time per connection.

One process may open the directory, and that process must never fork after `import chdb` (the child hangs): it uses
threads and spawns. Statements run outside the GIL. Nothing here is known of HTTP; `chdb_server.py` is the door.
"""

import os
import re
import sys
import threading
import time
import types
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

MAX_RESULT_BYTES: Final = 64 << 20

DEFAULT_SETTINGS: Final[dict[str, str]] = {
    "max_execution_time": "20",
    "timeout_before_checking_execution_speed": "0",
    "max_threads": "2",
    "max_insert_threads": "1",
    "max_block_size": "16384",
    "max_memory_usage": str(350 << 20),
    "max_result_bytes": str(MAX_RESULT_BYTES),
    "result_overflow_mode": "throw",
    "input_format_parallel_parsing": "0",
    "output_format_parallel_formatting": "0",
    "max_partitions_per_insert_block": "0",
    # The key decides the partition (a day holds whole hours), so no row has its double in another one.
    "do_not_merge_across_partitions_select_final": "1",
    "log_queries": "0",
    "local_filesystem_read_method": "pread",
    "max_streams_to_max_threads_ratio": "1",
}
"""Settings of every statement that does not bring its own."""

TIDY_SECONDS: Final = 3.0
"""How long memory that the engine has freed may stay with the process; keeping it is what makes inserts cheap."""

_ALLOCATOR: Final = "dirty_decay_ms:5000,muzzy_decay_ms:0,narenas:2,tcache_max:4096"
"""For the engine's own jemalloc. Few arenas: memory freed by one statement serves the next."""

_CONFIG = """<clickhouse>
    <timezone>UTC</timezone>
    <max_server_memory_usage>{memory_bytes}</max_server_memory_usage>
    <mark_cache_size>8388608</mark_cache_size>
    <uncompressed_cache_size>0</uncompressed_cache_size>
    <index_mark_cache_size>4194304</index_mark_cache_size>
    <index_uncompressed_cache_size>0</index_uncompressed_cache_size>
    <primary_index_cache_size>8388608</primary_index_cache_size>
    <query_condition_cache_size>2097152</query_condition_cache_size>
    <compiled_expression_cache_size>4194304</compiled_expression_cache_size>
    <mmap_cache_size>64</mmap_cache_size>
    <max_thread_pool_size>64</max_thread_pool_size>
    <max_thread_pool_free_size>2</max_thread_pool_free_size>
    <background_pool_size>1</background_pool_size>
    <background_merges_mutations_concurrency_ratio>2</background_merges_mutations_concurrency_ratio>
    <background_schedule_pool_size>2</background_schedule_pool_size>
    <merge_tree>
        <number_of_free_entries_in_pool_to_lower_max_size_of_merge>0</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
        <number_of_free_entries_in_pool_to_execute_mutation>0</number_of_free_entries_in_pool_to_execute_mutation>
        <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>0</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
        <max_bytes_to_merge_at_max_space_in_pool>2147483648</max_bytes_to_merge_at_max_space_in_pool>
        <merge_max_block_size>2048</merge_max_block_size>
        <merge_max_block_size_bytes>4194304</merge_max_block_size_bytes>
    </merge_tree>
</clickhouse>
"""

_INPUT = re.compile(r"\binput\s*\(", re.IGNORECASE)
_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_CODE = re.compile(r"Code: (\d+)")


class EngineError(Exception):
    """The engine refused a statement. `code` is ClickHouse's error number, 1002 when it gave none."""

    def __init__(self, message: str) -> None:
        message = message[max(message.find("Code: "), 0) :]
        found = _CODE.match(message)
        self.code = int(found[1]) if found else 1002
        super().__init__(message)


class Answer(msgspec.Struct, frozen=True):
    """What a statement gave: its bytes in `format`, and the counts that ClickHouse puts into its summary header."""

    data: bytes = b""
    format: str = ""
    read_rows: int = 0
    read_bytes: int = 0
    result_rows: int = 0
    elapsed_ns: int = 0


class Engine:
    """One opened directory. `run` and `insert` may be called from any thread, each call on a connection of its own."""

    def __init__(self, directory: Path, *, memory_bytes: int) -> None:
        """`directory` is made when it does not exist; `memory_bytes` is what the engine may use beyond the process's memory now.

        Raises ValueError for a path that the engine's connection string cannot hold.
        """
        if "?" in str(directory) or "&" in str(directory):
            raise ValueError(f"the data directory's path must hold no ? or &: {directory}")
        self.scratch = directory / "scratch"
        self.scratch.mkdir(parents=True, exist_ok=True)
        for left_over in self.scratch.iterdir():
            left_over.unlink()
        os.environ["TZ"] = "UTC"
        time.tzset()
        self._chdb = _import_chdb()
        config = directory / "config.xml"
        config.write_text(_CONFIG.format(memory_bytes=resident_bytes() + memory_bytes))
        self._address = f"{(directory / 'store').resolve()}?config-file={config.resolve()}"
        self._keeper = self._chdb.connect(self._address)
        self._running = 0
        self._is_untidy = True
        self._idle = threading.Condition()
        self._closed = False
        self._tidier = threading.Thread(target=self._tidy, name="columns-tidy", daemon=True)
        self._tidier.start()

    def run(
        self,
        sql: str,
        *,
        database: str = "",
        settings: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
        output_format: str = "TabSeparated",
    ) -> Answer:
        """Run one statement. `parameters` are values for `{name:Type}`, escaped as in TabSeparated. Raises EngineError."""
        with _Statement(self, database, settings or {}) as connection:
            result = connection.query(sql, output_format, params=dict(parameters or {}))
            return Answer(
                data=result.bytes() or b"",
                format=output_format,
                read_rows=result.storage_rows_read(),
                read_bytes=result.storage_bytes_read(),
                result_rows=result.rows_read(),
                elapsed_ns=int(result.elapsed() * 1e9),
            )

    def insert(
        self,
        head: str,
        path: Path,
        *,
        database: str = "",
        settings: Mapping[str, str] | None = None,
        input_format: str = "JSONEachRow",
    ) -> Answer:
        """Insert the rows in the file `path`; `head` is the statement up to `FORMAT`. Raises EngineError.

        `head` may select from `input('structure')`, which stands for the rows as ClickHouse has it.
        """
        source = f"file({_quoted(str(path))}, {input_format}, "
        statement, selects = _INPUT.subn(lambda _: source, head, count=1)
        if not selects:
            statement = f"{head} FROM INFILE {_quoted(str(path))} FORMAT {input_format}"
        with _Statement(self, database, settings or {}) as connection:
            result = connection.query(statement, "TabSeparated")
            return Answer(elapsed_ns=int(result.elapsed() * 1e9))

    def close(self, *, timeout_seconds: float = 3.0) -> None:
        """Refuse new statements, let running ones end, stop those that do not, close the directory."""
        with self._idle:
            if self._closed:
                return
            self._closed = True
            self._idle.notify_all()
            ended = self._idle.wait_for(lambda: not self._running, timeout_seconds)
        if not ended:
            with suppress(RuntimeError):
                self._keeper.query("KILL QUERY WHERE query NOT LIKE 'KILL%' ASYNC")
            with self._idle:
                self._idle.wait_for(lambda: not self._running, timeout_seconds)
        self._tidier.join()
        self._keeper.close()

    def _tidy(self) -> None:
        """Give freed memory back now and then: without it every thread that ever ran keeps what it last used."""
        while True:
            with self._idle:
                if self._idle.wait_for(lambda: self._closed, TIDY_SECONDS):
                    return
                is_untidy, self._is_untidy = self._is_untidy, False
            if is_untidy:
                # A build with another allocator does not know the statement.
                with suppress(RuntimeError):
                    self._keeper.query("SYSTEM JEMALLOC PURGE", "Null")


class _Statement:
    """A connection for one statement: its database and settings hold for this statement alone."""

    def __init__(self, engine: Engine, database: str, settings: Mapping[str, str]) -> None:
        self._engine = engine
        self._database = database
        self._settings = {**DEFAULT_SETTINGS, **settings}
        self._connection: Any = None

    def __enter__(self) -> Any:
        engine = self._engine
        with engine._idle:
            if engine._closed:
                raise EngineError("Code: 745. DB::Exception: The engine is stopping. (SERVER_OVERLOADED)")
            engine._running += 1
        try:
            self._connection = engine._chdb.connect(engine._address)
            for name in self._settings:
                if not _SETTING_NAME.match(name):
                    raise EngineError(f"Code: 115. DB::Exception: Unknown setting {name!r}. (UNKNOWN_SETTING)")
            assignments = ", ".join(f"{name} = {_quoted(value)}" for name, value in self._settings.items())
            self._connection.query(f"SET {assignments}", "Null")
            if self._database:
                self._connection.query(f"USE {_identifier(self._database)}", "Null")
        except BaseException as failure:
            self._release()
            _tell(failure)
            raise
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, failure: BaseException | None, trace: object) -> None:
        self._release()
        _tell(failure)

    def _release(self) -> None:
        try:
            if self._connection is not None:
                self._connection.close()
        finally:
            with self._engine._idle:
                self._engine._running -= 1
                self._engine._is_untidy = True
                self._engine._idle.notify_all()


def resident_bytes() -> int:
    """The process's resident memory now (its highest so far where the system does not tell)."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _import_chdb() -> Any:
    """chDB without pyarrow: it imports it for a format that nobody asks for here, and 40 MB would stay."""
    if "pyarrow" in sys.modules or "chdb" in sys.modules:
        import chdb

        return chdb
    stand_in = types.ModuleType("pyarrow")
    stand_in.__getattr__ = lambda name: object  # type: ignore[method-assign]
    sys.modules["pyarrow"] = stand_in
    os.environ.setdefault("JE_MALLOC_CONF", _ALLOCATOR)
    try:
        import chdb
    finally:
        del sys.modules["pyarrow"]
    return chdb


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _identifier(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _tell(failure: BaseException | None) -> None:
    """Raise what the engine said as EngineError; nothing for any other failure."""
    if isinstance(failure, UnicodeDecodeError):
        # Its message quotes the rows, and those were not UTF-8.
        raise EngineError(failure.object.decode("utf-8", "replace")) from None
    if isinstance(failure, RuntimeError):
        raise EngineError(str(failure)) from None
