"""An event as the pipeline works with it: the fields that decide something, typed.

`Payload` and the structs below it follow the wire names of the event payload, so that one strict msgspec pass
reads what a current SDK sends. `Event` is what comes out of `normalize`: defaults filled in, tags derived, text
trimmed, legacy forms gone. Whatever nothing decides on (local variables, context lines around the failing one,
extra) stays in `Event.payload`, the scrubbed JSON as sent, and is read again only for display.

Spec: https://develop.sentry.dev/sdk/data-model/event-payloads/
"""

from typing import Annotated, Any

import msgspec

from mini_sentry.protocol.limits import DEFAULT

# The strict pass refuses what is longer, and the tolerant one cuts it.
Name = Annotated[str, msgspec.Meta(max_length=DEFAULT.frame_name_chars)]
Path = Annotated[str, msgspec.Meta(max_length=DEFAULT.frame_path_chars)]
Line = Annotated[str, msgspec.Meta(max_length=DEFAULT.context_line_chars)]
Value = Annotated[str, msgspec.Meta(max_length=DEFAULT.message_chars)]
Number = Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)]


class Frame(msgspec.Struct, gc=False):
    """One call of a stack trace. Lines and columns are 1-based; `in_app` is the SDK's word, None when it said nothing."""

    filename: Path | None = None
    abs_path: Path | None = None
    function: Name | None = None
    raw_function: Name | None = None
    module: Name | None = None
    package: Path | None = None
    platform: Name | None = None
    lineno: Number | None = None
    colno: Number | None = None
    in_app: bool | None = None
    context_line: Line | None = None


class Stacktrace(msgspec.Struct, gc=False):
    """Frames ordered caller to callee: the frame that raised comes last."""

    frames: Annotated[list[Frame], msgspec.Meta(max_length=DEFAULT.frames)] = []


class Mechanism(msgspec.Struct, gc=False):
    """How an exception was caught. `handled` False means that it reached the SDK's global handler."""

    type: Name | None = None
    handled: bool | None = None
    synthetic: bool | None = None
    exception_id: Number | None = None
    parent_id: Number | None = None
    is_exception_group: bool | None = None
    source: Name | None = None
    meta: Any = None


class ExceptionValue(msgspec.Struct, gc=False):
    """One link of an exception chain. The list is ordered oldest cause first; the one thrown last comes last."""

    type: Name | None = None
    value: Value | None = None
    module: Name | None = None
    thread_id: Name | int | None = None
    stacktrace: Stacktrace | None = None
    mechanism: Mechanism | None = None


class Thread(msgspec.Struct, gc=False):
    """A thread that was running; only one of them crashed."""

    id: Name | int | None = None
    name: Name | None = None
    crashed: bool | None = None
    current: bool | None = None
    stacktrace: Stacktrace | None = None


class User(msgspec.Struct, gc=False):
    """The person (or client) an event happened to; all parts are text."""

    id: str = ""
    username: str = ""
    email: str = ""
    ip_address: str = ""


class EventError(msgspec.Struct, gc=False, omit_defaults=True):
    """A note that a part of the payload was dropped or changed: which field, why, and a short form of its value."""

    type: str
    name: str = ""
    value: str = ""


class Event(msgspec.Struct, kw_only=True):
    """A normalised event, ready to be grouped and stored.

    `event_id` is 32 lower-case hex digits. `received_at` and `timestamp` are Unix seconds (UTC); `timestamp` is the
    client's, corrected for drift and clamped, never used for partitions or retention. `level` is one of fatal, error,
    warning, info, debug. Texts that are absent are the empty string. `tags` holds the client's tags plus the derived
    ones, each key and value at most 200 characters. `handled` is False if any exception of the chain is unhandled,
    None if nothing says. `payload` is the scrubbed JSON object as sent. `symbolicated` is what `symbolication` found out of its
    frames, as JSON; empty when it did not look.
    """

    event_id: str
    project_id: int
    received_at: float
    timestamp: float
    payload: bytes
    type: str = "default"
    platform: str = "other"
    level: str = "error"
    logger: str = ""
    transaction: str = ""
    culprit: str = ""
    server_name: str = ""
    release: str = ""
    dist: str = ""
    environment: str = ""
    message: str = ""
    message_template: str = ""
    exceptions: list[ExceptionValue] = []
    threads: list[Thread] = []
    stacktrace: Stacktrace | None = None
    fingerprint: list[str] = []
    checksum: str = ""
    csp: dict[str, Any] | None = None
    template: dict[str, Any] | None = None
    tags: dict[str, str] = {}
    user: User | None = None
    user_tag: str = ""
    handled: bool | None = None
    trace_id: str = ""
    sdk_name: str = ""
    sdk_version: str = ""
    errors: list[EventError] = []
    symbolicated: bytes = b""
