"""Waiting for a record's fate, and watching a project."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from mini_sentry.live.bus import QUEUED_AT_MOST, Bus, News, Reset, Watch
from mini_sentry.live.engines.sqlite import SqliteBus
from mini_sentry.live.messages import Fate, FateKind
from tests.live.announcements import NOON, Store, make_news

RECORD = b"r" * 16


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
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


def test_a_waiter_hears_the_fate_of_its_record(store: Store) -> None:
    async def act(bus: Bus) -> None:
        other = bus.expect(1, b"o" * 16)
        mine = bus.expect(1, RECORD)
        store.announce(fates=[Fate(RECORD, FateKind.DUPLICATE, "e" * 32, 7)])
        assert await mine == Fate(RECORD, FateKind.DUPLICATE, "e" * 32, 7)
        assert not other.done()

    with_bus(store.path, act)


def test_a_fate_that_was_announced_before_the_loop_ran_again_is_heard(store: Store) -> None:
    async def act(bus: Bus) -> None:
        for number in range(5):
            record = b"%016d" % number
            future = bus.expect(1, record)
            store.announce(fates=[Fate(record, FateKind.NEW)])
            assert (await future).kind is FateKind.NEW
            # Long enough for the bus to stop looking: the next wait starts it again.
            await asyncio.sleep(0.03)

    with_bus(store.path, act)


def test_a_waiter_that_gave_up_is_forgotten(store: Store) -> None:
    async def act(bus: Bus) -> None:
        bus.expect(1, RECORD).cancel()
        await asyncio.sleep(0)
        store.announce(fates=[Fate(RECORD, FateKind.NEW)])
        later = bus.expect(1, b"l" * 16)
        store.announce(fates=[Fate(b"l" * 16, FateKind.FILTERED)])
        assert (await later).kind is FateKind.FILTERED

    with_bus(store.path, act)


def test_a_watcher_hears_of_its_project_from_now_on(store: Store) -> None:
    async def act(bus: Bus) -> None:
        store.announce(make_news(1, events=99))
        watch = bus.watch(1)
        assert watch.id == 1
        store.announce(make_news(1, events=3), make_news(2, events=50))
        store.announce(make_news(2, events=60))
        store.announce(make_news(1, events=4))
        assert await taken(watch) == [(2, 3), (4, 4)]

    with_bus(store.path, act)


def test_a_watcher_that_comes_back_hears_what_it_missed_and_then_what_is_new(store: Store) -> None:
    async def act(bus: Bus) -> None:
        for events in range(1, 6):
            store.announce(make_news(1, events=events))
        watch = bus.watch(1, after_id=3)
        store.announce(make_news(1, events=6))
        assert await taken(watch) == [(4, 4), (5, 5), (6, 6)]

    with_bus(store.path, act)


def test_a_watcher_that_comes_back_while_others_watch_hears_nothing_twice(store: Store) -> None:
    async def act(bus: Bus) -> None:
        first = bus.watch(1)
        store.announce(make_news(1, events=1))
        store.announce(make_news(1, events=2))
        second = bus.watch(1, after_id=0)
        assert await taken(first) == [(1, 1), (2, 2)]
        assert await taken(second) == [(1, 1), (2, 2)]

    with_bus(store.path, act)


def test_a_watcher_that_missed_nothing_gets_no_reset(store: Store) -> None:
    async def act(bus: Bus) -> None:
        store.announce(make_news(1))
        assert await taken(bus.watch(1, after_id=1)) == []

    with_bus(store.path, act)


@pytest.mark.parametrize("after_id", [-1, 3, 99])
def test_a_watcher_that_missed_what_is_not_kept_gets_a_reset(store: Store, after_id: int) -> None:
    async def act(bus: Bus) -> None:
        for _ in range(8):
            store.announce(make_news(1))
        store.connection.execute("DELETE FROM live_announcement WHERE id < 5")
        assert await taken(bus.watch(1, after_id=after_id)) == [(8, -1)]
        assert await taken(bus.watch(1, after_id=4)) == [(5, 1), (6, 1), (7, 1), (8, 1)]

    with_bus(store.path, act)


def test_a_slow_watcher_gets_a_reset_instead_of_an_endless_queue(store: Store) -> None:
    async def act(bus: Bus) -> None:
        watch = bus.watch(1)
        for _ in range(QUEUED_AT_MOST + 5):
            store.announce(make_news(1))
        # The reset stands for the one that found the queue full, the rest follows it.
        found: list[tuple[int, int]] = []
        while not found or found[-1][0] < QUEUED_AT_MOST + 5:
            await asyncio.sleep(0.1)
            found += await taken(watch)
        assert found[0] == (QUEUED_AT_MOST + 1, -1)
        assert found[1:] == [(QUEUED_AT_MOST + number, 1) for number in range(2, 6)]

    with_bus(store.path, act)


def test_an_unwatched_project_fills_no_queue(store: Store) -> None:
    async def act(bus: Bus) -> None:
        watch = bus.watch(1)
        bus.unwatch(watch)
        keep_looking = bus.watch(2)
        store.announce(make_news(1), make_news(2))
        assert await taken(keep_looking) == [(1, 1)]
        assert await taken(watch) == []

    with_bus(store.path, act)


def test_an_announcement_that_cannot_be_read_hides_no_other(store: Store) -> None:
    async def act(bus: Bus) -> None:
        watch = bus.watch(1)
        store.connection.execute("INSERT INTO live_announcement (created_at, body) VALUES (?, ?)", (NOON, b"\xc1"))
        store.announce(make_news(1, events=5))
        assert await taken(watch) == [(2, 5)]

    with_bus(store.path, act)


def test_a_store_that_is_missing_at_first_is_heard_when_it_comes(tmp_path: Path) -> None:
    async def act(bus: Bus) -> None:
        watch = bus.watch(1)
        assert await taken(watch) == []
        assert not (tmp_path / "main.db").exists()
        store = Store(tmp_path)
        store.announce(make_news(1, events=7))
        [(first_id, events)] = await taken(watch)
        store.announce(make_news(1, events=8))
        assert (first_id, events) in [(1, -1), (0, -1)]
        assert (2, 8) in await taken(watch)
        store.close()

    with_bus(tmp_path / "main.db", act)


def test_closing_cancels_who_still_waits(store: Store) -> None:
    async def act(bus: Bus) -> None:
        future = bus.expect(1, RECORD)
        await bus.stop()
        with pytest.raises(asyncio.CancelledError):
            await future

    with_bus(store.path, act)


def test_a_locked_store_does_not_hold_up_the_loop(store: Store) -> None:
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
