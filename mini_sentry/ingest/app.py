"""The edge as an ASGI application: a route to a function, and what that raises to the reply that clients expect."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from mini_sentry.ingest import rest, sdk
from mini_sentry.ingest.edge import Edge, Intake
from mini_sentry.ingest.guard import DISK_FULL
from mini_sentry.ingest.quick import QuickEnvelopes
from mini_sentry.ingest.quotas import QuotasUnavailable
from mini_sentry.ingest.replies import (
    ClientGone,
    Receive,
    Refused,
    Scope,
    Send,
    closed,
    reply,
    reply_preflight,
    reply_refused,
)
from mini_sentry.ingest.routes import Kind, Route, route, without_prefix
from mini_sentry.streams.publisher import Publisher

Handler = Callable[[Intake, Route, Scope, Receive, Send], Awaitable[None]]

HANDLERS: Final[dict[tuple[Kind, str], Handler]] = {
    (Kind.ENVELOPE, "POST"): sdk.envelope,
    (Kind.STORE, "POST"): sdk.store,
    (Kind.STORE, "GET"): sdk.store,
    (Kind.SECURITY, "POST"): sdk.security,
    (Kind.EVENT_BY_TOKEN, "POST"): rest.event,
    (Kind.EVENT_BY_SLUG, "POST"): rest.event,
    (Kind.SESSION_BY_TOKEN, "POST"): rest.session,
}

logger = logging.getLogger(__name__)


class IngestApp:
    """Answers for every path that `routes.handles` names, between `startup` and `shutdown`.

    The log and the quotas belong to whoever made them and are closed there, after `shutdown`.
    """

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._intake: Intake | None = None
        self.quick: QuickEnvelopes | None = None
        """The short way for the server (`ingest.http`); None while nothing is accepted."""

    async def startup(self) -> None:
        edge = self._edge
        loop = asyncio.get_running_loop()
        intake = Intake(edge, Publisher(edge.log, loop, count=edge.counts.add_accepted))
        await edge.guard.start()
        await edge.keys.start()
        # Counts of refusals are no request that was accepted.
        await edge.refusals.start(Publisher(edge.log, loop))
        self._intake = intake
        self.quick = QuickEnvelopes(intake)

    async def shutdown(self) -> None:
        """Stop looking at disk and database, and hand the last counts to the log."""
        self._intake = self.quick = None
        await self._edge.guard.stop()
        await self._edge.keys.stop()
        await self._edge.refusals.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = route(without_prefix(scope["path"], scope.get("root_path", "")))
        method: str = scope["method"]
        intake = self._intake
        if found is None or found.kind is Kind.UNKNOWN:
            await _reply_misdirected(send, method)
            return
        handler = HANDLERS.get((found.kind, method))
        if handler is None:
            await _reply_other_method(send, found.kind, method)
            return
        if intake is None:
            await reply(send, 503, b'{"detail":"The server is not ready."}', headers=[(b"retry-after", b"5")])
            return
        try:
            await handler(intake, found, scope, receive, send)
        except Refused as refused:
            await _refuse(intake, send, refused)
        except QuotasUnavailable as error:
            logger.error("Nothing is accepted: %s", error)
            await _refuse(intake, send, closed(DISK_FULL, project_id=0, category="error"))
        except ClientGone:
            return


def make_app(edge: Edge) -> IngestApp:
    return IngestApp(edge)


async def _refuse(intake: Intake, send: Send, refused: Refused) -> None:
    intake.count(refused)
    await reply_refused(send, refused)


async def _reply_misdirected(send: Send, method: str) -> None:
    if method == "OPTIONS":
        await reply_preflight(send)
    else:
        await reply(send, 404, b'{"detail":"Not found."}')


async def _reply_other_method(send: Send, kind: Kind, method: str) -> None:
    if method == "OPTIONS":
        await reply_preflight(send)
        return
    allowed = ", ".join(sorted({name for known, name in HANDLERS if known is kind} | {"OPTIONS"}))
    # HEAD must not have a body, and the server below takes care of that.
    await reply(send, 405, b'{"detail":"Method not allowed."}', headers=[(b"allow", allowed.encode())])
