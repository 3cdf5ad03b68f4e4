"""What people and scripts post: one event or session as JSON or a form, to a URL that says which project.

The body is decoded at once, because whoever waits for the answer wants to read what is wrong with it. The answer to an
event or session is what the digest stored: it waits for the announcement, but not for long, and not while the digest is
behind.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from mini_sentry.ingest.body import encoding_of, inflated, read
from mini_sentry.ingest.edge import Intake
from mini_sentry.ingest.publish import new_record_id, publish
from mini_sentry.ingest.quotas import Bucket
from mini_sentry.ingest.replies import Receive, Refused, Scope, Send, closed, reply, sentence, unacceptable
from mini_sentry.ingest.routes import Kind, Route
from mini_sentry.ingest.senders import keys_unavailable
from mini_sentry.live.messages import FateKind
from mini_sentry.projects.keys import KeysUnavailable, ProjectFacts
from mini_sentry.protocol import rest_event
from mini_sentry.protocol import session as sessions
from mini_sentry.protocol.errors import BodyTooLarge, MediaTypeUnknown, ProtocolError, SessionIdMissing
from mini_sentry.protocol.outcomes import Reason
from mini_sentry.protocol.rest_event import RestEvent
from mini_sentry.protocol.session import RestSession, Status
from mini_sentry.streams.topics import Accepted, project_key

LONGEST_LAG_SECONDS = 2.0
LONGEST_HEADER_CHARS = 1024
UPDATE: Final = FateKind.DUPLICATE
"""The fate of a session's record whose session was there before."""

Checked = TypeVar("Checked")

logger = logging.getLogger(__name__)


async def event(intake: Intake, route: Route, scope: Scope, receive: Receive, send: Send) -> None:
    edge = intake.edge
    headers: dict[bytes, bytes] = dict(scope["headers"])
    project = await _project(intake, route, category="error")
    parse = partial(rest_event.parse, limits=edge.limits)
    rest = await _checked(intake, project, headers, receive, parse, category="error")
    now = edge.now()
    await _admit(intake, project, Bucket.EVENTS, category="error", now=now)
    event_id = rest.event_id or uuid.uuid4().hex
    message = _message("rest", intake, project, scope, headers, now, event_id, rest.payload)
    if not _is_waiting(intake, headers):
        await publish(intake.publisher, project_key(project.project_id), message, category="error")
        await reply(send, 201, _unstored(rest, project, event_id, now))
        return
    # Before the append: the digest may be done with the record before this task runs again.
    fate = edge.bus.expect(project.project_id, message.record_id)
    try:
        await publish(intake.publisher, project_key(project.project_id), message, category="error")
        await asyncio.wait([fate], timeout=edge.wait_seconds)
    finally:
        fate.cancel()
    stored = await _stored(edge.read_event, project.project_id, event_id)
    await reply(send, 201, stored if stored is not None else _unstored(rest, project, event_id, now))


async def session(intake: Intake, route: Route, scope: Scope, receive: Receive, send: Send) -> None:
    edge = intake.edge
    headers: dict[bytes, bytes] = dict(scope["headers"])
    project = await _project(intake, route, category="session")
    try:
        sent = await _checked(intake, project, headers, receive, sessions.parse_rest, category="session")
    except SessionIdMissing as error:
        raise Refused(
            400, {"detail": str(error)}, Reason.MALFORMED, project_id=project.project_id, category="session"
        ) from error
    now = edge.now()
    await _admit(intake, project, Bucket.SESSIONS, category="session", now=now)
    message = _message("session", intake, project, scope, headers, now, "", sent.payload)
    if not _is_waiting(intake, headers):
        await publish(intake.publisher, project_key(project.project_id), message, category="session")
        await reply(send, 201, _unstored_session(sent, project))
        return
    fate = edge.bus.expect(project.project_id, message.record_id)
    try:
        await publish(intake.publisher, project_key(project.project_id), message, category="session")
        await asyncio.wait([fate], timeout=edge.wait_seconds)
        # Nobody can tell an update from a first one before the digest has said so.
        is_update = fate.done() and not fate.cancelled() and fate.result().kind == UPDATE
    finally:
        fate.cancel()
    stored = await _stored(edge.read_session, project.project_id, sent.session_id)
    if stored is None:
        await reply(send, 201, _unstored_session(sent, project))
    else:
        await reply(send, 200 if is_update else 201, stored)


async def _project(intake: Intake, route: Route, *, category: str) -> ProjectFacts:
    """Raises Refused: 404 for a token or slug that nobody has, 403 for a project that is switched off, 503."""
    keys = intake.edge.keys
    try:
        if route.kind is Kind.EVENT_BY_SLUG:
            project = await keys.find_slug(route.name)
        else:
            project = await keys.find_token(route.name)
    except KeysUnavailable as error:
        raise keys_unavailable(category=category) from error
    if project is None:
        raise Refused(404, {"detail": "Not found."}, Reason.UNKNOWN_PROJECT, category=category)
    if not project.is_active:
        raise Refused(
            403,
            {"detail": "The project is switched off."},
            Reason.UNKNOWN_PROJECT,
            project_id=project.project_id,
            category=category,
        )
    if intake.edge.guard.closed is not None:
        raise closed(intake.edge.guard.closed, project_id=project.project_id, category=category)
    return project


async def _checked(
    intake: Intake,
    project: ProjectFacts,
    headers: dict[bytes, bytes],
    receive: Receive,
    parse: Callable[[bytes, str], Checked],
    *,
    category: str,
) -> Checked:
    """The body, read and checked by `parse`. Raises Refused: 400 with the field's name, 413, 415; SessionIdMissing."""
    limits = intake.edge.limits
    try:
        body = await read(receive, headers.get(b"content-length"), max_bytes=limits.request_bytes)
        plain = await inflated(body, encoding_of(headers.get(b"content-encoding")), max_bytes=limits.inflated_bytes)
        if len(plain) > limits.event_bytes:
            raise BodyTooLarge(limits.event_bytes)
        return parse(plain, headers.get(b"content-type", b"").decode("latin-1"))
    except SessionIdMissing:
        raise
    except MediaTypeUnknown as error:
        raise Refused(
            415,
            {"detail": sentence(error)},
            Reason.MEDIA_TYPE,
            project_id=project.project_id,
            category=category,
        ) from error
    except ProtocolError as error:
        raise unacceptable(error, project_id=project.project_id, category=category) from error


async def _admit(intake: Intake, project: ProjectFacts, bucket: Bucket, *, category: str, now: float) -> None:
    """Raises Refused (429)."""
    admission = await intake.edge.quotas.ask(project.project_id, bucket, 1, now=now)
    if not admission.admitted:
        raise Refused(
            429,
            {"detail": "Rate limit exceeded"},
            Reason.PROJECT_LIMIT,
            project_id=project.project_id,
            category=category,
            headers=[(b"retry-after", b"%d" % admission.retry_after_seconds)],
        )


def _is_waiting(intake: Intake, headers: dict[bytes, bytes]) -> bool:
    return not _respond_async(headers) and intake.edge.digest_lag_seconds() <= LONGEST_LAG_SECONDS


def _respond_async(headers: dict[bytes, bytes]) -> bool:
    preferences = headers.get(b"prefer", b"").lower().replace(b";", b",").split(b",")
    return any(preference.strip() == b"respond-async" for preference in preferences)


def _message(
    kind: str,
    intake: Intake,
    project: ProjectFacts,
    scope: Scope,
    headers: dict[bytes, bytes],
    now: float,
    event_id: str,
    payload: bytes,
) -> Accepted:
    return Accepted(
        kind=kind,
        project_id=project.project_id,
        key_id=0,
        received_at=now,
        record_id=new_record_id(),
        event_id=event_id,
        encoding="",
        client_ip=intake.client_ip(scope.get("client"), headers),
        user_agent=headers.get(b"user-agent", b"").decode("latin-1")[:LONGEST_HEADER_CHARS],
        content_type="application/json",
        origin=headers.get(b"origin", b"").decode("latin-1")[:LONGEST_HEADER_CHARS],
        query={},
        dropped=[],
        body=payload,
    )


async def _stored(
    read_stored: Callable[[int, str], Awaitable[bytes | None]], project_id: int, name: str
) -> bytes | None:
    try:
        return await read_stored(project_id, name)
    except Exception:
        # It is accepted whatever happens here: an error would make the client send it again.
        logger.exception("What was stored could not be read back")
        return None


def _unstored(rest: RestEvent, project: ProjectFacts, event_id: str, received_at: float) -> bytes:
    """The event as far as it is known before it is digested: no group, no release."""
    fields: dict[str, Any] = {
        "id": event_id,
        "project": project.project_id,
        "group": None,
        "message": rest.message,
        "level": rest.level,
        "payload": msgspec.Raw(rest.payload),
        "received_at": datetime.fromtimestamp(received_at, UTC).isoformat().replace("+00:00", "Z"),
        "release": None,
        "environment": rest.environment,
        "tags": rest.fields.get("tags", []),
        "stack": rest.stack,
        "symbolicated": {},
        "event_id": event_id,
    }
    return msgspec.json.encode(fields)


def _unstored_session(sent: RestSession, project: ProjectFacts) -> bytes:
    """The session as far as it is known before it is digested: no id, no release, no times."""
    fields: dict[str, Any] = {
        "id": None,
        "project": project.project_id,
        "release": None,
        "environment": sent.environment,
        "session_id": sent.session_id,
        "user": sent.user,
        "status": sent.status.word,
        "duration_ms": sent.duration_ms,
        "started_at": None,
        "updated_at": None,
        "errors": int(sent.status is Status.ERRORED),
    }
    return msgspec.json.encode(fields)
