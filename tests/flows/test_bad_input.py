"""Whatever is thrown at a running server over real sockets: refused with a sentence, or kept as far as it is good.

Never a 5xx, never a stopped consumer, never another event lost.
"""

import gzip
import http.client
import json
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import reading
from tests.installation import Installation, Reply, running

pytestmark = [pytest.mark.slow]

HEADER = b'{"type":"event"}\n'
MEGABYTE = 1 << 20


class Shop:
    """A project of the running installation, and the ways to send to it."""

    def __init__(self, installation: Installation, project: dict[str, Any]) -> None:
        self.installation = installation
        self.id: int = project["id"]
        self.slug: str = project["slug"]
        self.token: str = project["ingest_token"]
        self.key: str = project["key"]
        self.envelope_path = f"/api/{self.id}/envelope/"
        self.token_path = f"/api/events/ingest/token/{self.token}/"
        self.headers = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={self.key}"}

    def post(self, body: bytes, path: str = "", **headers: str) -> Reply:
        """To the envelope route with the project's key, unless told otherwise; `_` in a header's name stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.installation.request("POST", path or self.envelope_path, body, {**self.headers, **named})

    def by_token(self, body: bytes, media_type: str = "application/json") -> Reply:
        return self.installation.request("POST", self.token_path, body, {"Content-Type": media_type})

    def send(self, payload: bytes) -> str:
        """One event as an SDK would send it, whatever its payload; its id."""
        event_id = uuid.uuid4().hex
        reply = self.post(envelope(payload, event_id))
        assert reply.status == 200, (reply.status, reply.body)
        assert reply.json() == {"id": event_id}
        return event_id

    def assert_still_works(self) -> None:
        """A good event comes through to the API, and quickly."""
        event_id = self.send(b'{"message":"a good neighbour"}')
        assert reading.event(self.installation, event_id)["title"] == "a good neighbour"


def envelope(payload: bytes, event_id: str) -> bytes:
    length = b'{"type":"event","length":%d}\n' % len(payload)
    return b'{"event_id":"%s"}\n' % event_id.encode() + length + payload + b"\n"


def whole(status: int, reply: Reply) -> dict[str, Any]:
    """The body of a refusal: JSON with a `detail`, readable for pages of any origin."""
    assert reply.status == status, (reply.status, reply.body[:300])
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["access-control-allow-origin"] == "*"
    body: dict[str, Any] = reply.json()
    return body


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with running(tmp_path_factory.mktemp("bad-input") / "data") as started:
        yield started


@pytest.fixture(scope="module")
def shop(installation: Installation) -> Shop:
    return Shop(installation, installation.create_project())


@pytest.fixture(autouse=True)
def afterwards(shop: Shop) -> Iterator[None]:
    yield
    shop.assert_still_works()


# Who may send


def test_without_credentials_the_answer_is_401(shop: Shop):
    reply = shop.installation.request("POST", shop.envelope_path, envelope(b"{}", uuid.uuid4().hex))
    assert "DSN" in whole(401, reply)["detail"]
    store = shop.installation.request("POST", f"/api/{shop.id}/store/", b"{}")
    assert whole(401, store)["detail"]


def test_an_unknown_key_or_project_is_403_and_hurts_no_other_key(shop: Shop):
    body = envelope(b"{}", uuid.uuid4().hex)
    for _ in range(20):
        assert whole(403, shop.post(body, X_Sentry_Auth=f"Sentry sentry_key={'0' * 32}"))["detail"]
    assert whole(403, shop.post(body, "/api/999999/envelope/"))["detail"]


def test_a_key_that_is_switched_off_is_403_and_the_projects_other_key_goes_on(shop: Shop):
    shown = shop.installation.manage(
        "shell",
        "--no-imports",
        "--command",
        "from mini_sentry.projects.models import ProjectKey;"
        f"print(ProjectKey.objects.create(project_id={shop.id}, is_active=False).public_key)",
    )
    off = shown.strip().splitlines()[-1]
    body = envelope(b"{}", uuid.uuid4().hex)
    assert "off" in whole(403, shop.post(body, X_Sentry_Auth=f"Sentry sentry_key={off}"))["detail"]


def test_an_unknown_token_or_slug_is_404(shop: Shop):
    for path in ("/api/events/ingest/token/nobodys/", "/api/events/ingest/nobodys/"):
        assert whole(404, shop.post(b"{}", path))["detail"]


# What can be read at all


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json\n",
        b"[]\n",
        b'{"event_id":"00000000000000000000000000000001"}\nno item header\n{}',
        b'{}\n{"length":2}\n{}',
        b'{}\n{"type":"event","length":-1}\n{}',
        b'{}\n{"type":"event","length":"two"}\n{}',
        b'{}\n{"type":"event","length":4000}\n{}',
        b'{}\n{"type":"event","length":1}\n{"message":"longer than it says"}',
        b"\x00\xff\xfe",
        b"\x1f\x8b\x08\x00",
    ],
    ids=lambda body: body[:40].decode("latin-1").encode("unicode_escape").decode() or "empty",
)
def test_a_malformed_envelope_is_400(shop: Shop, body: bytes):
    assert whole(400, shop.post(body))["detail"]


@pytest.mark.parametrize("media_type", ["", "text/plain", "image/png", "multipart/form-data", "no media type at all"])
def test_an_envelope_is_taken_whatever_its_media_type_says(shop: Shop, media_type: str):
    reply = shop.post(envelope(b'{"message":"any type"}', uuid.uuid4().hex), Content_Type=media_type)
    assert reply.status == 200


def test_a_body_that_by_its_encoding_cannot_be_read_is_400(shop: Shop):
    good = gzip.compress(envelope(b'{"message":"cut off"}', uuid.uuid4().hex))
    for encoding, body in {
        "gzip": good[:-12],
        "br": good,
        "zstd": good,
        "deflate": b"\x00" + good,
        "morse": good,
    }.items():
        assert whole(400, shop.post(body, Content_Encoding=encoding))["detail"], encoding


def test_a_small_body_that_inflates_beyond_all_bounds_is_413(shop: Shop):
    bomb = gzip.compress(bytes(300 * MEGABYTE), 9)
    assert len(bomb) < MEGABYTE
    assert "more than" in whole(413, shop.post(bomb, Content_Encoding="gzip"))["detail"]
    nested = gzip.compress(bomb)
    assert whole(400, shop.post(nested, Content_Encoding="gzip"))["detail"]


def test_an_event_that_is_too_large_is_413(shop: Shop):
    payload = b'{"message":"%s"}' % (b"x" * (MEGABYTE + 1))
    assert whole(413, shop.post(envelope(payload, uuid.uuid4().hex)))["detail"]
    assert whole(413, shop.by_token(payload))["detail"]


def test_a_body_that_is_too_large_is_413_with_or_without_its_length_told(shop: Shop):
    connection = http.client.HTTPConnection("127.0.0.1", shop.installation.port, timeout=20)
    chunks = (b"x" * MEGABYTE for _ in range(21))
    connection.request("POST", shop.envelope_path, chunks, shop.headers, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()
    told = f"Content-Length: {21 * MEGABYTE}\r\nX-Sentry-Auth: {shop.headers['X-Sentry-Auth']}"
    assert raw(shop, f"POST {shop.envelope_path} HTTP/1.1\r\nHost: x\r\n{told}\r\n\r\n".encode()).startswith(
        b"HTTP/1.1 413 "
    )


def test_lying_lengths_break_nothing(shop: Shop):
    body = envelope(b'{"message":"shorter than told"}', uuid.uuid4().hex)
    auth = f"X-Sentry-Auth: {shop.headers['X-Sentry-Auth']}"
    start = f"POST {shop.envelope_path} HTTP/1.1\r\nHost: x\r\n{auth}\r\n"
    assert raw(shop, f"{start}Content-Length: {len(body) + 50}\r\n\r\n".encode() + body) == b""
    # What is beyond the length would be the next request.
    short = raw(shop, f"{start}Content-Length: 10\r\n\r\n".encode() + body)
    assert short.startswith(b"HTTP/1.1 400 ")
    for lie in ("-1", "ten", "1e3", "10\r\nContent-Length: 20"):
        assert raw(shop, f"{start}Content-Length: {lie}\r\n\r\n".encode() + body).startswith(b"HTTP/1.1 400 ")


def raw(shop: Shop, request: bytes) -> bytes:
    """Send bytes as they are, end the sending side, and read all that comes back."""
    with socket.create_connection(("127.0.0.1", shop.installation.port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


# What people send by hand


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"message": 12}', "message"),
        (b'{"message": "a", "environment": null}', "environment"),
        (b'{"message": "a", "tags": null}', "tags"),
        (b'{"message": "a", "tags": "one"}', "tags"),
        (b'{"message": "a", "release": ["1"]}', "release"),
        (b'{"message": "a", "extra": 1}', "extra"),
        (b'{"message": "a", "frames": {}}', "frames"),
        (b'{"message": "a\\u0000b"}', "message"),
        (b"[]", "non_field_errors"),
        (b'"text"', "non_field_errors"),
    ],
)
def test_by_token_a_wrong_field_is_400_and_named(shop: Shop, body: bytes, field: str):
    told = whole(400, shop.by_token(body))
    assert list(told) == [field]
    assert isinstance(told[field][0], str)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"message": nothing}'])
def test_by_token_what_is_not_json_is_400_with_a_detail(shop: Shop, body: bytes):
    assert whole(400, shop.by_token(body))["detail"]


def test_by_token_another_media_type_is_415(shop: Shop):
    for media_type in ("text/xml", "image/png"):
        assert whole(415, shop.by_token(b"<message/>", media_type))["detail"]


def test_a_session_without_its_id_is_400(shop: Shop):
    reply = shop.post(b'{"status":"ok"}', f"/api/sessions/ingest/token/{shop.token}/", Content_Type="application/json")
    assert whole(400, reply) == {"detail": "session_id required"}


# What is kept of an event


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def frames(count: int) -> list[dict[str, Any]]:
    return [{"function": f"call_{number}", "filename": "deep.py", "lineno": number} for number in range(count)]


ODD_TIMES: list[Any] = [
    "yesterday",
    "",
    -1,
    0,
    1e300,
    2**70,
    "9999-12-31T23:59:59.999999999Z",
    "0001-01-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
    [],
    {},
    True,
]

KEPT: dict[str, tuple[bytes, str, bool]] = {
    # name: (payload, title, whether something is noted)
    "NUL": (rb'{"message":"before\u0000after","tags":{"t":"x\u0000y"}}', "before\ufffdafter", False),
    "a lone surrogate": (rb'{"message":"half \ud83d a face","level":"info"}', "half \ufffd a face", False),
    "bytes that are no UTF-8": (b'{"message":"caf\xe9"}', "caf\ufffd", False),
    "10,000-deep JSON": (b'{"message":"deep","extra":' + nested(10_000) + b"}", "deep", True),
    "NaN": (b'{"message":"no numbers","extra":{"a":NaN,"b":Infinity,"c":-Infinity}}', "no numbers", False),
    "numbers where text belongs": (
        b'{"message":12,"logger":3.5,"release":7,"environment":8,"platform":[],"transaction":{}}',
        "12",
        True,
    ),
    "text where objects belong": (
        b'{"message":"flat","user":"grace","request":"GET /","contexts":"none","breadcrumbs":"no","tags":"t","sdk":1}',
        "flat",
        True,
    ),
    "an exception of odd parts": (
        json.dumps(
            {
                "exception": {
                    "values": [
                        None,
                        7,
                        "text",
                        {
                            "type": "KeyError",
                            "value": {"k": 1},
                            "stacktrace": {
                                "frames": [
                                    None,
                                    "f",
                                    {"function": 9, "lineno": "twelve", "vars": "v"},
                                    {"function": "f", "filename": "a.py", "lineno": 3},
                                ]
                            },
                        },
                    ]
                }
            }
        ).encode(),
        'KeyError: {"k":1}',
        True,
    ),
    "5,000 tags": (
        json.dumps({"message": "many tags", "tags": {f"tag-{n}": "v" for n in range(5000)}}).encode(),
        "many tags",
        True,
    ),
    "2,000 frames": (
        json.dumps(
            {"exception": {"values": [{"type": "RecursionError", "stacktrace": {"frames": frames(2000)}}]}}
        ).encode(),
        "RecursionError",
        True,
    ),
    "a huge message": (
        json.dumps({"message": "huge " + "x" * 900_000}).encode(),
        "huge " + "x" * 250 + "…",
        False,
    ),
    "the same key twice": (b'{"message":"first","message":"second"}', "second", False),
}


@pytest.mark.parametrize("name", KEPT)
def test_the_good_part_of_an_odd_event_is_kept_and_the_rest_noted(shop: Shop, name: str):
    payload, title, is_noted = KEPT[name]
    before = shop.send(b'{"message":"sent just before"}')
    odd = shop.send(payload)
    after = shop.send(b'{"message":"sent just after"}')
    event = reading.event(shop.installation, odd)
    assert event["title"] == title
    assert bool(event["normalized"]["errors"]) is is_noted, event["normalized"]["errors"]
    assert reading.event(shop.installation, before)["title"] == "sent just before"
    assert reading.event(shop.installation, after)["title"] == "sent just after"


def test_of_2000_frames_the_first_and_the_last_are_kept(shop: Shop):
    event = reading.event(shop.installation, shop.send(KEPT["2,000 frames"][0]))
    functions = [frame["function"] for frame in reading.frames(event)]
    assert functions[0] == "call_0"
    assert functions[-1] == "call_1999"
    assert 100 <= len(functions) <= 250


def test_of_5000_tags_some_hundred_are_kept(shop: Shop):
    event = reading.event(shop.installation, shop.send(KEPT["5,000 tags"][0]))
    assert 100 <= len(event["tag_list"]) <= 250


@pytest.mark.parametrize("time", ODD_TIMES, ids=str)
def test_an_impossible_time_is_replaced_by_the_time_of_receipt(shop: Shop, time: Any):
    event_id = shop.send(json.dumps({"message": "when?", "timestamp": time}).encode())
    event = reading.event(shop.installation, event_id)
    assert event["timestamp"] == event["received_at"]
    assert any("timestamp" in str(error) for error in event["normalized"]["errors"])


@pytest.mark.parametrize("payload", [b"[]", b"null", b"12", b'"text"', b"{", b"{]", b"\x00", b"{}{}"])
def test_a_payload_that_is_no_event_is_a_dead_letter_and_its_neighbours_are_kept(shop: Shop, payload: bytes):
    before = shop.send(b'{"message":"sent just before"}')
    bad = shop.send(payload)
    after = shop.send(b'{"message":"sent just after"}')
    for event_id in (before, after):
        assert reading.event(shop.installation, event_id)["message"].startswith("sent just")
    assert shop.installation.get(f"/api/events/{bad}/").status == 404


def test_the_lists_can_be_read_with_all_of_that_in_them(shop: Shop):
    for payload, _, _ in KEPT.values():
        shop.send(payload)
    shop.assert_still_works()
    found = reading.groups(shop.installation, shop.slug)
    assert len(found) > 10
    for group in found:
        for part in ("", "events/", "tags/", "hashes/", "series/", "activity/", "comments/"):
            reply = shop.installation.get(f"/api/groups/{group['id']}/{part}")
            assert reply.status == 200, (part, group["title"], reply.body)
    for path in ("/api/events/?limit=1000&", "/api/events/clickhouse?", "/api/dashboard/top-groups/?"):
        assert shop.installation.get(f"{path}project={shop.slug}").status == 200


# How much may come in


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A project that may send three events a minute."""
    data_dir: Path = tmp_path_factory.mktemp("limited") / "data"
    made = Installation(data_dir, variables={"RATE_LIMIT_EVENTS_PER_MINUTE": "3"})
    try:
        made.start("web", "--port", str(made.port))
        yield Shop(made, made.create_project())
    finally:
        made.stop()


def test_over_the_limit_all_ways_in_answer_429_and_say_when_to_come_again(limited: Shop):
    for _ in range(6):
        last = limited.post(envelope(b'{"message":"one too many"}', uuid.uuid4().hex))
    assert "limit" in whole(429, last)["detail"]
    assert 1 <= int(last.headers["retry-after"]) <= 60
    assert "error" in last.headers["x-sentry-rate-limits"]
    assert "retry-after" in last.headers["access-control-expose-headers"]
    by_token = limited.by_token(b'{"message":"one too many"}')
    assert whole(429, by_token) == {"detail": "Rate limit exceeded"}
    assert 1 <= int(by_token.headers["retry-after"]) <= 60
    report = b'{}\n{"type":"client_report"}\n{"discarded_events":[]}\n'
    assert limited.post(report).status == 200
