"""Accepting through Kafka: `web` alone, the broker on the same machine, over an embedded installation for comparison."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import loadgen
from benchmarks.report import Report
from tests.engines.kafka import serving, topic_prefix
from tests.installation import Installation, cpu_seconds

if TYPE_CHECKING:
    from benchmarks.measures import Kind

WARM: Final = 1000
GOAL: Final = "4,000/s, the broker included"


def measure(report: Report, kind: "Kind", *, quick: bool) -> None:
    seconds = 4 if quick else 10
    with serving() as broker:
        for connections in (32, 128):
            variables = {"KAFKA_BOOTSTRAP_SERVERS": broker.url, "KAFKA_TOPIC_PREFIX": topic_prefix()}
            with tempfile.TemporaryDirectory() as directory:
                made = Installation(Path(directory) / "data", variables=variables)
                try:
                    made.start("web", "--port", str(made.port))
                    _measure(report, made, kind, broker.pid, connections=connections, seconds=seconds)
                finally:
                    made.stop()


def _measure(
    report: Report, made: Installation, kind: "Kind", broker: int, *, connections: int, seconds: float
) -> None:
    project = made.create_project()
    path = f"/api/{project['id']}/{kind.route}/"

    def send(**amount: float) -> loadgen.Load:
        return loadgen.finish(
            loadgen.start(
                made.port,
                path,
                project["key"],
                kind.pool,
                connections=connections,
                encoding=kind.encoding,
                **amount,  # type: ignore[arg-type]
            )
        )

    send(count=WARM)
    web_before, broker_before = made.cpu_seconds(), cpu_seconds(broker)
    load = send(seconds=seconds, first=WARM)
    web = (made.cpu_seconds() - web_before) / load.done
    brokers = (cpu_seconds(broker) - broker_before) / load.done
    report.add(
        f"accepted through Kafka and confirmed, {kind.name}, {connections} connections",
        f"{load.per_second:,.0f}/s, p50 {load.p50:.1f} ms, p99 {load.p99:.1f} ms; CPU each: web {web * 1e6:.0f} µs, "
        f"broker {brokers * 1e6:.0f} µs" + (f", {load.bad} refused" if load.bad else ""),
        GOAL,
    )
