"""Every topic: its message, its key, who writes it and who reads it."""

from typing import Any, Final

import msgspec

INGEST: Final = "ingest"
"""Accepted, undigested bytes. Written by the edge, read by the digest. Key: the project id as ASCII digits."""

EVENTS: Final = "events"
"""One JSON document per stored event (`analytics.rows.EventRow`, `docs/schemas/events-v1.json`). Written after the digest's
commit, read by snuba. Key: the project id."""

SESSIONS: Final = "sessions"
"""One JSON document per session state (`analytics.rows.SessionRow`, `docs/schemas/sessions-v1.json`). Written after the
digest's commit, read by snuba. Key: the project id."""

OUTCOMES: Final = "outcomes"
"""One JSON document per tally (`analytics.rows.OutcomeRow`). Written after the digest's commit, read by snuba."""

DEAD_LETTERS: Final = "dead-letters"
"""Records that could not be digested, with the reason."""

DIGEST: Final = "digest"
SNUBA: Final = "snuba"

READERS: Final[dict[str, tuple[str, ...]]] = {
    INGEST: (DIGEST,),
    EVENTS: (SNUBA,),
    SESSIONS: (SNUBA,),
    OUTCOMES: (SNUBA,),
    DEAD_LETTERS: (),
}
"""The groups that hold back trimming, by topic."""

COLUMN_TOPICS: Final = (EVENTS, SESSIONS, OUTCOMES)
"""What the columns are filled from; `docs/topics.md` describes their documents."""


class Accepted(msgspec.Struct, array_like=True, gc=False):
    """The message of `ingest`: one request as it came, plus what only the edge knew.

    `kind` says how to read `body`: `envelope`, `store`, `security`, `rest` (a REST ingest body, already checked), `session`
    (a REST session body) or `tallies` (a JSON list of `protocol.outcomes.Tally` that the edge refused).
    `encoding` is the body's content encoding ("" when plain). `received_at` is Unix seconds. `event_id` is the 32 hex digits
    that the client was answered with, or "". `record_id` is 16 random bytes minted before the first attempt. `dropped` lists
    item indexes of the envelope that the edge refused and counted. `query` holds the query parameters the digest needs
    (`sentry_release`, `sentry_environment`), `content_type` and `origin` are the headers of those names.
    """

    kind: str
    project_id: int
    key_id: int
    received_at: float
    record_id: bytes
    event_id: str
    encoding: str
    client_ip: str
    user_agent: str
    content_type: str
    origin: str
    query: dict[str, str]
    dropped: list[int]
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Accepted).decode


def pack(message: Accepted) -> bytes:
    return _encode(message)


def unpack(value: bytes) -> Accepted:
    """Raises msgspec.DecodeError or msgspec.ValidationError when the bytes are no message of ours."""
    return _decode(value)


class DeadLetter(msgspec.Struct, array_like=True, gc=False):
    """The message of `dead-letters`: the record as it was read, when it was given up (Unix seconds) and why."""

    topic: str
    partition: int
    offset: int
    died_at: float
    reason: str
    detail: str
    value: bytes


def pack_dead_letter(letter: DeadLetter) -> bytes:
    return _encode(letter)


def unpack_dead_letter(value: bytes) -> DeadLetter:
    return msgspec.msgpack.decode(value, type=DeadLetter)


def project_key(project_id: int) -> bytes:
    return b"%d" % project_id


JsonDocument = dict[str, Any]
