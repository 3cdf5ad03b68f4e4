import json

import pytest

from mini_sentry.protocol.client_report import Discarded, parse
from mini_sentry.protocol.envelope import scan
from mini_sentry.protocol.errors import PayloadInvalid
from tests.recordings import requests_of


def test_recorded_reports_are_read():
    bodies = [request.body for request in requests_of("python-client-reports.json") if request.endpoint == "envelope"]
    found = [
        entry
        for body in bodies
        for item in scan(body).items
        if item.type == "client_report"
        for entry in parse(body[item.start : item.end])
    ]
    assert found
    assert all(entry.quantity > 0 and entry.reason and entry.category for entry in found)


def test_words_outside_every_list_are_kept():
    report = {
        "discarded_events": [{"reason": "no_parent_span", "category": "span", "quantity": 3}],
        "filtered_events": [{"reason": "crawler", "category": "error", "quantity": 1.0}],
    }
    assert parse(json.dumps(report).encode()) == [
        Discarded("no_parent_span", "span", 3),
        Discarded("crawler", "error", 1),
    ]


@pytest.mark.parametrize(
    "entry",
    [
        None,
        5,
        {},
        {"reason": "r", "category": "c"},
        {"reason": "r", "category": "c", "quantity": 0},
        {"reason": "r", "category": "c", "quantity": -1},
        {"reason": "r", "category": "c", "quantity": True},
        {"reason": 5, "category": "c", "quantity": 1},
    ],
)
def test_entries_that_make_no_sense_are_left_out(entry):
    assert parse(
        json.dumps({"discarded_events": [entry, {"reason": "r", "category": "c", "quantity": 2}]}).encode()
    ) == [Discarded("r", "c", 2)]


def test_a_report_is_bounded():
    entries = [{"reason": "r" * 500, "category": "c", "quantity": 10**18}] * 1000
    found = parse(json.dumps({"discarded_events": entries}).encode())
    assert len(found) == 200
    assert (len(found[0].reason), found[0].quantity) == (64, 2**31 - 1)


def test_what_is_no_object_is_invalid():
    with pytest.raises(PayloadInvalid):
        parse(b"[]")
