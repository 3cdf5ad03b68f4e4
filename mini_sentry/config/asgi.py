"""The web process's one ASGI application: the edge and the event stream answer themselves, the rest goes to Django.

Django runs as WSGI in a small thread pool, because it costs several times more under ASGI.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, cast

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mini_sentry.config.settings")
django.setup()

from a2wsgi import WSGIMiddleware
from django.conf import settings
from django.db import DatabaseError, connection

from mini_sentry.config import metrics, probes
from mini_sentry.config.environment import BadSetting
from mini_sentry.config.standing import open_board
from mini_sentry.config.wiring import limits, open_bus, open_log, open_quotas
from mini_sentry.config.wsgi import application as django_application
from mini_sentry.groups.api.events import event_json
from mini_sentry.ingest.app import make_app
from mini_sentry.ingest.counts import Counts, total
from mini_sentry.ingest.edge import Edge
from mini_sentry.ingest.guard import Guard, Thresholds, disk_of
from mini_sentry.ingest.quick import QuickEnvelopes
from mini_sentry.ingest.refusals import Refusals
from mini_sentry.ingest.routes import handles, without_prefix
from mini_sentry.live.app import LiveApp, Refusal
from mini_sentry.projects import keys
from mini_sentry.releases.sessions import session_json
from mini_sentry.streams.consumer import lag_seconds
from mini_sentry.streams.log import Log, LogError
from mini_sentry.streams.spool import Spooling
from mini_sentry.streams.topics import DIGEST, INGEST
from mini_sentry.web import access, health, status
from mini_sentry.web.hosts import is_ours

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

DJANGO_THREADS = 4
LAG_EVERY_SECONDS = 0.5
LIVE_PATHS = frozenset({"/api/live", "/api/live/"})

logger = logging.getLogger(__name__)


class Application:
    """Everything that one web process answers with, between the lifespan's startup and shutdown."""

    def __init__(self) -> None:
        # Typed by hand: the library's types name every key of every message, and Django's reply no iterable of bytes.
        self._django: Any = WSGIMiddleware(cast(Any, django_application), workers=DJANGO_THREADS)
        # One thread for the reads that the edge waits for, so that its database connection stays open.
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-event")
        self._lag = _Lag()
        self._log: Log | None = None
        self._guard: Guard | None = None
        self._counts = Counts()
        self.counts_path: Path | None = None
        """Where this worker counts, in a directory with those of the others; None for the only one."""
        self.bad_setting: BadSetting | None = None
        """Why the start failed, when a setting is to blame."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            if handles(without_prefix(path, scope.get("root_path", ""))):
                await self._ingest(scope, receive, send)
            elif path in LIVE_PATHS:
                await self._live(scope, receive, send)
            elif path in probes.PATHS:
                await self._probe(scope, send)
            else:
                await self._django(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    @property
    def quick(self) -> QuickEnvelopes | None:
        """The edge's short way for the server (`ingest.http`)."""
        return self._ingest.quick if self._log is not None else None

    async def _probe(self, scope: Scope, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        peer = scope["client"][0] if scope["client"] else ""
        vitals = probes.Vitals(
            role="web",
            is_live=lambda: True,
            missing=lambda: {} if self.quick is not None else {"web": "it does not accept anything"},
            samples=self._samples,
            token=settings.METRICS_TOKEN,
        )
        told = await asyncio.to_thread(probes.answer, scope["path"], peer, headers, vitals)
        sized = [(b"content-type", told.content_type.encode()), (b"content-length", b"%d" % len(told.body))]
        await send({"type": "http.response.start", "status": told.status, "headers": sized})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else told.body})

    def _samples(self) -> list[metrics.Sample]:
        mine = self.counts_path
        counts = self._counts if mine is None else total(Counts(path) for path in mine.parent.glob("web-*"))
        is_open = self._guard is not None and self._guard.closed is None
        edge = metrics.of_edge(counts, is_open=is_open, digest_lag_seconds=self._lag.seconds)
        spool = metrics.of_spool(self._log.status()) if isinstance(self._log, Spooling) else []
        return [*metrics.of_build("web"), *edge, *spool]

    def end_streams(self) -> None:
        """Called when the process is told to stop: streams would hold up whoever waits for open requests."""
        if self._log is not None:
            self._live.stop()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            try:
                await (self._start() if message["type"] == "lifespan.startup" else self._stop())
            except BadSetting as error:
                self.bad_setting = error
                await send({"type": f"{message['type']}.failed", "message": ""})
                return
            except Exception as error:
                logger.exception("The web process cannot go on")
                await send({"type": f"{message['type']}.failed", "message": str(error)})
                return
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _start(self) -> None:
        data_dir = settings.DATA_DIR
        self._log = log = open_log(spools=True)
        self._bus = open_bus()
        self._quotas = open_quotas()
        self._counts = Counts(self.counts_path)
        key_map = keys.KeyMap(keys.load)
        self._guard = Guard(
            disk=partial(disk_of, data_dir),
            backlog_bytes=partial(log.size_bytes, INGEST),
            thresholds=Thresholds(),
        )
        self._ingest = make_app(
            Edge(
                keys=key_map,
                log=log,
                quotas=self._quotas,
                guard=self._guard,
                bus=self._bus,
                read_event=self._read_event,
                read_session=self._read_session,
                digest_lag_seconds=lambda: self._lag.seconds,
                refusals=Refusals(time.time, self._counts),
                counts=self._counts,
                limits=limits(),
                trusted_proxies=settings.TRUSTED_PROXIES,
            )
        )
        self._live = LiveApp(self._bus, find_project=partial(_project_id, key_map), refuse=_refuse)
        await self._bus.start()
        await self._quotas.start()
        await self._ingest.startup()
        await self._lag.start(log)
        health.lag.seconds = lambda: self._lag.seconds
        status.current.board = self._board = open_board(
            log, quotas=self._quotas, bus=self._bus, guard=self._guard, clock=time.time
        )
        self._board.start()

    async def _stop(self) -> None:
        await asyncio.to_thread(self._board.stop)
        await self._lag.stop()
        await self._ingest.shutdown()
        await self._bus.stop()
        await self._quotas.stop()
        self._reader.shutdown()
        if self._log is not None:
            await asyncio.to_thread(self._log.close)

    async def _read_event(self, project_id: int, event_id: str) -> bytes | None:
        return await asyncio.get_running_loop().run_in_executor(self._reader, event_json, project_id, event_id)

    async def _read_session(self, project_id: int, session_id: str) -> bytes | None:
        return await asyncio.get_running_loop().run_in_executor(self._reader, session_json, project_id, session_id)


class _Lag:
    """How far the digest is behind, looked at twice a second in a thread of its own."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lag")
        self._looking: asyncio.Task[None] | None = None

    async def start(self, log: Log) -> None:
        self._looking = asyncio.create_task(self._look(log))

    async def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking
        self._thread.shutdown()

    async def _look(self, log: Log) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with contextlib.suppress(LogError):
                measure = partial(lag_seconds, log, DIGEST, INGEST, now=time.time())
                self.seconds = await loop.run_in_executor(self._thread, measure)
            await asyncio.sleep(LAG_EVERY_SECONDS)


async def _project_id(key_map: keys.KeyMap, slug: str) -> int | None:
    project = await key_map.find_slug(slug)
    return project.project_id if project is not None else None


async def _refuse(scope: Scope) -> Refusal | None:
    """The event stream answers to the same names and people as Django (`web.hosts`, `web.access`)."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    if not is_ours(headers.get(b"host", b"").decode("latin-1")):
        return Refusal(
            400, "This server does not answer to that name. Use localhost, or add the name to ALLOWED_HOSTS."
        )
    if not settings.PUBLISHED_ON:
        return None
    try:
        may_listen = await asyncio.to_thread(_may_listen, headers.get(b"cookie", b"").decode("latin-1"))
    except DatabaseError:
        return Refusal(503, "The relational store is away.")
    return None if may_listen else Refusal(401, access.REFUSAL)


def _may_listen(cookies: str) -> bool:
    try:
        return access.may_listen(cookies)
    finally:
        # The thread is one of many, and would keep its connection.
        connection.close()


application = Application()
