from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mini_sentry.grouping.configs import config
from mini_sentry.grouping.group import explain, group, mark_in_app
from mini_sentry.protocol.event import Event, ExceptionValue, Frame, Mechanism, Stacktrace, Thread
from tests.grouping.factory import make_event

PLAIN = config()
RULES = config(
    stack_rules=(
        "[ function:a ] | function:* ^-group\nfunction:b v+app\napp:yes module:*a* category=x\n"
        "category:x -group\nerror.type:*a* max-frames=2\n!error.value:*b* min-frames=2\n!path:*.js -app"
    ),
    fingerprint_rules=(
        "message:*ab* !tags.a:b -> {{ default }}, {{ tags.a }}\nfunction:a app:yes -> {{ function }}, {{ nothing }}\n"
        'error.type:b* -> b title="{{ error.value }}"'
    ),
)
CONFIGS = st.sampled_from([PLAIN, RULES])

# Short texts of few letters, so that matchers match and frames repeat; long odd ones, so that nothing is taken for granted.
WORDS = st.one_of(
    st.sampled_from(
        ["", "a", "b", "ab", "?", "<anonymous>", "a.js", "https://x/a.js", "{{ default }}", "{{ tags.a }}", "f (1)"]
    ),
    st.text(st.characters(exclude_categories=[]), max_size=12),
)
MAYBE = st.none() | WORDS
NUMBERS = st.none() | st.integers(0, 3)
PLATFORMS = st.sampled_from(
    ["python", "javascript", "node", "java", "native", "go", "ruby", "php", "csharp", "other", ""]
)
FRAMES = st.builds(
    Frame,
    filename=MAYBE,
    abs_path=MAYBE,
    function=MAYBE,
    raw_function=MAYBE,
    module=MAYBE,
    package=MAYBE,
    platform=st.none() | PLATFORMS,
    lineno=NUMBERS,
    colno=NUMBERS,
    in_app=st.none() | st.booleans(),
    context_line=MAYBE,
)
STACKS = st.none() | st.builds(Stacktrace, st.lists(FRAMES, max_size=6))
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS | st.just("ns_error"), inner, max_size=2),
    max_leaves=4,
)
MECHANISMS = st.none() | st.builds(
    Mechanism,
    type=MAYBE,
    synthetic=st.none() | st.booleans(),
    exception_id=NUMBERS,
    parent_id=NUMBERS,
    is_exception_group=st.none() | st.booleans(),
    meta=JSON,
)
ERRORS = st.builds(ExceptionValue, type=MAYBE, value=MAYBE, module=MAYBE, stacktrace=STACKS, mechanism=MECHANISMS)
THREADS = st.builds(Thread, crashed=st.none() | st.booleans(), current=st.none() | st.booleans(), stacktrace=STACKS)
REPORTS = st.none() | st.dictionaries(
    st.sampled_from(
        [
            "blocked-uri",
            "effective-directive",
            "violated_directive",
            "hostname",
            "csp-report",
            "filename",
            "context_line",
        ]
    ),
    JSON,
    max_size=3,
)
EVENTS = st.builds(
    make_event,
    platform=PLATFORMS,
    message=WORDS,
    message_template=WORDS,
    exceptions=st.lists(ERRORS, max_size=4),
    threads=st.lists(THREADS, max_size=3),
    stacktrace=STACKS,
    fingerprint=st.lists(WORDS, max_size=3),
    checksum=st.sampled_from(["", "", "", "x"]),
    csp=REPORTS,
    template=REPORTS,
    tags=st.dictionaries(st.sampled_from(["a", "b"]), WORDS, max_size=2),
    transaction=WORDS,
)


@given(EVENTS, CONFIGS)
def test_any_event_has_distinct_hashes_and_a_title(event: Event, config: Any) -> None:
    found = group(event, config=config)
    hashes = [one.hash for one in found.hashes]
    assert 1 <= len(hashes) == len(set(hashes)) <= 2
    assert all(len(one) == 32 and set(one) <= set("0123456789abcdef") for one in hashes)
    assert found.title


@given(EVENTS, CONFIGS)
def test_the_explanation_has_the_hashes_of_the_grouping(event: Event, config: Any) -> None:
    explained = explain(event, config=config)
    assert [one.hash for one in explained if one.contributes] == [
        one.hash for one in group(event, config=config).hashes
    ]


@given(EVENTS, CONFIGS)
def test_equal_events_have_equal_groupings(event: Event, config: Any) -> None:
    twin = msgspec.convert(msgspec.to_builtins(event), Event)
    assert group(twin, config=config) == group(event, config=config)


@given(EVENTS, CONFIGS, st.integers(1, 1000))
def test_an_edit_above_moves_lines_and_no_hash(event: Event, config: Any, moved: int) -> None:
    before = group(event, config=config)
    stacks = [
        event.stacktrace,
        *(error.stacktrace for error in event.exceptions),
        *(one.stacktrace for one in event.threads),
    ]
    for frame in {id(frame): frame for stack in stacks if stack is not None for frame in stack.frames}.values():
        frame.lineno = frame.lineno + moved if frame.lineno is not None else None
    assert group(event, config=config) == before


@given(st.lists(FRAMES, max_size=6), PLATFORMS, CONFIGS)
def test_every_frame_is_marked_with_a_reason(frames: list[Frame], platform: str, config: Any) -> None:
    marks = mark_in_app(frames, platform=platform, config=config)
    assert len(marks) == len(frames)
    assert all(reason for _, reason in marks)


@pytest.mark.parametrize("count", [10_000])
def test_what_is_remembered_of_frames_does_not_change_hashes(count: int) -> None:
    def failed(number: int) -> Event:
        frames = [Frame(module="m", function=f"f{number + at}", in_app=True) for at in range(3)]
        return make_event(exceptions=[ExceptionValue(type="E", stacktrace=Stacktrace(frames))])

    first = group(failed(0), config=PLAIN)
    for number in range(0, count, 3):
        group(failed(number), config=PLAIN)
    assert group(failed(0), config=PLAIN) == first
