"""The short way of an envelope decides nothing otherwise than the long way: it answers the same, or it says no."""

from mini_sentry.streams.engines.memory import MemoryLog
from mini_sentry.streams.log import DeliveredTokens, LogError, LogFull, LogUnavailable, Submit
from tests.ingest.driver import AUTH, OTHER_KEY, Server, event_envelope, gzipped, serving

URL = "/api/1/envelope/"
GZIP = {**AUTH, "Content-Encoding": "gzip"}


class BrokenLog(MemoryLog):
    """A log that takes records, and may then say that they could not be kept."""

    def __init__(self) -> None:
        super().__init__()
        self.error: LogError | None = None

    def producer(self, delivered: DeliveredTokens) -> Submit:
        submit = super().producer(delivered)

        def submit_or_fail(topic: str, key: bytes, value: bytes, token: object) -> None:
            if self.error is None:
                submit(topic, key, value, token)
            else:
                delivered([token], self.error)

        return submit_or_fail


def warm(server: Server, headers: dict[str, str] = AUTH) -> None:
    """Make the key known, which the long way does."""
    assert server.post(URL, b"{}\n", headers).status == 200


def test_a_key_that_was_not_seen_goes_the_long_way() -> None:
    with serving() as server:
        assert server.quick(URL, event_envelope()) is None
        warm(server)
        assert server.quick(URL, event_envelope()) is not None
        assert server.quick(URL, event_envelope(), {"X-Sentry-Auth": f"Sentry sentry_key={OTHER_KEY}"}) is None


def test_answer_and_record_are_those_of_the_long_way() -> None:
    headers = {**GZIP, "User-Agent": "sentry.python/2", "Content-Type": "application/x-sentry-envelope", "Origin": "x"}
    with serving() as server:
        warm(server)
        body = gzipped(event_envelope())
        assert server.quick(URL, body, headers) == server.post(URL, body, headers)
        quick, long = server.messages()
        assert quick.record_id != long.record_id
        quick.record_id = long.record_id
        assert quick == long


def test_an_envelope_without_an_event_is_answered_without_an_id() -> None:
    body = b'{}\n{"type":"client_report"}\n{"discarded_events":[]}\n'
    with serving() as server:
        warm(server)
        answer = server.quick(URL, body)
        assert answer == server.post(URL, body)
        assert answer is not None
        assert answer.body == b"{}"


def test_what_is_not_accepted_whole_goes_the_long_way() -> None:
    full = event_envelope()
    with serving(events_per_minute=2) as server:
        warm(server)
        assert server.quick("/api/2/envelope/", full) is None
        assert server.quick("/api/1/store/", full) is None
        assert server.quick(URL, b"") is None
        assert server.quick(URL, b"broken") is None
        assert server.quick(URL, gzipped(full)[:-9], GZIP) is None
        assert server.quick(URL, full + b'{"type":"attachment"}\nx\n') is None
        assert server.messages() == []
        assert [server.quick(URL, full) is not None for _ in range(4)] == [True, True, False, False]
        assert server.post(URL, full).status == 429


def test_a_log_that_cannot_keep_a_record_is_answered_503_and_counted_once() -> None:
    log = BrokenLog()
    with serving(log=log) as server:
        warm(server)
        for error, reason in ((LogFull("full"), "disk_full"), (LogUnavailable("away"), "backlog")):
            log.error = error
            quick = server.quick(URL, event_envelope())
            long = server.post(URL, event_envelope())
            log.error = None
            assert quick is not None
            assert (quick.status, quick.json, quick.headers) == (503, long.json, long.headers)
            assert server.refused()[-1] == (1, "rate_limited", reason, "error", 2)
