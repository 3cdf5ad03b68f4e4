"""The event stream, driven as a server would drive it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mini_sentry.live.app import LiveApp, Message, Refusal, Scope
from mini_sentry.live.engines.sqlite import SqliteBus
from tests.live.announcements import SqliteBoard, make_group, make_news


class Client:
    """One request: what the server sent, and ways to disconnect or to stop reading."""

    def __init__(self, app: LiveApp, query: str = "project=shop", *, method: str = "GET", last_id: str = "") -> None:
        headers = [(b"host", b"localhost")] + ([(b"last-event-id", last_id.encode())] if last_id else [])
        self.scope: Scope = {"type": "http", "method": method, "query_string": query.encode(), "headers": headers}
        self.sent: list[Message] = []
        self.gone = asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()
        self.task = asyncio.create_task(app(self.scope, self._receive, self._send))

    async def _receive(self) -> Message:
        if not hasattr(self, "_asked"):
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        await self.reads.wait()
        self.sent.append(message)

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    @property
    def body(self) -> str:
        return b"".join(message.get("body", b"") for message in self.sent).decode()

    @property
    def events(self) -> list[dict[str, Any]]:
        """The messages of the stream, comments left out."""
        events = []
        for block in self.body.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
            if "event" in fields:
                events.append({"event": fields["event"], "id": int(fields["id"]), "data": json.loads(fields["data"])})
        return events

    async def until(self, count: int) -> list[dict[str, Any]]:
        while len(self.events) < count:
            await asyncio.sleep(0.005)
        return self.events

    async def leave(self) -> None:
        self.gone.set()
        await self.task


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteBoard]:
    store = SqliteBoard(tmp_path)
    yield store
    store.close()


async def find_project(slug: str) -> int | None:
    return {"shop": 1, "blog": 2}.get(slug)


async def everyone(scope: Scope) -> Refusal | None:
    return None


def serve(store: SqliteBoard, act: Callable[[LiveApp], Awaitable[None]], **options: Any) -> None:
    async def run() -> None:
        bus = SqliteBus(store.path)
        defaults: dict[str, Any] = {"find_project": find_project, "refuse": everyone, "batch_seconds": 0.05}
        app = LiveApp(bus, **defaults | options)
        try:
            await asyncio.wait_for(act(app), 20)
        finally:
            await bus.stop()

    asyncio.run(run())


def test_a_stream_begins_with_hello_and_the_current_id(store: SqliteBoard) -> None:
    async def act(app: LiveApp) -> None:
        store.announce(make_news())
        client = Client(app)
        assert await client.until(1) == [{"event": "hello", "id": 1, "data": {"project": 1, "slug": "shop"}}]
        headers = dict(client.sent[0]["headers"])
        assert client.status == 200
        assert headers[b"content-type"] == b"text/event-stream; charset=utf-8"
        assert headers[b"cache-control"] == b"no-store"
        await client.leave()

    serve(store, act)


def test_what_lands_in_the_project_is_sent_as_a_batch(store: SqliteBoard) -> None:
    async def act(app: LiveApp) -> None:
        client = Client(app)
        await client.until(1)
        store.announce(make_news(2))
        store.announce(make_news(1, events=3, groups=[make_group(9)]))
        batch = (await client.until(2))[1]
        assert (batch["event"], batch["id"]) == ("batch", 2)
        assert (batch["data"]["project"], batch["data"]["slug"], batch["data"]["events"]) == (1, "shop", 3)
        assert [group["short_id"] for group in batch["data"]["groups"]] == ["SHOP-9"]
        await client.leave()

    serve(store, act)


def test_announcements_of_one_moment_are_one_batch(store: SqliteBoard) -> None:
    async def act(app: LiveApp) -> None:
        client = Client(app)
        await client.until(1)
        store.announce(make_news(events=1))
        await client.until(2)
        for _ in range(10):
            store.announce(make_news(events=5))
        batches = (await client.until(3))[1:]
        assert [(batch["id"], batch["data"]["events"]) for batch in batches] == [(1, 1), (11, 50)]
        await client.leave()

    serve(store, act, batch_seconds=0.3)


@pytest.mark.parametrize(("query", "header"), [("project=shop&last_id=1", ""), ("project=shop&last_id=7", "1")])
def test_a_client_resumes_after_the_id_it_heard_last(store: SqliteBoard, query: str, header: str) -> None:
    async def act(app: LiveApp) -> None:
        for events in (10, 20, 30):
            store.announce(make_news(events=events))
        client = Client(app, query, last_id=header)
        hello, batch = await client.until(2)
        assert (hello["id"], batch["id"], batch["data"]["events"]) == (1, 3, 50)
        await client.leave()

    serve(store, act)


@pytest.mark.parametrize("last_id", ["999", "1", "nonsense", "-4", "9" * 40])
def test_a_client_that_missed_what_is_not_kept_is_told_to_reset(store: SqliteBoard, last_id: str) -> None:
    async def act(app: LiveApp) -> None:
        for _ in range(6):
            store.announce(make_news())
        store.connection.execute("DELETE FROM live_announcement WHERE id < 5")
        client = Client(app, last_id=last_id)
        _, reset = await client.until(2)
        assert (reset["event"], reset["id"]) == ("reset", 6)
        store.announce(make_news(events=4))
        assert (await client.until(3))[2]["data"]["events"] == 4
        await client.leave()

    serve(store, act)


def test_a_quiet_stream_has_a_heartbeat(store: SqliteBoard) -> None:
    async def act(app: LiveApp) -> None:
        client = Client(app)
        while client.body.count(": heartbeat\n\n") < 2:
            await asyncio.sleep(0.005)
        await client.leave()

    serve(store, act, heartbeat_seconds=0.02)


def test_streams_end_when_the_process_stops(store: SqliteBoard) -> None:
    async def act(app: LiveApp) -> None:
        clients = [Client(app) for _ in range(3)]
        for client in clients:
            await client.until(1)
        app.stop()
        await asyncio.wait_for(asyncio.gather(*[client.task for client in clients]), 1)
        assert [client.sent[-1]["more_body"] for client in clients] == [False] * 3
        late = Client(app)
        await late.task
        assert late.status == 503

    serve(store, act)


def test_a_client_that_reads_nothing_holds_up_no_stop(store: SqliteBoard) -> None:
    async def act(app: LiveApp) -> None:
        client = Client(app)
        await client.until(1)
        client.reads.clear()
        store.announce(make_news())
        await asyncio.sleep(0.05)
        app.stop()
        await asyncio.wait_for(client.task, 1)

    serve(store, act)


def test_a_client_that_left_is_forgotten(store: SqliteBoard) -> None:
    async def act(app: LiveApp) -> None:
        for _ in range(5):
            client = Client(app)
            await client.until(1)
            await client.leave()
            assert client.sent[-1]["more_body"]

    serve(store, act, streams_at_most=1)


def test_too_many_streams_are_refused(store: SqliteBoard) -> None:
    async def act(app: LiveApp) -> None:
        first = Client(app)
        await first.until(1)
        second = Client(app)
        await second.task
        assert (second.status, json.loads(second.body)["detail"]) == (503, "Too many streams are open.")
        await first.leave()

    serve(store, act, streams_at_most=1)


@pytest.mark.parametrize(
    ("query", "method", "status"),
    [("project=absent", "GET", 404), ("", "GET", 400), ("project=shop", "POST", 405), ("project=shop", "HEAD", 405)],
)
def test_what_asks_for_no_stream_gets_none(store: SqliteBoard, query: str, method: str, status: int) -> None:
    async def act(app: LiveApp) -> None:
        client = Client(app, query, method=method)
        await client.task
        assert client.status == status
        assert json.loads(client.body)["detail"]

    serve(store, act)


def test_who_may_not_listen_learns_nothing_of_projects(store: SqliteBoard) -> None:
    async def strangers(scope: Scope) -> Refusal | None:
        return Refusal(403, "Not from here.")

    async def act(app: LiveApp) -> None:
        for query in ("project=shop", "project=absent", ""):
            client = Client(app, query)
            await client.task
            assert (client.status, json.loads(client.body)) == (403, {"detail": "Not from here."})

    serve(store, act, refuse=strangers)
