"""What SDKs post: envelopes, single events to the old store route, and browsers' security reports.

Payloads are not read here beyond what the answer needs: the digest does that, and tells nobody. The media type is never
looked at, because many clients send a wrong one or none.
"""

import uuid
from typing import Final
from urllib.parse import parse_qs

from mini_sentry.ingest import items
from mini_sentry.ingest.body import encoding_of, inflated, read
from mini_sentry.ingest.edge import Intake
from mini_sentry.ingest.publish import new_record_id, publish
from mini_sentry.ingest.quotas import Bucket, rate_limit_headers
from mini_sentry.ingest.replies import (
    GIF,
    Receive,
    Refused,
    Scope,
    Send,
    closed,
    reply,
    reply_event_id,
    reply_refused,
    unacceptable,
)
from mini_sentry.ingest.routes import Route
from mini_sentry.ingest.senders import Sender
from mini_sentry.protocol import envelope as envelopes
from mini_sentry.protocol import security as securities
from mini_sentry.protocol import store as stores
from mini_sentry.protocol.errors import ProtocolError
from mini_sentry.protocol.outcomes import Outcome, Reason
from mini_sentry.streams.topics import Accepted

ENVELOPE_TYPE: Final = b"application/x-sentry-envelope"
LONGEST_HEADER_CHARS: Final = 1024


async def envelope(intake: Intake, route: Route, scope: Scope, receive: Receive, send: Send) -> None:
    edge = intake.edge
    limits = edge.limits
    headers: dict[bytes, bytes] = dict(scope["headers"])
    sender = await intake.senders.find(route.project_id, headers, scope["query_string"])
    project_id = sender.project_id if sender is not None else 0
    if edge.guard.closed is not None:
        raise closed(edge.guard.closed, project_id=project_id, category="error")
    encoding = encoding_of(headers.get(b"content-encoding"))
    try:
        body = await read(receive, headers.get(b"content-length"), max_bytes=limits.request_bytes)
        plain = await inflated(body, encoding, max_bytes=limits.inflated_bytes)
        scanned = envelopes.scan(plain, limits=limits)
    except ProtocolError as error:
        if sender is None:
            raise intake.senders.unauthenticated(route.project_id) from error
        raise unacceptable(error, project_id=project_id, category="error") from error
    if sender is None:
        sender = await intake.senders.from_dsn(scanned.dsn, route.project_id)
    elif scanned.dsn and scanned.dsn != sender.checked_dsn:
        sender.check_dsn(scanned.dsn, category="error")
    now = edge.now()
    dropped, full = await items.admit(scanned.items, edge.quotas, sender.project_id, now=now)
    event_id = items.answered_id(scanned.items, scanned.event_id, plain)
    if len(dropped) < len(scanned.items):
        client_ip = intake.client_ip(scope.get("client"), headers)
        accepted = message("envelope", sender, headers, client_ip, now, event_id, encoding, body, dropped)
        await publish(intake.publisher, sender.log_key, accepted, category="error")
    if full:
        for category, quantity in items.categories(scanned.items, dropped).items():
            edge.refusals.count(sender.project_id, Outcome.RATE_LIMITED, Reason.PROJECT_LIMIT, category, quantity)
        await reply_refused(send, limited(full, sender.project_id, quantity=0))
    elif event_id:
        await reply_event_id(send, event_id)
    else:
        await reply(send, 200, b"{}")


async def store(intake: Intake, route: Route, scope: Scope, receive: Receive, send: Send) -> None:
    """One event as JSON, plain or in base64; with GET in the query (`sentry_data`), answered by a picture of one pixel."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    if headers.get(b"content-type", b"").startswith(ENVELOPE_TYPE):
        await envelope(intake, route, scope, receive, send)
        return
    edge = intake.edge
    limits = edge.limits
    is_get = scope["method"] == "GET"
    sender = await _admitted_sender(intake, route, scope, headers, category="error")
    encoding = "" if is_get else encoding_of(headers.get(b"content-encoding"))
    try:
        if is_get:
            data = _query(scope).get("sentry_data", [""])[0]
            # Clients forget to escape the plus signs of base64, and those read as blanks.
            body = (data if data.startswith("{") else data.replace(" ", "+")).encode("utf-8", "replace")
        else:
            body = await read(receive, headers.get(b"content-length"), max_bytes=limits.request_bytes)
        plain = await inflated(body, encoding, max_bytes=limits.inflated_bytes)
        payload = stores.payload(plain, limits=limits)
    except ProtocolError as error:
        raise unacceptable(error, project_id=sender.project_id, category="error") from error
    now = edge.now()
    await _admit_events(intake, sender, 1, category="error", now=now)
    event_id = items.payload_id(payload) or uuid.uuid4().hex
    client_ip = intake.client_ip(scope.get("client"), headers)
    accepted = message("store", sender, headers, client_ip, now, event_id, encoding, body, [])
    await publish(intake.publisher, sender.log_key, accepted, category="error")
    if is_get:
        await reply(send, 200, GIF, content_type=b"image/gif")
    else:
        await reply_event_id(send, event_id)


async def security(intake: Intake, route: Route, scope: Scope, receive: Receive, send: Send) -> None:
    """A browser's report about a page's policies: one object, or a list of them from the Reporting API."""
    edge = intake.edge
    limits = edge.limits
    headers: dict[bytes, bytes] = dict(scope["headers"])
    sender = await _admitted_sender(intake, route, scope, headers, category="security")
    encoding = encoding_of(headers.get(b"content-encoding"))
    try:
        body = await read(receive, headers.get(b"content-length"), max_bytes=limits.request_bytes)
        reports = securities.payloads(await inflated(body, encoding, max_bytes=limits.event_bytes))
    except ProtocolError as error:
        raise unacceptable(error, project_id=sender.project_id, category="security") from error
    now = edge.now()
    await _admit_events(intake, sender, len(reports), category="security", now=now)
    query = {name: values[0] for name, values in _query(scope).items() if name in _QUERY_KEPT}
    client_ip = intake.client_ip(scope.get("client"), headers)
    accepted = message("security", sender, headers, client_ip, now, uuid.uuid4().hex, encoding, body, [], query)
    await publish(intake.publisher, sender.log_key, accepted, category="security")
    await reply(send, 201, b"")


_QUERY_KEPT: Final = frozenset({"sentry_release", "sentry_environment"})


def limited(full: list[tuple[Bucket, int]], project_id: int, *, category: str = "error", quantity: int) -> Refused:
    """429 with the headers that make an SDK wait."""
    return Refused(
        429,
        {"detail": "Rate limit exceeded"},
        Reason.PROJECT_LIMIT,
        project_id=project_id,
        category=category,
        quantity=quantity,
        headers=rate_limit_headers(full),
    )


async def _admitted_sender(
    intake: Intake, route: Route, scope: Scope, headers: dict[bytes, bytes], *, category: str
) -> Sender:
    """Raises Refused: 401, 403 or 503."""
    sender = await intake.senders.find(route.project_id, headers, scope["query_string"], category=category)
    if sender is None:
        raise intake.senders.unauthenticated(route.project_id, category=category)
    if intake.edge.guard.closed is not None:
        raise closed(intake.edge.guard.closed, project_id=sender.project_id, category=category)
    return sender


async def _admit_events(intake: Intake, sender: Sender, quantity: int, *, category: str, now: float) -> None:
    """All or nothing, for bodies that cannot be stored in part. Raises Refused."""
    admission = await intake.edge.quotas.ask(sender.project_id, Bucket.EVENTS, quantity, now=now)
    if admission.admitted < quantity:
        full = [(Bucket.EVENTS, admission.retry_after_seconds)]
        raise limited(full, sender.project_id, category=category, quantity=quantity)


def message(
    kind: str,
    sender: Sender,
    headers: dict[bytes, bytes],
    client_ip: str,
    now: float,
    event_id: str,
    encoding: str,
    body: bytes,
    dropped: list[int],
    query: dict[str, str] | None = None,
) -> Accepted:
    """What the log keeps of a request: `streams.topics.Accepted` says what each field means."""
    return Accepted(
        kind,
        sender.project_id,
        sender.key_id,
        now,
        new_record_id(),
        event_id,
        encoding,
        client_ip,
        headers.get(b"user-agent", b"").decode("latin-1")[:LONGEST_HEADER_CHARS],
        headers.get(b"content-type", b"").decode("latin-1")[:LONGEST_HEADER_CHARS],
        headers.get(b"origin", b"").decode("latin-1")[:LONGEST_HEADER_CHARS],
        query or {},
        dropped,
        body,
    )


def _query(scope: Scope) -> dict[str, list[str]]:
    try:
        return parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=100)
    except ValueError:
        return {}
