"""Moving what is in the write-ahead log into the file, beside the committing thread.

A passive checkpoint blocks nobody, but under a steady stream of commits it never catches up to the very end, so the
write-ahead log would grow without end. Above 64 MB a second pass leaves next to nothing to do, and the committing thread,
which would have to wait anyway, starts the write-ahead log from its beginning (`restart`).
"""

import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mini_sentry.streams.engines.sqlite.file import PAGE_BYTES, WAL_KEPT_BYTES

EVERY_SECONDS: Final = 0.2
IDLE_SECONDS: Final = 5.0
SYNC_AHEAD_BYTES: Final = 8 << 20

_descriptors: dict[tuple[int, int], int] = {}
"""By device and inode, for `_sync_ahead`. Never closed: closing any descriptor of a file drops the locks that SQLite holds on
it in this process, and another process could then take itself for the last one and delete the write-ahead log."""


class Checkpointer:
    """A thread that sleeps until something was written, and shrinks the write-ahead log when no more comes."""

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection]) -> None:
        self._path = path
        self._connect = connect
        self._written = threading.Event()
        self._stopped = threading.Event()
        self.is_restart_due = False
        self._thread = threading.Thread(target=self._run, name="log-checkpoints", daemon=True)
        self._thread.start()

    def written(self) -> None:
        if not self._written.is_set():
            self._written.set()

    def restart(self, connection: sqlite3.Connection) -> None:
        """For the committing thread, between two commits, when `is_restart_due`."""
        self.is_restart_due = False
        connection.execute("PRAGMA busy_timeout=50")
        try:
            connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        finally:
            connection.execute("PRAGMA busy_timeout=0")

    def stop(self) -> None:
        self._stopped.set()
        self._written.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._written.wait()
            if self._stopped.wait(EVERY_SECONDS):
                return
            self._written.clear()
            try:
                self._pass()
                if not self._written.wait(IDLE_SECONDS):
                    self._checkpoint("TRUNCATE")
            except (sqlite3.Error, OSError):
                # Nothing is lost: the write-ahead log holds it, and the committing thread reports what is wrong.
                continue

    def _pass(self) -> None:
        waiting_bytes = self._checkpoint("PASSIVE") * PAGE_BYTES
        if waiting_bytes > SYNC_AHEAD_BYTES:
            _sync_ahead(self._path)
        if waiting_bytes > WAL_KEPT_BYTES:
            self._checkpoint("PASSIVE")
            _sync_ahead(self._path)
            self.is_restart_due = True

    def _checkpoint(self, mode: str) -> int:
        """How many frames the write-ahead log has. The connection is opened anew, so that an idle process keeps none for this."""
        connection = self._connect()
        try:
            [(_, frames, _)] = connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        finally:
            connection.close()
        return int(frames)


def _sync_ahead(path: Path) -> None:
    """Have the disk write what passive checkpoints copied.

    SQLite syncs the file only when a checkpoint reaches the end, which under load is the restart: there it would keep
    every commit waiting for up to 64 MB.
    """
    status = path.stat()
    name = status.st_dev, status.st_ino
    if name not in _descriptors:
        _descriptors[name] = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    os.fdatasync(_descriptors[name])
