"""The rows of sessions: joined by the statement that writes them as updates are joined in memory, and how they leave."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from mini_sentry.projects.models import Project
from mini_sentry.projects.retention import sweep_of
from mini_sentry.protocol.session import SessionUpdate, Status, merge
from mini_sentry.releases.models import Session
from mini_sentry.releases.registry import observe
from mini_sentry.releases.sessions import record, retire_sessions, session_json, stored_rows
from tests.factories import make_project

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
MS = int(NOON.timestamp() * 1000)


def make_update(session_id: str = "s", **fields: object) -> SessionUpdate:
    values = {
        "status": Status.OK,
        "errors": 0,
        "user": "",
        "release": "1.0",
        "environment": "production",
        "duration_ms": None,
        "started_at": MS,
        "updated_at": MS,
        "received_at": MS,
        "placed_at": MS,
    }
    return SessionUpdate(session_id, **values | fields)  # type: ignore[arg-type]


def store(project: Project, *updates: SessionUpdate) -> list[tuple[str, int]]:
    """Each in a batch of its own; the sessions that changed, with their revisions."""
    changed = []
    for update in updates:
        releases = observe({(project.pk, update.release, update.environment)}, now=NOON.timestamp())
        changed += record({(project.pk, update.session_id): update}, releases=releases)
    return [(row.session_id, row.revision) for row in changed]


# Places differ in their times, so that which is the later one does not hang on how ties are broken.
UPDATES = st.builds(
    make_update,
    status=st.sampled_from(Status),
    errors=st.integers(0, 3),
    user=st.sampled_from(["", "u1", "u2"]),
    duration_ms=st.none() | st.integers(0, 5),
    started_at=st.integers(0, 5),
    updated_at=st.integers(0, 5),
    received_at=st.just(7),
) | st.sampled_from(
    [make_update(release=version, placed_at=at, received_at=7) for at, version in enumerate(("", "1.1", "", "1.2"))]
)


class Joining(TestCase):
    @given(st.lists(UPDATES, min_size=1, max_size=6))
    @settings(max_examples=60, deadline=None)
    def test_the_statement_joins_as_memory_does(self, updates: list[SessionUpdate]) -> None:
        project = make_project()
        store(project, *updates)
        joined = updates[0]
        for update in updates[1:]:
            joined = merge(joined, update)
        row = Session.objects.select_related("release").get(project=project)
        kept = SessionUpdate(
            row.session_id,
            Status(row.status),
            row.errors,
            row.user,
            row.release.version if row.release else "",
            row.environment,
            row.duration_ms,
            row.started_at,
            row.updated_at,
            row.received_at,
            row.placed_at,
            row.quantity,
        )
        assert kept == joined


@pytest.mark.django_db
def test_an_update_that_adds_nothing_changes_nothing(shop: Project):
    crashed = make_update(status=Status.CRASHED, errors=1, user="u1", updated_at=MS + 5, placed_at=MS + 5)
    assert store(shop, crashed, crashed, make_update()) == [("s", 1)]
    assert store(shop, make_update(errors=2)) == [("s", 2)]


@pytest.mark.django_db
def test_a_batch_larger_than_a_statement_is_stored_whole(shop: Project):
    updates = {(shop.pk, f"s-{number}"): make_update(f"s-{number}") for number in range(1001)}
    releases = observe({(shop.pk, "1.0", "production")}, now=NOON.timestamp())
    assert len(record(updates, releases=releases)) == Session.objects.count() == 1001
    assert record(updates, releases=releases) == []


@pytest.mark.django_db
def test_two_projects_may_use_one_session_id(shop: Project):
    store(shop, make_update())
    assert store(make_project("Other"), make_update()) == [("s", 1)]
    assert Session.objects.count() == 2


@pytest.mark.django_db
def test_the_columns_hear_of_a_release_that_an_earlier_batch_named(shop: Project):
    store(shop, make_update())
    late = make_update(release="", environment="", status=Status.EXITED, placed_at=MS - 1)
    releases = observe({(shop.pk, "", "")}, now=NOON.timestamp())
    [row] = record({(shop.pk, "s"): late}, releases=releases)
    assert (row.release, row.environment, row.status, row.revision) == ("1.0", "production", "exited", 2)
    assert list(stored_rows(since=None)) == [row]
    assert list(stored_rows(since=NOON + timedelta(seconds=1))) == []


@pytest.mark.django_db
def test_sessions_leave_when_all_of_them_is_old(shop: Project):
    for days in (29, 34, 36):
        began = MS - days * 86_400_000
        store(shop, make_update(f"s-{days}", started_at=began, updated_at=began, received_at=began))
    gone = retire_sessions(sweep_of(30, now=NOON))
    assert gone == 1
    assert set(Session.objects.values_list("session_id", flat=True)) == {"s-29", "s-34"}
    assert retire_sessions(sweep_of(0, now=NOON)) == 0


@pytest.mark.django_db
def test_a_session_is_shown_with_its_row(shop: Project):
    store(shop, make_update(user="u1"))
    shown = session_json(shop.pk, "s")
    assert shown is not None
    assert b'"session_id":"s"' in shown
    assert b'"started_at":"2026-03-14T12:00:00Z"' in shown
    assert session_json(shop.pk, "t") is None
