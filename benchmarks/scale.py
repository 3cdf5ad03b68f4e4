"""`python -m benchmarks.scale`: an hour of traffic, replayed faster than it came, against 1, 2 and 4 digest processes.

The bodies are what an SDK sent; how many come in each minute is `HOUR`: a quiet start, a release that breaks something, and
the calm after it. Accepted by one `web`, through Kafka's protocol, stored on PostgreSQL: each number of digests begins with
an empty installation and sees the same hour. What is printed is how the backlog moves while the hour is replayed, what one event costs,
and the slope: how many more events a second each further digest stores. More digests than free cores add nothing; then the
CPU of each event must stay the same.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Final

import psycopg

from benchmarks import loadgen, payloads
from benchmarks.report import machine
from tests.engines import kafka
from tests.engines.postgres import DURABLE, PostgresServer
from tests.engines.postgres import serving as serving_postgres
from tests.installation import Installation, cpu_seconds, resident_mb

HOUR: Final = (
    *(0.6, 0.6, 0.7, 0.6, 0.7, 0.8, 0.7, 0.8, 0.8, 0.9, 0.8, 0.9, 0.9, 1.0, 0.9, 1.0, 1.0, 0.9, 1.0, 1.1),
    *(1.0, 1.0, 1.1, 1.0, 2.4, 3.6, 3.9, 3.2, 2.7, 2.2, 1.8, 1.5, 1.4, 1.2, 1.1, 1.1, 1.0, 1.0, 1.0, 0.9),
    *(0.9, 0.9, 1.0, 0.9, 0.8, 0.9, 0.8, 0.8, 0.8, 0.7, 0.8, 0.7, 0.7, 0.7, 0.6, 0.7, 0.6, 0.6, 0.6, 0.6),
)
"""How much comes in each minute, as a share of the usual rate."""

CONNECTIONS: Final = 16
DRAIN_SECONDS: Final = 600.0
SAMPLE_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Replay:
    """`minutes` of the hour from its middle on both sides, `speed` times as fast; `per_second` is the usual rate."""

    minutes: int
    speed: float
    per_second: float

    @property
    def counts(self) -> list[int]:
        """Events in each of the minutes."""
        first = (len(HOUR) - self.minutes) // 2
        return [round(60 * self.per_second * share) for share in HOUR[first : first + self.minutes]]

    @property
    def minute_seconds(self) -> float:
        return 60 / self.speed


@dataclass(frozen=True)
class Sample:
    """What was sent and what was stored, so many seconds after the start."""

    at: float
    sent: int
    stored: int


@dataclass(frozen=True)
class Result:
    """`per_second` is what was stored each second from the first event to the last; `backlog_slope` how many events a second the
    backlog grew by while the hour was replayed; `cpu_ms` of all digests for one event, `cores` what they used together."""

    digests: int
    events: int
    per_second: float
    backlog_slope: float
    most_behind: int
    drain_seconds: float
    cpu_ms: float
    cores: float
    megabytes: float

    def row(self) -> str:
        cells = (
            f"{self.digests}", f"{self.events:,}", f"{self.per_second:,.0f}", f"{self.backlog_slope:+,.1f}",
            f"{self.most_behind:,}", f"{self.drain_seconds:.1f}", f"{self.cpu_ms:.2f}", f"{self.cores:.2f}", f"{self.megabytes:.0f}",
        )  # fmt: skip
        return f"| {' | '.join(cells)} |"


HEAD: Final = (
    "| digests | events | stored/s | backlog grows by/s | most behind | drained after, s | CPU ms/event | cores | MB a digest |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the straight line nearest to the points (least squares). 0 where they do not say."""
    if len(points) < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def run(replay: Replay, digests: int, *, pool: Path, server: PostgresServer, bootstrap: str, directory: Path) -> Result:
    """Replay it against so many digests. Raises AssertionError when an event is lost or counted twice."""
    variables = {
        "DATABASE_URL": server.make_database(f"scale_{digests}"),
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "KAFKA_TOPIC_PREFIX": kafka.topic_prefix(),
        "KAFKA_PARTITIONS": str(max(4, digests)),
        "KAFKA_HOT_PROJECTS": "1",
        "MINI_SENTRY_HEALTH_PORT": "0",
        "DIGEST_SIDE_DECODERS": "0",
    }
    made = Installation(directory / f"data-{digests}", variables=variables)
    made.data_dir.mkdir(parents=True)
    made.manage("migrate", "--verbosity", "0")
    with ExitStack() as running:
        running.callback(made.stop)
        made.start("web", "--port", str(made.port))
        project = made.create_project()
        workers = [made.spawn("digest").pid for _ in range(digests)]
        running.enter_context(database := psycopg.connect(variables["DATABASE_URL"], autocommit=True))
        path = f"/api/{project['id']}/envelope/"
        _warm(made, database, path, project["key"], directory / "warm")
        begun, cpu = _stored(database), sum(map(cpu_seconds, workers))
        samples = _replay(replay, made.port, path, project["key"], pool, database, begun)
        total = sum(replay.counts)
        made.wait_until(lambda: _stored(database) - begun >= total, f"{total} events stored", seconds=DRAIN_SECONDS)
        ended = time.perf_counter() - samples[0].at
        used = sum(map(cpu_seconds, workers)) - cpu
        time.sleep(1)
        assert _stored(database) - begun == total, "an event was counted twice"
        sent_at = samples[-1].at - samples[0].at
        return Result(
            digests=digests,
            events=total,
            per_second=total / ended,
            backlog_slope=slope([(sample.at, sample.sent - sample.stored) for sample in samples]),
            most_behind=max(sample.sent - sample.stored for sample in samples),
            drain_seconds=max(0.0, ended - sent_at),
            cpu_ms=used / total * 1000,
            cores=used / ended,
            megabytes=max(resident_mb(pid) for pid in workers),
        )


def _replay(
    replay: Replay, port: int, path: str, key: str, pool: Path, database: "psycopg.Connection[tuple[int]]", begun: int
) -> list[Sample]:
    sent = 0
    lock, stop = threading.Lock(), threading.Event()
    samples = [Sample(time.perf_counter(), 0, 0)]

    def look() -> None:
        while not stop.wait(SAMPLE_SECONDS):
            with lock:
                samples.append(Sample(time.perf_counter(), _so_far(), _stored(database) - begun))

    minute_began = time.perf_counter()
    current = 0

    def _so_far() -> int:
        share = min(1.0, (time.perf_counter() - minute_began) / replay.minute_seconds)
        return sent + round(current * share)

    watcher = threading.Thread(target=look, name="look")
    watcher.start()
    try:
        for count, first in zip(replay.counts, accumulate(replay.counts, initial=0), strict=False):
            with lock:
                minute_began, current = time.perf_counter(), count
            rate = count / replay.minute_seconds
            started = loadgen.start(
                port, path, key, pool, connections=CONNECTIONS, count=count, encoding="gzip", rate=rate, first=first
            )
            load = loadgen.finish(started)
            if load.bad or load.broken:
                raise SystemExit(f"{load.bad} requests were refused (the last with {load.last_bad}), {load.broken} cut")
            with lock:
                sent, current = sent + count, 0
    finally:
        stop.set()
        watcher.join()
    samples.append(Sample(time.perf_counter(), sent, _stored(database) - begun))
    return samples


def _warm(made: Installation, database: "psycopg.Connection[tuple[int]]", path: str, key: str, pool: Path) -> None:
    """Imports, plans and the assignment of partitions come before the measuring."""
    count = 500
    payloads.write_pool(pool, payloads.gzipped(payloads.Crashes(templates=50, seed=11).envelopes(count)))
    loadgen.finish(loadgen.start(made.port, path, key, pool, connections=4, count=count, encoding="gzip"))
    made.wait_until(lambda: _stored(database) >= count, "the first events are stored", seconds=60)
    time.sleep(2)


def _stored(database: "psycopg.Connection[tuple[int]]") -> int:
    row = database.execute("SELECT coalesce(sum(count), 0)::bigint FROM groups_group").fetchone()
    return row[0] if row else 0


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument(
        "--minutes", type=int, default=60, choices=range(1, 61), metavar="1..60", help="of the hour (60)"
    )
    parser.add_argument("--speed", type=float, default=10, help="times as fast as it came (10)")
    parser.add_argument("--per-second", type=float, default=60, help="the usual rate (60)")
    parser.add_argument("--digests", default="1,2,4", help="numbers of digest processes (1,2,4)")
    options = parser.parse_args(arguments)
    replay = Replay(options.minutes, options.speed, options.per_second)
    total = sum(replay.counts)
    print(machine())
    print(
        f"{total:,} events of {replay.minutes} minutes in {replay.minutes * replay.minute_seconds:.0f} s: "
        f"{total / replay.minutes / replay.minute_seconds:,.0f}/s in the mean, {max(replay.counts) / replay.minute_seconds:,.0f}/s at most",
        flush=True,
    )
    results = []
    with tempfile.TemporaryDirectory() as name, serving_postgres(options=DURABLE) as server:
        directory = Path(name)
        pool = payloads.write_pool(directory / "pool", payloads.gzipped(payloads.Crashes().envelopes(total)))
        print(HEAD, flush=True)
        for digests in map(int, options.digests.split(",")):
            # A broker each: the one that stands in for Kafka here keeps its log in memory.
            with kafka.serving() as broker:
                result = run(
                    replay, digests, pool=pool, server=server, bootstrap=broker.url, directory=directory
                )  # fmt: skip
            print(result.row(), flush=True)
            results.append(result)
    points = [(float(result.digests), result.per_second) for result in results]
    costs = [(float(result.digests), result.cpu_ms) for result in results]
    print(
        f"\nslope: {slope(points):+,.0f} events/s and {slope(costs):+.3f} ms of CPU an event for each further digest, "
        f"{results[0].backlog_slope:+,.1f} events/s of backlog with {results[0].digests}"
    )


if __name__ == "__main__":
    main()
