"""The embedded column engine behind ClickHouse's own HTTP protocol, so that one client serves every installation.

A statement comes as the body or as `query`, its values as `param_NAME`, its settings as other arguments; the rows of
an INSERT follow its FORMAT line. Named sessions, quotas and progress headers do not exist here.

SQL can read files and the port is open to every local user, so the server listens on loopback alone, on a port the
system picks, asks for a password that is new at each start, and checks the Host, which keeps web pages out. Who may
read `columns.json` in the data directory (mode 0600) may ask.

Spec: https://clickhouse.com/docs/interfaces/http
"""

import hmac
import json
import os
import re
import secrets
import socket
import socketserver
import tempfile
import threading
import zlib
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import IO, Any, Final, cast
from urllib.parse import parse_qsl, quote, urlsplit
from uuid import uuid4

import msgspec

from mini_sentry.analytics.chdb_engine import Answer, Engine, EngineError

USER: Final = "default"
DATABASE: Final = "sentry"
ADDRESS_FILE: Final = "columns.json"

MAX_BODY_BYTES: Final = 32 << 20
MAX_STATEMENT_BYTES: Final = 1 << 20
MAX_CONNECTIONS: Final = 64
MAX_STATEMENTS: Final = 6
STATEMENT_WAIT_SECONDS: Final = 5.0
IDLE_SECONDS: Final = 60.0
ENGINE_MEMORY_BYTES: Final = 400 << 20

_CHUNK_BYTES: Final = 256 << 10

_TRANSPORT_ARGUMENTS: Final = frozenset(
    {
        "query", "database", "default_format", "query_id", "user", "password", "session_id", "session_timeout",
        "session_check", "quota_key", "role", "compress", "decompress", "buffer_size", "wait_end_of_query",
        "client_protocol_version", "send_progress_in_http_headers", "http_headers_progress_interval_ms",
        "enable_http_compression", "http_zlib_compression_level", "cancel_http_readonly_queries_on_client_close",
    }
)  # fmt: skip
"""Arguments about the conversation; every other one that is no parameter is a setting of the engine."""

_INSERT_HEAD: Final = re.compile(
    rb"(\s*INSERT\s+INTO\s.*?)\bFORMAT\s+(\w+)[ \t]*(?:\r?\n|;|\Z)", re.IGNORECASE | re.DOTALL
)
_TRAILING_FORMAT: Final = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*\Z", re.IGNORECASE)
_RETURNS_ROWS: Final = re.compile(
    r"[\s(]*(SELECT|WITH|SHOW|DESCRIBE|DESC|EXISTS|EXPLAIN|CHECK|VALUES|FROM)\b", re.IGNORECASE
)

_STATUS_OF_CODE: Final = {
    60: 404,
    81: 404,
    46: 404,
    62: 400,
    47: 400,
    164: 400,
    115: 400,
    159: 408,
    516: 401,
    202: 503,
    745: 503,
}
"""HTTP status of the engine's error numbers; all others are 500, as in ClickHouse."""


class ColumnServer:
    """The engine and its door. One per data directory; never fork after `start`.

    `start` opens the engine, creates the database `sentry`, writes `columns.json` and serves from threads of its own.
    `stop` takes the file away, ends the statements and closes the engine; nothing is lost when it never runs.
    """

    def __init__(self, data_dir: Path, *, password: str = "", port: int = 0) -> None:
        """`password` and `port` are picked at `start` when they are not given."""
        self._data_dir = data_dir
        self._password = password or secrets.token_urlsafe(24)
        self._port = port
        self._engine: Engine | None = None
        self._listener: _Listener | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """`http://default:PASSWORD@127.0.0.1:PORT/sentry`; valid between `start` and `stop`."""
        if self._listener is None:
            raise RuntimeError("the column server was not started")
        return f"http://{USER}:{quote(self._password, safe='')}@127.0.0.1:{self._listener.port}/{DATABASE}"

    def start(self) -> None:
        """Raises EngineError or RuntimeError when the directory cannot be opened, OSError when the port is taken."""
        self._engine = Engine(self._data_dir / "columns", memory_bytes=ENGINE_MEMORY_BYTES)
        try:
            self._engine.run(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
            self._listener = _Listener(self._port, self._engine, self._password)
        except BaseException:
            self._engine.close()
            raise
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.2,), name="columns", daemon=True)
        self._thread.start()
        self._write_address()

    def stop(self) -> None:
        """May be called twice. Returns when the engine's directory is closed."""
        with suppress(FileNotFoundError):
            (self._data_dir / ADDRESS_FILE).unlink()
        if self._listener is not None and self._thread is not None:
            self._listener.shutdown()
            self._thread.join()
            self._listener.server_close()
            self._thread = None
        if self._engine is not None:
            self._engine.close()
        if self._listener is not None:
            self._listener.hang_up()

    def _write_address(self) -> None:
        target = self._data_dir / ADDRESS_FILE
        fresh = target.with_name(f".{ADDRESS_FILE}.{os.getpid()}")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"url": self.url}, file)
        fresh.replace(target)


def address(data_dir: Path) -> str | None:
    """The url of the embedded engine that serves this data directory now, None when none does."""
    try:
        return str(json.loads((data_dir / ADDRESS_FILE).read_bytes())["url"])
    except (OSError, ValueError, KeyError):
        return None


class _Listener(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A thread per connection, so many connections and no more."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, port: int, engine: Engine, password: str) -> None:
        self.engine = engine
        self.password = password.encode()
        self.statements = threading.BoundedSemaphore(MAX_STATEMENTS)
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)
        self.port = int(self.server_address[1])
        self.hosts = {f"{host}:{self.port}" for host in ("127.0.0.1", "localhost", "[::1]")}

    def verify_request(self, request: Any, client_address: Any) -> bool:
        with self._guard:
            return len(self._connections) < MAX_CONNECTIONS

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no news; the connection is closed either way."""

    def hang_up(self) -> None:
        """Wake the threads that wait for another request of a kept connection."""
        with self._guard:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Refused(Exception):
    """The request was not taken to the engine."""

    def __init__(self, status: int, code: int, text: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {text}")
        self.status = status
        self.code = code


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Listener

    def log_message(self, *args: Any) -> None:
        """Statements are not logged: they carry what users search for."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = _Body(self)
        try:
            url = urlsplit(self.path)
            if self.headers.get("Host", "").lower() not in self.server.hosts:
                raise _Refused(403, 497, "This host name is not served. (ACCESS_DENIED)")
            if url.path == "/ping":
                self._send(200, b"Ok.\n", {})
                return
            arguments = dict(parse_qsl(url.query, keep_blank_values=True))
            self._authenticate(arguments)
            answer = self._execute(arguments, body)
        except _Refused as refusal:
            self._fail(refusal.status, refusal.code, str(refusal), body)
        except EngineError as failure:
            self._fail(_STATUS_OF_CODE.get(failure.code, 500), failure.code, str(failure), body)
        else:
            self._succeed(answer, arguments.get("query_id") or str(uuid4()))

    def _succeed(self, answer: Answer, query_id: str) -> None:
        summary = {
            name: str(getattr(answer, name)) for name in ("read_rows", "read_bytes", "result_rows", "elapsed_ns")
        }
        headers = {
            "X-ClickHouse-Query-Id": query_id,
            "X-ClickHouse-Timezone": "UTC",
            "X-ClickHouse-Summary": json.dumps(summary),
        }
        if answer.format:
            headers["X-ClickHouse-Format"] = answer.format
        self._send(200, answer.data, headers)

    def _authenticate(self, arguments: dict[str, str]) -> None:
        header = self.headers.get("Authorization", "")
        if header.startswith("Basic "):
            try:
                user, _, password = b64decode(header[6:], validate=True).decode().partition(":")
            except ValueError:
                user, password = "", ""
        elif "X-ClickHouse-Key" in self.headers:
            user, password = self.headers.get("X-ClickHouse-User", USER), self.headers["X-ClickHouse-Key"]
        else:
            user, password = arguments.get("user", USER), arguments.get("password", "")
        if user != USER or not hmac.compare_digest(password.encode(), self.server.password):
            raise _Refused(401, 516, "Authentication failed. (AUTHENTICATION_FAILED)")

    def _execute(self, arguments: dict[str, str], body: "_Body") -> Answer:
        database = arguments.get("database") or urlsplit(self.path).path.strip("/")
        settings = {
            name: value
            for name, value in arguments.items()
            if name not in _TRANSPORT_ARGUMENTS and not name.startswith("param_")
        }
        statement = arguments.get("query", "").encode()
        first = body.read_some()
        insert = _INSERT_HEAD.match(statement or first)
        if insert and insert[2].upper() != b"VALUES":
            rows = first if statement else first[insert.end() :]
            with self._spooled(rows, body) as path, self._turn():
                return self.server.engine.insert(
                    insert[1].decode(), path, database=database, settings=settings, input_format=insert[2].decode()
                )
        text = _text(statement, first, body.rest(MAX_STATEMENT_BYTES - len(first)))
        trailing = _TRAILING_FORMAT.search(text)
        output_format = trailing[1] if trailing else arguments.get("default_format") or "TabSeparated"
        parameters = {name[6:]: value for name, value in arguments.items() if name.startswith("param_")}
        with self._turn():
            answer = self.server.engine.run(
                text, database=database, settings=settings, parameters=parameters, output_format=output_format
            )
        return answer if trailing or _RETURNS_ROWS.match(text) else msgspec.structs.replace(answer, format="")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self.server.statements.acquire(timeout=STATEMENT_WAIT_SECONDS):
            raise _Refused(503, 202, "Too many statements at once. (TOO_MANY_SIMULTANEOUS_QUERIES)")
        try:
            yield
        finally:
            self.server.statements.release()

    @contextmanager
    def _spooled(self, rows: bytes, body: "_Body") -> Iterator[Path]:
        """The rows of an INSERT in a file of their own, gone afterwards: the engine reads files faster than arguments."""
        with tempfile.NamedTemporaryFile(dir=self.server.engine.scratch, buffering=0) as file:
            while rows:
                file.write(rows)
                rows = body.read_some()
            yield Path(file.name)

    def _fail(self, status: int, code: int, text: str, body: "_Body") -> None:
        if not body.drained:
            self.close_connection = True
        self._send(status, text.encode() + b"\n", {"X-ClickHouse-Exception-Code": str(code)})

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)


class _Body:
    """A request's body, read once in pieces, plain or chunked, inflated, never past MAX_BODY_BYTES."""

    def __init__(self, handler: _Handler) -> None:
        headers = handler.headers
        self._file = cast("IO[bytes]", handler.rfile)
        self._is_chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
        try:
            self._left = 0 if self._is_chunked else max(int(headers.get("Content-Length") or 0), 0)
        except ValueError:
            self._left = MAX_BODY_BYTES + 1
        self._declared = self._left
        self._expand = _expander(headers.get("Content-Encoding", ""))
        self._given = 0
        self.drained = not self._is_chunked and not self._left

    def read_some(self) -> bytes:
        """The next piece, never empty before the end. Raises _Refused when the body is too large or its encoding unknown."""
        if self._declared > MAX_BODY_BYTES:
            raise _Refused(413, 307, "The body is too large. (TOO_MANY_BYTES)")
        while not self.drained:
            raw = self._read_chunk() if self._is_chunked else self._read_plain()
            if self._expand is None:
                raise _Refused(400, 73, "Unknown content encoding. (UNKNOWN_FORMAT)")
            try:
                piece = self._expand(raw)
            except Exception as broken:
                raise _Refused(400, 271, "The body cannot be inflated. (CANNOT_DECOMPRESS)") from broken
            self._given += len(piece)
            if self._given > MAX_BODY_BYTES:
                raise _Refused(413, 307, "The body is too large. (TOO_MANY_BYTES)")
            if piece:
                return piece
        return b""

    def rest(self, limit: int) -> bytes:
        """All that is left, at most `limit` bytes. Raises _Refused above."""
        pieces = []
        while piece := self.read_some():
            limit -= len(piece)
            pieces.append(piece)
            if limit < 0:
                raise _Refused(413, 62, "The statement is too long. (SYNTAX_ERROR)")
        return b"".join(pieces)

    def _read_plain(self) -> bytes:
        raw = self._file.read(min(self._left, _CHUNK_BYTES))
        self._left -= len(raw)
        self.drained = not self._left
        if not raw:
            raise ConnectionError("the body ended early")
        return raw

    def _read_chunk(self) -> bytes:
        line = self._file.readline(1024)
        try:
            size = int(line.split(b";")[0], 16)
        except ValueError:
            raise _Refused(400, 62, "A chunk has no length. (SYNTAX_ERROR)") from None
        if size > MAX_BODY_BYTES:
            raise _Refused(413, 307, "The body is too large. (TOO_MANY_BYTES)")
        raw = self._file.read(size)
        if len(raw) < size:
            raise ConnectionError("the body ended early")
        self._file.readline(1024)
        self.drained = size == 0
        return raw


def _expander(encoding: str) -> Callable[[bytes], bytes] | None:
    """A function that inflates the pieces of one body in turn; None for an encoding that is not spoken here."""
    match encoding.lower():
        case "" | "identity":
            return bytes
        case "gzip" | "deflate":
            inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
            return lambda raw: inflate.decompress(raw, MAX_BODY_BYTES + 1)
        case "lz4":
            import lz4.frame

            frame = lz4.frame.LZ4FrameDecompressor()
            return lambda raw: cast("bytes", frame.decompress(raw, MAX_BODY_BYTES + 1)) if raw else b""
        case "zstd":
            import zstandard

            return cast("Callable[[bytes], bytes]", zstandard.ZstdDecompressor().decompressobj().decompress)
    return None


def _text(*parts: bytes) -> str:
    try:
        return b"\n".join(filter(None, (parts[0], b"".join(parts[1:])))).decode()
    except UnicodeDecodeError:
        raise _Refused(400, 62, "The statement is not UTF-8. (SYNTAX_ERROR)") from None
