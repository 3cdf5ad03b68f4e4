"""docker-compose.yml runs: its commands against real engines, and the README's words with Compose as they stand."""

import re
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import browser
from tests.deploy.composed import ROOT
from tests.deploy.native import Native
from tests.engines import clickhouse as clickhouse_engine
from tests.engines.kafka import topic_prefix
from tests.engines.postgres import make_database
from tests.flows.test_readme import blocks
from tests.installation import Installation

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.timeout(400)]

README = (ROOT / "README.md").read_text()
HEADING = "## On several machines, or with Compose"


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory, postgres: str, redis_server: str, kafka: str) -> Iterator[Native]:
    server = redis_server.rpartition("/")[0]
    with clickhouse_engine.serving() as columns:
        dotenv = {
            "DATABASE_URL": make_database(postgres, f"compose_{uuid.uuid4().hex[:8]}"),
            "REDIS_URL": f"{server}/2",
            "CELERY_BROKER_URL": f"{server}/3",
            "KAFKA_BOOTSTRAP_SERVERS": kafka,
            "KAFKA_TOPIC_PREFIX": topic_prefix(),
            "CLICKHOUSE_URL": columns,
        }
        services = Native(tmp_path_factory.mktemp("compose"), dotenv)
        try:
            services.up()
            yield services
        finally:
            services.down()


def test_every_role_gets_healthy_in_the_order_of_the_file(native: Native):
    started = native.started
    assert set(started) == {service.name for service in native.composed.ours}
    assert started[0] == "migrate"
    assert started.index("web") < started.index("frontend")
    assert all(native.is_healthy(name) for name in started[1:])


def test_the_readmes_quick_start_with_compose(native: Native):
    begin, create, send, user = blocks(README, HEADING)
    assert begin.text == "cp .env.example .env\ndocker compose up --build\n"
    printed = native.shell(create.text)
    token = re.search(r"Ingest token: (\S+)", printed)
    assert token
    address = re.search(r"DSN: (\S+)", printed)
    assert address
    assert f"@localhost:{native.client('web').port}/" in address[1]
    answers = native.shell(send.text)
    assert token[1] in answers or '"message":"it broke"' in answers
    web = native.client("web")
    web.wait_until(lambda: web.get("/api/events/?project=my-app").json()["count"] == 1, "the event is listed")
    assert "createsuperuser" in user.text


def groups(native: Native, name: str) -> Any:
    return native.client(name).get("/api/groups/?project=my-app").json()


def test_what_one_web_server_accepted_shows_on_the_other(native: Native):
    [group] = groups(native, "frontend")
    assert (group["title"], group["count"]) == ("it broke", 1)
    page = native.client("frontend").get("/")
    assert page.status == 200
    assert b'id="bootstrap"' in page.body
    assert b"My App" in page.body


def test_the_columns_count_what_was_sent(native: Native):
    web = native.client("web")

    def counted() -> bool:
        rows = web.get("/api/dashboard/series/?project=my-app&backend=ch&range=1h&interval=1h").json()
        return bool(sum(row["error"] for row in rows) == 1)

    web.wait_until(counted, "ClickHouse has the event", seconds=60)


def test_names_that_are_not_this_machines_are_refused(native: Native):
    for name in ("web", "frontend"):
        client = native.client(name)
        assert client.request("GET", "/api/projects/", headers={"Host": "evil.example"}).status == 400
        assert client.request("GET", "/api/projects/", headers={"Host": "web:8000"}).status == 200


@pytest.mark.browser
def test_the_page_on_5173_shows_the_issue(native: Native):
    with browser.for_tests() as chromium, browser.watched(chromium, size=(1280, 800)) as page:
        page.page.goto(f"http://localhost:{native.client('frontend').port}/")
        page.page.get_by_text("it broke").first.wait_for()
        page.settle()
        page.assert_clean()


def test_the_first_user_closes_it_and_signs_in_on_both_addresses(native: Native):
    native.exec(
        "web", "python", "manage.py", "createsuperuser", "--noinput", "--email", "ada@example.com",
        variables={"DJANGO_SUPERUSER_PASSWORD": "correct horse battery"},
    )  # fmt: skip
    wait_until_closed(native.client("web"))
    cookies = sign_in(native, "ada@example.com", "correct horse battery")
    for name in ("web", "frontend"):
        client = native.client(name)
        wait_until_closed(client)
        assert client.request("GET", "/api/projects/", headers={"Cookie": cookies}).status == 200
        stream = client.request("GET", "/api/live/?project=my-app")
        assert stream.status == 401


def wait_until_closed(client: Installation) -> None:
    client.wait_until(lambda: client.get("/api/projects/").status == 401, "the API asks for a sign-in", seconds=10)


def sign_in(native: Native, email: str, password: str) -> str:
    """The cookies of somebody who signed in on the web server, as the browser would send them."""
    script = (
        'curl -s -c jar -o /dev/null "http://localhost:8000/admin/login/?next=/" && '
        f"curl -s -b jar -c jar -o /dev/null -w '%{{http_code}}' "
        "--data-urlencode \"csrfmiddlewaretoken=$(awk '/csrftoken/ {print $7}' jar)\" "
        f"--data-urlencode 'username={email}' --data-urlencode 'password={password}' "
        '"http://localhost:8000/admin/login/?next=/"'
    )
    assert native.shell(script) == "302"
    lines = [
        line.removeprefix("#HttpOnly_").split("\t") for line in (native.directory / "jar").read_text().splitlines()
    ]
    return "; ".join(f"{parts[5]}={parts[6]}" for parts in lines if len(parts) == 7)


def test_every_role_stops_in_time(native: Native):
    codes = native.down()
    assert set(codes) == set(native.started[1:])
    # A web server without workers ends by the signal that it was sent, once it has finished.
    assert set(codes.values()) <= {0, -signal.SIGTERM}, codes


def test_the_environments_of_the_roles_hold_nothing_of_the_tests(native: Native):
    for service in native.composed.ours:
        environment = native.environment(service)
        assert environment["MINI_SENTRY_DATA"] == str(Path(native.directory) / "volumes" / "data")
        assert set(environment) - set(service.environment) == {"PATH", "LANG", "HOME"}
