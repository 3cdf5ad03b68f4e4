import re
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from mini_sentry.accounts.models import User
from mini_sentry.groups.models import Event, Group
from mini_sentry.projects.models import Project
from tests.factories import make_event, make_group, make_release
from tests.people import make_owner, make_teammate


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
    for row in model.objects.all()[:1]:
        assert owner.get(f"{place}{row.pk}/change/").status_code == 200


@pytest.mark.parametrize("model", [Event, Group])
def test_big_tables_are_shown_without_counting_or_joining_them(owner: Client, shop: Project, model: Any) -> None:
    for _ in range(51):
        make_event(make_group(shop))
    with CaptureQueriesContext(connection) as captured:
        owner.get(f"/admin/groups/{model._meta.model_name}/")
    statements = [one["sql"] for one in captured if f'FROM "{model._meta.db_table}"' in one["sql"]]
    assert statements
    assert not any(re.search(r"COUNT\(|JOIN", statement) for statement in statements)
    assert all("LIMIT" in statement for statement in statements)


def test_what_the_digest_counts_is_not_edited_or_deleted_here(owner: Client, shop: Project) -> None:
    group = make_group(shop)
    place = f"/admin/groups/group/{group.pk}"
    assert owner.post(f"{place}/delete/", {"post": "yes"}).status_code == 403
    assert owner.post(f"{place}/change/", {"count": 0}).status_code == 403
    assert owner.post(f"/admin/projects/project/{shop.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Group.objects.filter(pk=group.pk).exists()


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
