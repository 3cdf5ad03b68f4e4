"""The words of notifications."""

import pytest

from mini_sentry.alerts.templates import body, render, subject

FACTS = {
    "project": "shop",
    "group_id": 5,
    "group_title": "ValueError: {count} broken",
    "level": "error",
    "message": "it broke",
    "count": 12,
    "received_at": "2026-03-14T12:00:00Z",
    "rule_name": "Many",
    "secret": "s3cret",
}


def test_the_seven_names_stand_for_their_facts() -> None:
    template = "{project} {group_id} {level} {message} {count} {received_at}"
    assert render(template, FACTS) == "shop 5 error it broke 12 2026-03-14T12:00:00Z"


@pytest.mark.parametrize(
    "text",
    [
        "{secret}",
        "{rule_name}",
        "{count.__class__}",
        "{count!r}",
        "{count:>9}",
        "{0}",
        "{}",
        "{ count }",
        '{"a": 1}',
        "{",
    ],
)
def test_whatever_else_stands_in_braces_stays(text: str) -> None:
    assert render(text, FACTS) == text


def test_what_a_fact_says_is_no_template() -> None:
    assert render("{group_title}", FACTS) == "ValueError: {count} broken"


def test_an_absent_fact_is_no_text() -> None:
    assert render("<{group_id}>", {"group_id": None}) == "<>"


def test_a_subject_is_one_line() -> None:
    assert subject("", FACTS) == "[Mini Sentry] shop: ValueError: {count} broken"
    assert subject("{message}\r\nBcc: all@x.test", {"message": "a\n\tb"}) == "a b Bcc: all@x.test"
    assert len(subject("{message}", {"message": "x" * 1000})) == 250


def test_a_body_tells_what_fired_and_where_to_look() -> None:
    text = body("", FACTS | {"url": "http://x.test/p/shop/issues/SHOP-1", "reason": "12 events within 5 minutes"})
    assert "12 events within 5 minutes" in text
    assert "it broke" in text
    assert "http://x.test/p/shop/issues/SHOP-1" in text
    assert body("{count}!", FACTS) == "12!"


def test_a_body_says_nothing_twice() -> None:
    for facts in (FACTS | {"reason": "it broke"}, FACTS | {"group_title": "Error: it broke"}):
        assert body("", facts).count("it broke") == 1
