from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from mini_sentry.groups.models import Status
from mini_sentry.projects import usage
from mini_sentry.projects.models import Project
from mini_sentry.protocol import dsn
from mini_sentry.protocol.outcomes import Tally
from tests.factories import make_group, make_project

CONTRACT = {"id", "name", "slug", "created_at", "ingest_token"}


def tally(project_id: int, quantity: int, outcome: str = "accepted", reason: str = "") -> None:
    now = int(timezone.now().timestamp())
    with transaction.atomic(), connection.cursor() as cursor:
        usage.add_tallies(cursor, [Tally(project_id, now - now % 60, outcome, reason, "error", quantity)])


def create(client: Client, **fields: Any) -> Any:
    return client.post("/api/projects/", fields, content_type="application/json")


def test_a_new_project_is_answered_whole_with_its_token(client: Client, db: None) -> None:
    response = create(client, name="Shop", slug="shop")
    assert response.status_code == 201
    made = response.json()
    assert set(made) >= CONTRACT
    assert (made["name"], made["slug"], made["platform"]) == ("Shop", "shop", "")
    assert made["created_at"].endswith("Z")
    assert made["ingest_token"] == Project.objects.get().ingest_token
    assert client.get("/api/projects/shop/").json() == made


@pytest.mark.parametrize("missing", ["name", "slug"])
def test_name_and_slug_are_both_required(client: Client, db: None, missing: str) -> None:
    fields = {"name": "Shop", "slug": "shop"}
    del fields[missing]
    response = create(client, **fields)
    assert (response.status_code, set(response.json())) == (400, {missing})


@pytest.mark.parametrize(("field", "name", "slug"), [("slug", "Other", "shop"), ("name", "Shop", "other")])
def test_a_duplicate_names_the_field(client: Client, shop: Project, field: str, name: str, slug: str) -> None:
    response = create(client, name=name, slug=slug)
    assert (response.status_code, set(response.json())) == (400, {field})


def test_the_list_is_a_bare_array_with_the_newest_first(client: Client, shop: Project) -> None:
    make_project("Later")
    assert [project["name"] for project in client.get("/api/projects/").json()] == ["Later", "Shop"]


def test_the_dsn_has_the_key_and_the_address_the_request_came_to(client: Client, shop: Project) -> None:
    answered = client.get("/api/projects/shop/", headers={"Host": "localhost:8123"}).json()["dsn"]
    parsed = dsn.parse(answered)
    assert (parsed.host, parsed.port, parsed.project_id) == ("localhost", 8123, str(shop.pk))
    assert parsed.public_key == shop.keys.get().public_key


def test_the_dsn_has_the_public_address_when_there_is_one(client: Client, shop: Project, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://errors.example.com/sentry"
    parsed = dsn.parse(client.get("/api/projects/shop/").json()["dsn"])
    assert parsed.base_url == "https://errors.example.com/sentry"


def test_the_dsn_is_empty_when_every_key_is_disabled(client: Client, shop: Project) -> None:
    shop.keys.update(is_active=False)
    assert client.get("/api/projects/shop/").json()["dsn"] == ""


def test_a_project_counts_its_open_groups_and_its_events_of_a_day(client: Client, shop: Project) -> None:
    make_group(shop)
    make_group(shop)
    make_group(shop, status=Status.RESOLVED)
    tally(shop.pk, 7)
    tally(shop.pk, 5, "rate_limited", "project_limit")
    make_project("Quiet")
    quiet, busy = client.get("/api/projects/").json()
    assert (busy["open_count"], busy["event_count_24h"]) == (2, 7)
    assert (quiet["open_count"], quiet["event_count_24h"], quiet["last_event_at"]) == (0, 0, None)


def test_intake_says_what_arrived_and_what_was_refused_without_a_project(client: Client, shop: Project) -> None:
    tally(shop.pk, 3)
    tally(shop.pk, 2, "rate_limited", "project_limit")
    tally(usage.UNATTRIBUTED, 4, "invalid", "unknown_key")
    assert client.get("/api/projects/shop/intake/").json() == {
        "range": "24h",
        "accepted": 3,
        "outcomes": [
            {"outcome": "accepted", "reason": "", "category": "error", "quantity": 3},
            {"outcome": "rate_limited", "reason": "project_limit", "category": "error", "quantity": 2},
        ],
        "unattributed": [{"outcome": "invalid", "reason": "unknown_key", "category": "error", "quantity": 4}],
    }


def test_the_list_asks_the_store_the_same_number_of_questions_for_many(
    client: Client, db: None, django_assert_max_num_queries: Any
) -> None:
    for _ in range(12):
        make_project()
    with django_assert_max_num_queries(5):
        assert len(client.get("/api/projects/").json()) == 12
    assert timezone.now() - Project.objects.latest("pk").created_at < timedelta(minutes=1)


def test_a_platform_that_nobody_said_is_that_of_most_groups(client: Client, db: None) -> None:
    shop, site, quiet = (
        make_project(slug="shop"),
        make_project(slug="site", platform="react"),
        make_project(slug="quiet"),
    )
    for platform in ("python", "javascript", "python", "other", "other", "other"):
        make_group(shop, platform=platform)
    make_group(site, platform="javascript")
    make_group(quiet, platform="other")
    shown = {project["slug"]: project["platform"] for project in client.get("/api/projects/").json()}
    assert shown == {"shop": "python", "site": "react", "quiet": ""}
