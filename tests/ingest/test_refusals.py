"""Counts of what was refused: in memory first, in the log a second later, never lost in between."""

import asyncio

from mini_sentry.ingest.refusals import Refusals
from mini_sentry.protocol.outcomes import Outcome, Reason, Tally
from mini_sentry.streams.engines.memory import MemoryLog
from mini_sentry.streams.publisher import Publisher
from mini_sentry.streams.topics import INGEST, unpack
from tests.ingest.driver import NOON, serving


def test_refusals_of_one_kind_in_one_minute_are_one_tally() -> None:
    times = iter([NOON, NOON + 1, NOON + 60, NOON + 60])
    refusals = Refusals(lambda: next(times))
    for _ in range(3):
        refusals.count(1, Outcome.INVALID, Reason.MALFORMED, "error")
    refusals.count(2, Outcome.RATE_LIMITED, Reason.PROJECT_LIMIT, "session", 5)
    minute = int(NOON // 60) * 60
    assert refusals.tallies() == [
        Tally(1, minute, "invalid", "malformed", "error", 2),
        Tally(1, minute + 60, "invalid", "malformed", "error", 1),
        Tally(2, minute + 60, "rate_limited", "project_limit", "session", 5),
    ]


def test_counts_go_to_the_log_once_a_second_and_when_the_server_stops() -> None:
    log = MemoryLog()

    async def main() -> None:
        refusals = Refusals(lambda: NOON)
        await refusals.start(Publisher(log, asyncio.get_running_loop()))
        refusals.count(1, Outcome.INVALID, Reason.MALFORMED, "error")
        assert await asyncio.to_thread(log.wait, INGEST, 1, timeout_seconds=5)
        refusals.count(0, Outcome.INVALID, Reason.UNKNOWN_KEY, "error")
        await refusals.stop()
        assert refusals.tallies() == []

    asyncio.run(main())
    first, second = (unpack(record.value) for record in log.read(INGEST, 1))
    assert (first.kind, first.project_id, len(first.record_id)) == ("tallies", 0, 16)
    assert first.record_id != second.record_id
    assert (
        second.body
        == b'[{"project_id":0,"minute":1790000040,"outcome":"invalid","reason":"unknown_key","category":"error","quantity":1}]'
    )


def test_a_second_without_a_refusal_writes_nothing() -> None:
    with serving() as server:
        assert server.refused() == []
        assert server.log.end_offset(INGEST) == 1
