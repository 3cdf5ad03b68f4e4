"""How often a process has died over the same records.

A record that kills the process (out of memory, a crash in native code) raises nothing that could be caught, so what is about to
be handled is written down first: one small write without a sync, which a killed process leaves behind and a power cut, which
is nobody's fault, may lose.
"""

import contextlib
import struct
from pathlib import Path
from typing import Final, NamedTuple

TOLERATED: Final = 2
"""Deaths at one start before the records go one by one, and of one record before it is given up."""

_STATE: Final = struct.Struct("<qqq?")


class Attempt(NamedTuple):
    """Records from offset `start` to before `end`, tried `tries` times; one at a time if `is_alone`."""

    start: int
    end: int
    tries: int
    is_alone: bool


class Attempts:
    """The last attempt of one consumer, in a file of its own; without a path it is forgotten with the process."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._last = Attempt(0, 0, 0, False)
        state = path.read_bytes() if path is not None and path.exists() else b""
        if len(state) == _STATE.size:
            self._last = Attempt(*_STATE.unpack(state))

    def begin(self, start: int, end: int, *, is_alone: bool = False) -> None:
        """Say what is about to be handled. Raises OSError when that cannot be written down, and then it was not said."""
        last = self._last
        is_again = (last.start, last.is_alone) == (start, is_alone)
        attempt = Attempt(start, end, last.tries + 1 if is_again else 1, is_alone)
        self._write(attempt)
        self._last = attempt

    def survived(self) -> None:
        """Handling failed, but the process did not die of it."""
        self._last = self._last._replace(tries=0)
        # Left as it is, the file is wrong about a process that lives: only should it die now, by one death.
        with contextlib.suppress(OSError):
            self._write(self._last)

    def alone_until(self, position: int) -> int:
        """The offset before which records are to be handled one by one; 0 when the last attempt ended well."""
        last = self._last
        if last.start <= position < last.end and (last.is_alone or last.tries >= TOLERATED):
            return last.end
        return 0

    def is_deadly(self, offset: int) -> bool:
        """Whether the record, alone, has killed the process too often."""
        last = self._last
        return last.is_alone and last.start == offset and last.tries >= TOLERATED

    def _write(self, attempt: Attempt) -> None:
        if self._path is not None:
            self._path.write_bytes(_STATE.pack(*attempt))
