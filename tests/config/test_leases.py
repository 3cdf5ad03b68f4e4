# mypy: allow-untyped-calls
"""The embedded broker: what a lease promises, alone and under Celery's own worker."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from celery import Celery
from kombu.connection import Connection

from mini_sentry.config import leases
from mini_sentry.config.embedded_celery import CONCURRENCY
from mini_sentry.config.leases import FREE_DEATHS, LONGEST_WAIT_SECONDS, REAP_SECONDS, LeaseFile, wait_seconds
from tests.config.worker import QUEUE, lines, make_app, worker

DAY_SECONDS = 86_400.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Broker:
    """A lease file and as many takers as a test wants, on one clock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = Clock()
        self.opened: list[LeaseFile] = []

    def taker(self) -> LeaseFile:
        taker = LeaseFile(self.path, clock=self.clock)
        self.opened.append(taker)
        return taker

    def close(self) -> None:
        for taker in self.opened:
            taker.close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path / "tasks.db")
    yield made
    made.close()


def body(taken: tuple[int, str] | None) -> str | None:
    return None if taken is None else taken[1]


def test_a_task_has_one_taker(broker: Broker) -> None:
    broker.taker().put("mail", "hello")
    one, other = broker.taker(), broker.taker()
    assert body(one.take("mail")) == "hello"
    assert other.take("mail") is None
    assert one.take("mail") is None


def test_queues_are_apart(broker: Broker) -> None:
    taker = broker.taker()
    taker.put("mail", "hello")
    assert taker.take("other") is None
    assert (taker.count("mail"), taker.count("other")) == (1, 0)


def test_urgent_tasks_come_first_and_then_old_ones(broker: Broker) -> None:
    taker = broker.taker()
    for name, priority in (("old", 0), ("new", 0), ("urgent", 5)):
        taker.put("mail", name, priority=priority)
    assert [body(taker.take("mail")) for _ in range(3)] == ["urgent", "old", "new"]


def test_a_released_task_is_delivered_again_and_a_finished_one_never(broker: Broker) -> None:
    one, other = broker.taker(), broker.taker()
    one.put("mail", "hello")
    task_id, _ = one.take("mail") or (0, "")
    one.release(task_id)
    assert other.take("mail") == (task_id, "hello")
    other.finish(task_id)
    other.close()
    broker.clock.now += DAY_SECONDS
    assert one.take("mail") is None
    assert one.count("mail") == 0


def test_only_its_taker_releases_a_task(broker: Broker) -> None:
    one, other = broker.taker(), broker.taker()
    one.put("mail", "hello")
    task_id, _ = one.take("mail") or (0, "")
    other.release(task_id)
    assert other.take("mail") is None


def test_a_lease_of_a_living_taker_does_not_end_by_time(broker: Broker) -> None:
    one, other = broker.taker(), broker.taker()
    one.put("mail", "hello")
    assert one.take("mail")
    broker.clock.now += 30 * DAY_SECONDS
    assert other.take("mail") is None


def test_a_lease_ends_with_its_taker(broker: Broker) -> None:
    one, other = broker.taker(), broker.taker()
    one.put("mail", "hello")
    assert one.take("mail")
    assert other.take("mail") is None
    one.close()
    broker.clock.now += REAP_SECONDS
    assert body(other.take("mail")) == "hello"


def test_a_clock_that_was_set_back_ends_leases_all_the_same(broker: Broker) -> None:
    one, other = broker.taker(), broker.taker()
    one.put("mail", "hello")
    assert one.take("mail")
    assert other.take("mail") is None
    one.close()
    broker.clock.now -= DAY_SECONDS
    assert body(other.take("mail")) == "hello"


def test_who_finishes_late_finishes_for_everyone(broker: Broker) -> None:
    one, other = broker.taker(), broker.taker()
    other.put("mail", "hello")
    task_id, _ = one.take("mail") or (0, "")
    one.release(task_id)
    one.finish(task_id)
    assert other.take("mail") is None


def test_an_id_is_never_given_twice(broker: Broker) -> None:
    taker = broker.taker()
    taker.put("mail", "first")
    first, _ = taker.take("mail") or (0, "")
    taker.finish(first)
    taker.put("mail", "second")
    assert taker.take("mail") == (first + 1, "second")


def test_a_task_that_goes_on_killing_its_process_waits_longer_each_time(broker: Broker) -> None:
    broker.taker().put("mail", "deadly")
    for _ in range(FREE_DEATHS):
        taker = broker.taker()
        assert body(taker.take("mail")) == "deadly"
        taker.close()
    last = broker.taker()
    assert last.take("mail") is None
    broker.clock.now += wait_seconds(FREE_DEATHS)
    assert body(last.take("mail")) == "deadly"


def test_no_wait_after_a_death_grows_with_a_clock_that_was_set_back(broker: Broker) -> None:
    broker.taker().put("mail", "deadly")
    for _ in range(FREE_DEATHS):
        taker = broker.taker()
        assert taker.take("mail")
        taker.close()
    last = broker.taker()
    assert last.take("mail") is None
    broker.clock.now -= DAY_SECONDS
    assert body(last.take("mail")) == "deadly"


def test_the_wait_after_a_death_has_bounds() -> None:
    waits = [wait_seconds(deaths) for deaths in range(1, 5_000)]
    assert waits[: FREE_DEATHS - 1] == [0.0] * (FREE_DEATHS - 1)
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT_SECONDS


def test_purging_leaves_what_is_being_done(broker: Broker) -> None:
    taker = broker.taker()
    taker.put("mail", "taken")
    assert taker.take("mail")
    taker.put("mail", "ready")
    assert taker.purge("mail") == 1
    assert taker.count("mail") == 1


def test_takers_leave_nothing_behind(broker: Broker) -> None:
    for _ in range(3):
        taker = broker.taker()
        taker.put("mail", "hello")
        assert taker.take("mail")
        taker.close()
    assert sorted(path.name for path in broker.path.with_name("tasks.db.takers").iterdir()) == ["turn"]


def test_a_path_may_hold_any_character(tmp_path: Path) -> None:
    path = tmp_path / "a b" / "50% off?#1.db"
    path.parent.mkdir()
    with Connection(leases.url(path)) as connection, connection.SimpleQueue("mail") as queue:
        queue.put({"to": "ann"})
        message = queue.get(timeout=1)
        assert message.payload == {"to": "ann"}
        message.ack()
        assert path.exists()


def test_a_rejected_message_goes_and_a_requeued_one_comes_again(tmp_path: Path) -> None:
    with Connection(leases.url(tmp_path / "tasks.db")) as connection, connection.SimpleQueue("mail") as queue:
        queue.put("once")
        queue.get(timeout=1).requeue()
        queue.get(timeout=1).reject()
        assert queue.qsize() == 0


def test_closing_a_connection_gives_its_messages_back(tmp_path: Path) -> None:
    url = leases.url(tmp_path / "tasks.db")
    with Connection(url) as connection, connection.SimpleQueue("mail") as queue:
        queue.put("hello")
        queue.get(timeout=1)
    with Connection(url) as connection, connection.SimpleQueue("mail") as queue:
        message = queue.get(timeout=1)
        assert message.payload == "hello"
        message.ack()


def test_waiting_for_a_message_ends_in_time(tmp_path: Path) -> None:
    with (
        Connection(leases.url(tmp_path / "tasks.db")) as connection,
        connection.SimpleQueue("mail") as queue,
        pytest.raises(queue.Empty),
    ):
        queue.get(timeout=0.3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tasks.db"


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    return tmp_path / "diary"


@pytest.fixture
def app(path: Path) -> Iterator[Celery]:
    made = make_app(path)
    yield made
    made.close()


def until(is_so: Callable[[], bool], *, within_seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + within_seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def left(path: Path) -> int:
    file = LeaseFile(path)
    try:
        return file.count(QUEUE)
    finally:
        file.close()


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_of_tasks_loses_none_and_repeats_none(
    app: Celery, path: Path, diary: Path
) -> None:
    for number in range(50):
        app.send_task("note", (str(diary), f"task {number}"))
    # Every thread hangs when the process dies: a task that is just being crossed off would rightly run again.
    hanging = [f"thread {number}" for number in range(CONCURRENCY)]
    for number, name in enumerate(hanging):
        app.send_task("hang_once", (str(diary), name), priority=9 if number == 0 else 0)
    for number in range(50, 100):
        app.send_task("note", (str(diary), f"task {number}"))
    with worker(path) as first:
        assert until(lambda: {f"{name} hangs" for name in hanging} <= set(lines(diary)))
        os.kill(first.pid or 0, signal.SIGKILL)
        first.join()
        assert left(path) > 2
    with worker(path):
        assert until(lambda: left(path) == 0), lines(diary)
    done = Counter(line for line in lines(diary) if not line.endswith("hangs"))
    assert done == Counter([f"task {number}" for number in range(100)] + hanging)


@pytest.mark.slow
def test_a_living_worker_takes_over_from_a_killed_one(app: Celery, path: Path, diary: Path) -> None:
    app.send_task("hang_once", (str(diary), "task"))
    with worker(path) as first:
        assert until(lambda: lines(diary) == ["task hangs"])
        with worker(path) as second:
            app.send_task("note", (str(diary), "other"))
            assert until(lambda: left(path) == 1)
            assert second.is_alive()
            os.kill(first.pid or 0, signal.SIGKILL)
            assert until(lambda: left(path) == 0)
    assert Counter(lines(diary)) == Counter(["task hangs", "other", "task"])


@pytest.mark.slow
def test_two_workers_share_tasks_and_run_each_once(app: Celery, path: Path, diary: Path) -> None:
    with worker(path), worker(path):
        for number in range(200):
            app.send_task("note", (str(diary), f"task {number}", 0.005))
        assert until(lambda: left(path) == 0)
    assert Counter(lines(diary)) == Counter(f"task {number}" for number in range(200))


@pytest.mark.slow
def test_retries_and_countdowns_run(app: Celery, path: Path, diary: Path) -> None:
    with worker(path):
        sent_at = time.monotonic()
        app.send_task("note", (str(diary), "later"), countdown=1.5)
        app.send_task("fail_twice", (str(diary),))
        assert until(lambda: "later" in lines(diary))
        assert time.monotonic() - sent_at >= 1.4
        assert until(lambda: left(path) == 0)
    assert lines(diary).count("tried") == 3


@pytest.mark.slow
def test_a_countdown_survives_the_worker_that_waited_for_it(app: Celery, path: Path, diary: Path) -> None:
    app.send_task("note", (str(diary), "later"), countdown=3)
    with worker(path) as first:
        app.send_task("note", (str(diary), "now"))
        assert until(lambda: left(path) == 1)
        os.kill(first.pid or 0, signal.SIGKILL)
        first.join()
    with worker(path):
        assert until(lambda: left(path) == 0)
    assert lines(diary) == ["now", "later"]


@pytest.mark.slow
def test_stopping_waits_for_what_runs_and_leaves_the_rest(app: Celery, path: Path, diary: Path) -> None:
    with worker(path) as first:
        app.send_task("note", (str(diary), "warm"))
        assert until(lambda: lines(diary) == ["warm"])
        for number in range(6):
            app.send_task("note", (str(diary), f"task {number}", 1.0))
        time.sleep(0.5)
        first.terminate()
        first.join(20)
        assert first.exitcode == 0
        assert 2 <= len(lines(diary)) < 7
        assert left(path) == 7 - len(lines(diary))
    with worker(path):
        assert until(lambda: left(path) == 0)
    assert Counter(lines(diary)) == Counter(["warm"] + [f"task {number}" for number in range(6)])


@pytest.mark.slow
def test_beat_sends_what_is_due_and_stops_at_once(path: Path, diary: Path) -> None:
    with worker(path, with_beat=True) as process:
        assert until(lambda: lines(diary).count("tick") >= 3)
        asked_at = time.monotonic()
        process.terminate()
        process.join(20)
        assert process.exitcode == 0
        assert time.monotonic() - asked_at < 5
