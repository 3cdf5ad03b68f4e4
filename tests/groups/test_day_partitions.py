"""Days of a big table come and go on PostgreSQL, and nobody waits for that for long."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from django.db import connections, transaction
from pytest_django import DjangoDbBlocker

from mini_sentry.groups.bodies import Body, Compressor, pack
from mini_sentry.groups.bodies.postgres import PartitionedBodies
from mini_sentry.groups.partitions import BODY_STORAGE, LOCK_MILLISECONDS, PAUSES_SECONDS, DayPartitions
from tests.day_tables import day_tables

pytestmark = [pytest.mark.once, pytest.mark.slow]

DAY = date(2026, 3, 14)
NEXT = DAY + timedelta(days=1)
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def database(postgres: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    with django_db_blocker.unblock(), day_tables(postgres) as alias:
        yield alias


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def days(database: str, pauses: list[float]) -> DayPartitions:
    return DayPartitions("groups_body", storage=BODY_STORAGE, using=database, pause=pauses.append)


@pytest.fixture
def other(database: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """Somebody else's connection to the same database, in a transaction until it commits."""
    settings = connections[database].settings_dict
    with psycopg.connect(
        host=settings["HOST"], port=settings["PORT"], user=settings["USER"], dbname=settings["NAME"]
    ) as connection:
        yield connection


INSERT = "INSERT INTO groups_body VALUES (%s, %s, gen_random_uuid(), 0, '')"


def test_a_day_is_made_once(days: DayPartitions) -> None:
    assert days.ensure([DAY, NEXT]) == 2
    assert days.ensure([NEXT, DAY, NEXT + timedelta(days=1)]) == 1
    assert days.days() == [DAY, NEXT, NEXT + timedelta(days=1)]


def test_a_new_day_does_not_wait_for_those_who_write(
    days: DayPartitions, other: "psycopg.Connection[tuple[object, ...]]"
) -> None:
    days.ensure([DAY])
    other.execute(INSERT, [DAY, 1])
    started = time.monotonic()
    days.ensure([NEXT])
    assert time.monotonic() - started < 1
    other.execute(INSERT, [NEXT, 1])


def test_a_day_that_was_detached_is_not_there_any_more_and_may_come_back(
    database: str, days: DayPartitions, other: "psycopg.Connection[tuple[object, ...]]"
) -> None:
    days.ensure([DAY, NEXT])
    for day in (DAY, NEXT):
        other.execute(INSERT, [day, 1])
    other.commit()
    assert days.detach(NEXT) == 1
    assert days.days() == [NEXT]
    assert other.execute("SELECT day FROM groups_body").fetchall() == [(NEXT,)]
    other.commit()
    assert days.ensure([DAY]) == 1
    assert days.detach(NEXT) == 1
    assert len(days.detached()) == 2
    for table in days.detached():
        assert days.drop(table)
        assert not days.drop(table)
    assert days.detached() == []


def test_a_table_that_others_hold_is_left_for_the_next_time(
    days: DayPartitions, pauses: list[float], other: "psycopg.Connection[tuple[object, ...]]"
) -> None:
    days.ensure([DAY, NEXT])
    other.execute(INSERT, [NEXT, 1])
    assert days.detach(NEXT) == 0
    assert pauses == [*PAUSES_SECONDS, 0.0]
    assert days.days() == [DAY, NEXT]
    other.commit()
    assert days.detach(NEXT) == 1


def test_whoever_writes_meanwhile_waits_no_longer_than_the_lock_is_waited_for(
    database: str, postgres: str, days: DayPartitions, other: "psycopg.Connection[tuple[object, ...]]"
) -> None:
    days.ensure([DAY, NEXT])
    other.execute("SELECT count(*) FROM groups_body").fetchall()  # a long question, in a transaction still open

    def detach() -> None:
        days.detach(NEXT)
        connections.close_all()

    waits: list[float] = []
    detaching = threading.Thread(target=detach)
    detaching.start()
    number = 0
    while detaching.is_alive():
        number += 1
        started = time.monotonic()
        with transaction.atomic(database), connections[database].cursor() as cursor:
            cursor.execute(INSERT, [NEXT, number])
        waits.append(time.monotonic() - started)
    assert max(waits) < 2 * LOCK_MILLISECONDS / 1000
    assert max(waits) > LOCK_MILLISECONDS / 1000 / 4, "nobody had to wait, so this shows nothing"
    other.commit()
    assert days.detach(NEXT) == 1


def make_bodies(count: int, *, second: int = 0) -> list[Body]:
    packed = Compressor(0, None).compress(pack(b'{"a": 1}', b"{}"))
    return [Body(1, f"{number:032x}", NOON + second, 0, packed) for number in range(count)]


def test_a_batch_that_is_digested_again_is_stored_once(database: str) -> None:
    bodies = PartitionedBodies(load_dictionary=lambda dictionary_id: b"", using=database)
    ids = bodies.write(DAY, make_bodies(20)[:15])
    size = bodies.sizes()[DAY]
    assert bodies.write(DAY, make_bodies(20)[:15]) == ids
    assert bodies.sizes()[DAY] == size
    assert bodies.write(DAY, make_bodies(20))[:15] == ids


def test_events_that_come_to_one_id_are_told_apart(database: str) -> None:
    bodies = PartitionedBodies(load_dictionary=lambda dictionary_id: b"", using=database, digest_bits=2)
    first = bodies.write(DAY, make_bodies(10))
    assert len(set(first)) == 10
    assert bodies.write(DAY, make_bodies(20))[:10] == first
    assert len(set(bodies.write(DAY, make_bodies(20)))) == 20
    with connections[database].cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT event) FROM groups_body")
        assert cursor.fetchone() == (20, 20)


def test_bodies_of_a_day_lie_in_the_order_of_their_seconds(database: str) -> None:
    bodies = PartitionedBodies(load_dictionary=lambda dictionary_id: b"", using=database)
    earlier = bodies.write(DAY, make_bodies(5))
    later = bodies.write(DAY, make_bodies(5, second=1))
    assert max(earlier) < min(later)
    assert max(bodies.write(DAY, make_bodies(5, second=43_199))) < 2**63


def test_bodies_are_written_without_waiting_for_the_disk_unless_a_transaction_around_them_does(database: str) -> None:
    bodies = PartitionedBodies(load_dictionary=lambda dictionary_id: b"", using=database)
    with connections[database].cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
        with transaction.atomic(database):
            bodies.write(DAY, make_bodies(1))
            cursor.execute("SHOW synchronous_commit")
            assert cursor.fetchone() == ("on",)
