from typing import Any

import pytest

from mini_sentry.grouping.configs import config
from mini_sentry.grouping.group import Grouping, group
from mini_sentry.protocol.event import Event, ExceptionValue, Frame
from tests.grouping.factory import make_error, make_event, make_frame

CONFIG = config()


def of(*errors: ExceptionValue, **fields: object) -> Grouping:
    return group(make_event(exceptions=list(errors), **fields), config=CONFIG)


def hashes(*errors: ExceptionValue, **fields: object) -> set[str]:
    return {found.hash for found in of(*errors, **fields).hashes}


def frames(*functions: str, **fields: object) -> list[Frame]:
    return [make_frame(function, **fields) for function in functions]


def test_the_value_does_not_count_beside_a_stack() -> None:
    assert hashes(make_error(value="bad row one", frames=frames("f"))) == hashes(
        make_error(value="worse row two", frames=frames("f"))
    )


def test_the_same_text_thrown_from_two_places_is_two_groups() -> None:
    assert hashes(make_error(frames=frames("f"))).isdisjoint(hashes(make_error(frames=frames("g"))))


def test_without_a_stack_type_and_pattern_of_the_value_count() -> None:
    assert hashes(make_error(value="bad row 1")) == hashes(make_error(value="bad row 22"))
    assert hashes(make_error(value="bad row 1")).isdisjoint(hashes(make_error(value="bad column 1")))
    assert hashes(make_error("KeyError")).isdisjoint(hashes(make_error("ValueError")))


def test_a_synthetic_type_does_not_count() -> None:
    assert hashes(make_error("SIGSEGV", frames=frames("f", "g"), synthetic=True)) == hashes(
        make_error("SIGBUS", frames=frames("f", "g"), synthetic=True)
    )


def test_a_synthetic_error_without_stack_is_its_value() -> None:
    assert hashes(make_error("Error", "x", synthetic=True)) == hashes(make_error("Other", "x", synthetic=True))
    assert hashes(make_error("Error", "x", synthetic=True)).isdisjoint(hashes(make_error("Error", "y", synthetic=True)))


def test_a_synthetic_error_with_a_single_frame_counts_its_value_in_every_variant() -> None:
    system = frames("a", "b", "c", "d", in_app=False)
    one = hashes(make_error("Error", "one", [*system, *frames("f")], synthetic=True))
    two = hashes(make_error("Error", "two", [*system, *frames("f")], synthetic=True))
    assert len(one) == 2
    assert one.isdisjoint(two)


def test_apple_errors_are_told_apart_by_domain_and_code() -> None:
    def error(value: str, code: int) -> ExceptionValue:
        return make_error("NSError", value, meta={"ns_error": {"domain": "NSURLErrorDomain", "code": code}})

    assert hashes(error("a", -1001)) == hashes(error("b", -1001))
    assert hashes(error("a", -1001)).isdisjoint(hashes(error("a", -1009)))


def test_an_exception_that_says_nothing_leaves_it_to_the_message() -> None:
    found = of(ExceptionValue(), message="something odd")
    assert (found.strategy, found.title) == ("message", "something odd")


def test_app_and_system_frames_give_a_hash_each_app_first() -> None:
    found = of(make_error(frames=[*frames("a", "b", "c", in_app=False), *frames("f")]))
    assert [one.variant for one in found.hashes] == ["app", "system"]
    assert found.in_app_only


def test_without_in_app_frames_only_the_system_hash_is_there() -> None:
    found = of(make_error(frames=frames("a", "b", "c", in_app=False)))
    assert [one.variant for one in found.hashes] == ["system"]
    assert not found.in_app_only


def test_equal_hashes_count_once() -> None:
    assert [one.variant for one in of(make_error(frames=frames("f", "g", "h", "i"))).hashes] == ["app"]


def test_a_short_system_stack_does_not_join_what_in_app_frames_keep_apart() -> None:
    found = of(make_error(frames=[*frames("lib", in_app=False), *frames("f")]))
    assert [one.variant for one in found.hashes] == ["app"]


def test_a_few_framework_frames_alone_count_with_the_value() -> None:
    def thrown(value: str, *functions: str) -> set[str]:
        return hashes(make_error(value=value, frames=frames(*functions, in_app=False)))

    assert thrown("no route", "run", "step").isdisjoint(thrown("no host", "run", "step"))
    assert thrown("no route", "run", "step", "call") == thrown("no host", "run", "step", "call")


def test_every_cause_of_a_chain_counts() -> None:
    outer = make_error("Outer", frames=frames("g"))
    assert hashes(make_error("Inner", frames=frames("f")), outer).isdisjoint(hashes(outer))
    assert hashes(make_error("Inner", frames=frames("f")), outer).isdisjoint(
        hashes(make_error("Inner", frames=frames("h")), outer)
    )


def test_the_order_of_a_chain_counts() -> None:
    one, two = make_error("One"), make_error("Two")
    assert hashes(one, two).isdisjoint(hashes(two, one))


def exception_group(*children: ExceptionValue, **root: Any) -> list[ExceptionValue]:
    """As the SDKs send it: the root has id 0 and comes last."""
    found: list[ExceptionValue] = []
    for number, child in enumerate(children, start=1):
        assert child.mechanism is None
        found.insert(0, make_error(child.type, child.value, _frames(child), exception_id=number, parent_id=0))
    return [*found, make_error("ExceptionGroup", "batch failed", exception_id=0, is_exception_group=True, **root)]


def _frames(error: ExceptionValue) -> list[Frame] | None:
    return error.stacktrace.frames if error.stacktrace else None


def test_a_group_of_one_distinct_exception_is_that_exception() -> None:
    found = of(*exception_group(make_error(value="bad row 1")))
    assert found.title == "ValueError: bad row 1"
    assert hashes(*exception_group(make_error(value="bad row 1"))) == hashes(make_error(value="bad row 7"))


def test_children_that_repeat_count_once() -> None:
    children = [make_error(value=f"bad row {number}", frames=frames("parse", "read")) for number in range(200)]
    assert hashes(*exception_group(*children)) == hashes(children[0])


def test_a_group_of_distinct_exceptions_is_itself_and_all_of_them() -> None:
    both = exception_group(make_error("ValueError", "bad row 1"), make_error("KeyError", "'id'"))
    found = of(*both)
    assert (found.title, found.type) == ("ExceptionGroup: batch failed", "ExceptionGroup")
    assert hashes(*both).isdisjoint(hashes(make_error("ValueError", "bad row 1")))
    assert hashes(*both).isdisjoint(
        hashes(*exception_group(make_error("ValueError", "bad row 1"), make_error("OSError", "disk full")))
    )


def test_the_order_in_which_tasks_failed_does_not_count() -> None:
    one, two = make_error("ValueError", "bad row 1"), make_error("KeyError", "'id'")
    assert hashes(*exception_group(one, two)) == hashes(*exception_group(two, one))


def test_a_nested_group_is_walked_through() -> None:
    errors = [
        make_error(value="bad row 1", exception_id=2, parent_id=1),
        make_error("ExceptionGroup", "inner", exception_id=1, parent_id=0, is_exception_group=True),
        make_error("ExceptionGroup", "outer", exception_id=0, is_exception_group=True),
    ]
    assert of(*errors).title == "ValueError: bad row 1"


def test_the_causes_of_a_child_belong_to_it() -> None:
    def caused_by(type_: str) -> list[ExceptionValue]:
        return [
            make_error(type_, "why", exception_id=2, parent_id=1),
            make_error(value="bad row 1", exception_id=1, parent_id=0),
            make_error("ExceptionGroup", "batch", exception_id=0, is_exception_group=True),
        ]

    assert of(*caused_by("OSError")).title == "ValueError: bad row 1"
    assert hashes(*caused_by("OSError")).isdisjoint(hashes(*caused_by("KeyError")))


@pytest.mark.parametrize(
    "ids",
    [
        [(1, 0), (1, 0), (0, None)],
        [(1, 2), (2, 1), (0, None)],
        [(1, 7), (2, 0), (0, None)],
        [(None, 0), (2, 0), (0, None)],
        [(1, None), (2, 0), (0, None)],
        [(1, 1), (2, 0), (0, None)],
    ],
)
def test_a_contradictory_tree_is_a_plain_chain(ids: list[tuple[int | None, int | None]]) -> None:
    errors = [
        make_error(f"E{place}", "x", exception_id=own, parent_id=parent, is_exception_group=True)
        for place, (own, parent) in enumerate(ids)
    ]
    plain = [make_error(f"E{place}", "x") for place in range(len(ids))]
    assert hashes(*errors) == hashes(*plain)
    assert of(*errors).title == "E2: x"


def react(value: str) -> Event:
    return make_event(
        platform="javascript", exceptions=[make_error("TypeError", "x is undefined"), make_error("Error", value)]
    )


@pytest.mark.parametrize(
    "value",
    [
        "There was an error during concurrent rendering but React was able to recover by instead rendering the root.",
        "There was an error while hydrating. Because the error happened outside of a Suspense boundary …",
    ],
)
def test_what_react_recovered_from_is_called_by_its_cause(value: str) -> None:
    assert group(react(value), config=CONFIG).title == "TypeError: x is undefined"


def test_rxjava_wrappers_are_called_by_what_they_wrap() -> None:
    wrapper = ExceptionValue("OnErrorNotImplementedException", "wrapped", "io.reactivex.exceptions")
    inner = ExceptionValue("IllegalStateException", "closed", "java.lang")
    assert of(inner, wrapper, platform="java").title == "IllegalStateException: closed"
    assert hashes(inner, wrapper, platform="java").isdisjoint(hashes(inner, platform="java"))
