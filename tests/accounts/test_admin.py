import re
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from mini_sentry.accounts.models import User
from mini_sentry.alerts.models import AlertRule
from mini_sentry.groups.models import Event, Group
from mini_sentry.groups.short_ids import short_id
from mini_sentry.projects.models import Project
from mini_sentry.releases.models import Artifact, Deployment, Release
from tests.factories import NOON, make_event, make_group, make_project, make_release
from tests.people import make_owner, make_teammate
from tests.plans import plan_of


@pytest.fixture
def owner(client: Client, db: None) -> Client:
    client.force_login(make_owner())
    return client


@pytest.mark.parametrize(
    "model", [model for model in admin.site._registry if model.__module__.startswith("mini_sentry")]
)
def test_every_table_of_ours_can_be_browsed(owner: Client, shop: Project, model: Any) -> None:
    make_event(make_group(shop), release=make_release(shop))
    place = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    assert owner.get(place).status_code == 200
    assert owner.get(f"{place}?p=2").status_code in {200, 302}
    assert owner.get(f"{place}?q=nothing-like-this").status_code == 200
    for row in model.objects.all()[:1]:
        assert owner.get(f"{place}{row.pk}/change/").status_code == 200


def statements(owner: Client, address: str) -> list[str]:
    """What the database is asked for a page of a signed-in owner, sign-in apart."""
    with CaptureQueriesContext(connection) as captured:
        assert owner.get(address).status_code == 200
    asked = [one["sql"] for one in captured]
    return [one for one in asked if '"django_session"' not in one and '"accounts_user"' not in one]


@pytest.mark.parametrize("address", ["", "?project=1", "?level__exact=error", "?p=2"])
@pytest.mark.parametrize("model", [Event, Group])
def test_big_tables_are_shown_without_counting_or_joining_them(
    owner: Client, shop: Project, model: Any, address: str
) -> None:
    if model is Event and "level" in address:
        address = "?group__id__exact=1"
    for _ in range(51):
        make_event(make_group(shop), release=None)
    asked = statements(owner, f"/admin/groups/{model._meta.model_name}/{address}")
    of_table = [one for one in asked if f'FROM "{model._meta.db_table}"' in one]
    assert of_table
    assert not any(re.search(r"COUNT\(|JOIN|DISTINCT", one) for one in of_table)
    assert all("LIMIT" in one or "WHERE" in one for one in of_table)


@pytest.mark.parametrize(
    "page",
    [
        "groups/event",
        "groups/group",
        "releases/release",
        "releases/artifact",
        "releases/deployment",
        "alerts/alertrule",
    ],
)
def test_a_list_asks_as_often_for_ten_rows_as_for_one(owner: Client, shop: Project, page: str) -> None:
    def make() -> None:
        release = make_release(shop, f"1.0.{Release.objects.count()}")
        make_event(make_group(shop), release=release)
        Artifact.objects.create(
            project=shop, release=release, name="app.js.map", kind="source_map", checksum="a", size=1
        )

    make()
    of_one = len(statements(owner, f"/admin/{page}/"))
    for _ in range(9):
        make()
    assert len(statements(owner, f"/admin/{page}/")) == of_one <= 6


@pytest.mark.parametrize(
    ("page", "index"),
    [
        ("groups/event/?project=1", "event_by_received"),
        ("groups/event/?group__id__exact=1", "event_of_group"),
        ("groups/group/?project=1", "group_all_by_last_seen"),
        ("groups/event/?q=5c0f2a2f6a0a4d6a8f0e1d2c3b4a5968", "event_by_event_id"),
        ("groups/event/?q=SHOP-1", "event_of_group"),
    ],
)
def test_a_filter_and_a_search_find_their_rows_by_an_index(owner: Client, shop: Project, page: str, index: str) -> None:
    make_event(make_group(shop), event_id="5c0f2a2f6a0a4d6a8f0e1d2c3b4a5968")
    table = "groups_" + page.split("/")[1]
    asked = statements(owner, f"/admin/{page}")
    plans = [plan_of(one) for one in asked if f'FROM "{table}" WHERE' in one]
    assert any(index in plan.indexes for plan in plans), plans
    assert not any(plan.looks_through or plan.sorts for plan in plans), plans


def rows(owner: Client, address: str) -> list[Any]:
    """The rows that a list shows."""
    return list(owner.get(address).context["cl"].result_list)


def test_events_and_groups_are_found_by_either_of_their_names(owner: Client, shop: Project) -> None:
    wanted, other = make_group(shop), make_group(shop)
    event, noise = make_event(wanted), make_event(other)
    short = short_id(shop.slug, wanted.number)
    for term in (event.event_id.hex, str(event.event_id), event.event_id.hex.upper(), f" {event.event_id.hex} "):
        assert rows(owner, f"/admin/groups/event/?q={term}") == [event]
        assert rows(owner, f"/admin/groups/group/?q={term}") == [wanted]
    for term in (short, short.lower()):
        assert rows(owner, f"/admin/groups/event/?q={term}") == [event]
        assert rows(owner, f"/admin/groups/group/?q={term}") == [wanted]
    assert set(rows(owner, "/admin/groups/event/")) == {event, noise}


@pytest.mark.parametrize("term", ["broken", "ValueError: broken", "SHOP-", "%27", "SHOP-ZZZ", "0" * 32])
def test_a_search_for_anything_else_finds_nothing(owner: Client, shop: Project, term: str) -> None:
    make_event(make_group(shop))
    assert rows(owner, f"/admin/groups/event/?q={term}") == []
    assert rows(owner, f"/admin/groups/group/?q={term}") == []


def test_the_rows_of_one_project_are_shown(owner: Client, shop: Project) -> None:
    event = make_event(make_group(shop))
    make_event(make_group(make_project("Blog")))
    assert rows(owner, f"/admin/groups/event/?project={shop.pk}") == [event]
    assert rows(owner, "/admin/groups/event/?project=nonsense") == []


def test_a_release_date_is_set_and_nothing_else_of_the_release(owner: Client, shop: Project) -> None:
    release = make_release(shop)
    sent = {"version": "9", "date_released_0": "2026-03-14", "date_released_1": "12:00:00"}
    assert owner.post(f"/admin/releases/release/{release.pk}/change/", sent).status_code == 302
    release.refresh_from_db()
    assert (release.version, release.date_released) == ("1.0.0", NOON)


def test_what_the_digest_counts_is_not_edited_or_deleted_here(owner: Client, shop: Project) -> None:
    group = make_group(shop)
    place = f"/admin/groups/group/{group.pk}"
    assert owner.post(f"{place}/delete/", {"post": "yes"}).status_code == 403
    assert owner.post(f"{place}/change/", {"count": 0}).status_code == 403
    assert owner.post(f"/admin/projects/project/{shop.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Group.objects.filter(pk=group.pk).exists()


def test_a_rule_is_made_with_its_targets_and_changed(owner: Client, shop: Project) -> None:
    targets = {"targets-TOTAL_FORMS": "1", "targets-INITIAL_FORMS": "0", "targets-0-target_type": "email", "targets-0-target_value": "ops@example.com"}  # fmt: skip
    fields = {"project": shop.pk, "name": "Many errors", "condition": "threshold", "threshold_count": 10, "threshold_window_minutes": 5, "notify_interval_minutes": 60, "rearm_after_minutes": 60, "target_type": "email", "target_value": "dev@example.com", "secret": "s", "active": "on"}  # fmt: skip
    response = owner.post("/admin/alerts/alertrule/add/", fields | targets)
    assert response.status_code == 302, re.findall("errorlist.*", response.content.decode())
    rule = AlertRule.objects.get()
    assert rule.targets.get().target_value == "ops@example.com"
    none = {"targets-TOTAL_FORMS": "0", "targets-INITIAL_FORMS": "0"}
    owner.post(f"/admin/alerts/alertrule/{rule.pk}/change/", fields | none | {"name": "More errors"})
    rule.refresh_from_db()
    assert rule.name == "More errors"


def test_a_deployment_is_finished_here(owner: Client, shop: Project) -> None:
    deployment = Deployment.objects.create(project=shop, release=make_release(shop))
    fields = {"environment": "production", "name": "", "url": "", "date_started_0": "2026-03-14", "date_started_1": "11:00:00", "date_finished_0": "2026-03-14", "date_finished_1": "12:00:00"}  # fmt: skip
    assert owner.post(f"/admin/releases/deployment/{deployment.pk}/change/", fields).status_code == 302
    deployment.refresh_from_db()
    assert deployment.date_finished == NOON


def test_only_staff_comes_in(client: Client, db: None) -> None:
    client.force_login(make_teammate())
    assert client.get("/admin/").status_code == 302


def test_a_person_signs_in_with_their_address(client: Client, db: None) -> None:
    make_owner("owner@example.com")
    response = client.post("/admin/login/?next=/admin/", {"username": "owner@example.com", "password": "correct horse"})
    assert response.status_code == 302
    assert client.get("/admin/").status_code == 200


def test_a_person_is_added_with_a_role(owner: Client) -> None:
    fields = {"email": "New@Example.com", "name": "New", "role": "viewer", "usable_password": "true", "password1": "correct horse 9", "password2": "correct horse 9"}  # fmt: skip
    response = owner.post("/admin/accounts/user/add/", fields)
    assert response.status_code == 302, re.findall("errorlist.*", response.content.decode())
    assert User.objects.get(name="New").role == "viewer"
