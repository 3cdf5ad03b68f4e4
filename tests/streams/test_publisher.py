"""Appending from an event loop."""

import asyncio
from pathlib import Path

import pytest

from mini_sentry.streams.engines.sqlite import SqliteLog
from mini_sentry.streams.log import LogFull, LogUnavailable
from mini_sentry.streams.publisher import Publisher
from mini_sentry.streams.topics import INGEST


def test_a_future_resolves_when_its_record_is_durable(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")

    async def publish() -> list[int]:
        publisher = Publisher(log, asyncio.get_running_loop())
        seen = []
        for number in range(3):
            await publisher.publish(INGEST, b"1", b"%d" % number)
            seen.append(len(log.read(INGEST, 1)))
        return seen

    assert asyncio.run(publish()) == [1, 2, 3]
    log.close()


def test_many_records_at_once_all_resolve(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")

    async def publish() -> None:
        publisher = Publisher(log, asyncio.get_running_loop())
        await asyncio.gather(*[publisher.publish(INGEST, b"1", b"%d" % number) for number in range(500)])

    asyncio.run(publish())
    assert len({record.value for record in log.read(INGEST, 1)}) == 500
    log.close()


def test_a_waiter_that_went_away_takes_no_record_back(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")

    async def publish() -> None:
        publisher = Publisher(log, asyncio.get_running_loop())
        publisher.publish(INGEST, b"1", b"left").cancel()
        await publisher.publish(INGEST, b"1", b"stayed")

    asyncio.run(publish())
    assert [record.value for record in log.read(INGEST, 1)] == [b"left", b"stayed"]
    log.close()


def test_a_failed_commit_fails_the_future(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db", max_file_bytes=1 << 20)

    async def publish() -> None:
        await Publisher(log, asyncio.get_running_loop()).publish(INGEST, b"1", b"x" * (2 << 20))

    with pytest.raises(LogFull):
        asyncio.run(publish())
    log.close()


def test_a_closed_log_refuses_at_once(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")

    async def publish() -> None:
        publisher = Publisher(log, asyncio.get_running_loop())
        log.close()
        await publisher.publish(INGEST, b"1", b"x")

    with pytest.raises(LogUnavailable):
        asyncio.run(publish())


def test_a_loop_that_ended_loses_no_record(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")

    async def publish() -> None:
        Publisher(log, asyncio.get_running_loop()).publish(INGEST, b"1", b"x")

    asyncio.run(publish())
    log.close()
    again = SqliteLog(tmp_path / "log.db")
    assert [record.value for record in again.read(INGEST, 1)] == [b"x"]
    again.close()
