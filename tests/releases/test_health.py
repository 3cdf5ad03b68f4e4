"""Release health equals a hand calculation in both stores, whatever way the updates came."""

import itertools
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from pytest_django import Settings

from mini_sentry.analytics.rows import SESSIONS_TABLE
from mini_sentry.analytics.snuba import consumers, rebuild
from mini_sentry.analytics.store import Store
from mini_sentry.digest.consumer import Digest
from mini_sentry.groups.bodies import Bodies, open_bodies
from mini_sentry.groups.dictionaries import load
from mini_sentry.projects.models import Project
from mini_sentry.protocol.limits import Limits
from mini_sentry.releases.api.questions import ROWS_MOST
from mini_sentry.releases.models import Environment, Release, Session
from mini_sentry.releases.sessions import stored_rows
from mini_sentry.streams import topics
from mini_sentry.streams.consumer import Consumer
from mini_sentry.streams.engines.memory import MemoryLog
from tests.answers import json_of
from tests.columns import empty_columns
from tests.digest.arrivals import accept, crash
from tests.digest.arrivals import envelope as event_envelope
from tests.factories import make_project
from tests.releases.recorded import (
    AGGREGATES,
    BY_FIVE_MINUTES,
    ERRORS,
    LAST_HOUR,
    NOON,
    UPDATES,
    envelope,
    iso,
    update,
)

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

HOUR = {"from": iso(NOON - 3600), "to": iso(NOON + 1)}
Items = list[tuple[str, dict[str, Any]]]


@pytest.fixture(autouse=True)
def kept_for_ever(settings: Settings) -> None:
    """The recorded set is older than any retention."""
    settings.RETENTION_DAYS = 0


class Pipeline:
    """From the log to both stores."""

    def __init__(self, log: MemoryLog, bodies: Bodies, store: Store) -> None:
        self.log, self._bodies, self._store = log, bodies, store

    def drain(self, *, batch: int = 1000, rewind: bool = False) -> None:
        digest = Digest(self.log, self._bodies, limits=Limits(), clock=lambda: NOON)
        reader = Consumer(self.log, topics.DIGEST, topics.INGEST, digest, batch_records=batch)
        while reader.run_once(threading.Event(), wait_seconds=0):
            continue
        assert reader.status.dead_letter_count == 0
        for one in consumers(self.log, self._store, rest_seconds={}, rewind_to=0.0 if rewind else None):
            while one.run_once(threading.Event(), wait_seconds=0):
                continue
            assert [status.dead_letter_count for status in one.statuses()] == [0]


@pytest.fixture
def pipeline(columns: Store, tmp_path: Path) -> Iterator[Pipeline]:
    with closing(open_bodies(tmp_path / "bodies", load_dictionary=load)) as bodies:
        yield Pipeline(MemoryLog(), bodies, columns)


def ask(client: Client, path: str, *, backend: str = "db", project: str = "shop", **query: Any) -> Any:
    answer = client.get(f"/api/releases/{path}?{urlencode({'project': project, 'backend': backend, **query})}")
    assert answer.status_code == 200, answer.content
    return json_of(answer)


def in_order(updates: Items) -> Items:
    return updates


def backwards(updates: Items) -> Items:
    return updates[::-1]


def shuffled_and_repeated(updates: Items) -> Items:
    chance = random.Random(5)
    return chance.sample(updates * 3, k=3 * len(updates))


@pytest.mark.parametrize("arrange", [in_order, backwards, shuffled_and_repeated])
@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_health_equals_a_hand_calculation_in_both_stores(
    client: Client, shop: Project, pipeline: Pipeline, arrange: Callable[[Items], Items], batch: int
) -> None:
    noise = make_project("Other", slug="other")
    for item in [*arrange(UPDATES), *AGGREGATES]:
        accept(pipeline.log, shop, envelope(item), at=NOON)
    for _ in range(ERRORS):
        accept(pipeline.log, shop, event_envelope(crash(release="1.0", environment="production")), at=NOON)
    accept(pipeline.log, shop, event_envelope(crash(release="1.0", level="info", environment="production")), at=NOON)
    accept(pipeline.log, noise, envelope(*UPDATES), at=NOON)
    pipeline.drain(batch=batch)
    for backend in ("db", "ch"):
        assert ask(client, "health/", backend=backend, **HOUR) == LAST_HOUR
        series = ask(client, "health/series/", backend=backend, version="1.0", interval="5m", **HOUR)
        assert len(series) == 13
        for bucket in series:
            expected = BY_FIVE_MINUTES.get(bucket["bucket"][11:16], (0, 0))
            assert (bucket["total"], bucket["crashed"]) == expected


def test_both_stores_give_the_same_to_the_last_number(client: Client, shop: Project, pipeline: Pipeline) -> None:
    accept(pipeline.log, shop, envelope(*UPDATES, *AGGREGATES), at=NOON)
    pipeline.drain()
    for query in ({}, {"version": "1.1"}, {"environment": "production"}, {"environment": "staging"}, HOUR):
        assert ask(client, "health/", **query) == ask(client, "health/", backend="ch", **query)
    for query in (HOUR, {"from": iso(NOON - 7300), "to": iso(NOON), "interval": "7m"}):
        assert ask(client, "health/series/", **query) == ask(client, "health/series/", backend="ch", **query)


def test_summary_and_series_agree(client: Client, shop: Project, pipeline: Pipeline) -> None:
    accept(pipeline.log, shop, envelope(*UPDATES, *AGGREGATES), at=NOON)
    pipeline.drain()
    for span in (HOUR, {"from": iso(NOON - 7200), "to": iso(NOON - 299)}, {"from": iso(NOON - 7199), "to": iso(NOON)}):
        summary = ask(client, "health/", **span)
        series = ask(client, "health/series/", interval="13m", **span)
        assert sum(bucket["total"] for bucket in series) == sum(row["total_sessions"] for row in summary)
        assert sum(bucket["crashed"] for bucket in series) == sum(row["crashed_sessions"] for row in summary)


def test_a_replay_changes_nothing(client: Client, shop: Project, pipeline: Pipeline, columns: Store) -> None:
    accept(pipeline.log, shop, envelope(*UPDATES, *AGGREGATES), at=NOON)
    pipeline.drain()
    before = [ask(client, "health/", backend=backend, **HOUR) for backend in ("db", "ch")]
    rows = list(Session.objects.order_by("pk").values())
    for record in pipeline.log.read(topics.INGEST, 1):
        pipeline.log.append(topics.INGEST, [(record.key, record.value)])
    pipeline.drain(rewind=True)
    assert list(Session.objects.order_by("pk").values()) == rows
    assert [ask(client, "health/", backend=backend, **HOUR) for backend in ("db", "ch")] == before


def test_the_columns_can_be_filled_again_from_the_rows(
    client: Client, shop: Project, pipeline: Pipeline, columns: Store
) -> None:
    accept(pipeline.log, shop, envelope(*UPDATES, *AGGREGATES), at=NOON)
    pipeline.drain()
    before = ask(client, "health/", backend="ch")
    empty_columns(columns)
    assert rebuild(columns, stored_rows(since=None), table=SESSIONS_TABLE) == Session.objects.count()
    assert ask(client, "health/", backend="ch") == before


def test_a_session_that_changed_its_place_counts_in_the_later_one_only(
    client: Client, shop: Project, pipeline: Pipeline
) -> None:
    moved: dict[str, Any] = {"attrs": {"release": "2.0", "environment": "staging"}}
    accept(pipeline.log, shop, envelope(update("a", "ok", at=590)), at=NOON)
    pipeline.drain()
    accept(pipeline.log, shop, envelope(update("a", "ok", at=580, **moved)), at=NOON + 1)
    pipeline.drain()
    for backend in ("db", "ch"):
        for query in ({}, {"environment": "production"}, {"version": "1.0"}):
            found = {
                (row["version"], row["total_sessions"]) for row in ask(client, "health/", backend=backend, **query)
            }
            assert found == (set() if query else {("2.0", 1)})


def test_releases_and_environments_of_sessions_appear_by_themselves(shop: Project, pipeline: Pipeline) -> None:
    accept(pipeline.log, shop, envelope(*UPDATES), at=NOON)
    pipeline.drain()
    assert set(Release.objects.values_list("version", "environment")) == {("1.0", "production"), ("1.1", "production")}
    assert set(Environment.objects.values_list("name", flat=True)) == {"production"}


def test_many_sessions_are_counted_by_the_columns_unless_these_are_away(
    client: Client, shop: Project, columns: Store, settings: Settings
) -> None:
    def totals(**query: Any) -> list[int]:
        return [
            row["total_sessions"] for row in json_of(client.get("/api/releases/health/", {"project": "shop", **query}))
        ]

    began = dict.fromkeys(("started_at", "updated_at", "received_at", "placed_at"), int(NOON * 1000))
    rows = (
        Session(project=shop, session_id=f"s-{number}", status=1, errors=0, quantity=1, revision=1, **began)
        for number in range(ROWS_MOST + 1)
    )
    Session.objects.bulk_create(itertools.islice(rows, ROWS_MOST), batch_size=1000)
    assert totals() == [ROWS_MOST]
    Session.objects.bulk_create(rows)
    # The columns were told of none of these: that they hold nothing shows who was asked.
    assert (totals(), totals(backend="db")) == ([], [ROWS_MOST + 1])
    assert totals(to=iso(NOON)) == []
    settings.CLICKHOUSE_URL = "http://127.0.0.1:1/sentry"
    assert totals() == [ROWS_MOST + 1]


def test_columns_that_are_away_are_a_503(client: Client, shop: Project, settings: Settings) -> None:
    settings.CLICKHOUSE_URL = "http://127.0.0.1:1/sentry"
    for path in ("health/", "health/series/"):
        answer = client.get(f"/api/releases/{path}?project=shop&backend=ch")
        assert (answer.status_code, list(json_of(answer))) == (503, ["detail"])
