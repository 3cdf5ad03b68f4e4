"""Accepted requests as the edge appends them, made from an event or from bytes."""

import itertools
import json
import uuid
from datetime import UTC, datetime
from typing import Any

from mini_sentry.projects.models import Project
from mini_sentry.streams.log import Log
from mini_sentry.streams.topics import INGEST, Accepted, pack, project_key

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC).timestamp()

_numbers = itertools.count(1)


def crash(value: str = "no such order", **fields: Any) -> dict[str, Any]:
    """The payload of a Python exception with one in-app frame."""
    frames = [{"module": "shop.orders", "function": "find", "filename": "orders.py", "lineno": 7, "in_app": True}]
    exception = {"type": "LookupError", "value": value, "stacktrace": {"frames": frames}}
    return {"event_id": uuid.uuid4().hex, "platform": "python", "exception": {"values": [exception]}} | fields


def envelope(*payloads: dict[str, Any], event_id: str | None = None) -> bytes:
    """One event item a payload; the header names the first one's id."""
    header = {"event_id": event_id or payloads[0].get("event_id") or uuid.uuid4().hex}
    lines = [json.dumps(header)]
    for payload in payloads:
        lines += ['{"type":"event"}', json.dumps(payload)]
    return "\n".join(lines).encode()


def accept(log: Log, project: Project, body: bytes, *, kind: str = "envelope", at: float = NOON, **fields: Any) -> None:
    """Append one request to the log."""
    message: dict[str, Any] = {
        "kind": kind,
        "project_id": project.pk,
        "key_id": 1,
        "received_at": at,
        "record_id": next(_numbers).to_bytes(16),
        "event_id": "",
        "encoding": "",
        "client_ip": "203.0.113.9",
        "user_agent": "test",
        "content_type": "",
        "origin": "",
        "query": {},
        "dropped": [],
        "body": body,
    }
    log.append(INGEST, [(project_key(project.pk), pack(Accepted(**(message | fields))))])
