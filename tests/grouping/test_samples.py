"""What real SDKs sent, as recorded: how it is called and what it is grouped by."""

import pytest

from mini_sentry.grouping.configs import config
from mini_sentry.grouping.explanation import Component
from mini_sentry.grouping.group import Grouping, explain, group
from tests.grouping.factory import sample_events

CONFIG = config()


def grouped(sample: str, number: int = 1) -> Grouping:
    return group(sample_events(sample)[number - 1], config=CONFIG)


def contributing(sample: str, number: int = 1) -> list[str]:
    """The strings that the first hash is made of, in order."""
    [first] = [c for c in explain(sample_events(sample)[number - 1], config=CONFIG) if c.hash][:1]
    return _strings(first)


def _strings(component: Component) -> list[str]:
    if not component.contributes:
        return []
    if not component.children:
        return [component.value] if component.value else []
    return [string for child in component.children for string in _strings(child)]


def hashes(grouping: Grouping) -> set[str]:
    return {found.hash for found in grouping.hashes}


@pytest.mark.parametrize(
    ("sample", "number", "title"),
    [
        ("python-unhandled", 1, "KeyError: 'missing-key'"),
        ("python-handled", 1, "PaymentError: could not charge card tok_visa for order 10442"),
        ("python-message", 1, "Cache warmup finished with 3 misses"),
        ("python-message", 2, "fingerprinted message"),
        ("python-message-stack", 1, "message with attached stacktrace"),
        ("python-django-app", 1, "LookupError: order 10442 does not exist"),
        ("python-logs", 1, "stdlib log x"),
        ("raven-python-6-store", 1, "ZeroDivisionError: division by zero"),
        ("node-handled", 1, "PaymentError: could not charge tok_visa"),
        ("node-handled", 2, "node message"),
        ("node-handled", 4, "Error: a plain string thrown"),
        ("node-handled", 5, "Error: Object captured as exception with keys: code, reason"),
        ("node-rejection", 1, "Error: order 10442 not found"),
        ("browser-click", 1, "TypeError: Cannot read properties of undefined (reading 'map')"),
        ("browser-handled", 1, "browser message"),
        ("browser-sourcemap-debugid", 1, "RangeError: unknown discount code: BROKEN"),
    ],
)
def test_titles_read_as_a_person_expects(sample: str, number: int, title: str) -> None:
    assert grouped(sample, number).title == title


def test_an_unhandled_error_is_one_group_however_it_was_compressed() -> None:
    assert hashes(grouped("python-unhandled")) == hashes(grouped("python-brotli-unhandled"))
    assert contributing("python-unhandled") == [
        *("KeyError", "__main__", "<module>", "main()"),
        *("__main__", "main", 'return {"a": 1}["missing-key"]'),
    ]


def test_a_python_chain_is_grouped_by_both_stacks_and_no_value() -> None:
    strings = contributing("python-handled")
    assert [text for text in strings if text in ("ValueError", "PaymentError")] == ["ValueError", "PaymentError"]
    assert not any("12,50" in text and "invalid" in text for text in strings)
    assert "return int(raw)" in strings


def test_a_message_is_grouped_by_its_pattern() -> None:
    assert contributing("python-message") == ["Cache warmup finished with <int> misses"]
    assert grouped("python-message").hashes[0].variant == "default"


def test_a_message_with_default_and_more_in_its_fingerprint_is_hybrid() -> None:
    assert contributing("python-message", 2) == ["{{ default }}", "tenant-acme", "fingerprinted message"]
    assert grouped("python-message", 2).hashes[0].variant == "hybrid-default"


def test_a_logged_message_is_grouped_by_its_template() -> None:
    assert contributing("python-logs") == ["stdlib log %s"]
    assert contributing("raven-python-6-store", 2) == ["raven message %s"]


def test_a_python_message_with_stack_is_grouped_by_its_call_site() -> None:
    assert grouped("python-message-stack").strategy == "threads"
    assert "message with attached stacktrace" not in contributing("python-message-stack")


def test_a_django_error_is_grouped_by_the_view_alone() -> None:
    found = grouped("python-django-app")
    assert found.in_app_only
    assert contributing("python-django-app") == [
        *("LookupError", "__main__", "order", 'raise LookupError(f"order {pk} does not exist")'),
    ]
    assert found.culprit == "/orders/{pk}/"


def test_a_node_chain_is_grouped_by_cause_and_error() -> None:
    strings = contributing("node-handled")
    assert strings.index("TypeError") < strings.index("PaymentError")
    assert {"parseAmount", "charge"} <= set(strings)


def test_a_javascript_message_is_grouped_as_a_message_not_by_its_call_site() -> None:
    assert grouped("node-handled", 2).strategy == "message"
    assert contributing("node-handled", 2) == ["node message"]
    assert grouped("node-handled", 2).culprit == "Object.?(handled)"
    assert (grouped("node-dropped").strategy, grouped("browser-handled").strategy) == ("message", "message")


def test_what_is_thrown_without_being_an_error_is_told_apart_on_one_line() -> None:
    assert hashes(grouped("node-handled", 4)).isdisjoint(hashes(grouped("node-handled", 5)))


def test_a_rejection_is_grouped_by_the_function_and_not_by_the_event_loop() -> None:
    strings = contributing("node-rejection")
    assert "fetchOrder" in strings
    assert "processTicksAndRejections" not in strings


def test_a_minified_bundle_groups_by_type_and_text() -> None:
    click, first, second = grouped("browser-click"), grouped("browser-replay"), grouped("browser-replay", 2)
    assert click.hashes == first.hashes == second.hashes
    assert [found.variant for found in click.hashes] == ["minified"]
    assert contributing("browser-click") == ["TypeError", "Cannot read properties of undefined (reading 'map')"]


def test_an_attachment_changes_nothing_and_a_salted_fingerprint_all() -> None:
    assert [found.variant for found in grouped("node-handled", 3).hashes] == ["hybrid-app", "hybrid-system"]
