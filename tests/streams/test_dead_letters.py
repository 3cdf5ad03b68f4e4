"""What can be done with records that were given up."""

import pytest

from mini_sentry.streams import dead_letters
from mini_sentry.streams.dead_letters import NotBuried
from mini_sentry.streams.engines.memory import MemoryLog
from mini_sentry.streams.topics import DEAD_LETTERS, EVENTS, INGEST, DeadLetter, pack_dead_letter

NOON = 1_700_000_000.0


class Clock:
    now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(clock: Clock) -> MemoryLog:
    return MemoryLog(clock=clock)


def bury(log: MemoryLog, value: bytes, *, topic: str = INGEST, key: bytes = b"7") -> None:
    letter = DeadLetter(
        topic=topic, partition=0, offset=42, died_at=NOON, reason="decode", detail="no JSON", value=value
    )
    log.append(DEAD_LETTERS, [(key, pack_dead_letter(letter))])


def test_dead_letters_are_listed_oldest_first_with_all_that_is_known(log: MemoryLog) -> None:
    bury(log, b"one")
    bury(log, b"three", topic=EVENTS)
    one, three = dead_letters.dead_letters(log)
    assert (one.id, one.topic, one.offset, one.died_at) == (1, INGEST, 42, NOON)
    assert (one.reason, one.detail, one.size_bytes, one.is_replayed) == ("decode", "no JSON", 3, False)
    assert (three.id, three.topic, three.value) == (2, EVENTS, b"three")


def test_one_is_shown_by_its_id(log: MemoryLog) -> None:
    bury(log, b"one")
    bury(log, b"two")
    assert dead_letters.show(log, 2).value == b"two"
    with pytest.raises(NotBuried, match="3"):
        dead_letters.show(log, 3)


def test_a_replayed_record_is_in_its_topic_again_and_marked(log: MemoryLog) -> None:
    bury(log, b"one")
    bury(log, b"two")
    dead_letters.replay(log, 1, now=NOON)
    [again] = log.read(INGEST, 1)
    assert (again.key, again.value) == (b"7", b"one")
    assert [letter.is_replayed for letter in dead_letters.dead_letters(log)] == [True, False]
    assert dead_letters.show(log, 1).is_replayed


def test_a_mark_is_no_dead_letter_itself(log: MemoryLog) -> None:
    bury(log, b"one")
    dead_letters.replay(log, 1, now=NOON)
    with pytest.raises(NotBuried):
        dead_letters.replay(log, 2, now=NOON)


def test_what_cannot_be_read_hides_no_other(log: MemoryLog) -> None:
    log.append(DEAD_LETTERS, [(b"7", b"\xc1 nothing of ours")])
    bury(log, b"one")
    assert [letter.value for letter in dead_letters.dead_letters(log)] == [b"one"]


def test_old_ones_go(log: MemoryLog, clock: Clock) -> None:
    bury(log, b"old")
    clock.now += 100
    bury(log, b"young")
    assert dead_letters.expire(log, keep_seconds=50) == 1
    assert [letter.value for letter in dead_letters.dead_letters(log)] == [b"young"]
    with pytest.raises(NotBuried):
        dead_letters.show(log, 1)


def test_more_than_a_page_of_them_is_listed(log: MemoryLog) -> None:
    for number in range(450):
        bury(log, b"%d" % number)
    assert [letter.value for letter in dead_letters.dead_letters(log)] == [b"%d" % number for number in range(450)]
