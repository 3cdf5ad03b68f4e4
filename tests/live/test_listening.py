"""The bus of several machines: what it does when Redis or PostgreSQL goes and comes back, and who tells it."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from mini_sentry.live.bus import Bus, News, Reset, Watch
from mini_sentry.live.engines.postgres import PostgresAnnouncements
from mini_sentry.live.engines.redis import STREAM, RedisHerald
from mini_sentry.live.listening import ListeningBus
from mini_sentry.live.messages import Announcement, Fate, FateKind, encode
from tests.engines.postgres import PostgresServer
from tests.engines.redis import RedisServer, serving
from tests.live.announcements import PostgresBoard, RedisBoard, make_news

RECORD = b"r" * 16


def run(bus: Bus, act: Callable[[], Awaitable[None]]) -> None:
    async def act_while_it_listens() -> None:
        await bus.start()
        try:
            await asyncio.wait_for(act(), 40)
        finally:
            await bus.stop()

    asyncio.run(act_while_it_listens())


async def until(is_true: Callable[[], bool]) -> None:
    while not is_true():
        await asyncio.sleep(0.02)


async def events_heard(watch: Watch, seconds: float = 1.5) -> list[int]:
    """The events of what comes soon, -1 for a Reset."""
    found: list[int] = []
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        messages = await watch.take(timeout_seconds=left)
        found += [message.project.events if isinstance(message, News) else -1 for message in messages]
    return found


def body_of(events: int) -> bytes:
    return encode(Announcement([], [make_news(1, events=events)]))


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with serving(keeps=False) as started:
        yield started


@pytest.mark.slow
def test_without_redis_the_store_is_listened_to_and_the_page_is_told_to_read_afresh(
    server: RedisServer, tmp_path: Path
) -> None:
    board = RedisBoard(server.url, tmp_path)
    bus = board.bus()

    async def act() -> None:
        watch = bus.watch(1)
        board.announce(make_news(1, events=1))
        assert await events_heard(watch, 0.5) == [1]
        server.kill9()
        await until(lambda: bus.away_since is not None)
        board.table.announce(make_news(1, events=2))
        assert await events_heard(watch) in ([-1, 2], [-1, 1, 2])
        waiting = bus.expect(1, RECORD)
        board.table.announce(fates=[Fate(RECORD, FateKind.NEW)])
        assert (await asyncio.wait_for(waiting, 1)).kind is FateKind.NEW
        await asyncio.to_thread(server.start)
        await until(lambda: bus.away_since is None)
        assert -1 in await events_heard(watch, 0.5)
        board.announce(make_news(1, events=3))
        assert await events_heard(watch, 0.5) == [3]

    run(bus, act)
    board.close()


@pytest.mark.slow
def test_a_waiter_hears_a_fate_that_only_the_store_got_to_know(server: RedisServer, tmp_path: Path) -> None:
    board = RedisBoard(server.url, tmp_path)
    bus = board.bus()

    async def act() -> None:
        waiting = bus.expect(1, RECORD)
        server.kill9()
        # Announced before the bus has noticed that Redis is gone.
        board.table.announce(fates=[Fate(RECORD, FateKind.NEW)])
        assert (await asyncio.wait_for(waiting, 2)).kind is FateKind.NEW

    run(bus, act)
    board.close()


@pytest.mark.slow
def test_a_redis_that_hangs_counts_as_away_after_a_while(server: RedisServer, tmp_path: Path) -> None:
    board = RedisBoard(server.url, tmp_path)
    bus = board.bus()

    async def act() -> None:
        watch = bus.watch(1)
        server.pause()
        await asyncio.wait_for(until(lambda: bus.away_since is not None), 4)
        board.table.announce(make_news(1, events=2))
        assert 2 in await events_heard(watch)
        server.resume()
        await until(lambda: bus.away_since is None)

    run(bus, act)
    board.close()


@pytest.mark.slow
def test_a_bus_that_starts_without_redis_listens_to_the_store(server: RedisServer, tmp_path: Path) -> None:
    board = RedisBoard(server.url, tmp_path)
    server.stop()
    bus = board.bus()

    async def act() -> None:
        assert bus.away_since is not None
        watch = bus.watch(1)
        board.table.announce(make_news(1, events=5))
        assert 5 in await events_heard(watch)

    run(bus, act)
    board.close()


def test_a_herald_says_first_that_something_may_be_missing(redis: str, tmp_path: Path) -> None:
    board = RedisBoard(redis, tmp_path)
    bus = board.bus()

    async def act() -> None:
        watch = bus.watch(1)
        herald = RedisHerald(redis)
        herald.start()
        herald.tell(body_of(4))
        messages: list[News | Reset] = []
        while len(messages) < 2:
            messages += await watch.take(timeout_seconds=5)
        assert [type(message) for message in messages] == [Reset, News]
        # Whoever comes back from before it cannot know what it missed.
        late = bus.watch(1, after_id=messages[0].id - 1)
        assert await events_heard(late, 0.3) == [-1]
        herald.stop()

    run(bus, act)
    board.close()


def test_a_herald_tells_all_before_it_stops_and_keeps_the_stream_short(redis: str) -> None:
    herald = RedisHerald(redis)
    herald.start()
    for events in range(300):
        herald.tell(body_of(events))
    herald.stop()
    with Redis.from_url(redis) as client:
        assert client.xlen(STREAM) == 301
        assert client.xinfo_stream(STREAM)["length"] == 301


@pytest.mark.slow
def test_a_herald_never_waits_and_finds_redis_again_by_itself(server: RedisServer) -> None:
    herald = RedisHerald(server.url)
    herald.start()
    server.pause()
    began = time.monotonic()
    for _ in range(1000):
        herald.tell(body_of(1))
    assert time.monotonic() - began < 0.2
    deadline = time.monotonic() + 10
    while herald.away_since is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    herald.tell(body_of(1))
    server.kill9()
    server.start()
    while herald.away_since is not None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    herald.tell(body_of(2))
    herald.stop()
    with Redis.from_url(server.url) as client:
        bodies = [fields[b"body"] for _, fields in client.xrange(STREAM)]
    assert bodies == [b"", body_of(2)]


def test_ids_in_postgres_follow_the_order_of_commits(postgres: str) -> None:
    board = PostgresBoard(postgres)
    bus = board.bus()

    async def act() -> None:
        watch = bus.watch(1)
        insert = "INSERT INTO live_announcement (created_at, body) VALUES (1, %s)"
        with psycopg.connect(board.url) as first, psycopg.connect(board.url) as second:
            first.execute(insert, (body_of(1),))

            def overtake() -> None:
                second.execute(insert, (body_of(2),))
                second.commit()

            overtaking = threading.Thread(target=overtake)
            overtaking.start()
            assert await events_heard(watch, 0.4) == []
            first.commit()
            await asyncio.to_thread(overtaking.join)
        assert await events_heard(watch, 0.5) == [1, 2]

    run(bus, act)
    board.close()


@pytest.mark.slow
def test_a_postgres_that_restarts_is_listened_to_again() -> None:
    server = PostgresServer()
    try:
        server.start()
        board = PostgresBoard(server.url)
        bus = ListeningBus([PostgresAnnouncements({"conninfo": board.url})])

        async def act() -> None:
            watch = bus.watch(1)
            await asyncio.to_thread(server.stop)
            await until(lambda: bus.away_since is not None)
            server.start()  # not in a thread of the loop's: the server ends with the thread that started it
            await until(lambda: bus.away_since is None)
            assert await events_heard(watch, 0.5) == [-1]
            board.connection.close()
            board.connection = psycopg.connect(board.url, autocommit=True)
            board.announce(make_news(1, events=6))
            assert await events_heard(watch, 0.5) == [6]

        run(bus, act)
        board.close()
    finally:
        server.remove()
