from django.db import transaction

from mini_sentry.projects.models import Project
from mini_sentry.releases.models import Environment, Release
from mini_sentry.releases.registry import observe
from tests.factories import NOON, make_project

NOW = NOON.timestamp()


def test_the_first_sight_makes_rows_and_the_second_finds_them(shop: Project) -> None:
    seen = {(shop.pk, "1.0", "production"), (shop.pk, "1.0", "staging"), (shop.pk, "2.0", "")}
    first = observe(seen, now=NOW)
    assert set(first) == seen
    assert observe(seen, now=NOW + 5) == first
    assert Release.objects.count() == 3
    assert {release.created_at for release in Release.objects.all()} == {NOON}
    assert sorted(Environment.objects.values_list("name", flat=True)) == ["", "production", "staging"]


def test_an_empty_version_is_no_release_but_its_environment_counts(shop: Project) -> None:
    assert observe([(shop.pk, "", "qa")], now=NOW) == {}
    assert Environment.objects.get().name == "qa"


def test_projects_keep_their_own(shop: Project) -> None:
    other = make_project()
    found = observe([(shop.pk, "1.0", ""), (other.pk, "1.0", "")], now=NOW)
    assert len(set(found.values())) == 2


def test_a_rollback_leaves_nothing_behind(shop: Project) -> None:
    seen = (shop.pk, "1.0", "production")
    with transaction.atomic():
        observe([seen], now=NOW)
        transaction.set_rollback(True)
    assert not Release.objects.exists()
    again = observe([seen], now=NOW)
    assert Release.objects.get().pk == again[seen]


def test_a_deleted_release_is_made_again(shop: Project) -> None:
    seen = (shop.pk, "1.0", "production")
    observe([seen], now=NOW)
    Release.objects.all().delete()
    assert observe([seen], now=NOW)[seen] == Release.objects.get().pk


def test_a_batch_may_mention_more_than_one_statement_holds(shop: Project) -> None:
    seen = [(shop.pk, f"1.{number}", "production") for number in range(450)]
    assert len(observe(seen, now=NOW)) == 450
    assert len(observe(seen, now=NOW)) == 450
    assert Release.objects.count() == 450


def test_nothing_seen_is_fine(db: None) -> None:
    assert observe([], now=NOW) == {}
