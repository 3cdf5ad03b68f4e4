"""Kafka dies, digests join, freeze and die, and records are poison: every acknowledged event is stored and counted once."""

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from mini_sentry.streams.topics import READERS
from tests.engines.kafka import Tansu, serving, topic_prefix
from tests.faults.load import Load, envelope
from tests.installation import Installation, kill

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.timeout(240)]

AWAY_SECONDS = 60.0


@pytest.fixture
def broker() -> Iterator[Tansu]:
    """One whose log outlives it."""
    with serving(keeps_log=True) as broker:
        yield broker


def installed(directory: Path, broker: str, **variables: str) -> Installation:
    return Installation(
        directory / "data",
        variables={
            "KAFKA_BOOTSTRAP_SERVERS": broker,
            "KAFKA_TOPIC_PREFIX": topic_prefix(),
            "KAFKA_PARTITIONS": "4",
            "KAFKA_DELIVERY_TIMEOUT_SECONDS": "2",
            "SPOOL_DIR": str(directory / "spool"),
            **variables,
        },
    )


@pytest.fixture
def installation(tmp_path: Path, broker: Tansu) -> Iterator[Installation]:
    made = installed(tmp_path, broker.url)
    yield made
    made.stop()


@pytest.fixture
def in_memory(tmp_path: Path, kafka: str) -> Iterator[Installation]:
    """On a broker that keeps nothing, and is quick: reading thousands of small writes back from the emulator takes minutes."""
    made = installed(tmp_path, kafka)
    yield made
    made.stop()


def test_a_broker_dies_under_load_and_the_edge_spools_until_it_is_back(installation: Installation, broker: Tansu):
    installation.start("web", "--port", str(installation.port))
    installation.spawn("digest")
    project = installation.create_project()
    with Load(installation.port, project["id"], project["key"], pause_seconds=0.3) as load:
        time.sleep(3)
        broker.kill9()
        time.sleep(AWAY_SECONDS - 10)
        before = len(load.acknowledged)
        time.sleep(10)
        assert len(load.acknowledged) > before, "nothing is accepted while Kafka is away"
        broker.start()
        time.sleep(3)
    assert set(load.answers) == {200}
    settle(installation, load)
    check(installation, load)


def test_a_digest_joins_freezes_and_dies_and_no_event_counts_twice(in_memory: Installation):
    installation = in_memory
    installation.start("web", "--port", str(installation.port))
    first = installation.spawn("digest")
    project = installation.create_project()
    with Load(installation.port, project["id"], project["key"], pause_seconds=0.02) as load:
        installation.wait_until(lambda: stored(installation) > 50, "the first digest is at work", seconds=40)
        second = installation.spawn("digest")
        wait_for_words(installation, second, "takes partitions")
        # The first is held for dead while it has a batch in hand, and comes back as a zombie.
        first.send_signal(signal.SIGSTOP)
        time.sleep(9)
        first.send_signal(signal.SIGCONT)
        time.sleep(3)
        kill(second.pid)
        time.sleep(1)
    assert set(load.answers) == {200}
    settle(installation, load)
    check(installation, load)


def test_poison_on_every_topic_is_a_dead_letter_and_holds_nobody_up(tmp_path: Path, kafka: str):
    installation = installed(tmp_path, kafka)
    try:
        installation.start()
        project = installation.create_project()
        poison(kafka, installation.variables["KAFKA_TOPIC_PREFIX"])
        event_id = "7" * 32
        headers = {"X-Sentry-Auth": f"Sentry sentry_key={project['key']}"}
        path = f"/api/{project['id']}/envelope/"
        assert installation.request("POST", path, envelope(event_id, 1), headers).status == 200
        counted = f"/api/events/?project={project['slug']}&backend=ch"
        installation.wait_until(
            lambda: [one["event_id"] for one in installation.get(counted).json()["results"]] == [event_id],
            "the event is stored and in the columns",
            seconds=60,
        )
        wanted = {f"{topic}/1" for topic in ("ingest", "events", "sessions", "outcomes")}
        installation.wait_until(lambda: dead_letters(installation) == wanted, "all poison is buried", seconds=60)
    finally:
        installation.stop()


def poison(broker: str, prefix: str) -> None:
    """Bytes that nobody can read, first in a partition of every topic."""
    producer = Producer({"bootstrap.servers": broker})
    for topic in READERS:
        producer.produce(prefix + topic, b'{"no": "document"\xff', b"1", 0)
    assert producer.flush(20) == 0


def dead_letters(installation: Installation) -> set[str]:
    """Topic and offset of each."""
    command = [sys.executable, "-m", "mini_sentry.config.cli", "dead-letters", "list"]
    done = subprocess.run(command, env=installation.environment, capture_output=True, text=True, check=True)
    return {line.split()[2] for line in done.stdout.splitlines() if "shown" not in line and "no dead" not in line}


def wait_for_words(installation: Installation, process: Any, words: str) -> None:
    count = installation.output().count(words)
    installation.wait_until(lambda: installation.output().count(words) > count, words, seconds=40)


def settle(installation: Installation, load: Load) -> None:
    installation.wait_until(
        lambda: stored(installation) >= len(load.acknowledged), "all that was answered 200 is stored", seconds=90
    )
    # What comes twice comes now.
    time.sleep(2)


def check(installation: Installation, load: Load) -> None:
    ids = [row[0] for row in rows(installation, "SELECT event_id FROM groups_event")]
    assert len(load.acknowledged) > 100, load.answers
    assert len(ids) == len(set(ids))
    assert set(ids) == load.acknowledged
    [(counted, scoped)] = rows(
        installation, "SELECT (SELECT sum(count) FROM groups_group), (SELECT sum(count) FROM groups_groupscope)"
    )
    assert counted == scoped == len(ids)
    [(accepted,)] = rows(
        installation,
        "SELECT sum(quantity) FROM projects_outcomecount WHERE outcome = 'accepted' AND category = 'error'",
    )
    assert accepted == len(ids)


def stored(installation: Installation) -> int:
    return int(rows(installation, "SELECT count(*) FROM groups_event")[0][0])


def rows(installation: Installation, sql: str) -> list[tuple[Any, ...]]:
    database = f"file:{installation.data_dir / 'main.db'}?mode=ro"
    with closing(sqlite3.connect(database, uri=True, timeout=20)) as store:
        return store.execute(sql).fetchall()
