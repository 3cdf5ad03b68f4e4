"""Groups whose rate departs from their own past: the rule by values, and the endpoint over a real column engine."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from mini_sentry.analytics.rows import EVENTS_TABLE, encode
from mini_sentry.analytics.store import Store
from mini_sentry.groups.models import Group
from mini_sentry.groups.spikes import Reason, reasons, spike
from mini_sentry.projects.models import Project
from tests.columns import make_row
from tests.factories import make_group, make_project

HOUR = timedelta(hours=1)


def test_a_steady_group_does_not_spike_however_loud_it_is() -> None:
    assert spike([100] * 100, past=99) is None
    assert spike([299] + [100] * 99, past=99) is None
    assert spike([301] + [100] * 99, past=99) is not None


def test_a_group_that_swings_must_leave_its_swing() -> None:
    swinging = [0, 0, 0, 60] * 20
    assert spike([100, *swinging], past=80) is None
    assert spike([130, *swinging], past=80) is not None


def test_a_few_events_are_no_spike() -> None:
    assert spike([9] + [0] * 50, past=50) is None
    assert spike([10] + [0] * 50, past=50) is not None


def test_a_spike_says_by_how_much_and_since_when() -> None:
    found = spike([60, 70, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4], past=20)
    assert found is None
    found = spike([90, *[4] * 100], past=100)
    assert found is not None
    assert (found.event_count, found.usual, found.limit, found.factor, found.lasting) == (90, 4.0, 12.0, 22.5, 1)


def test_only_what_the_group_has_lived_through_is_its_past() -> None:
    assert spike([50, 50, 50, *[0] * 100], past=2) is None
    new = spike([50, *[0] * 100], past=0)
    assert new is not None
    assert (new.usual, new.factor) == (0.0, None)


def test_a_spike_is_explained_by_the_tags_that_set_it_apart() -> None:
    now = {("release", "2.0"): 0.9, ("browser", "Firefox"): 0.5, ("os", "Linux"): 1.0}
    usual = {("browser", "Firefox"): 0.45, ("os", "Linux"): 0.7}
    assert reasons(now, usual) == [Reason("release", "2.0", 0.9, 0.0), Reason("os", "Linux", 1.0, 0.7)]


def sent(store: Store, group: Group, count: int, *, ago: timedelta, **columns: Any) -> None:
    """`count` events at one moment."""
    at = timezone.now() - ago
    first = round(at.timestamp() * 1000) % 10**9 * 1000 + group.pk * 10**14
    rows = [
        make_row(first + number, at=at, project_id=group.project_id, group_id=group.pk, **columns)
        for number in range(count)
    ]
    store.insert_documents(EVENTS_TABLE, [encode(row) for row in rows])


@pytest.mark.slow
@pytest.mark.django_db
def test_the_endpoint_marks_what_spikes(client: Client, shop: Project, columns: Store) -> None:
    first_seen = timezone.now() - timedelta(days=3)
    burst = make_group(shop, "Burst: a", first_seen=first_seen)
    steady = make_group(shop, "Steady: b", first_seen=first_seen)
    fresh = make_group(shop, "Fresh: c", first_seen=timezone.now() - HOUR / 2)
    for hours in range(1, 24):
        sent(columns, burst, 3, ago=hours * HOUR + HOUR / 4, tags={"release": "1.0"})
    for hours in range(71):
        sent(columns, steady, 30, ago=hours * HOUR + HOUR / 4)
    sent(columns, burst, 40, ago=HOUR / 6, tags={"release": "2.0"})
    sent(columns, fresh, 12, ago=HOUR / 5)
    sent(columns, make_group(make_project("Elsewhere")), 100, ago=HOUR / 5)
    response = client.get("/api/groups/spikes/", {"project": "shop", "explain": "1"})
    assert response.status_code == 200, response.content
    first, second = response.json()
    assert (first["group"], first["count"], first["is_new"]) == (burst.pk, 40, False)
    assert first["factor"] > 30
    assert first["counts"][-3:] == [3, 3, 40]
    assert first["explained_by"] == [{"key": "release", "value": "2.0", "share": 1.0, "usual_share": 0.0}]
    assert (second["group"], second["count"], second["is_new"], second["factor"]) == (fresh.pk, 12, True, None)
    later = client.get("/api/groups/spikes/", {"project": "shop", "window": "5m", "range": "1h"})
    assert later.json() == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"window": "1s"}, "window"),
        ({"window": "soon"}, "window"),
        ({"range": "3650d"}, "range"),
        ({"window": "2h", "range": "1h"}, "range"),
        ({"window": "1m", "range": "30d"}, "range"),
        ({"explain": "yes"}, "explain"),
    ],
)
def test_nonsense_is_refused_by_its_name(client: Client, shop: Project, query: dict[str, str], name: str) -> None:
    response = client.get("/api/groups/spikes/", {"project": "shop"} | query)
    assert (response.status_code, set(response.json())) == (400, {name})


@pytest.mark.django_db
def test_a_project_is_required(client: Client) -> None:
    response = client.get("/api/groups/spikes/")
    assert (response.status_code, response.json()) == (400, {"detail": "project required"})
    assert client.get("/api/groups/spikes/", {"project": "nowhere"}).json() == []
