"""What the edge answers: JSON with the headers that let a page of another origin read it, and refusals as exceptions."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from mini_sentry.ingest.guard import Closed
from mini_sentry.protocol import errors
from mini_sentry.protocol.outcomes import Outcome, Reason

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

CORS: Final[list[Header]] = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"x-sentry-error, x-sentry-rate-limits, retry-after"),
]
JSON: Final = (b"content-type", b"application/json")
PREFLIGHT: Final[list[Header]] = [
    *CORS,
    (b"access-control-allow-methods", b"POST, GET, OPTIONS"),
    (
        b"access-control-allow-headers",
        (
            b"x-sentry-auth, x-requested-with, x-forwarded-for, origin, referer, accept, content-type, authentication, "
            b"authorization, content-encoding, transfer-encoding, prefer"
        ),
    ),
    (b"access-control-max-age", b"3600"),
]
GIF: Final = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"

HEAD: Final = "mini_sentry.head"
"""The key of a message's head as bytes, for the server that can send it as it is (`http.PreparedProtocol`)."""


def _prepared(status: int, headers: Sequence[Header]) -> Message:
    lines = [b"HTTP/1.1 %d %s" % (status, HTTPStatus(status).phrase.encode()), *(b"%s: %s" % pair for pair in headers)]
    return {
        "type": "http.response.start",
        "status": status,
        "headers": headers,
        HEAD: b"\r\n".join([*lines, b"", b""]),
    }


_EVENT_ID_START: Final = _prepared(200, [JSON, (b"content-length", b"41"), *CORS])
_EVENT_ID_HEAD: Final[bytes] = _EVENT_ID_START[HEAD]
_NOTHING_RESPONSE: Final[bytes] = _prepared(200, [(b"content-length", b"2"), *CORS, JSON])[HEAD] + b"{}"
_RATE_LIMITED: Final = frozenset({Reason.PROJECT_LIMIT, Reason.BACKLOG, Reason.DISK_FULL})


class Refused(Exception):
    """Why a request, or its `quantity` items of `category`, did not pass: the status and body for the client, and what is counted.

    `project_id` is 0 while no project is known. Items that were counted elsewhere already have the quantity 0.
    """

    def __init__(
        self,
        status: int,
        body: dict[str, Any],
        reason: Reason,
        *,
        project_id: int = 0,
        category: str = "error",
        quantity: int = 1,
        headers: Sequence[Header] = (),
    ) -> None:
        super().__init__(body)
        self.status = status
        self.body = body
        self.reason = reason
        self.project_id = project_id
        self.category = category
        self.quantity = quantity
        self.headers = headers

    @property
    def outcome(self) -> Outcome:
        return Outcome.RATE_LIMITED if self.reason in _RATE_LIMITED else Outcome.INVALID


class ClientGone(Exception):
    """The client closed the connection before it had sent everything: nobody waits for an answer."""


def closed(state: Closed, *, project_id: int, category: str) -> Refused:
    """503: there is no room for anything."""
    return Refused(
        503,
        {"detail": state.detail},
        state.reason,
        project_id=project_id,
        category=category,
        headers=[(b"retry-after", b"%d" % state.retry_after_seconds)],
    )


def unacceptable(error: errors.ProtocolError, *, project_id: int, category: str) -> Refused:
    """413 for what is too large, 400 for what cannot be read."""
    if isinstance(error, errors.FieldErrors):
        return Refused(400, dict(error.fields), Reason.MALFORMED, project_id=project_id, category=category)
    status, reason = 400, Reason.MALFORMED
    if isinstance(error, errors.BodyTooLarge | errors.EnvelopeTooLarge):
        status, reason = 413, Reason.TOO_LARGE
    elif isinstance(error, errors.EncodingUnknown | errors.EncodingInvalid):
        reason = Reason.ENCODING
    return Refused(status, {"detail": sentence(error)}, reason, project_id=project_id, category=category)


def sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


async def reply(
    send: Send, status: int, body: bytes, *, content_type: bytes = JSON[1], headers: Sequence[Header] = ()
) -> None:
    """One whole response. An empty `body` goes without a content type."""
    sent = [(b"content-length", b"%d" % len(body)), *CORS, *headers]
    if body:
        sent.append((b"content-type", content_type))
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})


def event_id_response(event_id: str) -> bytes:
    """The same as bytes, head and all; without an id for an envelope that held no event."""
    if not event_id:
        return _NOTHING_RESPONSE
    return b'%b{"id":"%b"}' % (_EVENT_ID_HEAD, event_id.encode())


def refused_response(refused: Refused) -> bytes:
    """What `reply_refused` sends, as bytes, head and all."""
    body = msgspec.json.encode(refused.body)
    headers = [(b"content-length", b"%d" % len(body)), *CORS, *refused.headers, JSON]
    head: bytes = _prepared(refused.status, headers)[HEAD]
    return head + body


def closing(response: bytes) -> bytes:
    """The same response on a connection that ends with it."""
    head, _, body = response.partition(b"\r\n\r\n")
    return head + b"\r\nconnection: close\r\n\r\n" + body


async def reply_event_id(send: Send, event_id: str) -> None:
    """200 with the id: what nearly every request is answered with."""
    await send(_EVENT_ID_START)
    await send({"type": "http.response.body", "body": b'{"id":"%s"}' % event_id.encode()})


async def reply_refused(send: Send, refused: Refused) -> None:
    await reply(send, refused.status, msgspec.json.encode(refused.body), headers=refused.headers)


async def reply_preflight(send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": PREFLIGHT})
    await send({"type": "http.response.body", "body": b""})
