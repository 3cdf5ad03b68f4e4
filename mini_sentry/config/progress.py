"""How far a long command is, for the person at the terminal: one line that changes, or in a log a line a step."""

import sys
import time
from types import TracebackType
from typing import TextIO

EVERY_SECONDS = 0.2


class Progress:
    """Shows steps that count up. On a terminal each step's line is written over; elsewhere it is written once, at its end."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._is_terminal = self._stream.isatty()
        self._shown_at = float("-inf")
        self._width = 0

    def step(self, name: str, total: int | None = None, *, unit: str = "") -> "Step":
        """`total` is what `Step.at` will reach, None when nobody knows."""
        return Step(self, name, total, unit)

    def say(self, text: str, *, is_last: bool) -> None:
        if not self._is_terminal:
            if is_last:
                print(text, file=self._stream, flush=True)
            return
        now = time.monotonic()
        if not is_last and now - self._shown_at < EVERY_SECONDS:
            return
        self._shown_at = now
        print(f"\r{text.ljust(self._width)}", end="\n" if is_last else "", file=self._stream, flush=True)
        self._width = 0 if is_last else len(text)


class Step:
    """One step; a context that says at its end how much was done, unless it failed."""

    def __init__(self, progress: Progress, name: str, total: int | None, unit: str) -> None:
        self._progress = progress
        self._name = name
        self._total = total
        self._unit = f" {unit}" if unit else ""
        self._done = 0

    def at(self, done: int) -> None:
        self._done = done
        total = f" of {self._total:,}" if self._total is not None else ""
        self._progress.say(f"{self._name}: {done:,}{total}{self._unit}", is_last=False)

    def passed(self, document: bytes) -> bytes:
        """Count one more; what it was given."""
        self.at(self._done + 1)
        return document

    def __enter__(self) -> "Step":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._progress.say(f"{self._name}: {self._done:,}{self._unit}", is_last=True)
