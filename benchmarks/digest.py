"""The digest alone, from a log that is full already: the command as operators run it, on either relational store.

Each process has a log of its own, as it has partitions of its own in Kafka; the relational store is shared. What is
measured is the time from `WARM` events on, when imports, plans and dictionaries are there.
"""

import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from benchmarks import payloads
from benchmarks.report import Report
from mini_sentry.streams import topics
from mini_sentry.streams.open import open_logs
from tests.engines.postgres import DURABLE, PostgresServer, serving
from tests.installation import Installation, cpu_seconds, descendants

WARM = 2_000
_SETTLE_SECONDS = 0.02


@dataclass(frozen=True)
class Measured:
    """`cpu` and `database_cpu` are seconds an event, of the digests and of the PostgreSQL server."""

    per_second: float
    cpu: float
    database_cpu: float
    megabytes: float


def measure(report: Report, *, quick: bool) -> None:
    """Events digested a second and CPU of each: SQLite, PostgreSQL, and two digests of one project on PostgreSQL."""
    count = 12_000 if quick else 40_000
    crashes = payloads.Crashes()
    with _directory() as directory:
        _report(report, "SQLite", _run(directory, crashes, count, processes=1))
    with serving(options=DURABLE) as server:
        for processes in (1, 2):
            with _directory() as directory:
                _report(
                    report,
                    f"PostgreSQL, {processes} process{'es' if processes > 1 else ''}",
                    _run(directory, crashes, count, processes=processes, server=server),
                    goal="2,000/s a process" if processes == 1 else "1.6 times one where cores allow",
                )


def _report(report: Report, name: str, measured: Measured, *, goal: str = "") -> None:
    server = f" and {measured.database_cpu * 1e3:.2f} ms of the server" if measured.database_cpu else ""
    report.add(
        f"digested from a full log, real, {name}",
        f"{measured.per_second:,.0f}/s, {measured.cpu * 1e3:.2f} ms of CPU each{server}, {measured.megabytes:.0f} MB RSS",
        goal,
    )


def _run(
    directory: Path, crashes: payloads.Crashes, count: int, *, processes: int, server: PostgresServer | None = None
) -> Measured:
    """`count` events in all, after `WARM` of each process."""
    variables = {"DATABASE_URL": server.make_database("digest_benchmark")} if server is not None else {}
    made = [Installation(directory / f"data{number}", variables=variables) for number in range(processes)]
    made[0].data_dir.mkdir(parents=True)
    made[0].manage("migrate", "--verbosity", "0")
    made[0].manage("create_project", "Shop")
    each = WARM + count // processes
    for one in made:
        one.data_dir.mkdir(parents=True, exist_ok=True)
        _fill(one.data_dir, payloads.gzipped(crashes.envelopes(each)))
    with ExitStack() as running:
        for one in made:
            running.callback(one.stop)
            one.spawn("digest")
        _wait(made, WARM)
        started, before, before_server = time.perf_counter(), _cpu(made), _server_cpu(server)
        begun = sum(_digested(one) for one in made)
        _wait(made, each)
        seconds = time.perf_counter() - started
        done = sum(_digested(one) for one in made) - begun
        return Measured(
            per_second=done / seconds,
            cpu=(_cpu(made) - before) / done,
            database_cpu=(_server_cpu(server) - before_server) / done,
            megabytes=max(one.memory().rss for one in made),
        )


def _fill(data_dir: Path, bodies: Iterable[bytes]) -> None:
    log = open_logs(data_dir)
    now = time.time()
    waiting = iter(bodies)
    while batch := list(islice(waiting, 500)):
        entries = []
        for body in batch:
            accepted = topics.Accepted(
                kind="envelope",
                project_id=1,
                key_id=1,
                received_at=now,
                record_id=uuid.uuid4().bytes,
                event_id="",
                encoding="gzip",
                client_ip="203.0.113.9",
                user_agent="benchmark",
                content_type="",
                origin="",
                query={},
                dropped=[],
                body=body,
            )
            entries.append((topics.project_key(1), topics.pack(accepted)))
        log.append(topics.INGEST, entries)
    log.close()


def _digested(made: Installation) -> int:
    """How many records its digest has put behind it."""
    log = open_logs(made.data_dir)
    try:
        return log.position(topics.DIGEST, topics.INGEST) - 1
    finally:
        log.close()


def _wait(made: list[Installation], count: int) -> None:
    for one in made:
        one.wait_until(lambda one=one: _digested(one) >= count, f"{count} events digested", seconds=600)  # type: ignore[misc]
        time.sleep(_SETTLE_SECONDS)


def _cpu(made: list[Installation]) -> float:
    return sum(one.cpu_seconds() for one in made)


def _server_cpu(server: PostgresServer | None) -> float:
    """Of the connections that are open now: those of a digest stay open while it runs."""
    return 0.0 if server is None else sum(cpu_seconds(pid) for pid in (server.pid, *descendants(server.pid)))


@contextmanager
def _directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)
