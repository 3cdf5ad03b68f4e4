"""The load generator: compiled once, then run as a process of its own."""

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Load:
    """What one run saw. Latencies are milliseconds; `broken` counts requests whose connection was cut."""

    done: int
    bad: int
    last_bad: int
    broken: int
    seconds: float
    per_second: float
    p50: float
    p99: float
    most: float
    cpu_seconds: float


@cache
def _program() -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise SystemExit("The benchmarks need a C compiler (Debian: apt-get install gcc libc6-dev).")
    program = Path(tempfile.mkdtemp()) / "loadgen"
    subprocess.run([compiler, "-O2", "-o", program, Path(__file__).with_name("loadgen.c")], check=True)
    return program


def start(
    port: int,
    path: str,
    key: str,
    pool: Path,
    *,
    connections: int,
    count: int | None = None,
    seconds: float | None = None,
    encoding: str = "-",
    rate: float = 0,
    first: int = 0,
) -> "subprocess.Popen[str]":
    """Send `count` bodies, or for `seconds`; `rate` a second in all, 0 for as fast as answers come."""
    amount = f"n:{count}" if count is not None else f"s:{seconds}"
    arguments = [str(port), path, key, str(pool), str(connections), amount, encoding, str(rate), str(first)]
    return subprocess.Popen([str(_program()), *arguments], stdout=subprocess.PIPE, text=True)


def finish(process: "subprocess.Popen[str]") -> Load:
    output, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"the load generator ended with {process.returncode}")
    return Load(**json.loads(output))
