"""What an installation's stores say, read from outside, and the sums that must agree whatever was killed."""

import sqlite3
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from mini_sentry.analytics.chdb_server import address
from mini_sentry.analytics.store import ColumnsError, Store
from mini_sentry.streams.open import open_logs
from mini_sentry.streams.topics import DIGEST, INGEST, unpack
from tests.installation import Installation


@dataclass(frozen=True)
class Ledger:
    """`event_ids` in storing order; `requests` is how many envelope requests the log took durably, None where it is not ours
    to read or holds them no more."""

    event_ids: list[str]
    group_counts: int
    group_scopes: int
    column_ids: list[str]
    outcomes: dict[tuple[str, str], int]
    requests: int | None


def settle(installation: Installation, acknowledged: set[str] | None = None, *, seconds: float = 120) -> None:
    """Wait until all that is in the log is digested and can be counted; of a log in Kafka, until all `acknowledged` is stored
    and nothing more comes."""
    if "KAFKA_BOOTSTRAP_SERVERS" in installation.variables:
        wanted = len(acknowledged or ())
        installation.wait_until(lambda: len(_event_ids(installation)) >= wanted, "all is stored", seconds=seconds)
        _wait_for_silence(installation)
    else:
        log = open_logs(installation.data_dir)
        try:
            installation.wait_until(lambda: log.lag(DIGEST, INGEST) == 0, "the log is digested", seconds=seconds)
        finally:
            log.close()
    stored = len(_event_ids(installation))
    store = _columns(installation)
    try:
        installation.wait_until(lambda: _column_count(store) >= stored, "the columns are filled", seconds=seconds)
    finally:
        store.close()


def _wait_for_silence(installation: Installation) -> None:
    """Until the outcomes have stood still for a while: what was sent twice is counted after what was sent once."""
    before: list[tuple[Any, ...]] = []
    for _ in range(60):
        now = rows(installation, "SELECT sum(quantity) FROM projects_outcomecount")
        if now == before:
            return
        before = now
        time.sleep(2)
    raise AssertionError("outcomes are still being counted")


def read(installation: Installation, *project_ids: int) -> Ledger:
    """`outcomes` are those of the named projects."""
    store = _columns(installation)
    try:
        found = store.query("SELECT lower(replaceAll(toString(event_id), '-', '')) FROM events FINAL")
    finally:
        store.close()
    outcomes: Counter[tuple[str, str]] = Counter()
    counted = "SELECT project_id, outcome, reason, quantity FROM projects_outcomecount"
    for project_id, outcome, reason, quantity in rows(installation, counted):
        if project_id in project_ids:
            outcomes[outcome, reason] += quantity
    return Ledger(
        event_ids=_event_ids(installation),
        group_counts=rows(installation, "SELECT sum(count) FROM groups_group")[0][0],
        group_scopes=rows(installation, "SELECT sum(count) FROM groups_groupscope")[0][0],
        column_ids=[event_id for (event_id,) in found],
        outcomes=dict(outcomes),
        requests=_requests(installation),
    )


def _requests(installation: Installation) -> int | None:
    if "KAFKA_BOOTSTRAP_SERVERS" in installation.variables:
        return None
    log = open_logs(installation.data_dir)
    try:
        requests, offset = 0, 1
        if log.first_offset(INGEST) > offset:
            return None
        while records := log.read(INGEST, offset, limit=5000):
            requests += sum(unpack(record.value).kind == "envelope" for record in records)
            offset = records[-1].offset + 1
    finally:
        log.close()
    return requests


def _event_ids(installation: Installation) -> list[str]:
    found = rows(installation, "SELECT event_id FROM groups_event ORDER BY id")
    return [str(event_id).replace("-", "") for (event_id,) in found]


def _columns(installation: Installation) -> Store:
    given = installation.variables.get("CLICKHOUSE_URL")
    return Store(lambda: given or address(installation.data_dir))


def check(ledger: Ledger, acknowledged: set[str]) -> None:
    """Nothing that was answered 200 is lost, nothing is stored or counted twice, and all sums agree."""
    stored = Counter(ledger.event_ids)
    assert not acknowledged - stored.keys(), "events that were answered 200 are lost"
    assert max(stored.values()) == 1, "an event is stored twice"
    assert ledger.group_counts == ledger.group_scopes == len(stored)
    assert Counter(ledger.column_ids) == stored
    assert ledger.outcomes["accepted", ""] == len(stored)
    if ledger.requests is not None:
        # What was refused at the edge is no request of the log.
        passed = {outcome: count for outcome, count in ledger.outcomes.items() if outcome[0] != "rate_limited"}
        assert sum(passed.values()) == ledger.requests


def rows(installation: Installation, sql: str) -> list[tuple[Any, ...]]:
    """What the relational store answers."""
    if url := installation.variables.get("DATABASE_URL"):
        import psycopg

        with psycopg.connect(url) as server:
            return server.execute(sql.encode()).fetchall()
    path = f"file:{installation.data_dir / 'main.db'}?mode=ro"
    with closing(sqlite3.connect(path, uri=True, timeout=20)) as database:
        return database.execute(sql).fetchall()


def _column_count(store: Store) -> int:
    """-1 while the engine has not made its tables yet."""
    try:
        return int(store.query("SELECT count() FROM events FINAL")[0][0])
    except ColumnsError:
        return -1
