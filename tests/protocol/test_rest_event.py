import json

import pytest

from mini_sentry.protocol.errors import FieldErrors, MediaTypeUnknown, PayloadInvalid, ProtocolError
from mini_sentry.protocol.event import Frame
from mini_sentry.protocol.rest_event import parse, to_event
from tests.protocol.payloads import CONTEXT, ID, OTHER_ID, RECEIVED_AT


def one_frame(text):
    return [Frame(filename=text, function="f")]


def posted(**fields):
    return parse(json.dumps(fields).encode(), "application/json")


def event(**fields):
    return to_event(posted(**fields), CONTEXT, parse_stack=one_frame)


def test_nothing_is_required():
    found = event()
    assert (found.message, found.level, found.environment, found.release, found.stacktrace) == (
        "",
        "error",
        "production",
        "",
        None,
    )
    assert (found.event_id, found.timestamp, found.platform) == (OTHER_ID, RECEIVED_AT, "other")
    assert found.tags == {"level": "error", "environment": "production"}


def test_the_body_is_kept_as_sent():
    body = b'{ "message": "it broke", "unknown": [1, 2], "tags": ["a"] }'
    assert parse(body).payload is body
    assert to_event(parse(body), CONTEXT, parse_stack=one_frame).payload is body


@pytest.mark.parametrize(
    ("sent", "level"),
    [
        ({"level": "error"}, "error"),
        ({"level": "WARN"}, "warning"),
        ({"level": "err"}, "error"),
        ({"level": "fatal"}, "error"),
        ({"level": "log"}, "info"),
        ({"level": "notice"}, "info"),
        ({"level": "debug"}, "info"),
        ({"level": "trace"}, "info"),
        ({"level": "banana"}, "error"),
        ({"level": None}, "error"),
        ({"severity": "warn"}, "warning"),
        ({"severity_text": "INFO2"}, "info"),
        ({"extra": {"level": "info"}}, "info"),
        ({"extra": {"severity": "warning"}}, "warning"),
        ({"severity_number": 13}, "warning"),
        ({"severity_number": 16}, "warning"),
        ({"severity_number": 17}, "error"),
        ({"severity_number": 24}, "error"),
        ({"severity_number": 9}, "info"),
        ({"severity_number": "17"}, "error"),
        ({"level": "info", "severity_number": 17}, "info"),
    ],
)
def test_level_words_and_their_stand_ins_become_error_warning_or_info(sent, level):
    assert posted(**sent).level == level


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"message": 5}, "message"),
        ({"message": None}, "message"),
        ({"message": ["x"]}, "message"),
        ({"level": 5}, "level"),
        ({"environment": None}, "environment"),
        ({"environment": "x" * 65}, "environment"),
        ({"release": {"a": 1}}, "release"),
        ({"release": "x" * 201}, "release"),
        ({"release": "a\nb"}, "release"),
        ({"stack": []}, "stack"),
        ({"frames": "x"}, "frames"),
        ({"tags": None}, "tags"),
        ({"tags": "a"}, "tags"),
        ({"extra": []}, "extra"),
        ({"message": "a\0b"}, "message"),
        ({"extra": {"a": "\0"}}, "extra"),
        ({"a\0": 1}, "non_field_errors"),
    ],
)
def test_a_field_of_the_wrong_kind_is_named(sent, field):
    with pytest.raises(FieldErrors) as caught:
        posted(**sent)
    assert list(caught.value.fields) == [field]
    assert all(isinstance(text, str) for text in caught.value.fields[field])


def test_every_wrong_field_is_named_at_once():
    with pytest.raises(FieldErrors) as caught:
        posted(message=1, tags=None)
    assert set(caught.value.fields) == {"message", "tags"}


def test_an_escaped_backslash_before_u0000_is_no_null_character():
    assert posted(message="a\\u0000b").message == "a\\u0000b"


@pytest.mark.parametrize("absent", ["release", "stack", "frames", "level", "extra"])
def test_null_stands_for_absent_where_the_event_may_have_null(absent):
    assert posted(**{absent: None}) is not None


@pytest.mark.parametrize("body", [b"", b"{", b"nope", b'{"a":NaN}', b"\xff", b'{"a":"\\ud800"}', b"[" * 5000])
def test_bad_json_is_invalid(body):
    with pytest.raises(PayloadInvalid):
        parse(body, "application/json")


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"5"])
def test_a_body_that_is_no_object_is_named_as_a_whole(body):
    with pytest.raises(FieldErrors) as caught:
        parse(body)
    assert list(caught.value.fields) == ["non_field_errors"]


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "application/json",
        "application/json; charset=utf-8",
        "text/plain;charset=UTF-8",
        "application/vnd.x+json",
        "application/x-www-form-urlencoded",
    ],
)
def test_json_is_read_under_the_content_types_that_clients_give_it(media_type):
    assert parse(b'{"message":"it broke"}', media_type).message == "it broke"


@pytest.mark.parametrize("media_type", ["application/xml", "image/png", "application/x-sentry-envelope"])
def test_other_content_types_are_unknown(media_type):
    with pytest.raises(MediaTypeUnknown):
        parse(b"{}", media_type)


def test_forms_are_read():
    found = parse(
        b"message=it+broke&level=warn&tags=%5B%22a%22%5D&extra=%7B%22k%22%3A1%7D", "application/x-www-form-urlencoded"
    )
    assert (found.message, found.level, found.fields["tags"], found.fields["extra"]) == (
        "it broke",
        "warning",
        ["a"],
        {"k": 1},
    )
    assert json.loads(found.payload)["message"] == "it broke"


def test_multipart_forms_are_read_without_their_files():
    body = (
        b'--b\r\nContent-Disposition: form-data; name="message"\r\n\r\nit broke \xc3\xbc\r\n'
        b'--b\r\nContent-Disposition: form-data; name="tags"\r\n\r\nred\r\n'
        b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\ndata\r\n--b--\r\n'
    )
    found = parse(body, "multipart/form-data; boundary=b")
    assert found.fields == {"message": "it broke ü", "tags": ["red"]}


@pytest.mark.parametrize("boundary", ["", "; boundary=", "; boundary=zzz"])
def test_a_multipart_body_without_its_parts_is_refused(boundary):
    with pytest.raises(ProtocolError):
        parse(b"--b\r\n\r\nx\r\n--b--", "multipart/form-data" + boundary)


@pytest.mark.parametrize(
    "tags",
    [
        {"region": "eu", "shard": 5},
        ["region:eu", "shard=5"],
        [{"key": "region", "value": "eu"}, {"name": "shard", "value": 5}],
        [{"region": "eu"}, {"shard": 5}],
        [["region", "eu"], ["shard", 5]],
    ],
)
def test_tags_of_any_form_can_be_filtered_by(tags):
    found = event(tags=tags)
    assert (found.tags["region"], found.tags["shard"]) == ("eu", "5")
    assert json.loads(found.payload)["tags"] == tags


def test_a_bare_tag_is_true():
    assert event(tags=["beta", "https://a.test"]).tags["beta"] == "true"


def test_a_stack_is_parsed_by_the_function_handed_in():
    [frame] = event(stack="app.js").stacktrace.frames
    assert frame.filename == "app.js"
    assert event(stack="app.js").platform == "javascript"
    assert event(stack="app.py").platform == "python"
    assert event(stack="app.js", platform="Node").platform == "node"


def test_frames_are_read_in_several_spellings_and_win_over_the_stack():
    frames = [
        {"filename": "a.js", "function": "f", "lineno": 1, "colno": 2},
        {"file": "b.js", "line": "3", "column": 4},
        {"x": 1},
        5,
    ]
    found = event(frames=frames, stack="c.js")
    assert [(frame.filename, frame.lineno, frame.colno) for frame in found.stacktrace.frames] == [
        ("a.js", 1, 2),
        ("b.js", 3, 4),
    ]
    assert [error.name for error in found.errors] == ["frames.2", "frames.3"]


def test_event_id_user_and_time_of_the_caller_are_used():
    found = event(event_id=ID.upper(), user={"id": 5, "email": "a@b.test"}, timestamp=RECEIVED_AT - 5)
    assert (found.event_id, found.user_tag, found.timestamp) == (ID, "id:5", RECEIVED_AT - 5)
    assert event(user="bob").user_tag == "id:bob"
    assert event(timestamp=5).timestamp == RECEIVED_AT


def test_a_very_large_body_is_refused():
    with pytest.raises(FieldErrors):
        posted(message="x" * 1024 * 1024)
