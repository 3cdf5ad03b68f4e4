import pytest
from hypothesis import given
from hypothesis import strategies as st

from mini_sentry.symbolication.stacktext import parse


def calls(text):
    return [(frame.function, frame.filename, frame.lineno, frame.colno) for frame in parse(text)]


def test_chrome_and_node_stacks_are_read_caller_first():
    text = """TypeError: Cannot read properties of undefined (reading 'map')
    at renderCart (http://shop.test/assets/app.min.js:24:31744)
    at Object.<anonymous> (/srv/shop/index.js:10:5)
    at async Promise.all (index 0)
    at async CheckoutService.pay [as run] (file:///srv/shop/pay.mjs:7:3)
    at new Cart (webpack://shop/./src/cart.ts:12:1)
    at http://shop.test/assets/app.min.js:1:200
    at /srv/shop/node_modules/express/lib/router/layer.js:95:5
    at Array.map (<anonymous>)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)"""
    assert calls(text) == [
        ("process.processTicksAndRejections", "node:internal/process/task_queues", 95, 5),
        ("Array.map", "<anonymous>", None, None),
        ("<anon>", "/srv/shop/node_modules/express/lib/router/layer.js", 95, 5),
        ("<anon>", "http://shop.test/assets/app.min.js", 1, 200),
        ("new Cart", "webpack://shop/./src/cart.ts", 12, 1),
        ("CheckoutService.pay", "file:///srv/shop/pay.mjs", 7, 3),
        ("Promise.all", "index 0", None, None),
        ("Object.<anonymous>", "/srv/shop/index.js", 10, 5),
        ("renderCart", "http://shop.test/assets/app.min.js", 24, 31744),
    ]


def test_paths_with_spaces_and_brackets_are_read_whole():
    assert calls("    at run (C:\\Program Files (x86)\\shop\\app.js:3:9)\n    at /srv/my app/[id]/page.js:1:2") == [
        ("<anon>", "/srv/my app/[id]/page.js", 1, 2),
        ("run", "C:\\Program Files (x86)\\shop\\app.js", 3, 9),
    ]


def test_an_evaluated_function_is_placed_where_eval_was_called():
    text = "    at eval (eval at build (http://shop.test/tpl.js:3:14), <anonymous>:1:5)"
    assert calls(text) == [("eval", "http://shop.test/tpl.js", 3, 14)]


def test_firefox_stacks_are_read():
    text = """renderCart@http://shop.test/assets/app.min.js:24:31744
Foo.prototype.bar/<@http://shop.test/a.js:3:4
async*load@http://shop.test/a.js:9:1
@http://shop.test/a.js:12:2
run@http://shop.test/tpl.js line 3 > eval:1:5
old@http://shop.test/old.js:7
"""
    assert calls(text) == [
        ("old", "http://shop.test/old.js", 7, None),
        ("run", "http://shop.test/tpl.js", 3, None),
        ("<anon>", "http://shop.test/a.js", 12, 2),
        ("load", "http://shop.test/a.js", 9, 1),
        ("Foo.prototype.bar", "http://shop.test/a.js", 3, 4),
        ("renderCart", "http://shop.test/assets/app.min.js", 24, 31744),
    ]


def test_safari_stacks_are_read():
    text = "renderCart@https://shop.test/app.js:2:3\nmap@[native code]\nglobal code@https://shop.test/app.js:9:9\nhttps://shop.test/app.js:5:6"
    assert calls(text) == [
        ("<anon>", "https://shop.test/app.js", 5, 6),
        ("global code", "https://shop.test/app.js", 9, 9),
        ("map", "[native code]", None, None),
        ("renderCart", "https://shop.test/app.js", 2, 3),
    ]


def test_bare_places_are_frames_without_a_name():
    assert calls("app.min.js:1:15\n(src/b.js:2:3)") == [("<anon>", "src/b.js", 2, 3), ("<anon>", "app.min.js", 1, 15)]


def test_python_tracebacks_are_read_in_their_own_order_with_the_source_line():
    text = """Traceback (most recent call last):
  File "/srv/shop/app.py", line 12, in <module>
    main()
    ~~~~^^
  File "/srv/shop/cart.py", line 3, in main
    return items["x"]
           ~~~~~^^^^^
KeyError: 'x'
"""
    first, last = parse(text)
    assert (first.function, first.filename, first.lineno, first.context_line) == (
        "<module>",
        "/srv/shop/app.py",
        12,
        "main()",
    )
    assert (last.function, last.lineno, last.context_line) == ("main", 3, 'return items["x"]')


def test_of_chained_python_tracebacks_the_last_one_counts():
    text = """Traceback (most recent call last):
  File "a.py", line 1, in a
ValueError: x

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "b.py", line 2, in b
KeyError: 'y'
"""
    assert [frame.function for frame in parse(text)] == ["b"]


def test_of_a_javascript_error_with_causes_the_first_stack_counts():
    text = "Error: a\n    at outer (a.js:1:1)\nCaused by: Error: b\n    at inner (b.js:2:2)"
    assert [frame.function for frame in parse(text)] == ["outer"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "it broke",
        "Error: nothing here",
        "meet me at noon",
        "user@example.com wrote",
        "ratio 3:4:5 of parts",
        "at least (two) things",
        "12:30:45",
        "\n\n\n",
    ],
)
def test_prose_is_no_stack(text):
    assert parse(text) == []


def test_a_very_deep_stack_keeps_its_ends():
    frames = parse("\n".join(f"    at f{n} (a.js:{n + 1}:1)" for n in range(1000)))
    assert len(frames) == 250
    assert (frames[0].function, frames[-1].function) == ("f999", "f0")


@given(st.text(alphabet='at@():/.<>123 \nfileFile",line\\in*>', max_size=300))
def test_any_text_gives_frames_that_can_be_shown(text):
    for frame in parse(text):
        assert frame.function
        assert frame.filename


@pytest.mark.parametrize(
    "line", ["at " + "(" * 2000, "@" * 2000, "a:1:" * 500, "at " + "x (" * 600, "(" + " " * 1990 + ":1:1"]
)
def test_hostile_lines_cost_no_time(line):
    parse((line + "\n") * 100)
