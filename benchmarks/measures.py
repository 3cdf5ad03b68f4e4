"""What is measured. Each measure starts what it needs in a directory of its own and adds rows to the report."""

import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import alerts, baseline, digest, kafka, lists, loadgen, payloads, sessions, source_maps
from benchmarks.report import Report, directory_bytes
from tests.installation import Installation, free_port

CONNECTIONS = 32
LOOK_SECONDS = 0.1
"""Between two looks at how far the digest is: they share the cores with what is measured."""


@dataclass(frozen=True)
class Kind:
    """One sort of body and the route it goes to."""

    name: str
    pool: Path
    encoding: str
    route: str


class Pools:
    """Bodies on disk, made when a measure asks for them; no two of one pool have the same event id."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._crashes: dict[int, payloads.Crashes] = {}

    def real(self, count: int, *, family: int = 7) -> Kind:
        """Pools of different families have no group in common."""
        path = self._directory / f"real-{family}-{count}"
        if not path.exists():
            if family not in self._crashes:
                self._crashes[family] = payloads.Crashes(seed=family)
            payloads.write_pool(path, payloads.gzipped(self._crashes[family].envelopes(count)))
        return Kind("real", path, "gzip", "envelope")

    def session_updates(self, count: int) -> Kind:
        path = self._directory / f"sessions-{count}"
        if not path.exists():
            payloads.write_pool(path, sessions.envelopes(count))
        return Kind("session", path, "-", "envelope")

    def browser(self, application: source_maps.Application, count: int) -> Kind:
        path = self._directory / f"browser-{count}"
        if not path.exists():
            payloads.write_pool(path, payloads.gzipped(application.envelopes(count)))
        return Kind("browser", path, "gzip", "envelope")

    def small(self, count: int) -> Kind:
        path = self._directory / f"small-{count}"
        if not path.exists():
            payloads.write_pool(path, payloads.small(count))
        return Kind("small", path, "-", "store")


@contextmanager
def installation(*arguments: str, variables: dict[str, str] | None = None) -> Iterator[Installation]:
    """A fresh one with its tables made; started as `run` unless other arguments are given."""
    with tempfile.TemporaryDirectory() as directory:
        made = Installation(Path(directory) / "data", variables=variables)
        try:
            made.start(*(argument.replace("PORT", str(made.port)) for argument in arguments))
            yield made
        finally:
            made.stop()


def send(made: Installation, kind: Kind, key: str, project: int, **how: object) -> "subprocess.Popen[str]":
    options: dict[str, object] = {"connections": CONNECTIONS, "encoding": kind.encoding} | how
    return loadgen.start(made.port, f"/api/{project}/{kind.route}/", key, kind.pool, **options)  # type: ignore[arg-type]


def stored_events(made: Installation) -> int:
    with sqlite3.connect(f"file:{made.data_dir / 'main.db'}?mode=ro", uri=True) as db:
        return int(db.execute("SELECT count(*) FROM groups_event").fetchone()[0])


def digested_events(made: Installation) -> int:
    """As many, by the groups' counters: cheap enough to be asked again and again."""
    with sqlite3.connect(f"file:{made.data_dir / 'main.db'}?mode=ro", uri=True) as db:
        return int(db.execute("SELECT coalesce(sum(stored_count), 0) FROM groups_group").fetchone()[0])


def column_events(made: Installation) -> int:
    return column_value(made, "SELECT count() FROM {database}.events FINAL")


def column_value(made: Installation, sql: str) -> int:
    """One number that the columns answer; `{database}` stands for the database's name."""
    url = json.loads((made.data_dir / "columns.json").read_text())["url"]
    scheme, rest = url.split("//")
    login, place = rest.split("@")
    user, password = login.split(":")
    address, database = place.split("/")
    query = sql.format(database=database)
    request = urllib.request.Request(f"{scheme}//{address}/?user={user}&password={password}", data=query.encode())
    with urllib.request.urlopen(request, timeout=20) as reply:
        return int(reply.read())


def drained(made: Installation, count: int, *, seconds: float = 600) -> None:
    """Wait until `count` events are stored and can be counted."""
    made.wait_until(
        lambda: digested_events(made) >= count, f"{count} events stored", seconds=seconds, every=LOOK_SECONDS
    )
    made.wait_until(
        lambda: column_events(made) >= count, f"{count} events in the columns", seconds=seconds, every=LOOK_SECONDS
    )


def accept(report: Report, pools: Pools, *, quick: bool) -> None:
    """Accepted and durable, with the digest stopped: `web` alone. Beside it an application that keeps nothing."""
    seconds = 3 if quick else 8
    bare = _beside("benchmarks.bare", kind=pools.real(8_000), seconds=seconds)
    report.add("a bare ASGI application, real, 32 connections", f"{bare:,.0f}/s")
    for kind in (pools.real(8_000), pools.small(8_000)):
        for connections in (1, 8, 32, 128):
            with installation("web", "--port", "PORT") as made:
                project = made.create_project()
                made_by_now = made.cpu_seconds()
                loadgen.finish(send(made, kind, project["key"], project["id"], connections=connections, count=1000))
                load = loadgen.finish(
                    send(
                        made,
                        kind,
                        project["key"],
                        project["id"],
                        connections=connections,
                        seconds=seconds,
                        first=1000,
                    )
                )
                cpu = (made.cpu_seconds() - made_by_now) / (load.done + 1000)
                goal = "10,000/s, p99 under 25 ms" if kind.name == "real" and connections == CONNECTIONS else ""
                share = f", {load.per_second / bare:.0%} of the bare application" if goal else ""
                report.add(
                    f"accepted and durable, {kind.name}, {connections} connections",
                    f"{load.per_second:,.0f}/s, p50 {load.p50:.1f} ms, p99 {load.p99:.1f} ms, "
                    f"{cpu * 1e6:.0f} µs of CPU each{share}" + (f", {load.bad} refused" if load.bad else ""),
                    goal,
                )


def drain(report: Report, pools: Pools, *, quick: bool) -> None:
    """Accepted and drained together: from the first request until the last event can be counted."""
    count = 10_000 if quick else 40_000
    warm = 2_000
    per_second: dict[str, float] = {}
    for kind, goal in (
        (pools.real(warm + count), "2,500/s, 6 times the plain baseline"),
        (pools.small(warm + count), "8,000/s"),
    ):
        with installation() as made:
            project = made.create_project()
            loadgen.finish(send(made, kind, project["key"], project["id"], count=warm))
            drained(made, warm)
            before = made.cpu_seconds()
            started = time.perf_counter()
            load = loadgen.finish(send(made, kind, project["key"], project["id"], count=count, first=warm))
            drained(made, warm + count)
            seconds = time.perf_counter() - started
            cpu = (made.cpu_seconds() - before) / count
            per_second[kind.name] = count / seconds
            report.add(
                f"accepted and drained together, {kind.name}",
                f"{count / seconds:,.0f}/s (accepted at {load.per_second:,.0f}/s)",
                goal,
            )
            report.add(
                f"CPU per {kind.name} event, all processes",
                f"{cpu * 1000:.3f} ms",
                "0.45 ms" if kind.name == "real" else "",
            )
    with tempfile.TemporaryDirectory() as directory:
        real = pools.real(warm + count)
        plain = _beside("benchmarks.baseline", f"{directory}/plain.db", kind=real, seconds=4 if quick else 8)
    report.add(
        "the plain baseline, real", f"{plain:,.0f}/s; ours is {per_second['real'] / plain:.1f} times that", "6 times"
    )


def _beside(module: str, *arguments: str, kind: Kind, seconds: float) -> float:
    """What another application answers a second, started as `python -m module *arguments PORT`."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", module, *arguments, str(port)], stdout=subprocess.DEVNULL)
    try:
        load = loadgen.finish(
            loadgen.start(
                port,
                f"/api/1/{kind.route}/",
                baseline.KEY,
                kind.pool,
                connections=CONNECTIONS,
                seconds=seconds,
                encoding=kind.encoding,
            )
        )
    finally:
        process.terminate()
        process.wait(10)
    if load.bad:
        raise SystemExit(f"{module} refused {load.bad} requests with {load.last_bad}")
    return load.per_second


def visible(report: Report, pools: Pools, *, quick: bool) -> None:
    """From the 200 until the API shows the event, while 500 a second come in."""
    kind = pools.real(20_000)
    with installation() as made:
        project = made.create_project()
        loadgen.finish(send(made, kind, project["key"], project["id"], count=2000))
        drained(made, 2000)
        load = send(made, kind, project["key"], project["id"], seconds=12 if quick else 25, rate=500, first=2000)
        time.sleep(1)
        waits = []
        for _ in range(60 if quick else 200):
            event_id = _send_one(made, project["key"], project["id"])
            started = time.perf_counter()
            while made.get(f"/api/events/{event_id}/").status != 200:
                time.sleep(0.002)
            waits.append((time.perf_counter() - started) * 1000)
            time.sleep(0.03)
        loadgen.finish(load)
        waits.sort()
        report.add(
            "event visible in the API after its 200, at 500/s",
            f"p50 {statistics.median(waits):.0f} ms, p99 {waits[int(len(waits) * 0.99) - 1]:.0f} ms",
            "p99 under 200 ms",
        )


def _send_one(made: Installation, key: str, project: int) -> str:
    body = {"exception": {"values": [{"type": "Probe", "value": "seen?"}]}, "platform": "python"}
    reply = made.request("POST", f"/api/{project}/store/?sentry_key={key}", json.dumps(body).encode())
    assert reply.status == 200, reply.body
    return str(reply.json()["id"])


def footprint(report: Report, pools: Pools, *, quick: bool) -> None:
    """Memory idle and under load, disk per event, and how soon a second start answers."""
    count = 20_000 if quick else 100_000
    kind = pools.real(count)
    with installation() as made:
        project = made.create_project()
        fresh = made.memory()
        report.add("memory of all processes, just started", f"{fresh.rss:.0f} MB RSS, {fresh.pss:.0f} MB PSS")
        # Dictionaries are trained on other groups than those that the disk is measured with.
        other = pools.real(2_000, family=11)
        loadgen.finish(send(made, other, project["key"], project["id"], count=2000))
        drained(made, 2000)
        time.sleep(12)
        before = _disk(made)
        load = send(made, kind, project["key"], project["id"], count=count)
        most = made.memory()
        while load.poll() is None:
            now = made.memory()
            most = now if now.rss > most.rss else most
            time.sleep(0.5)
        loadgen.finish(load)
        drained(made, 2000 + count)
        time.sleep(20)
        idle = made.memory()
        goal = "420 MB RSS, 330 MB PSS"
        report.add(
            f"memory of all processes, most while {count:,} events came",
            f"{most.rss:.0f} MB RSS, {most.pss:.0f} MB PSS",
        )
        report.add(
            f"memory of all processes, after {count:,} events, idle",
            f"{idle.rss:.0f} MB RSS, {idle.pss:.0f} MB PSS",
            goal,
        )
        idle_cpu = made.cpu_seconds()
        time.sleep(10)
        report.add("CPU while idle, all processes", f"{(made.cpu_seconds() - idle_cpu) / 10:.1%} of a core")
        made.stop()
        each = (_disk(made) - before) / count
        report.add("disk per real event, all stores, log window apart", f"{each / 1000:.2f} kB", "3.2 kB")
        report.add("start to first 200, second run", f"{_cold_start(made):.2f} s", "3 s")


def _disk(made: Installation) -> int:
    """Bytes of all stores: without the log's windows (ingest.db, topics.db)."""
    return directory_bytes(made.data_dir, without=("ingest.db", "topics.db"))


def _cold_start(made: Installation) -> float:
    started = time.perf_counter()
    made.start()
    return time.perf_counter() - started


def backlog(report: Report, pools: Pools, *, quick: bool) -> None:
    """The engine stands still while events come, then drains while more come."""
    minutes = 0.5 if quick else 5
    queued = int(1000 * 60 * minutes)
    kind = pools.real(int(queued * 1.4))
    with installation("web", "--port", "PORT") as made:
        project = made.create_project()
        load = loadgen.finish(send(made, kind, project["key"], project["id"], count=queued, rate=1000))
        more_for = queued / 2500 * 1.5
        more = send(made, kind, project["key"], project["id"], seconds=more_for, rate=500, first=queued)
        engine_started = time.perf_counter()
        made.start("engine")
        made.wait_until(
            lambda: digested_events(made) >= queued, "the backlog is drained", seconds=900, every=LOOK_SECONDS
        )
        seconds = time.perf_counter() - engine_started
        during = stored_events(made)
        extra = loadgen.finish(more)
        expected = load.done + extra.done - load.bad - extra.bad
        drained(made, expected)
        lost = expected - stored_events(made)
        report.add(
            f"engine stopped for {minutes:g} min under 1,000/s ({load.done:,} queued), then started",
            f"{lost} lost; drained at {during / seconds:,.0f}/s while 500/s more were accepted",
            "nothing lost; 2,500/s",
        )


def issues(report: Report, pools: Pools, *, quick: bool) -> None:
    """The issue list and the issue page with many events."""
    with installation() as made:
        lists.measure(report, made, events=100_000 if quick else 1_000_000, rounds=40 if quick else 200)


def session_updates(report: Report, pools: Pools, *, quick: bool) -> None:
    """Session updates from the first request until the columns say the same as the rows, and the questions about them."""
    count = 30_000 if quick else 120_000
    warm = 2_000
    kind = pools.session_updates(warm + count)
    with installation() as made:
        project = made.create_project()
        loadgen.finish(send(made, kind, project["key"], project["id"], count=warm))
        made.wait_until(lambda: digested_updates(made) >= warm, f"{warm} updates digested", seconds=60)
        before = made.cpu_seconds()
        started = time.perf_counter()
        load = loadgen.finish(send(made, kind, project["key"], project["id"], count=count, first=warm))
        made.wait_until(lambda: digested_updates(made) >= warm + count, "all updates are stored", seconds=600)
        stored = time.perf_counter() - started
        made.wait_until(lambda: column_sum(made) == row_sum(made), "the columns agree with the rows", seconds=120)
        seconds = time.perf_counter() - started
        cpu = (made.cpu_seconds() - before) / count
        report.add(
            "session updates accepted and stored together",
            f"{count / stored:,.0f}/s (accepted at {load.per_second:,.0f}/s); in the columns {count / seconds:,.0f}/s",
            "5,000/s",
        )
        report.add("CPU per session update, all processes", f"{cpu * 1000:.3f} ms")
        for backend in ("db", "ch"):
            for path in ("health/", "health/series/"):
                times = []
                for _ in range(20):
                    began = time.perf_counter()
                    reply = made.get(f"/api/releases/{path}?project={project['slug']}&range=24h&backend={backend}")
                    assert reply.status == 200, reply.body
                    times.append((time.perf_counter() - began) * 1000)
                report.add(
                    f"releases/{path} of 24 h, {sessions_in_rows(made):,} sessions, {backend}",
                    f"p50 {statistics.median(times):.0f} ms",
                )


def symbolicate(report: Report, pools: Pools, *, quick: bool) -> None:
    """What mapping costs: a large map in a process of its own, and events of the browser's SDK through a whole installation."""
    with tempfile.TemporaryDirectory() as directory:
        large = source_maps.Application(megabytes=10)
        found = source_maps.measured(large, Path(directory))
        report.add(
            f"a source map of {found['megabytes']:.0f} MB, until the first stack is mapped",
            f"{found['usable_ms']:.0f} ms, {found['most_mb']:.0f} MB more memory",
            "1 s, 150 MB",
        )
        report.add(
            "frames mapped, map in memory, of one thread",
            f"{found['new_frames']:,.0f}/s at new positions, {found['known_frames']:,.0f}/s at known ones",
            "5,000/s",
        )
    count = 5_000 if quick else 20_000
    warm = 1_000
    application = source_maps.Application(megabytes=2)
    kind = pools.browser(application, warm + count)
    for name, has_map in (("without a map", False), ("mapped", True)):
        with installation() as made:
            project = made.create_project()
            release = made.post("/api/releases/", {"project": project["id"], "version": "1.0.0"}).json()["id"]
            if has_map:
                content = {"name": "app.min.js.map", "content": application.source_map().decode()}
                assert made.post(f"/api/releases/{release}/artifacts/", content).status == 201
            loadgen.finish(send(made, kind, project["key"], project["id"], count=warm))
            drained(made, warm)
            before = made.cpu_seconds()
            started = time.perf_counter()
            loadgen.finish(send(made, kind, project["key"], project["id"], count=count, first=warm))
            drained(made, warm + count)
            seconds = time.perf_counter() - started
            cpu = (made.cpu_seconds() - before) / count
            report.add(
                f"browser events of {source_maps.STACK_FRAMES} frames, {name}",
                f"{count / seconds:,.0f}/s, {cpu * 1000:.2f} ms of CPU each, all processes",
            )


def row_value(made: Installation, sql: str) -> int:
    with sqlite3.connect(f"file:{made.data_dir / 'main.db'}?mode=ro", uri=True) as db:
        return int(db.execute(sql).fetchone()[0] or 0)


def digested_updates(made: Installation) -> int:
    return row_value(made, "SELECT sum(quantity) FROM projects_outcomecount WHERE category = 'session'")


def sessions_in_rows(made: Installation) -> int:
    return row_value(made, "SELECT count(*) FROM releases_session")


def row_sum(made: Installation) -> int:
    """It rises with every change of a session."""
    return row_value(made, "SELECT sum(revision) FROM releases_session")


def column_sum(made: Installation) -> int:
    return column_value(made, "SELECT sum(revision) FROM {database}.sessions FINAL")


def alert_rules(report: Report, pools: Pools, *, quick: bool) -> None:
    """What alert rules cost a batch, and how little a thousand of them slow the digest."""
    alerts.measure(report, quick=quick)
    count, warm = (8_000, 1_000) if quick else (20_000, 2_000)
    kind = pools.real(warm + count)
    sets = {
        "no alert rules": (0, False),
        "1,000 alert rules, none of which fires": (1000, False),
        "1,000 alert rules that fire": (1000, True),
    }
    rates: dict[str, list[float]] = {name: [] for name in sets}
    costs: dict[str, list[float]] = {name: [] for name in sets}
    # By turns, because a machine that others share changes from minute to minute.
    for name in [*sets] * 3:
        rules, fire = sets[name]
        with installation() as made:
            project = made.create_project()
            alerts.make_rules(made, project["id"], rules, fire=fire)
            loadgen.finish(send(made, kind, project["key"], project["id"], count=warm))
            drained(made, warm)
            before = made.cpu_seconds()
            started = time.perf_counter()
            loadgen.finish(send(made, kind, project["key"], project["id"], count=count, first=warm))
            drained(made, warm + count)
            rates[name].append(count / (time.perf_counter() - started))
            costs[name].append((made.cpu_seconds() - before) / count)
    for name in sets:
        report.add(
            f"accepted and drained together, real, {name}, middle one of 3",
            f"{statistics.median(rates[name]):,.0f}/s, {statistics.median(costs[name]) * 1000:.3f} ms of CPU each",
        )


def digest_alone(report: Report, pools: Pools, *, quick: bool) -> None:
    """The digest without its neighbours, on SQLite and on PostgreSQL."""
    digest.measure(report, quick=quick)


def accept_through_kafka(report: Report, pools: Pools, *, quick: bool) -> None:
    """As `accept`, with the log in Kafka."""
    kafka.measure(report, pools.real(8_000), quick=quick)


MEASURES: dict[str, Callable[..., None]] = {
    "accept": accept,
    "drain": drain,
    "digest": digest_alone,
    "kafka": accept_through_kafka,
    "visible": visible,
    "footprint": footprint,
    "issues": issues,
    "sessions": session_updates,
    "symbolicate": symbolicate,
    "alerts": alert_rules,
    "backlog": backlog,
}
