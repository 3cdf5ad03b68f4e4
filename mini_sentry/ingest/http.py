"""The web process's HTTP protocol: uvicorn's, with a short way in for envelopes and a short way out for fixed answers.

uvicorn makes a task, a scope and an event of each request and passes its body and answer on as messages; for an envelope all
that costs more than accepting it. So the protocol first offers a whole small envelope to the application's `quick`
(`ingest.quick`), and only when that says no does the request go uvicorn's way.

uvicorn also checks and joins the headers of each response anew, and hands head and body to the kernel apart, which wakes the
client twice. A message that starts a response may carry its head ready to send (`replies.HEAD`): then head and body leave in
one write. Other servers ignore that key.
"""

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from mini_sentry.ingest.body import INLINE_BYTES
from mini_sentry.ingest.quick import QuickEnvelopes
from mini_sentry.ingest.replies import HEAD, closing


class PreparedCycle(RequestResponseCycle):
    """One request and its response. `prepared` is the head that waits for its body."""

    prepared: bytes | None = None

    async def send(self, message: Any) -> None:
        prepared = self.prepared
        if prepared is not None and message["type"] == "http.response.body":
            if self.flow.write_paused and not self.disconnected:
                await self.flow.drain()
            if self.disconnected:
                return
            self.transport.write(prepared + message["body"])
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.transport.close()
            self.on_response()
            return
        head: bytes | None = message.get(HEAD)
        # A connection that is to be closed says so in its head, an access log wants its line, and HEAD has no body.
        if head is None or not self.keep_alive or self.access_log or self.scope["method"] == "HEAD":
            await super().send(message)
            return
        self.prepared = head
        self.response_started = True
        self.waiting_for_100_continue = False


class _NobodyWaits:
    def set(self) -> None:
        """uvicorn wakes who reads the body; here it was read before."""


class QuickCycle:
    """A request that went the short way: what uvicorn's protocol asks of a cycle, and the `quick.Answer` of the edge."""

    __slots__ = ("disconnected", "keep_alive", "response_complete", "server")
    message_event: Final = _NobodyWaits()

    def __init__(self, server: "EdgeProtocol") -> None:
        self.server = server
        self.disconnected = False
        self.response_complete = False
        self.keep_alive = True  # until the server ends

    @property
    def is_void(self) -> bool:
        return self.disconnected

    def write(self, response: bytes) -> None:
        transport = self.server.transport
        self.response_complete = True
        if not transport.is_closing():
            transport.write(response if self.keep_alive else closing(response))
            if not self.keep_alive:
                transport.close()
        self.server.on_response_complete()


class EdgeProtocol(HttpToolsProtocol):
    """For `uvicorn.Config(http=EdgeProtocol)`. An application without an attribute `quick` is served as uvicorn does."""

    _quick: QuickEnvelopes | None = None
    _parts: list[bytes] | None = None
    """The body of a request that may go the short way; None for any other."""
    _size = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if not self.root_path and not self.config.access_log:
            self._quick = getattr(self.app, "quick", None)

    def on_message_begin(self) -> None:
        # The scope is made where it is needed, in `_go_the_long_way`.
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        if self._quick is not None and self._quick.may_take(self.url) and self._is_plain() and self._is_short():
            self._parts = []
            self._size = 0
        else:
            self._go_the_long_way()

    def on_body(self, body: bytes) -> None:
        parts = self._parts
        if parts is None:
            super().on_body(body)
            return
        parts.append(body)
        self._size += len(body)
        if self._size > INLINE_BYTES:
            self._give_back(parts)

    def on_message_complete(self) -> None:
        parts = self._parts
        if parts is not None and self._quick is not None:
            body = parts[0] if len(parts) == 1 else b"".join(parts)
            cycle = QuickCycle(self)
            if self._quick.take(self.url, self.headers, self.client, body, cycle):
                self._parts = None
                self.cycle = cycle  # type: ignore[assignment]  # it has what is asked of it
                return
            self._give_back(parts)
        super().on_message_complete()

    def _is_plain(self) -> bool:
        parser = self.parser
        return (
            parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and not self.expect_100_continue
            and not self.flow.write_paused
            and (self.cycle is None or self.cycle.response_complete)
        )

    def _is_short(self) -> bool:
        """Whether the body may turn out short. One that is said to be long is not waited for: it may be refused at once."""
        for name, value in self.headers:
            if name == b"content-length":
                return value.isdigit() and int(value) <= INLINE_BYTES
        return True

    def _give_back(self, parts: list[bytes]) -> None:
        self._parts = None
        self._go_the_long_way()
        for part in parts:
            super().on_body(part)

    def _go_the_long_way(self) -> None:
        url, headers, expect_100_continue = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expect_100_continue
        self.headers.extend(headers)
        super().on_headers_complete()
        # uvicorn makes the cycle where nothing can be handed in; its task has not begun yet.
        if type(self.cycle) is RequestResponseCycle:
            self.cycle.__class__ = PreparedCycle
