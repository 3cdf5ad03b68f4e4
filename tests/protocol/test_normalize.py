import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mini_sentry.protocol.errors import PayloadInvalid
from mini_sentry.protocol.event import EventError, User
from mini_sentry.protocol.normalize import interpolate, normalize, tolerant
from tests.protocol.payloads import CONTEXT, ID, OTHER_ID, RECEIVED_AT, event_of, recorded_events

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"


def context(**changes):
    return type(CONTEXT)(**{**{name: getattr(CONTEXT, name) for name in CONTEXT.__struct_fields__}, **changes})


def without_payload(event):
    event.payload = b""
    return event


@pytest.mark.parametrize(("scenario", "payload"), recorded_events())
def test_the_strict_and_the_tolerant_way_agree_on_recorded_events(scenario, payload):
    assert without_payload(normalize(payload, CONTEXT)) == without_payload(tolerant(payload, CONTEXT))


@pytest.mark.parametrize(("scenario", "payload"), recorded_events())
def test_recorded_events_have_nothing_wrong_and_stay_as_sent(scenario, payload):
    event = normalize(payload, CONTEXT)
    assert [error for error in event.errors if error.name != "timestamp"] == []
    assert event.payload is payload or "sentry.interfaces" in payload.decode()


def test_a_raven_event_is_read_by_its_old_names():
    event = event_of(dict(recorded_events())["raven-python-6-store"])
    assert (event.message, event.message_template) == ("raven message 'x'", "raven message %s")
    assert (event.level, event.server_name, event.release, event.tags["site"]) == ("error", "web-1", "legacy-1", "shop")


def test_an_empty_object_is_an_event():
    event = event_of({})
    assert (event.event_id, event.level, event.platform, event.type) == (OTHER_ID, "error", "other", "default")
    assert (event.timestamp, event.environment, event.tags) == (RECEIVED_AT, "", {"level": "error"})


def test_the_envelopes_event_id_wins_over_the_payloads():
    payload = {"event_id": "ABCDEF01-2345-6789-abcd-ef0123456789"}
    assert event_of(payload).event_id == "abcdef0123456789abcdef0123456789"
    assert event_of(payload, context(event_id=ID)).event_id == ID
    assert event_of({"event_id": "nonsense"}).event_id == OTHER_ID


@pytest.mark.parametrize(
    ("level", "expected"),
    [("fatal", "fatal"), ("WARNING", "warning"), ("warn", "warning"), ("log", "info"), (50, "fatal"), (40, "error"), (10, "debug"), ("30", "warning"), (25, "info"), ("", "error"), (None, "error")],
)  # fmt: skip
def test_levels_are_read_as_words_and_as_numbers(level, expected):
    assert event_of({"level": level}).level == expected
    assert event_of({"level": level}).errors == []


def test_an_unknown_level_is_error_and_noted():
    event = event_of({"level": "loud"})
    assert (event.level, event.errors) == ("error", [EventError("invalid_data", "level", "loud")])


@pytest.mark.parametrize(
    ("timestamp", "seconds"),
    [
        (RECEIVED_AT - 5, RECEIVED_AT - 5),
        ("2026-11-23T03:43:15Z", RECEIVED_AT - 5),
        ("2026-11-23T03:43:15", RECEIVED_AT - 5),
        ("2026-11-23T03:43:15.500000000Z", RECEIVED_AT - 4.5),
        ("2026-11-23T04:43:15+01:00", RECEIVED_AT - 5),
        (str(RECEIVED_AT - 5), RECEIVED_AT - 5),
        (RECEIVED_AT + 59, RECEIVED_AT + 59),
    ],
)
def test_timestamps_are_seconds_or_rfc_3339(timestamp, seconds):
    event = event_of({"timestamp": timestamp})
    assert event.timestamp == pytest.approx(seconds)
    assert event.errors == []


@pytest.mark.parametrize(
    ("timestamp", "kind"),
    [
        (RECEIVED_AT + 61, "future_timestamp"),
        (RECEIVED_AT - 31 * 86400, "past_timestamp"),
        ("yesterday", "invalid_data"),
        (1e300, "invalid_data"),
        (-5, "invalid_data"),
    ],
)
def test_an_impossible_timestamp_becomes_the_time_of_receipt_and_is_noted(timestamp, kind):
    event = event_of({"timestamp": timestamp})
    assert event.timestamp == RECEIVED_AT
    assert [error.type for error in event.errors] == [kind]


def test_a_clock_that_is_off_is_corrected_by_the_time_of_sending():
    an_hour_ahead = RECEIVED_AT + 3600
    event = event_of({"timestamp": an_hour_ahead - 10}, context(sent_at="2026-11-23T04:43:20Z"))
    assert event.timestamp == RECEIVED_AT - 10
    assert [error.type for error in event.errors] == ["clock_drift"]
    assert (
        event_of({"timestamp": RECEIVED_AT - 10}, context(sent_at="2026-11-23T03:43:00Z")).timestamp == RECEIVED_AT - 10
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("release", "a/b"),
        ("release", "latest"),
        ("release", ".."),
        ("release", "x" * 201),
        ("release", "a\nb"),
        ("environment", "none"),
        ("environment", "a/b"),
        ("environment", "x" * 65),
    ],
)
def test_a_release_or_environment_that_cannot_be_one_is_dropped_and_noted(field, value):
    event = event_of({field: value})
    assert (getattr(event, field), [error.name for error in event.errors]) == ("", [field])


def test_a_dist_needs_a_release():
    assert event_of({"dist": "7"}).dist == ""
    assert event_of({"dist": "7", "release": "1.0"}).dist == "7"
    assert event_of({"dist": "no way", "release": "1.0"}).errors == [EventError("invalid_data", "dist", "no way")]


@pytest.mark.parametrize(
    "sent",
    [
        {"message": "order 7 failed"},
        {"message": {"formatted": "order 7 failed"}},
        {"logentry": {"formatted": "order 7 failed"}},
        {"logentry": "order 7 failed"},
        {"logentry": {"message": "order %s failed", "params": [7]}},
        {"logentry": {"message": "order {} failed", "params": [7]}},
        {"logentry": {"message": "order %(id)s failed", "params": {"id": 7}}},
        {"logentry": {"message": "order {id} failed", "params": {"id": 7}}},
        {"message": {"message": "order %s failed", "params": ["7"]}},
        {
            "message": "order %s failed",
            "sentry.interfaces.Message": {"message": "order %s failed", "params": ["7"], "formatted": None},
        },
    ],
)
def test_a_message_in_any_form_says_the_same(sent):
    assert event_of(sent).message == "order 7 failed"


def test_interpolation_leaves_places_without_a_value():
    assert interpolate("100%% of %s and %s", ["a"]) == "100% of a and %s"
    assert interpolate("{0} {1} {9} {x}", ["a", None]) == "a null {9} {x}"
    assert interpolate("%(a)s %(b)s", {"a": [1]}) == "[1] %(b)s"
    assert interpolate("{} %s", "text") == "{} %s"


def exception(**fields):
    return {"type": "ValueError", "value": "x", **fields}


@pytest.mark.parametrize("form", [{"values": [exception()]}, [exception()], exception()])
def test_an_exception_may_come_in_a_box_in_a_list_or_alone(form):
    event = event_of({"exception": form})
    assert [(found.type, found.value) for found in event.exceptions] == [("ValueError", "x")]
    assert event.type == "error"


def test_one_unhandled_link_makes_the_chain_unhandled():
    chain = [
        exception(mechanism={"type": "chained", "handled": True}),
        exception(mechanism={"type": "excepthook", "handled": False}),
    ]
    event = event_of({"exception": {"values": chain}})
    assert (event.handled, event.tags["handled"], event.tags["mechanism"]) == (False, "no", "excepthook")
    assert event_of({"exception": {"values": chain[:1]}}).handled is True
    assert event_of({"exception": {"values": [exception()]}}).handled is None


def test_the_stack_of_the_crashed_thread_goes_to_the_only_exception():
    stack = {"frames": [{"function": "crash"}]}
    event = event_of(
        {"exception": exception(), "threads": {"values": [{"id": 1}, {"id": 2, "crashed": True, "stacktrace": stack}]}}
    )
    assert event.exceptions[0].stacktrace.frames[0].function == "crash"
    assert event.threads[1].stacktrace is None


def test_too_many_frames_lose_their_middle_in_the_payload_too():
    frames = [{"function": f"f{n}", "lineno": n} for n in range(2000)]
    event = event_of({"exception": exception(stacktrace={"frames": frames})})
    kept = [frame.function for frame in event.exceptions[0].stacktrace.frames]
    assert kept == [f"f{n}" for n in [*range(125), *range(1875, 2000)]]
    assert event.errors == [EventError("too_many", "exception.values.0.stacktrace.frames", "2000")]
    assert len(json.loads(event.payload)["exception"]["stacktrace"]["frames"]) == 250


def test_of_too_many_tags_the_first_are_kept():
    event = event_of({"tags": {f"k{n}": "v" for n in range(5000)}})
    assert [key for key in event.tags if key.startswith("k")] == [f"k{n}" for n in range(200)]
    assert [error.type for error in event.errors] == ["too_many"]


@pytest.mark.parametrize(
    "form",
    [
        {"a": "1", "n": 5, "t": True},
        [["a", "1"], ["n", 5], ["t", True]],
        [["a", "1"], None, {"key": "n", "value": 5}, {"key": "t", "value": True}],
    ],
)
def test_tags_may_be_a_map_or_pairs_and_become_text(form):
    assert {key: event_of({"tags": form}).tags[key] for key in "ant"} == {"a": "1", "n": "5", "t": "true"}


def test_a_client_sets_no_tag_that_names_a_field():
    event = event_of(
        {
            "tags": {
                "release": "x",
                "user": "x",
                "environment": "prod",
                "level": "fatal",
                "ok": " v\nw ",
                "empty": "",
                "bad key": "x",
            }
        }
    )
    assert event.tags == {"environment": "prod", "level": "error", "ok": "v w"}
    assert event.environment == "prod"
    assert event.errors == [EventError("invalid_data", "tags", "bad key")]


def test_tags_are_derived_from_the_other_fields():
    event = event_of(
        {
            "platform": "javascript",
            "release": "shop@1.0",
            "environment": "production",
            "server_name": "web-1",
            "transaction": "/pay",
            "logger": "shop",
            "request": {"url": "https://shop.test/pay?token=x#top", "headers": {"User-Agent": CHROME}},
            "contexts": {
                "runtime": {"name": "node", "version": "v20"},
                "os": {"name": "Debian", "version": "12\n"},
                "device": {"model": "Mac"},
            },
            "user": {"id": 42},
        }
    )
    assert event.tags == {
        "level": "error",
        "environment": "production",
        "release": "shop@1.0",
        "user": "id:42",
        "server_name": "web-1",
        "transaction": "/pay",
        "logger": "shop",
        "url": "https://shop.test/pay",
        "runtime": "node v20",
        "runtime.name": "node",
        "os": "Debian 12",
        "os.name": "Debian",
        "device": "Mac",
        "browser": "Chrome 126.0.0",
        "browser.name": "Chrome",
        "client_os": "Linux",
    }


@pytest.mark.parametrize("headers", [{"user-agent": CHROME}, [["User-Agent", CHROME]], {"User-Agent": [CHROME]}])
def test_the_user_agent_is_found_in_headers_of_any_form(headers):
    assert event_of({"request": {"headers": headers}}).tags["browser.name"] == "Chrome"


def test_the_connections_user_agent_counts_only_for_browsers():
    assert event_of({"platform": "javascript"}, context(user_agent=CHROME)).tags["browser.name"] == "Chrome"
    assert "browser" not in event_of({"platform": "python"}, context(user_agent=CHROME)).tags


@pytest.mark.parametrize(
    ("user", "tag"),
    [
        ({"id": 7, "email": "e"}, "id:7"),
        ({"username": "bob", "email": "e"}, "username:bob"),
        ({"email": "a@b"}, "email:a@b"),
        ({"ip_address": "2001:DB8::1"}, "ip:2001:db8::1"),
        ({"name": "Bob"}, ""),
        (None, ""),
    ],
)
def test_the_user_tag_is_the_first_identity_there_is(user, tag):
    assert event_of({"user": user}).user_tag == tag


@pytest.mark.parametrize(
    ("payload", "address"),
    [
        ({"user": {"ip_address": "{{auto}}"}}, "198.51.100.7"),
        ({"request": {"env": {"REMOTE_ADDR": "203.0.113.9"}}}, "203.0.113.9"),
        ({"request": {"env": {"REMOTE_ADDR": "{{auto}}"}}}, "198.51.100.7"),
        ({"user": {"ip_address": "203.0.113.1"}, "request": {"env": {"REMOTE_ADDR": "203.0.113.9"}}}, "203.0.113.1"),
        ({"platform": "javascript"}, "198.51.100.7"),
        ({"platform": "cocoa"}, "198.51.100.7"),
        ({"platform": "python"}, ""),
        ({"platform": "python", "sdk": {"settings": {"infer_ip": "auto"}}}, "198.51.100.7"),
        ({"platform": "javascript", "sdk": {"settings": {"infer_ip": "never"}}}, ""),
        ({"user": {"ip_address": "{{auto}}"}, "sdk": {"settings": {"infer_ip": "never"}}}, ""),
    ],
)
def test_the_users_address_comes_from_the_payload_the_server_or_the_connection(payload, address):
    event = event_of(payload)
    assert (event.user.ip_address if event.user else "") == address


def test_an_address_that_is_none_is_dropped_and_noted():
    event = event_of({"user": {"id": "1", "ip_address": "not an ip"}})
    assert (event.user, event.errors) == (User(id="1"), [EventError("invalid_data", "user.ip_address", "not an ip")])


def test_fingerprints_become_text():
    assert event_of({"fingerprint": ["a", 5, True, None, "{{ default }}"]}).fingerprint == [
        "a",
        "5",
        "true",
        "{{ default }}",
    ]
    assert event_of({"fingerprint": "one"}).fingerprint == ["one"]


@pytest.mark.parametrize(
    ("payload", "note"),
    [
        ({"message": "kept", "exception": "boom"}, "exception"),
        ({"message": "kept", "exception": {"values": [5]}}, "exception.values.0"),
        (
            {"message": "kept", "exception": {"values": [{"type": "E", "stacktrace": 5}]}},
            "exception.values.0.stacktrace",
        ),
        (
            {"message": "kept", "exception": {"values": [{"type": "E", "stacktrace": {"frames": "x"}}]}},
            "exception.values.0.stacktrace.frames",
        ),
        (
            {"message": "kept", "exception": {"values": [{"type": "E", "stacktrace": {"frames": [{"lineno": "x"}]}}]}},
            "exception.values.0.stacktrace.frames.0.lineno",
        ),
        (
            {"message": "kept", "exception": {"values": [{"type": "E", "mechanism": {"handled": "yes"}}]}},
            "exception.values.0.mechanism.handled",
        ),
        ({"message": "kept", "threads": 5}, "threads"),
        ({"message": "kept", "tags": "x"}, "tags"),
        ({"message": "kept", "user": "bob"}, "user"),
        ({"message": "kept", "user": {"id": {"a": 1}}}, "user.id"),
        ({"message": "kept", "request": []}, "request"),
        ({"message": "kept", "request": {"headers": 5}}, "request.headers"),
        ({"message": "kept", "contexts": {"os": 5}}, "contexts.os"),
        ({"message": "kept", "contexts": []}, "contexts"),
        ({"message": "kept", "sdk": "x"}, "sdk"),
        ({"message": "kept", "fingerprint": {"a": 1}}, "fingerprint"),
        ({"message": "kept", "release": ["1"]}, "release"),
        ({"message": "kept", "timestamp": {"a": 1}}, "timestamp"),
        ({"message": "kept", "level": []}, "level"),
        ({"message": "kept", "csp": 1}, "csp"),
        ({"message": "kept", "extra": 5, "platform": {}}, "platform"),
    ],
)
def test_a_field_of_the_wrong_kind_is_dropped_and_noted_but_never_the_event(payload, note):
    event = event_of(payload)
    assert event.message == "kept"
    assert note in [error.name for error in event.errors]
    assert json.loads(event.payload)["message"] == "kept"


def test_an_exception_value_of_any_kind_becomes_text():
    event = event_of({"exception": [{"type": "E", "value": {"code": 5}}, {"type": "E", "value": 7}]})
    assert [found.value for found in event.exceptions] == ['{"code":5}', "7"]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"message":"a","extra":{"x":NaN,"y":-Infinity}}', "a"),
        (b'\xef\xbb\xbf{"message":"a"}', "a"),
        (b'{"message":"a\xff"}', "a�"),
        (b'{"message":"a","extra":{"\xff":"\xc3\x28"}}', "a"),
        (b'{"message":"a\\u0000b"}', "a�b"),
        (b'{"message":"a","extra":{"\\u0000":"\\u0000"}}', "a"),
        (b'{"message":"a\\ud800b"}', "a�b"),
        (b'{"message":"a","extra":"\\udfff"}', "a"),
        (b'{"message":"a\nb\tc"}', "a\nb\tc"),
        (b'{"message":"a","extra":' + b"9" * 5000 + b"}", "a"),
        (b'{"message":"a","timestamp":' + b"9" * 400 + b',"extra":1e999}', "a"),
        (b'{"message":"x","message":"a"}', "a"),
        (b'{"message":"a","extra":' + b"[" * 10000 + b"]" * 10000 + b"}", "a"),
        (b'{"message":"a","extra":' + b'{"k":' * 10000 + b"1" + b"}" * 10000 + b"}", "a"),
        ('{"message":"\\ud83d\\ude00 ☃"}'.encode(), "😀 ☃"),
    ],
)
def test_json_that_is_almost_right_is_read_and_stored_as_json_that_is(raw, message):
    event = event_of(raw)
    assert event.message == message
    text = event.payload.decode()
    assert "\\u0000" not in text
    tree = json.loads(text, parse_constant=pytest.fail, parse_int=str)
    assert json.dumps(tree, ensure_ascii=False).encode()


def test_what_is_nested_too_deep_is_cut_and_noted():
    event = event_of(b'{"extra":{"x":' + b"[" * 5000 + b"]" * 5000 + b'},"level":"info"}')
    assert event.level == "info"
    assert [error.type for error in event.errors] == ["too_deep"]
    assert event.payload.count(b"[") < 100


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"5",
        b"{",
        b'{"message":"a"',
        b"not json",
        b"\xff\xfe",
        b"[" * 20000,
        b'{"a":1} trailing',
    ],
)
def test_what_is_no_json_object_is_invalid(raw):
    with pytest.raises(PayloadInvalid):
        event_of(raw)


def test_context_fills_release_and_environment_that_the_payload_lacks():
    event = event_of({}, context(release="web@1", environment="production"))
    assert (event.release, event.environment) == ("web@1", "production")
    assert event_of({"release": "own"}, context(release="web@1")).release == "own"


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["{{auto}}", "\0", "\ud800", "error", "2026-11-23T03:43:15Z"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["values", "frames", "type", "value", "id", "key", "name", "x"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
RECORDED = [json.loads(payload) for _, payload in recorded_events()]


def paths(tree, prefix=()):
    yield prefix
    for key, part in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield from paths(part, (*prefix, key))


def replaced(tree, path, value):
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = replaced(tree[path[0]], path[1:], value)
    return copy


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_change_to_a_recorded_event_breaks_anything(data):
    tree = data.draw(st.sampled_from(RECORDED))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from([path for path in paths(tree) if 0 < len(path) < 7]))
        tree = replaced(tree, path, data.draw(json_values))
    raw = json.dumps(tree).encode()
    event = event_of(raw)
    assert len(event.event_id) == 32
    assert math.isfinite(event.timestamp)
    assert event.level in ("fatal", "error", "warning", "info", "debug")
    assert all(isinstance(value, str) and len(value) <= 200 and "\0" not in value for value in event.tags.values())
    json.loads(event.payload, parse_constant=pytest.fail)
    slowly = tolerant(raw, CONTEXT)
    slowly.errors = event.errors  # it also notes what the strict pass has no eyes for
    assert without_payload(event) == without_payload(slowly)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([payload for _, payload in recorded_events()]), st.data())
def test_damaged_bytes_are_read_or_invalid_but_nothing_else(payload, data):
    start = data.draw(st.integers(0, len(payload)))
    damaged = payload[:start] + data.draw(st.binary(max_size=4)) + payload[start + data.draw(st.integers(0, 8)) :]
    try:
        event = event_of(damaged)
    except PayloadInvalid:
        return
    event.payload.decode()
    json.loads(event.payload, parse_constant=pytest.fail)
