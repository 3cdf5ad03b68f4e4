"""An envelope: a header line, then items, each a header line and a payload. Bytes to offsets, and parts to bytes.

Only `\\n` ends a line. A payload with a `length` has exactly that many bytes and ends at a newline or the end of the data;
one without ends at the next newline. Blank lines between items are skipped, because several writers leave them. Unknown item
types and unknown header fields are kept: what to do with them is for others.

Spec: https://develop.sentry.dev/sdk/foundations/transport/envelopes/
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from mini_sentry.protocol import ids
from mini_sentry.protocol.errors import EnvelopeInvalid, EnvelopeTooLarge
from mini_sentry.protocol.limits import DEFAULT, Limits


class Item(msgspec.Struct, gc=False):
    """One item: its payload is `body[start:end]`, its header line `body[header_start:start]`. Absent header fields are "" or None."""

    type: str
    header_start: int
    start: int
    end: int
    content_type: str = ""
    filename: str = ""
    attachment_type: str = ""
    item_count: int | None = None


class Envelope(msgspec.Struct):
    """`event_id` is 32 lower-case hex digits, or "" when the header has none that is valid. Absent texts are "".

    `sent_at` is the client's clock as it wrote it; `trace` is the dynamic sampling context as a JSON object, or b"".
    """

    event_id: str
    dsn: str
    sent_at: str
    sdk_name: str
    sdk_version: str
    trace: bytes
    items: list[Item]


class _Sdk(msgspec.Struct, gc=False):
    name: str | None = None
    version: str | None = None


class _Header(msgspec.Struct, gc=False):
    event_id: str | None = None
    dsn: str | None = None
    sent_at: str | None = None
    sdk: _Sdk | None = None
    trace: msgspec.Raw = msgspec.Raw(b"")


class _ItemHeader(msgspec.Struct, gc=False):
    type: str
    length: int | None = None
    content_type: str | None = None
    filename: str | None = None
    attachment_type: str | None = None
    item_count: int | None = None


_header = msgspec.json.Decoder(_Header).decode
_item_header = msgspec.json.Decoder(_ItemHeader).decode


def scan(body: bytes, *, limits: Limits = DEFAULT) -> Envelope:
    """Find the items of an envelope (inflated bytes). Payloads are neither copied nor read.

    Raises EnvelopeInvalid when a header line is no JSON object, an item has no type or an impossible length, or a payload
    ends early or late; EnvelopeTooLarge past `limits.inflated_bytes`, `envelope_items`, or `event_bytes` for an event.
    """
    size = len(body)
    if size > limits.inflated_bytes:
        raise EnvelopeTooLarge(f"the envelope has more than {limits.inflated_bytes} bytes")
    end_of_line = body.find(b"\n")
    if end_of_line < 0:
        end_of_line = size
    envelope = _read_header(body[:end_of_line], limits)
    items = envelope.items
    position = end_of_line + 1
    while position < size:
        end_of_line = body.find(b"\n", position)
        if end_of_line < 0:
            end_of_line = size
        line = body[position:end_of_line]
        if not line or line.isspace():
            position = end_of_line + 1
            continue
        try:
            header = _item_header(line)
        except (msgspec.MsgspecError, RecursionError, ValueError):
            header = _read_item_header(line, position)
        start = end_of_line + 1 if end_of_line < size else size
        length = header.length
        if length is None:
            end = body.find(b"\n", start)
            if end < 0:
                end = size
        else:
            end = start + length
            if length < 0:
                raise EnvelopeInvalid("an item's length is negative", position)
            if end > size:
                raise EnvelopeInvalid("an item's payload ends early", position)
            if end < size and body[end] != 10:
                raise EnvelopeInvalid("an item's payload does not end where its length says", position)
        if header.type == "event" and end - start > limits.event_bytes:
            raise EnvelopeTooLarge(f"the event has more than {limits.event_bytes} bytes")
        items.append(
            Item(
                header.type,
                position,
                start,
                end,
                header.content_type or "",
                header.filename or "",
                header.attachment_type or "",
                header.item_count,
            )
        )
        if len(items) > limits.envelope_items:
            raise EnvelopeTooLarge(f"the envelope has more than {limits.envelope_items} items")
        position = end + 1
    return envelope


def build(header: Mapping[str, Any], items: Iterable[tuple[Mapping[str, Any], bytes]]) -> bytes:
    """The bytes of an envelope: each item's header gets the `length` of its payload."""
    encode = msgspec.json.encode
    lines = [encode(header)]
    for item_header, payload in items:
        lines.append(encode({**item_header, "length": len(payload)}))
        lines.append(payload)
    return b"\n".join(lines) + b"\n"


def _read_header(line: bytes, limits: Limits) -> Envelope:
    if len(line) > limits.header_bytes:
        raise EnvelopeTooLarge(f"the envelope's header has more than {limits.header_bytes} bytes")
    try:
        header = _header(line)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        header = _lenient_header(_object(line, 0))
    sdk = header.sdk
    event_id = header.event_id
    trace = bytes(header.trace)
    return Envelope(
        ids.normalise(event_id) if event_id else "",
        header.dsn or "",
        header.sent_at or "",
        (sdk.name or "") if sdk else "",
        (sdk.version or "") if sdk else "",
        trace if trace.startswith(b"{") else b"",
        [],
    )


def _lenient_header(fields: dict[str, Any]) -> _Header:
    """A header with fields of the wrong kind: those are as good as absent."""
    sdk = fields.get("sdk")
    trace = fields.get("trace")
    return _Header(
        event_id=_text(fields.get("event_id")),
        dsn=_text(fields.get("dsn")),
        sent_at=_text(fields.get("sent_at")),
        sdk=_Sdk(_text(sdk.get("name")), _text(sdk.get("version"))) if isinstance(sdk, dict) else None,
        trace=msgspec.Raw(_encoded(trace)),
    )


def _read_item_header(line: bytes, position: int) -> _ItemHeader:
    """As `_item_header`, for a line with fields of the wrong kind. Only `type` and `length` have to be right."""
    fields = _object(line, position)
    kind, length, count = fields.get("type"), fields.get("length"), fields.get("item_count")
    if not isinstance(kind, str):
        raise EnvelopeInvalid("an item has no type", position)
    if isinstance(length, float) and length.is_integer():
        length = int(length)
    if length is not None and type(length) is not int:
        raise EnvelopeInvalid("an item's length is no whole number", position)
    return _ItemHeader(
        kind,
        length,
        _text(fields.get("content_type")),
        _text(fields.get("filename")),
        _text(fields.get("attachment_type")),
        count if type(count) is int else None,
    )


def _object(line: bytes, position: int) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise EnvelopeInvalid("a header line is no JSON object", position) from error
    if not isinstance(value, dict):
        raise EnvelopeInvalid("a header line is no JSON object", position)
    return value


def _encoded(value: Any) -> bytes:
    """`value` as JSON if it is an object that can be written again, else b""."""
    if not isinstance(value, dict):
        return b""
    try:
        return msgspec.json.encode(value)
    except (ValueError, OverflowError, RecursionError):
        return b""


def _text(value: Any) -> str | None:
    """`value` if it is text that can be encoded again: a lone surrogate cannot."""
    if isinstance(value, str) and value.isprintable():
        return value
    return None
