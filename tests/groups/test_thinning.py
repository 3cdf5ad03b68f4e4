"""When bodies take too much room, loud groups keep fewer of them; rows and counts stay."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mini_sentry.groups.bodies import Bodies, Body, BodyMissing, Compressor, open_bodies, pack
from mini_sentry.groups.models import Event, Group
from mini_sentry.groups.thinning import fair_share, thin_bodies
from mini_sentry.projects.models import Project
from mini_sentry.projects.retention import MOST_ROWS, Sweep
from tests.factories import NOON, make_group

BODY_BYTES = 4_000
MEGABYTE = 1 << 20


@pytest.fixture
def bodies(tmp_path: Path) -> Iterator[Bodies]:
    made = open_bodies(tmp_path / "bodies")
    yield made
    made.close()


def a_sweep(pauses: list[float] | None = None) -> Sweep:
    return Sweep(now=NOON, before=NOON - timedelta(days=30), pause=(pauses if pauses is not None else []).append)


def occur(group: Group, bodies: Bodies, count: int, *, days_ago: int = 0) -> None:
    """Give the group so many events with bodies that do not compress, a second apart."""
    start = NOON - timedelta(days=days_ago)
    compressor = Compressor(0, None)
    event_ids = [os.urandom(16).hex() for _ in range(count)]
    packed = [compressor.compress(pack(os.urandom(BODY_BYTES), b"{}")) for _ in event_ids]
    written = [
        Body(group.project_id, event_id, start.timestamp() + second, 0, data)
        for second, (event_id, data) in enumerate(zip(event_ids, packed, strict=True))
    ]
    ids = bodies.write(start.date(), written)
    Event.objects.bulk_create(
        Event(
            project=group.project,
            group=group,
            event_id=event_id,
            received_at=start + timedelta(seconds=second),
            timestamp=start,
            level="error",
            body_id=body_id,
        )
        for second, (event_id, body_id) in enumerate(zip(event_ids, ids, strict=True))
    )
    Group.objects.filter(pk=group.pk).update(count=count, stored_count=count)


def kept(group: Group) -> list[int]:
    """Which of the group's events still have a body, by their place in the order of receipt."""
    events = group.events.order_by("received_at", "pk").values_list("body_id", flat=True)
    return [place for place, body_id in enumerate(events) if body_id]


@pytest.mark.parametrize(
    ("counts", "room", "share"),
    [
        ([10, 1, 1], 12, 10),
        ([10, 1, 1], 5, 3),
        ([10, 8, 1], 7, 3),
        ([1000, 1000], 3, 1),
        ([5, 5], 0, 1),
        ([], 0, 1),
    ],
)
def test_every_group_may_keep_as_many_as_the_room_allows(counts: list[int], room: int, share: int) -> None:
    assert fair_share(counts, room=room) == share


@pytest.mark.parametrize("limit_bytes", [0, 100 * MEGABYTE])
def test_below_the_limit_nothing_goes(shop: Project, bodies: Bodies, limit_bytes: int) -> None:
    group = make_group(shop)
    occur(group, bodies, 50)
    assert thin_bodies(a_sweep(), bodies=bodies, limit_bytes=limit_bytes) == 0
    assert len(kept(group)) == 50


def test_the_loud_group_gives_and_the_quiet_ones_keep_all(shop: Project, bodies: Bodies) -> None:
    loud, quiet, other = make_group(shop), make_group(shop), make_group(shop)
    for days_ago, group, count in ((1, quiet, 40), (0, loud, 1_000), (0, other, 60)):
        occur(group, bodies, count, days_ago=days_ago)
    gone = thin_bodies(a_sweep(), bodies=bodies, limit_bytes=2 * MEGABYTE)
    places = kept(loud)
    assert len(places) == 1_000 - gone < 500
    assert places[0] == 0, "the first stays"
    assert places[1:] == list(range(1_001 - len(places), 1_000)), "and so do the newest"
    assert (len(kept(quiet)), len(kept(other))) == (40, 60)
    assert sum(bodies.sizes().values()) <= 2 * MEGABYTE


def test_what_stays_can_be_read_and_what_went_is_missing(shop: Project, bodies: Bodies) -> None:
    group = make_group(shop)
    occur(group, bodies, 600)
    before = dict(group.events.values_list("pk", "body_id"))
    gone = thin_bodies(a_sweep(), bodies=bodies, limit_bytes=MEGABYTE)
    assert gone > 300
    for event in group.events.all():
        if event.body_id:
            assert len(bodies.read(event.body_id, NOON.date()).payload) == BODY_BYTES
        else:
            with pytest.raises(BodyMissing):
                bodies.read(before[event.pk], NOON.date())
            with pytest.raises(BodyMissing):
                bodies.read(event.body_id, NOON.date())


def test_events_and_counts_stay(shop: Project, bodies: Bodies) -> None:
    group = make_group(shop)
    occur(group, bodies, 600)
    thin_bodies(a_sweep(), bodies=bodies, limit_bytes=MEGABYTE)
    group.refresh_from_db()
    assert (group.count, group.stored_count, group.events.count()) == (600, 600, 600)


def test_bodies_go_few_at_a_time_with_pauses(shop: Project, bodies: Bodies) -> None:
    group = make_group(shop)
    for _ in range(4):
        occur(group, bodies, 500)
    pauses: list[float] = []
    gone = thin_bodies(a_sweep(pauses), bodies=bodies, limit_bytes=2 * MEGABYTE)
    assert len(pauses) >= gone / MOST_ROWS
    assert min(pauses) > 0


def test_when_one_body_a_group_is_too_much_whole_days_go_and_today_stays(shop: Project, bodies: Bodies) -> None:
    groups = [make_group(shop) for _ in range(3)]
    for days_ago, group in enumerate(reversed(groups)):
        occur(group, bodies, 1, days_ago=days_ago)
    thin_bodies(a_sweep(), bodies=bodies, limit_bytes=1)
    assert [len(kept(group)) for group in groups] == [0, 0, 1]
    assert list(bodies.sizes()) == [NOON.date()]
