"""Whether the disk has room for another batch. Without it the digest pauses: what was accepted waits in the log, unharmed."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

FEWEST_BYTES: Final = 300 << 20

logger = logging.getLogger(__name__)


class NoRoom(Exception):
    """The batch must wait until there is room."""


class Room:
    """`make_room` is called once whenever room runs out; `free_bytes` tells what is left for the directory's disk."""

    def __init__(
        self,
        directory: Path,
        make_room: Callable[[], object],
        *,
        free_bytes: Callable[[Path], int] = lambda directory: shutil.disk_usage(directory).free,
    ) -> None:
        self._directory = directory
        self._make_room = make_room
        self._free_bytes = free_bytes
        self._is_asked = False

    def check(self) -> None:
        """Raises NoRoom below FEWEST_BYTES."""
        free = self._free_bytes(self._directory)
        if free >= FEWEST_BYTES:
            self._is_asked = False
            return
        if not self._is_asked:
            self._is_asked = True
            try:
                self._make_room()
            except Exception:
                logger.exception("Retention could not be asked to make room; it runs by its schedule")
        raise NoRoom(f"under {FEWEST_BYTES >> 20} MB are free for {self._directory}")
