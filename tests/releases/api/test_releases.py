from typing import Any

import pytest
from django.test import Client

from mini_sentry.projects.models import Project
from mini_sentry.releases.models import Environment
from tests.factories import make_project, make_release

CONTRACT = {"id", "project", "version", "environment", "created_at", "date_released"}


def create(client: Client, **fields: Any) -> Any:
    return client.post("/api/releases/", fields, content_type="application/json")


def test_a_new_release_is_answered_whole(client: Client, shop: Project):
    response = create(client, project=shop.pk, version="1.0.0", environment="staging")
    assert response.status_code == 201
    made = response.json()
    assert set(made) >= CONTRACT
    assert (made["project"], made["version"], made["environment"]) == (shop.pk, "1.0.0", "staging")
    assert made["date_released"] is None
    assert made["created_at"].endswith("Z")
    assert client.get(f"/api/releases/{made['id']}").json() == made
    assert Environment.objects.get(project=shop).name == "staging"


def test_the_environment_is_production_when_not_said(client: Client, shop: Project):
    assert create(client, project=shop.pk, version="1.0.0").json()["environment"] == "production"


def test_the_same_release_twice_is_refused_for_no_single_field(client: Client, shop: Project):
    create(client, project=shop.pk, version="1.0.0")
    response = create(client, project=shop.pk, version="1.0.0", environment="production")
    assert (response.status_code, set(response.json())) == (400, {"non_field_errors"})
    assert create(client, project=shop.pk, version="1.0.0", environment="staging").status_code == 201


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("project", 99),
        ("project", "shop"),
        ("project", None),
        ("project", -1),
        ("project", 10**30),
        ("version", ""),
        ("version", None),
        ("version", "x" * 201),
        ("version", "a\nb"),
        ("version", "a\0b"),
        ("version", ["1"]),
        ("environment", "x" * 65),
        ("environment", None),
        ("date_released", "yesterday"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(client: Client, shop: Project, field: str, value: Any):
    response = create(client, **{"project": shop.pk, "version": "1.0.0"} | {field: value})
    assert (response.status_code, set(response.json())) == (400, {field})


def test_project_and_version_are_required(client: Client, db: None):
    assert set(create(client).json()) == {"project", "version"}


def test_the_list_is_a_bare_array_of_a_project_the_newest_first(client: Client, shop: Project):
    make_release(make_project(), "noise")
    for version in ("1", "2", "3"):
        make_release(shop, version)
    listed = client.get("/api/releases/?project=shop").json()
    assert [one["version"] for one in listed] == ["3", "2", "1"]
    assert len(client.get("/api/releases/").json()) == 4
    assert client.get("/api/releases/?project=unknown").json() == []


def test_an_uploader_finds_its_release(client: Client, shop: Project):
    make_release(shop, "1.0.0", environment="staging")
    wanted = make_release(shop, "1.0.0")
    make_release(shop, "1.0.1")
    [found] = client.get("/api/releases/?project=shop&version=1.0.0&environment=production").json()
    assert found["id"] == wanted.pk


def test_the_list_comes_in_pages_when_asked(client: Client, shop: Project):
    for version in ("1", "2", "3"):
        make_release(shop, version)
    first = client.get("/api/releases/?limit=2")
    assert [one["version"] for one in first.json()] == ["3", "2"]
    following = first.headers["Link"].partition(">")[0].removeprefix("<").partition("/api/")[2]
    assert [one["version"] for one in client.get(f"/api/{following}").json()] == ["1"]


def test_a_release_can_be_said_to_have_gone_out(client: Client, shop: Project):
    release = make_release(shop)
    url = f"/api/releases/{release.pk}/"
    sent = {"date_released": "2026-03-14T14:00:00+02:00", "version": "ignored"}
    changed = client.patch(url, sent, content_type="application/json").json()
    assert (changed["date_released"], changed["version"]) == ("2026-03-14T12:00:00Z", "1.0.0")
    assert client.patch(url, {"date_released": None}, content_type="application/json").json()["date_released"] is None


def test_a_release_that_is_not_there_is_404(client: Client, db: None):
    assert client.get("/api/releases/9/").status_code == 404
    assert client.patch("/api/releases/9/", {}, content_type="application/json").status_code == 404


def test_environments_are_listed_by_name(client: Client, shop: Project):
    for name in ("staging", "production"):
        Environment.objects.create(project=shop, name=name)
    assert [one["name"] for one in client.get("/api/environments/?project=shop").json()] == ["production", "staging"]
    assert client.get("/api/environments/?project=unknown").json() == []
