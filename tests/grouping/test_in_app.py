import time

import pytest

from mini_sentry.grouping.configs import config
from mini_sentry.grouping.group import group, mark_in_app
from mini_sentry.protocol.event import Frame
from tests.grouping.factory import make_error, make_event, make_frame


def marks(frames: list[Frame], *, platform: str = "python", rules: str = "") -> list[bool]:
    return [mark for mark, _ in mark_in_app(frames, platform=platform, config=config(stack_rules=rules))]


def app_functions(rules: str, frames: list[Frame], *, platform: str = "python", type_: str = "E") -> set[str]:
    event = make_event(platform=platform, exceptions=[make_error(type_, "v", frames)])
    return {found.hash for found in group(event, config=config(stack_rules=rules)).hashes}


@pytest.mark.parametrize(
    ("platform", "fields"),
    [
        ("python", {"abs_path": "/srv/venv/lib/python3.12/site-packages/django/x.py"}),
        ("python", {"abs_path": "/usr/lib/python3/dist-packages/x.py"}),
        ("python", {"abs_path": "/home/a/.pyenv/lib/python3.11/asyncio/x.py"}),
        ("python", {"filename": "<frozen importlib._bootstrap_external>"}),
        ("node", {"filename": "/srv/app/node_modules/express/index.js"}),
        ("node", {"filename": "node:internal/timers"}),
        ("node", {"filename": "internal/process/task_queues.js"}),
        ("javascript", {"filename": "https://unpkg.com/react/index.js"}),
        ("javascript", {"filename": "https://cdn.jsdelivr.net/npm/vue"}),
        ("javascript", {"filename": "webpack:///webpack/bootstrap"}),
        ("javascript", {"filename": "chrome-extension://abc/inject.js"}),
        ("javascript", {"filename": "webpack:///./node_modules/react-dom/index.js"}),
        ("go", {"abs_path": "/home/grace/go/pkg/mod/github.com/gin-gonic/gin@v1/context.go"}),
        ("go", {"abs_path": "/usr/local/go/src/net/http/server.go"}),
        ("native", {"abs_path": "/rustc/abc/library/core/src/option.rs", "function": "unwrap"}),
        ("java", {"module": "org.springframework.web.Servlet"}),
        ("java", {"module": "java.util.ArrayList"}),
        ("php", {"filename": "/srv/app/vendor/laravel/x.php"}),
        ("ruby", {"abs_path": "/usr/local/bundle/gems/rails/x.rb"}),
        ("csharp", {"module": "System.Linq.Enumerable"}),
        ("dart", {"abs_path": "package:flutter/src/widgets/x.dart"}),
        ("cocoa", {"package": "/usr/lib/system/libdispatch.dylib"}),
        ("native", {"package": "C:\\Windows\\System32\\ntdll.dll"}),
    ],
)
def test_what_came_with_the_platform_is_not_in_app_whatever_the_sdk_says(platform: str, fields: dict[str, str]) -> None:
    assert marks([Frame(**{"function": "f", "in_app": True, **fields})], platform=platform) == [False]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("platform", "path"),
    [
        ("python", "/srv/app/shop/views.py"),
        ("node", "/srv/app/src/internal/cart.js"),
        ("javascript", "https://shop.example.com/assets/app.js"),
        ("go", "/src/shop/cart.go"),
        ("ruby", "/srv/app/models/cart.rb"),
    ],
)
def test_the_users_own_code_is_in_app(platform: str, path: str) -> None:
    assert marks([Frame(filename=path, abs_path=path, function="f", in_app=True)], platform=platform) == [True]


def test_a_frame_of_which_nobody_says_anything_is_not_in_app() -> None:
    [(mark, reason)] = mark_in_app([Frame(filename="a.py", function="f")], platform="python", config=config())
    assert not mark
    assert reason == "nothing marks it in app"


def test_the_reason_names_the_rule() -> None:
    frame = Frame(abs_path="/a/site-packages/x.py", in_app=True)
    [(_, reason)] = mark_in_app([frame], platform="python", config=config())
    assert reason == "built-in rule: family:python path:site-packages/** -app"


def test_a_rule_of_the_project_comes_after_the_built_in_ones() -> None:
    frame = Frame(abs_path="/a/site-packages/shop_core/x.py", in_app=False)
    assert marks([frame], rules="path:site-packages/shop_core/** +app") == [True]


def test_the_later_rule_wins() -> None:
    assert marks([make_frame("f")], rules="function:f -app\nfunction:* +app") == [True]
    assert marks([make_frame("f")], rules="function:* +app\nfunction:f -app") == [False]


def test_all_matchers_of_a_line_must_hold_on_the_same_frame() -> None:
    frames = [make_frame("f", module="a"), make_frame("g", module="b")]
    assert marks(frames, rules="function:f module:b -app") == [True, True]
    assert marks(frames, rules="function:f module:a -app") == [False, True]
    assert marks(frames, rules="module:* !function:f -app") == [True, False]


def test_a_family_may_be_a_relative_or_the_platform() -> None:
    frame = make_frame("f", filename="a.js")
    assert marks([frame], platform="node", rules="family:javascript -app") == [False]
    assert marks([frame], platform="node", rules="family:native,node -app") == [False]
    assert marks([frame], platform="node", rules="family:python -app") == [True]
    assert marks([frame], platform="node", rules="!family:python -app") == [False]


def test_carets_reach_towards_the_crash_and_v_away_from_it() -> None:
    frames = [make_frame(name) for name in "abcd"]
    assert marks(frames, rules="function:b ^-app") == [True, False, False, False]
    assert marks(frames, rules="function:b v-app") == [False, False, True, True]
    assert marks(frames, rules="function:b -app") == [True, False, True, True]


def test_a_frame_can_be_told_by_who_called_it_or_whom_it_calls() -> None:
    frames = [make_frame(name) for name in "abab"] + [make_frame("c"), make_frame("b")]
    assert marks(frames, rules="[ function:c ] | function:b -app") == [True, True, True, True, True, False]
    assert marks(frames, rules="function:b | [ function:c ] -app") == [True, True, True, False, True, True]


def test_a_rule_can_ask_what_earlier_rules_said() -> None:
    frames = [make_frame("f"), make_frame("g", in_app=False)]
    assert marks(frames, rules="app:no +app") == [True, True]
    assert marks(frames, rules="app:yes -app") == [False, False]
    assert marks(frames, rules="function:g category=glue\ncategory:glue +app\n!category:glue -app") == [False, True]


def test_frames_can_be_kept_out_of_grouping() -> None:
    with_wrapper = [make_frame("f"), make_frame("retry"), make_frame("g")]
    assert app_functions("function:retry -group", with_wrapper) == app_functions("", [make_frame("f"), make_frame("g")])


def test_a_panic_is_grouped_by_who_panicked() -> None:
    def panic(*inside: str) -> set[str]:
        frames = [
            Frame(function=name, filename="main.rs", in_app=True)
            for name in ("main", "shop::checkout", "core::panicking::panic_fmt", *inside)
        ]
        return app_functions("", frames, platform="native")

    assert panic("rust_begin_unwind", "sentry_hook") == panic("std::panicking::begin_panic_handler", "other")


def test_a_go_panic_is_grouped_by_who_panicked() -> None:
    frames = [make_frame("main", module="main"), make_frame("gopanic", module="runtime"), make_frame("func1")]
    assert marks(frames, platform="go") == [True, False, False]


def test_only_the_frames_nearest_to_the_crash_may_count() -> None:
    one = [make_frame(name) for name in "abcd"]
    other = [make_frame(name) for name in "xycd"]
    assert app_functions("error.type:E max-frames=2", one) == app_functions("error.type:E max-frames=2", other)
    assert app_functions("error.type:E max-frames=3", one) != app_functions("error.type:E max-frames=3", other)


def test_a_rule_about_errors_leaves_equal_stacks_of_other_errors_alone() -> None:
    rules = "error.type:Timeout max-frames=1"
    one, other = [make_frame(name) for name in "ab"], [make_frame(name) for name in "xb"]
    assert app_functions(rules, one, type_="Timeout") == app_functions(rules, other, type_="Timeout")
    assert app_functions(rules, one, type_="Other") != app_functions(rules, other, type_="Other")
    assert app_functions(rules, one, type_="Timeout") == app_functions(rules, other, type_="Timeout")


def test_a_stack_with_fewer_frames_than_asked_for_does_not_count() -> None:
    one, other = [make_frame("a")], [make_frame("b")]
    assert app_functions("error.type:E min-frames=2", one) == app_functions("error.type:E min-frames=2", other)


def test_the_wrappers_of_the_sdk_are_not_grouped() -> None:
    frames = [make_frame("sentryWrapped", filename="a.js"), make_frame("checkout", filename="a.js", module=None)]
    assert app_functions("", frames, platform="node") == app_functions("", frames[1:], platform="node")


def test_a_hostile_glob_takes_no_longer_than_others() -> None:
    rules = f"function:{'*a' * 400}*b -app"
    frame = make_frame("a" * 900)
    marks([frame], rules=rules)
    start = time.perf_counter()
    marks([make_frame("a" * 901)], rules=rules)
    assert time.perf_counter() - start < 0.5
