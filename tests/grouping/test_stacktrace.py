from mini_sentry.grouping.configs import config
from mini_sentry.grouping.group import group
from mini_sentry.grouping.stacktrace import INLINE_SCRIPT, MINIFIED, NO_FRAMES, Stack, judge
from mini_sentry.protocol.event import Frame, Stacktrace
from tests.grouping.factory import make_error, make_event, make_frame

RULES = config().in_app


def judged(*frames: Frame, platform: str = "python") -> Stack:
    stack = judge(Stacktrace(list(frames)), platform=platform, rules=RULES)
    assert stack is not None
    return stack


def names(stack: Stack, variant: str) -> list[str | None]:
    return [stack.frames[index].function for index in stack.judgement.contributing(variant)]


def script(function: str, **fields: object) -> Frame:
    return make_frame(function, **{"filename": "https://x.com/a.min.js", "module": None, **fields})


def test_the_app_variant_has_only_in_app_frames() -> None:
    stack = judged(make_frame("lib", in_app=False), make_frame("f"), make_frame("g", in_app=None))
    assert names(stack, "app") == ["f"]
    assert names(stack, "system") == ["lib", "f", "g"]


def test_a_call_of_itself_on_the_same_line_counts_once() -> None:
    deep = judged(*[make_frame("walk", lineno=7) for _ in range(500)])
    assert names(deep, "app") == ["walk"]
    assert deep.judgement.encoded("app") == judged(make_frame("walk", lineno=7)).judgement.encoded("app")


def test_calls_of_itself_on_two_lines_both_count() -> None:
    assert names(judged(make_frame("walk", lineno=7), make_frame("walk", lineno=9)), "app") == ["walk", "walk"]
    assert names(judged(make_frame("walk", lineno=7), make_frame("walk", lineno=7)), "app") == ["walk"]


def test_a_single_frame_of_a_page_without_function_does_not_count() -> None:
    assert judged(script("?", module="inline"), platform="javascript").judgement.why_not == INLINE_SCRIPT
    assert judged(script("?"), platform="javascript").judgement.why_not == NO_FRAMES
    assert judged(make_frame("?"), platform="python").judgement.why_not == ""


def test_a_rejection_in_an_inline_script_is_grouped_by_type_and_text() -> None:
    def rejected(value: str, line: int) -> set[str]:
        error = make_error("Error", value, [script("?", lineno=line)], handled=False)
        return {
            found.hash for found in group(make_event(platform="javascript", exceptions=[error]), config=config()).hashes
        }

    assert rejected("network unreachable", 1) == rejected("network unreachable", 99)
    assert rejected("network unreachable", 1).isdisjoint(rejected("no such user", 1))


def test_a_stack_of_short_names_out_of_a_bundle_does_not_count() -> None:
    assert judged(script("r"), script("e.KI"), platform="javascript").judgement.why_not == MINIFIED
    assert judged(script("r"), script("checkout"), platform="javascript").judgement.why_not == ""
    assert judged(script("r", context_line="go()"), platform="javascript").judgement.why_not == ""
    assert judged(make_frame("r"), make_frame("s"), platform="python").judgement.why_not == ""


def test_a_later_lookup_gives_what_the_first_one_gave() -> None:
    frames = [make_frame(f"f{number}", lineno=number) for number in range(20)]
    first = judged(*frames)
    assert judged(*frames).judgement is first.judgement
    moved = [make_frame(f"f{number}", lineno=number + 5) for number in range(20)]
    assert judged(*moved).judgement.encoded("app") == first.judgement.encoded("app")


def test_the_crashing_frame_is_the_last_in_app_one_else_the_last() -> None:
    assert judged(make_frame("f"), make_frame("lib", in_app=False)).crashing_frame.function == "f"
    assert judged(make_frame("f", in_app=False), make_frame("lib", in_app=False)).crashing_frame.function == "lib"


def test_no_frames_are_no_stack() -> None:
    assert judge(None, platform="python", rules=RULES) is None
    assert judge(Stacktrace([]), platform="python", rules=RULES) is None
