"""Event payloads for these tests: those of the recorded SDK traffic, and a small one to vary."""

import json
from typing import Any

from mini_sentry.protocol.context import Context
from mini_sentry.protocol.envelope import scan
from mini_sentry.protocol.event import Event
from mini_sentry.protocol.normalize import normalize
from tests.recordings import SAMPLES, requests_of

RECEIVED_AT = 1795405400.0
ID = "0123456789abcdef0123456789abcdef"
OTHER_ID = "f" * 32
CONTEXT = Context(project_id=1, received_at=RECEIVED_AT, fallback_id=OTHER_ID, client_ip="198.51.100.7")


def recorded_events() -> list[tuple[str, bytes]]:
    """Scenario and payload of every event, transaction and feedback in the recordings."""
    found: list[tuple[str, bytes]] = []
    for path in sorted((SAMPLES / "ingest").glob("*.json")):
        if path.stem == "index":
            continue
        for request in requests_of(path.name):
            if request.endpoint == "store":
                found.append((path.stem, request.body))
            elif request.endpoint == "envelope":
                found.extend(
                    (path.stem, request.body[item.start : item.end])
                    for item in scan(request.body).items
                    if item.type in ("event", "transaction", "feedback")
                )
    return found


def event_of(payload: Any, context: Context = CONTEXT) -> Event:
    """`payload` normalised; an object is written as JSON first (NaN and lone surrogates included)."""
    return normalize(payload if isinstance(payload, bytes) else json.dumps(payload).encode(), context)
