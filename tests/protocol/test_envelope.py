import base64
import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mini_sentry.protocol.envelope import build, scan
from mini_sentry.protocol.errors import EnvelopeInvalid, EnvelopeTooLarge
from mini_sentry.protocol.limits import Limits

ID = "0123456789abcdef0123456789abcdef"
SAMPLES = Path(__file__).parents[2] / "samples" / "ingest"


def contents(body: bytes) -> list[tuple[str, bytes]]:
    return [(item.type, body[item.start : item.end]) for item in scan(body).items]


def recordings():
    for path in sorted(SAMPLES.glob("*.json")):
        for request in json.loads(path.read_text()).get("requests", []) if path.name != "index.json" else []:
            if request["endpoint"] == "envelope":
                body = request["body"]
                data = body.encode() if request["body_encoding"] == "utf-8" else base64.b64decode(body)
                yield pytest.param(data, request["item_types"], id=path.stem)


@pytest.mark.parametrize(("body", "item_types"), list(recordings()))
def test_recorded_envelopes_have_the_items_that_were_sent(body, item_types):
    assert [item.type for item in scan(body).items] == item_types


@pytest.mark.parametrize(
    ("body", "items"),
    [
        (b"{}", []),
        (b"{}\n", []),
        (b"{}\n\n\n", []),
        (b'{}\n{"type":"event"}\n{"a":1}', [("event", b'{"a":1}')]),
        (b'{}\n{"type":"event"}\n{"a":1}\n', [("event", b'{"a":1}')]),
        (b'{}\n{"type":"event","length":7}\n{"a":1}', [("event", b'{"a":1}')]),
        (b'{}\n{"type":"event","length":7}\n{"a":1}\n', [("event", b'{"a":1}')]),
        (b'{}\n\n{"type":"a","length":1}\nx\n\n\n{"type":"b"}\ny\n\n', [("a", b"x"), ("b", b"y")]),
        (
            b'{}\n{"type":"a","length":3}\n1\n2\n{"type":"b","length":0}\n\n{"type":"c"}\n',
            [("a", b"1\n2"), ("b", b""), ("c", b"")],
        ),
        (b'{}\n{"type":"attachment","length":0}', [("attachment", b"")]),
        (b'{}\n{"type":"attachment","length":0}\n', [("attachment", b"")]),
        (b'{}\r\n{"type":"event"}\r\n{"a":1}\r\n', [("event", b'{"a":1}\r')]),
        (b'{}\n{"type":"brand_new","future":[1]}\nx', [("brand_new", b"x")]),
        (b'{}\n{"type":"event","length":null}\nx', [("event", b"x")]),
        (b'{}\n{"type":"event","length":1.0,"filename":5}\nx', [("event", b"x")]),
        (b'{"sdk":5,"event_id":7}\n{"type":"event"}\nx', [("event", b"x")]),
    ],
)
def test_the_grammar_is_read_as_the_specification_says(body, items):
    assert contents(body) == items


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n",
        b"[]",
        b"null",
        b"not json\n",
        b'{"event_id":"x"\n{}',
        b"{}\n[]\n",
        b"{}\n{}\nx",
        b'{}\n{"type":5}\nx',
        b'{}\n{"type":"event","length":5}\nx',
        b'{}\n{"type":"event","length":1}\nxx',
        b'{}\n{"type":"event","length":-1}\nx',
        b'{}\n{"type":"event","length":"1"}\nx',
        b'{}\n{"type":"event","length":1.5}\nx',
        b'{}\n{"type":"event","length":true}\nx',
        b'{}\n{"type":"event","length":99999999999999999999}\nx',
        b"{}\nnot json\n",
        b"\xff\xfe",
        b'{"trace":' + b"[" * 20000 + b"\n",
    ],
)
def test_a_broken_envelope_is_invalid(body):
    with pytest.raises(EnvelopeInvalid):
        scan(body)


def test_an_error_says_where_the_broken_part_begins():
    with pytest.raises(EnvelopeInvalid) as caught:
        scan(b'{}\n{"type":"a"}\nx\n{"type":"event","length":5}\nx')
    assert caught.value.offset == 18


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (ID, ID),
        ("01234567-89ab-cdef-0123-456789abcdef", ID),
        (ID.upper(), ID),
        ("nonsense", ""),
        ("0" * 32, ""),
        ("", ""),
    ],
)
def test_the_event_id_is_32_lower_case_hex_digits_or_nothing(written, read):
    assert scan(json.dumps({"event_id": written}).encode()).event_id == read


def test_the_header_is_kept():
    header = {
        "dsn": "https://k@h/1",
        "sent_at": "2026-11-23T03:25:20Z",
        "sdk": {"name": "sentry.python", "version": "2.75.0"},
        "trace": {"trace_id": ID},
    }
    envelope = scan(json.dumps(header).encode())
    assert (envelope.dsn, envelope.sent_at) == ("https://k@h/1", "2026-11-23T03:25:20Z")
    assert (envelope.sdk_name, envelope.sdk_version) == ("sentry.python", "2.75.0")
    assert json.loads(envelope.trace) == {"trace_id": ID}


def test_header_fields_of_the_wrong_kind_are_absent():
    envelope = scan(b'{"event_id":5,"dsn":["x"],"sent_at":1.5,"sdk":{"name":7,"version":"1"},"trace":"no"}')
    assert (envelope.event_id, envelope.dsn, envelope.sent_at, envelope.trace) == ("", "", "", b"")
    assert (envelope.sdk_name, envelope.sdk_version) == ("", "1")


def test_item_headers_are_kept():
    header = b'{"type":"attachment","length":2,"filename":"a.txt","content_type":"text/plain","attachment_type":"event.attachment","item_count":3}'
    [item] = scan(b"{}\n" + header + b"\nhi").items
    assert (item.filename, item.content_type, item.attachment_type, item.item_count) == (
        "a.txt",
        "text/plain",
        "event.attachment",
        3,
    )
    assert (b"{}\n" + header + b"\nhi")[item.header_start : item.start] == header + b"\n"


def test_sizes_and_counts_are_held_to_the_limits():
    event = b'{}\n{"type":"event"}\n' + b"x" * 101
    with pytest.raises(EnvelopeTooLarge):
        scan(event, limits=Limits(event_bytes=100))
    assert scan(event.replace(b"event", b"attachment"), limits=Limits(event_bytes=100)).items
    with pytest.raises(EnvelopeTooLarge):
        scan(event, limits=Limits(inflated_bytes=100))
    with pytest.raises(EnvelopeTooLarge):
        scan(b"{}\n" + b'{"type":"a"}\nx\n' * 6, limits=Limits(envelope_items=5))
    with pytest.raises(EnvelopeTooLarge):
        scan(b'{"dsn":"' + b"x" * 100 + b'"}\n', limits=Limits(header_bytes=50))


items = st.lists(
    st.tuples(st.sampled_from(["event", "attachment", "session", "x"]), st.binary(max_size=40)), max_size=5
)


@given(items)
def test_what_is_built_is_read_back(parts):
    body = build({"event_id": ID}, [({"type": kind}, payload) for kind, payload in parts])
    assert contents(body) == parts


@given(items, st.data())
def test_an_envelope_cut_off_anywhere_is_read_or_invalid_but_nothing_else(parts, data):
    body = build({"event_id": ID}, [({"type": kind}, payload) for kind, payload in parts])
    cut = body[: data.draw(st.integers(0, len(body)))]
    with contextlib.suppress(EnvelopeInvalid):
        assert len(scan(cut).items) <= len(parts)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_invalid_but_nothing_else(noise):
    for body in (noise, b"{}\n" + noise, b'{}\n{"type":"event","length":' + noise):
        with contextlib.suppress(EnvelopeInvalid):
            scan(body)
