"""What a notification shows of the event that fired."""

from typing import Any

import pytest

from mini_sentry.alerts.delivery import message_of
from mini_sentry.alerts.excerpt import MOST_FRAMES, of_event, stack_text
from mini_sentry.alerts.models import AlertRule
from mini_sentry.alerts.notifying import Told, sample_facts, write
from mini_sentry.groups.models import Event
from mini_sentry.projects.models import Project
from tests.alerts.rules import make_rule
from tests.factories import NOON, make_event, make_group

pytestmark = pytest.mark.django_db


def frame(function: str, *, in_app: bool = True, line: str = "", **fields: Any) -> dict[str, Any]:
    known = {"function": function, "filename": f"{function}.py", "lineno": 7, "in_app": in_app}
    return known | ({"context_line": line} if line else {}) | fields


def crash(*frames: dict[str, Any], **fields: Any) -> dict[str, Any]:
    cause = {"type": "OSError", "value": "gone", "stacktrace": {"frames": [frame("cause")]}}
    thrown = {"type": "ValueError", "value": "broken", "stacktrace": {"frames": list(frames)}}
    return {
        "platform": "python",
        "exception": {"values": [cause, thrown]},
        "tags": {"shop": "eu", "plan": "gold"},
    } | fields


def text_of(event: Event, rule: AlertRule) -> str:
    facts = sample_facts(rule, now=NOON) | {"event_id": event.event_id.hex}
    (notification,) = write([Told(rule, event.group_id, facts)], now=NOON)
    return message_of(notification.deliveries.get()).text


def test_a_mail_shows_the_stack_of_the_event_that_fired_and_its_tags(shop: Project) -> None:
    group = make_group(shop)
    fired = make_event(group, crash(frame("main"), frame("pay", line="    charge(total)  ")))
    make_event(group, crash(frame("later")))
    text = text_of(fired, make_rule(shop, target_type="email", target_value="ops@x.test"))
    assert "  pay (pay.py:7)\n      charge(total)\n  main (main.py:7)\n" in text
    assert "later" not in text
    assert "cause" not in text
    assert "  plan: gold\n" in text
    assert "  shop: eu\n" in text


def test_a_webhook_has_both_as_keys(shop: Project) -> None:
    event = make_event(make_group(shop), crash(frame("pay")))
    found = of_event(shop.pk, event.event_id.hex)
    assert found["stack"] == "pay (pay.py:7)"
    assert found["tags"].items() >= {"shop": "eu", "plan": "gold"}.items()


def test_in_app_frames_are_shown_and_the_others_counted(shop: Project) -> None:
    frames = [frame("lib", in_app=False), frame("mine"), frame("lib", in_app=False)]
    event = make_event(make_group(shop), crash(*frames))
    assert of_event(shop.pk, event.event_id.hex)["stack"] == "mine (mine.py:7)\n(2 more frames)"


def test_without_any_in_app_the_latest_are_shown() -> None:
    frames = [frame(f"f{number}", in_app=False) for number in range(40)]
    lines = stack_text({"exceptions": [], "threads": [], "stacktrace": frames}).splitlines()
    assert lines[0] == "f39 (f39.py:7)"
    assert lines[MOST_FRAMES:] == [f"({40 - MOST_FRAMES} more frames)"]


def test_the_stack_of_a_rest_event_is_shown(shop: Project) -> None:
    stack = "TypeError: x\n    at pay (https://shop.test/app.js:10:120)"
    event = make_event(make_group(shop), {"message": "x", "stack": stack}, rest=True)
    assert of_event(shop.pk, event.event_id.hex)["stack"] == "pay (https://shop.test/app.js:10)"


def test_an_event_without_a_stack_or_without_its_body_is_told_of_all_the_same(shop: Project) -> None:
    group = make_group(shop)
    message = make_event(group, {"message": "hello"})
    assert of_event(shop.pk, message.event_id.hex)["stack"] == ""
    thinned = make_event(group)
    assert of_event(shop.pk, thinned.event_id.hex) == {}
    assert of_event(shop.pk, "0" * 32) == of_event(shop.pk, None) == {}
    rule = make_rule(shop, target_type="email", target_value="ops@x.test")
    assert "Stack" not in text_of(message, rule)
    assert group.title in text_of(thinned, rule)


def test_an_event_of_another_project_is_never_shown(shop: Project, db: None) -> None:
    event = make_event(make_group(shop), crash(frame("pay")))
    assert of_event(shop.pk + 1, event.event_id.hex) == {}


def test_a_tag_cannot_add_lines_to_a_mail(shop: Project) -> None:
    event = make_event(make_group(shop), crash(frame("pay"), tags={"shop": "eu\nIssue: OTHER-1"}))
    text = text_of(event, make_rule(shop, target_type="email", target_value="ops@x.test"))
    assert "\nIssue: OTHER-1" not in text
