"""Records that come twice, as a log may have them whose edge did not learn that the first attempt went well."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from django.db import connection, transaction
from django.db.models import Sum

from mini_sentry.digest.consumer import Digest
from mini_sentry.groups.bodies import open_bodies
from mini_sentry.groups.models import Event, Group
from mini_sentry.projects.models import CountedRecord, OutcomeCount, Project
from mini_sentry.projects.retention import COPIES_COME, FOR_EVER, Sweep, forget_counted
from mini_sentry.projects.usage import CountedMeanwhile, remember_counted
from mini_sentry.protocol.limits import Limits
from mini_sentry.protocol.outcomes import Tally
from mini_sentry.releases.models import Session
from mini_sentry.streams.consumer import Consumer
from mini_sentry.streams.engines.memory import MemoryLog
from mini_sentry.streams.topics import DIGEST, INGEST
from tests.digest.arrivals import NOON, accept, crash, envelope

pytestmark = pytest.mark.django_db

RECORD = b"\x07" * 16
REPORT = (
    b'\n{"type":"client_report"}\n{"discarded_events":[{"reason":"queue_overflow","category":"error","quantity":3}]}'
)
RUNS = (
    b'{}\n{"type":"sessions"}\n{"aggregates":[{"started":"2026-03-14T11:59:00Z","exited":5}],"attrs":{"release":"1.0"}}'
)


class RepeatingLog(MemoryLog):
    may_repeat = True


def drain(log: MemoryLog, tmp_path: Path, *, batch_records: int) -> None:
    digest = Digest(log, open_bodies(tmp_path), limits=Limits(), clock=lambda: NOON)
    consumer = Consumer(log, DIGEST, INGEST, digest, batch_records=batch_records)
    while consumer.run_once(threading.Event(), wait_seconds=0):
        continue
    assert consumer.status.error is None


def counted() -> dict[tuple[str, str], int]:
    """Of all categories together."""
    rows = OutcomeCount.objects.values_list("outcome", "reason").annotate(Sum("quantity"))
    return {(outcome, reason): quantity for outcome, reason, quantity in rows}


@pytest.mark.parametrize("batch_records", [1, 10], ids=["in two batches", "in one batch"])
def test_what_the_edge_refused_is_counted_once(shop: Project, tmp_path: Path, batch_records: int) -> None:
    log = RepeatingLog()
    refused = msgspec.json.encode([Tally(shop.pk, int(NOON), "rate_limited", "project_limit", "error", 4)])
    for _ in range(2):
        accept(log, shop, refused, kind="tallies", record_id=RECORD)
    drain(log, tmp_path, batch_records=batch_records)
    assert counted() == {("rate_limited", "project_limit"): 4}


@pytest.mark.parametrize("batch_records", [1, 10], ids=["in two batches", "in one batch"])
def test_what_comes_beside_an_event_is_counted_once(shop: Project, tmp_path: Path, batch_records: int) -> None:
    log = RepeatingLog()
    body = envelope(crash()) + REPORT
    for _ in range(2):
        accept(log, shop, body, record_id=RECORD)
    drain(log, tmp_path, batch_records=batch_records)
    assert Event.objects.count() == 1
    assert Group.objects.get().count == 1
    counts = counted()
    assert counts["client_discard", "queue_overflow"] == 3
    # The event, and the report that came with it.
    assert counts["accepted", ""] == 2


def test_sessions_are_counted_once(shop: Project, tmp_path: Path) -> None:
    log = RepeatingLog()
    for _ in range(2):
        accept(log, shop, RUNS, record_id=RECORD)
    drain(log, tmp_path, batch_records=1)
    assert list(Session.objects.values_list("quantity", flat=True)) == [5]
    assert counted() == {("accepted", ""): 1}


def test_a_log_that_repeats_nothing_needs_no_marks(shop: Project, tmp_path: Path) -> None:
    log = MemoryLog()
    accept(log, shop, envelope(crash()) + REPORT)
    drain(log, tmp_path, batch_records=1)
    assert CountedRecord.objects.count() == 0


def test_a_copy_that_another_digest_counts_at_the_same_time_is_looked_for_again(db: None) -> None:
    with connection.cursor() as cursor:
        remember_counted(cursor, [RECORD], now=NOON)
        with pytest.raises(CountedMeanwhile), transaction.atomic():
            remember_counted(cursor, [RECORD, b"\x08" * 16], now=NOON)
    assert CountedRecord.objects.count() == 1


def test_marks_go_when_no_copy_can_come_any_more(db: None) -> None:
    with connection.cursor() as cursor:
        remember_counted(cursor, [RECORD], now=NOON)
    counted_at = datetime.fromtimestamp(NOON, UTC)
    assert forget_counted(Sweep(now=counted_at + COPIES_COME, before=FOR_EVER)) == 0
    assert forget_counted(Sweep(now=counted_at + COPIES_COME + timedelta(seconds=1), before=FOR_EVER)) == 1
