"""`GET /api/live/?project=<slug>`: what lands in a project, as server-sent events.

- `hello` comes first; its id is where the stream begins.
- `batch` says what was stored since the last one, at most once a second, several announcements in one.
- `reset` means that something was missed that is not kept any more: the client reads everything afresh.
- A comment line every 15 s keeps proxies from closing the connection.

A client resumes with the `Last-Event-ID` header, which browsers send by themselves, or with `?last_id=`.

Spec: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs

from mini_sentry.live.bus import Bus, News, Reset, Watch
from mini_sentry.live.messages import as_json, merge

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

HEARTBEAT_SECONDS: Final = 15.0
BATCH_SECONDS: Final = 1.0
STREAMS_AT_MOST: Final = 200
FAREWELL_SECONDS: Final = 0.5
RECONNECT_MILLISECONDS: Final = 2000


class Refusal(NamedTuple):
    """Why a request gets no stream: the HTTP status, and the text of its `detail`."""

    status: int
    detail: str


class LiveApp:
    """The ASGI application. `find_project` gives a slug's project id, None when there is no such project.

    `refuse` decides who may listen, by the connection's scope: None lets it pass.
    """

    def __init__(
        self,
        bus: Bus,
        *,
        find_project: Callable[[str], Awaitable[int | None]],
        refuse: Callable[[Scope], Awaitable[Refusal | None]],
        streams_at_most: int = STREAMS_AT_MOST,
        batch_seconds: float = BATCH_SECONDS,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._bus = bus
        self._find_project = find_project
        self._refuse = refuse
        self._streams_at_most = streams_at_most
        self._batch_seconds = batch_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._streams: set[asyncio.Task[None]] = set()
        self._is_stopping = False

    def stop(self) -> None:
        """End every stream, and take no new one. Called in the event loop, when the process is told to stop."""
        self._is_stopping = True
        for stream in self._streams:
            stream.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "GET":
            await _answer(send, Refusal(405, f'Method "{scope["method"]}" not allowed.'), (b"allow", b"GET"))
            return
        refusal = await self._refuse(scope)
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        slug = query.get("project", [""])[0]
        project_id = None if refusal or not slug else await self._find_project(slug)
        if refusal is None and not slug:
            refusal = Refusal(400, "Say which project: ?project=<slug>.")
        if refusal is None and project_id is None:
            refusal = Refusal(404, "No such project.")
        if refusal is None and (self._is_stopping or len(self._streams) >= self._streams_at_most):
            refusal = Refusal(503, "Too many streams are open.")
        if refusal is not None or project_id is None:
            await _answer(send, refusal or Refusal(404, "No such project."))
            return
        watch = self._bus.watch(project_id, _last_id(scope, query))
        try:
            await self._serve(watch, slug, receive, send)
        finally:
            self._bus.unwatch(watch)

    async def _serve(self, watch: Watch, slug: str, receive: Receive, send: Send) -> None:
        """Stream until the client goes, or until this process stops."""
        stream = asyncio.create_task(self._stream(watch, slug, send))
        gone = asyncio.create_task(_disconnected(receive))
        self._streams.add(stream)
        try:
            await asyncio.wait({stream, gone}, return_when=asyncio.FIRST_COMPLETED)
            if stream.cancelled():
                last = {"type": "http.response.body", "body": b"", "more_body": False}
                await asyncio.wait_for(send(last), FAREWELL_SECONDS)
            elif stream.done():
                stream.result()
        except TimeoutError:
            # A client that reads nothing: the server closes the connection.
            return
        finally:
            self._streams.discard(stream)
            stream.cancel()
            gone.cancel()

    async def _stream(self, watch: Watch, slug: str, send: Send) -> None:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        hello = json.dumps({"project": watch.project_id, "slug": slug}).encode()
        await _send(send, b"retry: %d\n" % RECONNECT_MILLISECONDS + _event(b"hello", watch.id, hello))
        while True:
            messages = await watch.take(timeout_seconds=self._heartbeat_seconds)
            taken_at = time.monotonic()
            await _send(send, _events(messages, slug) if messages else b": heartbeat\n\n")
            if messages:
                await asyncio.sleep(self._batch_seconds - (time.monotonic() - taken_at))


def _events(messages: Sequence[News | Reset], slug: str) -> bytes:
    """A Reset makes what was before it worthless; News are merged into one batch."""
    resets = [index for index, message in enumerate(messages) if isinstance(message, Reset)]
    sent = b""
    if resets:
        sent = _event(b"reset", messages[resets[-1]].id, b"{}")
        messages = messages[resets[-1] + 1 :]
    news = [message.project for message in messages if isinstance(message, News)]
    if news:
        sent += _event(b"batch", messages[-1].id, as_json(merge(news), slug=slug))
    return sent


def _event(name: bytes, number: int, data: bytes) -> bytes:
    return b"event: %s\nid: %d\ndata: %s\n\n" % (name, number, data)


def _last_id(scope: Scope, query: dict[str, list[str]]) -> int | None:
    """The id that the client heard last; None when it begins, and -1, which nobody keeps, when it makes no sense."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    text = headers.get(b"last-event-id", b"").decode("latin-1") or query.get("last_id", [""])[0]
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _answer(send: Send, refusal: Refusal, *headers: tuple[bytes, bytes]) -> None:
    body = json.dumps({"detail": refusal.detail}).encode()
    common = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": refusal.status, "headers": [*common, *headers]})
    await send({"type": "http.response.body", "body": body})
