"""The spool before a log that goes away and comes back."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mini_sentry.streams.engines.memory import MemoryLog
from mini_sentry.streams.engines.sqlite import SqliteLog
from mini_sentry.streams.log import DeliveredTokens, LogFull, LogUnavailable, RecordRefused, Submit
from mini_sentry.streams.spool import FILE, Spooling
from mini_sentry.streams.topics import DEAD_LETTERS, EVENTS, INGEST, unpack_dead_letter


class FickleLog(MemoryLog):
    """Away on demand: `at_once` raises when it is told, else reports the failure later. Refuses values that start with `!`."""

    may_repeat = True
    is_away = False
    at_once = False

    def append(self, topic: str, entries: Any, *, timeout_seconds: float = 30.0) -> None:
        if self.is_away:
            raise LogUnavailable("away")
        if any(value.startswith(b"!") for _, value in entries):
            raise RecordRefused("too large")
        super().append(topic, entries)

    def end_offset(self, topic: str, partition: int = 0) -> int:
        if self.is_away:
            raise LogUnavailable("away")
        return super().end_offset(topic, partition)

    def producer(self, delivered: DeliveredTokens) -> Submit:
        def submit(topic: str, key: bytes, value: bytes, token: Any) -> None:
            if self.is_away and self.at_once:
                raise LogUnavailable("away")
            try:
                self.append(topic, [(key, value)])
            except (LogUnavailable, RecordRefused) as error:
                threading.Thread(target=delivered, args=([token], error)).start()
            else:
                delivered([token], None)

        return submit


class Producer:
    """What a producer heard: the error of each record, None when it is durable."""

    def __init__(self, log: Spooling) -> None:
        self._submit = log.producer(self._delivered)
        self.heard: dict[bytes, Exception | None] = {}

    def __call__(self, *values: bytes, topic: str = INGEST) -> None:
        for value in values:
            self._submit(topic, b"1", value, value)

    def _delivered(self, tokens: list[Any], error: Exception | None) -> None:
        self.heard.update(dict.fromkeys(tokens, error))


@pytest.fixture
def log() -> FickleLog:
    return FickleLog()


@pytest.fixture
def spooling(log: FickleLog, tmp_path: Path) -> Iterator[Spooling]:
    spooling = Spooling(log, tmp_path, max_bytes=1000)
    yield spooling
    spooling.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


def values(log: MemoryLog) -> list[bytes]:
    return [record.value for record in log.read(INGEST, 1)]


def test_what_the_log_takes_does_not_touch_the_spool(log: FickleLog, spooling: Spooling) -> None:
    submit = Producer(spooling)
    submit(b"a", b"b")
    assert submit.heard == {b"a": None, b"b": None}
    assert values(log) == [b"a", b"b"]
    status = spooling.status()
    assert (status.is_away, status.waiting, status.size_bytes) == (False, 0, 0)


@pytest.mark.parametrize("at_once", [True, False], ids=["told at once", "told later"])
def test_while_the_log_is_away_records_are_durable_in_the_spool(
    log: FickleLog, spooling: Spooling, at_once: bool
) -> None:
    log.is_away, log.at_once = True, at_once
    submit = Producer(spooling)
    submit(b"a", b"b")
    until(lambda: submit.heard == {b"a": None, b"b": None})
    until(lambda: spooling.status().waiting == 2)
    assert spooling.status().is_away
    assert values(log) == []


def test_what_was_spooled_is_sent_on_when_the_log_is_back_and_leaves_the_spool(
    log: FickleLog, spooling: Spooling
) -> None:
    log.is_away = log.at_once = True
    submit = Producer(spooling)
    submit(*[b"%d" % number for number in range(30)])
    until(lambda: len(submit.heard) == 30)
    log.is_away = False
    until(lambda: spooling.status().waiting == 0)
    assert values(log) == [b"%d" % number for number in range(30)]
    until(lambda: spooling.status().size_bytes == 0 and not spooling.status().is_away)
    submit(b"next")
    assert values(log)[-1] == b"next"


def test_a_log_that_was_away_and_lost_nothing_is_taken_again(log: FickleLog, tmp_path: Path) -> None:
    spooling = Spooling(log, tmp_path, max_bytes=0)
    log.is_away = log.at_once = True
    submit = Producer(spooling)
    with pytest.raises(LogFull):
        submit(b"a")
    assert spooling.status().is_away
    log.is_away = False
    until(lambda: not spooling.status().is_away)
    submit(b"b")
    assert values(log) == [b"b"]
    spooling.close()


def test_a_full_spool_takes_nothing_more_and_the_producer_hears_of_it(log: FickleLog, spooling: Spooling) -> None:
    log.is_away = True
    submit = Producer(spooling)
    submit(b"x" * 600)
    until(lambda: len(submit.heard) == 1)
    with pytest.raises(LogFull):
        submit(b"y" * 600)
    assert spooling.status().waiting == 1


def test_what_is_spooled_outlives_the_process(log: FickleLog, tmp_path: Path) -> None:
    log.is_away = log.at_once = True
    first = Spooling(log, tmp_path, max_bytes=1000)
    Producer(first)(b"a", b"b")
    first.close()
    later = FickleLog()
    second = Spooling(later, tmp_path, max_bytes=1000)
    until(lambda: second.status().waiting == 0)
    assert values(later) == [b"a", b"b"]
    second.close()


def test_of_two_processes_that_share_a_spool_one_sends_on(log: FickleLog, tmp_path: Path) -> None:
    log.is_away = log.at_once = True
    one, two = (Spooling(log, tmp_path, max_bytes=1000) for _ in range(2))
    for number, spooling in enumerate((one, two)):
        Producer(spooling)(b"from %d" % number)
    until(lambda: one.status().waiting == 2)
    log.is_away = False
    until(lambda: one.status().waiting == 0 and not one.status().is_away and not two.status().is_away)
    assert sorted(values(log)) == [b"from 0", b"from 1"]
    one.close()
    two.close()


def test_a_record_that_the_log_refuses_is_not_spooled(log: FickleLog, spooling: Spooling) -> None:
    submit = Producer(spooling)
    submit(b"!large")
    until(lambda: len(submit.heard) == 1)
    assert isinstance(submit.heard[b"!large"], RecordRefused)
    assert spooling.status().waiting == 0


def test_a_spooled_record_that_the_log_refuses_holds_nobody_up(log: FickleLog, tmp_path: Path) -> None:
    spooling = Spooling(log, tmp_path, max_bytes=1000)
    log.is_away = log.at_once = True
    Producer(spooling)(b"a", b"!large", b"b")
    until(lambda: spooling.status().waiting == 3)
    log.is_away = False
    until(lambda: spooling.status().waiting == 0)
    assert values(log) == [b"a", b"b"]
    assert spooling.status().refused == 1
    spooling.close()
    spool = SqliteLog(tmp_path / FILE, readers={INGEST: (), DEAD_LETTERS: ()})
    [letter] = [unpack_dead_letter(record.value) for record in spool.read(DEAD_LETTERS, 1)]
    assert (letter.value, letter.reason) == (b"!large", "refused")
    spool.close()


def test_other_topics_are_not_spooled(log: FickleLog, spooling: Spooling) -> None:
    log.is_away = True
    submit = Producer(spooling)
    submit(b"row", topic=EVENTS)
    until(lambda: len(submit.heard) == 1)
    assert isinstance(submit.heard[b"row"], LogUnavailable)
