"""Quotas in Redis: several machines at once, and what happens while Redis is away."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
from redis import Redis

from mini_sentry.ingest.quotas import Bucket, MemoryQuotas
from mini_sentry.ingest.redis_quotas import RedisQuotas
from mini_sentry.live.engines.redis import CALL_SECONDS
from tests.engines.redis import RedisServer, serving

NOON = 29_000_000 * 60.0 + 12.5


def make(url: str, *, limit: int) -> RedisQuotas:
    local = MemoryQuotas(events_per_minute=limit, sessions_per_minute=limit)
    return RedisQuotas(url, local, events_per_minute=limit, sessions_per_minute=limit)


def with_quotas(url: str, act: Callable[[RedisQuotas], Awaitable[None]], *, limit: int = 3) -> None:
    async def run() -> None:
        quotas = make(url, limit=limit)
        await quotas.start()
        try:
            await asyncio.wait_for(act(quotas), 30)
        finally:
            await quotas.stop()

    asyncio.run(run())


async def ask(quotas: RedisQuotas, quantity: int = 1) -> int:
    return (await quotas.ask(1, Bucket.EVENTS, quantity, now=NOON)).admitted


async def until(is_true: Callable[[], bool]) -> None:
    while not is_true():
        await asyncio.sleep(0.02)


def test_several_machines_together_admit_exactly_the_limit_in_few_calls(redis: str) -> None:
    async def act(first: RedisQuotas) -> None:
        second = make(redis, limit=5000)
        await second.start()
        with Redis.from_url(redis) as client:
            client.config_resetstat()
            answers = await asyncio.gather(*(ask(quotas) for _ in range(3000) for quotas in (first, second)))
            calls = client.info("commandstats")["cmdstat_eval"]["calls"]
        assert sum(answers) == 5000
        assert calls < 60
        assert first.away_since is second.away_since is None
        await second.stop()

    with_quotas(redis, act, limit=5000)


def test_whoever_stopped_waiting_keeps_nobody_else_from_an_answer(redis: str) -> None:
    async def act(quotas: RedisQuotas) -> None:
        impatient = asyncio.ensure_future(ask(quotas))
        patient = asyncio.ensure_future(ask(quotas))
        await asyncio.sleep(0)
        impatient.cancel()
        assert await patient == 1

    with_quotas(redis, act)


def test_counts_of_a_minute_are_forgotten_some_minutes_later(redis: str) -> None:
    async def act(quotas: RedisQuotas) -> None:
        await ask(quotas)
        with Redis.from_url(redis) as client:
            [key] = client.keys("mini-sentry:quotas:*")
            assert 180 < client.ttl(key) <= 300

    with_quotas(redis, act)


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with serving() as started:
        yield started


@pytest.mark.slow
def test_a_killed_redis_is_replaced_by_local_counts_at_once_and_counts_again_when_it_is_back(
    server: RedisServer,
) -> None:
    async def act(quotas: RedisQuotas) -> None:
        assert await ask(quotas, 2) == 2
        server.kill9()
        began = time.monotonic()
        assert await asyncio.gather(*(ask(quotas) for _ in range(5))) == [1, 1, 1, 0, 0]
        assert time.monotonic() - began < CALL_SECONDS * 2
        assert quotas.away_since == pytest.approx(time.time(), abs=5)
        # Nobody waits while it is away: the answer is there without an event loop.
        assert quotas.admit(2, Bucket.EVENTS, 1, now=NOON) == (1, 0)
        await asyncio.to_thread(server.start)
        await until(lambda: quotas.away_since is None)
        assert await ask(quotas, 9) == 1, "it goes on from what was counted before"

    with_quotas(server.url, act)


@pytest.mark.slow
def test_a_redis_that_hangs_is_waited_for_once_and_not_for_long(server: RedisServer) -> None:
    async def act(quotas: RedisQuotas) -> None:
        assert await ask(quotas) == 1
        server.pause()
        began = time.monotonic()
        assert await asyncio.gather(*(ask(quotas) for _ in range(4))) == [1, 1, 1, 0]
        assert time.monotonic() - began < CALL_SECONDS * 2
        began = time.monotonic()
        for _ in range(1000):
            assert await ask(quotas) == 0
        assert time.monotonic() - began < CALL_SECONDS
        server.resume()
        await until(lambda: quotas.away_since is None)

    with_quotas(server.url, act)


@pytest.mark.slow
def test_a_redis_that_is_not_there_at_the_start_is_found_later(server: RedisServer) -> None:
    server.stop()

    async def act(quotas: RedisQuotas) -> None:
        assert quotas.away_since is not None
        assert await ask(quotas, 5) == 3
        await asyncio.to_thread(server.start)
        await until(lambda: quotas.away_since is None)
        assert await ask(quotas, 5) == 3

    with_quotas(server.url, act)


@pytest.mark.slow
def test_a_redis_that_answers_and_cannot_write_is_as_good_as_away(server: RedisServer) -> None:
    async def act(quotas: RedisQuotas) -> None:
        with Redis.from_url(server.url) as client:
            client.replicaof("127.0.0.1", "1")
            assert await ask(quotas, 5) == 3
            await asyncio.sleep(1.5)
            assert quotas.away_since is not None
            client.replicaof("NO", "ONE")
        await until(lambda: quotas.away_since is None)

    with_quotas(server.url, act)
