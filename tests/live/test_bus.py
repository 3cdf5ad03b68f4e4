"""Waiting for a record's fate, and watching a project."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from mini_sentry.live.bus import Bus, News, Reset, Watch
from mini_sentry.live.engines.sqlite import SqliteBus
from mini_sentry.live.messages import Fate, FateKind
from tests.live.announcements import SqliteBoard, make_news

RECORD = b"r" * 16


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteBoard]:
    store = SqliteBoard(tmp_path)
    yield store
    store.close()


def with_bus(path: Path, act: Callable[[Bus], Awaitable[None]]) -> None:
    async def run() -> None:
        bus = SqliteBus(path)
        try:
            await asyncio.wait_for(act(bus), 20)
        finally:
            await bus.stop()

    asyncio.run(run())


async def taken(watch: Watch, seconds: float = 0.05) -> list[tuple[int, int]]:
    """Id and number of events of all News that come soon; an id and -1 for a Reset."""
    found = []
    while messages := await watch.take(timeout_seconds=seconds):
        found += [(m.id, m.project.events if isinstance(m, News) else -1) for m in messages]
    return found


def test_a_store_that_is_missing_at_first_is_heard_when_it_comes(tmp_path: Path) -> None:
    async def act(bus: Bus) -> None:
        watch = bus.watch(1)
        assert await taken(watch) == []
        assert not (tmp_path / "main.db").exists()
        store = SqliteBoard(tmp_path)
        store.announce(make_news(1, events=7))
        [(first_id, events)] = await taken(watch)
        store.announce(make_news(1, events=8))
        assert (first_id, events) in [(1, -1), (0, -1)]
        assert (2, 8) in await taken(watch)
        store.close()

    with_bus(tmp_path / "main.db", act)


def test_a_locked_store_does_not_hold_up_the_loop(store: SqliteBoard) -> None:
    async def act(bus: Bus) -> None:
        future = bus.expect(1, RECORD)
        writer = sqlite3.connect(store.path, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        started = asyncio.get_running_loop().time()
        await asyncio.sleep(0.05)
        assert asyncio.get_running_loop().time() - started < 1
        writer.execute("ROLLBACK")
        writer.close()
        store.announce(fates=[Fate(RECORD, FateKind.NEW)])
        assert (await future).kind is FateKind.NEW

    with_bus(store.path, act)


def test_a_reset_is_told_by_its_type() -> None:
    async def act() -> None:
        watch = Watch(1, 0)
        watch.put(News(1, make_news()))
        watch.put(Reset(2))
        assert await watch.take(timeout_seconds=0.01) == [Reset(2)]

    asyncio.run(act())
