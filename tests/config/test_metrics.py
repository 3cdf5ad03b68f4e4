"""Prometheus' text, who may read it, and the page that lists every metric."""

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mini_sentry.config import metrics
from mini_sentry.config.metrics import METRICS, Kind, render
from mini_sentry.config.probes import Vitals, answer, may_read
from mini_sentry.ingest.counts import Counts
from mini_sentry.protocol.outcomes import Reason
from mini_sentry.streams.consumer import Status
from mini_sentry.streams.spool import SpoolStatus

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()


def read(text: bytes) -> dict[tuple[str, tuple[str, ...]], float]:
    """Sample name and label values (in the metric's order) to value, as Prometheus reads it."""
    labels = {metric.name: metric.labels for metric in METRICS}
    return {
        (
            sample.name,
            tuple(sample.labels[name] for name in labels[re.sub("_(count|sum)$", "", sample.name)]),
        ): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_the_page_lists_every_metric_with_its_kind_labels_and_meaning():
    rows = re.findall(r"^\| `(mini_sentry_\w+)` \| (\w+) \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
    listed = {name: (kind, tuple(re.findall(r"`(\w+)`", labels)), text) for name, kind, labels, text in rows}
    assert set(listed) == {metric.name for metric in METRICS}
    for metric in METRICS:
        kind, labels, text = listed[metric.name]
        assert (kind, labels) == (metric.kind.value, metric.labels)
        assert text.startswith(metric.text)


def test_names_are_as_prometheus_wants_them():
    for metric in METRICS:
        assert metric.name.startswith("mini_sentry_")
        assert metric.name.endswith("_total") is (metric.kind is Kind.COUNTER)


def test_the_edge_tells_what_it_took_and_what_it_refused_and_why():
    counts = Counts()
    counts.add_accepted(5)
    counts.add_refused(Reason.PROJECT_LIMIT, 2)
    found = read(render(metrics.of_edge(counts, is_open=True, digest_lag_seconds=1.5)))
    assert found["mini_sentry_accepted_requests_total", ()] == 5
    assert found["mini_sentry_refused_items_total", ("project_limit",)] == 2
    assert found["mini_sentry_refused_items_total", ("backlog",)] == 0
    assert found["mini_sentry_edge_open", ()] == 1
    assert found["mini_sentry_digest_lag_seconds", ()] == 1.5


def test_a_reader_tells_its_lag_its_batches_and_what_it_waits_for():
    status = Status("snuba", "events", partition=3, lag=7, batch_count=2, record_count=40, busy_seconds=0.5)
    waiting = Status("snuba", "sessions", error="away", gap_records=9)
    found = read(render(metrics.of_readers([status, waiting])))
    reader = ("snuba", "events", "3")
    assert found["mini_sentry_lag_records", reader] == 7
    assert found["mini_sentry_records_total", reader] == 40
    assert found["mini_sentry_batch_seconds_count", reader] == 2
    assert found["mini_sentry_batch_seconds_sum", reader] == 0.5
    assert found["mini_sentry_reader_waiting", reader] == 0
    assert found["mini_sentry_reader_waiting", ("snuba", "sessions", "0")] == 1
    assert found["mini_sentry_gap_records_total", ("snuba", "sessions", "0")] == 9


def test_a_spool_tells_what_waits_in_it():
    found = read(render(metrics.of_spool(SpoolStatus(is_away=True, waiting=12, size_bytes=3400, refused=0))))
    names = ("mini_sentry_spooling", "mini_sentry_spooled_records", "mini_sentry_spooled_bytes")
    assert [found[name, ()] for name in names] == [1, 12, 3400]


def test_a_label_may_hold_any_text():
    odd = 'a "quoted"\n\\ word'
    found = read(render(metrics.of_tasks({(odd, "success"): 1}, 4, "mini-sentry")))
    assert found["mini_sentry_tasks_total", (odd, "success")] == 1
    assert found["mini_sentry_queued_tasks", ("mini-sentry",)] == 4
    assert not read(render(metrics.of_tasks({}, None, "mini-sentry")))


HERE = {"host": "127.0.0.1:9100"}


@pytest.mark.parametrize(
    ("peer", "headers", "token", "may"),
    [
        ("127.0.0.1", HERE, "", True),
        ("::1", {"host": "[::1]:9100"}, "", True),
        ("::ffff:127.0.0.1", {"host": "localhost"}, "", True),
        ("127.0.0.1", HERE, "secret", True),
        ("127.0.0.1", {"host": "errors.example"}, "", False),
        ("127.0.0.1", {**HERE, "x-forwarded-for": "192.0.2.1"}, "", False),
        ("192.0.2.1", HERE, "", False),
        ("192.0.2.1", {"host": "web:8000", "authorization": "Bearer secret"}, "secret", True),
        ("192.0.2.1", {"host": "web:8000", "authorization": "Bearer secre"}, "secret", False),
        ("192.0.2.1", {"host": "web:8000", "authorization": "Bearer "}, "", False),
        ("", {}, "", False),
    ],
)
def test_metrics_are_for_this_machine_and_for_who_has_the_token(
    peer: str, headers: dict[str, str], token: str, may: bool
):
    assert may_read(peer, headers, token) is may


def test_a_process_is_live_before_it_is_ready_and_says_what_it_waits_for():
    missing = {"snuba": "the columns have no tables yet"}
    vitals = Vitals(role="snuba", is_live=lambda: True, missing=lambda: missing, samples=list)
    assert answer("/health/live", "192.0.2.1", {}, vitals).status == 200
    unready = answer("/health/ready", "192.0.2.1", {}, vitals)
    assert unready.status == 503
    assert b"the columns have no tables yet" in unready.body
    missing.clear()
    assert answer("/health/ready", "192.0.2.1", {}, vitals).status == 200
    assert answer("/metrics", "192.0.2.1", {}, vitals).status == 403
