"""Positions of scripts by our maps, beside what the library of browsers' tools says: a sample, and a React application from Vite."""

import json
import random
import subprocess
from pathlib import Path

import pytest

from mini_sentry.symbolication.javascript import Place, symbolicate
from mini_sentry.symbolication.maps import SourceMap
from tests.clients.node import HERE, need_front_end, node
from tests.symbolication.shelf import SAMPLES, Shelf

pytestmark = [pytest.mark.slow]

COUNT = 1000

Answer = tuple[str, int, int, str] | None


def random_positions(script: str, seed: int) -> list[tuple[int, int]]:
    """Lines and columns from 0, evenly over the characters; some lie beyond the end of their line."""
    lines = script.split("\n")
    chosen = random.Random(seed).choices(range(len(lines)), weights=[len(line) + 1 for line in lines], k=COUNT)
    return [(line, random.Random(seed + number).randint(0, len(lines[line]) + 3)) for number, line in enumerate(chosen)]


def by_the_library(source_map: Path, positions: list[tuple[int, int]], scratch: Path) -> list[Answer]:
    (scratch / "positions.json").write_text(json.dumps(positions))
    done = subprocess.run(
        [node(), HERE / "positions.mjs", source_map, scratch / "positions.json"],
        capture_output=True,
        check=True,
    )
    return [tuple(answer) if answer else None for answer in json.loads(done.stdout)]


def by_us(source_map: Path, positions: list[tuple[int, int]]) -> list[Answer]:
    """Through the whole of it: lines and columns go in 1-based, and the line comes out so."""
    shelf = Shelf()
    shelf.put("app.js.map", source_map.read_bytes())
    # A frame each: the names of functions are another matter.
    frames = symbolicate([Place("app.js", line + 1, column + 1, "") for line, column in positions], find=shelf, maps=shelf.maps)  # fmt: skip
    parsed = SourceMap(source_map.read_bytes())
    names = [found.name if (found := parsed.position(*position)) else "" for position in positions]
    return [
        (frame.orig_file, (frame.orig_line or 0) - 1, frame.orig_column or 0, name) if frame.orig_file else None
        for frame, name in zip(frames, names, strict=True)
    ]


@pytest.fixture(scope="module")
def react(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with the built script and its map."""
    need_front_end()
    out = tmp_path_factory.mktemp("react")
    subprocess.run([node(), HERE / "vite.mjs", HERE / "apps" / "react", out], check=True, timeout=100)
    return out / "assets"


def test_a_thousand_positions_of_the_sample_are_the_same(tmp_path: Path):
    positions = random_positions((SAMPLES / "checkout.min.js").read_text(), seed=1)
    source_map = SAMPLES / "checkout.min.js.map"
    expected = by_the_library(source_map, positions, tmp_path)
    assert sum(answer is not None for answer in expected) > COUNT / 4
    assert by_us(source_map, positions) == expected


def test_a_thousand_positions_of_a_react_application_are_the_same(react: Path, tmp_path: Path):
    [script] = react.glob("*.js")
    source_map = script.with_name(f"{script.name}.map")
    positions = random_positions(script.read_text(), seed=2)
    expected = by_the_library(source_map, positions, tmp_path)
    assert sum(answer is not None for answer in expected) > COUNT * 0.9
    assert by_us(source_map, positions) == expected


@pytest.mark.parametrize("offset", [(0, 0), (7, 0), (3, 40)], ids=str)
def test_a_map_in_sections_is_the_same(react: Path, tmp_path: Path, offset: tuple[int, int]):
    [script] = react.glob("*.js")
    plain = json.loads(script.with_name(f"{script.name}.map").read_bytes())
    sections = [
        {"offset": {"line": 0, "column": 0}, "map": json.loads((SAMPLES / "checkout.min.js.map").read_bytes())},
        {"offset": {"line": 5 + offset[0], "column": offset[1]}, "map": plain},
    ]
    source_map = tmp_path / "sections.map"
    source_map.write_text(json.dumps({"version": 3, "file": "app.js", "sections": sections}))
    text = (SAMPLES / "checkout.min.js").read_text().rstrip("\n") + "\n" * (1 + offset[0]) + " " * offset[1]
    positions = random_positions(text + script.read_text(), seed=3)
    assert by_us(source_map, positions) == by_the_library(source_map, positions, tmp_path)


def test_the_functions_of_a_react_application_have_their_names(react: Path):
    [script] = react.glob("*.js")
    shelf = Shelf()
    shelf.put(f"assets/{script.name}.map", script.with_name(f"{script.name}.map").read_bytes())
    shelf.put(f"assets/{script.name}", script.read_bytes())
    text = script.read_text()
    place = text.index("unknown discount code")
    line, column = text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place)
    [frame] = symbolicate([Place(f"https://shop.test/assets/{script.name}", line, column, "x")], find=shelf, maps=shelf.maps)  # fmt: skip
    assert (frame.function, frame.orig_line, frame.in_app) == ("cartTotal", 4, True)
    assert frame.orig_file.endswith("apps/react/cart.js")
    assert frame.context_line == "    throw new RangeError(`unknown discount code: ${discountCode}`)"
