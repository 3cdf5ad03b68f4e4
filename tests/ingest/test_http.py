"""The edge behind its real server, over a socket: what no in-process driver shows."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
import uvloop

from mini_sentry.ingest.http import EdgeProtocol
from mini_sentry.ingest.quick import QuickEnvelopes
from mini_sentry.protocol import envelope
from mini_sentry.protocol.limits import Limits
from mini_sentry.streams.engines.memory import MemoryLog
from mini_sentry.streams.log import DeliveredTokens, Submit
from tests.ingest.driver import AUTH, EVENT_ID, Server, event_envelope, gzipped

URL = "/api/1/envelope/"


class SlowLog(MemoryLog):
    """A log whose commits take 300 ms; `begun` is set when the second record has come."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()
        self._count = 0

    def producer(self, delivered: DeliveredTokens) -> Submit:
        submit = super().producer(delivered)

        def submit_later(topic: str, key: bytes, value: bytes, token: object) -> None:
            self._count += 1
            if self._count > 1:
                self.begun.set()
            threading.Timer(0.3, submit, (topic, key, value, token)).start()

        return submit_later


class LongWay:
    """The edge as an application that knows no short way."""

    def __init__(self, edge: Server, started: threading.Event) -> None:
        self.edge = edge
        self.calls = 0
        self._started = started

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            self.calls += 1
            await self.edge.app(scope, receive, send)
            return
        for act, name in ((self.edge.app.startup, "startup"), (self.edge.app.shutdown, "shutdown")):
            await receive()
            await act()
            await send({"type": f"lifespan.{name}.complete"})
            self._started.set()


class ShortWay(LongWay):
    @property
    def quick(self) -> QuickEnvelopes | None:
        return self.edge.app.quick


class Running:
    """A server on a free port of the loopback interface, in a thread."""

    def __init__(self, edge: Server, way: type[LongWay] = ShortWay) -> None:
        self.edge = edge
        self._started = threading.Event()
        self.app = way(edge, self._started)
        listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = listening.getsockname()[1]
        config = uvicorn.Config(
            self.app,
            interface="asgi3",
            http=EdgeProtocol,
            ws="none",
            log_level="critical",
            access_log=False,
            proxy_headers=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: uvloop.run(self._server.serve([listening])), daemon=True)
        self._thread.start()
        assert self._started.wait(10)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def exchange(self, sent: bytes, *, ends: bytes) -> bytes:
        """Send raw bytes and read until `ends` came or the server closed the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(sent)
            received = b""
            while not received.endswith(ends) and (part := connection.recv(65536)):
                received += part
            return received


@pytest.fixture(scope="module", params=[ShortWay, LongWay], ids=["short way", "long way"])
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    server = Running(Server(limits=Limits(request_bytes=300_000)), request.param)
    yield server
    server.stop()


def envelope_of(message_chars: int) -> bytes:
    payload = b'{"message":"%s"}' % (b"x" * message_chars)
    return envelope.build({"event_id": EVENT_ID}, [({"type": "event"}, payload)])


def raw(body: bytes, *, version: str = "1.1", extra: str = "") -> bytes:
    auth = AUTH["X-Sentry-Auth"]
    head = (
        f"POST {URL} HTTP/{version}\r\nHost: x\r\nX-Sentry-Auth: {auth}\r\n{extra}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def test_many_requests_go_over_one_connection(running: Running) -> None:
    connection = running.connect()
    for _ in range(3):
        connection.request("POST", URL, gzipped(event_envelope()), {**AUTH, "Content-Encoding": "gzip"})
        response = connection.getresponse()
        assert (response.status, response.getheader("Access-Control-Allow-Origin")) == (200, "*")
        assert json.loads(response.read()) == {"id": EVENT_ID}
        connection.request("POST", URL, b"broken", AUTH)
        response = connection.getresponse()
        assert response.status == 400
        response.read()
    connection.close()


def test_a_chunked_body_without_a_length_is_accepted(running: Running) -> None:
    body = event_envelope()
    connection = running.connect()
    connection.request("POST", URL, iter([body[:7], body[7:]]), AUTH, encode_chunked=True)
    assert json.loads(connection.getresponse().read()) == {"id": EVENT_ID}
    connection.close()


@pytest.mark.parametrize(
    ("version", "extra"), [("1.0", ""), ("1.1", "Connection: close\r\n")], ids=["HTTP 1.0", "Connection: close"]
)
def test_a_connection_that_is_to_be_closed_is_closed_and_says_so(running: Running, version: str, extra: str) -> None:
    received = running.exchange(raw(event_envelope(), version=version, extra=extra), ends=b"never")
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"connection: close\r\n" in received
    assert received.endswith(b'\r\n\r\n{"id":"%s"}' % EVENT_ID.encode())


def test_requests_sent_ahead_are_answered_in_order(running: Running) -> None:
    ids = [f"{number:032x}" for number in range(1, 6)]
    sent = b"".join(raw(event_envelope(event_id=event_id)) for event_id in ids)
    received = running.exchange(sent, ends=b'{"id":"%s"}' % ids[-1].encode())
    assert [part[:32].decode() for part in received.split(b'{"id":"')[1:]] == ids


def test_a_client_that_waits_to_be_told_to_go_on_is_told(running: Running) -> None:
    head, body = raw(event_envelope(), extra="Expect: 100-continue\r\n").split(b"\r\n\r\n", 1)
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_body_over_the_limit_is_answered_413_and_the_connection_goes_on(running: Running) -> None:
    connection = running.connect()
    connection.request("POST", URL, b"x" * 2_000_000, AUTH)
    response = connection.getresponse()
    assert (response.status, list(json.loads(response.read()))) == (413, ["detail"])
    connection.request("POST", URL, event_envelope(), AUTH)
    assert connection.getresponse().status == 200
    connection.close()


def test_a_client_that_leaves_in_the_middle_leaves_nothing(running: Running) -> None:
    before = len(running.edge.messages())
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
        connection.sendall(raw(event_envelope())[:-5])
    assert json.loads(running.exchange(raw(event_envelope()), ends=b"}").rsplit(b"\r\n", 1)[1]) == {"id": EVENT_ID}
    assert len(running.edge.messages()) == before + 1


def test_head_and_options_are_answered_without_a_body(running: Running) -> None:
    connection = running.connect()
    for method, status in (("HEAD", 405), ("OPTIONS", 204)):
        connection.request(method, URL)
        response = connection.getresponse()
        assert (response.status, response.read()) == (status, b"")
    connection.close()


@pytest.fixture
def short() -> Iterator[Running]:
    server = Running(Server())
    yield server
    server.stop()


def test_the_usual_envelope_goes_the_short_way_once_its_key_is_known(short: Running) -> None:
    first, *rest = [short.exchange(raw(event_envelope()), ends=b"}") for _ in range(4)]
    assert short.app.calls == 1
    assert {answer.rpartition(b"\r\n")[2] for answer in (first, *rest)} == {b'{"id":"%s"}' % EVENT_ID.encode()}
    assert len(short.edge.messages()) == 4


def test_a_body_in_many_pieces_goes_the_short_way_and_a_long_one_does_not(short: Running) -> None:
    connection = short.connect()
    connection.request("POST", URL, event_envelope(), AUTH)
    connection.getresponse().read()
    body = envelope_of(30_000)
    with socket.create_connection(("127.0.0.1", short.port), timeout=10) as other:
        for start in range(0, len(sent := raw(body)), 1000):
            other.sendall(sent[start : start + 1000])
            time.sleep(0.001)
        assert other.recv(1000).endswith(b"}")
    assert short.app.calls == 1
    long_one = envelope_of(200_000)
    connection.request("POST", URL, long_one, AUTH)
    assert json.loads(connection.getresponse().read()) == {"id": EVENT_ID}
    connection.close()
    assert short.app.calls == 2
    assert [len(message.body) for message in short.edge.messages()[1:]] == [len(body), len(long_one)]


def test_who_waits_for_the_commit_while_the_server_ends_is_answered_and_told_to_leave() -> None:
    log = SlowLog()
    short = Running(Server(log=log))
    short.exchange(raw(event_envelope()), ends=b"}")
    with socket.create_connection(("127.0.0.1", short.port), timeout=10) as connection:
        connection.sendall(raw(event_envelope()))
        assert log.begun.wait(10)
        stopping = threading.Thread(target=short.stop)
        stopping.start()
        received = connection.recv(1000)
        assert connection.recv(1000) == b""
        stopping.join(10)
    assert b"connection: close\r\n" in received
    assert received.endswith(b'{"id":"%s"}' % EVENT_ID.encode())
    assert short.app.calls == 1


def test_a_client_that_leaves_before_the_commit_harms_nobody(short: Running) -> None:
    short.exchange(raw(event_envelope()), ends=b"}")
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", short.port), timeout=10) as connection:
            connection.sendall(raw(event_envelope()))
    assert short.exchange(raw(event_envelope()), ends=b"}").endswith(b'{"id":"%s"}' % EVENT_ID.encode())


def test_a_body_that_is_said_to_be_too_large_is_refused_before_it_comes(running: Running) -> None:
    running.exchange(raw(event_envelope()), ends=b"}")
    head = raw(b"").replace(b"Content-Length: 0", b"Content-Length: 22020096")
    assert running.exchange(head, ends=b"}").startswith(b"HTTP/1.1 413 ")
