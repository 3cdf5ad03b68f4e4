"""`python -m benchmarks.memory`: what each role's memory does while a million events go through it.

All roles on PostgreSQL, Redis and ClickHouse over HTTP; small events of 400 groups with twenty alert rules, sent in parts,
each of which is stored before the next one comes. The log is the embedded one, unless TEST_KAFKA_BOOTSTRAP_SERVERS names a
broker: the one that stands in for Kafka here gets slower with every record that it holds. What is printed is the
most that each role's processes held (resident, MB) in each part, and the straight line through it: a role that keeps
something of every event shows as a slope.
"""

import argparse
import os
import tempfile
import threading
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psycopg

from benchmarks import loadgen, payloads
from benchmarks.alerts import make_rules
from benchmarks.report import machine
from benchmarks.scale import slope
from tests.engines import stack
from tests.installation import Installation, descendants, resident_mb
from tests.roles import ROLES, Roles

PARTS: Final = 10
CONNECTIONS: Final = 16
LOOK_SECONDS: Final = 1.0


class Watch:
    """Looks at the roles' processes again and again; `most` tells since the last time it was asked."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self._most: dict[str, float] = defaultdict(float)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, name="look", daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            for role, pid in self._pids.items():
                self._most[role] = max(self._most[role], sum(map(resident_mb, [pid, *descendants(pid)])))

    def most(self) -> dict[str, float]:
        most, self._most = self._most, defaultdict(float)
        return most

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


def run(made: Installation, events: int, pool: Path) -> list[dict[str, float]]:
    """The most that each role held in each part. Raises AssertionError when an event is lost."""
    made.data_dir.mkdir(parents=True)
    made.manage("migrate", "--verbosity", "0")
    roles = Roles(made).start()
    project = made.create_project()
    make_rules(made, project["id"], 20, fire=False)
    watch = Watch(roles.pids())
    found = []
    with psycopg.connect(made.variables["DATABASE_URL"], autocommit=True) as database:
        for part in range(PARTS):
            count = events // PARTS
            load = loadgen.finish(
                loadgen.start(
                    made.port, f"/api/{project['id']}/store/", project["key"], pool,
                    connections=CONNECTIONS, count=count, first=part * count,
                )
            )  # fmt: skip
            assert load.done == count, load
            assert not load.bad, load
            wanted = (part + 1) * count
            made.wait_until(lambda: _stored(database) >= wanted, f"{wanted} stored", seconds=900, every=LOOK_SECONDS)  # noqa: B023
            found.append(watch.most())
            print("| " + " | ".join([f"{wanted:,}", *(f"{found[-1][role]:.0f}" for role in ROLES)]) + " |", flush=True)
    watch.stop()
    return found


def _stored(database: "psycopg.Connection[tuple[int]]") -> int:
    row = database.execute("SELECT coalesce(sum(stored_count), 0)::bigint FROM groups_group").fetchone()
    return row[0] if row else 0


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="how many (1,000,000)")
    options = parser.parse_args(arguments)
    print(machine())
    with tempfile.TemporaryDirectory() as name, stack.distributed() as variables:
        directory = Path(name)
        pool = payloads.write_pool(directory / "pool", payloads.small(options.events))
        if "TEST_KAFKA_BOOTSTRAP_SERVERS" not in os.environ:
            variables = {name: value for name, value in variables.items() if not name.startswith("KAFKA")}
        made = Installation(directory / "data", variables=variables | {"DIGEST_SIDE_DECODERS": "0"})
        print(f"| events | {' | '.join(ROLES)} |\n| --- |{' --- |' * len(ROLES)}", flush=True)
        try:
            found = run(made, options.events, pool)
        finally:
            made.stop()
    # The first part fills what is filled once.
    later = list(enumerate(found))[1:]
    print("\nMB for each further tenth, from the second on:")
    for role in ROLES:
        print(f"{role}: {slope([(float(number), most[role]) for number, most in later]):+.1f}")


if __name__ == "__main__":
    main()
