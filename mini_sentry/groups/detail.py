"""One event in full: its row and its body → the object that the issue page reads."""

from datetime import UTC
from functools import cache
from typing import Any, Final, NamedTuple

import msgspec
from django.conf import settings
from django.db.models import Q, QuerySet

from mini_sentry.grouping.configs import LATEST, Config, UnknownConfig, config
from mini_sentry.grouping.group import mark_in_app
from mini_sentry.grouping.rules import RuleSyntaxError
from mini_sentry.groups.bodies import Bodies, BodyMissing, StoredBody, open_bodies
from mini_sentry.groups.counting import count
from mini_sentry.groups.models import Event, Group, GroupHash
from mini_sentry.groups.readable import BY_SDK, frames_of, lay_over, say_why
from mini_sentry.projects.models import Project
from mini_sentry.protocol import canonical, rest_event
from mini_sentry.protocol.context import Context
from mini_sentry.protocol.errors import ProtocolError
from mini_sentry.protocol.event import Frame
from mini_sentry.rest.pagination import rows_behind
from mini_sentry.symbolication import stacktext

_EMPTY: Final = StoredBody(payload=b"{}", facts={})


class Stored(NamedTuple):
    """An event's row with what its body says; `body` is empty when retention took it."""

    event: Event
    body: StoredBody

    @property
    def facts(self) -> dict[str, Any]:
        return self.body.facts


class Neighbours(NamedTuple):
    """Event ids in the order of receipt, None at the ends; `position` counts from 1, `stored` is how many there are."""

    previous: str | None
    next: str | None
    first: str | None
    latest: str | None
    position: int
    stored: int


@cache
def bodies() -> Bodies:
    return open_bodies(settings.BODIES_DIR)


def stored(event: Event) -> Stored:
    """Read the event's body."""
    try:
        body = bodies().read(event.body_id, event.received_at.astimezone(UTC).date())
    except BodyMissing:
        body = _EMPTY
    return Stored(event, body)


def event_object(found: Stored) -> dict[str, Any]:
    """The keys that every event has, in lists too; `payload` is what the client sent, scrubbed."""
    event, facts = found.event, found.facts
    event_id = event.event_id.hex
    sent = _decode(found.body.payload)
    stack = sent.get("stack")
    return {
        "id": event_id,
        "project": event.project_id,
        "group": event.group_id,
        "message": (facts.get("message") or facts.get("value") or "") if facts else event.message,
        "level": event.level,
        "payload": msgspec.Raw(found.body.payload),
        "received_at": event.received_at,
        "release": event.release_id,
        "environment": event.environment,
        "tags": sent.get("tags") or [],
        "stack": stack if isinstance(stack, str) else None,
        "symbolicated": {"frames": frames_of(facts["symbolicated"], sent)} if facts.get("symbolicated") else {},
        "event_id": event_id,
        "title": facts.get("title", event.message),
        "timestamp": event.timestamp,
    }


def event_detail(found: Stored, *, group: Group, neighbours: Neighbours) -> dict[str, Any]:
    """All of it: the contract's keys, what the digest found out, and the payload in its one readable form."""
    facts = found.facts
    normalized = readable_parts(found, group.project)
    return event_object(found) | {
        "culprit": facts.get("culprit", ""),
        "type": facts.get("kind", "default"),
        "platform": facts.get("platform", group.platform),
        "dist": facts.get("dist") or None,
        "release_version": facts.get("release") or None,
        "transaction": facts.get("transaction", ""),
        "trace_id": facts.get("trace_id", ""),
        "handled": facts.get("handled"),
        "tag_list": [{"key": key, "value": value} for key, value in sorted(facts.get("tags", {}).items())],
        "user": _user(normalized.pop("user"), facts.get("user")),
        "normalized": normalized,
        "grouping": _grouping(facts, group),
        "neighbours": {
            "previous": neighbours.previous,
            "next": neighbours.next,
            "first": neighbours.first,
            "latest": neighbours.latest,
        },
        "position": neighbours.position,
        "stored": neighbours.stored,
        "counted": group.count,
        "body_is_kept": bool(facts),
    }


def neighbours(events: QuerySet[Event], event: Event) -> Neighbours:
    """Where an event stands among `events` (of its group, filtered or not), by the order of receipt. It need not be one
    of them. Numbers are as exact as `counting` is."""
    at, pk = event.received_at, event.pk
    older = events.filter(rows_behind("received_at", at, pk))
    newer = events.filter(Q(received_at__gte=at), Q(received_at__gt=at) | Q(pk__gt=pk))
    previous, following = _id(older.order_by("-received_at", "-pk")), _id(newer.order_by("received_at", "pk"))
    older_count = count(older) if previous else 0
    newer_count = count(newer) if following else 0
    own = int(events.filter(pk=pk).exists())
    return Neighbours(
        previous=previous,
        next=following,
        first=_id(events.order_by("received_at", "pk")),
        latest=_id(events.order_by("-received_at", "-pk")),
        position=older_count + own,
        stored=older_count + own + newer_count,
    )


def shown_components(components: list[Any]) -> list[dict[str, Any]]:
    """A stored explanation as the API shows it."""
    return [
        {
            "component": part.get("kind", ""),
            "value": part.get("value", ""),
            "contributes": part.get("contributes", False),
            "reason": part.get("reason") or None,
            "hash": part.get("hash") or None,
            "is_in_app": part.get("is_in_app"),
            "children": shown_components(part.get("children", [])),
        }
        for part in components
        if isinstance(part, dict)
    ]


def _id(events: QuerySet[Event]) -> str | None:
    found = events.values_list("event_id", flat=True).first()
    return found.hex if found else None


def _decode(payload: bytes) -> dict[str, Any]:
    decoded = msgspec.json.decode(payload)
    return decoded if isinstance(decoded, dict) else {}


def readable_parts(found: Stored, project: Project) -> dict[str, Any]:
    """The payload's parts. Frames are as they were written, where that is known, with `raw` as they were sent. They carry our
    word on whether they are in-app; `in_app_sent` is the client's."""
    parts, _ = canonical.read(found.body.payload, at=found.event.timestamp.timestamp())
    platform = found.facts.get("platform", "other")
    if not parts["exceptions"] and not parts["stacktrace"]:
        parts["stacktrace"] = _rest_frames(found)
    symbolicated = found.facts.get("symbolicated")
    lay_over(parts, symbolicated)
    if found.facts and not symbolicated:
        event = found.event
        say_why(parts, platform=platform, facts=found.facts, project_id=event.project_id, environment=event.environment)
    rules = _config_of(found.facts.get("config", ""), project)
    for entry in (*parts["exceptions"], *parts["threads"]):
        _mark(entry["frames"], platform, rules)
    _mark(parts["stacktrace"] or [], platform, rules)
    parts["errors"] = [
        *({"type": "", "name": "", "value": ""} | note for note in found.facts.get("errors", [])),
        *parts["errors"],
    ]
    return parts


def _rest_frames(found: Stored) -> list[dict[str, Any]] | None:
    """The stack that a REST body holds as text or as a list of its own kind."""
    sent = _decode(found.body.payload)
    if not (sent.get("stack") or sent.get("frames")):
        return None
    context = Context(project_id=found.event.project_id, received_at=found.event.received_at.timestamp())
    try:
        event = rest_event.to_event(rest_event.parse(found.body.payload), context, parse_stack=stacktext.parse)
    except ProtocolError:
        return None
    if event.stacktrace is None:
        return None
    whole, _ = canonical.canonical({"stacktrace": msgspec.to_builtins(event.stacktrace)})
    frames: list[dict[str, Any]] | None = whole["stacktrace"]
    return frames


def _mark(frames: list[dict[str, Any]], platform: str, rules: Config) -> None:
    if not frames:
        return
    typed = [msgspec.convert(frame, Frame, strict=False) for frame in frames]
    for frame, (in_app, reason) in zip(frames, mark_in_app(typed, platform=platform, config=rules), strict=True):
        frame["in_app"], frame["in_app_reason"] = in_app, reason
        if frame["map"] and reason in BY_SDK:
            frame["in_app_reason"] = "its source is the project's own" if in_app else "its source came with a package"


def _config_of(name: str, project: Project) -> Config:
    """The version the event was grouped by, with the project's rules as they are now."""
    try:
        return config(name or LATEST, stack_rules=project.stack_rules, fingerprint_rules=project.fingerprint_rules)
    except (UnknownConfig, RuleSyntaxError):
        return config(LATEST)


def _user(sent: dict[str, Any] | None, derived: dict[str, str] | None) -> dict[str, Any] | None:
    """What the client said of the user, with what the digest added (the address it came from)."""
    known = {"id": None, "username": None, "email": None, "ip_address": None}
    told = {key: value for key, value in (derived or {}).items() if value}
    if not sent and not told:
        return None
    return known | (sent or {}) | told


def _grouping(facts: dict[str, Any], group: Group) -> dict[str, Any]:
    """Why the event fell into its group, as it was explained when the hash was first seen."""
    hashes = [{"hash": found, "variant": variant} for found, variant in facts.get("hashes", [])]
    rows = GroupHash.objects.filter(project=group.project_id, hash__in=[one["hash"] for one in hashes])
    explained = {row.hash: row.explanation for row in rows}
    explanation: list[Any] = next((explained[one["hash"]] for one in hashes if explained.get(one["hash"])), [])
    return {
        "config": facts.get("config", group.grouping_config),
        "hashes": hashes,
        "explanation": shown_components(explanation),
    }
