"""What every engine of the bus must do: waiters hear a record's fate, watchers hear of a project, nobody hears twice."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from mini_sentry.live.bus import QUEUED_AT_MOST, Bus, News, Watch
from mini_sentry.live.messages import Fate, FateKind
from tests.live.announcements import Board, PostgresBoard, RedisBoard, SqliteBoard, make_news

RECORD = b"r" * 16


@pytest.fixture(params=["sqlite", "postgres", "redis"])
def board(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Board]:
    made: Board
    match request.param:
        case "sqlite":
            made = SqliteBoard(tmp_path)
        case "postgres":
            made = PostgresBoard(request.getfixturevalue("postgres"))
        case _:
            made = RedisBoard(request.getfixturevalue("redis"), tmp_path)
    yield made
    made.close()


def with_bus(board: Board, act: Callable[[Bus], Awaitable[None]]) -> None:
    async def run() -> None:
        bus = board.bus()
        await bus.start()
        try:
            await asyncio.wait_for(act(bus), 20)
        finally:
            await bus.stop()

    asyncio.run(run())


async def taken(watch: Watch, seconds: float = 0.3) -> list[tuple[int, int]]:
    """Id and number of events of all News that come soon; an id and -1 for a Reset."""
    found = []
    while messages := await watch.take(timeout_seconds=seconds):
        found += [(m.id, m.project.events if isinstance(m, News) else -1) for m in messages]
    return found


def test_a_waiter_hears_the_fate_of_its_record(board: Board) -> None:
    async def act(bus: Bus) -> None:
        other = bus.expect(1, b"o" * 16)
        mine = bus.expect(1, RECORD)
        board.announce(fates=[Fate(RECORD, FateKind.DUPLICATE, "e" * 32, 7)])
        assert await mine == Fate(RECORD, FateKind.DUPLICATE, "e" * 32, 7)
        assert not other.done()

    with_bus(board, act)


def test_a_fate_that_was_announced_before_the_loop_ran_again_is_heard(board: Board) -> None:
    async def act(bus: Bus) -> None:
        for number in range(5):
            record = b"%016d" % number
            future = bus.expect(1, record)
            board.announce(fates=[Fate(record, FateKind.NEW)])
            assert (await future).kind is FateKind.NEW
            # Long enough for the bus to rest: the next wait wakes it.
            await asyncio.sleep(0.03)

    with_bus(board, act)


def test_a_waiter_that_gave_up_is_forgotten(board: Board) -> None:
    async def act(bus: Bus) -> None:
        bus.expect(1, RECORD).cancel()
        await asyncio.sleep(0)
        board.announce(fates=[Fate(RECORD, FateKind.NEW)])
        later = bus.expect(1, b"l" * 16)
        board.announce(fates=[Fate(b"l" * 16, FateKind.FILTERED)])
        assert (await later).kind is FateKind.FILTERED

    with_bus(board, act)


def test_news_come_within_a_fraction_of_a_second(board: Board) -> None:
    async def act(bus: Bus) -> None:
        watch = bus.watch(1)
        for events in range(1, 4):
            await asyncio.sleep(0.25)
            board.announce(make_news(1, events=events))
            [news] = await watch.take(timeout_seconds=0.5)
            assert isinstance(news, News)
            assert news.project.events == events

    with_bus(board, act)


def test_a_watcher_hears_of_its_project_from_now_on(board: Board) -> None:
    async def act(bus: Bus) -> None:
        board.announce(make_news(1, events=99))
        await board.heard_by(bus)
        watch = bus.watch(1)
        [before] = board.ids()
        assert watch.id == before
        board.announce(make_news(1, events=3), make_news(2, events=50))
        board.announce(make_news(2, events=60))
        board.announce(make_news(1, events=4))
        _, first, _, third = board.ids()
        assert await taken(watch) == [(first, 3), (third, 4)]

    with_bus(board, act)


def test_a_watcher_that_comes_back_hears_what_it_missed_and_then_what_is_new(board: Board) -> None:
    async def act(bus: Bus) -> None:
        for events in range(1, 6):
            board.announce(make_news(1, events=events))
        await board.heard_by(bus)
        ids = board.ids()
        watch = bus.watch(1, after_id=ids[2])
        board.announce(make_news(1, events=6))
        assert await taken(watch) == [(ids[3], 4), (ids[4], 5), (board.ids()[5], 6)]

    with_bus(board, act)


def test_a_watcher_that_comes_back_to_another_process_hears_what_it_missed(board: Board) -> None:
    async def act(bus: Bus) -> None:
        board.announce(make_news(1, events=1))
        await board.heard_by(bus)
        began_at = bus.watch(1).id
        board.announce(make_news(1, events=2))
        other = board.bus()
        await other.start()
        assert await taken(other.watch(1, after_id=began_at)) == [(board.ids()[1], 2)]
        await other.stop()

    with_bus(board, act)


def test_a_watcher_that_comes_from_a_process_that_was_ahead_hears_nothing_twice(board: Board) -> None:
    async def act(bus: Bus) -> None:
        for events in range(1, 4):
            board.announce(make_news(1, events=events))
        one, two, three = board.ids()
        # Whether or not the bus has heard of them itself.
        assert await taken(bus.watch(1, after_id=one), 1.5) == [(two, 2), (three, 3)]

    with_bus(board, act)


def test_a_watcher_that_comes_back_while_others_watch_hears_nothing_twice(board: Board) -> None:
    async def act(bus: Bus) -> None:
        board.announce(make_news(1, events=9))
        await board.heard_by(bus)
        first = bus.watch(1)
        board.announce(make_news(1, events=1))
        board.announce(make_news(1, events=2))
        start, one, two = board.ids()
        second = bus.watch(1, after_id=start)
        assert await taken(first) == [(one, 1), (two, 2)]
        assert await taken(second) == [(one, 1), (two, 2)]

    with_bus(board, act)


def test_a_watcher_that_missed_nothing_gets_no_reset(board: Board) -> None:
    async def act(bus: Bus) -> None:
        board.announce(make_news(1))
        await board.heard_by(bus)
        assert await taken(bus.watch(1, after_id=board.ids()[-1])) == []

    with_bus(board, act)


@pytest.mark.parametrize("missed", ["nonsense", "gone", "never"])
def test_a_watcher_that_missed_what_is_not_kept_gets_a_reset(board: Board, missed: str) -> None:
    async def act(bus: Bus) -> None:
        for _ in range(8):
            board.announce(make_news(1))
        await board.heard_by(bus)
        ids = board.ids()
        board.forget(4)
        after_id = {"nonsense": -1, "gone": ids[1], "never": ids[-1] + 99}[missed]
        assert await taken(bus.watch(1, after_id=after_id)) == [(ids[-1], -1)]
        assert await taken(bus.watch(1, after_id=ids[4])) == [(number, 1) for number in ids[5:]]

    with_bus(board, act)


def test_a_slow_watcher_gets_a_reset_instead_of_an_endless_queue(board: Board) -> None:
    async def act(bus: Bus) -> None:
        watch = bus.watch(1)
        for _ in range(QUEUED_AT_MOST + 5):
            board.announce(make_news(1))
        ids = board.ids()
        # The reset stands for the one that found the queue full, the rest follows it.
        await board.heard_by(bus)
        found = await taken(watch)
        assert found[0] == (ids[QUEUED_AT_MOST], -1)
        assert found[1:] == [(number, 1) for number in ids[QUEUED_AT_MOST + 1 :]]

    with_bus(board, act)


def test_an_unwatched_project_fills_no_queue(board: Board) -> None:
    async def act(bus: Bus) -> None:
        watch = bus.watch(1)
        bus.unwatch(watch)
        keep_looking = bus.watch(2)
        board.announce(make_news(1), make_news(2))
        assert await taken(keep_looking) == [(board.ids()[0], 1)]
        assert await taken(watch) == []

    with_bus(board, act)


def test_an_announcement_that_cannot_be_read_hides_no_other(board: Board) -> None:
    async def act(bus: Bus) -> None:
        watch = bus.watch(1)
        board.add(b"\xc1")
        board.announce(make_news(1, events=5))
        assert await taken(watch) == [(board.ids()[1], 5)]

    with_bus(board, act)


def test_ids_survive_a_browser(board: Board) -> None:
    board.announce(make_news(1))
    assert 0 < board.ids()[0] < 1 << 53


def test_stopping_cancels_who_still_waits(board: Board) -> None:
    async def act(bus: Bus) -> None:
        future = bus.expect(1, RECORD)
        await bus.stop()
        with pytest.raises(asyncio.CancelledError):
            await future

    with_bus(board, act)
