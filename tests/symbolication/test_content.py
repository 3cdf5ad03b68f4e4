import json

import pytest

from mini_sentry.symbolication.content import recognise
from mini_sentry.symbolication.maps import NotUsable
from tests.symbolication.shelf import SAMPLES

DEBUG_ID = "2d78a1b1-576f-5ce7-bdef-105bf16a7100"
MAP = (SAMPLES / "checkout.min.js.map").read_bytes()


def test_a_source_map_tells_its_file_and_debug_id():
    named = json.dumps(json.loads(MAP) | {"file": "checkout.min.js"}).encode()
    known = recognise(named, name="checkout.min.js.map")
    assert (known.kind, known.file_name, known.debug_id) == ("source_map", "checkout.min.js", DEBUG_ID)


@pytest.mark.parametrize("prefix", [b"\xef\xbb\xbf", b")]}'\n", b" \n"])
def test_what_may_stand_before_a_map_is_passed_over(prefix: bytes):
    assert recognise(prefix + MAP, name="a.map").kind == "source_map"


def test_a_script_tells_its_map_and_debug_id():
    known = recognise((SAMPLES / "checkout.min.js").read_bytes(), name="checkout.min.js")
    assert (known.kind, known.refers_to, known.debug_id) == ("minified", "checkout.min.js.map", DEBUG_ID)


def test_a_function_map_is_known_by_its_key():
    assert recognise(b'{"function_map": {"a": "b"}}', name="app.js").kind == "function_map"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "does not start with an object"),
        (b"<!doctype html>", "does not start with an object"),
        (b"[]", "does not start with an object"),
        (b'{"version": 3', "not JSON"),
        (b"{}", "neither mappings nor sections"),
        (b'{"version": 2, "mappings": "AAAA", "sources": ["a"]}', "version 3"),
        (b'{"version": 3, "mappings": "!!", "sources": ["a"], "names": []}', "cannot be read"),
        (b'{"version": 3, "mappings": 7, "sources": ["a"], "names": []}', "cannot be read"),
        (b'{"version": 3, "mappings": "AAAA", "sources": [], "names": []}', "cannot be read"),
        (b'{"version": 3, "sections": 5}', "cannot be read"),
        (b'{"version": 3, "sections": [{"offset": {"line": 0, "column": 0}, "url": "http://x/"}]}', "cannot be read"),
        (b'{"function_map": ["a"]}', "object of texts"),
        (b'{"function_map": {"a": 1}}', "object of texts"),
        (b"{" * 100_000, "not JSON"),
        (b'{"version": 3, "mappings": "\xff"}', "cannot be read"),
    ],
)
def test_what_is_no_map_is_refused_with_the_reason(content: bytes, reason: str):
    with pytest.raises(NotUsable, match=reason):
        recognise(content, name="app.js.map")
