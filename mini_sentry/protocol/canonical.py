"""A stored payload → the one form that the read API shows: every interface, whichever way the client wrote it.

Texts are cut and deep values trimmed to what a page can show; nothing decides anything here.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from mini_sentry.protocol import fields, lenient, timestamps
from mini_sentry.protocol.clean import Notes, clean
from mini_sentry.protocol.event import EventError
from mini_sentry.protocol.limits import DEFAULT
from mini_sentry.protocol.normalize import interpolate

VALUE_DEPTH = 7
MAX_ENTRIES = 500
CLOCK_SECONDS = 0.001
"""Two times that are nearer to each other are the same: a row holds microseconds, a payload any number of digits."""

_FRAME_DEFAULTS: dict[str, Any] = {
    "function": None,
    "module": None,
    "filename": None,
    "abs_path": None,
    "lineno": None,
    "colno": None,
    "in_app": None,
    "pre_context": [],
    "context_line": None,
    "post_context": [],
    "vars": {},
    "package": None,
}


def read(payload: bytes, *, at: float | None = None) -> tuple[dict[str, Any], list[EventError]]:
    """`canonical` of a payload's bytes. Raises PayloadInvalid when they hold no JSON object."""
    tree, _ = lenient.parse(payload)
    return canonical(tree, at=at)


def canonical(payload: Mapping[str, Any], *, at: float | None = None) -> tuple[dict[str, Any], list[EventError]]:
    """The parts of a payload for display, and notes on what was wrong with them. `payload` is left as it is.

    Keys: `exceptions` (oldest cause first), `threads`, `stacktrace` (frames or None), `message`, `breadcrumbs` (the last 100),
    `request` (its maps as `[key, value]` pairs), `contexts`, `extra`, `modules`, `user`, `sdk`, `errors` (the client's own notes).
    Frames are ordered caller to callee. Absent lists and maps are empty, absent objects None. Times are RFC 3339 in UTC.
    `at` is when the event is taken to have happened (Unix seconds): where the client's clock said otherwise, its other times
    are off by as much, and are moved.
    """
    sent_at = timestamps.parse(payload.get("timestamp"))
    moved_seconds = 0.0 if at is None or sent_at is None else at - sent_at
    if abs(moved_seconds) < CLOCK_SECONDS:
        moved_seconds = 0.0
    notes = Notes()
    doc = clean(payload, notes)
    exceptions = [_exception(entry) for entry in doc.get("exception", {}).get("values", [])]
    _relate(exceptions)
    stacktrace = doc.get("stacktrace")
    return {
        "exceptions": exceptions,
        "threads": [_thread(entry) for entry in doc.get("threads", {}).get("values", [])],
        "stacktrace": _frames(stacktrace) if stacktrace else None,
        "message": _message(doc.get("logentry")),
        "breadcrumbs": [_breadcrumb(crumb, moved_seconds) for crumb in doc.get("breadcrumbs", [])],
        "request": _request(doc.get("request")),
        "contexts": {name: shallow(context) for name, context in doc.get("contexts", {}).items()},
        "extra": shallow(doc.get("extra", {})),
        "modules": {name: fields.plain(version) or "" for name, version in doc.get("modules", {}).items()},
        "user": shallow(doc["user"]) if doc.get("user") else None,
        "sdk": _sdk(doc.get("sdk")),
        "errors": _client_errors(doc.get("errors")),
    }, notes.errors


def shallow(value: Any, depth: int = VALUE_DEPTH) -> Any:
    """`value` with what is nested deeper than `depth` replaced by `…`, and lists and maps cut to 500 entries."""
    if isinstance(value, dict):
        if depth <= 0:
            return "…" if value else {}
        return {key: shallow(part, depth - 1) for key, part in list(value.items())[:MAX_ENTRIES]}
    if isinstance(value, list):
        if depth <= 0:
            return "…" if value else []
        return [shallow(part, depth - 1) for part in value[:MAX_ENTRIES]]
    return value


def _exception(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": entry.get("type"),
        "value": entry.get("value"),
        "module": entry.get("module"),
        "mechanism": shallow(entry["mechanism"]) if entry.get("mechanism") else None,
        "thread_id": entry.get("thread_id"),
        "relation": None,
        "frames": _frames(entry.get("stacktrace")),
    }


def _relate(exceptions: list[dict[str, Any]]) -> None:
    """Say how each exception came into the chain: as the cause of the next, its context, or a member of a group.

    SDKs say it in `mechanism.source` (`__cause__`, `__context__`, `cause`, `errors[0]`, `exceptions[0]`) with ids and parents; older
    ones say nothing, and there each is taken to be the cause of the one after it. The one thrown, listed last, has none.
    """
    groups = {
        mechanism["exception_id"]
        for exception in exceptions
        if (mechanism := exception["mechanism"]) and mechanism.get("is_exception_group") and "exception_id" in mechanism
    }
    for exception in exceptions[:-1]:
        mechanism = exception["mechanism"] or {}
        source = mechanism.get("source") or ""
        if source.startswith("__context__"):
            exception["relation"] = "context"
        elif source in ("__cause__", "cause"):
            exception["relation"] = "cause"
        elif source.startswith(("exceptions[", "errors[")) or mechanism.get("parent_id") in groups:
            exception["relation"] = "group"
        else:
            exception["relation"] = "cause"


def _thread(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": entry.get("id"),
        "name": entry.get("name"),
        "crashed": entry.get("crashed"),
        "current": entry.get("current"),
        "frames": _frames(entry.get("stacktrace")),
    }


def _frames(stacktrace: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    if not stacktrace:
        return []
    return [
        {**_FRAME_DEFAULTS, **frame, "vars": shallow(frame.get("vars", {}), VALUE_DEPTH - 2)}
        for frame in stacktrace["frames"]
    ]


def _message(logentry: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not logentry:
        return None
    template = logentry.get("message")
    params = logentry.get("params")
    formatted = logentry.get("formatted") or interpolate(template or "", params)[: DEFAULT.message_chars]
    return {"formatted": formatted, "template": template, "params": shallow(params)}


def _breadcrumb(crumb: Mapping[str, Any], moved_seconds: float) -> dict[str, Any]:
    seconds = timestamps.parse(crumb.get("timestamp"))
    if seconds is not None and moved_seconds:
        seconds = timestamps.parse(seconds + moved_seconds)
    level = crumb.get("level")
    data = crumb.get("data")
    message = crumb.get("message")
    return {
        "timestamp": None if seconds is None else timestamps.iso(seconds),
        "type": fields.plain(crumb.get("type")) or "default",
        "category": fields.plain(crumb.get("category")) or "",
        "message": fields.cut(fields.plain(message) or "", DEFAULT.message_chars),
        "level": (fields.level(level) if isinstance(level, str | int | float) else "") or "info",
        "data": shallow(data) if isinstance(data, dict) else {} if data is None else {"value": shallow(data)},
    }


def _request(request: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not request:
        return None
    query = request.get("query_string")
    url = request.get("url")
    if not query and url and "?" in url:
        query = url.partition("?")[2].partition("#")[0]
    return {
        "method": request.get("method"),
        "url": url,
        "query_string": _pairs(query, "&"),
        "data": shallow(request.get("data")),
        "cookies": _pairs(request.get("cookies"), ";"),
        "headers": _pairs(request.get("headers"), "\n"),
        "env": [[key, shallow(value)] for key, value in request.get("env", {}).items()],
    }


def _pairs(value: Any, separator: str) -> list[list[Any]]:
    """Pairs as they are, or the pairs in raw text."""
    if isinstance(value, str):
        if separator == "&":
            return [list(pair) for pair in parse_qsl(value.lstrip("?"), keep_blank_values=True)]
        parts = (part.partition("=") for part in value.split(separator))
        return [[name.strip(), text.strip()] for name, _, text in parts if name.strip()]
    return [[key, ", ".join(map(str, part)) if isinstance(part, list) else shallow(part)] for key, part in value or []]


def _sdk(sdk: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return {"name": sdk.get("name"), "version": sdk.get("version")} if sdk else None


def _client_errors(errors: Any) -> list[dict[str, str]]:
    return [
        {key: fields.cut(fields.plain(entry.get(key)) or "", DEFAULT.note_chars) for key in ("type", "name", "value")}
        for entry in (errors[: DEFAULT.errors] if isinstance(errors, list) else ())
        if isinstance(entry, dict) and isinstance(entry.get("type"), str)
    ]
