"""The command `mini-sentry` as a person at a terminal meets it: starts, refusals, stops, and processes that are killed."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mini_sentry
from tests import reading
from tests.installation import Installation, command_line, free_port, kill, running

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with running(tmp_path_factory.mktemp("commands") / "data") as started:
        yield started


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Installation]:
    """An installation that is not started yet."""
    made = Installation(tmp_path / "data")
    yield made
    made.stop()


def command(installation: Installation, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `mini-sentry <arguments>` to its end, on the installation's data."""
    return subprocess.run(
        [sys.executable, "-m", "mini_sentry.config.cli", *arguments],
        env=installation.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def is_gone(pid: int) -> bool:
    return "mini_sentry.config.cli" not in command_line(pid)


def send(installation: Installation, project: dict[str, str], message: str, host: str | None = None) -> None:
    body = b'{}\n{"type":"event"}\n{"message":"%s"}\n' % message.encode()
    headers = {"X-Sentry-Auth": f"Sentry sentry_key={project['key']}"} | ({"Host": host} if host else {})
    assert installation.request("POST", f"/api/{project['id']}/envelope/", body, headers).status == 200


def test_it_tells_its_version(installation: Installation):
    assert command(installation, "--version").stdout.strip() == f"mini-sentry {mini_sentry.__version__}"


def test_a_start_says_where_it_is_and_where_the_data_is(installation: Installation):
    installation.wait_until(lambda: installation.address in installation.output(), "the address is printed")
    assert str(installation.data_dir) in installation.output()


def test_a_second_start_on_the_same_data_says_so_and_harms_nothing(installation: Installation):
    done = command(installation, "run", "--port", str(free_port()))
    assert done.returncode == 1
    assert done.stderr.startswith(f"mini-sentry: Mini Sentry already runs on {installation.data_dir}")
    assert "Traceback" not in done.stderr
    assert installation.get("/api/health/").status == 200


def test_a_second_start_on_the_same_port_says_so(installation: Installation, another: Installation):
    for role in ("run", "web"):
        done = command(another, role, "--port", str(installation.port))
        assert done.returncode == 1
        assert f"Port {installation.port} on 127.0.0.1 cannot be used" in done.stderr
        assert "--port" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_it_listens_on_loopback_only(another: Installation, host: str):
    done = command(another, "run", "--host", host, "--port", str(another.port))
    assert done.returncode == 1
    assert host in done.stderr
    assert "127.0.0.1" in done.stderr
    assert "Traceback" not in done.stderr


def refused(data_dir: Path, **variables: str) -> str:
    """What a start says that these settings end: sentences and no traceback."""
    installation = Installation(data_dir, variables=variables)
    done = command(installation, "run", "--port", str(installation.port))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_setting_that_cannot_be_used_stops_the_start_with_its_name(tmp_path: Path):
    assert "RETENTION_DAYS='soon' cannot be used" in refused(tmp_path / "data", RETENTION_DAYS="soon")


@pytest.mark.once
def test_a_setting_that_cannot_be_used_stops_a_later_start_as_well(tmp_path: Path):
    with running(tmp_path / "data"):
        pass
    said = refused(tmp_path / "data", REDIS_URL="nonsense")
    assert "REDIS_URL='nonsense' cannot be used" in said
    assert said.endswith("A setting cannot be used; see the line above.\n")


@pytest.mark.once
def test_a_database_that_is_away_is_said_in_a_sentence(tmp_path: Path):
    said = refused(tmp_path / "data", DATABASE_URL="postgresql://me:secret@127.0.0.1:9/x")
    assert "The database cannot be used: connection failed" in said
    assert "secret" not in said


def test_only_this_machines_names_are_answered_but_ingest_takes_any(installation: Installation):
    project = installation.create_project("Hosts", "hosts")
    for path in ("/", "/api/projects/", "/api/live/?project=hosts", "/docs/", "/p/hosts/issues"):
        evil = installation.request("GET", path, headers={"Host": "evil.example"})
        assert evil.status == 400, path
        assert b"hosts" not in evil.body
    for name in ("localhost", "127.0.0.1", f"[::1]:{installation.port}"):
        assert installation.request("GET", "/api/projects/", headers={"Host": name}).status == 200
    send(installation, project, "from behind a proxy", host="errors.example")
    reading.wait_for_events(installation, "hosts", 1)


def test_a_page_of_another_origin_changes_nothing(installation: Installation):
    headers = {"Content-Type": "application/json", "Origin": "https://evil.example"}
    reply = installation.request("POST", "/api/projects/", b'{"name":"Evil","slug":"evil"}', headers)
    assert reply.status == 403
    assert installation.get("/api/projects/evil/").status == 404


def test_create_project_prints_a_token_and_a_dsn_that_work(installation: Installation):
    done = command(installation, "manage", "create_project", "My App", "--slug", "mine")
    assert done.returncode == 0
    printed = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert printed["Project"].startswith("My App (mine, id ")
    shown = installation.get("/api/projects/mine/").json()
    assert shown["ingest_token"] == printed["Ingest token"]
    key = printed["DSN"].split("//")[1].split("@")[0]
    assert printed["DSN"] == f"http://{key}@127.0.0.1:{installation.port}/{shown['id']}"
    send(installation, {"id": shown["id"], "key": key}, "by the printed DSN")
    reading.wait_for_events(installation, "mine", 1)


def test_create_project_refuses_a_slug_that_is_taken(installation: Installation):
    installation.create_project("Taken", "taken")
    done = command(installation, "manage", "create_project", "Another", "--slug", "taken")
    assert done.returncode == 1
    assert "No project was made. The slug 'taken'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_killed_supervisor_leaves_no_orphan_and_the_next_start_has_all_data(another: Installation):
    another.start()
    project = another.create_project()
    send(another, project, "before the kill")
    reading.wait_for_events(another, "shop", 1)
    supervisor, *children = another.pids()
    assert len(children) >= 2
    kill(supervisor)
    another.wait_until(lambda: all(is_gone(pid) for pid in children), "web and engine end by themselves", seconds=30)
    another.start()
    send(another, project, "after the kill")
    assert {group["title"] for group in reading.wait_for_events(another, "shop", 2)} == {
        "before the kill",
        "after the kill",
    }


def test_ctrl_c_and_a_request_to_end_stop_every_process(another: Installation):
    for number in (signal.SIGINT, signal.SIGTERM):
        another.log_path.unlink(missing_ok=True)
        supervisor = another.spawn("run", "--port", str(another.port))
        another.wait_until(lambda: another.address in another.output(), "it runs", seconds=60)
        everybody = another.pids()
        assert len(everybody) >= 3
        supervisor.send_signal(number)
        assert supervisor.wait(30) == 0
        assert all(is_gone(pid) for pid in everybody)
        assert "Traceback" not in another.output()


def test_the_roles_work_each_on_its_own(another: Installation):
    another.start("web", "--port", str(another.port))
    project = another.create_project()
    send(another, project, "while nobody digests")
    assert reading.groups(another, "shop") == []
    another.start("digest")
    [group] = reading.wait_for_events(another, "shop", 1)
    assert group["title"] == "while nobody digests"
    another.start("snuba")
    path = "/api/events/clickhouse?project=shop"
    another.wait_until(lambda: _titles(another, path) == ["while nobody digests"], "the columns are filled")


def _titles(installation: Installation, path: str) -> list[str]:
    reply = installation.get(path)
    return [row["title"] for row in reply.json()] if reply.status == 200 else []
