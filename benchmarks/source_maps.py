"""A large source map, events with stacks in its script, and what mapping costs in time and memory.

The map is of a made-up application of many modules, minified into one line a module, with the text of all sources in it.
`python -m benchmarks.source_maps MAP` is the process that is measured: it starts small and maps.
"""

import json
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.payloads import WORDS
from mini_sentry.symbolication.javascript import Place, symbolicate
from mini_sentry.symbolication.lookup import Found, Why
from mini_sentry.symbolication.maps import Maps

SCRIPT: Final = "https://shop.example/static/app.min.js"
STACK_FRAMES: Final = 30
_DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def _number(value: int) -> str:
    rest = (-value << 1) | 1 if value < 0 else value << 1
    text = ""
    while True:
        digit, rest = rest & 31, rest >> 5
        text += _DIGITS[digit | 32 if rest else digit]
        if not rest:
            return text


class Application:
    """`positions` are (line, column) of the script, from 1, at which a source is known."""

    def __init__(self, *, megabytes: float, seed: int = 5) -> None:
        chance = random.Random(seed)
        self.positions: list[tuple[int, int]] = []
        self._sources: list[str] = []
        self._texts: list[str] = []
        self._names: dict[str, int] = {}
        lines: list[str] = []
        last = [0, 0, 0, 0]
        wanted, made = megabytes * 1e6, 0
        while made < wanted:
            text, mapped = self._module(len(lines), chance, last)
            lines.append(mapped)
            made += len(mapped) + len(json.dumps(text)) + 40
        self._mappings = ";".join(lines)

    def _module(self, index: int, chance: random.Random, last: list[int]) -> tuple[str, str]:
        self._sources.append(f"webpack:///./src/{chance.choice(WORDS)}/{chance.choice(WORDS)}{index}.ts")
        written: list[str] = []
        segments: list[str] = []
        column, before = 0, 0
        for function in range(12):
            name = f"{chance.choice(WORDS)}{chance.choice(WORDS).title()}{function}"
            written.append(f"export function {name}({chance.choice(WORDS)}: Order, limit = {chance.randrange(99)}) {{")
            written += [
                f"  const {chance.choice(WORDS)} = this.{chance.choice(WORDS)}({chance.choice(WORDS)}, {chance.randrange(999)})"
                for _ in range(6)
            ]
            written += ["  return undefined", "}", ""]
            for line in range(len(written) - 10, len(written) - 2):
                for place in sorted(chance.sample(range(len(written[line]) or 1), min(6, len(written[line])))):
                    named = self._names.setdefault(name, len(self._names))
                    now = [index, line, place, named]
                    delta = [a - b for a, b in zip(now, last, strict=True)]
                    last[:] = now
                    segments.append("".join(map(_number, (column - before, *delta))))
                    self.positions.append((index + 1, column + 1))
                    before, column = column, column + chance.randrange(2, 9)
        text = "\n".join(written)
        self._texts.append(text)
        return text, ",".join(segments)

    def source_map(self) -> bytes:
        return json.dumps(
            {
                "version": 3,
                "file": "app.min.js",
                "sources": self._sources,
                "sourcesContent": self._texts,
                "names": list(self._names),
                "mappings": self._mappings,
            }
        ).encode()

    def stacks(self, count: int, *, seed: int = 1) -> Iterator[list[tuple[int, int]]]:
        chance = random.Random(seed)
        for _ in range(count):
            yield chance.choices(self.positions, k=STACK_FRAMES)

    def envelopes(self, count: int, *, crashes: int = 300) -> Iterator[bytes]:
        """Events of the browser's SDK; `crashes` different stacks, the first of them the most frequent."""
        chance = random.Random(2)
        stacks = [
            [
                {
                    "filename": SCRIPT,
                    "function": chance.choice("abcdefg"),
                    "in_app": True,
                    "lineno": at,
                    "colno": column,
                }
                for at, column in stack
            ]
            for stack in self.stacks(crashes, seed=3)
        ]
        for number in range(count):
            frames = stacks[min(int(chance.expovariate(0.02)), crashes - 1)]
            event_id = uuid.UUID(int=chance.getrandbits(128), version=4).hex
            exception = {"type": "TypeError", "value": f"order {number} is undefined", "stacktrace": {"frames": frames}}
            event: dict[str, Any] = {
                "event_id": event_id,
                "platform": "javascript",
                "level": "error",
                "release": "1.0.0",
                "environment": "production",
                "exception": {"values": [exception | {"mechanism": {"type": "onerror", "handled": False}}]},
                "request": {"url": "https://shop.example/pay", "headers": {"User-Agent": "Mozilla/5.0 (X11; Linux)"}},
                "sdk": {"name": "sentry.javascript.browser", "version": "11.12.0"},
            }
            yield json.dumps({"event_id": event_id}).encode() + b'\n{"type":"event"}\n' + json.dumps(event).encode()


class _OneMap:
    """Every script's map is the same."""

    def source_map(self, path: str, debug_id: str) -> Found | Why:
        return Found("map", "app.min.js.map", "", "name")

    def function_maps(self, path: str) -> list[str]:
        return []


def measured(application: Application, directory: Path) -> dict[str, float]:
    """What a process that maps this application's stacks says of itself (`main`)."""
    path = directory / "app.min.js.map"
    path.write_bytes(application.source_map())
    path.with_suffix(".positions").write_text(json.dumps(list(application.stacks(2000))))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.source_maps", str(path)], capture_output=True, check=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _megabytes(name: str) -> float:
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith(f"{name}:")).split()[1]) / 1000


def main(path: Path) -> None:
    """Print how long the map takes until the first stack is mapped, the memory it takes, and frames a second after that."""
    wanted = json.loads(path.with_suffix(".positions").read_text())
    stacks = [[Place(SCRIPT, line, column, "t") for line, column in stack] for stack in wanted]
    # What every process that maps has loaded.
    import symbolic.sourcemap  # noqa: F401

    before = _megabytes("VmRSS")
    maps = Maps(lambda checksum: path.read_bytes())
    began = time.perf_counter()
    first = symbolicate(stacks[0], find=_OneMap(), maps=maps)
    usable_ms = (time.perf_counter() - began) * 1000
    assert all(frame.orig_file for frame in first), first
    most, kept = _megabytes("VmHWM") - before, _megabytes("VmRSS") - before
    fresh = stacks[1:]
    began = time.perf_counter()
    for stack in fresh:
        symbolicate(stack, find=_OneMap(), maps=maps)
    new_frames = len(fresh) * STACK_FRAMES / (time.perf_counter() - began)
    often = stacks[:100]
    began = time.perf_counter()
    for _ in range(20):
        for stack in often:
            symbolicate(stack, find=_OneMap(), maps=maps)
    known_frames = 20 * len(often) * STACK_FRAMES / (time.perf_counter() - began)
    print(
        json.dumps(
            {
                "megabytes": path.stat().st_size / 1e6,
                "usable_ms": usable_ms,
                "most_mb": most,
                "kept_mb": kept,
                "end_mb": _megabytes("VmRSS") - before,
                "new_frames": new_frames,
                "known_frames": known_frames,
                "estimated_mb": maps.size_bytes / 1e6,
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
