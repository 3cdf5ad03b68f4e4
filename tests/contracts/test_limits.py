"""What every engine of the quotas must do, and what only the one that is shared between processes does."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mini_sentry.ingest.quotas import (
    Admission,
    Bucket,
    MappedQuotas,
    MemoryQuotas,
    Quotas,
    QuotasUnavailable,
    rate_limit_headers,
)
from mini_sentry.ingest.redis_quotas import RedisQuotas

MINUTE = 29_000_000 * 60.0
NOON = MINUTE + 12.5


class Started:
    """An engine in an event loop of its own, asked one question after another."""

    def __init__(self, quotas: Quotas) -> None:
        self.quotas = quotas
        self._runner = asyncio.Runner()
        self._runner.run(quotas.start())

    def admit(self, project_id: int, bucket: Bucket, quantity: int, *, now: float) -> Admission:
        return self._runner.run(self.quotas.ask(project_id, bucket, quantity, now=now))

    def stop(self) -> None:
        self._runner.run(self.quotas.stop())
        self._runner.close()


Make = Callable[..., Started]


@pytest.fixture(params=["memory", "mapped", "redis"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    made: list[Started] = []

    def engine(events: int, sessions: int) -> Quotas:
        memory = MemoryQuotas(events_per_minute=events, sessions_per_minute=sessions)
        match request.param:
            case "memory":
                return memory
            case "mapped":
                path = tmp_path / "limits.map"
                return MappedQuotas(path, events_per_minute=events, sessions_per_minute=sessions, projects=16)
            case _:
                url = request.getfixturevalue("redis")
                return RedisQuotas(url, memory, events_per_minute=events, sessions_per_minute=sessions)

    def make_quotas(*, events: int = 3, sessions: int = 3) -> Started:
        made.append(Started(engine(events, sessions)))
        return made[-1]

    yield make_quotas
    for started in made:
        if isinstance(started.quotas, RedisQuotas):
            assert started.quotas.away_since is None, "Redis was away, so it was not what answered"
        started.stop()


def admitted(
    quotas: Started | MappedQuotas, quantity: int = 1, *, project: int = 1, bucket: Bucket = Bucket.EVENTS, now: float
) -> int:
    return quotas.admit(project, bucket, quantity, now=now).admitted


def test_exactly_the_limit_passes_in_one_minute(make: Make) -> None:
    quotas = make(events=3)
    assert [admitted(quotas, now=NOON + second) for second in range(5)] == [1, 1, 1, 0, 0]


def test_a_part_of_several_items_passes_when_the_rest_does_not_fit(make: Make) -> None:
    quotas = make(events=3)
    assert admitted(quotas, 2, now=NOON) == 2
    assert admitted(quotas, 5, now=NOON) == 1
    assert admitted(quotas, 5, now=NOON) == 0


def test_the_next_minute_of_the_clock_opens_the_quota_again(make: Make) -> None:
    quotas = make(events=1)
    assert admitted(quotas, now=MINUTE + 59.9) == 1
    assert admitted(quotas, now=MINUTE + 59.95) == 0
    assert admitted(quotas, now=MINUTE + 60) == 1


def test_what_does_not_pass_may_be_tried_again_when_the_minute_ends(make: Make) -> None:
    quotas = make(events=1)
    assert quotas.admit(1, Bucket.EVENTS, 1, now=MINUTE) == (1, 0)
    assert quotas.admit(1, Bucket.EVENTS, 1, now=MINUTE).retry_after_seconds == 60
    assert quotas.admit(1, Bucket.EVENTS, 1, now=MINUTE + 12.5).retry_after_seconds == 48
    assert quotas.admit(1, Bucket.EVENTS, 1, now=MINUTE + 59.999).retry_after_seconds == 1


def test_sessions_pass_while_the_events_of_the_project_are_used_up(make: Make) -> None:
    quotas = make(events=1, sessions=2)
    assert admitted(quotas, 4, now=NOON) == 1
    assert admitted(quotas, 4, bucket=Bucket.SESSIONS, now=NOON) == 2
    assert admitted(quotas, 4, now=NOON) == 0


def test_one_project_that_is_used_up_leaves_the_others_alone(make: Make) -> None:
    quotas = make(events=2)
    assert admitted(quotas, 9, project=7, now=NOON) == 2
    assert [admitted(quotas, 9, project=project, now=NOON) for project in (6, 8)] == [2, 2]


def test_a_limit_of_0_is_no_limit(make: Make) -> None:
    quotas = make(events=0, sessions=1)
    assert quotas.admit(1, Bucket.EVENTS, 10_000, now=NOON) == (10_000, 0)
    assert admitted(quotas, 5, bucket=Bucket.SESSIONS, now=NOON) == 1


def test_a_project_id_far_beyond_the_others_has_a_quota_too(make: Make) -> None:
    quotas = make(events=2)
    assert admitted(quotas, 1, project=5, now=NOON) == 1
    assert admitted(quotas, 9, project=70_000, now=NOON) == 2
    assert admitted(quotas, 9, project=5, now=NOON) == 1


def test_a_clock_set_back_a_minute_does_not_open_the_quota_twice(make: Make) -> None:
    quotas = make(events=1)
    assert admitted(quotas, now=NOON) == 1
    answer = quotas.admit(1, Bucket.EVENTS, 1, now=NOON - 60)
    assert answer.admitted == 0
    assert answer.retry_after_seconds == 108


def test_a_clock_set_back_an_hour_does_not_keep_the_quota_closed(make: Make) -> None:
    quotas = make(events=1)
    assert admitted(quotas, now=NOON) == 1
    assert admitted(quotas, now=NOON - 3600) == 1
    assert admitted(quotas, now=NOON - 3600) == 0


COUNT_IN_A_PROCESS = """
import sys
from pathlib import Path
from mini_sentry.ingest.quotas import Bucket, MappedQuotas
quotas = MappedQuotas(Path(sys.argv[1]), events_per_minute=5000, sessions_per_minute=5000, projects=16)
print("ready", flush=True)
sys.stdin.readline()
print(sum(quotas.admit(3, Bucket.EVENTS, 1, now=1_740_000_012.5).admitted for _ in range(4000)))
"""


def test_several_processes_together_admit_exactly_the_limit(tmp_path: Path) -> None:
    path = str(tmp_path / "limits.map")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", COUNT_IN_A_PROCESS, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    totals = [0, 0, 0]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for index, process in enumerate(processes):
        totals[index] = int(process.communicate(timeout=30)[0])
    assert sum(totals) == 5000


def test_a_second_process_knows_what_the_first_admitted_even_where_the_file_had_to_grow(tmp_path: Path) -> None:
    first, second = (
        MappedQuotas(tmp_path / "limits.map", events_per_minute=3, sessions_per_minute=3, projects=16) for _ in range(2)
    )
    assert admitted(first, 2, project=90_000, now=NOON) == 2
    assert admitted(second, 2, project=90_000, now=NOON) == 1
    first.close()
    second.close()


def test_a_file_of_another_layout_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "limits.map"
    path.write_bytes(b"\xff" * 8192)
    quotas = MappedQuotas(path, events_per_minute=2, sessions_per_minute=2)
    assert admitted(quotas, 5, now=NOON) == 2
    quotas.close()


def test_a_place_where_no_file_can_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(QuotasUnavailable, match=r"limits\.map"):
        MappedQuotas(tmp_path / "missing" / "limits.map", events_per_minute=1, sessions_per_minute=1)


def test_the_headers_name_the_categories_and_the_longest_wait() -> None:
    assert rate_limit_headers([(Bucket.EVENTS, 48)]) == [
        (b"retry-after", b"48"),
        (b"x-sentry-rate-limits", b"48:error;default;security;attachment:project:project_limit"),
    ]
    assert rate_limit_headers([(Bucket.EVENTS, 20), (Bucket.SESSIONS, 80)]) == [
        (b"retry-after", b"80"),
        (
            b"x-sentry-rate-limits",
            b"20:error;default;security;attachment:project:project_limit, 80:session:project:project_limit",
        ),
    ]
