"""The rows that are counted by: the documents of the topics `events`, `sessions` and `outcomes`, and the columns they fill.

One JSON object per record, its keys the column names, so that a batch of records goes into the store as it is, byte
for byte. `docs/topics.md` describes every field. Readers skip keys they do not know and take a column's default for
keys that are absent; a change that this does not cover gets a new `v`.

The same record again is the same row: the store keeps one of the rows that agree in (project_id, hour of received_at,
event_id), or for outcomes in all but the quantity. Those are immutable. A session's row changes; of those that agree in
(project_id, hour of received_at, session_id) the one with the highest revision stays.
"""

from typing import Final

import msgspec

from mini_sentry.protocol.event import Event
from mini_sentry.protocol.outcomes import Tally

EVENTS_TABLE: Final = "events"
SESSIONS_TABLE: Final = "sessions"
OUTCOMES_TABLE: Final = "outcomes"

VERSION: Final = 1

MESSAGE_CHARACTERS: Final = 1000
"""A row's message is for lists and counts; the whole one is in the event's body."""


class EventRow(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """One stored event. `docs/topics.md` says what each field means.

    `event_id` is 32 lower-case hex digits; `received_at` and `timestamp` are Unix milliseconds (UTC) from 2001-09-09 on;
    `fingerprint` is the hash that decided the group, in hex; absent texts are empty; `handled` is None if nothing says.
    """

    project_id: int
    event_id: str
    group_id: int
    received_at: int
    timestamp: int
    level: str
    platform: str = ""
    type: str = ""
    environment: str = ""
    release: str = ""
    dist: str = ""
    title: str = ""
    message: str = ""
    culprit: str = ""
    transaction: str = ""
    fingerprint: str = ""
    user: str = ""
    handled: bool | None = None
    trace_id: str = ""
    tags: dict[str, str] = {}
    v: int = VERSION


class SessionRow(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """A session as its updates so far left it, or `quantity` runs of one count that ended alike.

    Times are Unix milliseconds (UTC); `received_at` is that of the first update and never changes. `status` is one of the
    words of `protocol.session`; `user`, `release` and `environment` are empty when nothing says.
    """

    project_id: int
    session_id: str
    received_at: int
    revision: int
    started_at: int
    updated_at: int
    status: str
    errors: int = 0
    user: str = ""
    release: str = ""
    environment: str = ""
    duration_ms: int | None = None
    quantity: int = 1
    v: int = VERSION


class OutcomeRow(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """`quantity` items of one project that ended the same way in one minute, as one writer counted them once.

    `minute` is the Unix time in seconds at which the minute starts. `record` names this very tally among all tallies,
    so that the same one again counts once: whoever publishes must mint it before the first attempt.
    """

    project_id: int
    minute: int
    outcome: str
    reason: str
    category: str
    record: str
    quantity: int
    v: int = VERSION


EVENT_TYPES: Final[dict[str, str]] = {
    "project_id": "UInt64",
    "event_id": "UUID",
    "group_id": "UInt64",
    "received_at": "DateTime64(3, 'UTC')",
    "timestamp": "DateTime64(3, 'UTC')",
    "level": "String",
    "platform": "String",
    "type": "String",
    "environment": "String",
    "release": "String",
    "dist": "String",
    "title": "String",
    "message": "String",
    "culprit": "String",
    "transaction": "String",
    "fingerprint": "String",
    "user": "String",
    "handled": "Nullable(Bool)",
    "trace_id": "String",
    "tags": "Map(String, String)",
    "v": "UInt8",
}
"""Field to the type it is read as. Plain texts on purpose: filling a dictionary value by value, as the table would
have it, costs 10 µs a row, a whole column at once costs 2."""

SESSION_TYPES: Final[dict[str, str]] = {
    "project_id": "UInt64",
    "session_id": "String",
    "received_at": "DateTime64(3, 'UTC')",
    "revision": "UInt32",
    "started_at": "DateTime64(3, 'UTC')",
    "updated_at": "DateTime64(3, 'UTC')",
    "status": "String",
    "errors": "UInt32",
    "user": "String",
    "release": "String",
    "environment": "String",
    "duration_ms": "Nullable(UInt64)",
    "quantity": "UInt32",
    "v": "UInt8",
}

OUTCOME_TYPES: Final[dict[str, str]] = {
    "project_id": "UInt64",
    "minute": "DateTime('UTC')",
    "outcome": "String",
    "reason": "String",
    "category": "String",
    "record": "String",
    "quantity": "UInt64",
    "v": "UInt8",
}

TYPES: Final = {EVENTS_TABLE: EVENT_TYPES, SESSIONS_TABLE: SESSION_TYPES, OUTCOMES_TABLE: OUTCOME_TYPES}
"""Table to the fields of its documents."""


def event_row(event: Event, *, group_id: int, fingerprint: str, title: str, culprit: str) -> EventRow:
    """The row of an event that fell into a group."""
    message = event.message
    return EventRow(
        project_id=event.project_id,
        event_id=event.event_id,
        group_id=group_id,
        received_at=round(event.received_at * 1000),
        timestamp=round(event.timestamp * 1000),
        level=event.level,
        platform=event.platform,
        type=event.type,
        environment=event.environment,
        release=event.release,
        dist=event.dist,
        title=title,
        message=message if len(message) <= MESSAGE_CHARACTERS else message[:MESSAGE_CHARACTERS],
        culprit=culprit,
        transaction=event.transaction,
        fingerprint=fingerprint,
        user=event.user_tag,
        handled=event.handled,
        trace_id=event.trace_id,
        tags=event.tags,
    )


def outcome_row(tally: Tally, *, record: str) -> OutcomeRow:
    """The row of a tally that `record` names."""
    return OutcomeRow(
        project_id=tally.project_id,
        minute=tally.minute,
        outcome=tally.outcome,
        reason=tally.reason,
        category=tally.category,
        record=record,
        quantity=tally.quantity,
    )


_encoder = msgspec.json.Encoder()


def encode(row: EventRow | SessionRow | OutcomeRow) -> bytes:
    """The record's value: one JSON object on one line, without its newline."""
    return _encoder.encode(row)


def encode_all(rows: list[EventRow] | list[OutcomeRow]) -> list[bytes]:
    return [_encoder.encode(row) for row in rows]


def decode_event(value: bytes) -> EventRow:
    """Raises msgspec.DecodeError or msgspec.ValidationError when the bytes are no document of the topic `events`."""
    return _decode_event(value)


def decode_outcome(value: bytes) -> OutcomeRow:
    """Raises msgspec.DecodeError or msgspec.ValidationError when the bytes are no document of the topic `outcomes`."""
    return _decode_outcome(value)


_decode_event = msgspec.json.Decoder(EventRow).decode
_decode_outcome = msgspec.json.Decoder(OutcomeRow).decode
