"""Senders that remember what was answered 200: threads with keep-alive connections, each event with an id of its own."""

import contextlib
import http.client
import json
import random
import threading
import uuid
from typing import Any

SENDERS = 8
KINDS = 12


class Load:
    """Sends to one project until it is stopped. `acknowledged` holds the event ids that were answered 200.

    Each of its SENDERS rests for `pause_seconds` between two events, each of which carries `padding` more bytes. One event in ten is one that was acknowledged before, sent again as a proxy or an SDK would.
    """

    def __init__(self, port: int, project_id: int, key: str, *, pause_seconds: float = 0.0, padding: int = 0) -> None:
        self._port = port
        self._path = f"/api/{project_id}/envelope/"
        self._headers = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={key}"}
        self._pause_seconds = pause_seconds
        self._padding = padding
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.acknowledged: set[str] = set()
        self.answers: dict[int, int] = {}
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(SENDERS)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _send(self, number: int) -> None:
        chance = random.Random(number)
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        while not self._stop.wait(self._pause_seconds):
            again = self._sent_before(chance)
            event_id = again or uuid.UUID(int=chance.getrandbits(128), version=4).hex
            try:
                body = envelope(event_id, chance.randrange(KINDS), padding=self._padding)
                connection.request("POST", self._path, body, self._headers)
                reply = connection.getresponse()
                answered = json.loads(reply.read())
            except (OSError, http.client.HTTPException, ValueError):
                # The server was killed in the middle: nothing was promised.
                connection.close()
                self._stop.wait(0.02)
                continue
            with self._lock:
                self.answers[reply.status] = self.answers.get(reply.status, 0) + 1
                if reply.status == 200:
                    assert answered["id"] == event_id
                    self.acknowledged.add(event_id)
        with contextlib.suppress(OSError):
            connection.close()

    def _sent_before(self, chance: random.Random) -> str | None:
        if chance.random() > 0.1:
            return None
        with self._lock:
            return next(iter(self.acknowledged), None)


def envelope(event_id: str, kind: int, *, padding: int = 0) -> bytes:
    frames = [
        {"module": "shop.orders", "function": f"step_{kind}", "filename": "orders.py", "lineno": level, "in_app": True}
        for level in range(5)
    ]
    payload: dict[str, Any] = {
        "event_id": event_id,
        "platform": "python",
        "level": "error",
        "release": f"shop@1.{kind % 3}",
        "environment": "production",
        "exception": {"values": [{"type": "LookupError", "value": event_id, "stacktrace": {"frames": frames}}]},
    }
    if padding:
        payload["extra"] = {"padding": "x" * padding}
    return b"\n".join([json.dumps({"event_id": event_id}).encode(), b'{"type":"event"}', json.dumps(payload).encode()])
