"""What every store of bodies promises, whichever engine it is."""

import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import zstandard
from django.db import connections
from pytest_django import DjangoDbBlocker

from mini_sentry.groups.bodies import Bodies, Body, BodyMissing, Compressor, pack
from mini_sentry.groups.bodies.daily_files import DailyFiles
from mini_sentry.groups.bodies.postgres import PartitionedBodies
from tests.day_tables import day_tables

DAY = date(2026, 3, 14)
NEXT = DAY + timedelta(days=1)
DICTIONARY = zstandard.train_dictionary(
    4096, [f'{{"message": "order {number} was not paid", "level": "error"}}'.encode() * 4 for number in range(400)]
).as_bytes()
DICTIONARY_ID = 7


def load(dictionary_id: int) -> bytes:
    return {DICTIONARY_ID: DICTIONARY}[dictionary_id]


@pytest.fixture(params=["daily files", pytest.param("postgres", marks=pytest.mark.slow)])
def bodies(request: pytest.FixtureRequest, tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Bodies]:
    """A store that holds nothing."""
    if request.param == "daily files":
        files = DailyFiles(tmp_path / "bodies", load_dictionary=load)
        yield files
        files.close()
        return
    with django_db_blocker.unblock(), day_tables(request.getfixturevalue("postgres")) as alias:
        yield PartitionedBodies(load_dictionary=load, using=alias)


def make_body(payload: bytes = b'{"a": 1}', *, day: date = DAY, second: int = 0, dictionary_id: int = 0) -> Body:
    """The body of an event that there was none of before."""
    compressor = Compressor(dictionary_id, load(dictionary_id) if dictionary_id else None)
    received_at = datetime.combine(day, time(12), UTC).timestamp() + second
    return Body(1, uuid4().hex, received_at, dictionary_id, compressor.compress(pack(payload, b'{"title": "broken"}')))


def is_kept(bodies: Bodies, body_id: int, day: date = DAY) -> bool:
    try:
        bodies.read(body_id, day)
    except BodyMissing:
        return False
    return True


def test_a_body_is_read_as_it_was_written(bodies: Bodies) -> None:
    [body_id] = bodies.write(DAY, [make_body(b'{"message": "no answer"}')])
    found = bodies.read(body_id, DAY)
    assert (found.payload, found.facts) == (b'{"message": "no answer"}', {"title": "broken"})


def test_each_body_of_a_batch_has_an_id_of_its_own_in_order(bodies: Bodies) -> None:
    payloads = [b'{"number": %d}' % number for number in range(300)]
    ids = bodies.write(DAY, [make_body(payload, second=number // 50) for number, payload in enumerate(payloads)])
    assert len(set(ids)) == len(ids) == 300
    assert min(ids) >= 1
    assert [bodies.read(body_id, DAY).payload for body_id in ids] == payloads


def test_an_empty_batch_has_no_ids(bodies: Bodies) -> None:
    assert bodies.write(DAY, []) == []


def test_a_body_of_megabytes_is_read_as_it_was_written(bodies: Bodies) -> None:
    payload = b'"' + os.urandom(2 << 20).hex().encode() + b'"'
    [body_id] = bodies.write(DAY, [make_body(payload)])
    assert bodies.read(body_id, DAY).payload == payload


def test_the_last_moment_of_a_day_belongs_to_it(bodies: Bodies) -> None:
    [body_id] = bodies.write(DAY, [make_body(second=43_199)])
    assert is_kept(bodies, body_id)


def test_bodies_with_and_without_a_dictionary_lie_side_by_side(bodies: Bodies) -> None:
    payload = b'{"message": "order 12 was not paid"}'
    ids = bodies.write(DAY, [make_body(payload), make_body(payload, dictionary_id=DICTIONARY_ID)])
    assert [bodies.read(body_id, DAY).payload for body_id in ids] == [payload, payload]


@pytest.mark.parametrize(("day", "body_id"), [(DAY, 0), (DAY, 12_345), (date(2020, 1, 1), 1)])
def test_what_was_never_written_is_missing(bodies: Bodies, day: date, body_id: int) -> None:
    bodies.write(DAY, [make_body()])
    with pytest.raises(BodyMissing):
        bodies.read(body_id, day)


def test_days_are_apart(bodies: Bodies) -> None:
    [first] = bodies.write(DAY, [make_body(b'{"day": 1}')])
    [second] = bodies.write(NEXT, [make_body(b'{"day": 2}', day=NEXT)])
    assert bodies.read(first, DAY).payload == b'{"day": 1}'
    assert bodies.read(second, NEXT).payload == b'{"day": 2}'


def test_a_batch_that_is_written_again_can_be_read_by_its_new_ids_and_its_old_ones(bodies: Bodies) -> None:
    batch = [make_body(b'{"number": %d}' % number) for number in range(3)]
    for ids in (bodies.write(DAY, batch), bodies.write(DAY, batch[1:])):
        assert [bodies.read(body_id, DAY).payload for body_id in ids] == [
            b'{"number": %d}' % number for number in range(3 - len(ids), 3)
        ]


def test_a_replaced_body_keeps_its_id(bodies: Bodies) -> None:
    ids = bodies.write(DAY, [make_body(b'{"a": 1}'), make_body(b'{"b": 1}')])
    new = make_body(b'{"a": 2}', dictionary_id=DICTIONARY_ID)
    bodies.replace(DAY, [(ids[0], (new.dictionary_id, new.data))])
    assert [bodies.read(body_id, DAY).payload for body_id in ids] == [b'{"a": 2}', b'{"b": 1}']


@pytest.mark.parametrize("day", [DAY, date(2020, 1, 1)])
def test_a_body_that_went_meanwhile_is_not_replaced(bodies: Bodies, day: date) -> None:
    bodies.write(DAY, [make_body()])
    bodies.replace(day, [(999, (0, make_body().data))])
    assert not is_kept(bodies, 999, day)


def test_removed_bodies_are_missing_and_the_others_stay(bodies: Bodies) -> None:
    ids = bodies.write(DAY, [make_body() for _ in range(6)])
    bodies.remove(DAY, ids[:3])
    assert [is_kept(bodies, body_id) for body_id in ids] == [False, False, False, True, True, True]


def test_a_day_without_bodies_has_nothing_to_remove(bodies: Bodies) -> None:
    bodies.remove(DAY, [1])
    assert bodies.shrink(DAY) == 0


def test_the_id_of_a_body_that_went_is_never_given_to_another(bodies: Bodies) -> None:
    ids = bodies.write(DAY, [make_body(), make_body()])
    bodies.remove(DAY, ids)
    assert set(bodies.write(DAY, [make_body(), make_body()])).isdisjoint(ids)


def test_sizes_grow_with_what_is_written_and_fall_with_what_is_removed(bodies: Bodies) -> None:
    ids = bodies.write(DAY, [make_body(os.urandom(40_000)) for _ in range(20)])
    bodies.write(NEXT, [make_body(day=NEXT)])
    before = bodies.sizes()
    assert list(before) == [DAY, NEXT]
    assert 800_000 < before[DAY] < 2_000_000
    assert before[NEXT] < 200_000
    bodies.remove(DAY, ids[:15])
    assert bodies.sizes()[DAY] < before[DAY] / 2


def test_room_that_is_given_back_takes_no_body_along(bodies: Bodies) -> None:
    ids = bodies.write(DAY, [make_body(os.urandom(40_000)) for _ in range(100)])
    bodies.remove(DAY, ids[:80])
    given: list[int] = []
    while (some := bodies.shrink(DAY)) and len(given) < 1000:
        given.append(some)
    assert given
    assert len(given) < 1000
    assert all(is_kept(bodies, body_id) for body_id in ids[80:])
    [again] = bodies.write(DAY, [make_body()])
    assert is_kept(bodies, again)


def test_dictionaries_are_referred_to_until_their_days_go(bodies: Bodies) -> None:
    bodies.write(DAY, [make_body(dictionary_id=DICTIONARY_ID)])
    [body_id] = bodies.write(NEXT, [make_body(day=NEXT)])
    assert bodies.dictionaries() >= {DICTIONARY_ID}
    bodies.retire(NEXT)
    assert DICTIONARY_ID not in bodies.dictionaries()
    new = make_body(dictionary_id=DICTIONARY_ID)
    bodies.replace(NEXT, [(body_id, (new.dictionary_id, new.data))])
    assert DICTIONARY_ID in bodies.dictionaries()


def test_days_before_the_time_are_retired_and_the_others_stay(bodies: Bodies) -> None:
    days = [DAY - timedelta(days=1), DAY, NEXT]
    ids = [bodies.write(day, [make_body(day=day)])[0] for day in days]
    assert bodies.retire(NEXT) == 2
    assert [is_kept(bodies, body_id, day) for body_id, day in zip(ids, days, strict=True)] == [False, False, True]
    assert list(bodies.sizes()) == [NEXT]
    assert bodies.retire(NEXT) == 0


def test_bodies_that_were_never_written_need_no_retiring(bodies: Bodies) -> None:
    assert bodies.retire(date(2030, 1, 1)) == 0
    assert (bodies.sizes(), bodies.dictionaries()) == ({}, set())


def test_a_day_may_come_back_after_it_was_retired(bodies: Bodies) -> None:
    bodies.write(DAY, [make_body()])
    bodies.retire(NEXT)
    [body_id] = bodies.write(DAY, [make_body(b'{"late": true}')])
    assert bodies.read(body_id, DAY).payload == b'{"late": true}'


def test_several_may_write_to_a_new_day_at_once(bodies: Bodies) -> None:
    ids: list[int] = []
    failed: list[Exception] = []

    def write() -> None:
        try:
            for _ in range(5):
                ids.extend(bodies.write(DAY, [make_body(second=second) for second in range(10)]))
        except Exception as error:
            failed.append(error)
        finally:
            bodies.close()
            connections.close_all()

    _all_at_once(write, 4)
    assert failed == []
    assert len(set(ids)) == 200
    assert all(is_kept(bodies, body_id) for body_id in ids)


def _all_at_once(run: Callable[[], None], count: int) -> None:
    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
