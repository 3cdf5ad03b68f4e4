"""What passes of an envelope's items, and the id that its sender is answered with."""

import asyncio
from collections.abc import Sequence

import pytest

from mini_sentry.ingest import items
from mini_sentry.ingest.items import Admitted, answered_id, payload_id
from mini_sentry.ingest.quotas import Bucket, MemoryQuotas, Quotas
from mini_sentry.protocol.envelope import Item, build, scan
from tests.ingest.driver import EVENT_ID, NOON

OWN = EVENT_ID.encode()


def items_of(*kinds: str) -> list[Item]:
    return scan(build({}, [({"type": kind}, b"{}") for kind in kinds])).items


def admit(wanted: Sequence[Item], quotas: Quotas, project_id: int, *, now: float) -> Admitted:
    return asyncio.run(items.admit(wanted, quotas, project_id, now=now))


def test_items_without_a_quota_touch_no_bucket() -> None:
    quotas = MemoryQuotas(events_per_minute=1, sessions_per_minute=1)
    assert admit(items_of("client_report", "transaction", "log"), quotas, 1, now=NOON) == ([], [])
    assert admit(items_of("event", "session"), quotas, 1, now=NOON) == ([], [])


def test_the_first_items_pass_and_the_last_do_not() -> None:
    quotas = MemoryQuotas(events_per_minute=2, sessions_per_minute=9)
    kinds = ("event", "client_report", "event", "event", "attachment")
    assert admit(items_of(*kinds), quotas, 1, now=NOON) == ([3], [(Bucket.EVENTS, 20)])


def test_an_attachment_goes_when_no_event_is_left_to_attach_it_to() -> None:
    quotas = MemoryQuotas(events_per_minute=1, sessions_per_minute=9)
    admit(items_of("event"), quotas, 1, now=NOON)
    assert admit(items_of("attachment", "event", "user_report"), quotas, 1, now=NOON).dropped == [0, 1]
    assert admit(items_of("attachment"), quotas, 1, now=NOON).dropped == []


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"event_id":"%s"}' % OWN, EVENT_ID),
        (b'{"a":{"event_id":"%s"}}' % (b"1" * 32), ""),
        (b'{"a":[{"event_id":"%s"}],"event_id":"%s"}' % (b"1" * 32, OWN), EVENT_ID),
        (b'{"event_id":"4C79F60C-1121-4EB3-8604-F4AE0781BFB2","x":1}', EVENT_ID),
        (b'{"event_id":null}', ""),
        (b'{"event_id":12}', ""),
        (b'{"event_id":"short"}', ""),
        (b'{"event_id":"%s","x":NaN}' % OWN, EVENT_ID),
        (b'{"x":NaN,"event_id":"%s"}' % OWN, ""),
        (b'{"event_id":"%s","deep":%s%s}' % (OWN, b"[" * 10_000, b"]" * 10_000), EVENT_ID),
        (b'{"event_id":"\xff"}', ""),
        (b"[]", ""),
        (b"", ""),
    ],
)
def test_only_the_objects_own_id_counts(payload: bytes, expected: str) -> None:
    assert payload_id(payload) == expected


def test_the_headers_id_wins_over_the_payloads() -> None:
    body = build({}, [({"type": "event"}, b'{"event_id":"%s"}' % (b"1" * 32))])
    assert answered_id(scan(body).items, EVENT_ID, body) == EVENT_ID
    assert answered_id(scan(body).items, "", body) == "1" * 32
    assert answered_id(items_of("session"), EVENT_ID, body) == ""
