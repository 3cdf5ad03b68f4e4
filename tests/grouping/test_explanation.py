import msgspec

from mini_sentry.grouping.configs import config
from mini_sentry.grouping.explanation import Component
from mini_sentry.grouping.group import explain, group
from mini_sentry.protocol.event import Event
from tests.grouping.factory import make_error, make_event, make_frame


def failed() -> Event:
    frames = [
        *(make_frame(name, in_app=False) for name in ("run", "step", "call")),
        make_frame("pay", lineno=3, context_line="  pay(card)"),
        make_frame("pay", lineno=3, context_line="  pay(card)"),
    ]
    return make_event(exceptions=[make_error("PaymentError", "card 7 refused", frames)])


def find(components: list[Component], kind: str) -> list[Component]:
    found = [component for component in components if component.kind == kind]
    return found + [deep for component in components for deep in find(component.children, kind)]


def test_an_explanation_names_each_variant_with_its_hash() -> None:
    explained = explain(failed(), config=config())
    hashes = group(failed(), config=config()).hashes
    assert [(component.kind, component.hash) for component in explained] == [(one.variant, one.hash) for one in hashes]


def test_a_frame_that_does_not_contribute_says_why() -> None:
    [app, system] = explain(failed(), config=config())
    assert [frame.contributes for frame in find([app], "frame")] == [False, False, False, True, False]
    assert [frame.contributes for frame in find([system], "frame")] == [True, True, True, True, False]
    assert find([app], "frame")[0].reason == "not in app; marked not in app by the SDK"
    assert find([app], "frame")[4].reason.startswith("recursion")


def test_the_value_says_that_the_stack_decides() -> None:
    [value, _] = find(explain(failed(), config=config()), "value")
    assert (value.contributes, value.value, value.reason) == (False, "card <int> refused", "the stack decides")


def test_a_rule_is_named_as_the_reason() -> None:
    changed = config(stack_rules="function:run -group")
    first = find(explain(failed(), config=changed), "frame")[0]
    assert "project rule: function:run -group" in first.reason


def test_a_custom_fingerprint_comes_first_and_the_rest_is_kept_in_sight() -> None:
    event = msgspec.structs.replace(failed(), fingerprint=["mine", "{{ level }}"])
    explained = explain(event, config=config())
    assert [(component.kind, component.contributes) for component in explained] == [
        *(("custom", True), ("app", False), ("system", False)),
    ]
    assert [part.value for part in find(explained[:1], "fingerprint")] == ["mine", "error"]
    assert explained[1].reason == "the fingerprint decides"


def test_a_left_out_variant_says_why() -> None:
    frames = [make_frame("lib", in_app=False), make_frame("f")]
    [_, system] = explain(make_event(exceptions=[make_error(frames=frames)]), config=config())
    assert not system.contributes
    assert "fewer than 3 frames" in system.reason


def test_repeated_children_of_a_group_say_so() -> None:
    children = [make_error(value=f"bad row {n}", exception_id=n, parent_id=0) for n in (1, 2)]
    root = make_error("ExceptionGroup", "batch", exception_id=0, is_exception_group=True)
    errors = find(explain(make_event(exceptions=[*children, root]), config=config()), "exception")
    assert [(error.contributes, error.reason) for error in errors] == [
        (True, ""),
        (False, "it repeats another exception of the group"),
        (False, "the group holds one distinct exception"),
    ]


def test_an_explanation_is_json_and_back() -> None:
    explained = explain(failed(), config=config())
    assert msgspec.json.decode(msgspec.json.encode(explained), type=list[Component]) == explained
