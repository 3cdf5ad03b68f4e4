import copy
import json

import pytest

from mini_sentry.protocol import timestamps
from mini_sentry.protocol.canonical import canonical, read, shallow
from mini_sentry.protocol.event import EventError
from mini_sentry.protocol.normalize import normalize
from tests.protocol.payloads import CONTEXT, recorded_events


@pytest.mark.parametrize(("scenario", "payload"), recorded_events())
def test_recorded_events_are_shown_whole(scenario, payload):
    shown, errors = read(payload)
    event = normalize(payload, CONTEXT)
    assert errors == []
    assert [(found["type"], found["value"]) for found in shown["exceptions"]] == [
        (found.type, found.value) for found in event.exceptions
    ]
    assert [len(found["frames"]) for found in shown["exceptions"]] == [
        len(found.stacktrace.frames) if found.stacktrace else 0 for found in event.exceptions
    ]
    assert (shown["message"] or {"formatted": ""})["formatted"] == event.message
    assert shown["sdk"]["name"] == event.sdk_name
    json.dumps(shown)


def test_the_payload_is_left_as_it_is():
    payload = json.loads(dict(recorded_events())["python-django-app"])
    before = copy.deepcopy(payload)
    canonical(payload)
    assert payload == before


def test_frames_keep_their_surroundings_and_variables():
    frame = {
        "function": "f",
        "pre_context": ["a"],
        "context_line": "b",
        "post_context": ["c"],
        "vars": {"x": {"y": [1]}},
        "lineno": "7",
    }
    shown, _ = canonical({"exception": {"type": "E", "value": "v", "stacktrace": {"frames": [frame]}}})
    [found] = shown["exceptions"][0]["frames"]
    assert (found["pre_context"], found["context_line"], found["post_context"], found["vars"], found["lineno"]) == (
        ["a"],
        "b",
        ["c"],
        {"x": {"y": [1]}},
        7,
    )
    assert found["module"] is None


def chain(*mechanisms):
    shown, _ = canonical(
        {"exception": {"values": [{"type": "E", "value": "v", "mechanism": mechanism} for mechanism in mechanisms]}}
    )
    return [found["relation"] for found in shown["exceptions"]]


def test_each_exception_says_how_it_came_into_the_chain():
    assert chain({"source": "__context__", "exception_id": 1, "parent_id": 0}, {"exception_id": 0}) == ["context", None]
    assert chain({"source": "__cause__", "exception_id": 1, "parent_id": 0}, {"exception_id": 0}) == ["cause", None]
    assert chain(
        {"source": "exceptions[0]", "exception_id": 1, "parent_id": 0}, {"exception_id": 0, "is_exception_group": True}
    ) == ["group", None]
    assert chain(
        {"exception_id": 2, "parent_id": 0},
        {"exception_id": 1, "parent_id": 0},
        {"exception_id": 0, "is_exception_group": True},
    ) == ["group", "group", None]
    assert chain(None, None) == ["cause", None]


@pytest.mark.parametrize("form", [lambda crumbs: crumbs, lambda crumbs: {"values": crumbs}])
def test_the_last_hundred_breadcrumbs_are_shown_in_one_form(form):
    crumbs = [
        {"timestamp": 1795404493.5, "level": "log", "message": f"m{n}", "category": "c", "data": {"n": n}}
        for n in range(120)
    ]
    shown, _ = canonical({"breadcrumbs": form(crumbs)})
    assert len(shown["breadcrumbs"]) == 100
    assert shown["breadcrumbs"][0] == {
        "timestamp": "2026-11-23T03:28:13.500000Z",
        "type": "default",
        "category": "c",
        "message": "m20",
        "level": "info",
        "data": {"n": 20},
    }


@pytest.mark.parametrize("corrected_by", [0.0, 7200.0, -86400.0])
def test_breadcrumbs_move_with_the_event_when_its_clock_was_corrected(corrected_by):
    sent_at = 1795404493.5
    payload = {"timestamp": sent_at, "breadcrumbs": [{"timestamp": sent_at - 3, "message": "three seconds before"}]}
    shown, _ = canonical(payload, at=sent_at + corrected_by)
    assert timestamps.parse(shown["breadcrumbs"][0]["timestamp"]) == sent_at + corrected_by - 3


@pytest.mark.parametrize(
    "request_sent",
    [
        {"query_string": "a=1&b=2", "headers": {"Host": "h"}, "cookies": "s=1; t=2"},
        {"query_string": {"a": "1", "b": "2"}, "headers": [["Host", "h"]], "cookies": {"s": "1", "t": "2"}},
        {"query_string": [["a", "1"], ["b", "2"]], "headers": {"Host": ["h"]}, "cookies": [["s", "1"], ["t", "2"]]},
        {"url": "https://shop.test/?a=1&b=2#x", "headers": {"Host": "h"}, "cookies": "s=1;t=2"},
    ],
)
def test_the_maps_of_a_request_are_shown_as_pairs(request_sent):
    shown, _ = canonical({"request": request_sent})
    assert shown["request"]["query_string"] == [["a", "1"], ["b", "2"]]
    assert shown["request"]["headers"] == [["Host", "h"]]
    assert shown["request"]["cookies"] == [["s", "1"], ["t", "2"]]


def test_an_empty_event_has_every_part_empty():
    shown, errors = canonical({})
    assert errors == []
    assert shown == {
        "exceptions": [], "threads": [], "stacktrace": None, "message": None, "breadcrumbs": [], "request": None, "contexts": {}, "extra": {},
        "modules": {}, "user": None, "sdk": None, "errors": [],
    }  # fmt: skip


def test_what_is_wrong_is_noted_and_the_rest_shown():
    shown, errors = canonical(
        {
            "exception": [5, {"type": "E", "value": "v"}],
            "breadcrumbs": "x",
            "modules": 5,
            "threads": [{"id": 1, "crashed": "x"}],
            "errors": [{"type": "t", "name": "n"}, 5],
        }
    )
    assert [found["type"] for found in shown["exceptions"]] == ["E"]
    assert EventError("invalid_data", "exception.values.0", "5") in errors
    assert {error.name for error in errors} == {
        "exception.values.0",
        "breadcrumbs",
        "modules",
        "threads.values.0.crashed",
    }
    assert shown["errors"] == [{"type": "t", "name": "n", "value": ""}]


def test_deep_and_long_values_are_trimmed():
    assert shallow({"a": {"b": {"c": 1}}}, 2) == {"a": {"b": "…"}}
    assert len(shallow(list(range(1000)))) == 500
