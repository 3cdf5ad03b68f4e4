"""Power over the engine: killed while it inserts, and what 100,000 rows leave in its memory and on its disk."""

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from mini_sentry.analytics.rows import EventRow, encode
from mini_sentry.analytics.store import ColumnsUnavailable
from tests.columns import NOON, EngineProcess, empty_columns, make_row

ROUNDS = 6
pytestmark = [pytest.mark.once, pytest.mark.slow]


def many_rows(count: int, *, seed: int = 1) -> Iterator[EventRow]:
    """Rows as a real project sends them: few titles, many users, a dozen tags."""
    dice = random.Random(seed)
    for number in range(count):
        group = min(int(dice.paretovariate(0.6)), 500)
        yield make_row(
            group_id=group,
            event_id=UUID(int=dice.getrandbits(128)).hex,
            received_at=round(NOON.timestamp() * 1000) + number,
            title=f"TypeError: cannot read properties of undefined (reading 'field{group}')",
            message=f"Order {dice.randrange(10**6)} failed" if group % 3 else "cannot read properties",
            culprit=f"app/components/widget{group % 50}.tsx in render",
            transaction=f"/orders/{group % 40}",
            level=dice.choice(["error"] * 8 + ["warning", "info"]),
            environment=dice.choice(["production", "production", "staging"]),
            release=f"web@1.{number // 20000}.0",
            platform="javascript",
            type="error",
            user=f"id:{dice.randrange(5000)}",
            handled=bool(group % 2),
            trace_id=UUID(int=dice.getrandbits(128)).hex,
            tags={
                "browser": dice.choice(["Chrome 131", "Firefox 130", "Safari 18"]),
                "browser.name": "Chrome",
                "os": "Windows 10",
                "device": "Other",
                "url": f"https://shop.example/orders/{dice.randrange(10000)}",
                "user": f"id:{dice.randrange(5000)}",
                "server_name": f"web-{dice.randrange(8)}",
                "mechanism": "onerror",
                "handled": "no",
                "level": "error",
            },
        )


def test_what_was_inserted_survives_kills_and_a_replay_makes_it_whole(tmp_path: Path) -> None:
    engine = EngineProcess(tmp_path)
    engine.start()
    store = engine.store()
    empty_columns(store)
    documents = [encode(row) for row in many_rows(60_000)]
    acknowledged = 0
    for turn in range(ROUNDS):
        killer = threading.Timer(0.15 + 0.11 * turn, engine.kill)
        killer.start()
        for start in range(0, len(documents), 700):
            try:
                store.insert_documents("events", documents[start : start + 700])
            except ColumnsUnavailable:
                break
            acknowledged = max(acknowledged, start + 700)
        killer.join()
        started = time.perf_counter()
        engine.start()
        print(f"reopened in {time.perf_counter() - started:.2f} s, {acknowledged} rows acknowledged")
        [(count,)] = store.query("SELECT count() FROM events")
        assert count >= min(acknowledged, len(documents))
    for start in range(0, len(documents), 9000):
        store.insert_documents("events", documents[start : start + 9000])
    assert store.query("SELECT count(), uniqExact(event_id) FROM events") == [(len(documents), len(documents))]
    store.close()
    assert engine.stop() == 0


def test_a_hundred_thousand_rows_in_memory_and_on_disk(tmp_path: Path) -> None:
    engine = EngineProcess(tmp_path)
    engine.start()
    store = engine.store()
    empty_columns(store)
    at_start = engine.resident_bytes()
    rows = list(many_rows(100_000))
    started = time.process_time()
    documents = [encode(row) for row in rows]
    encoding = (time.process_time() - started) / len(rows) * 1e6
    for start in range(0, len(documents), 5000):
        store.insert_documents("events", documents[start : start + 5000])
    at_end = engine.resident_bytes()
    time.sleep(7)
    idle = engine.resident_bytes()
    [(per_row,)] = store.query(
        "SELECT sum(bytes_on_disk) / sum(rows) FROM system.parts WHERE active AND table = 'events' SETTINGS final = 0"
    )
    print(
        f"engine {at_start >> 20} MB at start, {at_end >> 20} MB after 100,000 rows, {idle >> 20} MB idle; "
        f"{per_row:.0f} bytes a row; {encoding:.1f} µs to encode one of {len(documents[0])} bytes"
    )
    assert per_row < 100
    assert store.query("SELECT count() FROM events") == [(100_000,)]
    assert msgspec.json.decode(documents[0])["v"] == 1
    store.close()
    assert engine.stop() == 0
