"""What is counted and searched in the columns, with a real engine behind them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from mini_sentry.analytics.rows import EVENTS_TABLE, encode
from mini_sentry.analytics.store import Store
from mini_sentry.groups.models import Event, Group
from mini_sentry.projects.models import Project
from tests.answers import json_of
from tests.columns import make_row
from tests.factories import make_event, make_group, make_project

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class Sent:
    """Puts the same events into both stores."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._number = 0

    def __call__(
        self, group: Group, *, ago: timedelta = MINUTE, environment: str = "production", **columns: Any
    ) -> Event:
        self._number += 1
        at = timezone.now() - ago
        row = make_row(
            self._number, at=at, project_id=group.project_id, group_id=group.pk, environment=environment, **columns
        )
        self._store.insert_documents(EVENTS_TABLE, [encode(row)])
        return make_event(
            group,
            received_at=at,
            event_id=UUID(row.event_id),
            level=row.level,
            environment=environment,
            user=row.user,
        )


@pytest.fixture
def sent(columns: Store) -> Sent:
    return Sent(columns)


@pytest.fixture
def group(shop: Project) -> Group:
    return make_group(shop, "ValueError: a", first_seen=timezone.now() - timedelta(days=3))


def get(client: Client, path: str, **parameters: Any) -> Any:
    response = client.get(f"/api/{path}", parameters)
    assert response.status_code == 200, response.content
    return json_of(response)


def test_stats_tell_trend_users_and_count_of_each_group_asked_for(client: Client, group: Group, sent: Sent) -> None:
    quiet = make_group(group.project, "Quiet: b")
    sent(group, user="id:1")
    sent(group, user="id:1", ago=2 * HOUR)
    sent(group, user="id:2", ago=2 * HOUR, environment="staging")
    sent(group, user="id:3", ago=30 * HOUR)
    stats = get(client, "groups/stats/", project="shop", id=[group.pk, quiet.pk])
    busy = stats[str(group.pk)]
    assert (busy["count"], busy["users"], len(busy["trend"]), sum(busy["trend"])) == (3, 2, 24, 3)
    assert busy["trend"][-3:].count(0) == 1
    assert stats[str(quiet.pk)] == {"trend": [0] * 24, "users": 0, "count": 0}
    staging = get(client, "groups/stats/", project="shop", id=group.pk, environment="staging")
    assert staging[str(group.pk)]["count"] == 1


@pytest.mark.parametrize("length", ["1h", "24h", "7d", "30d"])
def test_a_trend_has_24_parts_whatever_the_range(client: Client, group: Group, sent: Sent, length: str) -> None:
    sent(group, ago=timedelta(seconds=1))
    trend = get(client, "groups/stats/", project="shop", id=group.pk, range=length)[str(group.pk)]["trend"]
    assert (len(trend), trend[-1] + trend[-2]) == (24, 1)


def test_tags_tell_how_the_events_of_a_group_spread(client: Client, group: Group, sent: Sent) -> None:
    for browser in ("Firefox", "Firefox", "Chrome", "Firefox"):
        sent(group, tags={"browser": browser})
    sent(group, environment="staging", tags={"os": "Linux"}, ago=60 * HOUR)
    browsers, systems = get(client, f"groups/{group.pk}/tags/")
    assert (browsers["key"], browsers["total"], browsers["value_count"]) == ("browser", 4, 2)
    assert browsers["values"] == [
        {"value": "Firefox", "count": 3, "share": 0.75},
        {"value": "Chrome", "count": 1, "share": 0.25},
    ]
    assert systems["key"] == "os"
    assert [tag["key"] for tag in get(client, f"groups/{group.pk}/tags/", range="1h")] == ["browser"]
    assert [tag["key"] for tag in get(client, f"groups/{group.pk}/tags/", environment="staging")] == ["os"]


def test_a_series_is_zero_filled_and_by_level(client: Client, group: Group, sent: Sent) -> None:
    sent(group, level="fatal")
    sent(group, level="error")
    sent(group, level="error", ago=5 * HOUR)
    series = get(client, f"groups/{group.pk}/series/")
    assert len(series) == 24
    assert set(series[0]) == {"bucket", "error", "warning", "info", "fatal", "debug"}
    assert sum(bucket["error"] for bucket in series) == 2
    assert sum(bucket["fatal"] for bucket in series) == 1
    assert all(bucket["bucket"].endswith("Z") for bucket in series)
    assert len(get(client, f"groups/{group.pk}/series/", range="2h", interval="10m")) == 12


@pytest.mark.parametrize("backend", ["ch", "db"])
def test_both_stores_draw_the_same_dashboard(client: Client, group: Group, sent: Sent, backend: str) -> None:
    other = make_group(group.project, "Other: b")
    for ago in (1, 2, 3, 70):
        sent(group, ago=ago * MINUTE, fingerprint="a" * 32)
    sent(other, level="warning", ago=6 * MINUTE)
    sent(other, level="info", ago=50 * MINUTE, environment="staging")
    sent(make_group(make_project("Elsewhere"), "Foreign: c"))
    series = get(client, "dashboard/series/", project="shop", range="1h", interval="1m", backend=backend)
    assert len(series) == 60
    assert {level: sum(bucket[level] for bucket in series) for level in ("error", "warning", "info")} == {
        "error": 3,
        "warning": 1,
        "info": 1,
    }
    assert len(get(client, "dashboard/series/", project="shop", backend=backend)) == 12
    production = get(client, "dashboard/series/", project="shop", env="staging", backend=backend)
    assert sum(bucket["info"] + bucket["error"] for bucket in production) == 1
    top = get(client, "dashboard/top-groups/", project="shop", backend=backend)
    assert [(one["group"], one["count"]) for one in top] == [(group.pk, 4), (other.pk, 2)]
    assert len(get(client, "dashboard/top-groups/", project="shop", limit=1, backend=backend)) == 1


def test_the_two_stores_agree_bucket_by_bucket(client: Client, group: Group, sent: Sent) -> None:
    for number in range(12):
        sent(group, ago=timedelta(seconds=1 + 211 * number), level="error" if number % 3 else "warning")
    now = timezone.now()
    asked = {"project": "shop", "from": (now - HOUR).isoformat(), "to": now.isoformat()}
    answers = [get(client, "dashboard/series/", **asked, backend=backend) for backend in ("ch", "db")]
    assert answers[0] == answers[1]


def test_the_newest_events_come_from_the_columns(client: Client, group: Group, sent: Sent) -> None:
    old = sent(group, ago=HOUR, message="old", title="T", fingerprint="f" * 32)
    new = sent(group, message="new", title="T", fingerprint="f" * 32)
    events = get(client, "events/clickhouse", project="shop")
    assert [event["id"] for event in events] == [new.event_id.hex, old.event_id.hex]
    assert {key: events[0][key] for key in ("project", "level", "fingerprint", "title", "message")} == {
        "project": "shop",
        "level": "error",
        "fingerprint": "f" * 32,
        "title": "T",
        "message": "new",
    }
    assert events[0]["received_at"].endswith("Z")
    assert len(get(client, "events/clickhouse/", project="shop", limit=1)) == 1


def test_a_hash_counts_the_events_it_decided(client: Client, group: Group, sent: Sent) -> None:
    group.hashes.create(project=group.project, hash="a" * 32, variant="app", config="c")
    sent(group, fingerprint="a" * 32)
    sent(group, fingerprint="a" * 32)
    assert [one["count"] for one in get(client, f"groups/{group.pk}/hashes/")] == [2]


@pytest.fixture
def tagged(shop: Project, sent: Sent) -> None:
    """Three groups, a to c by the last letter of their titles."""
    a, b, c = (make_group(shop, f"E: {letter}") for letter in "abc")
    sent(a, tags={"browser": "Firefox 128", "flag": "on"}, user="id:7")
    sent(a, tags={"browser": "Chrome"}, user="email:ann@x.test")
    sent(b, tags={"browser": "Chrome", "level": "x"}, user="id:8", ago=3 * HOUR)
    sent(c, tags={"os": "100%_\\Linux"})


@pytest.mark.usefixtures("tagged")
@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("browser:Chrome", "ab"),
        ('browser:"Firefox 128"', "a"),
        ("browser:fire*", "a"),
        ("browser:*", "ab"),
        ("browser:Chrome flag:on", "a"),
        ("browser:Safari,Chrome", "ab"),
        ("!browser:Chrome", "c"),
        ("(flag:on OR os:*Linux)", "ac"),
        ("os:100%_*", "c"),
        ("os:100_*", ""),
        ("tags[level]:x", "b"),
        ("user:7", "a"),
        ("user:id:8", "b"),
        ("user:ann@x.test", "a"),
        ("user:*@x.test", "a"),
        ("user:nobody", ""),
    ],
)
def test_a_search_by_tag_or_user_finds_the_groups(client: Client, text: str, letters: str) -> None:
    found = get(client, "groups/", project="shop", q=text)
    assert "".join(sorted(group["title"][-1] for group in found)) == letters


@pytest.mark.usefixtures("tagged")
def test_a_search_by_tag_keeps_to_the_time_asked_for(client: Client) -> None:
    found = get(client, "groups/", project="shop", q="browser:Chrome", range="1h")
    assert {group["title"] for group in found} <= {"E: a"}


@pytest.mark.usefixtures("tagged")
def test_a_search_by_tag_finds_events(client: Client) -> None:
    page = get(client, "events/", project="shop", q="browser:Chrome")
    assert page["count"] == 2
    group = Group.objects.get(title="E: a")
    assert len(get(client, f"groups/{group.pk}/events/", q="browser:Chrome")) == 1
    detail = get(client, f"groups/{group.pk}/events/latest/", q="flag:on")
    assert (detail["position"], detail["stored"]) == (1, 1)


@pytest.mark.usefixtures("tagged")
def test_a_search_has_a_most_of_tags(client: Client) -> None:
    response = client.get("/api/groups/", {"project": "shop", "q": "a1:1 b2:2 c3:3 d4:4"})
    assert (response.status_code, set(response.json())) == (400, {"q"})


def test_health_sees_the_columns(client: Client, columns: Store) -> None:
    assert get(client, "health/")["columns"] == "ok"
