"""Deployments over HTTP."""

from typing import Any

import pytest
from django.test import Client

from mini_sentry.projects.models import Project
from mini_sentry.releases.models import Deployment, Environment, Release
from tests.answers import json_of
from tests.factories import make_project, make_release

pytestmark = pytest.mark.django_db

KEYS = {"id", "project", "release", "environment", "name", "url", "date_started", "date_finished"}


@pytest.fixture
def release(shop: Project) -> Release:
    return make_release(shop)


def post(client: Client, path: str = "/api/deployments/", **body: Any) -> Any:
    return client.post(path, body, content_type="application/json")


def test_a_deployment_needs_project_and_release_alone(client: Client, shop: Project, release: Release) -> None:
    answer = post(client, project=shop.pk, release=release.pk, unknown="ignored")
    made = json_of(answer)
    assert answer.status_code == 201
    assert made.keys() >= KEYS
    assert (made["environment"], made["name"], made["url"], made["date_finished"]) == ("production", "", "", None)
    assert made["date_started"].endswith("Z")


def test_what_is_sent_is_kept(client: Client, shop: Project, release: Release) -> None:
    sent = {"environment": "staging", "name": "Deploy 7", "url": "https://x.test"}
    made = json_of(post(client, project=shop.pk, release=release.pk, **sent))
    assert made.items() >= sent.items()
    assert json_of(client.get(f"/api/deployments/{made['id']}/")) == made
    assert Environment.objects.filter(project=shop, name="staging").exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("project", None),
        ("project", 10**9),
        ("release", None),
        ("release", 10**9),
        ("release", "one"),
        ("url", "javascript:alert(1)"),
        ("url", "ftp://x.test/a"),
        ("environment", ""),
        ("environment", "a\nb"),
        ("name", "n" * 201),
        ("date_finished", "2001-01-01T00:00:00Z"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(
    client: Client, shop: Project, release: Release, field: str, value: Any
) -> None:
    answer = post(client, **({"project": shop.pk, "release": release.pk} | {field: value}))
    assert (answer.status_code, list(json_of(answer))) == (400, [field])
    assert not Deployment.objects.exists()


def test_a_release_of_another_project_is_refused(client: Client, shop: Project) -> None:
    foreign = make_release(make_project("Other"))
    answer = post(client, project=shop.pk, release=foreign.pk)
    assert (answer.status_code, json_of(answer)) == (400, {"release": ["This is a release of another project."]})


def test_the_one_started_last_comes_first(client: Client, shop: Project, release: Release) -> None:
    for name, started in (("old", "2026-03-01"), ("new", "2026-03-03"), ("middle", "2026-03-02")):
        post(client, project=shop.pk, release=release.pk, name=name, date_started=f"{started}T00:00:00Z")
    other = make_project("Other", slug="other")
    post(client, project=other.pk, release=make_release(other).pk, name="noise")
    listed = json_of(client.get("/api/deployments/?project=shop"))
    assert [one["name"] for one in listed] == ["new", "middle", "old"]
    assert len(json_of(client.get("/api/deployments"))) == 4
    assert json_of(client.get("/api/deployments/?project=nobody")) == []
    assert json_of(client.get("/api/deployments/?project=shop&environment=staging")) == []
    assert len(json_of(client.get("/api/deployments/?project=shop&release=1.0.0"))) == 3


def test_finishing_stays_as_it_was_done_first(client: Client, shop: Project, release: Release) -> None:
    made = json_of(post(client, project=shop.pk, release=release.pk))
    path = f"/api/deployments/{made['id']}/finish/"
    finished = json_of(post(client, path))
    assert finished["date_finished"] >= made["date_started"]
    assert json_of(post(client, path)) == finished


def test_a_finish_may_be_told_and_taken_back(client: Client, shop: Project, release: Release) -> None:
    made = json_of(post(client, project=shop.pk, release=release.pk, date_started="2026-03-01T00:00:00Z"))
    path = f"/api/deployments/{made['id']}/"
    for finished in ("2026-03-01T00:05:00Z", None):
        answer = client.patch(path, {"date_finished": finished}, content_type="application/json")
        assert (answer.status_code, json_of(answer)["date_finished"]) == (200, finished)
    answer = client.patch(path, {"date_finished": "2026-02-01T00:00:00Z"}, content_type="application/json")
    assert (answer.status_code, list(json_of(answer))) == (400, ["date_finished"])


def test_a_deployment_that_is_not_there_is_404(client: Client, db: None) -> None:
    for answer in (
        client.get("/api/deployments/9/"),
        post(client, "/api/deployments/9/finish/"),
        client.patch("/api/deployments/9/", {}, content_type="application/json"),
    ):
        assert (answer.status_code, list(json_of(answer))) == (404, ["detail"])
