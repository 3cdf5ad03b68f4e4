import json

import pytest

from mini_sentry.symbolication.javascript import LINE_CHARS, Place, around, symbolicate
from mini_sentry.symbolication.lookup import Code
from tests.symbolication.shelf import SAMPLES, Shelf

SCRIPT = "http://127.0.0.1:9701/sm/dist/checkout.min.js"
EXPECTED = json.loads((SAMPLES / "expected.json").read_text())
STACK = [
    Place(SCRIPT, frame["minified"]["lineno"], frame["minified"]["colno"], frame["minified"]["function"])
    for frame in EXPECTED
]
MAP = (SAMPLES / "checkout.min.js.map").read_bytes()
BUNDLE = (SAMPLES / "checkout.min.js").read_bytes()


@pytest.fixture
def shelf() -> Shelf:
    shelf = Shelf()
    shelf.put("~/sm/dist/checkout.min.js.map", MAP)
    return shelf


def read(shelf: Shelf, *places: Place):
    return symbolicate(places or STACK, find=shelf, maps=shelf.maps)


def test_the_sample_maps_to_the_positions_its_sources_have(shelf: Shelf):
    for frame, expected in zip(read(shelf), EXPECTED, strict=True):
        original = expected["original"]
        # Columns come out 0-based.
        assert (frame.orig_file, frame.orig_line, frame.orig_column + 1) == (
            original["filename"],
            original["lineno"],
            original["colno"],
        )


def test_a_frame_shows_the_lines_around_it(shelf: Shelf):
    thrown = read(shelf)[-1]
    before, after = around(shelf.maps, checksum=thrown.checksum, source_id=thrown.source_id, line=thrown.orig_line)
    assert thrown.context_line == '    throw new RangeError("unknown discount code: " + discountCode);'
    assert before[-1] == '  if (discountCode === "BROKEN") {'
    assert after == ["  }", "  return subtotal;", "}", ""]


def test_without_the_map_there_are_no_lines_around(shelf: Shelf):
    assert around(shelf.maps, checksum="", source_id=0, line=1) == ([], [])
    [checksum] = shelf.contents
    assert around(shelf.maps, checksum=checksum, source_id=0, line=99) == ([], [])


def test_a_function_takes_the_name_that_its_caller_calls_and_its_source_declares(shelf: Shelf):
    outer, method, thrown = read(shelf)
    assert (thrown.function, thrown.raw_function) == ("cartTotal", "o")
    assert (method.function, method.raw_function) == ("submitOrder", "e.submitOrder")
    assert (outer.function, outer.raw_function) == ("s", "")


def test_with_the_minified_file_every_function_has_its_name(shelf: Shelf):
    shelf.put("~/sm/dist/checkout.min.js", BUNDLE)
    assert [frame.function for frame in read(shelf)] == [
        "onCheckoutClicked",
        "CheckoutController.submitOrder",
        "cartTotal",
    ]


def test_the_name_a_source_does_not_declare_is_not_taken(shelf: Shelf):
    renamed = json.loads(MAP)
    renamed["sourcesContent"][0] = renamed["sourcesContent"][0].replace("cartTotal", "somethingElse")
    other = Shelf()
    other.put("checkout.min.js.map", json.dumps(renamed).encode())
    assert read(other)[-1].function == "o"


def test_a_function_map_names_functions_without_a_source_map():
    shelf = Shelf()
    shelf.put("app.js.map", b'{"function_map": {"t": "checkout", "u": "pay"}}')
    first, second, third = read(
        shelf, Place("http://h/app.js", 10, 120, "t"), Place("app.js", 1, 1, "Object.u"), Place("app.js", 1, 1, "v")
    )
    assert (first.function, second.function, third.function) == ("checkout", "pay", "v")
    assert first.orig_file == ""


def test_what_lies_outside_the_map_says_so(shelf: Shelf):
    above, beyond = read(shelf, Place(SCRIPT, 1, 5, "a"), Place(SCRIPT, 900, 1, "b"))
    assert above.why.code is beyond.why.code is Code.OUTSIDE
    assert "line 900, column 1" in beyond.why.text


def test_a_frame_without_a_column_is_not_guessed_at(shelf: Shelf):
    [frame] = read(shelf, Place(SCRIPT, 3, None, "a"))
    assert frame.why.code is Code.NO_POSITION


def test_frames_of_the_engine_are_passed_over(shelf: Shelf):
    frames = read(shelf, Place("<anonymous>", 1, 1, "a"), Place("[native code]", None, None, "map"))
    assert [frame.why.code for frame in frames] == [Code.NOT_A_SCRIPT] * 2


def test_a_map_that_cannot_be_read_any_more_says_so(shelf: Shelf):
    for checksum in shelf.contents:
        shelf.contents[checksum] = b'{"version":3,"sources":["a"],"names":[],"mappings":"!"}'
    frame = read(shelf)[0]
    assert frame.why.code is Code.UNREADABLE
    assert frame.orig_file == ""


def test_code_of_a_package_and_of_an_ignored_source_is_not_in_app():
    map_of = {"version": 3, "names": [], "mappings": "AAAA,UCAA,UCAA", "sources": []}
    shelf = Shelf()
    sources = ["../node_modules/react/index.js", "webpack:///./src/app.ts", "../src/generated.ts"]
    shelf.put("app.js.map", json.dumps(map_of | {"sources": sources, "ignoreList": [2]}).encode())
    frames = read(shelf, *(Place("app.js", 1, column, "") for column in (1, 11, 21)))
    assert [frame.in_app for frame in frames] == [False, True, False]
    assert [frame.module for frame in frames] == ["node_modules/react/index", "src/app", "src/generated"]


def test_a_line_of_a_thousand_characters_is_cut_to_what_is_around_the_column():
    text = "a" * 600 + "HERE" + "b" * 600
    shelf = Shelf()
    # Column 602 of the source is at column 0 of the script.
    content = {"version": 3, "names": [], "mappings": "AAA0lB", "sources": ["x.js"], "sourcesContent": [text]}
    shelf.put("app.js.map", json.dumps(content).encode())
    [frame] = read(shelf, Place("app.js", 1, 1, ""))
    assert frame.orig_column == 602
    assert "HERE" in frame.context_line
    assert len(frame.context_line) == LINE_CHARS + 2


@pytest.mark.parametrize(
    "build",
    [
        lambda plain: {"version": 3, "sections": [{"offset": {"line": 0, "column": 0}, "map": plain}]},
        lambda plain: plain | {"sourcesContent": None},
        lambda plain: {key: value for key, value in plain.items() if key != "sourcesContent"},
        lambda plain: plain | {"sourceRoot": ""},
        lambda plain: plain | {"sources": [name.removeprefix("../") for name in plain["sources"]], "sourceRoot": ".."},
    ],
    ids=["in sections", "null content", "without content", "empty root", "with a root"],
)
def test_every_form_of_a_map_gives_the_same_positions(build):
    shelf = Shelf()
    shelf.put("checkout.min.js.map", json.dumps(build(json.loads(MAP))).encode())
    assert [(f.orig_file, f.orig_line) for f in read(shelf)] == [
        (one["original"]["filename"], one["original"]["lineno"]) for one in EXPECTED
    ]


def test_a_section_counts_from_its_offset():
    sections = {"version": 3, "sections": [{"offset": {"line": 10, "column": 5}, "map": json.loads(MAP)}]}
    shelf = Shelf()
    shelf.put("app.js.map", json.dumps(sections).encode())
    [frame] = read(shelf, Place("app.js", 13, 274, "s"))
    assert (frame.orig_file, frame.orig_line) == ("../src/checkout.ts", 14)
