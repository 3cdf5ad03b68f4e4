"""Events leave when their time is up; what was counted stays counted."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from mini_sentry.groups.bodies import Bodies, BodyMissing, Compressor, pack
from mini_sentry.groups.models import BodyDictionary, Event, Group, GroupScope
from mini_sentry.groups.retention import MOST_ROWS, Retired, delete, retire
from mini_sentry.groups.tasks import expire_dead_letters, retire_events
from mini_sentry.projects.models import Project
from mini_sentry.streams.engines.sqlite import SqliteLog
from mini_sentry.streams.open import TOPICS_FILE, open_logs
from mini_sentry.streams.topics import DEAD_LETTERS, INGEST, READERS
from tests.factories import NOON, make_event, make_group, make_project

OLD = NOON - timedelta(seconds=1)


@pytest.fixture
def bodies(tmp_path: Path) -> Iterator[Bodies]:
    made = Bodies(tmp_path / "bodies")
    yield made
    made.close()


def write_body(bodies: Bodies, day: date) -> int:
    [body_id] = bodies.write(day, [(0, Compressor(0, None).compress(pack(b'{"a": 1}', b"{}")))])
    return body_id


class Pauses(list[float]):
    """Remembers the pauses instead of making them."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def stored(group: Group) -> tuple[int, int, int]:
    """The group's counted, stored and actually present events."""
    group.refresh_from_db()
    return group.count, group.stored_count, group.events.count()


def test_old_events_go_and_counts_stay(shop: Project, bodies: Bodies) -> None:
    group = make_group(shop, count=5, stored_count=3)
    kept = make_event(group, received_at=NOON)
    make_event(group, received_at=OLD)
    make_event(group, received_at=OLD - timedelta(days=40))
    assert retire(NOON, bodies=bodies, pause=Pauses()) == Retired(2, 0, is_complete=True)
    assert stored(group) == (5, 1, 1)
    assert group.events.get() == kept
    assert GroupScope.objects.get(group=group).count == 5


def test_a_client_s_date_does_not_matter(shop: Project, bodies: Bodies) -> None:
    group = make_group(shop)
    make_event(group, received_at=NOON, timestamp=NOON - timedelta(days=29))
    assert retire(NOON - timedelta(days=1), bodies=bodies, pause=Pauses()).event_count == 0


def test_each_group_is_counted_down_by_its_own_events(shop: Project, bodies: Bodies) -> None:
    loud, quiet = make_group(shop, count=9, stored_count=3), make_group(shop, count=2, stored_count=2)
    other = make_group(make_project("Blog"), count=4, stored_count=1)
    for group, received_at in ((loud, OLD), (loud, OLD), (loud, NOON), (quiet, OLD), (quiet, NOON), (other, OLD)):
        make_event(group, received_at=received_at)
    assert retire(NOON, bodies=bodies, pause=Pauses()).event_count == 4
    assert (stored(loud), stored(quiet), stored(other)) == ((9, 1, 1), (2, 1, 1), (4, 0, 0))


def test_a_group_without_events_stays(shop: Project, bodies: Bodies) -> None:
    group = make_group(shop)
    make_event(group, received_at=OLD)
    retire(NOON, bodies=bodies, pause=Pauses())
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


def test_many_events_go_in_small_transactions_with_pauses(shop: Project, bodies: Bodies) -> None:
    group = make_group(shop)
    make_many(group, 2 * MOST_ROWS + 1)
    pauses = Pauses()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        retire(NOON, bodies=bodies, pause=pauses)
    deletions = [query["sql"] for query in queries if query["sql"].startswith("DELETE")]
    assert len(deletions) == len(pauses) == 3
    assert min(pauses) > 0
    assert stored(group) == (2 * MOST_ROWS + 1, 0, 0)


def test_retention_that_is_cut_off_goes_on_the_next_time(shop: Project, bodies: Bodies) -> None:
    group = make_group(shop)
    make_many(group, 2 * MOST_ROWS)
    write_body(bodies, date(2026, 1, 1))
    answers = iter([True, False])
    first = retire(NOON, bodies=bodies, goes_on=lambda: next(answers), pause=Pauses())
    assert first == Retired(MOST_ROWS, 0, is_complete=False)
    assert stored(group) == (2 * MOST_ROWS, MOST_ROWS, MOST_ROWS)
    assert retire(NOON, bodies=bodies, pause=Pauses()) == Retired(MOST_ROWS, 1, is_complete=True)


def test_a_row_that_two_runs_found_is_counted_down_once(shop: Project) -> None:
    group = make_group(shop, count=2, stored_count=2)
    ids = [make_event(group, received_at=OLD).pk, make_event(group, received_at=OLD).pk]
    assert [delete(ids[:1]), delete(ids), delete(ids)] == [1, 1, 0]
    assert stored(group) == (2, 0, 0)


def test_bodies_go_with_their_day(db: None, bodies: Bodies) -> None:
    BodyDictionary.objects.create(project_id=1, data=b"trained")
    days = [NOON.date() - timedelta(days=age) for age in (2, 1, 0)]
    ids = [write_body(bodies, day) for day in days]
    assert retire(NOON, bodies=bodies, pause=Pauses()).day_count == 2
    for day, body_id in zip(days[:2], ids, strict=False):
        with pytest.raises(BodyMissing):
            bodies.read(body_id, day)
    # The day of the boundary has events that are kept.
    assert bodies.read(ids[2], days[2]).payload == b'{"a": 1}'
    assert BodyDictionary.objects.count() == 1


def test_a_day_s_file_goes_with_what_lies_beside_it(tmp_path: Path, bodies: Bodies) -> None:
    write_body(bodies, date(2026, 1, 1))
    assert bodies.retire(date(2026, 1, 2)) == 1
    assert list((tmp_path / "bodies").iterdir()) == []


def test_other_files_of_the_directory_stay(tmp_path: Path, bodies: Bodies) -> None:
    write_body(bodies, date(2026, 1, 1))
    other = tmp_path / "bodies" / "2026-99-99.db"
    other.touch()
    assert bodies.retire(date(2030, 1, 1)) == 1
    assert other.exists()


def test_bodies_that_were_never_written_need_no_retiring(tmp_path: Path) -> None:
    assert Bodies(tmp_path / "nowhere").retire(date(2030, 1, 1)) == 0


def test_a_day_may_come_back_after_it_was_retired(bodies: Bodies) -> None:
    day = date(2026, 1, 1)
    write_body(bodies, day)
    bodies.retire(date(2026, 1, 2))
    assert bodies.read(write_body(bodies, day), day).payload == b'{"a": 1}'


def test_the_task_keeps_what_the_setting_says(shop: Project, settings: Settings, tmp_path: Path) -> None:
    settings.BODIES_DIR, settings.RETENTION_DAYS = tmp_path, 7
    group = make_group(shop, count=2, stored_count=2)
    for days in (6, 8):
        make_event(group, received_at=timezone.now() - timedelta(days=days))
    retire_events()
    assert stored(group) == (2, 1, 1)


def test_a_retention_of_no_days_keeps_everything(shop: Project, settings: Settings, tmp_path: Path) -> None:
    settings.BODIES_DIR, settings.RETENTION_DAYS = tmp_path, 0
    group = make_group(shop)
    make_event(group, received_at=timezone.now() - timedelta(days=4_000))
    retire_events()
    assert stored(group) == (1, 1, 1)


def bury(directory: Path, died_at: datetime) -> None:
    readers = {topic: groups for topic, groups in READERS.items() if topic != INGEST}
    with closing(SqliteLog(directory / TOPICS_FILE, readers=readers, clock=died_at.timestamp)) as log:
        log.append(DEAD_LETTERS, [(b"1", b"letter")])


@pytest.mark.parametrize(("days", "kept"), [(7, 1), (30, 2), (0, 2)])
def test_dead_letters_go_after_as_many_days(settings: Settings, tmp_path: Path, days: int, kept: int) -> None:
    settings.DATA_DIR, settings.RETENTION_DAYS = tmp_path, days
    for age in (8, 6):
        bury(tmp_path, timezone.now() - timedelta(days=age))
    expire_dead_letters()
    with closing(open_logs(tmp_path)) as log:
        assert len(log.read(DEAD_LETTERS, 0)) == kept
