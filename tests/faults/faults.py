"""Faults of the machine, felt by the processes that are told of them: the clock is set, the disk has no room (`faults.c`)."""

import mmap
import os
import shutil
import struct
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

SOURCE: Final = Path(__file__).with_suffix(".c")
_MISSING: Final = "There is no C compiler. Install one (Debian: sudo apt-get install gcc libc6-dev) to run this test."
_CLOCK: Final = struct.Struct("=q")
_ROOM: Final = struct.Struct("=q")


def build(directory: Path) -> Path:
    """The library that processes are started with. Without a compiler the test is skipped; under CI it fails."""
    compiler = shutil.which("cc")
    if compiler is None:
        if os.environ.get("CI"):
            pytest.fail(_MISSING)
        pytest.skip(_MISSING)
    library = directory / "faults.so"
    command = [
        compiler,
        "-O1",
        "-Wall",
        "-Werror",
        "-shared",
        "-fPIC",
        "-o",
        str(library),
        str(SOURCE),
        "-ldl",
        "-lpthread",
    ]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return library


class Faults:
    """Of all processes that are started with `variables`, and of their children."""

    def __init__(self, library: Path, name: str) -> None:
        path = library.with_name(f"{name}.faults")
        path.write_bytes(bytes(_CLOCK.size + _ROOM.size))
        with path.open("r+b") as file:
            self._state = mmap.mmap(file.fileno(), 0)
        self.variables: Final = {"LD_PRELOAD": str(library), "FAULTS_FILE": str(path)}

    def set_clock(self, *, ahead: timedelta) -> None:
        """How far the clock is ahead of the true time; behind it when negative."""
        _CLOCK.pack_into(self._state, 0, round(ahead.total_seconds() * 1e9))

    def fill_disk(self) -> None:
        """From now on no file takes a byte."""
        _ROOM.pack_into(self._state, _CLOCK.size, 1)

    def free_disk(self) -> None:
        _ROOM.pack_into(self._state, _CLOCK.size, 0)
