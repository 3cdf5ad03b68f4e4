"""The old store route and browsers' security reports."""

import base64
import json
import zlib
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from mini_sentry.protocol.limits import Limits
from tests.ingest.driver import AUTH, EVENT_ID, KEY, Server, event_envelope, serving

EVENT = b'{"message":"it >>> broke","event_id":"%s"}' % EVENT_ID.encode()
CSP = json.dumps({"csp-report": {"document-uri": "http://shop.example/", "violated-directive": "img-src"}}).encode()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as started:
        yield started


@pytest.mark.parametrize("url", ["/api/1/store/", "/api/1/store", "/api/store/"])
@pytest.mark.parametrize("body", [EVENT, base64.b64encode(EVENT), base64.b64encode(zlib.compress(EVENT))])
def test_a_single_event_in_any_of_its_forms_is_kept_as_it_came(server: Server, url: str, body: bytes) -> None:
    answer = server.post(url, body)
    assert (answer.status, answer.json) == (200, {"id": EVENT_ID})
    [message] = server.messages()
    assert (message.kind, message.project_id, message.event_id, message.body) == ("store", 1, EVENT_ID, body)


def test_a_content_encoding_lies_around_the_form(server: Server) -> None:
    body = zlib.compress(base64.b64encode(EVENT))
    assert server.post("/api/1/store/", body, {**AUTH, "Content-Encoding": "deflate"}).json == {"id": EVENT_ID}
    assert server.messages()[0].encoding == "deflate"


def test_an_event_without_an_id_or_with_one_of_no_kind_gets_one(server: Server) -> None:
    ids = [server.post("/api/1/store/", body).json["id"] for body in (b"{}", b'{"event_id":7}', b'{"x":NaN}')]
    assert len({*ids}) == 3
    assert [message.event_id for message in server.messages()] == ids


def test_an_envelope_at_the_store_route_is_one(server: Server) -> None:
    answer = server.post(
        "/api/1/store/", event_envelope(), {**AUTH, "Content-Type": "application/x-sentry-envelope; charset=utf-8"}
    )
    assert answer.json == {"id": EVENT_ID}
    assert server.messages()[0].kind == "envelope"


@pytest.mark.parametrize("escapes", [True, False])
def test_a_picture_request_carries_the_event_in_its_query(server: Server, escapes: bool) -> None:
    text = base64.b64encode(EVENT).decode()
    assert "+" in text
    data = quote(text) if escapes else text
    answer = server.request("GET", f"/api/1/store/?sentry_key={KEY}&sentry_version=7&sentry_data={data}")
    assert (answer.status, answer.headers["content-type"], answer.body[:6]) == (200, "image/gif", b"GIF89a")
    [message] = server.messages()
    assert (message.event_id, message.body) == (EVENT_ID, base64.b64encode(EVENT))


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 400, "malformed"),
        (b"[1]", 400, "malformed"),
        (b"no json", 400, "malformed"),
        (base64.b64encode(b"still no json"), 400, "malformed"),
        (b'{"message":"%s"}' % (b"x" * 1100), 413, "too_large"),
        (base64.b64encode(zlib.compress(b'{"message":"%s"}' % (b"x" * 100_000))), 413, "too_large"),
    ],
)
def test_what_is_no_event_is_refused(body: bytes, status: int, reason: str) -> None:
    with serving(limits=Limits(request_bytes=5000, inflated_bytes=5000, event_bytes=1024)) as server:
        answer = server.post("/api/1/store/", body)
        assert (answer.status, list(answer.json)) == (status, ["detail"])
        assert server.refused() == [(1, "invalid", reason, "error", 1)]


@pytest.mark.parametrize("url", ["/api/1/store/", "/api/store/", "/api/1/security/"])
def test_without_a_key_there_is_no_way_in(server: Server, url: str) -> None:
    assert server.post(url, EVENT, {}).status == 401


@pytest.mark.parametrize("url", ["/api/1/security/", "/api/1/csp-report/"])
@pytest.mark.parametrize("content_type", ["application/csp-report", "application/json", "text/plain", ""])
def test_a_policy_report_is_kept_with_what_its_address_says(server: Server, url: str, content_type: str) -> None:
    query = f"?sentry_key={KEY}&sentry_release=shop%401.0.0&sentry_environment=production&other=1"
    answer = server.post(url + query, CSP, {"Content-Type": content_type, "User-Agent": "Mozilla/5.0"})
    assert (answer.status, answer.body) == (201, b"")
    [message] = server.messages()
    assert (message.kind, message.body, message.user_agent) == ("security", CSP, "Mozilla/5.0")
    assert message.query == {"sentry_release": "shop@1.0.0", "sentry_environment": "production"}
    assert len(message.event_id) == 32


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"7", b'{"csp-report":{}}', b"\xff"])
def test_what_reports_nothing_is_400(server: Server, body: bytes) -> None:
    assert server.post(f"/api/1/security/?sentry_key={KEY}", body, {}).status == 400
    assert server.refused() == [(1, "invalid", "malformed", "security", 1)]


def test_events_share_one_quota_over_all_ways_in() -> None:
    list_of_two = json.dumps(
        [{"type": "csp-violation", "url": "http://x/", "body": {"effectiveDirective": "img-src"}}] * 2
    ).encode()
    with serving(events_per_minute=4) as server:
        assert server.post("/api/1/envelope/", event_envelope()).status == 200
        assert server.post("/api/1/security/", list_of_two).status == 201
        assert server.post("/api/1/store/", EVENT).status == 200
        for url, body in (("/api/1/store/", EVENT), ("/api/1/security/", CSP), ("/api/1/envelope/", event_envelope())):
            answer = server.post(url, body)
            assert answer.status == 429
            assert answer.headers["x-sentry-rate-limits"].startswith("20:error;default;security;attachment:project")
        assert server.post("/api/events/ingest/shop/", b"{}", {}).status == 429
        assert sorted(server.refused()) == [
            (1, "rate_limited", "project_limit", "error", 3),
            (1, "rate_limited", "project_limit", "security", 1),
        ]
