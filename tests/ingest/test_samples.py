"""Every recorded request of real SDKs is accepted, and what goes to the log is what they sent."""

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brotli
import pytest

from mini_sentry.projects.keys import Rows
from mini_sentry.protocol import envelope
from mini_sentry.protocol.inflate import inflate
from tests.ingest.driver import CORS, KEY, Server, serving

SAMPLES = Path(__file__).parents[2] / "samples" / "ingest"
COMPRESS = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}
EVENT_LIKE = {"event", "transaction", "feedback"}


def recorded() -> Iterator[Any]:
    for path in sorted(SAMPLES.glob("*.json")):
        if path.name != "index.json":
            for number, request in enumerate(json.loads(path.read_text())["requests"]):
                yield pytest.param(request, id=f"{path.stem}-{number}")


def body_of(request: dict[str, Any]) -> bytes:
    text: str = request["body"]
    return base64.b64decode(text) if request["body_encoding"] == "base64" else text.encode()


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[int, Server]]:
    """An edge for each project that was recorded: they all had the same key."""
    started: dict[int, Server] = {}
    for number in (1, 2, 3):
        rows = Rows([(number, "recorded", "token", True)], [(number, KEY, number, True)])
        started[number] = Server(rows=rows, events_per_minute=10_000, sessions_per_minute=10_000)
        started[number].start()
    yield started
    for server in started.values():
        server.stop()


@pytest.mark.parametrize("request_", [*recorded()])
def test_a_recorded_request_is_accepted_as_it_came(servers: dict[int, Server], request_: dict[str, Any]) -> None:
    project_id = int(request_["path"].split("/")[2])
    server = servers[project_id]
    headers = {name.lower(): value for name, value in request_["headers"]}
    plain = body_of(request_)
    encoding = headers.get("content-encoding", "")
    wire = COMPRESS[encoding](plain) if encoding else plain
    is_chunked = headers.get("transfer-encoding") == "chunked"
    headers.pop("content-length", None)

    already = len(server.messages())
    answer = server.post(request_["path"], [wire[:100], wire[100:]] if is_chunked else wire, headers)

    [message] = server.messages()[already:]
    assert answer.headers.items() >= CORS.items()
    assert inflate(message.body, message.encoding, max_bytes=1 << 24) == plain
    assert (message.project_id, message.key_id, message.dropped) == (project_id, project_id, [])
    assert message.user_agent == headers.get("user-agent", "")
    assert message.origin == headers.get("origin", "")
    assert message.kind == request_["endpoint"]
    if message.kind == "security":
        assert (answer.status, answer.body) == (201, b"")
        assert message.query == {"sentry_environment": "production", "sentry_release": "shop-web@3.1.0"}
    elif message.kind == "store":
        assert (answer.status, answer.json) == (200, {"id": message.event_id})
        assert message.event_id == json.loads(plain)["event_id"]
    else:
        scanned = envelope.scan(plain)
        assert [item.type for item in scanned.items] == request_["item_types"]
        expected = {"id": scanned.event_id} if EVENT_LIKE & {*request_["item_types"]} else {}
        assert (answer.status, answer.json) == (200, expected)


def test_none_of_the_recorded_requests_is_left_out(servers: dict[int, Server]) -> None:
    index = json.loads((SAMPLES / "index.json").read_text())
    assert sum(entry["requests"] for entry in index) == len([*recorded()])


def test_the_recording_of_a_limited_client_shows_what_it_holds_back() -> None:
    """The client got a 429 for its first event and went on with its session and its report: so do ours."""
    requests = json.loads((SAMPLES / "python-ratelimited.json").read_text())["requests"]
    rows = Rows([(1, "recorded", "token", True)], [(1, KEY, 1, True)])
    with serving(rows=rows, events_per_minute=1, sessions_per_minute=5) as server:
        statuses = []
        for request in (requests[0], *requests):
            headers = {name: value for name, value in request["headers"] if name.lower() != "content-length"}
            statuses.append(server.post(request["path"], gzip.compress(body_of(request)), headers).status)
    assert statuses == [200, 429, 200, 200]
