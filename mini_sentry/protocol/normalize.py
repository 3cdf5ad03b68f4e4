"""Any accepted payload → Event, with the specification's defaults, trims and derived tags.

A strict pass reads what current SDKs send; what it refuses goes through a tolerant one and then the same way. Pure: the
time of receipt comes with the context.

Spec: https://develop.sentry.dev/sdk/data-model/event-payloads/
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from mini_sentry.protocol import fields, ids, lenient, tags, timestamps, useragent
from mini_sentry.protocol.clean import Notes, clean, trim_frames
from mini_sentry.protocol.context import Context
from mini_sentry.protocol.event import Event, EventError, ExceptionValue, Thread, User
from mini_sentry.protocol.limits import DEFAULT
from mini_sentry.protocol.payload import Contexts, ExceptionBox, LogEntry, Payload, Request, ThreadBox

__all__ = ["Context", "normalize"]

_AUTO = "{{auto}}"
_CLIENT_PLATFORMS = frozenset({"javascript", "cocoa", "objc"})
_TYPES = frozenset({"default", "error", "transaction", "feedback", "csp", "expectct", "expectstaple", "hpkp", "nel"})

_strict = msgspec.json.Decoder(Payload).decode


def normalize(payload: bytes, context: Context) -> Event:
    """The event in `payload`, a JSON object. The context's event id wins over the payload's.

    Fields of the wrong kind are dropped and noted in `Event.errors`. `Event.payload` is `payload` itself, or, when that is no
    strict JSON or too long a stack, the nearest thing that is: always strict JSON in UTF-8 without NUL or lone surrogates.

    Raises PayloadInvalid when there is no JSON object at all.
    """
    try:
        if payload.rfind(b"\\u0000") < 0:
            if not payload.isascii():
                payload.decode()
            strict = _strict(payload)
            if not strict.is_legacy():
                return _event(strict, payload, context, [])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    return tolerant(payload, context)


def tolerant(payload: bytes, context: Context) -> Event:
    """As `normalize`, field by field: slower, and ready for anything."""
    tree, was_cut = lenient.parse(payload)
    notes = Notes()
    if was_cut:
        notes.add("too_deep", "", f"nested deeper than {DEFAULT.depth}")
    trim_frames(tree, notes)
    fields_read = msgspec.convert(clean(tree, notes), Payload)
    return _event(fields_read, msgspec.json.encode(tree), context, notes.errors)


def _event(sent: Payload, payload: bytes, context: Context, errors: list[EventError]) -> Event:
    exceptions = sent.exception
    if exceptions is None:
        exceptions = []
    elif isinstance(exceptions, ExceptionBox):
        exceptions = _unboxed(exceptions)
    threads = sent.threads
    if threads is None:
        threads = []
    elif isinstance(threads, ThreadBox):
        threads = threads.values or []
    if threads and len(exceptions) == 1 and exceptions[0].stacktrace is None:
        _take_crashed_stack(exceptions[0], threads)
    message, template = _message(sent.logentry, sent.message)
    handled, mechanism = _mechanism(exceptions) if exceptions else (None, "")
    user_agent = ""
    url = ""
    request = sent.request
    if request is not None:
        url = request.url or ""
        user_agent = _header(request.headers, "user-agent")
    platform = (sent.platform or context.platform)[: DEFAULT.platform_chars]
    if not user_agent and platform == "javascript":
        user_agent = context.user_agent
    user = _user(sent, request, platform, context.client_ip, errors)
    sdk = sent.sdk
    contexts = sent.contexts
    trace_id = ""
    if contexts is not None and contexts.trace is not None:
        trace_id = contexts.trace.trace_id or ""
    client_tags: Iterable[tuple[str, str]] = ()
    environment = _checked("environment", sent.environment, errors)
    if sent.tags:
        client_tags, tagged_environment = _client_tags(sent.tags)
        if sent.environment is None and tagged_environment:
            environment = _checked("environment", tagged_environment, errors)
    if sent.site:
        client_tags = [("site", sent.site), *client_tags]
    release = _checked("release", sent.release, errors) or context.release
    event = Event(
        event_id=context.event_id or ids.normalise(sent.event_id or "") or context.fallback_id,
        project_id=context.project_id,
        received_at=context.received_at,
        timestamp=_timestamp(sent.timestamp, context, errors),
        payload=payload,
        type=_type(sent.type, exceptions),
        platform=platform or "other",
        level=_level(sent.level, errors),
        logger=(sent.logger or "").strip()[: DEFAULT.logger_chars],
        transaction=(sent.transaction or "").strip()[: DEFAULT.transaction_chars],
        culprit=(sent.culprit or "").strip()[: DEFAULT.culprit_chars],
        server_name=(sent.server_name or "").strip()[: DEFAULT.server_name_chars],
        release=release,
        dist=_checked("dist", sent.dist, errors) if release else "",
        environment=environment or context.environment,
        message=message,
        message_template=template,
        exceptions=exceptions,
        threads=threads,
        stacktrace=sent.stacktrace,
        fingerprint=_fingerprint(sent.fingerprint) if sent.fingerprint else [],
        checksum=(sent.checksum or "")[: DEFAULT.fingerprint_chars],
        csp=sent.csp,
        template=sent.template,
        user=user,
        user_tag=tags.user_tag(user),
        handled=handled,
        trace_id=ids.normalise(trace_id) if trace_id else "",
        sdk_name=(sdk.name or "") if sdk else "",
        sdk_version=(sdk.version or "") if sdk else "",
        errors=errors,
    )
    event.tags = tags.derive(
        event,
        client_tags,
        url=url.partition("?")[0].partition("#")[0] if url else "",
        mechanism=mechanism,
        user_agent=useragent.parse(user_agent) if user_agent else useragent.UNKNOWN,
        contexts=_named(contexts) if contexts else (),
    )
    return event


def _unboxed(box: ExceptionBox) -> list[ExceptionValue]:
    if box.values is not None:
        return box.values
    if box.type or box.value or box.stacktrace:
        return [ExceptionValue(box.type, box.value, box.module, box.thread_id, box.stacktrace, box.mechanism)]
    return []


def _take_crashed_stack(exception: ExceptionValue, threads: list[Thread]) -> None:
    """Native SDKs leave the stack with the thread that crashed; it belongs to the exception."""
    crashed = [thread for thread in threads if thread.crashed]
    if len(crashed) == 1 and crashed[0].stacktrace is not None:
        exception.stacktrace = crashed[0].stacktrace
        crashed[0].stacktrace = None


def _mechanism(exceptions: list[ExceptionValue]) -> tuple[bool | None, str]:
    """Whether the chain was handled (one unhandled link decides), and the mechanism of the exception that was thrown."""
    handled: bool | None = None
    name = ""
    for exception in exceptions:
        mechanism = exception.mechanism
        if mechanism is not None:
            if mechanism.handled is not None:
                handled = mechanism.handled if handled is not False else False
            name = mechanism.type or name
    return handled, name


def _message(logentry: LogEntry | str | None, message: LogEntry | str | None) -> tuple[str, str]:
    """What the event says, and the template it was made from ("" when there is none)."""
    entry = logentry if logentry is not None else message
    if entry is None:
        return "", ""
    if isinstance(entry, str):
        return entry, ""
    template = entry.message or ""
    if entry.formatted:
        return entry.formatted, template
    if template:
        return interpolate(template, entry.params)[: DEFAULT.message_chars], template
    return (message, "") if isinstance(message, str) else ("", "")


_PLACE = re.compile(r"%(?:\((?P<named>\w+)\))?[sdrifx]|%%|\{(?P<braced>\w*)\}")


def interpolate(template: str, params: Any) -> str:
    """`template` with `%s`, `%(name)s`, `{}`, `{0}` or `{name}` filled from `params`; places without a value stay."""
    if not params or not isinstance(params, list | dict):
        return template
    position = 0

    def fill(place: re.Match[str]) -> str:
        nonlocal position
        if place[0] == "%%":
            return "%"
        name = place["named"] or place["braced"]
        value: Any = place
        if isinstance(params, dict):
            value = params.get(name, place) if name else place
        elif name:
            value = params[int(name)] if name.isascii() and name.isdigit() and int(name[:4]) < len(params) else place
        elif position < len(params):
            value = params[position]
            position += 1
        if value is place:
            return str(place[0])
        text = fields.plain(value)
        return str(msgspec.json.encode(value), "utf-8") if text is None else text

    return _PLACE.sub(fill, template)


def _timestamp(sent: str | float | None, context: Context, errors: list[EventError]) -> float:
    """The client's time, corrected by how far its clock was off when it sent, or the time of receipt."""
    if sent is None:
        return context.received_at
    timestamp = timestamps.parse(sent)
    if timestamp is None:
        errors.append(EventError("invalid_data", "timestamp", str(sent)[: DEFAULT.note_chars]))
        return context.received_at
    if context.sent_at:
        sent_at = timestamps.parse(context.sent_at)
        if sent_at is not None:
            drift = context.received_at - sent_at
            if abs(drift) >= DEFAULT.drift_seconds:
                timestamp += drift
                errors.append(EventError("clock_drift", "timestamp", f"corrected by {drift:.0f} s"))
    if context.is_plausible(timestamp):
        return timestamp
    kind = "future_timestamp" if timestamp > context.received_at else "past_timestamp"
    errors.append(EventError(kind, "timestamp", str(sent)[: DEFAULT.note_chars]))
    return context.received_at


def _type(sent: str | None, exceptions: list[ExceptionValue]) -> str:
    if exceptions:
        return "error"
    return sent if sent is not None and sent in _TYPES else "default"


def _level(sent: str | float | None, errors: list[EventError]) -> str:
    if sent is None or sent == "":
        return "error"
    level = fields.level(sent)
    if not level:
        errors.append(EventError("invalid_data", "level", str(sent)[: DEFAULT.note_chars]))
        return "error"
    return level


_CHECKS = {"release": fields.release, "environment": fields.environment, "dist": fields.dist}


def _checked(name: str, sent: str | None, errors: list[EventError]) -> str:
    if not sent:
        return ""
    value = _CHECKS[name](sent)
    if not value and not sent.isspace():
        errors.append(EventError("invalid_data", name, sent[: DEFAULT.note_chars]))
    return value


def _fingerprint(parts: list[Any]) -> list[str]:
    texts = (fields.plain(part) for part in parts)
    return [text[: DEFAULT.fingerprint_chars] for text in texts if text is not None]


def _client_tags(sent: Any) -> tuple[list[tuple[str, str]], str]:
    """The tags as texts, and the value of `environment` among them ("" when there is none)."""
    pairs: list[tuple[str, str]] = []
    environment = ""
    for key, value in sent.items() if isinstance(sent, dict) else sent:
        text = value if type(value) is str else fields.plain(value)
        if text and key is not None:
            if key == "environment":
                environment = text
            pairs.append((key if type(key) is str else fields.plain(key) or "", text))
    return pairs, environment


def _user(
    sent: Payload, request: Request | None, platform: str, client_ip: str, errors: list[EventError]
) -> User | None:
    """The user with an address: the one given, the web server's REMOTE_ADDR, or for clients in the field the connection's."""
    settings = sent.sdk.settings if sent.sdk is not None else None
    infer = settings.infer_ip if settings is not None else None
    address = ""
    user = sent.user
    given = user.ip_address if user is not None else None
    if not given and request is not None and request.env is not None:
        given = request.env.remote_addr
    if given:
        if given.strip() == _AUTO:
            address = fields.ip_address(client_ip) if infer != "never" else ""
        else:
            address = fields.ip_address(given)
            if not address:
                errors.append(EventError("invalid_data", "user.ip_address", given[: DEFAULT.note_chars]))
    elif client_ip and (infer == "auto" or (infer != "never" and platform in _CLIENT_PLATFORMS)):
        address = fields.ip_address(client_ip)
    if user is None:
        return User(ip_address=address) if address else None
    found = User(_identity(user.id), _identity(user.username), _identity(user.email), address)
    return found if found.id or found.username or found.email or address else None


def _identity(value: Any) -> str:
    text = value if type(value) is str else fields.plain(value)
    return text.strip()[: DEFAULT.user_chars] if text else ""


def _header(headers: Mapping[str, Any] | list[tuple[str, Any]] | None, name: str) -> str:
    """The value of a request header, "" when it is not there. `name` is in lower case."""
    if not headers:
        return ""
    for key, value in headers.items() if isinstance(headers, Mapping) else headers:
        if len(key) == len(name) and key.lower() == name:
            first = value[0] if isinstance(value, list) and value else value
            return first if isinstance(first, str) else ""
    return ""


def _named(contexts: Contexts) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    for kind, named in (
        ("runtime", contexts.runtime),
        ("os", contexts.os),
        ("client_os", contexts.client_os),
        ("browser", contexts.browser),
    ):
        if named is not None and named.name:
            found.append((kind, named.name, (named.version or "").strip()))
    device = contexts.device
    if device is not None and (device.model or device.family):
        found.append(("device", device.model or device.family or "", ""))
    return found
