"""Sessions: one run of an app as it goes on, or counts of runs that ended alike. Payloads in, updates out. Pure.

An update carries everything its client knows, and it can come late, twice or out of order. `merge` therefore only ever
adds: a status never falls, errors never become fewer, the start is the earliest and the end the latest that was told.
Whatever order updates come in, and however often, the session is the same.

Spec: https://develop.sentry.dev/sdk/telemetry/sessions/
"""

from enum import IntEnum
from typing import Any, Final

import msgspec

from mini_sentry.protocol import fields, ids, lenient, rest_event, timestamps
from mini_sentry.protocol.errors import FieldErrors, OutOfTime, SessionIdMissing
from mini_sentry.protocol.limits import DEFAULT, Limits

PAST_SECONDS: Final = 5 * 86400.0
FUTURE_SECONDS: Final = 60.0
MAX_BUCKETS: Final = 1000
"""Entries of one `sessions` item that are read, each at most once per status."""
ID_CHARS: Final = 200
MAX_ERRORS: Final = 2**31 - 1
MAX_DURATION_MS: Final = 400 * 86400 * 1000


class Status(IntEnum):
    """How a session stands, in the order in which it can only rise."""

    INIT = 0
    OK = 1
    ERRORED = 2
    EXITED = 3
    ABNORMAL = 4
    UNHANDLED = 5
    CRASHED = 6

    @property
    def word(self) -> str:
        return self.name.lower()


WORDS: Final = {status.word: status for status in Status}
_COUNTED: Final = (Status.EXITED, Status.ERRORED, Status.ABNORMAL, Status.UNHANDLED, Status.CRASHED)


class SessionUpdate(msgspec.Struct, gc=False):
    """What one item, or one count of it, says about a session.

    `started_at`, `updated_at` and `received_at` are Unix milliseconds, and the first two are not after the last.
    `user` is the client's distinct id, "" for none. `quantity` is how many runs it stands for: more than one only for
    counts, whose `session_id` names the count. `placed_at` is the time of the update that named release and environment.
    """

    session_id: str
    status: Status
    errors: int
    user: str
    release: str
    environment: str
    duration_ms: int | None
    started_at: int
    updated_at: int
    received_at: int
    placed_at: int
    quantity: int = 1


def parse_update(payload: bytes, *, received_at: float, fallback_id: str, sent_at: str = "") -> SessionUpdate:
    """The update in a `session` item. A field that makes no sense counts as absent, a status that nobody knows as errored.

    `received_at` is Unix seconds, `sent_at` the client's clock as the envelope's header has it. `fallback_id` names a
    session that does not name itself, the same each time the record is read. Without a valid release the session is one
    of no release. Raises PayloadInvalid when it is no JSON object, OutOfTime when it began too long ago or in the future.
    """
    sent = _sent(payload)
    drift = _drift(sent_at, received_at) if sent_at else 0.0
    updated = timestamps.parse(sent.timestamp)
    started = timestamps.parse(sent.started)
    updated = received_at if updated is None else updated + drift
    started = updated if started is None else started + drift
    _check_time(started, received_at)
    _check_time(updated, received_at)
    started = min(started, received_at)
    updated_at = _unix_ms(min(max(updated, started), received_at))
    status = _status(sent.status)
    errors = _count(sent.errors)
    release, environment = _place(sent.attrs)
    return SessionUpdate(
        _session_id(sent.sid) or fallback_id,
        status,
        1 if status is Status.ERRORED and not errors else errors,
        _user(sent.did),
        release,
        environment,
        _milliseconds(sent.duration, per_unit=1000),
        _unix_ms(started),
        updated_at,
        _unix_ms(received_at),
        updated_at,
    )


def parse_aggregates(payload: bytes, *, received_at: float, key: str, sent_at: str = "") -> list[SessionUpdate]:
    """One update for each count above zero in a `sessions` item; its counts are disjoint, so they may be summed.

    `key` names the item, the same each time the record is read. Raises PayloadInvalid when it is no JSON object, and
    OutOfTime when every entry began too long ago or in the future; single ones are left out.
    """
    sent = _sent(payload)
    drift = _drift(sent_at, received_at)
    release, environment = _place(sent.attrs)
    entries = sent.aggregates
    found: list[SessionUpdate] = []
    late: OutOfTime | None = None
    for index, entry in enumerate(entries[:MAX_BUCKETS] if isinstance(entries, list) else ()):
        if not isinstance(entry, dict):
            continue
        started = timestamps.parse(entry.get("started"))
        started = received_at if started is None else started + drift
        try:
            _check_time(started, received_at)
        except OutOfTime as error:
            late = error
            continue
        started_at = _unix_ms(min(started, received_at))
        user = _user(entry.get("did"))
        for status in _COUNTED:
            quantity = _count(entry.get(status.word))
            if quantity:
                found.append(
                    SessionUpdate(
                        session_id=f"{key}:{index}:{status.word}",
                        status=status,
                        errors=int(status is Status.ERRORED),
                        user=user,
                        release=release,
                        environment=environment,
                        duration_ms=None,
                        started_at=started_at,
                        updated_at=started_at,
                        received_at=_unix_ms(received_at),
                        placed_at=started_at,
                        quantity=quantity,
                    )
                )
    if late is not None and not found:
        raise late
    return found


class RestSession(msgspec.Struct):
    """A checked body of the REST route. `payload` is the whole body as a JSON object."""

    payload: bytes
    session_id: str
    status: Status
    release: str
    environment: str
    user: str
    duration_ms: int | None


def parse_rest(body: bytes, content_type: str = "", *, limits: Limits = DEFAULT) -> RestSession:
    """Read and check the body of a REST session request (inflated bytes; `content_type` as in the header, "" is JSON).

    Only `session_id` is required, `status` is `init` when absent. Raises MediaTypeUnknown, PayloadInvalid, SessionIdMissing,
    and FieldErrors by field.
    """
    sent, payload = rest_event.decode(body, content_type)
    session_id = sent.get("session_id")
    if isinstance(session_id, int) and not isinstance(session_id, bool):
        session_id = str(session_id)
    if not isinstance(session_id, str) or not session_id.strip():
        raise SessionIdMissing
    wrong: dict[str, list[str]] = {}
    if len(payload) > limits.event_bytes:
        raise FieldErrors({"non_field_errors": [f"The session has more than {limits.event_bytes} bytes."]})
    if len(session_id) > ID_CHARS or "\0" in session_id:
        wrong["session_id"] = [f"Ensure this field has no more than {ID_CHARS} characters and no null characters."]
    word = sent.get("status")
    status = WORDS.get(word.strip().lower()) if isinstance(word, str) and word.strip() else Status.INIT
    if status is None or not isinstance(word, str | None):
        wrong["status"] = [f"This must be one of {', '.join(WORDS)}."]
    duration = sent.get("duration_ms")
    duration_ms = _milliseconds(duration, per_unit=1)
    if duration_ms is None and duration not in (None, ""):
        wrong["duration_ms"] = ["This must be a number of milliseconds, 0 or more."]
    user = sent.get("user")
    if not isinstance(user, str | int | float | dict | None) or "\0" in _user(user):
        wrong["user"] = ["Not a valid string."]
    release = rest_event.text(sent, "release", "", wrong, nullable=True)
    environment = rest_event.text(sent, "environment", "", wrong, nullable=True)
    if wrong:
        raise FieldErrors(wrong)
    return RestSession(
        payload=payload,
        session_id=session_id,
        status=status or Status.INIT,
        release=release,
        environment=environment or rest_event.DEFAULT_ENVIRONMENT,
        user=_user(user),
        duration_ms=duration_ms,
    )


def to_update(rest: RestSession, *, received_at: float) -> SessionUpdate:
    """The update of a checked body: it begins and ends when it was received (Unix seconds)."""
    moment = _unix_ms(received_at)
    return SessionUpdate(
        session_id=rest.session_id,
        status=rest.status,
        errors=int(rest.status is Status.ERRORED),
        user=rest.user,
        release=rest.release,
        environment=rest.environment,
        duration_ms=rest.duration_ms,
        started_at=moment,
        updated_at=moment,
        received_at=moment,
        placed_at=moment,
    )


def merge(one: SessionUpdate, other: SessionUpdate) -> SessionUpdate:
    """Both as one, whichever came first. They are updates of one session of one project.

    Release and environment are those of the later update, and of one that names a release before one that does not. Of two
    users the greater text stands, so that the order does not matter and one that was named late is kept.
    """
    placed = max(one, other, key=_place_order)
    durations = [update.duration_ms for update in (one, other) if update.duration_ms is not None]
    return SessionUpdate(
        session_id=one.session_id,
        status=max(one.status, other.status),
        errors=max(one.errors, other.errors),
        user=max(one.user, other.user),
        release=placed.release,
        environment=placed.environment,
        duration_ms=max(durations, default=None),
        started_at=min(one.started_at, other.started_at),
        updated_at=max(one.updated_at, other.updated_at),
        received_at=min(one.received_at, other.received_at),
        placed_at=placed.placed_at,
        quantity=max(one.quantity, other.quantity),
    )


def _place_order(update: SessionUpdate) -> tuple[bool, int, str, str]:
    return bool(update.release), update.placed_at, update.release, update.environment


class _Sent(msgspec.Struct, gc=False):
    """The fields of both items, of any kind."""

    sid: Any = None
    did: Any = None
    started: Any = None
    timestamp: Any = None
    status: Any = None
    errors: Any = None
    duration: Any = None
    attrs: Any = None
    aggregates: Any = None


_strict = msgspec.json.Decoder(_Sent).decode


def _sent(payload: bytes) -> _Sent:
    """Strict JSON is read quickly, and whatever else clients write as well as it can be."""
    if b"\\u0000" not in payload:
        try:
            return _strict(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass
    tolerant, _ = lenient.parse(payload)
    return msgspec.convert(tolerant, _Sent)


def _drift(sent_at: str, received_at: float) -> float:
    """Seconds that the client's clock is behind, as for events: small differences are the network's."""
    sent = timestamps.parse(sent_at) if sent_at else None
    if sent is None or abs(received_at - sent) < DEFAULT.drift_seconds:
        return 0.0
    return received_at - sent


def _check_time(moment: float, received_at: float) -> None:
    if not received_at - PAST_SECONDS <= moment <= received_at + FUTURE_SECONDS:
        raise OutOfTime(moment - received_at)


def _unix_ms(moment: float) -> int:
    """Whole milliseconds; what is whole already must not fall to the one before for the sake of a binary digit."""
    return int(moment * 1000 + 0.001)


def _status(word: Any) -> Status:
    if word is None or word == "ok":
        return Status.OK
    known = WORDS.get(word.strip().lower(), Status.ERRORED) if isinstance(word, str) else Status.ERRORED
    return Status.OK if known is Status.INIT else known


def _place(attrs: Any) -> tuple[str, str]:
    """Release and environment, each "" when it is not named or cannot be one."""
    if not isinstance(attrs, dict):
        return "", ""
    release, environment = attrs.get("release"), attrs.get("environment")
    return (
        fields.release(release if type(release) is str else fields.plain(release) or ""),
        fields.environment(environment if type(environment) is str else fields.plain(environment) or ""),
    )


def _session_id(sid: Any) -> str:
    text = sid if type(sid) is str else fields.plain(sid) or ""
    if known := ids.normalise(text):
        return known
    text = text.strip()
    return text[:ID_CHARS] if text.strip("0-") else ""


def _user(did: Any) -> str:
    if did is None:
        return ""
    if isinstance(did, dict):
        did = next((did[name] for name in ("id", "email", "username") if fields.plain(did.get(name))), None)
    text = (fields.plain(did) or "").strip()[: DEFAULT.user_chars]
    return text if text.strip("0-") or len(text) < 32 else ""


def _count(value: Any) -> int:
    """A number of things: whole, 0 for anything that is none."""
    if type(value) is int:
        return min(max(value, 0), MAX_ERRORS)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 11:
        return min(int(value), MAX_ERRORS)
    return min(max(int(value), 0), MAX_ERRORS) if isinstance(value, float) and value.is_integer() else 0


def _milliseconds(value: Any, *, per_unit: int) -> int | None:
    """A duration, or None when it is none. Text that is a number counts: forms send nothing else."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < float("inf"):
        return None
    return min(int(value * per_unit), MAX_DURATION_MS)
