import pytest

from mini_sentry.grouping.configs import config
from mini_sentry.grouping.group import Grouping, group
from tests.grouping.factory import make_error, make_event, make_frame, make_thread


def called(**fields: object) -> Grouping:
    return group(make_event(**fields), config=config())


def test_an_error_is_called_by_type_and_first_line() -> None:
    found = called(exceptions=[make_error("ValueError", "\n bad row\nmore")])
    assert (found.title, found.type, found.value) == ("ValueError: bad row", "ValueError", "bad row")


def test_an_error_without_value_is_called_by_its_type() -> None:
    assert called(exceptions=[make_error("StopIteration", "")]).title == "StopIteration"


def test_a_long_value_is_cut_at_256_characters() -> None:
    found = called(exceptions=[make_error("E", "x" * 5000)])
    assert found.value == "x" * 255 + "…"
    assert found.title == "E: " + found.value


def test_an_error_without_type_is_called_by_the_crashing_function() -> None:
    frames = [make_frame("pay"), make_frame("raise_it", in_app=False)]
    assert called(exceptions=[make_error(None, "x", frames)]).title == "pay"
    assert called(exceptions=[make_error(None, None, [make_frame("?")])]).title == "<unknown>"


def test_a_native_crash_is_called_by_the_crashing_function() -> None:
    frames = [make_frame("shop::pay(int)"), make_frame("abort", in_app=False)]
    error = make_error("SIGABRT", "Abort", frames, synthetic=True)
    assert called(platform="native", exceptions=[error]).title == "shop::pay"


def test_the_outermost_error_names_a_chain() -> None:
    assert called(exceptions=[make_error("Inner", "a"), make_error("Outer", "b")]).title == "Outer: b"


def test_a_message_is_called_by_its_first_line() -> None:
    found = called(message="\ndisk is full\non host 7", message_template="disk is %s")
    assert (found.title, found.type, found.value) == ("disk is full", "", "disk is full")
    assert called(message="y" * 300).title == "y" * 255 + "…"


def test_an_event_that_says_nothing_is_unlabeled() -> None:
    found = called()
    assert (found.title, found.strategy, len(found.hashes)) == ("<unlabeled event>", "fallback", 1)
    assert found.hashes == called(platform="node", level="fatal").hashes


def test_a_javascript_message_is_called_by_the_message() -> None:
    error = make_error(None, "cart is empty", [make_frame("log")], synthetic=True)
    found = called(platform="javascript", message="cart is empty", exceptions=[error])
    assert (found.title, found.culprit, found.strategy) == ("cart is empty", "log(shop)", "message")


@pytest.mark.parametrize(
    ("fields", "culprit"),
    [
        ({"culprit": "jobs.pay", "transaction": "/pay"}, "jobs.pay"),
        ({"transaction": "/pay"}, "/pay"),
        ({}, "shop in pay"),
        ({"platform": "node"}, "pay(shop)"),
    ],
)
def test_the_culprit_is_what_the_client_says_else_the_last_in_app_frame(fields: dict[str, str], culprit: str) -> None:
    frames = [make_frame("main"), make_frame("pay"), make_frame("lib", in_app=False)]
    assert called(exceptions=[make_error(frames=frames)], **fields).culprit == culprit


def test_a_thread_gives_the_culprit_of_a_message() -> None:
    assert called(message="hi", threads=[make_thread("main", "notify", current=True)]).culprit == "shop in notify"


def test_without_any_frame_there_is_no_culprit() -> None:
    assert called(message="hi").culprit == ""
