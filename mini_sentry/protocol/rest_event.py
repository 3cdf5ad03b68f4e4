"""The event a person or script posts to the REST routes: a flat JSON object, a form, and no SDK behind it.

Nothing is required. A field of the wrong kind is the caller's mistake and is told to them (FieldErrors), unlike an
SDK's, which is dropped and noted. Levels are error, warning and info; other words are mapped to these.
"""

import re
from collections.abc import Callable, Mapping
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from mini_sentry.protocol import fields, ids, tags, timestamps
from mini_sentry.protocol.context import Context
from mini_sentry.protocol.errors import FieldErrors, MediaTypeUnknown, PayloadInvalid
from mini_sentry.protocol.event import Event, EventError, Frame, Stacktrace, User
from mini_sentry.protocol.limits import DEFAULT, Limits

DEFAULT_ENVIRONMENT = "production"

_LEVEL_WORDS = {
    "error": "error",
    "warning": "warning",
    "info": "info",
    "warn": "warning",
    "err": "error",
    "fatal": "error",
    "critical": "error",
    "emergency": "error",
    "alert": "error",
    "panic": "error",
    "log": "info",
    "notice": "info",
    "debug": "info",
    "trace": "info",
    "verbose": "info",
    "information": "info",
}
_OTEL_WORD = re.compile(r"([a-z]+?)[234]?").fullmatch
_TEXT_LIMITS = {"environment": DEFAULT.environment_chars, "release": DEFAULT.release_chars}
_NUL = "must not contain null characters."
_NOT_TEXT = "Not a valid string."


class RestEvent(msgspec.Struct):
    """A checked body. `payload` is the whole body as a JSON object; `fields` is the same, decoded.

    `event_id` is the caller's (32 hex digits) or "". `stack` is None when none was sent.
    """

    payload: bytes
    fields: dict[str, Any]
    message: str
    level: str
    environment: str
    release: str
    stack: str | None
    frames: list[Any]
    event_id: str


def parse(body: bytes, content_type: str = "", *, limits: Limits = DEFAULT) -> RestEvent:
    """Read and check the body of a REST ingest request (inflated bytes; `content_type` as in the header, "" is JSON).

    Raises MediaTypeUnknown for other than JSON and forms, PayloadInvalid for JSON that is none, FieldErrors by field.
    """
    sent, payload = decode(body, content_type)
    wrong: dict[str, list[str]] = {}
    if len(payload) > limits.event_bytes:
        raise FieldErrors({"non_field_errors": [f"The event has more than {limits.event_bytes} bytes."]})
    if b"\\u0000" in payload:
        _refuse_nul(sent, wrong)
    message = text(sent, "message", "", wrong)
    environment = text(sent, "environment", DEFAULT_ENVIRONMENT, wrong)
    release = text(sent, "release", "", wrong, nullable=True)
    stack = text(sent, "stack", "", wrong, nullable=True)
    word = text(sent, "level", "", wrong, nullable=True)
    frames = sent.get("frames")
    if frames is not None and not isinstance(frames, list):
        wrong["frames"] = ["Expected a list of frames."]
    if "tags" in sent and not isinstance(sent["tags"], list | dict):
        wrong["tags"] = ["Expected a list or an object."]
    extra = sent.get("extra")
    if extra is not None and not isinstance(extra, dict):
        wrong["extra"] = ["Expected an object."]
    if wrong:
        raise FieldErrors(wrong)
    event_id = sent.get("event_id")
    return RestEvent(
        payload=payload,
        fields=sent,
        message=message,
        level=_level(word, sent, extra or {}),
        environment=environment or DEFAULT_ENVIRONMENT,
        release=release,
        stack=stack or None,
        frames=frames or [],
        event_id=ids.normalise(event_id) if isinstance(event_id, str) else "",
    )


def to_event(rest: RestEvent, context: Context, *, parse_stack: Callable[[str], list[Frame]]) -> Event:
    """The event of a checked body. `parse_stack` turns a stack's text into frames, caller first; it gives [] for other text."""
    sent = rest.fields
    errors: list[EventError] = []
    frames = _frames(rest.frames, errors) if rest.frames else []
    if not frames and rest.stack:
        frames = parse_stack(rest.stack)
    timestamp = timestamps.parse(sent.get("timestamp"))
    if timestamp is not None and not context.is_plausible(timestamp):
        errors.append(EventError("invalid_timestamp", "timestamp", str(sent["timestamp"])[: DEFAULT.note_chars]))
        timestamp = None
    user = _user(sent.get("user"))
    event = Event(
        event_id=context.event_id or rest.event_id or context.fallback_id,
        project_id=context.project_id,
        received_at=context.received_at,
        timestamp=context.received_at if timestamp is None else timestamp,
        payload=rest.payload,
        platform=_platform(sent.get("platform"), frames),
        level=rest.level,
        logger=_optional(sent, "logger", DEFAULT.logger_chars),
        transaction=_optional(sent, "transaction", DEFAULT.transaction_chars),
        server_name=_optional(sent, "server_name", DEFAULT.server_name_chars),
        release=rest.release,
        dist=fields.dist(_optional(sent, "dist", DEFAULT.dist_chars)),
        environment=rest.environment,
        message=fields.cut(rest.message, DEFAULT.message_chars),
        stacktrace=Stacktrace(frames) if frames else None,
        user=user,
        user_tag=tags.user_tag(user),
        errors=errors,
    )
    event.tags = tags.derive(event, _tags(sent.get("tags")))
    return event


def decode(body: bytes, content_type: str) -> tuple[dict[str, Any], bytes]:
    """The fields of a REST body, and the body as a JSON object. Raises MediaTypeUnknown, PayloadInvalid, FieldErrors."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        sent = _multipart(body, content_type)
        return sent, msgspec.json.encode(sent)
    if media_type == "application/x-www-form-urlencoded" and not body.lstrip().startswith(b"{"):
        # curl's -d says "form" whatever it sends, hence the look at the first byte.
        sent = _form(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=1000))
        return sent, msgspec.json.encode(sent)
    if media_type not in _JSON_TYPES and not media_type.endswith("+json"):
        raise MediaTypeUnknown(media_type)
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise PayloadInvalid(f"JSON parse error - {error}") from error
    if not isinstance(value, dict):
        raise FieldErrors({"non_field_errors": ["Invalid data. Expected an object."]})
    return value, body


_JSON_TYPES = frozenset({"", "application/json", "text/plain", "text/json", "application/x-www-form-urlencoded"})


def _multipart(body: bytes, content_type: str) -> dict[str, Any]:
    head = (
        b"Content-Type: "
        + content_type.encode("latin-1", "replace").replace(b"\n", b"").replace(b"\r", b"")
        + b"\r\n\r\n"
    )
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    if not message.is_multipart():
        raise PayloadInvalid("the multipart body has no parts")
    pairs: list[tuple[str, str]] = []
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        if isinstance(name, str) and part.get_filename() is None and not part.is_multipart():
            content = part.get_payload(decode=True)
            pairs.append((name, content.decode("utf-8", "replace") if isinstance(content, bytes) else ""))
    return _form(pairs)


def _form(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """A form's fields; text of `tags`, `extra` and `frames` that is JSON is taken as such, a repeated `tags` as a list."""
    sent: dict[str, Any] = {}
    for name, text in pairs:
        if name in ("tags", "extra", "frames"):
            try:
                sent[name] = msgspec.json.decode(text)
            except (msgspec.DecodeError, RecursionError, ValueError):
                if name == "tags":
                    sent[name] = [*sent.get(name, []), text] if isinstance(sent.get(name, []), list) else text
                else:
                    sent[name] = text
        else:
            sent[name] = text
    return sent


def text(
    sent: Mapping[str, Any], name: str, default: str, wrong: dict[str, list[str]], *, nullable: bool = False
) -> str:
    """A field's text, `default` when it is absent. What is wrong with it goes into `wrong` by its name."""
    value = sent.get(name, default)
    if value is None and nullable:
        return default
    if not isinstance(value, str):
        wrong.setdefault(name, [_NOT_TEXT])
        return default
    limit = _TEXT_LIMITS.get(name)
    if limit is not None:
        value = value.strip()
        if len(value) > limit:
            wrong.setdefault(name, [f"Ensure this field has no more than {limit} characters."])
        elif not value.isprintable():
            wrong.setdefault(name, ["Ensure this field is one line of printable characters."])
    return value


def _refuse_nul(sent: dict[str, Any], wrong: dict[str, list[str]]) -> None:
    for name, value in sent.items():
        if "\0" in name:
            wrong["non_field_errors"] = [f"Field names {_NUL}"]
        elif b"\\u0000" in msgspec.json.encode(value).replace(b"\\\\", b""):
            wrong[name] = [f"This field {_NUL}"]


def _level(word: str, sent: Mapping[str, Any], extra: Mapping[str, Any]) -> str:
    candidates = (word, sent.get("severity"), sent.get("severity_text"), extra.get("level"), extra.get("severity"))
    for candidate in candidates:
        if isinstance(candidate, str):
            match = _OTEL_WORD(candidate.strip().lower())
            if match and (level := _LEVEL_WORDS.get(match[1])):
                return level
    number = sent.get("severity_number")
    if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) < 4:
        number = int(number)
    if isinstance(number, int | float) and not isinstance(number, bool):
        return "error" if 17 <= number <= 24 else "warning" if 13 <= number <= 16 else "info"
    return "error"


def _optional(sent: Mapping[str, Any], name: str, chars: int) -> str:
    return fields.cut((fields.plain(sent.get(name)) or "").strip(), chars)


def _user(value: Any) -> User | None:
    if isinstance(value, dict):
        known = {key: (fields.plain(value.get(key)) or "").strip()[: DEFAULT.user_chars] for key in _USER_KEYS}
        known["ip_address"] = fields.ip_address(known["ip_address"])
        return User(**known) if any(known.values()) else None
    text = (fields.plain(value) or "").strip()[: DEFAULT.user_chars]
    return User(id=text) if text else None


_USER_KEYS = ("id", "username", "email", "ip_address")


def _tags(value: Any) -> list[tuple[str, str]]:
    """Tags as pairs from a map, a list of objects (`{key, value}` or `{name: value}`), of pairs or of texts (`name:value`)."""
    if isinstance(value, dict):
        return [(key, fields.plain(part) or "") for key, part in value.items()]
    pairs: list[tuple[str, str]] = []
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, str):
            name, sign, rest = entry.partition("=" if "=" in entry and ":" not in entry.partition("=")[0] else ":")
            pairs.append((name.strip(), rest.strip() if sign else "true"))
        elif isinstance(entry, dict):
            key_of_entry = fields.plain(entry.get("key")) or fields.plain(entry.get("name"))
            if key_of_entry and "value" in entry:
                pairs.append((key_of_entry, fields.plain(entry["value"]) or ""))
            else:
                pairs.extend((key, fields.plain(part) or "") for key, part in entry.items())
        elif isinstance(entry, list) and len(entry) == 2:
            pairs.append((fields.plain(entry[0]) or "", fields.plain(entry[1]) or ""))
    return pairs


def _frames(sent: list[Any], errors: list[EventError]) -> list[Frame]:
    """Frames of a `frames` array, in the order sent. Several spellings are understood; what is no frame is noted and left out."""
    frames: list[Frame] = []
    for index, entry in enumerate(sent[: DEFAULT.frames]):
        if isinstance(entry, dict):
            frame = Frame(
                filename=_first_text(entry, "filename", "file", "fileName", "url"),
                abs_path=_first_text(entry, "abs_path", "absPath"),
                function=_first_text(entry, "function", "functionName", "func", "name", "method"),
                module=_first_text(entry, "module"),
                lineno=_first_number(entry, "lineno", "lineNo", "line", "lineNumber"),
                colno=_first_number(entry, "colno", "colNo", "column", "columnNumber", "col"),
                in_app=entry.get("in_app") if isinstance(entry.get("in_app"), bool) else None,
                context_line=_first_text(entry, "context_line"),
            )
            if frame.filename or frame.function or frame.abs_path or frame.module:
                frames.append(frame)
                continue
        errors.append(EventError("invalid_data", f"frames.{index}"))
    if len(sent) > DEFAULT.frames:
        errors.append(EventError("too_many", "frames", str(len(sent))))
    return frames


def _first_text(entry: Mapping[str, Any], *names: str) -> str | None:
    for name in names:
        value = entry.get(name)
        if isinstance(value, str) and value:
            return value[: DEFAULT.frame_path_chars]
    return None


def _first_number(entry: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        value = entry.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
            return int(value)
        if type(value) is int and 0 <= value < 2**31:
            return value
    return None


def _platform(sent: Any, frames: list[Frame]) -> str:
    """What the caller says, else what the files' names say of the language: it decides how frames are read."""
    if isinstance(sent, str) and sent.strip():
        return sent.strip().lower()[: DEFAULT.platform_chars]
    for frame in reversed(frames):
        path = (frame.abs_path or frame.filename or "").partition("?")[0]
        if path.endswith((".py", ".pyx")) or path.startswith("<frozen "):
            return "python"
        if path.startswith(("http:", "https:", "node:", "webpack:", "file:", "blob:")) or path.endswith(_SCRIPTS):
            return "javascript"
    return "other"


_SCRIPTS = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".mts", ".vue", ".svelte")
