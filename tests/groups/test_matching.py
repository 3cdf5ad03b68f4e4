"""What searches find among groups, by the API."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from mini_sentry.groups.models import Status
from mini_sentry.projects.models import Project
from tests.answers import json_of
from tests.factories import make_event, make_group, make_release
from tests.people import make_teammate

NOW = timezone.now()
DAY = timedelta(days=1)


@pytest.fixture
def groups(shop: Project) -> None:
    """Named a to f by the last word of their titles."""
    release = make_release(shop, "1.0.0")
    make_release(shop, "2.0.0")
    make_group(
        shop,
        "ValueError: Bad amount a",
        count=5,
        first_seen=NOW - 2 * DAY,
        last_seen=NOW,
        first_release=release,
        release="1.0.0",
    )
    make_group(
        shop,
        "TypeError: x is not a function b",
        count=150,
        platform="javascript",
        level="warning",
        environments=("staging",),
        first_seen=NOW - 20 * DAY,
        last_seen=NOW - DAY,
        release="2.0.0",
        assignee="Ann",
    )
    make_group(
        shop,
        "TimeoutError: gave up after 30 s c",
        count=20,
        status=Status.RESOLVED,
        first_seen=NOW - 30 * DAY,
        last_seen=NOW - 3 * DAY,
    )
    make_group(
        shop,
        "TimeoutError: 100% of pool_size used d",
        count=1000,
        status=Status.IGNORED,
        handled=True,
        first_seen=NOW - 30 * DAY,
        last_seen=NOW - 4 * DAY,
        is_bookmarked=True,
        environments=("",),
    )
    make_group(
        shop,
        "Ошибка: Файл не найден e",
        culprit="billing.files in open",
        count=2,
        regressed_at=NOW,
        handled=False,
        first_seen=NOW - 9 * DAY,
        last_seen=NOW - 5 * DAY,
    )
    make_group(
        shop,
        "Plain message f",
        level="info",
        count=1,
        first_seen=NOW - 10 * DAY,
        last_seen=NOW - 6 * DAY,
        assignee="bob",
    )


def found(client: Client, text: str) -> str:
    response = client.get("/api/groups/", {"project": "shop", "q": text})
    assert response.status_code == 200
    return "".join(sorted(group["title"][-1] for group in json_of(response)))


@pytest.mark.usefixtures("groups")
@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("", "abcdef"),
        ("is:open", "abef"),
        ("is:unresolved", "abef"),
        ("is:resolved,ignored", "cd"),
        ("!is:unresolved", "cd"),
        ("is:new", "a"),
        ("is:regressed", "e"),
        ("is:ongoing", "bf"),
        ("is:assigned", "bf"),
        ("is:unassigned", "acde"),
        ("is:bookmarked", "d"),
        ("is:handled", "d"),
        ("is:unhandled", "e"),
        ("level:warning", "b"),
        ("level:warning,info", "bf"),
        ("!level:error", "bf"),
        ("env:staging", "b"),
        ("environment:sta*", "b"),
        ("!env:production", "bd"),
        ('env:""', "d"),
        ("release:1.0.0", "a"),
        ("release:1.*", "a"),
        ("release:1.0.0,2.0.0", "ab"),
        ("release:latest", "b"),
        ("first:1.0.0", "a"),
        ("assigned:ann", "b"),
        ("assigned:a*", "b"),
        ("assigned:none", "acde"),
        ("platform:JavaScript", "b"),
        ("type:timeouterror", "cd"),
        ("type:T*Error", "bcd"),
        ("!type:*Error", "ef"),
        ("id:SHOP-2", "b"),
        ("id:shop-2,SHOP-3", "bc"),
        ("age:-7d", "a"),
        ("age:<3d", "a"),
        ("age:+15d", "bcd"),
        ("seen:-36h", "ab"),
        ("seen:>132h", "f"),
        ("events:>100", "bd"),
        ("events:>=150", "bd"),
        ("events:<5", "ef"),
        ("events:2..20", "ace"),
        ("events:1", "f"),
        ("amount", "a"),
        ("AMOUNT", "a"),
        ("файл", "e"),
        ("НАЙДЕН", "e"),
        ("shop.cart", "abcdf"),
        ("billing.files", "e"),
        ("shop-3", "c"),
        ("100%", "d"),
        ("pool_size", "d"),
        ("poolXsize", ""),
        ("1%0", ""),
        ("x*function", "b"),
        ("gave*30*s", "c"),
        ('"not a function"', "b"),
        ('"a not"', ""),
        ("TimeoutError: gave", "c"),
        ("timeout !pool_size", "c"),
        ("(amount OR plain) is:open", "af"),
        ("amount OR plain", "af"),
        ("!(level:error OR level:info)", "b"),
        ("level:error (env:staging OR is:regressed)", "e"),
    ],
)
def test_a_search_finds_exactly_what_it_says(client: Client, text: str, letters: str) -> None:
    assert found(client, text) == letters


@pytest.mark.usefixtures("groups")
@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("is:opne", "open"),
        ("level:eror", "error"),
        ("level:err*", ""),
        ("events:many", ">100"),
        ("age:soon", "-24h"),
        ("age:-999999w", "too far back"),
        ("id:nope!", "SHOP-1F3"),
        ("relase:1", "release:"),
    ],
)
def test_a_value_that_a_key_does_not_have_is_named_with_the_nearest(client: Client, text: str, hint: str) -> None:
    response = client.get("/api/groups/", {"project": "shop", "q": f"amount {text}"})
    assert response.status_code == 400
    (message,) = response.json()["q"]
    assert text in message
    assert "character 8" in message
    assert hint in message


def test_mine_are_those_of_whoever_is_signed_in(client: Client, shop: Project) -> None:
    make_group(shop, "E: a", assignee="ann@example.com")
    make_group(shop, "E: b", assignee="bob@example.com")
    client.force_login(make_teammate("ann@example.com"))
    assert found(client, "assigned:me") == "a"


def test_an_event_id_finds_the_group_it_fell_into(client: Client, shop: Project) -> None:
    make_group(shop, "E: a")
    event = make_event(make_group(shop, "E: b"))
    assert found(client, f"id:{event.event_id.hex}") == "b"
    assert found(client, f"id:{event.event_id}") == "b"


@pytest.mark.parametrize("text", ["browser:Firefox", "user:ann", "!tags[flag]:on"])
def test_a_tag_needs_the_columns_and_says_so_when_they_are_away(client: Client, shop: Project, text: str) -> None:
    response = client.get("/api/groups/", {"project": "shop", "q": text})
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert "columns" in response.json()["detail"]


def test_a_tag_needs_a_project(client: Client, shop: Project) -> None:
    response = client.get("/api/groups/", {"q": "browser:Firefox"})
    assert (response.status_code, set(response.json())) == (400, {"q"})
