"""The short way, where the answer about the quota has to be waited for."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from mini_sentry.ingest.quotas import Admission, Bucket, MemoryQuotas, QuotasUnavailable, Told
from mini_sentry.streams.engines.memory import MemoryLog
from tests.ingest.driver import AUTH, EVENT_ID, Server, event_envelope, serving

URL = "/api/1/envelope/"


class Distant:
    """Counts that are one turn of the event loop away. `is_broken` lets every answer be an error."""

    def __init__(self, per_minute: int) -> None:
        self.away_since: float | None = None
        self.is_broken = False
        self.asked = 0
        self._near = MemoryQuotas(events_per_minute=per_minute, sessions_per_minute=per_minute)

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def admit(self, project_id: int, bucket: Bucket, quantity: int, *, now: float) -> Admission | None:
        return None

    def ask_soon(self, project_id: int, bucket: Bucket, quantity: int, *, now: float, then: Told) -> None:
        self.asked += 1
        told = self._near.admit(project_id, bucket, quantity, now=now)
        asyncio.get_running_loop().call_soon(then, QuotasUnavailable("no room") if self.is_broken else told)

    async def ask(self, project_id: int, bucket: Bucket, quantity: int, *, now: float) -> Admission:
        await asyncio.sleep(0)
        return self._near.admit(project_id, bucket, quantity, now=now)


@pytest.fixture
def quotas() -> Distant:
    return Distant(2)


@pytest.fixture
def server(quotas: Distant) -> Iterator[Server]:
    with serving(quotas=quotas) as started:
        # What is known of the key is in memory from the first request on.
        started.post(URL, b'{}\n{"type":"client_report"}\n{}')
        yield started


def test_an_event_that_passes_is_accepted_the_short_way(server: Server, quotas: Distant) -> None:
    answer = server.quick(URL, event_envelope(), AUTH)
    assert answer is not None
    assert (answer.status, answer.json) == (200, {"id": EVENT_ID})
    assert [message.event_id for message in server.messages()][1:] == [EVENT_ID]
    assert quotas.asked == 1


def test_one_that_does_not_pass_is_answered_as_the_long_way_answers_it(server: Server) -> None:
    for _ in range(2):
        assert server.quick(URL, event_envelope(), AUTH).status == 200
    short = server.quick(URL, event_envelope(), AUTH)
    long = server.post(URL, event_envelope())
    assert short.status == long.status == 429
    assert (short.headers, short.body) == (long.headers, long.body)
    assert short.headers["x-sentry-rate-limits"].endswith(":error;default;security;attachment:project:project_limit")
    assert len(server.messages()) == 3
    assert server.refused() == [(1, "rate_limited", "project_limit", "error", 2)]


def test_what_has_no_quota_asks_nobody(server: Server, quotas: Distant) -> None:
    answer = server.quick(URL, b'{}\n{"type":"client_report"}\n{}', AUTH)
    assert (answer.status, json.loads(answer.body)) == (200, {})
    assert quotas.asked == 0


def test_counts_that_cannot_be_kept_are_a_503_as_on_the_long_way(server: Server, quotas: Distant) -> None:
    quotas.is_broken = True
    answer = server.quick(URL, event_envelope(), AUTH)
    assert answer.status == 503
    assert "retry-after" in answer.headers


def test_a_log_that_closed_meanwhile_is_a_503(quotas: Distant) -> None:
    log = MemoryLog()
    with serving(quotas=quotas, log=log) as server:
        server.post(URL, b'{}\n{"type":"client_report"}\n{}')
        log.close()
        assert server.quick(URL, event_envelope(), AUTH).status == 503
