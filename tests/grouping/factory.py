"""Events to group: made from a few values, or read from what real SDKs sent."""

import base64
import json
from pathlib import Path
from typing import Any

from mini_sentry.protocol.context import Context
from mini_sentry.protocol.event import Event, ExceptionValue, Frame, Mechanism, Stacktrace, Thread
from mini_sentry.protocol.normalize import normalize

SAMPLES = Path(__file__).parents[2] / "samples" / "ingest"


def make_event(**fields: Any) -> Event:
    given = {"event_id": "0" * 32, "project_id": 1, "received_at": 0.0, "timestamp": 0.0, "payload": b"{}"}
    return Event(**{**given, "platform": "python", **fields})


def make_frame(function: str | None = "main", **fields: Any) -> Frame:
    return Frame(**{"filename": "shop.py", "module": "shop", "in_app": True, "function": function, **fields})


def make_stack(*functions: str, **fields: Any) -> Stacktrace:
    return Stacktrace([make_frame(function, **fields) for function in functions])


def make_error(
    type: str | None = "ValueError",  # noqa: A002
    value: str | None = "bad row 1",
    frames: list[Frame] | None = None,
    **mechanism: Any,
) -> ExceptionValue:
    return ExceptionValue(
        type=type,
        value=value,
        stacktrace=Stacktrace(frames) if frames else None,
        mechanism=Mechanism(**mechanism) if mechanism else None,
    )


def make_thread(*functions: str, **fields: Any) -> Thread:
    return Thread(**{"stacktrace": make_stack(*functions), **fields})


def sample_events(name: str) -> list[Event]:
    """The events of one recording, in the order sent, normalised."""
    requests = json.loads((SAMPLES / f"{name}.json").read_text())["requests"]
    return [
        normalize(payload, Context(project_id=1, received_at=1_780_000_000.0, fallback_id="0" * 32))
        for request in requests
        for payload in _payloads(request)
    ]


def _payloads(request: dict[str, Any]) -> list[bytes]:
    body = request["body"]
    data = base64.b64decode(body) if request["body_encoding"] == "base64" else body.encode()
    if request["path"].startswith("/api/") and "/store/" in request["path"]:
        return [data]
    found: list[bytes] = []
    position = data.find(b"\n") + 1
    while 0 < position < len(data):
        end = data.find(b"\n", position)
        if end <= position:
            position += 1
            continue
        header = json.loads(data[position:end])
        start = end + 1
        stop = start + header["length"] if "length" in header else data.find(b"\n", start) % (len(data) + 1)
        if header["type"] == "event":
            found.append(data[start:stop])
        position = stop + 1
    return found
