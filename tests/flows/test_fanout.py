"""Two web processes: what is accepted by one is seen on pages of the other, and counts against one quota."""

import http.client
import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.engines.postgres import drop_database, make_database
from tests.engines.redis import forget
from tests.installation import Installation

pytestmark = [pytest.mark.once, pytest.mark.slow]

SHOWN_SECONDS = 1.0


class Site:
    """`one` and `other` are two web processes of one installation, with one digest behind them."""

    def __init__(self, data_dir: Path, variables: dict[str, str]) -> None:
        self.one = Installation(data_dir, variables=variables)
        self.other = Installation(data_dir, variables=variables)

    def start(self) -> None:
        self.one.data_dir.mkdir(parents=True, exist_ok=True)
        self.one.manage("migrate", "--verbosity", "0")
        self.one.start("web", "--port", str(self.one.port))
        self.other.start("web", "--port", str(self.other.port))
        self.one.start("digest")

    def stop(self) -> None:
        self.other.stop()
        self.one.stop()


class Page:
    """An open event stream."""

    def __init__(self, installation: Installation, project: dict[str, Any], *, last_id: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", installation.port, timeout=20)
        headers = {"Last-Event-ID": last_id} if last_id else {}
        self._connection.request("GET", f"/api/live/?project={project['slug']}", headers=headers)
        self._stream = self._connection.getresponse()
        assert self._stream.status == 200
        self.last_id = ""

    def next(self) -> tuple[str, Any]:
        """The next message: its name and its data. Heartbeats are no messages."""
        fields: dict[str, str] = {}
        while True:
            read = self._stream.readline()
            assert read, "the stream has ended"
            line = read.decode().rstrip("\n")
            if not line and "event" in fields:
                break
            name, colon, value = line.partition(": ")
            if name and colon:
                fields[name] = value
        self.last_id = fields["id"]
        return fields["event"], json.loads(fields["data"])

    def batch(self) -> Any:
        """The next batch, after whatever else."""
        while True:
            name, data = self.next()
            if name == "batch":
                return data

    def close(self) -> None:
        self._connection.close()


@pytest.fixture(scope="module", params=["sqlite", "sqlite and redis", "postgres", "postgres and redis"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    variables = {"RATE_LIMIT_EVENTS_PER_MINUTE": "1000"}
    if "redis" in request.param:
        variables["REDIS_URL"] = request.getfixturevalue("redis_server")
        forget(variables["REDIS_URL"])
    database = f"fanout_{uuid4().hex[:12]}"
    server = request.getfixturevalue("postgres") if "postgres" in request.param else ""
    if server:
        variables["DATABASE_URL"] = make_database(server, database)
    made = Site(tmp_path_factory.mktemp("fanout") / "data", variables)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        if server:
            drop_database(server, database)


@pytest.fixture
def project(site: Site) -> dict[str, Any]:
    """One that no other test sends to."""
    slug = f"shop-{uuid4().hex[:8]}"
    return site.one.create_project(slug, slug)


def send(installation: Installation, project: dict[str, Any], message: str) -> None:
    body = b'{}\n{"type":"event"}\n{"message":"%s"}\n' % message.encode()
    headers = {"X-Sentry-Auth": f"Sentry sentry_key={project['key']}"}
    reply = installation.request("POST", f"/api/{project['id']}/envelope/", body, headers)
    assert reply.status == 200, reply.body


def test_an_event_accepted_by_one_process_shows_on_a_page_of_the_other_within_a_second(
    site: Site, project: dict[str, Any]
) -> None:
    page = Page(site.other, project)
    assert page.next()[0] == "hello"
    # The first event finds a digest that is starting.
    send(site.one, project, "first")
    assert page.batch()["events"] == 1
    waits = []
    for number in range(3):
        time.sleep(1.1)
        began = time.monotonic()
        send(site.one, project, f"number {number}")
        while f"number {number}" not in {event["title"] for event in page.batch()["latest"]}:
            pass
        waits.append(time.monotonic() - began)
    assert max(waits) < SHOWN_SECONDS, waits
    page.close()


def test_a_page_that_comes_back_to_the_other_process_hears_what_it_missed(site: Site, project: dict[str, Any]) -> None:
    page = Page(site.one, project)
    send(site.one, project, "seen")
    assert [event["title"] for event in page.batch()["latest"]] == ["seen"]
    page.close()
    send(site.one, project, "missed")
    site.one.post(f"/api/events/ingest/token/{project['ingest_token']}/", {"message": "missed as well"})
    again = Page(site.other, project, last_id=page.last_id)
    assert again.next()[0] == "hello"
    name, data = again.next()
    assert name == "batch"
    assert "missed" in {event["title"] for event in data["latest"]}
    again.close()


def test_whoever_waits_for_an_event_gets_it_from_either_process(site: Site, project: dict[str, Any]) -> None:
    path = f"/api/events/ingest/token/{project['ingest_token']}/"
    site.one.wait_until(lambda: site.one.post(path, {"message": "first"}).json()["group"], "the digest works")
    for installation in (site.one, site.other):
        # Nobody waits for a digest that is behind, and each process looks twice a second whether it is.
        site.one.wait_until(partial(_is_digested, installation), "each process knows that nothing waits")
    waits = []
    for installation in (site.one, site.other) * 2:
        began = time.monotonic()
        reply = installation.post(path, {"message": f"from {installation.port}"})
        waits.append(time.monotonic() - began)
        assert reply.status == 201
        assert isinstance(reply.json()["group"], int)
    assert max(waits) < SHOWN_SECONDS, waits


def test_both_processes_count_against_one_quota(site: Site, project: dict[str, Any]) -> None:
    body = b'{}\n{"type":"client_report"}\n{}\n' + b'{"type":"event"}\n{"message":"x"}\n' * 90
    headers = {"X-Sentry-Auth": f"Sentry sentry_key={project['key']}"}
    while time.time() % 60 > 40:
        time.sleep(0.5)
    statuses = [
        installation.request("POST", f"/api/{project['id']}/envelope/", body, headers).status
        for _ in range(7)
        for installation in (site.one, site.other)
    ]
    # 11 times 90 fit into 1,000, of the twelfth a part, of the others nothing.
    assert statuses == [200] * 11 + [429] * 3


def _is_digested(installation: Installation) -> bool:
    return bool(installation.get("/api/health/").json()["digest_lag_seconds"] == 0)
