"""Lists and pages over many rows: every question finds its rows by an index."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from mini_sentry.accounts.models import User
from mini_sentry.alerts.conditions import LEVELS_OF
from mini_sentry.alerts.occurred import Question, Scope, Window, last_events, ranks, times_by_group, window_counts
from mini_sentry.groups.counting import count, count_events
from mini_sentry.groups.models import Event, Group, GroupScope
from mini_sentry.projects.models import Project
from tests.factories import make_event, make_release
from tests.many_rows import seed
from tests.people import make_owner

pytestmark = [pytest.mark.once, pytest.mark.slow]

GROUPS, EVENTS, DAYS = 20_000, 200_000, 10
MANY_ROWS = 1_000
"""A table with fewer rows may be read as a whole: that is quicker than its index."""
LOUD, QUIET = 11, 6_994


@pytest.fixture(scope="module")
def rows(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[list[Project]]:
    """Many groups and events for the whole module, on the suite's database."""
    with django_db_blocker.unblock():
        projects = seed(groups=GROUPS, events=EVENTS, days=DAYS, now=timezone.now())
        yield projects
        with connection.cursor() as cursor:
            for table in ("groups_event", "groups_groupscope", "groups_grouphash", "groups_group"):
                is_whole = connection.vendor == "postgresql"
                cursor.execute(f"TRUNCATE {table} CASCADE" if is_whole else f"DELETE FROM {table}")
        Project.objects.all().delete()


@pytest.fixture
def browser(rows: list[Project], client: Client, db: None) -> Client:
    owner: User = make_owner()
    client.force_login(owner)
    return client


def an_event(group_id: int) -> str:
    found = Event.objects.filter(group=group_id).order_by("-received_at").first()
    assert found is not None
    return found.event_id.hex


LISTS = (
    "/api/groups/?project=app-1&limit=50",
    "/api/groups/?project=app-1&limit=50&status=unresolved",
    "/api/groups/?project=app-1&limit=50&sort=first_seen&range=24h",
    "/api/groups/?project=app-1&limit=50&sort=count",
    "/api/groups/?project=app-1&limit=50&q=id:{event}",
    "/api/groups/{loud}/",
    "/api/groups/{loud}/hashes/",
    "/api/groups/{loud}/events/?limit=50",
    "/api/groups/{loud}/events/?limit=50&environment=staging&q=failed",
    "/api/groups/{loud}/events/latest/",
    "/api/groups/{loud}/events/first/",
    "/api/groups/{quiet}/events/?limit=50",
    "/api/events/?project=app-1&limit=50",
    "/api/events/?project=app-1&limit=50&range=24h&environment=staging",
    "/api/events/?project=app-1&limit=50&range=24h&level=warning",
    "/api/events/?project=app-1&limit=50&q=id:{event}",
    "/api/events/{event}/",
    "/api/dashboard/series/?project=app-1&backend=db&range=1h",
    "/api/dashboard/top-groups/?project=app-1&backend=db&range=1h",
    "/admin/groups/event/",
    "/admin/groups/event/?project={project}",
    "/admin/groups/event/?group__id__exact=11",
    "/admin/groups/event/?q={event}",
    "/admin/groups/group/",
    "/admin/groups/group/?q=APP-0-B",
    "/api/health/",
)


@pytest.mark.parametrize("path", LISTS)
def test_a_list_looks_through_no_big_table(browser: Client, rows: list[Project], path: str) -> None:
    path = path.format(event=an_event(LOUD), loud=LOUD, quiet=QUIET, project=rows[1].pk)
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(path).status_code == 200
    assert looked_through(captured) == []


def test_a_rare_word_leads_to_its_events(browser: Client) -> None:
    with CaptureQueriesContext(connection) as captured:
        found = browser.get("/api/events/?project=app-0&limit=50&q=137777").json()
    assert found["count"] == len(found["results"]) == Event.objects.filter(message__contains="137777").count() == 1
    if connection.vendor == "postgresql":
        assert looked_through(captured) == []


@pytest.mark.parametrize("query", ["environment=qa", "release=shop@9.9", "environment=nowhere"])
def test_a_rare_place_leads_to_its_events(browser: Client, rows: list[Project], query: str) -> None:
    group = Group.objects.get(pk=LOUD)
    release = make_release(group.project, "shop@9.9", environment="qa")
    GroupScope.objects.create(
        group=group,
        environment="qa",
        release_version="shop@9.9",
        count=1,
        first_seen=group.first_seen,
        last_seen=group.last_seen,
    )
    rare = make_event(group, environment="qa", release=release, received_at=timezone.now())
    with CaptureQueriesContext(connection) as captured:
        found = browser.get(f"/api/events/?project={group.project.slug}&limit=50&{query}").json()
    assert [one["id"] for one in found["results"]] == ([] if "nowhere" in query else [rare.event_id.hex])
    assert looked_through(captured) == []


def test_what_alert_rules_ask_looks_through_no_big_table(browser: Client, rows: list[Project]) -> None:
    now = timezone.now().timestamp()
    scope = Scope(LOUD, "error", "production")
    with CaptureQueriesContext(connection) as captured:
        ranks([Question(scope, now - 3600, now, 100, 10, {5_000})], levels_of=LEVELS_OF)
        window_counts([Window(scope, now, 3600)], levels_of=LEVELS_OF)
        last_events([(scope, now)], levels_of=LEVELS_OF)
        times_by_group(rows[1].pk, now - 3600, now, level="", environment="staging", most=1_000, levels_of=LEVELS_OF)
    assert len(captured) == 4
    assert looked_through(captured) == []


def test_a_plan_that_does_look_through_a_table_is_seen(browser: Client) -> None:
    with CaptureQueriesContext(connection) as captured:
        list(Event.objects.filter(user="nobody"))
        list(Group.objects.filter(culprit="nowhere"))
    assert len(looked_through(captured)) == 2


def test_a_count_is_exact_up_to_its_limit_and_near_the_truth_beyond(browser: Client, rows: list[Project]) -> None:
    events = Event.objects.filter(project=rows[0])
    exact = events.count()
    assert count(events, most=exact) == exact
    assert exact * 0.7 < count(events, most=1_000) < exact * 1.5
    assert count_events(events, groups=None, most=exact) == exact


def test_all_events_of_groups_are_counted_by_what_the_groups_know(browser: Client) -> None:
    group = Group.objects.filter(pk=LOUD)
    stored = Event.objects.filter(group=LOUD).count()
    group.update(stored_count=stored)
    for most in (1, stored):
        assert count_events(Event.objects.filter(group=LOUD), groups=group, most=most) == stored


def looked_through(captured: CaptureQueriesContext) -> list[str]:
    """The statements that read a table of many rows from end to end, and which."""
    found = []
    for one in captured:
        sql = one["sql"]
        if sql.startswith(("SELECT", "(SELECT")) and "groups_" in sql and (tables := _tables_read(sql)):
            found.append(f"{sorted(tables)}: {sql}")
    return found


def _tables_read(sql: str) -> set[str]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
            (plan,) = cursor.fetchone()
            names = _seq_scans((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
            cursor.execute("SELECT relname FROM pg_class WHERE reltuples > %s", [MANY_ROWS])
            return names & {name for (name,) in cursor.fetchall()}
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        details = [row[3] for row in cursor.fetchall()]
    if "LIMIT" in sql and not any("TEMP B-TREE" in detail for detail in details):
        return set()
    return {
        match[1]
        for detail in details
        if (match := re.match(r"SCAN (groups_\w+|U0)(?! USING)", detail)) and "INDEX" not in detail
    }


def _seq_scans(node: dict[str, Any], *, is_limited: bool = False) -> set[str]:
    """The tables that are read from end to end; not those that are left after the first so many rows."""
    kind = node["Node Type"]
    is_limited = (is_limited or kind == "Limit") and kind not in ("Sort", "Aggregate", "Hash")
    found = {node["Relation Name"]} if kind == "Seq Scan" and not (is_limited and "Filter" not in node) else set()
    return found.union(*(_seq_scans(inner, is_limited=is_limited) for inner in node.get("Plans", [])))
