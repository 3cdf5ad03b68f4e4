"""Release health and comparison over HTTP: what may be asked, and what is answered without sessions."""

import itertools
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from mini_sentry.projects.models import Project
from mini_sentry.releases.health import free_rate, share
from mini_sentry.releases.models import Release, Session, SessionStatus
from tests.answers import json_of
from tests.factories import make_event, make_group, make_project, make_release

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
_numbers = itertools.count(1)


def make_session(
    project: Project,
    status: SessionStatus = SessionStatus.EXITED,
    *,
    release: Release | None = None,
    ago: timedelta = MINUTE,
    **fields: Any,
) -> Session:
    began = int((timezone.now() - ago).timestamp() * 1000)
    values: dict[str, Any] = {
        "session_id": f"s-{next(_numbers)}",
        "release": release,
        "environment": release.environment if release else "production",
        "user": "",
        "status": status,
        "errors": 0,
        "quantity": 1,
        "started_at": began,
        "updated_at": began,
        "received_at": began,
        "placed_at": began,
        "revision": 1,
    }
    return Session.objects.create(project=project, **values | fields)


def ask(client: Client, path: str = "health/", *, status: int = 200, **query: Any) -> Any:
    answer = client.get(f"/api/releases/{path}?{urlencode({'project': 'shop', **query})}")
    assert answer.status_code == status, answer.content
    return json_of(answer)


@pytest.mark.parametrize("path", ["health/", "health", "health/series/", "health/series", "comparison/", "comparison"])
def test_a_project_must_be_named_and_known(client: Client, shop: Project, path: str) -> None:
    answer = client.get(f"/api/releases/{path}")
    assert (answer.status_code, json_of(answer)) == (400, {"detail": "project required"})
    assert list(ask(client, path, status=404, project="nobody")) == ["detail"]
    assert ask(client, path) is not None


@pytest.mark.parametrize("path", ["health/", "health/series/", "comparison/"])
@pytest.mark.parametrize(
    ("field", "value"),
    [("range", "10 years"), ("range", "3650d"), ("range", "0m"), ("range", "-1h"), ("from", "soon"), ("backend", "x")],
)
def test_nonsense_is_refused_by_its_name(client: Client, shop: Project, path: str, field: str, value: str) -> None:
    assert list(ask(client, path, status=400, **{field: value})) == [field]


@pytest.mark.parametrize("interval", ["5", "0m", "often", "1s"])
def test_an_interval_that_cannot_be_is_refused(client: Client, shop: Project, interval: str) -> None:
    assert list(ask(client, "health/series/", status=400, interval=interval)) == ["interval"]


def test_as_many_intervals_as_allowed_never_break_the_series(client: Client, shop: Project) -> None:
    for asked in ({"range": "2000m", "interval": "1m"}, {"range": "1999m", "interval": "1m"}):
        answer = client.get(f"/api/releases/health/series/?{urlencode({'project': 'shop', **asked})}")
        assert answer.status_code in (200, 400)
        assert isinstance(json_of(answer), list) or list(json_of(answer)) == ["interval"]


def test_sessions_of_no_release_have_no_version(client: Client, shop: Project) -> None:
    make_session(shop)
    make_session(shop, SessionStatus.CRASHED)
    [row] = ask(client)
    assert (row["version"], row["environment"], row["total_sessions"], row["crashed_sessions"]) == (
        None,
        "production",
        2,
        1,
    )
    assert row["crash_free_rate"] == 50.0


def test_the_release_with_the_most_sessions_comes_first(client: Client, shop: Project) -> None:
    rare, often = make_release(shop, "1.0"), make_release(shop, "1.1")
    make_session(shop, release=rare)
    make_session(shop, release=often, quantity=5)
    make_session(make_project("Other"), quantity=100)
    assert [row["version"] for row in ask(client)] == ["1.1", "1.0"]
    assert [row["version"] for row in ask(client, version="1.0")] == ["1.0"]
    assert ask(client, environment="staging") == []


def test_without_sessions_every_rate_is_null(client: Client, shop: Project) -> None:
    make_release(shop, "1.0")
    assert ask(client) == []
    [row] = ask(client, all="true")
    assert (row["version"], row["total_sessions"], row["errors"]) == ("1.0", 0, 0)
    for name in ("crash_free_rate", "unhandled_free_rate", "crash_free_users_rate", "adoption"):
        assert row[name] is None
    assert row["errors_per_100_sessions"] is None
    assert {bucket["crash_free_rate"] for bucket in ask(client, "health/series/", range="1h")} == {None}


def test_a_session_counts_in_the_time_it_began(client: Client, shop: Project) -> None:
    make_session(shop, ago=timedelta(minutes=59))
    make_session(shop, ago=timedelta(minutes=61))
    assert ask(client, range="1h")[0]["total_sessions"] == 1
    assert ask(client)[0]["total_sessions"] == 2
    assert sum(bucket["total"] for bucket in ask(client, "health/series/", range="1h")) == 1


def test_what_is_older_than_retention_counts_no_more_though_its_rows_are_still_there(
    client: Client, shop: Project, settings: Settings
) -> None:
    make_session(shop, ago=timedelta(days=31))
    make_session(shop, ago=timedelta(days=29))
    make_event(make_group(shop), received_at=timezone.now() - timedelta(days=31))
    for query in (dict[str, Any](), {"range": "40d"}):
        [row] = ask(client, **query)
        assert (row["total_sessions"], row["errors"]) == (1, 0)
    found = ask(client, "health/series/", range="40d", interval="1d")
    assert (len(found), sum(bucket["total"] for bucket in found)) == (41, 1)
    past: dict[str, Any] = {"from": "2020-03-14T10:00:00Z", "to": "2020-03-14T12:00:00Z", "interval": "1h"}
    assert [bucket["total"] for bucket in ask(client, "health/series/", **past)] == [0, 0]
    settings.RETENTION_DAYS = 0
    assert ask(client)[0]["total_sessions"] == 2


def test_the_series_is_filled_on_whole_intervals(client: Client, shop: Project) -> None:
    query: dict[str, Any] = {"from": "2026-03-14T10:00:00Z", "to": "2026-03-14T12:00:00Z", "interval": "30m"}
    found = [bucket["bucket"] for bucket in ask(client, "health/series/", **query)]
    assert found == [f"2026-03-14T{time}:00Z" for time in ("10:00", "10:30", "11:00", "11:30")]
    starts = [datetime.fromisoformat(bucket["bucket"]) for bucket in ask(client, "health/series/")]
    assert len(starts) in (288, 289)
    assert {later - earlier for earlier, later in itertools.pairwise(starts)} == {timedelta(minutes=5)}


def test_errors_are_those_of_the_release_and_environment(client: Client, shop: Project) -> None:
    release = make_release(shop, "1.0")
    make_session(shop, release=release, quantity=200)
    for level in ("error", "fatal", "warning"):
        make_event(make_group(shop), level=level, release=release, received_at=timezone.now() - MINUTE)
    make_event(make_group(shop), level="error", received_at=timezone.now() - MINUTE)
    [row] = ask(client, range="1h")
    assert (row["errors"], row["errors_per_100_sessions"]) == (2, 1.0)


def test_a_rate_is_whole_only_when_it_is_exact():
    assert (share(0, 3), share(3, 3), share(1, 0)) == (0.0, 100.0, None)
    assert free_rate(1, 1_000_000) == 99.99
    assert free_rate(999_999, 1_000_000) == 0.01
    assert free_rate(1, 3) == 66.67


def make_releases(shop: Project, *sizes: tuple[str, int, int]) -> None:
    """Versions in the order they came out, with their sessions and errors."""
    for version, sessions, errors in sizes:
        release = make_release(shop, version)
        if sessions:
            make_session(shop, release=release, quantity=sessions)
        group = make_group(shop, f"Error: {version}")
        for _ in range(errors):
            make_event(group, release=release, received_at=timezone.now() - MINUTE)


def test_each_release_is_compared_with_the_one_before(client: Client, shop: Project) -> None:
    make_releases(shop, ("1.0", 1000, 5), ("1.1", 1000, 40), ("1.2", 50, 0))
    newest, middle, first = ask(client, "comparison/")
    assert [(row["version"], row["base_version"], row["verdict"]) for row in (newest, middle, first)] == [
        ("1.2", "1.1", "too few"),
        ("1.1", "1.0", "worse"),
        ("1.0", None, "too few"),
    ]
    assert middle["current"]["errors_per_100_sessions"] == 4.0
    assert middle["base"]["errors_per_100_sessions"] == 0.5
    assert middle["current"]["low"] < 4.0 < middle["current"]["high"]
    assert middle["ratio_low"] > 1
    assert first["base"] is None


def test_two_releases_may_be_named(client: Client, shop: Project) -> None:
    make_releases(shop, ("1.0", 1000, 40), ("1.1", 1000, 38), ("1.2", 1000, 5))
    [row] = ask(client, "comparison/", version="1.2", base="1.0")
    assert (row["base_version"], row["verdict"]) == ("1.0", "better")
    for name in ("version", "base"):
        assert list(ask(client, "comparison/", status=404, **{name: "9.9"})) == ["detail"]


def test_a_release_without_sessions_has_no_rate_and_no_verdict(client: Client, shop: Project) -> None:
    make_releases(shop, ("1.0", 0, 3))
    [row] = ask(client, "comparison/")
    assert (row["verdict"], row["ratio"], row["current"]["errors_per_100_sessions"]) == ("too few", None, None)
    assert row["current"]["crash_free_rate"] is None
    assert row["rule"]
