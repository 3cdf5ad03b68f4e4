"""Events leave when their time is up; what was counted stays counted."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings

from mini_sentry.config.retention import STEPS, retain
from mini_sentry.groups.bodies import Bodies, Body, BodyMissing, Compressor, open_bodies, pack
from mini_sentry.groups.models import BodyDictionary, Event, Group, GroupScope
from mini_sentry.groups.partitions import AHEAD, make_ahead, partitioned
from mini_sentry.groups.retention import delete, expire_dictionaries, retire_events, retire_some
from mini_sentry.groups.tasks import make_days
from mini_sentry.projects.models import OutcomeCount, Project
from mini_sentry.projects.retention import MOST_ROWS, Sweep, expire_outcomes
from mini_sentry.streams.engines.sqlite import SqliteLog
from mini_sentry.streams.open import TOPICS_FILE, open_logs
from mini_sentry.streams.topics import DEAD_LETTERS, INGEST, READERS
from tests.factories import NOON, make_event, make_group, make_project

OLD = NOON - timedelta(days=1)
"""A store that lets whole days go may keep what is less than a day too old."""


@pytest.fixture
def bodies(tmp_path: Path) -> Iterator[Bodies]:
    made = open_bodies(tmp_path / "bodies")
    yield made
    made.close()


def write_body(bodies: Bodies, day: date, *, dictionary_id: int = 0) -> int:
    at = datetime.combine(day, time(12), UTC).timestamp()
    data = Compressor(0, None).compress(pack(b'{"a": 1}', b"{}"))
    [body_id] = bodies.write(day, [Body(1, uuid4().hex, at, dictionary_id, data)])
    return body_id


class Pauses(list[float]):
    """Remembers the pauses instead of making them."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def sweep_to(
    before: datetime = NOON,
    *,
    pause: Callable[[float], object] = lambda seconds: None,
    goes_on: Callable[[], bool] = lambda: True,
) -> Sweep:
    return Sweep(now=before + timedelta(days=30), before=before, goes_on=goes_on, pause=pause)


def stored(group: Group) -> tuple[int, int, int]:
    """The group's counted, stored and actually present events."""
    group.refresh_from_db()
    return group.count, group.stored_count, group.events.count()


def test_old_events_go_and_counts_stay(shop: Project, bodies: Bodies) -> None:
    group = make_group(shop, count=5, stored_count=3)
    kept = make_event(group, received_at=NOON)
    make_event(group, received_at=OLD)
    make_event(group, received_at=OLD - timedelta(days=40))
    assert retire_events(sweep_to(), bodies=bodies) == 2
    assert stored(group) == (5, 1, 1)
    assert group.events.get() == kept
    assert GroupScope.objects.get(group=group).count == 5


def test_a_client_s_date_does_not_matter(shop: Project, bodies: Bodies) -> None:
    group = make_group(shop)
    make_event(group, received_at=NOON, timestamp=NOON - timedelta(days=29))
    assert retire_events(sweep_to(NOON - timedelta(days=1)), bodies=bodies) == 0


def test_each_group_is_counted_down_by_its_own_events(shop: Project, bodies: Bodies) -> None:
    loud, quiet = make_group(shop, count=9, stored_count=3), make_group(shop, count=2, stored_count=2)
    other = make_group(make_project("Blog"), count=4, stored_count=1)
    for group, received_at in ((loud, OLD), (loud, OLD), (loud, NOON), (quiet, OLD), (quiet, NOON), (other, OLD)):
        make_event(group, received_at=received_at)
    assert retire_events(sweep_to(), bodies=bodies) == 4
    assert (stored(loud), stored(quiet), stored(other)) == ((9, 1, 1), (2, 1, 1), (4, 0, 0))


def test_a_group_without_events_stays(shop: Project, bodies: Bodies) -> None:
    group = make_group(shop)
    make_event(group, received_at=OLD)
    retire_events(sweep_to(), bodies=bodies)
    assert stored(group) == (1, 0, 0)


def make_many(group: Group, count: int) -> None:
    Event.objects.bulk_create(
        Event(
            project=group.project,
            group=group,
            event_id=f"{number:032x}",
            received_at=OLD,
            timestamp=OLD,
            level="error",
            body_id=0,
        )
        for number in range(count)
    )
    Group.objects.filter(pk=group.pk).update(count=count, stored_count=count)


def test_many_events_go_with_pauses(shop: Project, bodies: Bodies) -> None:
    group = make_group(shop)
    make_many(group, 2 * MOST_ROWS + 1)
    pauses = Pauses()
    retire_events(sweep_to(pause=pauses), bodies=bodies)
    assert pauses
    assert min(pauses) > 0
    assert stored(group) == (2 * MOST_ROWS + 1, 0, 0)


def test_a_transaction_takes_only_so_many_rows(shop: Project) -> None:
    group = make_group(shop)
    make_many(group, 2 * MOST_ROWS + 1)
    assert [retire_some(shop.pk, sweep_to()) for _ in range(4)] == [MOST_ROWS, MOST_ROWS, 1, 0]
    assert stored(group) == (2 * MOST_ROWS + 1, 0, 0)


def test_retention_that_is_cut_off_goes_on_the_next_time(shop: Project, bodies: Bodies) -> None:
    group = make_group(shop)
    make_many(group, 2 * MOST_ROWS)
    body_id = write_body(bodies, date(2026, 1, 1))
    answers = iter([True, False, False])
    first = retire_events(sweep_to(goes_on=lambda: next(answers, False)), bodies=bodies)
    assert bodies.read(body_id, date(2026, 1, 1)).payload == b'{"a": 1}'
    assert first + retire_events(sweep_to(), bodies=bodies) == 2 * MOST_ROWS
    assert stored(group) == (2 * MOST_ROWS, 0, 0)
    with pytest.raises(BodyMissing):
        bodies.read(body_id, date(2026, 1, 1))


@pytest.mark.parametrize("steps", range(6))
def test_retention_may_be_cut_off_anywhere(shop: Project, bodies: Bodies, steps: int) -> None:
    groups = [make_group(shop, count=3, stored_count=3) for _ in range(2)]
    for group in groups:
        for received_at in (OLD, OLD - timedelta(days=9), NOON):
            make_event(group, received_at=received_at)
    answers = iter([True] * steps)
    gone = retire_events(sweep_to(goes_on=lambda: next(answers, False)), bodies=bodies)
    gone += retire_events(sweep_to(), bodies=bodies)
    assert gone == 4
    assert [stored(group) for group in groups] == [(3, 1, 1), (3, 1, 1)]


def test_an_event_that_was_retired_is_a_new_one_when_it_is_sent_again(shop: Project, bodies: Bodies) -> None:
    group = make_group(shop, count=1, stored_count=1)
    old = make_event(group, received_at=OLD)
    retire_events(sweep_to(), bodies=bodies)
    make_event(group, event_id=old.event_id, received_at=NOON)
    assert group.events.count() == 1


def test_days_to_come_are_there_before_they_come(db: None) -> None:
    make_days()
    assert make_ahead(timezone.now()) == 0
    for table in partitioned():
        assert timezone.now().date() + AHEAD in table.days()


def test_a_row_that_two_runs_found_is_counted_down_once(shop: Project) -> None:
    group = make_group(shop, count=2, stored_count=2)
    ids = [make_event(group, received_at=OLD).pk, make_event(group, received_at=OLD).pk]
    assert [delete(ids[:1]), delete(ids), delete(ids)] == [1, 1, 0]
    assert stored(group) == (2, 0, 0)


def test_bodies_go_with_their_day(db: None, bodies: Bodies) -> None:
    days = [NOON.date() - timedelta(days=age) for age in (2, 1, 0)]
    ids = [write_body(bodies, day) for day in days]
    retire_events(sweep_to(), bodies=bodies)
    for day, body_id in zip(days[:2], ids, strict=False):
        with pytest.raises(BodyMissing):
            bodies.read(body_id, day)
    # The day of the boundary has events that are kept.
    assert bodies.read(ids[2], days[2]).payload == b'{"a": 1}'


def test_a_dictionary_stays_while_a_body_refers_to_it_or_it_is_the_newest(shop: Project, bodies: Bodies) -> None:
    made = [
        BodyDictionary.objects.create(project_id=project_id, data=b"trained", created_at=NOON + timedelta(hours=hours))
        for project_id, hours in ((shop.pk, 0), (shop.pk, 1), (shop.pk, 2), (9_999, 0))
    ]
    unused, referred, newest, orphan = (dictionary.pk for dictionary in made)
    write_body(bodies, date(2026, 3, 14), dictionary_id=referred)
    assert expire_dictionaries(sweep_to(), bodies=bodies) == 2
    assert set(BodyDictionary.objects.values_list("pk", flat=True)) == {referred, newest}
    assert {unused, orphan}.isdisjoint({referred, newest})
    bodies.retire(date(2026, 3, 15))
    assert expire_dictionaries(sweep_to(), bodies=bodies) == 1
    assert BodyDictionary.objects.get().pk == newest


def test_a_dictionary_that_was_just_replaced_may_still_be_written_with(shop: Project, bodies: Bodies) -> None:
    for minutes in (600, 59):
        at = NOON + timedelta(days=30) - timedelta(minutes=minutes)
        BodyDictionary.objects.create(project_id=shop.pk, data=b"trained", created_at=at)
    assert expire_dictionaries(sweep_to(), bodies=bodies) == 0


def test_counts_of_outcomes_leave_by_the_hour(shop: Project) -> None:
    for hours in (-1, 0, 1):
        OutcomeCount.objects.create(
            project_id=shop.pk, hour=NOON + timedelta(hours=hours), outcome="accepted", category="error", quantity=1
        )
    assert expire_outcomes(sweep_to()) == 1
    assert OutcomeCount.objects.count() == 2


@pytest.fixture
def directory(settings: Settings, tmp_path: Path) -> Path:
    settings.DATA_DIR, settings.BODIES_DIR = tmp_path, tmp_path / "bodies"
    return tmp_path


@pytest.mark.usefixtures("directory")
@pytest.mark.parametrize(("days", "kept"), [(7, 1), (0, 2)])
def test_the_task_keeps_what_the_setting_says(shop: Project, settings: Settings, days: int, kept: int) -> None:
    settings.RETENTION_DAYS = days
    group = make_group(shop, count=2, stored_count=2)
    for age in (6, 4_000):
        make_event(group, received_at=timezone.now() - timedelta(days=age))
    retain()
    assert stored(group) == (2, kept, kept)


def test_a_step_that_fails_holds_no_other_up(
    shop: Project, settings: Settings, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings.RETENTION_DAYS = 7
    settings.EVENT_STORAGE_LIMIT_MB = "no number"
    OutcomeCount.objects.create(project_id=shop.pk, hour=NOON, outcome="accepted", category="error", quantity=1)
    retain()
    assert not OutcomeCount.objects.exists()
    assert "Retention failed: bodies of loud groups" in caplog.text


def test_every_step_bears_an_installation_in_which_nothing_happened_yet(db: None, directory: Path) -> None:
    sweep = sweep_to()
    assert {what: step(sweep) for what, step in STEPS.items()} == dict.fromkeys(STEPS, 0)


def bury(directory: Path, died_at: datetime) -> None:
    readers = {topic: groups for topic, groups in READERS.items() if topic != INGEST}
    with closing(SqliteLog(directory / TOPICS_FILE, readers=readers, clock=died_at.timestamp)) as log:
        log.append(DEAD_LETTERS, [(b"1", b"letter")])


@pytest.mark.parametrize(("days", "kept"), [(7, 1), (30, 2), (0, 2)])
def test_dead_letters_go_after_as_many_days(
    db: None, settings: Settings, directory: Path, days: int, kept: int
) -> None:
    settings.RETENTION_DAYS = days
    for age in (8, 6):
        bury(directory, timezone.now() - timedelta(days=age))
    retain()
    with closing(open_logs(directory)) as log:
        assert len(log.read(DEAD_LETTERS, 0)) == kept
