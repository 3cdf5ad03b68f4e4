"""Room to accept: free disk, the digest's backlog, a log that cannot write."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from mini_sentry.ingest.guard import BACKLOG, DISK_FULL, Closed, Disk, Guard, Thresholds, disk_of, judge
from mini_sentry.streams.engines.memory import MemoryLog
from mini_sentry.streams.log import DeliveredTokens, LogError, LogFull, LogUnavailable, Submit
from tests.ingest.driver import AUTH, CORS, Server, event_envelope, serving

GB = 1 << 30
THRESHOLDS = Thresholds(free_bytes=GB, free_share=0.05, backlog_bytes=8 * GB)
ROOMY = Disk(50 * GB, 100 * GB)


@pytest.mark.parametrize(
    ("disk", "backlog_bytes", "expected"),
    [
        (ROOMY, 0, None),
        (ROOMY, 8 * GB, None),
        (ROOMY, 8 * GB + 1, BACKLOG),
        (Disk(GB - 1, 4 * GB), 0, DISK_FULL),
        (Disk(GB, 4 * GB), 0, None),
        (Disk(5 * GB - 1, 100 * GB), 0, DISK_FULL),
        (Disk(5 * GB, 100 * GB), 0, None),
        (Disk(0, 100 * GB), 9 * GB, DISK_FULL),
    ],
)
def test_a_nearly_full_disk_or_a_long_backlog_closes_the_edge(
    disk: Disk, backlog_bytes: int, expected: Closed | None
) -> None:
    assert judge(disk, backlog_bytes, THRESHOLDS) == expected


def test_the_disk_of_a_directory_has_a_size(tmp_path_factory: pytest.TempPathFactory) -> None:
    disk = disk_of(tmp_path_factory.getbasetemp())
    assert 0 < disk.free_bytes < disk.total_bytes


def raises(error: Exception) -> Callable[[], int]:
    def fail() -> int:
        raise error

    return fail


def test_what_cannot_be_told_closes_nothing() -> None:
    def no_disk() -> Disk:
        raise FileNotFoundError

    guard = Guard(disk=no_disk, backlog_bytes=raises(LogUnavailable("away")), thresholds=THRESHOLDS)
    guard.look()
    assert guard.closed is None


def test_the_guard_looks_again_and_again_even_after_a_surprise() -> None:
    looks = 0
    reached = threading.Event()

    def disk() -> Disk:
        nonlocal looks
        looks += 1
        if looks == 2:
            raise ValueError("a surprise")
        if looks == 4:
            reached.set()
        return Disk(0, 100 * GB) if looks >= 3 else ROOMY

    async def main() -> None:
        guard = Guard(disk=disk, backlog_bytes=lambda: 0, thresholds=THRESHOLDS, every_seconds=0.005)
        await guard.start()
        assert guard.closed is None
        assert await asyncio.to_thread(reached.wait, 5)
        assert guard.closed == DISK_FULL
        await guard.stop()

    asyncio.run(main())


REQUESTS = [
    ("/api/1/envelope/", event_envelope(), AUTH, "error"),
    ("/api/1/store/", b"{}", AUTH, "error"),
    ("/api/1/security/", b'{"csp-report":{"violated-directive":"img-src"}}', AUTH, "security"),
    ("/api/events/ingest/shop/", b"{}", {}, "error"),
    ("/api/events/ingest/token/token-shop/", b"{}", {}, "error"),
    ("/api/sessions/ingest/token/token-shop/", b'{"session_id":"s"}', {}, "session"),
]


@pytest.mark.parametrize(("url", "body", "headers", "category"), REQUESTS)
def test_with_the_disk_nearly_full_every_way_in_is_503(
    url: str, body: bytes, headers: dict[str, str], category: str
) -> None:
    with serving() as server:
        server.disk = Disk(GB // 2, 100 * GB)
        server.guard.look()
        answer = server.post(url, body, headers)
        assert (answer.status, answer.json) == (503, {"detail": "The server's disk is nearly full."})
        assert answer.headers.items() >= {"retry-after": "60", **CORS}.items()
        assert server.refused() == [(1, "rate_limited", "disk_full", category, 1)]
        server.disk = ROOMY
        server.guard.look()
        assert server.post(url, body, headers | {"Prefer": "respond-async"}).status in (200, 201)


def test_a_backlog_is_503_until_the_digest_has_caught_up() -> None:
    with serving() as server:
        assert server.post("/api/1/envelope/", event_envelope() + b"\n" * 9_999_000).status == 200
        server.guard.look()
        assert server.post("/api/1/envelope/", event_envelope() + b"\n" * 1000).status == 200
        server.guard.look()
        answer = server.post("/api/1/envelope/", event_envelope())
        assert (answer.status, answer.headers["retry-after"]) == (503, "10")
        assert server.refused() == [(1, "rate_limited", "backlog", "error", 1)]


class FailingLog(MemoryLog):
    """A log that takes records and then cannot make them durable."""

    error: LogError | None = None

    def producer(self, delivered: DeliveredTokens) -> Submit:
        submit = super().producer(delivered)

        def submit_or_fail(topic: str, key: bytes, value: bytes, token: object) -> None:
            if self.error is None:
                submit(topic, key, value, token)
            else:
                delivered([token], self.error)

        return submit_or_fail


@pytest.mark.parametrize(
    ("error", "reason", "seconds"),
    [(LogFull("no room"), "disk_full", "60"), (LogUnavailable("locked"), "backlog", "10")],
)
def test_a_record_that_the_log_cannot_keep_is_503_and_counted_later(error: LogError, reason: str, seconds: str) -> None:
    log = FailingLog()
    with serving(log=log) as server:
        log.error = error
        for url, body, headers, _ in REQUESTS:
            answer = server.post(url, body, headers)
            assert (answer.status, answer.headers["retry-after"]) == (503, seconds)
        with pytest.raises(type(error)):
            server.refused()
        log.error = None
        assert sum(counted[4] for counted in server.refused() if counted[2] == reason) == len(REQUESTS)
        assert server.messages() == []


def test_a_closed_log_is_503() -> None:
    log = MemoryLog()
    server = Server(log=log)
    server.start()
    log.close()
    assert server.post("/api/1/envelope/", event_envelope()).status == 503
    server.stop()
