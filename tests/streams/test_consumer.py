"""A consumer's loop: what it hands over, what it commits, and what it does when the work fails."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mini_sentry.streams.consumer import BadRecord, Consumer, LogHandler, Unavailable, lag_seconds
from mini_sentry.streams.engines.memory import MemoryLog
from mini_sentry.streams.engines.sqlite import SqliteLog
from mini_sentry.streams.log import Log, LogUnavailable, Record
from mini_sentry.streams.topics import DEAD_LETTERS, EVENTS, SNUBA, unpack_dead_letter

NEVER = threading.Event()
NOON = 1_700_000_000.0


class Work:
    """Collects what it is handed; a value that starts with `bad` is a bad record, and `failures` are raised first."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.batches: list[list[bytes]] = []
        self.done: list[bytes] = []

    def __call__(self, records: Sequence[Record]) -> None:
        self.batches.append([record.value for record in records])
        if self.failures:
            raise self.failures.pop(0)
        for record in records:
            if record.value.startswith(b"bad"):
                raise BadRecord("no event in it")
            if record.value.startswith(b"odd"):
                raise TypeError("unforeseen")
        self.done += [record.value for record in records]


class Owner:
    """Keeps its position with its work, as the digest does."""

    operational_errors: tuple[type[Exception], ...] = (LookupError,)

    def __init__(self, position: int | None) -> None:
        self.position = position
        self.done: list[bytes] = []
        self.buried: list[tuple[bytes, str]] = []
        self.failure: Exception | None = None

    def resume(self) -> int | None:
        return self.position

    def handle(self, records: Sequence[Record]) -> None:
        self.done += [record.value for record in records]
        self.position = records[-1].offset + 1
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure

    def bury(self, record: Record, reason: str) -> None:
        self.buried.append((record.value, reason))
        self.position = record.offset + 1


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog(clock=lambda: NOON)


def fill(log: Log, *values: bytes) -> None:
    log.append(EVENTS, [(b"1", value) for value in values])


def make_consumer(log: Log, handle: Callable[[Sequence[Record]], None], **options: int) -> Consumer:
    return Consumer(log, SNUBA, EVENTS, LogHandler(log, SNUBA, EVENTS, handle, clock=lambda: NOON), **options)  # type: ignore[arg-type]


def drain(consumer: Consumer) -> None:
    while consumer.run_once(NEVER, wait_seconds=0):
        pass


def dead_letters(log: Log) -> list[tuple[bytes, int, str]]:
    letters = [unpack_dead_letter(record.value) for record in log.read(DEAD_LETTERS, 1)]
    return [(letter.value, letter.offset, letter.detail) for letter in letters]


def test_a_batch_is_whatever_is_there_and_is_committed_after_the_work(log: MemoryLog) -> None:
    positions: list[int] = []
    consumer = make_consumer(log, lambda records: positions.append(log.position(SNUBA, EVENTS)))
    fill(log, b"1", b"2", b"3")
    assert consumer.run_once(NEVER) == 3
    assert positions == [1]
    assert log.position(SNUBA, EVENTS) == 4


def test_a_consumer_goes_on_where_its_group_stands(log: MemoryLog) -> None:
    fill(log, b"1", b"2", b"3")
    log.commit(SNUBA, EVENTS, 3)
    work = Work()
    drain(make_consumer(log, work))
    assert work.done == [b"3"]


def test_a_batch_is_bounded_by_records_and_by_bytes(log: MemoryLog) -> None:
    fill(log, *[b"x" * 10] * 7)
    work = Work()
    drain(make_consumer(log, work, batch_records=3, batch_bytes=25))
    assert [len(batch) for batch in work.batches] == [2, 2, 2, 1]


def test_an_idle_consumer_does_nothing_and_says_so(log: MemoryLog) -> None:
    work = Work()
    consumer = make_consumer(log, work)
    assert consumer.run_once(NEVER, wait_seconds=0) == 0
    assert work.batches == []
    assert consumer.status.error is None


def test_after_a_large_batch_it_waits_a_moment_for_more(log: MemoryLog) -> None:
    fill(log, *[b"x"] * 101)
    work = Work()
    consumer = make_consumer(log, work)
    consumer.run_once(NEVER)
    fill(log, b"first")
    late = threading.Timer(0.01, fill, [log, b"second"])
    late.start()
    consumer.run_once(NEVER)
    late.join()
    assert work.batches[1] == [b"first", b"second"]


def test_after_a_small_batch_it_does_not_wait(log: MemoryLog) -> None:
    fill(log, *[b"x"] * 100)
    work = Work()
    consumer = make_consumer(log, work)
    consumer.run_once(NEVER)
    fill(log, b"first")
    late = threading.Timer(0.03, fill, [log, b"second"])
    late.start()
    consumer.run_once(NEVER)
    late.join()
    assert work.batches[1] == [b"first"]


@pytest.mark.parametrize("place", range(8))
def test_one_bad_record_is_a_dead_letter_and_no_other_is_lost(log: MemoryLog, place: int) -> None:
    values = [b"%d" % number for number in range(8)]
    values[place] = b"bad"
    fill(log, *values)
    work = Work()
    consumer = make_consumer(log, work)
    drain(consumer)
    assert work.done == [value for value in values if value != b"bad"]
    assert dead_letters(log) == [(b"bad", place + 1, "BadRecord: no event in it")]
    assert log.position(SNUBA, EVENTS) == 9
    assert consumer.status.dead_letter_count == 1


def test_many_bad_records_are_many_dead_letters(log: MemoryLog) -> None:
    fill(log, b"bad 1", b"2", b"bad 3", b"bad 4", b"5")
    work = Work()
    drain(make_consumer(log, work))
    assert work.done == [b"2", b"5"]
    assert [value for value, _, _ in dead_letters(log)] == [b"bad 1", b"bad 3", b"bad 4"]


def test_an_unforeseen_error_is_taken_for_the_datas(log: MemoryLog) -> None:
    fill(log, b"1", b"odd", b"3")
    work = Work()
    drain(make_consumer(log, work))
    assert work.done == [b"1", b"3"]
    assert dead_letters(log) == [(b"odd", 2, "TypeError: unforeseen")]


def test_a_dead_letter_says_where_the_record_was_and_when_it_died(log: MemoryLog) -> None:
    fill(log, b"bad")
    drain(make_consumer(log, Work()))
    [record] = log.read(DEAD_LETTERS, 1)
    letter = unpack_dead_letter(record.value)
    assert (letter.topic, letter.partition, letter.died_at, letter.reason) == (EVENTS, 0, NOON, "given up")
    assert record.key == b"1"


@pytest.mark.parametrize("error", [Unavailable("away"), LogUnavailable("locked"), ConnectionRefusedError("no one")])
def test_an_operational_error_keeps_the_position_and_the_batch_comes_again(log: MemoryLog, error: Exception) -> None:
    fill(log, b"1", b"2")
    work = Work(error)
    consumer = make_consumer(log, work)
    assert consumer.run_once(NEVER) == 0
    assert log.position(SNUBA, EVENTS) == 1
    assert consumer.status.error == f"{type(error).__name__}: {error}"
    assert consumer.run_once(NEVER) == 2
    assert work.done == [b"1", b"2"]
    assert dead_letters(log) == []
    assert consumer.status.error is None
    assert consumer.status.last_error is not None


def test_backing_off_ends_at_once_when_it_is_told_to_stop(log: MemoryLog) -> None:
    fill(log, b"1")
    stop = threading.Event()
    work = Work(*[Unavailable("away")] * 1000)
    consumer = make_consumer(log, work)
    for _ in range(3):
        consumer.run_once(NEVER)
    thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()
    stop.set()
    thread.join(0.5)
    assert not thread.is_alive()


def test_a_handler_that_keeps_its_position_decides_where_to_start(log: MemoryLog) -> None:
    fill(log, b"1", b"2", b"3")
    log.commit(SNUBA, EVENTS, 1)
    owner = Owner(position=3)
    drain(Consumer(log, SNUBA, EVENTS, owner))
    assert owner.done == [b"3"]
    assert log.position(SNUBA, EVENTS) == 4


def test_a_handler_that_knows_no_position_starts_at_the_first_record_kept(log: MemoryLog) -> None:
    fill(log, b"1", b"2")
    owner = Owner(position=None)
    drain(Consumer(log, SNUBA, EVENTS, owner))
    assert owner.done == [b"1", b"2"]


def test_a_failure_after_the_handlers_own_commit_does_not_repeat_the_batch(log: MemoryLog) -> None:
    fill(log, b"1", b"2")
    owner = Owner(position=1)
    owner.failure = LookupError("committed, but the relay failed")
    consumer = Consumer(log, SNUBA, EVENTS, owner)
    consumer.run_once(NEVER)
    fill(log, b"3")
    drain(consumer)
    assert owner.done == [b"1", b"2", b"3"]
    assert owner.buried == []


def test_records_that_were_trimmed_before_they_were_read_are_a_recorded_gap(log: MemoryLog) -> None:
    gaps: list[tuple[int, int]] = []
    fill(log, *[b"x" * 10] * 10)
    work = Work()
    consumer = make_consumer(log, work)
    consumer.on_gap = lambda wanted, first: gaps.append((wanted, first))
    consumer.batch_records = 2
    consumer.run_once(NEVER)
    log.trim(EVENTS, keep_seconds=1e9, keep_bytes=1 << 30, max_bytes=30)
    drain(consumer)
    assert gaps == [(3, 8)]
    assert consumer.status.gap_records == 5
    assert len(work.done) == 5


def test_a_start_below_the_first_record_kept_is_a_recorded_gap(log: MemoryLog) -> None:
    gaps: list[tuple[int, int]] = []
    fill(log, b"1", b"2", b"3")
    log.commit(SNUBA, EVENTS, 3)
    log.trim(EVENTS, keep_seconds=0, keep_bytes=0)
    owner = Owner(position=1)
    consumer = Consumer(log, SNUBA, EVENTS, owner, on_gap=lambda wanted, first: gaps.append((wanted, first)))
    drain(consumer)
    assert (gaps, owner.done) == ([(1, 3)], [b"3"])


def test_the_status_tells_how_it_fares(log: MemoryLog) -> None:
    fill(log, b"1", b"2", b"3")
    consumer = make_consumer(log, Work(), batch_records=2)
    consumer.clock = lambda: NOON
    consumer.run_once(NEVER)
    status = consumer.status
    assert (status.position, status.lag, status.batch_count, status.record_count) == (3, 1, 1, 2)
    assert (status.last_success_at, status.last_error) == (NOON, None)


def test_lag_is_the_age_of_the_oldest_record_not_committed(log: MemoryLog) -> None:
    assert lag_seconds(log, SNUBA, EVENTS, now=NOON) == 0
    fill(log, b"1")
    assert lag_seconds(log, SNUBA, EVENTS, now=NOON + 7) == 7
    log.commit(SNUBA, EVENTS, 2)
    assert lag_seconds(log, SNUBA, EVENTS, now=NOON + 7) == 0


def test_it_ends_after_the_batch_at_hand(log: MemoryLog) -> None:
    stop = threading.Event()
    done: list[bytes] = []

    def handle(records: Sequence[Record]) -> None:
        stop.set()
        done.extend(record.value for record in records)

    fill(log, b"1", b"2")
    make_consumer(log, handle).run(stop)
    assert done == [b"1", b"2"]
    assert log.position(SNUBA, EVENTS) == 3


def _consume_until_killed(folder: Path) -> None:
    log = SqliteLog(folder / "log.db")

    def handle(records: Sequence[Record]) -> None:
        for record in records:
            if record.value == b"deadly":
                os.kill(os.getpid(), signal.SIGKILL)
        with (folder / "done").open("ab") as done:
            done.write(b"".join(record.value + b"\n" for record in records))

    consumer = Consumer(
        log, SNUBA, EVENTS, LogHandler(log, SNUBA, EVENTS, handle), attempts_path=folder / "snuba.attempts"
    )
    while consumer.run_once(NEVER, wait_seconds=0):
        pass
    log.close()


@pytest.mark.slow
def test_a_record_that_kills_the_process_twice_is_a_dead_letter(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    fill(log, b"1", b"2", b"deadly", b"4", b"5")
    context = multiprocessing.get_context("spawn")
    exits = []
    for _ in range(5):
        process = context.Process(target=_consume_until_killed, args=(tmp_path,))
        process.start()
        process.join()
        exits.append(process.exitcode)
    # Two deaths over the batch, two over the record alone, then it is buried and the rest goes on.
    assert exits == [-signal.SIGKILL] * 4 + [0]
    assert (tmp_path / "done").read_bytes().split() == [b"1", b"2", b"4", b"5"]
    assert dead_letters(log) == [(b"deadly", 3, "killed the process twice")]
    log.close()
