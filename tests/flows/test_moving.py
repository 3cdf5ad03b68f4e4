"""Everything is carried from one installation to another, while the one is running, and the other answers the same."""

import json
import sqlite3
import subprocess
import sys
import time
import uuid
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mini_sentry.moving import archive
from tests.faults import ledger
from tests.faults.load import Load
from tests.flows.walk import walk
from tests.installation import Installation, running
from tests.ui import seed

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.timeout(400)]

DICTIONARY = """
import json
from mini_sentry.groups.dictionaries import train
from mini_sentry.groups.models import BodyDictionary
samples = [json.dumps({"message": f"order {n} of {n % 7}", "tags": {"region": "eu"}, "n": n}).encode() for n in range(500)]
BodyDictionary.objects.create(project_id=1, data=train(samples))
"""


def command(installation: Installation, *arguments: object, expect: int = 0) -> str:
    """Run `mini-sentry <arguments>` and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "mini_sentry.config.cli", *map(str, arguments)],
        env=installation.environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def parts(path: Path) -> dict[str, tuple[int, str]]:
    """Name to lines and SHA-256, of an export's parts."""
    with zipfile.ZipFile(path) as opened:
        manifest = json.loads(opened.read("manifest.json"))
    return {member["name"]: (member["line_count"], member["sha256"]) for member in manifest["members"]}


class Source(NamedTuple):
    """An installation with something of everything, what it exported, and what it answered."""

    site: Installation
    export: Path
    range: dict[str, str]
    answers: dict[str, Any]


def _wait_until_nothing_changes(site: Installation, day: dict[str, str]) -> None:
    """Tasks and columns come after the events: two rounds of questions with the same answers say that they are through."""
    answers: list[dict[str, Any]] = [{}]

    def is_still() -> bool:
        time.sleep(2)
        answers.append(walk(site, **day))
        return answers[-1] == answers[-2]

    site.wait_until(is_still, "nothing changes any more", seconds=60)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    directory = tmp_path_factory.mktemp("source")
    with running(directory / "data") as site:
        site.manage("shell", "-v", "0", "-c", DICTIONARY)
        _furnish(site, seed.seed(site))
        ledger.settle(site)
        _thin(site)
        now = datetime.now(UTC).replace(microsecond=0)
        day = {
            "start": f"{now - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
            "end": f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        }
        _wait_until_nothing_changes(site, day)
        export = directory / "everything.zip"
        printed = command(site, "export", export)
        assert "3 projects" in printed
        yield Source(site, export, day, walk(site, **day))


def _furnish(site: Installation, project: dict[str, Any]) -> None:
    """What the seed leaves out: sessions, a deployment, a rule that fired, comments, changes of status, a person."""
    for number in range(30):
        session = {
            "session_id": f"s-{number}",
            "release": "shop@1.0.0",
            "environment": "production",
            "status": ("exited", "crashed", "errored")[number % 3],
            "user": f"u{number % 7}",
        }
        made = site.post(f"/api/sessions/ingest/token/{project['ingest_token']}/", session)
        assert made.status in (200, 201), made.body
    assert site.post("/api/deployments/", {"project": project["id"], "release": 1}).status == 201
    rule = {"project": project["id"], "name": "New", "condition": "new_group", "target_value": "ops@example.com"}
    made = site.post("/api/alert-rules/", rule)
    assert made.status == 201, made.body
    target = {"target_type": "email", "target_value": "dev@example.com"}
    assert site.post(f"/api/alert-rules/{made.json()['id']}/targets/", target).status == 201
    seed.send(site, project, {"message": "never seen before", "level": "error", "tags": {"region": "eu"}})
    site.wait_until(lambda: _has_told(site), "the rule has told of the new group")
    assert site.post("/api/groups/1/comments/", {"body": "Seen before"}).status == 201
    assert site.post("/api/groups/1/resolve/", {}).status == 200
    create = ("manage", "createsuperuser", "--noinput", "--email", "owner@example.com")
    site.variables["DJANGO_SUPERUSER_PASSWORD"] = "correct horse battery"
    command(site, *create)
    # What only the administration can give.
    site.manage("shell", "-v", "0", "-c", _ALLOW)


_ALLOW = """
from django.contrib.auth.models import Group, Permission
from mini_sentry.accounts.models import User
ann = User.objects.create_user("ann@example.com", "open sesame")
ann.user_permissions.add(Permission.objects.get(codename="change_alertrule"))
team = Group.objects.create(name="On call")
team.permissions.add(Permission.objects.get(codename="view_event"))
ann.groups.add(team)
"""


def _has_told(site: Installation) -> bool:
    told = site.get("/api/alert-notifications/?project=storefront-web").json()
    listed = told if isinstance(told, list) else next(value for value in told.values() if isinstance(value, list))
    return bool(listed) and '"waiting"' not in json.dumps(listed)


def _thin(site: Installation) -> None:
    """Take bodies of a loud group away, as thinning would."""
    with sqlite3.connect(site.data_dir / "main.db", timeout=20) as rows:
        found = rows.execute(
            "SELECT substr(received_at, 1, 10), body_id FROM groups_event WHERE group_id = "
            "(SELECT group_id FROM groups_event GROUP BY 1 ORDER BY count(*) DESC LIMIT 1) ORDER BY id LIMIT 9"
        ).fetchall()
    for day, body_id in found:
        with sqlite3.connect(site.data_dir / "bodies" / f"{day}.db", timeout=20) as bodies:
            assert bodies.execute("DELETE FROM body WHERE id = ?", (body_id,)).rowcount == 1


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Installation]:
    """An embedded installation that holds nothing yet."""
    made = Installation(tmp_path / "data")
    yield made
    made.stop()


@pytest.fixture(params=["embedded", "distributed"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """An installation that holds nothing yet."""
    variables = {}
    if request.param == "distributed":
        from tests.engines.postgres import make_database

        columns: str = request.getfixturevalue("clickhouse")
        name = f"moved_{uuid.uuid4().hex}"
        variables["DATABASE_URL"] = make_database(request.getfixturevalue("postgres"), name)
        variables["CLICKHOUSE_URL"] = f"{columns.rpartition('/')[0]}/{name}"
    made = Installation(tmp_path / "data", variables=variables)
    yield made
    made.stop()


def test_another_installation_takes_everything_and_answers_the_same(
    source: Source, target: Installation, tmp_path: Path
):
    printed = command(target, "import", source.export)
    assert "Imported 3 projects" in printed

    again = tmp_path / "again.zip"
    command(target, "export", again)
    assert parts(again) == parts(source.export)
    counts = {name: count for name, (count, _) in parts(again).items()}
    empty = {name for name, count in counts.items() if not count}
    assert empty <= {"alert-states", "alert-triggers"}, empty

    target.start()
    answers = walk(target, **source.range)
    assert answers.keys() == source.answers.keys()
    for path, answer in source.answers.items():
        assert answers[path] == answer, path

    # The ids go on behind those that came, and senders need no change.
    project = {**target.get("/api/projects/storefront-web/").json(), "key": _key(source, 1)}
    event_id = seed.send(target, project, {"message": "after the move", "level": "error"})
    target.wait_until(lambda: target.get(f"/api/events/{event_id}/").status == 200, "the event is stored")
    for path, body in (
        ("/api/groups/1/comments/", {"body": "Moved"}),
        ("/api/projects/", {"name": "Another", "slug": "another"}),
        ("/api/alert-rules/", {"project": 1, "name": "Another", "target_value": "ops@example.com"}),
        ("/api/releases/", {"project": 1, "version": "after-the-move"}),
    ):
        reply = target.post(path, body)
        assert reply.status == 201, (path, reply.body)


def _key(source: Source, project_id: int) -> str:
    with sqlite3.connect(source.site.data_dir / "main.db", timeout=20) as rows:
        [(key,)] = rows.execute("SELECT public_key FROM projects_projectkey WHERE project_id = ?", (project_id,))
        return str(key)


def test_a_passed_on_password_still_signs_in(source: Source, embedded: Installation):
    command(embedded, "import", source.export)
    asked = "from mini_sentry.accounts.models import User; u = User.objects.get(email='ann@example.com'); print(u.check_password('open sesame'), sorted(u.get_all_permissions()))"
    assert "True ['alerts.change_alertrule', 'groups.view_event']" in embedded.manage("shell", "-v", "0", "-c", asked)


def test_an_installation_that_holds_something_is_not_filled_unless_told(
    source: Source, target: Installation, tmp_path: Path
):
    command(target, "import", source.export)
    assert "holds data already" in command(target, "import", source.export, expect=1)
    target.start()
    target.create_project("Left over", "left-over")
    target.stop()
    command(target, "import", "--replace", source.export)
    again = tmp_path / "again.zip"
    command(target, "export", again)
    assert parts(again) == parts(source.export)


def test_a_running_installation_is_not_filled(source: Source):
    assert "already runs" in command(source.site, "import", "--replace", source.export, expect=1)


def test_an_export_that_was_damaged_on_its_way_leaves_nothing_behind(
    source: Source, embedded: Installation, tmp_path: Path
):
    whole = source.export.read_bytes()
    cut, changed = tmp_path / "cut.zip", tmp_path / "changed.zip"
    cut.write_bytes(whole[: len(whole) // 2])
    middle = len(whole) // 2
    changed.write_bytes(
        whole[:middle] + bytes(byte ^ 0xFF for byte in whole[middle : middle + 64]) + whole[middle + 64 :]
    )
    for path in (cut, changed):
        assert "damaged" in command(embedded, "import", path, expect=1)
        assert "damaged" in command(embedded, "import", "--check", path, expect=1)
    command(embedded, "import", source.export)


def test_an_export_that_the_tables_refuse_leaves_nothing_behind(source: Source, target: Installation, tmp_path: Path):
    spoilt = tmp_path / "spoilt.zip"
    with (
        archive.reading(source.export, kind="export", version=1) as whole,
        archive.writing(spoilt, kind="export", version=1, made_by="1") as writer,
    ):
        for member in whole.manifest.members:
            lines = list(whole.lines(member.name))
            # Two rules with one id, after everything else is in.
            writer.lines(member.name, iter(lines * 2 if member.name == "alert-rules" else lines))
    assert "Nothing was imported" in command(target, "import", spoilt, expect=1)
    command(target, "import", source.export)


def test_an_import_that_was_killed_is_started_again(source: Source, embedded: Installation, tmp_path: Path):
    for _ in range(3):
        killed = subprocess.Popen(
            [sys.executable, "-m", "mini_sentry.config.cli", "import", str(source.export)],
            env=embedded.environment,
            stderr=subprocess.PIPE,
        )
        assert killed.stderr is not None
        for line in killed.stderr:
            if line.startswith(b"events:"):
                break
        killed.kill()
        killed.communicate()
        with sqlite3.connect(embedded.data_dir / "main.db") as rows:
            assert rows.execute("SELECT count(*) FROM groups_event").fetchall() == [(0,)]
    command(embedded, "import", source.export)
    again = tmp_path / "again.zip"
    command(embedded, "export", again)
    assert parts(again) == parts(source.export)


def test_an_export_under_load_shows_one_moment(tmp_path: Path):
    with running(tmp_path / "data") as site:
        project = site.create_project()
        with Load(site.port, project["id"], project["key"]) as load:
            site.wait_until(lambda: len(load.acknowledged) > 300, "events are accepted")
            command(site, "export", tmp_path / "a.zip")
            during = len(load.acknowledged)
            site.wait_until(lambda: len(load.acknowledged) > during, "events are still accepted")
        assert set(load.answers) == {200}
    with archive.reading(tmp_path / "a.zip", kind="export", version=1) as reader:
        rows = {name: [json.loads(line) for line in reader.lines(name)] for name in parts(tmp_path / "a.zip")}
    events = [event["event_id"] for event in rows["events"]]
    assert len(set(events)) == len(events) > 0
    assert sum(group["count"] for group in rows["groups"]) == len(events)
    assert sum(scope["count"] for scope in rows["group-scopes"]) == len(events)
    accepted = [row["quantity"] for row in rows["outcome-counts"] if row["outcome"] == "accepted"]
    assert sum(accepted) == len(events)
    assert all(event["body"]["payload"] for event in rows["events"])


def test_a_file_is_not_written_over(source: Source):
    assert "is there already" in command(source.site, "export", source.export, expect=1)
