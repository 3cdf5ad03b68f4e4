"""Envelopes at the edge: who may send, what is kept of the request, what is answered."""

import zlib
from collections.abc import Iterator
from ipaddress import ip_network

import brotli  # type: ignore[import-untyped, unused-ignore]
import pytest
import zstandard

from mini_sentry.protocol import envelope
from mini_sentry.protocol.limits import Limits
from mini_sentry.streams.topics import Accepted
from tests.ingest.driver import (
    AUTH,
    CORS,
    DISABLED_KEY,
    EVENT_ID,
    KEY,
    KEY_OF_DISABLED_PROJECT,
    NOON,
    OTHER_KEY,
    Server,
    event_envelope,
    gzipped,
    serving,
)

URL = "/api/1/envelope/"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as started:
        yield started


def test_an_event_is_answered_with_its_id_once_it_is_in_the_log(server: Server) -> None:
    body = gzipped(event_envelope())
    answer = server.post(
        URL,
        body,
        [
            *AUTH.items(),
            ("User-Agent", "sentry.python/2.75.0"),
            ("Content-Type", "application/x-sentry-envelope"),
            ("Content-Encoding", "gzip"),
            ("Origin", "https://shop.example"),
        ],
    )
    assert (answer.status, answer.json) == (200, {"id": EVENT_ID})
    assert answer.headers == {"content-type": "application/json", "content-length": "41", **CORS}
    [message] = server.messages()
    assert len(message.record_id) == 16
    assert message == Accepted(
        kind="envelope",
        project_id=1,
        key_id=10,
        received_at=NOON,
        record_id=message.record_id,
        event_id=EVENT_ID,
        encoding="gzip",
        client_ip="192.0.2.7",
        user_agent="sentry.python/2.75.0",
        content_type="application/x-sentry-envelope",
        origin="https://shop.example",
        query={},
        dropped=[],
        body=body,
    )


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        (URL, {"X-Sentry-Auth": f"sentry sentry_key={KEY},sentry_version=7"}),
        (URL, {"Authorization": f"Sentry sentry_key={KEY}, sentry_version=7"}),
        (URL, {"Authorization": "Basic MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY6"}),
        (f"{URL}?sentry_key={KEY}&sentry_version=7&sentry_client=sentry.javascript.browser%2F11.12.0", {}),
        (f"/api/1/envelope?sentry_key={KEY}", {}),
    ],
)
def test_a_key_is_found_wherever_clients_put_it(server: Server, url: str, headers: dict[str, str]) -> None:
    assert server.post(url, event_envelope(), headers).status == 200
    assert server.messages()[0].key_id == 10


@pytest.mark.parametrize(
    ("url", "key", "status", "reason", "counted_for"),
    [
        (URL, None, 401, "unauthenticated", 1),
        ("/api/77/envelope/", None, 401, "unauthenticated", 0),
        (URL, "f" * 32, 403, "unknown_key", 1),
        (URL, "no-key-at-all", 403, "unknown_key", 1),
        (URL, DISABLED_KEY, 403, "key_disabled", 1),
        ("/api/3/envelope/", KEY_OF_DISABLED_PROJECT, 403, "unknown_project", 3),
        (URL, OTHER_KEY, 403, "project_mismatch", 1),
        ("/api/77/envelope/", KEY, 403, "unknown_project", 0),
        ("/api/99999999999999999999/envelope/", KEY, 403, "unknown_project", 0),
    ],
)
def test_who_may_not_send_is_told_and_counted(
    server: Server, url: str, key: str | None, status: int, reason: str, counted_for: int
) -> None:
    headers = {"X-Sentry-Auth": f"Sentry sentry_key={key}"} if key else {}
    answer = server.post(url, event_envelope(), headers)
    assert answer.status == status
    assert list(answer.json) == ["detail"]
    assert answer.headers.items() >= CORS.items()
    assert server.messages() == []
    assert server.refused() == [(counted_for, "invalid", reason, "error", 1)]


def test_a_bad_key_does_not_spoil_the_next_request(server: Server) -> None:
    assert server.post(URL, event_envelope(), {"X-Sentry-Auth": f"Sentry sentry_key={'f' * 32}"}).status == 403
    assert server.post(URL, event_envelope()).status == 200


def test_a_key_made_a_moment_ago_may_send_and_one_switched_off_may_not_any_more(server: Server) -> None:
    new = {"X-Sentry-Auth": f"Sentry sentry_key={'a' * 32}"}
    server.rows = server.rows._replace(
        projects=[*server.rows.projects, (4, "new", "token-new", True)],
        keys=[*server.rows.keys, (40, "a" * 32, 4, True)],
    )
    assert server.post("/api/4/envelope/", event_envelope(), new).status == 200
    server.rows = server.rows._replace(keys=[*server.rows.keys[:-1], (40, "a" * 32, 4, False)])
    assert server.post("/api/4/envelope/", event_envelope(), {"X-Sentry-Auth": "Sentry sentry_key=other"}).status == 403
    assert server.post("/api/4/envelope/", event_envelope(), new).status == 403


def test_a_tunnel_sends_nothing_but_the_dsn_in_the_envelope(server: Server) -> None:
    answer = server.post(URL, event_envelope(dsn=f"https://{KEY}@errors.example/sentry/1"), {})
    assert answer.status == 200
    assert server.messages()[0].key_id == 10


@pytest.mark.parametrize("body", [b"", b"broken", b'{}\n{"type":"event","length":9}\n{}'])
def test_without_a_key_a_body_that_cannot_be_read_is_401_too(server: Server, body: bytes) -> None:
    assert server.post(URL, body, {}).status == 401
    assert server.refused() == [(1, "invalid", "unauthenticated", "error", 1)]


@pytest.mark.parametrize(
    ("dsn", "status", "reason"),
    [
        ("", 401, "unauthenticated"),
        ("not a dsn", 401, "unauthenticated"),
        (f"https://{'f' * 32}@errors.example/1", 403, "unknown_key"),
        (f"https://{OTHER_KEY}@errors.example/2", 403, "project_mismatch"),
        (f"https://{KEY}@errors.example/2", 400, "project_mismatch"),
    ],
)
def test_a_tunnels_dsn_is_checked_like_any_key(server: Server, dsn: str, status: int, reason: str) -> None:
    assert server.post(URL, event_envelope(dsn=dsn), {}).status == status
    assert server.refused() == [(1, "invalid", reason, "error", 1)]


def test_an_envelope_whose_dsn_names_another_project_than_the_request_is_refused(server: Server) -> None:
    same = f"https://{KEY}@errors.example/1"
    assert server.post(URL, event_envelope(dsn=same)).status == 200
    assert server.post(URL, event_envelope(dsn=same)).status == 200
    for other in (f"https://{KEY}@errors.example/2", f"https://{OTHER_KEY}@errors.example/1"):
        assert server.post(URL, event_envelope(dsn=other)).status == 400
    assert server.post(URL, event_envelope(dsn="http://")).status == 200
    assert server.refused() == [(1, "invalid", "project_mismatch", "error", 2)]


def zlib_raw(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(body) + compressor.flush()


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzipped),
        ("x-gzip", gzipped),
        ("GZIP", gzipped),
        ("deflate", zlib.compress),
        ("deflate", zlib_raw),
        ("br", brotli.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
    ],
)
def test_every_content_encoding_goes_to_the_log_as_it_came(server: Server, encoding: str, compress: object) -> None:
    assert callable(compress)
    body = compress(event_envelope())
    assert server.post(URL, body, {**AUTH, "Content-Encoding": encoding}).json == {"id": EVENT_ID}
    [message] = server.messages()
    assert (message.encoding, message.body) == (encoding.lower(), body)


@pytest.mark.parametrize("encoding", ["", "identity", "UTF-8"])
def test_an_encoding_that_changes_nothing_is_none(server: Server, encoding: str) -> None:
    assert server.post(URL, event_envelope(), {**AUTH, "Content-Encoding": encoding}).status == 200
    assert server.messages()[0].encoding == ""


@pytest.mark.parametrize("content_type", ["text/plain;charset=UTF-8", "application/json", "multipart/form-data", "x"])
def test_no_media_type_is_wrong_for_an_envelope(server: Server, content_type: str) -> None:
    assert server.post(URL, event_envelope(), {**AUTH, "Content-Type": content_type}).status == 200


def test_a_chunked_body_without_a_length_is_read_to_its_end(server: Server) -> None:
    body = event_envelope()
    answer = server.post(URL, [body[:10], b"", body[10:11], body[11:], b""])
    assert answer.json == {"id": EVENT_ID}
    assert server.messages()[0].body == body


def test_a_client_that_goes_away_before_the_end_leaves_nothing(server: Server) -> None:
    answer = server.request("POST", URL, event_envelope()[:20], AUTH, is_cut_off=True)
    assert answer.status == 0
    assert server.messages() == []
    assert server.refused() == []


BODY = event_envelope()


@pytest.mark.parametrize(
    ("body", "encoding", "status", "reason"),
    [
        (b"", "", 400, "malformed"),
        (b"not an envelope", "", 400, "malformed"),
        (b"[]\n", "", 400, "malformed"),
        (b'{}\n{"type":"event","length":5000}\n{}\n', "", 400, "malformed"),
        (b'{}\n{"type":"event","length":1}\n{}\n', "", 400, "malformed"),
        (b'{}\n{"type":"event","length":-1}\n{}\n', "", 400, "malformed"),
        (b'{}\n{"length":2}\n{}\n', "", 400, "malformed"),
        (b'{}\n{"type":"event"\n{}\n', "", 400, "malformed"),
        (b"\x00\xff\xfe", "", 400, "malformed"),
        (gzipped(BODY)[:-9], "gzip", 400, "encoding"),
        (gzipped(BODY)[: len(gzipped(BODY)) // 2], "gzip", 400, "encoding"),
        (BODY, "gzip", 400, "encoding"),
        (gzipped(BODY), "br", 400, "encoding"),
        (gzipped(BODY), "zstd", 400, "encoding"),
        (gzipped(BODY), "deflate", 400, "encoding"),
        (BODY, "compress", 400, "encoding"),
        (gzipped(gzipped(BODY)), "gzip, gzip", 400, "encoding"),
        (gzipped(BODY), "", 400, "malformed"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(
    server: Server, body: bytes, encoding: str, status: int, reason: str
) -> None:
    answer = server.post(URL, body, {**AUTH, "Content-Encoding": encoding})
    assert answer.status == status
    assert list(answer.json) == ["detail"]
    assert server.messages() == []
    assert server.refused() == [(1, "invalid", reason, "error", 1)]


SMALL = Limits(request_bytes=4000, inflated_bytes=8000, event_bytes=2000, envelope_items=5)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"x" * 4001, ""),
        ([b"x" * 2000, b"x" * 2000, b"x"], ""),
        (gzipped(b"0" * 5_000_000), "gzip"),
        (brotli.compress(b"0" * 5_000_000), "br"),
        (zstandard.ZstdCompressor().compress(b"0" * 5_000_000), "zstd"),
        (zlib.compress(b"0" * 3_000_000), "deflate"),
        (envelope.build({}, [({"type": "event"}, b"x" * 2001)]), ""),
        (envelope.build({}, [({"type": "client_report"}, b"{}")] * 6), ""),
    ],
)
def test_what_is_too_large_is_413_whether_it_says_so_or_not(body: bytes | list[bytes], encoding: str) -> None:
    with serving(limits=SMALL) as server:
        answer = server.post(URL, body, {**AUTH, "Content-Encoding": encoding})
        assert (answer.status, list(answer.json)) == (413, ["detail"])
        assert server.refused() == [(1, "invalid", "too_large", "error", 1)]
        assert server.messages() == []


def test_a_length_over_the_limit_is_refused_before_the_body_is_read() -> None:
    with serving(limits=SMALL) as server:
        answer = server.request("POST", URL, b"", {**AUTH, "Content-Length": "4001"}, is_cut_off=True)
        assert answer.status == 413


def test_a_large_body_is_inflated_beside_the_event_loop(server: Server) -> None:
    noise = zlib.compress(b"".join(b"%d" % (number * 7919 % 104729) for number in range(60_000)), 1).hex().encode()
    body = gzipped(
        envelope.build({"event_id": EVENT_ID}, [({"type": "attachment"}, noise), ({"type": "event"}, b"{}")])
    )
    assert len(body) > 64 * 1024
    assert server.post(URL, body, {**AUTH, "Content-Encoding": "gzip"}).json == {"id": EVENT_ID}


@pytest.mark.parametrize(
    ("items", "answer"),
    [
        ([], {}),
        (["session"], {}),
        (["client_report"], {}),
        (["something_new"], {}),
        (["event"], {"id": EVENT_ID}),
        (["attachment", "event"], {"id": EVENT_ID}),
        (["transaction"], {"id": EVENT_ID}),
        (["feedback"], {"id": EVENT_ID}),
    ],
)
def test_only_what_goes_by_an_event_id_is_answered_with_one(
    server: Server, items: list[str], answer: dict[str, str]
) -> None:
    body = envelope.build({"event_id": EVENT_ID}, [({"type": kind}, b"{}") for kind in items])
    reply = server.post(URL, body)
    assert (reply.status, reply.json) == (200, answer)
    assert len(server.messages()) == (1 if items else 0)


@pytest.mark.parametrize(
    "written",
    [EVENT_ID.upper(), "4c79f60c-1121-4eb3-8604-f4ae0781bfb2"],
)
def test_the_id_is_answered_as_32_lower_case_digits_however_it_was_written(server: Server, written: str) -> None:
    assert server.post(URL, event_envelope(event_id=written)).json == {"id": EVENT_ID}


def test_without_an_id_in_the_header_the_payloads_own_is_taken(server: Server) -> None:
    crumbs = b'{"breadcrumbs":[{"event_id":"11111111111111111111111111111111"}],"event_id":"%s"}' % EVENT_ID.encode()
    assert server.post(URL, envelope.build({}, [({"type": "event"}, crumbs)])).json == {"id": EVENT_ID}
    assert server.messages()[0].event_id == EVENT_ID


def test_an_event_without_any_id_gets_one_that_the_digest_will_use(server: Server) -> None:
    body = envelope.build({}, [({"type": "event"}, b'{"message":"no id"}')])
    first, second = (server.post(URL, body).json["id"] for _ in range(2))
    assert first != second
    assert [message.event_id for message in server.messages()] == [first, second]


def test_over_the_limit_the_client_is_told_what_to_hold_back_and_for_how_long() -> None:
    with serving(events_per_minute=1) as server:
        assert server.post(URL, event_envelope()).status == 200
        answer = server.post(URL, event_envelope())
        assert (answer.status, answer.json) == (429, {"detail": "Rate limit exceeded"})
        assert (
            answer.headers.items()
            >= {
                "retry-after": "20",
                "x-sentry-rate-limits": "20:error;default;security;attachment:project:project_limit",
                **CORS,
            }.items()
        )
        assert len(server.messages()) == 1
        assert server.refused() == [(1, "rate_limited", "project_limit", "error", 1)]
        server.time += 20
        assert server.post(URL, event_envelope()).status == 200


def test_a_partly_limited_envelope_keeps_what_is_allowed() -> None:
    kinds = ["event", "session", "attachment", "client_report", "session"]
    body = envelope.build({"event_id": EVENT_ID}, [({"type": kind}, b"{}") for kind in kinds])
    with serving(events_per_minute=1, sessions_per_minute=3) as server:
        assert server.post(URL, body).status == 200
        answer = server.post(URL, body)
        assert answer.status == 429
        assert answer.headers["x-sentry-rate-limits"] == (
            "20:error;default;security;attachment:project:project_limit, 20:session:project:project_limit"
        )
        assert [message.dropped for message in server.messages()] == [[], [0, 2, 4]]
        assert sorted(server.refused()) == [
            (1, "rate_limited", "project_limit", "attachment", 1),
            (1, "rate_limited", "project_limit", "error", 1),
            (1, "rate_limited", "project_limit", "session", 1),
        ]


def test_client_reports_and_sessions_pass_when_events_do_not() -> None:
    with serving(events_per_minute=1, sessions_per_minute=9) as server:
        server.post(URL, event_envelope())
        assert server.post(URL, event_envelope()).status == 429
        for kind in ("client_report", "session", "check_in"):
            assert server.post(URL, envelope.build({}, [({"type": kind}, b"{}")])).status == 200


def test_one_projects_flood_leaves_the_next_project_alone() -> None:
    with serving(events_per_minute=1) as server:
        for _ in range(3):
            server.post(URL, event_envelope())
        other = {"X-Sentry-Auth": f"Sentry sentry_key={OTHER_KEY}"}
        assert server.post("/api/2/envelope/", event_envelope(), other).status == 200


@pytest.mark.parametrize("url", [URL, "/api/1/store/", "/api/1/minidump/", "/api/events/ingest/shop/"])
def test_a_browser_may_ask_before_it_sends(server: Server, url: str) -> None:
    answer = server.request("OPTIONS", url, b"", {"Origin": "https://shop.example"})
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "content-encoding" in answer.headers["access-control-allow-headers"]
    assert answer.headers["access-control-max-age"] == "3600"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_other_methods_are_405(server: Server, method: str) -> None:
    answer = server.request(method, URL, b"", AUTH)
    assert (answer.status, answer.headers["allow"]) == (405, "OPTIONS, POST")
    assert answer.headers.items() >= CORS.items()


@pytest.mark.parametrize("url", ["/api/1/minidump/", "/api/1/cron/nightly/ok/", "/api/1/unreal/abc/"])
def test_what_is_not_spoken_yet_is_404_in_json(server: Server, url: str) -> None:
    answer = server.post(url, b"MDMP")
    assert (answer.status, answer.json) == (404, {"detail": "Not found."})
    assert answer.headers.items() >= CORS.items()


def test_below_a_path_prefix_the_routes_are_the_same(server: Server) -> None:
    assert server.request("POST", URL, event_envelope(), AUTH, root_path="/sentry").status == 200


def test_the_client_address_is_the_first_that_a_trusted_proxy_names() -> None:
    forwarded = {**AUTH, "X-Forwarded-For": "203.0.113.9, 10.0.0.3"}
    with serving(trusted_proxies=[ip_network("10.0.0.0/8")]) as server:
        server.request("POST", URL, event_envelope(), forwarded, peer="10.0.0.4")
        server.request("POST", URL, event_envelope(), forwarded, peer="198.51.100.1")
        server.request("POST", URL, event_envelope(), {**AUTH, "X-Forwarded-For": "<script>"}, peer="10.0.0.4")
        server.request("POST", URL, event_envelope(), AUTH, peer="10.0.0.4")
        server.request("POST", URL, event_envelope(), forwarded, peer=None)
        assert [message.client_ip for message in server.messages()] == [
            "203.0.113.9",
            "198.51.100.1",
            "10.0.0.4",
            "10.0.0.4",
            "",
        ]


def test_without_trusted_proxies_the_client_address_is_the_peers(server: Server) -> None:
    server.post(URL, event_envelope(), {**AUTH, "X-Forwarded-For": "203.0.113.9"})
    assert server.messages()[0].client_ip == "192.0.2.7"
