"""The official Python SDK in a process of its own sends to a running server, and the API shows what happened."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import reading
from tests.installation import Installation, running

pytestmark = [pytest.mark.slow]

SHOP = Path(__file__).parent / "apps" / "shop.py"
SECRETS = ("correct horse battery staple", "4111 1111 1111 1111")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with running(tmp_path_factory.mktemp("python") / "data") as started:
        yield started


def sends(
    installation: Installation, slug: str, *happenings: str, events: int, exit_code: int = 0
) -> list[dict[str, Any]]:
    """Run the shop once for each happening, in a project of its own; the groups once `events` events are in them."""
    project = installation.create_project(slug.title(), slug)
    running_shops = [
        subprocess.Popen([sys.executable, SHOP, project["dsn"], happening], stderr=subprocess.PIPE, text=True)
        for happening in happenings
    ]
    for shop in running_shops:
        _, complaint = shop.communicate(timeout=60)
        assert shop.returncode == exit_code, complaint
    return reading.wait_for_events(installation, slug, events)


@pytest.fixture(scope="module")
def crash(installation: Installation) -> tuple[dict[str, Any], dict[str, Any]]:
    """What an uncaught exception became: the group and its event."""
    [group] = sends(installation, "uncaught", "uncaught", events=1, exit_code=1)
    return group, reading.latest_event(installation, group)


def test_an_uncaught_exception_becomes_an_issue_with_its_facts(crash: tuple[dict[str, Any], dict[str, Any]]):
    group, event = crash
    assert group["title"] == "ZeroDivisionError: float division by zero"
    assert (group["type"], group["value"]) == ("ZeroDivisionError", "float division by zero")
    assert group["culprit"] == "__main__ in charge"
    assert (group["level"], group["platform"], group["handled"]) == ("error", "python", False)
    assert group["environments"] == ["staging"]
    assert group["first_release"] == "shop@1.4.2"
    assert group["status"] == "unresolved"

    assert event["title"] == group["title"]
    assert (event["environment"], event["dist"], event["handled"]) == ("staging", "7", False)
    assert event["user"]["id"] == "4711"
    assert event["user"]["email"] == "grace@customer.example"
    tags = reading.tags(event)
    assert tags["checkout.step"] == "payment"
    assert tags["release"] == "shop@1.4.2"
    assert tags["environment"] == "staging"
    assert tags["user"] == "id:4711"
    assert tags["server_name"] == "till-3"
    assert tags["level"] == "error"
    assert tags["mechanism"] == "excepthook"
    assert tags["handled"] == "no"
    assert tags["runtime.name"] == "CPython"
    [breadcrumb] = [each for each in event["normalized"]["breadcrumbs"] if each["category"] == "cart"]
    assert breadcrumb["message"] == "item added"
    assert breadcrumb["data"] == {"sku": "tea-500"}
    assert event["normalized"]["sdk"]["name"] == "sentry.python"
    assert event["normalized"]["errors"] == []


def test_the_frames_show_source_values_and_whose_code_it_is(crash: tuple[dict[str, Any], dict[str, Any]]):
    frames = reading.frames(crash[1])
    assert [frame["function"] for frame in frames] == ["<module>", "main", "uncaught", "charge"]
    last = frames[-1]
    assert last["context_line"].strip() == "return amount / installments"
    assert last["pre_context"][-1].strip() == "assert card"
    assert last["abs_path"] == str(SHOP)
    assert last["lineno"] == 1 + SHOP.read_text().splitlines().index("    return amount / installments")
    assert last["in_app"] is True
    assert last["vars"]["amount"] == "12.5"
    assert last["vars"]["installments"] == "0"


def test_secrets_in_values_are_gone_before_anything_is_stored(
    installation: Installation, crash: tuple[dict[str, Any], dict[str, Any]]
):
    event = crash[1]
    values = reading.frames(event)[-1]["vars"]
    assert values["password"] == "[Filtered]"
    assert "Grace" in str(values["card"])
    shown = installation.get(f"/api/events/{event['event_id']}/").body.decode()
    assert "amount / installments" in shown
    for secret in SECRETS:
        assert secret not in shown


def test_the_same_crash_twice_is_one_issue_and_another_crash_another(installation: Installation):
    groups = sends(installation, "again", "uncaught", "uncaught", "elsewhere", events=3, exit_code=1)
    counts = {group["title"]: group["count"] for group in groups}
    assert counts == {"ZeroDivisionError: float division by zero": 2, "KeyError: 'no-such-order'": 1}


def test_a_chained_exception_is_titled_by_the_one_that_was_raised_from_the_other(installation: Installation):
    [group] = sends(installation, "chained", "chained", events=1)
    assert group["title"] == "PaymentError: could not charge order 10442"
    assert group["handled"] is True
    cause, thrown = reading.latest_event(installation, group)["normalized"]["exceptions"]
    assert (cause["type"], cause["value"], cause["relation"]) == ("KeyError", "'10442'", "cause")
    assert (thrown["type"], thrown["relation"]) == ("PaymentError", None)
    assert cause["frames"][-1]["function"] == "look_up"
    assert thrown["frames"][-1]["function"] == "chained"


def test_an_exception_group_keeps_all_that_are_in_it(installation: Installation):
    [group] = sends(installation, "grouped", "group", events=1, exit_code=1)
    assert group["title"] == "ExceptionGroup: import failed"
    exceptions = reading.latest_event(installation, group)["normalized"]["exceptions"]
    assert sorted(each["type"] for each in exceptions) == ["ExceptionGroup", "KeyError", "ZeroDivisionError"]
    assert exceptions[-1]["type"] == "ExceptionGroup"
    assert {each["relation"] for each in exceptions[:-1]} == {"group"}


def test_a_message_has_its_level_and_no_exception(installation: Installation):
    [group] = sends(installation, "message", "message", events=1)
    assert group["title"] == "Cache warmup finished with 3 misses"
    assert (group["level"], group["type"], group["handled"]) == ("warning", "", None)
    event = reading.latest_event(installation, group)
    assert event["message"] == "Cache warmup finished with 3 misses"
    assert event["normalized"]["exceptions"] == []


def test_logged_errors_are_one_issue_by_their_template(installation: Installation):
    [group] = sends(installation, "logged", "logged", events=2)
    assert group["count"] == 2
    assert group["title"] == "only 2 of tea-500 left"
    event = reading.latest_event(installation, group)
    assert event["normalized"]["message"]["template"] == "only %d of %s left"
    assert reading.tags(event)["logger"] == "shop.stock"


def test_the_clients_own_fingerprint_decides(installation: Installation):
    [group] = sends(installation, "fingerprinted", "fingerprinted", events=2)
    assert group["count"] == 2
    assert group["level"] == "fatal"
