"""Damaged requests: never a 5xx, and whatever is accepted can be read again by whoever reads the log."""

import base64
import gzip
import json
import random
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import brotli  # type: ignore[import-untyped, unused-ignore]
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mini_sentry.protocol import envelope, store
from mini_sentry.protocol.errors import ProtocolError
from mini_sentry.protocol.inflate import inflate
from mini_sentry.protocol.limits import Limits
from mini_sentry.streams.topics import INGEST, Accepted, unpack
from tests.ingest.driver import AUTH, EVENT_ID, Server, event_envelope, serving

SAMPLES = Path(__file__).parents[2] / "samples" / "ingest"
LIMITS = Limits(request_bytes=100_000, inflated_bytes=200_000, event_bytes=50_000)
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda body: bytes(brotli.compress(body, quality=1)),
    "zstd": zstandard.ZstdCompressor().compress,
}
TROUBLE = (
    b"\x00", b"\n", b"\r\n", b'"', b"{", b"}", b"[", b"\xff", b"\xed\xa0\x80", b"\\ud800", b"NaN", b"-1", b"1e999", b"null",
    b'{"type":"event"}\n', b'"length":99999999999999999999', b"[" * 2000, b'{"a":' * 500,
)  # fmt: skip


def samples() -> list[bytes]:
    bodies = []
    for path in sorted(SAMPLES.glob("*.json")):
        if path.name != "index.json":
            for request in json.loads(path.read_text())["requests"]:
                text: str = request["body"]
                bodies.append(base64.b64decode(text) if request["body_encoding"] == "base64" else text.encode())
    return bodies


BODIES = samples()


def mutate(body: bytes, seed: int) -> bytes:
    """Change, cut, repeat and insert pieces at a few places."""
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(body) + 1)
        end = min(len(body), start + chance.choice((0, 1, 1, 7, 300)))
        match chance.randrange(5):
            case 0:
                body = body[:start] + bytes(chance.randrange(256) for _ in range(end - start)) + body[end:]
            case 1:
                body = body[:start] + body[end:]
            case 2:
                body = body[:start] + body[start:end] * 2 + body[end:]
            case 3:
                body = body[:start] + chance.choice(TROUBLE) + body[end:]
            case _:
                body = body[:end]
    return body


def last_message(server: Server) -> Accepted:
    """The last request that was accepted; counts of refusals may have come after it."""
    end = server.log.end_offset(INGEST)
    last = [unpack(record.value) for record in server.log.read(INGEST, max(1, end - 5))]
    return [message for message in last if message.kind != "tallies"][-1]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(limits=LIMITS) as started:
        yield started


quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(
    body=st.sampled_from(BODIES),
    seed=st.integers(0, 2**32),
    encoding=st.sampled_from([*COMPRESS]),
    said=st.sampled_from([None, "gzip", "br", "zstd", "deflate", ""]),
    damages_wire=st.booleans(),
    route=st.sampled_from(["envelope", "store", "security"]),
)
@quick
def test_no_damage_makes_the_edge_fail_and_what_it_takes_the_digest_can_read(
    server: Server, body: bytes, seed: int, encoding: str, said: str | None, damages_wire: bool, route: str
) -> None:
    wire = mutate(COMPRESS[encoding](body), seed) if damages_wire else COMPRESS[encoding](mutate(body, seed))
    headers = {**AUTH, "Content-Encoding": encoding if said is None else said}
    answer, neighbour = server.together(
        ("POST", f"/api/1/{route}/", wire, headers), ("POST", "/api/1/envelope/", event_envelope(), AUTH)
    )
    assert answer.status in {200, 201, 400, 413}
    assert neighbour.json == {"id": EVENT_ID}
    again = server.post(f"/api/1/{route}/", wire, headers)
    assert again.status == answer.status
    if answer.status in {200, 201} and again.body != b"{}":
        message = last_message(server)
        plain = inflate(message.body, message.encoding, max_bytes=LIMITS.inflated_bytes)
        if message.kind == "envelope":
            scanned = envelope.scan(plain, limits=LIMITS)
            assert message.event_id
            assert scanned.event_id in ("", message.event_id)
        elif message.kind == "store":
            store.payload(plain, limits=LIMITS)


REST_BODY = json.dumps(
    {
        "message": "it broke",
        "level": "warn",
        "tags": ["a"],
        "extra": {"k": [1, {"x": None}]},
        "stack": "E\n at f (a.js:1:2)",
    }
).encode()


@given(
    seed=st.integers(0, 2**32),
    content_type=st.sampled_from(["application/json", "application/x-www-form-urlencoded", ""]),
)
@quick
def test_no_damage_to_a_rest_body_makes_the_edge_fail(server: Server, seed: int, content_type: str) -> None:
    headers = {"Content-Type": content_type, "Prefer": "respond-async"}
    for url in ("/api/events/ingest/shop/", "/api/sessions/ingest/token/token-shop/"):
        body = REST_BODY.replace(b"{", b'{"session_id":"s",', 1)
        answer = server.post(url, mutate(body, seed), headers)
        assert answer.status in {201, 400, 413}
        assert isinstance(answer.json, dict)


@given(
    headers=st.dictionaries(
        st.sampled_from(
            [
                "x-sentry-auth",
                "authorization",
                "content-encoding",
                "content-type",
                "x-forwarded-for",
                "prefer",
                "origin",
            ]
        ),
        st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60),
    ),
    query=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#?"), max_size=80),
    path=st.sampled_from(["/api/1/envelope/", "/api/1/store/", "/api/1/security/", "/api/events/ingest/shop/"]),
    method=st.sampled_from(["POST", "GET", "OPTIONS", "PATCH"]),
)
@quick
def test_no_header_or_query_makes_the_edge_fail(
    server: Server, headers: dict[str, str], query: str, path: str, method: str
) -> None:
    headers["prefer"] = "respond-async"
    answer = server.request(method, f"{path}?{query}", event_envelope(), headers)
    assert answer.status < 500


def test_the_damage_is_real_and_some_of_it_is_still_accepted() -> None:
    """The mutations neither break everything nor nothing: both ways through the edge are taken."""
    outcomes = set()
    for seed in range(60):
        try:
            envelope.scan(mutate(BODIES[seed % len(BODIES)], seed), limits=LIMITS)
            outcomes.add("read")
        except ProtocolError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(which=st.integers(0, len(BODIES) - 1), seed=st.integers(0, 2**32), encoding=st.sampled_from(sorted(COMPRESS)))
def test_a_damaged_envelope_is_answered_by_the_short_way_as_by_the_long_one_or_not_at_all(
    server: Server, which: int, seed: int, encoding: str
) -> None:
    body = COMPRESS[encoding](mutate(BODIES[which], seed))
    headers = {**AUTH, "Content-Encoding": encoding}
    server.post("/api/1/envelope/", b"{}\n")
    quick = server.quick("/api/1/envelope/", body, headers)
    if quick is None:
        return
    long = server.post("/api/1/envelope/", body, headers)
    assert (quick.status, quick.headers) == (long.status, long.headers)
    # An event without an id of its own gets a new one each time.
    assert re.sub(rb"[0-9a-f]{32}", b"", quick.body) == re.sub(rb"[0-9a-f]{32}", b"", long.body)
