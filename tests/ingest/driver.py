"""An edge in this process, and requests to it as an ASGI server would make them."""

import asyncio
import gzip
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Network, IPv6Network
from typing import Any, NamedTuple

import msgspec

from mini_sentry.ingest.app import make_app
from mini_sentry.ingest.edge import Edge
from mini_sentry.ingest.guard import Disk, Guard, Thresholds
from mini_sentry.ingest.quotas import MemoryQuotas, Quotas
from mini_sentry.ingest.refusals import Refusals
from mini_sentry.projects.keys import KeyMap, Rows
from mini_sentry.protocol import envelope
from mini_sentry.protocol.limits import DEFAULT, Limits
from mini_sentry.protocol.outcomes import Tally
from mini_sentry.streams.engines.memory import MemoryLog
from mini_sentry.streams.log import Log
from mini_sentry.streams.topics import INGEST, Accepted, unpack

NOON = 1_790_000_080.5
KEY = "0123456789abcdef0123456789abcdef"
OTHER_KEY = "fedcba9876543210fedcba9876543210"
DISABLED_KEY = "d" * 32
KEY_OF_DISABLED_PROJECT = "e" * 32
EVENT_ID = "4c79f60c11214eb38604f4ae0781bfb2"
AUTH = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={KEY}, sentry_client=sentry.python/2.75.0"}
CORS = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "x-sentry-error, x-sentry-rate-limits, retry-after",
}
ROWS = Rows(
    projects=[(1, "shop", "token-shop", True), (2, "web", "token-web", True), (3, "old", "token-old", False)],
    keys=[
        (10, KEY, 1, True),
        (11, DISABLED_KEY, 1, False),
        (20, OTHER_KEY, 2, True),
        (30, KEY_OF_DISABLED_PROJECT, 3, True),
    ],
)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Board:
    """Announcements that a test makes itself."""

    def __init__(self) -> None:
        self.expected: dict[tuple[int, bytes], asyncio.Future[Any]] = {}
        self.on_expect: Callable[[asyncio.Future[Any]], None] | None = None

    def expect(self, project_id: int, record_id: bytes) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.expected[project_id, record_id] = future
        if self.on_expect is not None:
            self.on_expect(future)
        return future


class _Written:
    """The other end of a connection."""

    is_void = False

    def __init__(self, response: asyncio.Future[bytes]) -> None:
        self._response = response

    def write(self, response: bytes) -> None:
        self._response.set_result(response)


class Server:
    """A started edge. What a test may change while it runs is an attribute."""

    def __init__(
        self,
        *,
        rows: Rows = ROWS,
        events_per_minute: int = 0,
        sessions_per_minute: int = 0,
        quotas: Quotas | None = None,
        limits: Limits = DEFAULT,
        log: Log | None = None,
        trusted_proxies: Sequence[IPv4Network | IPv6Network] = (),
        wait_seconds: float = 2.0,
    ) -> None:
        self.rows = rows
        self.log: Log = log or MemoryLog()
        self.disk = Disk(free_bytes=50 << 30, total_bytes=100 << 30)
        self.board = Board()
        self.stored: dict[tuple[int, str], bytes] = {}
        self.stored_sessions: dict[tuple[int, str], bytes] = {}
        self.lag_seconds = 0.0
        self.time = NOON
        self.guard = Guard(
            disk=lambda: self.disk,
            backlog_bytes=lambda: self.log.size_bytes(INGEST),
            thresholds=Thresholds(backlog_bytes=10_000_000),
            every_seconds=3600.0,
        )
        self.refusals = Refusals(lambda: self.time)
        self.edge = Edge(
            keys=KeyMap(lambda: self.rows, refresh_seconds=3600.0),
            log=self.log,
            quotas=quotas or MemoryQuotas(events_per_minute=events_per_minute, sessions_per_minute=sessions_per_minute),
            guard=self.guard,
            bus=self.board,
            read_event=self._read_event,
            read_session=self._read_session,
            digest_lag_seconds=lambda: self.lag_seconds,
            refusals=self.refusals,
            limits=limits,
            trusted_proxies=trusted_proxies,
            now=lambda: self.time,
            wait_seconds=wait_seconds,
        )
        self.app = make_app(self.edge)
        self._runner = asyncio.Runner()

    def start(self) -> None:
        self._runner.run(self.app.startup())

    def stop(self) -> None:
        try:
            self._runner.run(self.app.shutdown())
        finally:
            self._runner.close()

    def request(
        self,
        method: str,
        url: str,
        body: bytes | Sequence[bytes] = b"",
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        *,
        is_cut_off: bool = False,
        root_path: str = "",
        peer: str | None = "192.0.2.7",
    ) -> Answer:
        """One request. A `body` in parts comes without a Content-Length, as a chunked one; `is_cut_off` ends it early."""
        return self._runner.run(
            self._request(method, url, body, headers, is_cut_off=is_cut_off, root_path=root_path, peer=peer)
        )

    def quick(
        self, url: str, body: bytes, headers: Mapping[str, str] = AUTH, *, peer: str = "192.0.2.7"
    ) -> Answer | None:
        """One request by the short way; None when it has to go the long way."""
        return self._runner.run(self._quick(url, body, headers, peer))

    def together(self, *calls: tuple[str, str, bytes, Mapping[str, str]]) -> list[Answer]:
        """Several requests at once."""

        async def all_of_them() -> list[Answer]:
            return await asyncio.gather(*(self._request(*call) for call in calls))

        return self._runner.run(all_of_them())

    def post(
        self,
        url: str,
        body: bytes | Sequence[bytes] = b"",
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = AUTH,
    ) -> Answer:
        return self.request("POST", url, body, headers)

    def messages(self) -> list[Accepted]:
        """What the edge accepted, without the counts of what it refused."""
        return [message for message in self._all_messages() if message.kind != "tallies"]

    def refused(self) -> list[tuple[int, str, str, str, int]]:
        """Project id, outcome, reason, category and quantity of what the edge refused, as it stands in the log."""
        self._runner.run(self.refusals.flush())
        tallies = [
            tally
            for message in self._all_messages()
            if message.kind == "tallies"
            for tally in msgspec.json.decode(message.body, type=list[Tally])
        ]
        return [(tally.project_id, tally.outcome, tally.reason, tally.category, tally.quantity) for tally in tallies]

    def _all_messages(self) -> list[Accepted]:
        return [unpack(record.value) for record in self.log.read(INGEST, 1, limit=100_000, max_bytes=1 << 30)]

    async def _read_event(self, project_id: int, event_id: str) -> bytes | None:
        return self.stored.get((project_id, event_id))

    async def _read_session(self, project_id: int, session_id: str) -> bytes | None:
        return self.stored_sessions.get((project_id, session_id))

    async def _quick(self, url: str, body: bytes, headers: Mapping[str, str], peer: str) -> Answer | None:
        written: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        lines = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        assert self.app.quick is not None
        if not self.app.quick.take(url.encode(), lines, (peer, 50000), body, _Written(written)):
            return None
        head, _, answered = (await asyncio.wait_for(written, 10)).partition(b"\r\n\r\n")
        status, *rest = head.decode().split("\r\n")
        return Answer(int(status.split()[1]), dict(line.split(": ", 1) for line in rest), answered)

    async def _request(
        self,
        method: str,
        url: str,
        body: bytes | Sequence[bytes],
        headers: Mapping[str, str] | Sequence[tuple[str, str]],
        *,
        is_cut_off: bool = False,
        root_path: str = "",
        peer: str | None = "192.0.2.7",
    ) -> Answer:
        path, _, query = url.partition("?")
        pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
        if isinstance(body, bytes):
            parts: list[bytes] = [body]
            if not is_cut_off and not any(name.lower() == "content-length" for name, _ in pairs):
                pairs.append(("content-length", str(len(body))))
        else:
            parts = [*body]
        scope = {
            "type": "http",
            "method": method,
            "path": root_path + path,
            "root_path": root_path,
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
            "client": (peer, 40000) if peer is not None else None,
        }
        waiting = [
            {"type": "http.request", "body": part, "more_body": is_cut_off or index < len(parts) - 1}
            for index, part in enumerate(parts)
        ]
        sent: list[Any] = []

        async def receive() -> Any:
            return waiting.pop(0) if waiting else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        if not sent:
            return Answer(0, {}, b"")
        start, end = sent
        assert (start["type"], end["type"]) == ("http.response.start", "http.response.body")
        answer = Answer(
            start["status"],
            {name.decode(): value.decode() for name, value in start["headers"]},
            end["body"],
        )
        assert answer.headers.get("content-length", "0") == str(len(answer.body))
        return answer


@contextmanager
def serving(**given: Any) -> Iterator[Server]:
    server = Server(**given)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def event_envelope(*, event_id: str = EVENT_ID, **header: Any) -> bytes:
    """An envelope with one event in it."""
    return envelope.build({"event_id": event_id, **header}, [({"type": "event"}, b'{"message":"it broke"}')])


def gzipped(body: bytes) -> bytes:
    return gzip.compress(body, 6, mtime=0)
