import threading

import pytest

from mini_sentry.symbolication.maps import Maps, NotUsable
from tests.symbolication.shelf import SAMPLES

MAP = (SAMPLES / "checkout.min.js.map").read_bytes()


class Contents:
    """What is loaded, in order."""

    def __init__(self, **contents: bytes) -> None:
        self.contents = contents
        self.loaded: list[str] = []

    def __call__(self, checksum: str) -> bytes:
        self.loaded.append(checksum)
        return self.contents[checksum]


def test_a_map_is_parsed_once():
    contents = Contents(a=MAP)
    maps = Maps(contents)
    assert maps.source_map("a") is maps.source_map("a")
    assert contents.loaded == ["a"]


def test_threads_that_want_the_same_map_parse_it_once():
    contents = Contents(a=MAP)
    maps = Maps(contents)
    threads = [threading.Thread(target=maps.source_map, args=("a",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert contents.loaded == ["a"]


def test_the_map_used_longest_ago_goes_when_there_are_too_many_bytes():
    contents = Contents(a=MAP, b=MAP, c=MAP)
    one = Maps(contents).source_map("a").size_bytes
    maps = Maps(contents, max_bytes=2 * one)
    for checksum in ("a", "b", "a", "c", "a"):
        maps.source_map(checksum)
    assert maps.size_bytes == 2 * one
    assert contents.loaded[1:] == ["a", "b", "c"]


def test_a_map_larger_than_the_cache_is_kept_while_it_is_used():
    contents = Contents(a=MAP, b=MAP)
    maps = Maps(contents, max_bytes=10)
    for checksum in ("a", "a", "b", "b"):
        maps.source_map(checksum)
    assert contents.loaded == ["a", "b"]


def test_what_cannot_be_parsed_is_not_tried_again():
    contents = Contents(a=b"nonsense")
    maps = Maps(contents)
    for _ in range(2):
        with pytest.raises(NotUsable, match="cannot be read"):
            maps.source_map("a")
    assert contents.loaded == ["a"]


def test_a_content_that_is_gone_says_so():
    def gone(checksum: str) -> bytes:
        raise FileNotFoundError(checksum)

    with pytest.raises(NotUsable, match="not there any more"):
        Maps(gone).source_map("a")
