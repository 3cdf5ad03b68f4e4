"""The official Node SDK in a process of its own sends to a running server, and the API shows what happened."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import reading
from tests.clients.node import node
from tests.installation import Installation, running

pytestmark = [pytest.mark.slow]

SHOP = Path(__file__).parent / "apps" / "shop.mjs"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    node()
    with running(tmp_path_factory.mktemp("node") / "data") as started:
        yield started


def sends(
    installation: Installation, slug: str, *happenings: str, events: int, exit_code: int = 0
) -> list[dict[str, Any]]:
    """Run the shop once for each happening, in a project of its own; the groups once `events` events are in them."""
    project = installation.create_project(slug.title(), slug)
    running_shops = [
        subprocess.Popen(
            [node(), SHOP, project["dsn"], happening], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        for happening in happenings
    ]
    for shop in running_shops:
        _, complaint = shop.communicate(timeout=60)
        assert shop.returncode == exit_code, complaint
    return reading.wait_for_events(installation, slug, events)


def test_an_uncaught_error_becomes_an_issue_with_its_stack_and_its_facts(installation: Installation):
    [group] = sends(installation, "uncaught", "uncaught", events=1, exit_code=1)
    assert group["title"] == "TypeError: Cannot read properties of undefined (reading 'number')"
    assert "charge" in group["culprit"]
    assert (group["level"], group["platform"], group["handled"]) == ("fatal", "node", False)
    assert group["environments"] == ["staging"]
    assert group["first_release"] == "shop-api@2.0.1"
    event = reading.latest_event(installation, group)
    assert event["user"]["id"] == "4711"
    tags = reading.tags(event)
    assert tags["checkout.step"] == "payment"
    assert tags["release"] == "shop-api@2.0.1"
    assert tags["user"] == "id:4711"
    assert tags["runtime.name"] == "node"
    assert tags["handled"] == "no"
    crash = reading.frames(event)[-1]
    assert crash["function"] == "charge"
    assert crash["filename"].endswith("shop.mjs")
    assert crash["context_line"].strip() == "return order.card.number"
    assert crash["in_app"] is True
    assert crash["lineno"] == 1 + SHOP.read_text().splitlines().index("  return order.card.number")
    assert event["normalized"]["sdk"]["name"] == "sentry.javascript.node"


def test_a_rejection_that_nobody_handles_becomes_an_issue(installation: Installation):
    [group] = sends(installation, "rejected", "rejected", events=1)
    assert group["title"] == "RangeError: no carrier for order 10442"
    assert group["handled"] is False
    event = reading.latest_event(installation, group)
    assert "unhandledrejection" in reading.tags(event)["mechanism"]
    assert reading.frames(event)[-1]["function"] == "ship"


def test_an_error_with_a_cause_shows_both(installation: Installation):
    [group] = sends(installation, "caused", "caused", events=1)
    assert group["title"] == "PaymentError: could not charge order 10442"
    assert group["handled"] is True
    cause, thrown = reading.latest_event(installation, group)["normalized"]["exceptions"]
    assert (cause["type"], cause["relation"]) == ("TypeError", "cause")
    assert cause["frames"][-1]["function"] == "charge"
    assert thrown["type"] == "PaymentError"


def test_a_message_is_titled_by_its_text(installation: Installation):
    [group] = sends(installation, "message", "message", events=1)
    assert group["title"] == "the stock was counted"
    assert group["level"] == "info"


def test_a_large_event_that_is_sent_compressed_and_in_chunks_arrives_whole(installation: Installation):
    project = installation.create_project("Large", "large")
    done = subprocess.run(
        [node(), SHOP, project["dsn"], "large"], capture_output=True, text=True, timeout=60, check=True
    )
    assert "gzip chunked" in done.stdout.splitlines()
    [group] = reading.wait_for_events(installation, "large", 1)
    assert group["title"] == "Error: a large cart"
    items = reading.latest_event(installation, group)["normalized"]["extra"]["items"]
    assert len(items) == 400
    assert items[399].startswith("item 399 tea")


def test_the_same_error_twice_is_one_issue_and_another_error_another(installation: Installation):
    groups = sends(installation, "again", "message", "message", "caused", events=3)
    counts = {group["title"]: group["count"] for group in groups}
    assert counts == {"the stock was counted": 2, "PaymentError: could not charge order 10442": 1}
