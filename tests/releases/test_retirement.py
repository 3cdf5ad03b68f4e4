"""Which uploads leave when nobody needs them any more."""

from datetime import timedelta

import pytest
from pytest_django import Settings

from mini_sentry.config.retention import STEPS
from mini_sentry.projects.models import Project
from mini_sentry.projects.retention import Sweep, sweep_of
from mini_sentry.releases.artifacts import mark_used, retire
from mini_sentry.releases.models import Artifact, Release
from tests.factories import NOON, make_release

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def make_artifact(
    release: Release | None, project: Project, name: str, *, age: int, used: int | None = None, **fields: str
) -> Artifact:
    """An upload so many days old, last used so many days ago."""
    return Artifact.objects.create(
        project=project,
        release=release,
        name=name,
        kind=fields.get("kind", Artifact.Kind.SOURCE_MAP),
        checksum=name,
        size=1,
        created_at=NOON - age * DAY,
        used_at=None if used is None else NOON - used * DAY,
    )


def left(days: int = 90) -> list[str]:
    sweep: Sweep = sweep_of(30, now=NOON)
    retire(sweep, days=days)
    return list(Artifact.objects.order_by("pk").values_list("name", flat=True))


def test_the_files_of_a_release_leave_together_when_none_is_new_or_used(shop: Project) -> None:
    for version, age, used in (("unused", 91, None), ("used", 300, 5), ("new", 5, None), ("used long ago", 300, 91)):
        release = make_release(shop, version)
        make_artifact(release, shop, f"{version}: a", age=age, used=used)
        make_artifact(release, shop, f"{version}: b", age=max(age, 100))
    assert left() == ["used: a", "used: b", "new: a", "new: b"]
    assert Release.objects.count() == 4


def test_files_of_no_release_leave_one_by_one(shop: Project) -> None:
    make_artifact(None, shop, "old", age=91)
    make_artifact(None, shop, "used", age=91, used=1)
    assert left() == ["used"]


def test_maps_of_function_names_stay(shop: Project) -> None:
    make_artifact(make_release(shop), shop, "names", age=1000, kind=Artifact.Kind.FUNCTION_MAP)
    assert left() == ["names"]


def test_none_leave_when_all_are_to_stay(shop: Project) -> None:
    make_artifact(make_release(shop), shop, "old", age=1000)
    assert left(days=0) == ["old"]


@pytest.mark.parametrize(
    ("artifact_days", "event_days", "gone"), [(90, 30, True), (90, 120, False), (90, 0, False), (0, 30, False)]
)
def test_no_file_leaves_before_the_events_that_need_it(
    shop: Project, settings: Settings, artifact_days: int, event_days: int, gone: bool
) -> None:
    settings.ARTIFACT_RETENTION_DAYS, settings.RETENTION_DAYS = artifact_days, event_days
    make_artifact(make_release(shop), shop, "old", age=100)
    STEPS["artifacts"](sweep_of(event_days, now=NOON))
    assert Artifact.objects.exists() is not gone


def test_a_use_is_noted_once_a_day_and_for_every_file_of_the_content(shop: Project) -> None:
    for version in ("1", "2"):
        make_artifact(make_release(shop, version), shop, "same", age=91)
    make_artifact(make_release(shop, "3"), shop, "other", age=1)
    mark_used(["same"], now=NOON - DAY)
    mark_used(["same"], now=NOON - DAY / 2)
    assert set(Artifact.objects.values_list("name", "used_at")) == {("same", NOON - DAY), ("other", None)}
    mark_used(["same"], now=NOON + DAY)
    assert set(Artifact.objects.filter(name="same").values_list("used_at", flat=True)) == {NOON + DAY}
