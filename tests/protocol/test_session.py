"""What sessions say, whatever their clients write, and that the order of their updates does not matter."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mini_sentry.protocol.errors import FieldErrors, OutOfTime, PayloadInvalid, SessionIdMissing
from mini_sentry.protocol.session import (
    SessionUpdate,
    Status,
    merge,
    parse_aggregates,
    parse_rest,
    parse_update,
)

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC).timestamp()
SID = "3ea6a8bb-733e-497a-a8a4-84a265c9c766"
PLACE = {"release": "shop@1.4.2", "environment": "production"}


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def update(sent_at: str = "", **sent: Any) -> SessionUpdate:
    sent = {"sid": SID, "started": iso(NOON - 60), "timestamp": iso(NOON - 1), "attrs": PLACE} | sent
    return parse_update(json.dumps(sent).encode(), received_at=NOON, fallback_id="fallback", sent_at=sent_at)


def aggregates(*entries: Any, **sent: Any) -> list[SessionUpdate]:
    body = json.dumps({"aggregates": entries, "attrs": PLACE} | sent).encode()
    return parse_aggregates(body, received_at=NOON, key="key")


def test_an_update_says_who_ran_what_from_when_to_when():
    found = update(init=True, status="exited", errors=1, did="42", duration=1.25)
    assert found == SessionUpdate(
        session_id=SID.replace("-", ""),
        status=Status.EXITED,
        errors=1,
        user="42",
        release="shop@1.4.2",
        environment="production",
        duration_ms=1250,
        started_at=int(NOON - 60) * 1000,
        updated_at=int(NOON - 1) * 1000,
        received_at=int(NOON) * 1000,
        placed_at=int(NOON - 1) * 1000,
    )


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, Status.OK),
        ({"status": None}, Status.OK),
        ({"status": "init"}, Status.OK),
        ({"status": "Crashed"}, Status.CRASHED),
        ({"status": "unhandled"}, Status.UNHANDLED),
        ({"status": "abnormal"}, Status.ABNORMAL),
        ({"status": "exploded"}, Status.ERRORED),
        ({"status": 5}, Status.ERRORED),
    ],
)
def test_a_status_that_nobody_knows_is_an_error(sent: dict[str, Any], status: Status):
    found = update(**sent)
    assert (found.status, found.errors) == (status, 1 if status is Status.ERRORED else 0)


@pytest.mark.parametrize(
    "odd",
    [
        {"errors": "many"},
        {"errors": -3},
        {"errors": [1]},
        {"did": {"id": None}},
        {"did": "00000000-0000-0000-0000-000000000000"},
        {"duration": "long"},
        {"duration": -1},
        {"duration": True},
        {"seq": {}},
        {"init": "yes"},
        {"timestamp": "soon"},
        {"user_agent": 5},
    ],
)
def test_a_field_that_makes_no_sense_counts_as_absent(odd: dict[str, Any]):
    found = update(**odd)
    assert (found.status, found.errors, found.user, found.duration_ms) == (Status.OK, 0, "", None)


@pytest.mark.parametrize("attrs", [None, [], "shop", {"release": "a/b"}, {"release": "latest"}, {"release": {}}])
def test_a_session_without_a_valid_release_is_one_of_no_release(attrs: Any):
    assert update(attrs=attrs).release == ""


def test_an_environment_that_cannot_be_is_dropped_alone():
    found = update(attrs={"release": "1.0", "environment": "a/b"})
    assert (found.release, found.environment) == ("1.0", "")


@pytest.mark.parametrize("sid", [None, "", {}, "00000000-0000-0000-0000-000000000000"])
def test_a_session_without_an_id_is_named_by_its_record(sid: Any):
    assert update(sid=sid).session_id == "fallback"


def test_json_as_clients_really_write_it_is_read():
    body = b'{"sid":"s","status":"crashed","errors":NaN,"did":"a\\u0000b","attrs":{"release":"1.0"}}'
    found = parse_update(body, received_at=NOON, fallback_id="f")
    assert (found.session_id, found.status, found.user, found.release) == ("s", Status.CRASHED, "a�b", "1.0")


@pytest.mark.parametrize("body", [b"[]", b"no JSON", b'"text"'])
def test_what_is_no_object_is_no_session(body: bytes):
    with pytest.raises(PayloadInvalid):
        parse_update(body, received_at=NOON, fallback_id="f")
    with pytest.raises(PayloadInvalid):
        parse_aggregates(body, received_at=NOON, key="f")


@pytest.mark.parametrize("seconds", [-6 * 86400, 120])
def test_a_session_from_long_ago_or_from_the_future_is_refused(seconds: float):
    with pytest.raises(OutOfTime):
        update(started=iso(NOON + seconds), timestamp=iso(NOON))
    with pytest.raises(OutOfTime):
        aggregates({"started": iso(NOON + seconds), "exited": 1})


def test_nothing_begins_or_ends_after_it_was_received():
    found = update(started=iso(NOON + 20), timestamp=iso(NOON + 30))
    assert found.started_at == found.updated_at == found.received_at


def test_an_end_before_the_start_is_the_start():
    found = update(started=iso(NOON - 10), timestamp=iso(NOON - 50))
    assert found.updated_at == found.started_at == (NOON - 10) * 1000


def test_a_clock_that_is_off_is_corrected():
    found = update(iso(NOON - 7200), started=iso(NOON - 7260), timestamp=iso(NOON - 7201))
    assert (found.started_at, found.updated_at) == ((NOON - 60) * 1000, (NOON - 1) * 1000)


def test_counts_become_one_update_for_each_that_is_not_zero():
    entry = {"started": iso(NOON - 60), "did": "7", "exited": 2, "errored": 1, "crashed": 0, "unhandled": "3"}
    found = aggregates(entry, {"started": iso(NOON - 120), "crashed": 4}, "nonsense", {"exited": -1})
    assert [(one.status, one.quantity, one.user, one.errors) for one in found] == [
        (Status.EXITED, 2, "7", 0),
        (Status.ERRORED, 1, "7", 1),
        (Status.UNHANDLED, 3, "7", 0),
        (Status.CRASHED, 4, "", 0),
    ]
    assert len({one.session_id for one in found}) == 4
    assert found[0].release == "shop@1.4.2"


def test_entries_that_are_too_old_leave_the_others():
    found = aggregates({"started": iso(NOON - 6 * 86400), "exited": 1}, {"started": iso(NOON), "exited": 2})
    assert [one.quantity for one in found] == [2]


def test_a_rest_body_needs_only_its_id():
    found = parse_rest(b'{"session_id": "s-1"}')
    assert (found.session_id, found.status, found.environment, found.release) == ("s-1", Status.INIT, "production", "")
    assert (found.user, found.duration_ms) == ("", None)


def test_a_form_is_read_like_json():
    found = parse_rest(b"session_id=s-1&status=crashed&duration_ms=1200", "application/x-www-form-urlencoded")
    assert (found.status, found.duration_ms) == (Status.CRASHED, 1200)


@pytest.mark.parametrize("body", [b"{}", b'{"session_id": ""}', b'{"session_id": null}', b'{"session_id": true}'])
def test_a_rest_body_without_its_id_is_refused(body: bytes):
    with pytest.raises(SessionIdMissing):
        parse_rest(body)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "exploded"),
        ("status", 5),
        ("duration_ms", "long"),
        ("duration_ms", -1),
        ("duration_ms", True),
        ("user", ["u1"]),
        ("user", "a\0b"),
        ("release", 1.0),
        ("release", "x" * 201),
        ("environment", ["production"]),
        ("environment", "a\nb"),
        ("session_id", "s" * 201),
    ],
)
def test_a_rest_field_that_is_wrong_is_named(field: str, value: Any):
    with pytest.raises(FieldErrors) as refused:
        parse_rest(json.dumps({"session_id": "s-1", field: value}).encode())
    assert list(refused.value.fields) == [field]


UPDATES = st.builds(
    SessionUpdate,
    session_id=st.just("s"),
    status=st.sampled_from(Status),
    errors=st.integers(0, 3),
    user=st.sampled_from(["", "u1", "u2"]),
    release=st.sampled_from(["", "1.0", "1.1"]),
    environment=st.sampled_from(["", "production"]),
    duration_ms=st.none() | st.integers(0, 5),
    started_at=st.integers(0, 5),
    updated_at=st.integers(0, 5),
    received_at=st.integers(0, 5),
    placed_at=st.integers(0, 5),
)


@given(UPDATES, UPDATES, UPDATES)
def test_updates_may_come_in_any_order_and_any_number_of_times(one, two, three):
    joined = merge(merge(one, two), three)
    assert merge(three, merge(two, one)) == joined
    assert merge(one, merge(two, three)) == joined
    assert merge(joined, two) == joined
    assert merge(one, one) == one


def test_a_crashed_session_stays_crashed():
    crashed = update(status="crashed", timestamp=iso(NOON - 30))
    later = update(status="ok", timestamp=iso(NOON - 1), seq=99)
    assert merge(crashed, later).status is merge(later, crashed).status is Status.CRASHED


def test_a_user_may_be_named_late():
    early, late = update(timestamp=iso(NOON - 30)), update(did="42")
    assert merge(early, late).user == merge(late, early).user == "42"


def test_the_place_is_that_of_the_later_update_that_names_a_release():
    old = update(timestamp=iso(NOON - 30), attrs={"release": "1.0", "environment": "staging"})
    unnamed = update(timestamp=iso(NOON - 5), attrs={})
    found = merge(unnamed, old)
    assert (found.release, found.environment) == ("1.0", "staging")
    assert found.updated_at == unnamed.updated_at
