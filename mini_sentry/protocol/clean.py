"""A payload of any shape → the same payload in today's shape: field by field, what is wrong dropped and noted.

The way for payloads that the strict pass refuses, and for display. Takes a tree that is strict JSON (`lenient.py`), gives a
new one with the wire's names in which every interface has exactly one form. Nothing in it raises.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from mini_sentry.protocol import fields
from mini_sentry.protocol.event import EventError
from mini_sentry.protocol.limits import DEFAULT
from mini_sentry.protocol.payload import ALIASES

Tree = Mapping[str, Any]

_TEXTS = {
    "event_id": 64,
    "type": DEFAULT.frame_name_chars,
    "platform": DEFAULT.platform_chars,
    "logger": DEFAULT.frame_name_chars,
    "transaction": DEFAULT.frame_path_chars,
    "culprit": DEFAULT.frame_path_chars,
    "server_name": DEFAULT.frame_path_chars,
    "release": DEFAULT.frame_path_chars,
    "dist": DEFAULT.frame_path_chars,
    "environment": DEFAULT.frame_path_chars,
    "checksum": DEFAULT.frame_path_chars,
    "site": DEFAULT.frame_path_chars,
}
_FRAME_TEXTS = {
    "filename": DEFAULT.frame_path_chars,
    "abs_path": DEFAULT.frame_path_chars,
    "function": DEFAULT.frame_name_chars,
    "raw_function": DEFAULT.frame_name_chars,
    "module": DEFAULT.frame_name_chars,
    "package": DEFAULT.frame_path_chars,
    "platform": DEFAULT.frame_name_chars,
    "context_line": DEFAULT.context_line_chars,
    "instruction_addr": 64,
    "addr_mode": 64,
    "symbol_addr": 64,
    "image_addr": 64,
    "source_link": DEFAULT.frame_path_chars,
}
_MAX_NUMBER = 2**31


class Notes:
    """The errors found so far, at most `limits.errors`."""

    def __init__(self) -> None:
        self.errors: list[EventError] = []

    def add(self, kind: str, name: str, value: Any = "") -> None:
        if len(self.errors) < DEFAULT.errors:
            short = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            self.errors.append(EventError(kind, name, fields.cut(short, DEFAULT.note_chars)))

    def invalid(self, name: str, value: Any) -> None:
        self.add("invalid_data", name, value)


def clean(tree: Tree, notes: Notes) -> dict[str, Any]:
    """The canonical form of a whole payload. Exceptions and threads are `{"values": […]}`, breadcrumbs a list,
    `logentry` stands for every form of message, absent fields are missing."""
    sent: dict[str, Any] = {}
    for key, value in tree.items():
        name = ALIASES.get(key, key)
        if value is not None and (name not in sent or key == name):
            sent[name] = value
    doc: dict[str, Any] = {}
    for name, value in sent.items():
        if name in _TEXTS:
            _put(doc, name, text(value, name, _TEXTS[name], notes))
        elif name in _READERS:
            _put(doc, name, _READERS[name](value, name, notes))
        elif name not in ("message", "logentry"):
            doc[name] = value
    _put(doc, "logentry", _message(sent.get("logentry"), sent.get("message"), notes))
    return doc


def text(value: Any, name: str, chars: int, notes: Notes) -> str | None:
    """Text as it is, a number as text; anything else is noted."""
    if isinstance(value, str):
        return fields.cut(value, chars)
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return fields.plain(value)
    notes.invalid(name, value)
    return None


def middle_out(values: list[Any], most: int) -> list[Any]:
    """`values` without its middle when it has more than `most`."""
    if len(values) <= most:
        return values
    return values[: most - most // 2] + values[-(most // 2) :]


def trim_frames(tree: Tree, notes: Notes) -> None:
    """Take the middle out of every stack trace in `tree` with too many frames, in place."""
    for key, value in tree.items():
        name = ALIASES.get(key, key)
        if name == "stacktrace":
            _trim_stack(value, name, notes)
        elif name in ("exception", "threads"):
            for index, entry in enumerate(_values(value) or ()):
                if isinstance(entry, dict):
                    _trim_stack(entry.get("stacktrace"), f"{name}.values.{index}.stacktrace", notes)


def _trim_stack(stack: Any, name: str, notes: Notes) -> None:
    frames = stack.get("frames") if isinstance(stack, dict) else None
    if isinstance(frames, list) and len(frames) > DEFAULT.frames:
        notes.add("too_many", f"{name}.frames", str(len(frames)))
        stack["frames"] = middle_out(frames, DEFAULT.frames)


def _put(doc: dict[str, Any], name: str, value: Any) -> None:
    if value is not None:
        doc[name] = value


def _timestamp(value: Any, name: str, notes: Notes) -> Any:
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    notes.invalid(name, value)
    return None


def _values(value: Any) -> list[Any] | None:
    """The list in `{"values": […]}`, in a bare list, or around a single object; None for anything else."""
    if isinstance(value, dict):
        inner = value.get("values")
        if isinstance(inner, list):
            return inner
        if isinstance(inner, dict):
            return [inner]
        return [value] if "values" not in value and value else []
    return value if isinstance(value, list) else None


def _list_of(
    value: Any, name: str, most: int, read: Callable[[dict[str, Any], str, Notes], dict[str, Any] | None], notes: Notes
) -> dict[str, Any] | None:
    entries = _values(value)
    if entries is None:
        notes.invalid(name, value)
        return None
    if len(entries) > most:
        notes.add("too_many", name, str(len(entries)))
        entries = entries[-most:]
    kept: list[dict[str, Any]] = []
    for index, entry in enumerate(entries):
        if isinstance(entry, dict):
            found = read(entry, f"{name}.values.{index}", notes)
            if found is not None:
                kept.append(found)
        elif entry is not None:
            notes.invalid(f"{name}.values.{index}", entry)
    return {"values": kept}


def _exceptions(value: Any, name: str, notes: Notes) -> dict[str, Any] | None:
    return _list_of(value, name, DEFAULT.exceptions, _exception, notes)


def _exception(entry: Tree, name: str, notes: Notes) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    _put(found, "type", text(entry.get("type"), f"{name}.type", DEFAULT.frame_name_chars, notes))
    value = entry.get("value")
    if isinstance(value, dict | list | bool):
        value = msgspec.json.encode(value).decode()
    _put(found, "value", text(value, f"{name}.value", DEFAULT.message_chars, notes))
    _put(found, "module", text(entry.get("module"), f"{name}.module", DEFAULT.frame_name_chars, notes))
    _put(found, "thread_id", _identifier(entry.get("thread_id"), f"{name}.thread_id", notes))
    _put(found, "stacktrace", _stacktrace(entry.get("stacktrace"), f"{name}.stacktrace", notes))
    _put(found, "mechanism", _mechanism(entry.get("mechanism"), f"{name}.mechanism", notes))
    if not found:
        notes.invalid(name, dict(entry))
        return None
    return found


def _mechanism(value: Any, name: str, notes: Notes) -> dict[str, Any] | None:
    if isinstance(value, str):
        value = {"type": value}
    if not isinstance(value, dict):
        if value is not None:
            notes.invalid(name, value)
        return None
    found = dict(value)
    for key in ("type", "source"):
        _replace(found, key, text(value.get(key), f"{name}.{key}", DEFAULT.frame_name_chars, notes))
    for key in ("handled", "synthetic", "is_exception_group"):
        _replace(found, key, _truth(value.get(key), f"{name}.{key}", notes))
    for key in ("exception_id", "parent_id"):
        _replace(found, key, _number(value.get(key), f"{name}.{key}", notes))
    return found


def _replace(found: dict[str, Any], key: str, value: Any) -> None:
    if key in found:
        found[key] = value


def _stacktrace(value: Any, name: str, notes: Notes) -> dict[str, Any] | None:
    if isinstance(value, list):
        value = {"frames": value}
    if not isinstance(value, dict):
        if value is not None:
            notes.invalid(name, value)
        return None
    frames = value.get("frames")
    if not isinstance(frames, list):
        if frames is not None:
            notes.invalid(f"{name}.frames", frames)
        return {"frames": []}
    if len(frames) > DEFAULT.frames:
        notes.add("too_many", f"{name}.frames", str(len(frames)))
        frames = middle_out(frames, DEFAULT.frames)
    kept: list[dict[str, Any]] = []
    for index, frame in enumerate(frames):
        if isinstance(frame, dict):
            kept.append(_frame(frame, f"{name}.frames.{index}", notes))
        elif frame is not None:
            notes.invalid(f"{name}.frames.{index}", frame)
    return {"frames": kept}


def _frame(frame: Tree, name: str, notes: Notes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in frame.items():
        if value is None:
            continue
        if key in _FRAME_TEXTS:
            _put(found, key, text(value, f"{name}.{key}", _FRAME_TEXTS[key], notes))
        elif key in ("lineno", "colno"):
            _put(found, key, _number(value, f"{name}.{key}", notes))
        elif key == "in_app":
            _put(found, key, _truth(value, f"{name}.{key}", notes))
        elif key in ("pre_context", "post_context"):
            if isinstance(value, list):
                found[key] = [fields.cut(fields.plain(line) or "", DEFAULT.context_line_chars) for line in value]
            else:
                notes.invalid(f"{name}.{key}", value)
        elif key == "vars":
            if isinstance(value, dict):
                found[key] = value
            else:
                notes.invalid(f"{name}.{key}", value)
        else:
            found[key] = value
    return found


def _threads(value: Any, name: str, notes: Notes) -> dict[str, Any] | None:
    return _list_of(value, name, DEFAULT.threads, _thread, notes)


def _thread(entry: Tree, name: str, notes: Notes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    _put(found, "id", _identifier(entry.get("id"), f"{name}.id", notes))
    _put(found, "name", text(entry.get("name"), f"{name}.name", DEFAULT.frame_name_chars, notes))
    for key in ("crashed", "current", "main"):
        _put(found, key, _truth(entry.get(key), f"{name}.{key}", notes))
    _put(found, "state", text(entry.get("state"), f"{name}.state", DEFAULT.frame_name_chars, notes))
    _put(found, "stacktrace", _stacktrace(entry.get("stacktrace"), f"{name}.stacktrace", notes))
    return found


def _identifier(value: Any, name: str, notes: Notes) -> str | int | None:
    if type(value) is int and -(2**63) <= value < 2**63:
        return value
    return text(value, name, DEFAULT.frame_name_chars, notes)


def _truth(value: Any, name: str, notes: Notes) -> bool | None:
    if isinstance(value, bool) or value is None:
        return value
    notes.invalid(name, value)
    return None


def _number(value: Any, name: str, notes: Notes) -> int | None:
    if value is None:
        return None
    if (isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 12) or (
        isinstance(value, float) and value.is_integer()
    ):
        value = int(value)
    if type(value) is int and -_MAX_NUMBER <= value < _MAX_NUMBER:
        return value
    notes.invalid(name, value)
    return None


def _message(logentry: Any, message: Any, notes: Notes) -> dict[str, Any] | None:
    """One `{message, formatted, params}` out of `logentry` and the top-level `message`, each text or an object."""
    found: dict[str, Any] = {}
    if isinstance(message, dict) and logentry is None:
        logentry, message = message, None
    if isinstance(logentry, dict):
        for key in ("message", "formatted"):
            value = logentry.get(key)
            if isinstance(value, dict | list):
                value = msgspec.json.encode(value).decode()
            _put(found, key, text(value, f"logentry.{key}", DEFAULT.message_chars, notes))
        params = logentry.get("params")
        if isinstance(params, dict | list):
            found["params"] = params
        elif params is not None:
            notes.invalid("logentry.params", params)
    elif logentry is not None:
        _put(found, "formatted", text(logentry, "logentry", DEFAULT.message_chars, notes))
    if message is not None and "message" not in found and "formatted" not in found:
        if isinstance(message, list | dict):
            message = msgspec.json.encode(message).decode()
        _put(found, "formatted", text(message, "message", DEFAULT.message_chars, notes))
    return found or None


def _fingerprint(value: Any, name: str, notes: Notes) -> list[Any] | None:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        notes.invalid(name, value)
        return None
    kept = []
    for index, part in enumerate(value[: DEFAULT.fingerprint_parts]):
        if isinstance(part, dict | list):
            notes.invalid(f"{name}.{index}", part)
        else:
            kept.append(part)
    return kept


def _tags(value: Any, name: str, notes: Notes) -> list[list[Any]] | None:
    """Pairs, whether they came as an object, as pairs or as `{"key", "value"}` objects."""
    if isinstance(value, dict):
        entries: list[Any] = [[key, part] for key, part in value.items()]
    elif isinstance(value, list):
        entries = value
    else:
        notes.invalid(name, value)
        return None
    if len(entries) > DEFAULT.tags:
        notes.add("too_many", name, f"the first {DEFAULT.tags} were kept")
        entries = entries[: DEFAULT.tags]
    pairs: list[list[Any]] = []
    for entry in entries:
        if entry is None:
            continue
        pair = [entry.get("key"), entry.get("value")] if isinstance(entry, dict) else entry
        if isinstance(pair, list) and len(pair) == 2 and not any(isinstance(part, dict | list) for part in pair):
            pairs.append(pair)
        else:
            notes.invalid(name, entry)
    return pairs


def _user(value: Any, name: str, notes: Notes) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        notes.invalid(name, value)
        return None
    found = dict(value)
    for key in ("id", "username", "email", "ip_address"):
        part = found.pop(key, None)
        if isinstance(part, dict | list) or (key == "ip_address" and not isinstance(part, str | None)):
            notes.invalid(f"{name}.{key}", part)
        elif part is not None:
            found[key] = part
    return found


def _object(value: Any, name: str, notes: Notes) -> dict[str, Any] | None:
    if isinstance(value, dict):
        return value
    notes.invalid(name, value)
    return None


def _request(value: Any, name: str, notes: Notes) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        notes.invalid(name, value)
        return None
    found = {key: part for key, part in value.items() if part is not None}
    for key in ("url", "method"):
        if key in found:
            found[key] = text(found[key], f"{name}.{key}", DEFAULT.message_chars, notes)
    for key in ("headers", "env", "cookies", "query_string"):
        if key in found:
            pairs = _pairs(found.pop(key))
            if pairs is None or (isinstance(pairs, str) and key in ("headers", "env")):
                notes.invalid(f"{name}.{key}", value[key])
            else:
                found[key] = dict(pairs) if key == "env" and isinstance(pairs, list) else pairs
    environ = found.get("env")
    if environ and not isinstance(environ.get("REMOTE_ADDR"), str | None):
        notes.invalid(f"{name}.env.REMOTE_ADDR", environ.pop("REMOTE_ADDR"))
    return found


def _pairs(value: Any) -> list[Any] | str | None:
    """A map of a request: an object becomes pairs, pairs and raw text stay; None when it is neither."""
    if isinstance(value, dict):
        return [[key, part] for key, part in value.items()]
    if isinstance(value, list):
        return [entry for entry in value if isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str)]
    return value if isinstance(value, str) else None


def _contexts(value: Any, name: str, notes: Notes) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        notes.invalid(name, value)
        return None
    found: dict[str, Any] = {}
    for key, context in value.items():
        if isinstance(context, dict):
            found[key] = dict(context)
            for part in _CONTEXT_TEXTS.get(key, ()):
                if part in context:
                    found[key][part] = text(context[part], f"{name}.{key}.{part}", DEFAULT.frame_name_chars, notes)
        elif context is not None:
            notes.invalid(f"{name}.{key}", context)
    return found


_CONTEXT_TEXTS = {
    "trace": ("trace_id", "span_id"),
    "runtime": ("name", "version"),
    "os": ("name", "version"),
    "client_os": ("name", "version"),
    "browser": ("name", "version"),
    "device": ("model", "family"),
}


def _sdk(value: Any, name: str, notes: Notes) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        notes.invalid(name, value)
        return None
    found = dict(value)
    for key in ("name", "version"):
        if key in found:
            found[key] = text(found[key], f"{name}.{key}", DEFAULT.frame_name_chars, notes)
    settings = found.get("settings")
    if settings is not None and not (isinstance(settings, dict) and isinstance(settings.get("infer_ip"), str | None)):
        notes.invalid(f"{name}.settings", found.pop("settings"))
    return found


def _breadcrumbs(value: Any, name: str, notes: Notes) -> list[dict[str, Any]] | None:
    entries = value.get("values", []) if isinstance(value, dict) else value
    if not isinstance(entries, list):
        if entries is not None:
            notes.invalid(name, value)
        return None
    return [entry for entry in entries[-DEFAULT.breadcrumbs :] if isinstance(entry, dict)]


_READERS: dict[str, Callable[[Any, str, Notes], Any]] = {
    "timestamp": _timestamp,
    "level": _timestamp,
    "exception": _exceptions,
    "threads": _threads,
    "stacktrace": _stacktrace,
    "fingerprint": _fingerprint,
    "tags": _tags,
    "user": _user,
    "request": _request,
    "contexts": _contexts,
    "sdk": _sdk,
    "breadcrumbs": _breadcrumbs,
    "template": _object,
    "csp": _object,
    "extra": _object,
    "modules": _object,
}
