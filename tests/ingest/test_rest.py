"""What people and scripts post: checked at once, answered with the stored event."""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from mini_sentry.live.messages import Fate, FateKind
from mini_sentry.protocol.limits import Limits
from tests.ingest.driver import CORS, Server, gzipped, serving

TOKEN_URL = "/api/events/ingest/token/token-shop/"
SLUG_URL = "/api/events/ingest/shop/"
SESSION_URL = "/api/sessions/ingest/token/token-shop/"
JSON = {"Content-Type": "application/json"}
BODY = {"message": "it broke", "level": "warn", "release": "1.0.0", "tags": ["a", "b"], "stack": "Error: x", "own": 1}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(wait_seconds=0.05) as started:
        yield started


def post(server: Server, url: str, body: Any, **headers: str) -> Any:
    return server.post(url, json.dumps(body).encode(), {**JSON, **headers})


@pytest.mark.parametrize("url", [TOKEN_URL, SLUG_URL, TOKEN_URL[:-1], SLUG_URL[:-1]])
def test_the_answer_is_the_event_as_it_was_stored(server: Server, url: str) -> None:
    def announce(future: asyncio.Future[Any]) -> None:
        asyncio.get_running_loop().call_later(0.005, store, future)

    def store(future: asyncio.Future[Any]) -> None:
        [message] = server.messages()
        server.stored[1, message.event_id] = b'{"id":"%s","group":5}' % message.event_id.encode()
        future.set_result("new")

    server.board.on_expect = announce
    answer = post(server, url, BODY)
    [message] = server.messages()
    assert (answer.status, answer.json) == (201, {"id": message.event_id, "group": 5})
    assert answer.headers.items() >= {"content-type": "application/json", **CORS}.items()


def test_what_goes_to_the_log_is_the_body_and_where_it_came_from(server: Server) -> None:
    body = gzipped(json.dumps(BODY).encode())
    headers = {**JSON, "Content-Encoding": "gzip", "User-Agent": "curl/8.5", "Origin": "https://shop.example"}
    assert server.post(TOKEN_URL, body, headers).status == 201
    [message] = server.messages()
    assert json.loads(message.body) == BODY
    assert (message.kind, message.project_id, message.key_id, message.encoding) == ("rest", 1, 0, "")
    assert (message.client_ip, message.user_agent, message.origin) == ("192.0.2.7", "curl/8.5", "https://shop.example")
    assert len(message.event_id) == 32
    assert [*server.board.expected] == [(1, message.record_id)]


def test_when_the_digest_says_nothing_the_answer_is_the_event_without_a_group(server: Server) -> None:
    began = time.monotonic()
    answer = post(server, TOKEN_URL, BODY)
    assert 0.04 < time.monotonic() - began < 1
    [message] = server.messages()
    assert answer.status == 201
    assert answer.json == {
        "id": message.event_id,
        "project": 1,
        "group": None,
        "message": "it broke",
        "level": "warning",
        "payload": BODY,
        "received_at": "2026-09-21T14:14:40.500000Z",
        "release": None,
        "environment": "production",
        "tags": ["a", "b"],
        "stack": "Error: x",
        "symbolicated": {},
        "event_id": message.event_id,
    }
    [future] = server.board.expected.values()
    assert future.cancelled()


def test_an_event_that_is_stored_but_not_announced_is_found_by_the_last_read(server: Server) -> None:
    event_id = "ab" * 16
    server.stored[1, event_id] = b'{"group":7}'
    assert post(server, TOKEN_URL, {"event_id": event_id}).json == {"group": 7}


def test_an_accepted_event_is_answered_201_even_when_it_cannot_be_read_back(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(project_id: int, event_id: str) -> bytes | None:
        raise ConnectionError("the database is away")

    server.edge.read_event = fail
    assert post(server, TOKEN_URL, BODY).status == 201
    assert "could not be read back" in caplog.text


def test_a_waiter_whose_bus_closes_is_answered_too(server: Server) -> None:
    def close(future: asyncio.Future[Any]) -> None:
        future.cancel()

    server.board.on_expect = close
    assert post(server, TOKEN_URL, BODY).json["group"] is None


@pytest.mark.parametrize("how", ["lag", "prefer"])
def test_nobody_waits_for_a_digest_that_is_behind_or_when_told_not_to(how: str) -> None:
    with serving(wait_seconds=30.0) as server:
        server.lag_seconds = 2.5 if how == "lag" else 0.0
        headers = {"Prefer": "handling=lenient, Respond-Async"} if how == "prefer" else {}
        began = time.monotonic()
        answer = post(server, TOKEN_URL, {"message": "x"}, **headers)
        assert time.monotonic() - began < 5
        assert (answer.status, answer.json["group"]) == (201, None)
        assert server.board.expected == {}
        assert len(server.messages()) == 1


def test_an_empty_object_is_an_event(server: Server) -> None:
    answer = post(server, SLUG_URL, {}, Prefer="respond-async")
    assert answer.status == 201
    expected: dict[str, Any] = {"message": "", "level": "error", "environment": "production", "tags": [], "stack": None}
    assert answer.json.items() >= expected.items()


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b'{"message":"x"}'),
        ({"Content-Type": "application/json; charset=utf-8"}, b'{"message":"x"}'),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"message=x&level=info"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b'{"message":"x"}'),
        (
            {"Content-Type": "multipart/form-data; boundary=b"},
            b'--b\r\nContent-Disposition: form-data; name="message"\r\n\r\nx\r\n--b--\r\n',
        ),
    ],
)
def test_json_and_forms_are_understood(server: Server, headers: dict[str, str], body: bytes) -> None:
    answer = server.post(SLUG_URL, body, {**headers, "Prefer": "respond-async"})
    assert (answer.status, answer.json["message"]) == (201, "x")
    [message] = server.messages()
    assert json.loads(message.body)["message"] == "x"
    assert message.content_type == "application/json"


@pytest.mark.parametrize("content_type", ["application/xml", "image/png", "application/x-sentry-envelope"])
def test_another_media_type_is_415(server: Server, content_type: str) -> None:
    answer = server.post(SLUG_URL, b"<x/>", {"Content-Type": content_type})
    assert (answer.status, list(answer.json)) == (415, ["detail"])
    assert server.refused() == [(1, "invalid", "media_type", "error", 1)]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"message":7}', "message"),
        (b'{"message":{"a":1}}', "message"),
        (b'{"environment":null}', "environment"),
        (b'{"environment":"%s"}' % (b"e" * 300), "environment"),
        (b'{"release":[1]}', "release"),
        (b'{"tags":null}', "tags"),
        (b'{"extra":"text"}', "extra"),
        (b'{"frames":{}}', "frames"),
        (b'{"message":"a\\u0000b"}', "message"),
        (b"[1,2]", "non_field_errors"),
        (b'"text"', "non_field_errors"),
        (b"{", "detail"),
        (b"", "detail"),
        (b'{"message":NaN}', "detail"),
        (b"\xff\xfe", "detail"),
        (b"[" * 10_000 + b"]" * 10_000, "detail"),
        (b'{"extra":' * 10_000 + b"1" + b"}" * 10_000, "detail"),
        (b'{"message":"\\ud800"}', "detail"),
    ],
)
def test_a_body_that_is_wrong_is_400_and_names_what(server: Server, body: bytes, named: str) -> None:
    answer = server.post(TOKEN_URL, body, JSON)
    assert (answer.status, list(answer.json)) == (400, [named])
    assert server.messages() == []
    assert server.refused() == [(1, "invalid", "malformed", "error", 1)]


def test_a_broken_content_encoding_is_400_and_says_so(server: Server) -> None:
    for body, encoding in ((b"{}", "gzip"), (gzipped(b"{}")[:-3], "gzip"), (b"{}", "compress")):
        answer = server.post(TOKEN_URL, body, {**JSON, "Content-Encoding": encoding})
        assert answer.status == 400
        assert encoding in answer.json["detail"]
    assert server.refused() == [(1, "invalid", "encoding", "error", 3)]


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"x" * 3001, ""), (b'{"message":"%s"}' % (b"x" * 1500), ""), (gzipped(b"0" * 500_000), "gzip")],
)
def test_what_is_too_large_is_413(body: bytes, encoding: str) -> None:
    with serving(limits=Limits(request_bytes=3000, inflated_bytes=3000, event_bytes=1024)) as server:
        answer = server.post(TOKEN_URL, body, {**JSON, "Content-Encoding": encoding})
        assert (answer.status, list(answer.json)) == (413, ["detail"])
        assert server.refused() == [(1, "invalid", "too_large", "error", 1)]


@pytest.mark.parametrize(
    "url",
    [
        "/api/events/ingest/token/wrong/",
        "/api/events/ingest/wrong/",
        "/api/events/ingest/token-shop/",
        "/api/events/ingest/token/shop/",
        "/api/sessions/ingest/token/wrong/",
    ],
)
def test_an_unknown_token_or_slug_is_404(server: Server, url: str) -> None:
    answer = post(server, url, BODY)
    assert (answer.status, answer.json) == (404, {"detail": "Not found."})
    assert [(counted[0], counted[2]) for counted in server.refused()] == [(0, "unknown_project")]


def test_a_project_that_is_switched_off_takes_nothing(server: Server) -> None:
    assert post(server, "/api/events/ingest/old/", BODY).status == 403
    assert server.refused() == [(3, "invalid", "unknown_project", "error", 1)]


def test_a_project_made_a_moment_ago_takes_events_at_once(server: Server) -> None:
    assert post(server, "/api/events/ingest/new/", {}, Prefer="respond-async").status == 404
    server.rows = server.rows._replace(projects=[*server.rows.projects, (4, "new", "token-new", True)])
    assert post(server, "/api/events/ingest/new/", {}, Prefer="respond-async").status == 201


def test_over_the_limit_the_answer_is_429_with_a_time_to_wait() -> None:
    with serving(events_per_minute=2) as server:
        for url in (TOKEN_URL, SLUG_URL):
            assert post(server, url, {}, Prefer="respond-async").status == 201
        answer = post(server, TOKEN_URL, {})
        assert (answer.status, answer.json) == (429, {"detail": "Rate limit exceeded"})
        assert answer.headers["retry-after"] == "20"
        assert "x-sentry-rate-limits" not in answer.headers
        assert server.refused() == [(1, "rate_limited", "project_limit", "error", 1)]


def test_a_session_that_nobody_heard_of_in_time_is_answered_without_an_id(server: Server) -> None:
    body = {"session_id": "s-1", "status": "ok", "release": "1.0.0", "user": "u1", "duration_ms": 1200}
    answer = post(server, SESSION_URL, body)
    assert answer.status == 201
    assert answer.json == {
        "id": None,
        "project": 1,
        "release": None,
        "environment": "production",
        "session_id": "s-1",
        "user": "u1",
        "status": "ok",
        "duration_ms": 1200,
        "started_at": None,
        "updated_at": None,
        "errors": 0,
    }
    [message] = server.messages()
    assert (message.kind, json.loads(message.body)) == ("session", body)
    [future] = server.board.expected.values()
    assert future.cancelled()


@pytest.mark.parametrize(("kind", "status"), [(FateKind.NEW, 201), (FateKind.DUPLICATE, 200)])
def test_a_session_is_answered_as_it_was_stored(server: Server, kind: FateKind, status: int) -> None:
    def announce(future: asyncio.Future[Any]) -> None:
        server.stored_sessions[1, "s-1"] = b'{"id":9}'
        asyncio.get_running_loop().call_later(0.005, lambda: future.set_result(Fate(b"", kind)))

    server.board.on_expect = announce
    answer = post(server, SESSION_URL, {"session_id": "s-1"})
    assert (answer.status, answer.json) == (status, {"id": 9})


def test_nobody_waits_for_a_session_when_told_not_to() -> None:
    with serving(wait_seconds=30.0) as server:
        began = time.monotonic()
        answer = post(server, SESSION_URL, {"session_id": "s-1"}, Prefer="respond-async")
        assert time.monotonic() - began < 5
        assert (answer.status, answer.json["id"]) == (201, None)
        assert server.board.expected == {}


@pytest.mark.parametrize(
    ("field", "value"), [("status", "exploded"), ("duration_ms", "long"), ("user", ["u1"]), ("release", 5)]
)
def test_a_session_field_that_is_wrong_is_named(server: Server, field: str, value: Any) -> None:
    answer = post(server, SESSION_URL, {"session_id": "s-1", field: value})
    assert (answer.status, list(answer.json)) == (400, [field])
    assert server.messages() == []


@pytest.mark.parametrize("body", [{}, {"session_id": ""}, {"session_id": None}, {"session_id": ["a"]}])
def test_a_session_needs_its_id(server: Server, body: dict[str, Any]) -> None:
    answer = post(server, SESSION_URL, body)
    assert (answer.status, answer.json) == (400, {"detail": "session_id required"})
    assert server.refused() == [(1, "invalid", "malformed", "session", 1)]


def test_sessions_have_a_limit_of_their_own() -> None:
    with serving(events_per_minute=1, sessions_per_minute=1) as server:
        assert post(server, TOKEN_URL, {}, Prefer="respond-async").status == 201
        assert post(server, SESSION_URL, {"session_id": "a"}).status == 201
        assert post(server, SESSION_URL, {"session_id": "b"}).status == 429
        assert server.refused() == [(1, "rate_limited", "project_limit", "session", 1)]


@pytest.mark.parametrize("url", [TOKEN_URL, SLUG_URL, SESSION_URL])
def test_other_methods_are_405(server: Server, url: str) -> None:
    answer = server.request("GET", url)
    assert (answer.status, answer.headers["allow"]) == (405, "OPTIONS, POST")
