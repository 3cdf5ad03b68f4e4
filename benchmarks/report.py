"""What a run found: rows of one table, each with its goal."""

import os
import platform
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Report:
    """Rows of (what, value, goal); printed as they come and as a Markdown table at the end."""

    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, what: str, value: str, goal: str = "") -> None:
        self.rows.append((what, value, goal))
        print(f"{what}: {value}" + (f"   (goal: {goal})" if goal else ""), flush=True)

    def markdown(self) -> str:
        lines = ["| what | measured | goal |", "| --- | --- | --- |"]
        lines += [f"| {what} | {value} | {goal} |" for what, value, goal in self.rows]
        return "\n".join(lines)


def machine() -> str:
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, Python {platform.python_version()}, fdatasync {fdatasync_ms():.2f} ms"


def fdatasync_ms(rounds: int = 200) -> float:
    """What the disk under the temporary directory takes to make 4 kB durable."""
    with tempfile.NamedTemporaryFile() as probe:
        started = time.perf_counter()
        for number in range(rounds):
            os.pwrite(probe.fileno(), b"x" * 4096, number * 4096)
            os.fdatasync(probe.fileno())
        return (time.perf_counter() - started) / rounds * 1000


def directory_bytes(directory: Path, *, without: tuple[str, ...] = ()) -> int:
    """Bytes on disk below a directory, files whose name starts with one of `without` left out."""
    return sum(
        path.stat().st_blocks * 512
        for path in directory.rglob("*")
        if path.is_file() and not path.name.startswith(without)
    )
