"""What a process tells Prometheus: every metric there is, and plain numbers made into its text.

Nothing counts for Prometheus while it works: numbers that the parts keep anyway are read when somebody asks, and the library
is imported then.
"""

import platform
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import msgspec

import mini_sentry
from mini_sentry.ingest.counts import Counts
from mini_sentry.streams.consumer import Status
from mini_sentry.streams.group import GroupConsumer
from mini_sentry.streams.spool import SpoolStatus
from mini_sentry.streams.topics import INGEST

if TYPE_CHECKING:
    from mini_sentry.digest.consumer import Digest

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    SUMMARY = "summary"


class Metric(msgspec.Struct, frozen=True):
    """`name` as it is written to Prometheus. A summary has `_count` and `_sum` behind it."""

    name: str
    kind: Kind
    text: str
    labels: tuple[str, ...] = ()


class Sample(msgspec.Struct, frozen=True):
    """One value. `labels` are in the metric's order; a summary's `value` is its sum, and `count` how many made it."""

    metric: Metric
    value: float
    labels: tuple[str, ...] = ()
    count: int = 0


_READER: Final = ("group", "topic", "partition")

BUILD: Final = Metric("mini_sentry_build_info", Kind.GAUGE, "Always 1.", ("version", "python", "role"))
ACCEPTED: Final = Metric(
    "mini_sentry_accepted_requests_total", Kind.COUNTER, "Requests that were made durable and answered with success."
)
REFUSED: Final = Metric("mini_sentry_refused_items_total", Kind.COUNTER, "Items that the edge refused.", ("reason",))
OPEN: Final = Metric(
    "mini_sentry_edge_open", Kind.GAUGE, "1 while the edge takes events; 0 while it has no room for them."
)
DIGEST_LAG: Final = Metric(
    "mini_sentry_digest_lag_seconds", Kind.GAUGE, "Age of the oldest request that is accepted and not digested."
)
SPOOLED: Final = Metric(
    "mini_sentry_spooled_records", Kind.GAUGE, "Accepted records that wait in the spool for the log to come back."
)
SPOOLED_BYTES: Final = Metric("mini_sentry_spooled_bytes", Kind.GAUGE, "How large they are.")
SPOOLING: Final = Metric("mini_sentry_spooling", Kind.GAUGE, "1 while the log is away and records go into the spool.")
OUTCOMES: Final = Metric(
    "mini_sentry_outcomes_total",
    Kind.COUNTER,
    "What became of items, as the digest has stored it.",
    ("outcome", "reason", "category"),
)
LAG: Final = Metric("mini_sentry_lag_records", Kind.GAUGE, "Records that a reader has still before it.", _READER)
RECORDS: Final = Metric("mini_sentry_records_total", Kind.COUNTER, "Records that a reader has worked on.", _READER)
BATCHES: Final = Metric(
    "mini_sentry_batch_seconds", Kind.SUMMARY, "Batches that a reader has worked on, and how long.", _READER
)
DEAD_LETTERS: Final = Metric("mini_sentry_dead_letters_total", Kind.COUNTER, "Records that were given up.", ("topic",))
GAPS: Final = Metric(
    "mini_sentry_gap_records_total", Kind.COUNTER, "Records that were removed before a reader came to them.", _READER
)
WAITING: Final = Metric(
    "mini_sentry_reader_waiting", Kind.GAUGE, "1 while a reader waits because something it needs is away.", _READER
)
QUEUE: Final = Metric("mini_sentry_queued_tasks", Kind.GAUGE, "Tasks that wait for a worker.", ("queue",))
TASKS: Final = Metric("mini_sentry_tasks_total", Kind.COUNTER, "Tasks that have ended.", ("task", "state"))

METRICS: Final = (
    BUILD, ACCEPTED, REFUSED, OPEN, DIGEST_LAG, SPOOLED, SPOOLED_BYTES, SPOOLING, OUTCOMES, LAG, RECORDS, BATCHES,
    DEAD_LETTERS, GAPS, WAITING, QUEUE, TASKS,
)  # fmt: skip


def of_build(role: str) -> list[Sample]:
    return [Sample(BUILD, 1, (mini_sentry.__version__, platform.python_version(), role))]


def of_edge(counts: Counts, *, is_open: bool, digest_lag_seconds: float) -> list[Sample]:
    return [
        Sample(ACCEPTED, counts.accepted),
        *(Sample(REFUSED, quantity, (reason.value,)) for reason, quantity in counts.refused.items()),
        Sample(OPEN, int(is_open)),
        Sample(DIGEST_LAG, digest_lag_seconds),
    ]


def of_spool(status: SpoolStatus) -> list[Sample]:
    return [
        Sample(SPOOLED, status.waiting),
        Sample(SPOOLED_BYTES, status.size_bytes),
        Sample(SPOOLING, int(status.is_away)),
    ]


def of_readers(statuses: Iterable[Status]) -> list[Sample]:
    samples = []
    for status in statuses:
        reader = (status.group, status.topic, str(status.partition))
        samples += [
            Sample(LAG, status.lag, reader),
            Sample(RECORDS, status.record_count, reader),
            Sample(BATCHES, status.busy_seconds, reader, status.batch_count),
            Sample(GAPS, status.gap_records, reader),
            Sample(WAITING, int(status.error is not None), reader),
        ]
    return samples


def of_digest(digest: "Digest") -> list[Sample]:
    return [
        *(Sample(OUTCOMES, quantity, key) for key, quantity in sorted(digest.outcomes.copy().items())),
        Sample(DEAD_LETTERS, digest.dead_letter_count, (INGEST,)),
    ]


def of_dead_letters(readers: Iterable[GroupConsumer]) -> list[Sample]:
    """For readers whose dead letters nobody else counts."""
    return [
        Sample(DEAD_LETTERS, sum(status.dead_letter_count for status in reader.statuses()), (reader.topic,))
        for reader in readers
    ]


def of_tasks(ended: Mapping[tuple[str, str], int], waiting: int | None, queue: str) -> list[Sample]:
    """`ended` counts tasks by name and state; `waiting` is None while the broker does not tell."""
    samples = [Sample(TASKS, count, key) for key, count in sorted(ended.items())]
    return samples if waiting is None else [*samples, Sample(QUEUE, waiting, (queue,))]


def render(samples: Iterable[Sample]) -> bytes:
    """The samples in Prometheus' text format, in the order of METRICS."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import Metric as Family

    of_metric: dict[str, list[Sample]] = {}
    for sample in samples:
        of_metric.setdefault(sample.metric.name, []).append(sample)

    class Collected:
        def collect(self) -> Iterable[Any]:
            for metric in METRICS:
                if metric.name not in of_metric:
                    continue
                family = Family(metric.name.removesuffix("_total"), metric.text, metric.kind.value)
                for sample in of_metric[metric.name]:
                    labels = dict(zip(metric.labels, sample.labels, strict=True))
                    if metric.kind is Kind.SUMMARY:
                        family.add_sample(f"{metric.name}_count", labels, sample.count)
                        family.add_sample(f"{metric.name}_sum", labels, sample.value)
                    else:
                        family.add_sample(metric.name, labels, sample.value)
                yield family

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collected())
    return generate_latest(registry)
