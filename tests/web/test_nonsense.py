"""Every endpoint of the API against values that no client should send: never a 500."""

from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mini_sentry.alerts.models import AlertRule
from mini_sentry.groups.models import Group
from mini_sentry.projects.models import Project
from tests.factories import make_event, make_group, make_release

NAMES = (
    "project", "level", "environment", "env", "release", "status", "from", "to", "range", "interval", "q", "sort",
    "limit", "offset", "cursor", "id", "backend", "format", "version", "base", "group", "content", "all", "window", "explain",
)  # fmt: skip
VALUES = (
    "", " ", "\0", "a\0b", "-1", "0", "9" * 18, "9" * 40, "1e9", "NaN", "shop", "%", "_", "*", "**", "*a*b*", "\\", "'",
    '"', '"open', "(", ")", "!", "!!", "a OR", ",", "a,,b", ":", "is:", "is:*", "level:*", "env:*", "id:" + "9" * 25,
    "events:9999999999999999", "events:5..1", "age:-999999w", "type:\\*", "tags[x]:y", "assigned:me", "first:latest",
    "𝔘𝔫𝔦", "\u202e", "\ud7ff", "0001-01-01", "9999-12-31T23:59:59Z", "2026-01-01T00:00:00+99:99", "1s", "400d",
    "99999999d", "0-0", "9999999999999999-1", "x" * 5000, "error," * 300,
)  # fmt: skip


@pytest.fixture
def group(shop: Project) -> Group:
    group = make_group(shop)
    make_event(group, release=make_release(shop))
    AlertRule.objects.create(pk=group.pk, project=shop, name="Many errors", target_value="ops@example.com")
    return group


def addresses(group: Group) -> list[str]:
    ids = dict.fromkeys(("id", "group_id", "artifact", "target_id"), group.pk)
    parts = ids | {"slug": "shop", "short_id": "SHOP-1", "event": "latest", "event_id": "0" * 32}
    found = []
    for pattern in get_resolver().url_patterns:
        if isinstance(pattern, URLPattern) and str(pattern.pattern).startswith("api/"):
            path = str(pattern.pattern)
            for name in pattern.pattern.converters:
                path = "/".join(str(parts[name]) if part.endswith(f"{name}>") else part for part in path.split("/"))
            found.append(f"/{path}")
    return found


def readable(client: Client, group: Group) -> list[str]:
    """The addresses that know GET."""
    return [address for address in addresses(group) if client.get(address).status_code != 405]


def may_answer(response: Any) -> bool:
    """503 is the columns being away."""
    return bool(response.status_code < 500 or response.status_code == 503)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_value_of_a_parameter_breaks_an_endpoint(client: Client, group: Group) -> None:
    broken = []
    for place, address in enumerate(readable(client, group)):
        for number, name in enumerate(NAMES):
            # Each value with each name, but not at every address: that would take minutes.
            every = 3 if name in ("q", "from", "to", "cursor", "limit") else 10
            for value in VALUES[(place + number) % every :: every]:
                fields = {"project": "shop"} | {name: value}
                response: Any = client.get(address, fields)
                if not may_answer(response):
                    broken.append((address, name, value))
                if response.streaming:
                    b"".join(response.streaming_content)
    assert broken == []


@pytest.mark.parametrize("value", VALUES)
def test_no_part_of_a_path_breaks_an_endpoint(client: Client, group: Group, value: str) -> None:
    part = quote(value, safe="")
    for path in (f"groups/{part}/", f"groups/{group.pk}/events/{part}/", f"groups/by-short-id/{part}/", f"projects/{part}/", f"events/{part}/"):  # fmt: skip
        assert may_answer(client.get(f"/api/{path}")), path


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["project", "ids", "q", "action", "assignee", "body", "author", "name", "slug", "platform"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=st.dictionaries(FIELDS, JSON | st.just("shop") | st.sampled_from(["resolve", "assign"]), max_size=5))
def test_no_body_breaks_an_action(client: Client, group: Group, fields: dict[str, Any]) -> None:
    for path in ("projects/", "groups/bulk/", f"groups/{group.pk}/assign/", f"groups/{group.pk}/comments/", f"groups/{group.pk}/resolve/"):  # fmt: skip
        assert may_answer(client.post(f"/api/{path}", fields, content_type="application/json")), path
