"""A whole installation in a directory of its own: started by its command, spoken to over loopback, stopped again.

Tests and benchmarks both use it, so that what is measured is what is tested.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.engines import is_whole

TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A loopback port that was free a moment ago, below the range that outgoing connections use."""
    for _ in range(200):
        port = 20000 + int.from_bytes(os.urandom(2)) % 12000
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port found")


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Memory:
    """Megabytes of a process tree: resident, and resident with shared pages divided among their owners."""

    rss: float
    pss: float


class Installation:
    """`mini-sentry <arguments>` on `data_dir` and a port. `variables` are added to the environment.

    It stands on the embedded engines, or on all four others when TEST_ENGINES names them (`tests.engines`).
    """

    def __init__(self, data_dir: Path, *, port: int | None = None, variables: dict[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self.port = port or free_port()
        self.variables = {"RATE_LIMIT_EVENTS_PER_MINUTE": "0", **_engines(), **(variables or {})}
        self.log_path = data_dir.parent / f"{data_dir.name}.log"
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "MINI_SENTRY_DATA": str(self.data_dir), **self.variables}

    def start(self, *arguments: str) -> "Installation":
        """Start `run` (or the given role) and wait until it answers. A role alone gets its tables made first."""
        if arguments and not (self.data_dir / "main.db").exists():
            self.data_dir.mkdir(parents=True, exist_ok=True)
            self.manage("migrate", "--verbosity", "0")
        joins = self.joins()
        started = self.spawn(*(arguments or ("run", "--port", str(self.port))))
        if not arguments or arguments[0] in {"run", "web"}:
            self.wait_until(lambda: self._is_up(started), "the server answers", seconds=60)
        if not arguments or arguments[0] in {"run", "engine", "digest"}:
            self.wait_for_a_digest(joins)
        return self

    def joins(self) -> int:
        """How often a digest has taken partitions of a log in Kafka."""
        return self.output().count("digest of ingest takes partitions")

    def wait_for_a_digest(self, joins: int) -> None:
        """In a run on other engines, until one has taken partitions once more than `joins` times: to join takes seconds, and the
        tests expect a digest that reads what comes."""
        if is_whole():
            self.wait_until(lambda: self.joins() > joins, "a digest has joined", seconds=60)

    def spawn(self, *arguments: str, variables: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a command without waiting for it; `variables` are for this process alone."""
        with self.log_path.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "mini_sentry.config.cli", *arguments],
                env=self.environment | (variables or {}),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def answers(self) -> bool:
        """Whether somebody listens and says that all is well."""
        try:
            return self.get("/api/health/").status == 200
        except OSError:
            return False

    def runs(self, role: str) -> bool:
        try:
            self.role(role)
        except LookupError:
            return False
        return True

    def _is_up(self, process: subprocess.Popen[bytes]) -> bool:
        if process.poll() is not None:
            raise AssertionError(f"the server ended with {process.returncode}:\n{self.output()[-4000:]}")
        return self.answers()

    def output(self) -> str:
        """What its processes wrote to the terminal."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def stop(self, *, seconds: float = 30) -> None:
        """SIGTERM, and SIGKILL for what does not heed it."""
        for process in reversed(self._processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                for pid in [*descendants(process.pid), process.pid]:
                    kill(pid)
                process.wait(5)
        self._processes.clear()

    def manage(self, *arguments: str) -> str:
        """Run a management command and return what it printed."""
        command = [sys.executable, "-m", "mini_sentry.config.cli", "manage", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    # Requests

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        timeout: float = 20,
    ) -> Reply:
        asked = urllib.request.Request(self.address + path, data=body, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(asked, timeout=timeout) as reply:
                return Reply(reply.status, {k.lower(): v for k, v in reply.headers.items()}, reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())

    def get(self, path: str) -> Reply:
        return self.request("GET", path)

    def post(self, path: str, data: Any) -> Reply:
        return self.request("POST", path, json.dumps(data).encode(), {"Content-Type": "application/json"})

    def create_project(self, name: str = "Shop", slug: str = "shop") -> dict[str, Any]:
        """The project as the API shows it, with `dsn` and `key`, its public key."""
        reply = self.post("/api/projects/", {"name": name, "slug": slug})
        assert reply.status == 201, reply.body
        project: dict[str, Any] = reply.json()
        return project | {"key": project["dsn"].split("//")[1].split("@")[0]}

    def wait_until(self, is_true: Callable[[], bool], what: str, *, seconds: float = 20, every: float = 0.02) -> None:
        deadline = time.monotonic() + seconds
        while not is_true():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s: {what}\n{self.output()[-4000:]}")
            time.sleep(every)

    # Processes

    def pids(self) -> list[int]:
        """All processes of the installation, the started ones first."""
        started = [process.pid for process in self._processes if process.poll() is None]
        return [*started, *(child for pid in started for child in descendants(pid))]

    def role(self, name: str) -> int:
        """The process id of `web` or `engine`. Raises LookupError while it is not there."""
        for pid in self.pids():
            words = command_line(pid)
            if name in words and "mini_sentry.config.cli" in words:
                return pid
        raise LookupError(name)

    def cpu_seconds(self) -> float:
        """Processor time that all processes have used so far."""
        return sum(cpu_seconds(pid) for pid in self.pids())

    def memory(self) -> Memory:
        rss = pss = 0.0
        for pid in self.pids():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Rss:"):
                    rss += int(line.split()[1]) / 1000
                elif line.startswith("Pss:"):
                    pss += int(line.split()[1]) / 1000
        return Memory(rss, pss)


def _engines() -> dict[str, str]:
    # Here, because the engines' own modules want this one.
    from tests.engines import stack

    return stack.SHARED.variables() if is_whole() else {}


@contextmanager
def running(data_dir: Path, *, variables: dict[str, str] | None = None) -> Iterator[Installation]:
    installation = Installation(data_dir, variables=variables)
    try:
        yield installation.start()
    finally:
        installation.stop()


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def resident_mb(pid: int) -> float:
    """Resident memory of a process; 0 when it has ended."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1000
    except OSError:
        pass
    return 0.0


def cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        for child in children.get(waiting.pop(), []):
            found.append(child)
            waiting.append(child)
    return found
