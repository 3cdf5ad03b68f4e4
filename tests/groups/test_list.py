import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mini_sentry.groups.models import Group, GroupHash, Status
from mini_sentry.projects.models import Project
from tests.answers import json_of
from tests.factories import NOON, make_group, make_project, make_release
from tests.plans import plan_of

CONTRACT = {"id", "project", "title", "level", "count", "first_seen", "last_seen", "status", "resolved_at", "assignee", "is_bookmarked"}  # fmt: skip
MINUTE = timedelta(minutes=1)


def listed(client: Client, query: str = "", *, project: str = "shop") -> list[dict[str, Any]]:
    response = client.get(f"/api/groups/?project={project}{query}")
    assert response.status_code == 200
    answer: list[dict[str, Any]] = json_of(response)
    return answer


def titles(client: Client, query: str = "") -> list[str]:
    return [group["title"] for group in listed(client, query)]


def test_without_paging_the_whole_bare_array_is_streamed_the_last_seen_first(client: Client, shop: Project) -> None:
    for number in range(1203):
        make_group(shop, f"E: {number}", last_seen=NOON + MINUTE * (number % 100), environments=())
    response = client.get("/api/groups/?project=shop")
    assert response.streaming
    groups = json_of(response)
    assert len(groups) == 1203
    assert set(groups[0]) >= CONTRACT
    seen = [(group["last_seen"], group["id"]) for group in groups]
    assert seen == sorted(seen, reverse=True)


def test_an_empty_project_and_an_unknown_one_are_empty_lists(client: Client, shop: Project) -> None:
    assert json_of(client.get("/api/groups/?project=shop")) == []
    assert json_of(client.get("/api/groups/?project=nowhere")) == []
    assert json_of(client.get("/api/groups/?project=nowhere&limit=5")) == []


def test_a_group_shows_all_that_its_row_holds(client: Client, shop: Project) -> None:
    release = make_release(shop, "1.0.0")
    group = make_group(
        shop,
        "TypeError: x is not a function",
        environments=("staging", "production", ""),
        level="fatal",
        count=7,
        stored_count=5,
        handled=False,
        first_release=release,
        last_release=release,
        assignee="ann",
    )
    GroupHash.objects.create(project=shop, hash="a" * 32, group=group, variant="app", config="c")
    (shown,) = listed(client)
    assert shown == {
        "id": group.pk,
        "project": shop.pk,
        "title": "TypeError: x is not a function",
        "level": "fatal",
        "count": 7,
        "first_seen": "2026-03-14T12:00:00Z",
        "last_seen": "2026-03-14T12:00:00Z",
        "status": "unresolved",
        "resolved_at": None,
        "assignee": "ann",
        "is_bookmarked": False,
        "short_id": "SHOP-1",
        "stored_count": 5,
        "type": "TypeError",
        "value": "x is not a function",
        "culprit": "shop.cart in pay",
        "platform": "python",
        "handled": False,
        "environments": ["production", "staging"],
        "substatus": "ongoing",
        "first_release": "1.0.0",
        "last_release": "1.0.0",
        "hash_count": 1,
        "grouping": "2026-01",
    }
    assert json_of(client.get(f"/api/groups/{group.pk}/")) == shown
    assert json_of(client.get("/api/groups/by-short-id/shop-1")) == shown


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"first_seen": timezone.now() - timedelta(days=6)}, "new"),
        ({"first_seen": timezone.now() - timedelta(days=8)}, "ongoing"),
        ({"first_seen": timezone.now(), "regressed_at": timezone.now()}, "regressed"),
        ({"first_seen": timezone.now(), "status": Status.RESOLVED}, None),
        ({"first_seen": timezone.now(), "status": Status.IGNORED}, None),
    ],
)
def test_the_substatus_tells_how_an_open_group_stands(
    client: Client, shop: Project, fields: dict[str, Any], expected: str | None
) -> None:
    make_group(shop, **fields)
    assert listed(client)[0]["substatus"] == expected


@pytest.mark.parametrize("sort", ["last_seen", "first_seen", "count"])
def test_pages_follow_each_other_without_a_gap_or_a_repeat(client: Client, shop: Project, sort: str) -> None:
    for number in range(25):
        moment = NOON + MINUTE * (number // 4)
        make_group(shop, f"E: {number}", last_seen=moment, first_seen=moment, count=number // 4, environments=())
    whole = [group["id"] for group in listed(client, f"&sort={sort}")]
    found: list[int] = []
    url = f"/api/groups/?project=shop&limit=7&sort={sort}"
    pages = 0
    while url:
        response = client.get(url)
        assert response.headers["X-Hits"] == "25"
        found += [group["id"] for group in json_of(response)]
        pages += 1
        link = re.fullmatch(
            r'<http://testserver(.+)>; rel="next"; results="true"; cursor="(.+)"', response.headers.get("Link", "")
        )
        url = link[1] if link else ""
    assert found == whole
    assert pages == 4


def test_a_page_is_not_disturbed_by_what_arrives_between(client: Client, shop: Project) -> None:
    for number in range(6):
        make_group(shop, f"E: {number}", last_seen=NOON + MINUTE * number)
    first = client.get("/api/groups/?project=shop&limit=3")
    make_group(shop, "E: newest", last_seen=NOON + MINUTE * 99)
    cursor = re.search('cursor="(.+)"', first.headers["Link"])
    assert cursor is not None
    assert titles(client, f"&cursor={cursor[1]}") == ["E: 2", "E: 1", "E: 0"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("cursor=abc", "cursor"),
        ("cursor=99999999999999999999-1", "cursor"),
        ("sort=title&limit=1", "sort"),
        ("level=loud", "level"),
        ("status=open", "status"),
        ("range=soon", "range"),
        ("from=never", "from"),
        ("q=levle:error", "q"),
        ("q=%00", "q"),
        ("environment=%00", "environment"),
    ],
)
def test_nonsense_is_a_400_that_names_the_parameter(client: Client, shop: Project, query: str, field: str) -> None:
    response = client.get(f"/api/groups/?project=shop&{query}")
    assert (response.status_code, set(response.json())) == (400, {field})


def test_the_filters_keep_what_they_name(client: Client, shop: Project) -> None:
    make_group(shop, "A: a", level="error", environments=("production",), release="1.0", last_seen=NOON + MINUTE)
    make_group(shop, "B: b", level="warning", environments=("staging",), release="1.0", status=Status.RESOLVED)
    make_group(shop, "C: c", level="info", environments=("staging", "qa"), release="2.0", last_seen=NOON - MINUTE)
    assert titles(client, "&level=error,info") == ["A: a", "C: c"]
    assert titles(client, "&level=error&level=warning") == ["A: a", "B: b"]
    assert titles(client, "&environment=staging") == ["B: b", "C: c"]
    assert titles(client, "&env=qa&env=production") == ["A: a", "C: c"]
    assert titles(client, "&release=1.0") == ["A: a", "B: b"]
    assert titles(client, "&release=1.0&environment=staging") == ["B: b"]
    assert titles(client, "&release=2.0&environment=production") == []
    assert titles(client, "&status=unresolved") == ["A: a", "C: c"]
    assert titles(client, "&from=2026-03-14T12:00:30Z") == ["A: a"]
    assert titles(client, "&to=2026-03-14T12:00:00Z") == []


def test_projects_do_not_mix(client: Client, shop: Project) -> None:
    make_group(shop, "Mine: x")
    make_group(make_project("Other", slug="other"), "Theirs: x")
    assert titles(client) == ["Mine: x"]
    assert len(json_of(client.get("/api/groups/"))) == 2


def test_the_default_list_stays_on_its_index(client: Client, shop: Project) -> None:
    for number in range(30):
        make_group(shop, f"E: {number}")
    for query in ("&limit=10", "&limit=10&q=is:unresolved", "&limit=10&status=unresolved&sort=count"):
        with CaptureQueriesContext(
            connection,
        ) as captured:
            listed(client, query)
        page = next(one["sql"] for one in captured if "culprit" in one["sql"])
        plan = plan_of(page)
        assert any(name.startswith("group_") for name in plan.indexes), plan
        assert len(captured) <= 6
        if "sort" not in query:
            assert not plan.sorts


def test_many_groups_cost_as_many_questions_as_few(client: Client, shop: Project) -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as captured:
            listed(client, "&limit=50")
        return len(captured)

    make_group(shop)
    few = questions()
    for _ in range(49):
        make_group(shop)
    assert questions() == few
    assert Group.objects.count() == 50
