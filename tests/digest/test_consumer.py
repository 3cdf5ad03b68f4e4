"""The digest with real stores: a log in memory, the test database, bodies in a directory."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from django.db import IntegrityError, OperationalError, connection

from mini_sentry.analytics.rows import decode_event, decode_outcome
from mini_sentry.digest import consumer, positions
from mini_sentry.digest.consumer import Digest
from mini_sentry.digest.decode import decode
from mini_sentry.digest.projects import Projects
from mini_sentry.groups import occurrences
from mini_sentry.groups.bodies import Bodies, Compressor, open_bodies
from mini_sentry.groups.dictionaries import load
from mini_sentry.groups.models import Activity, Announcement, Event, Group, GroupHash, GroupScope, Outbox, Status
from mini_sentry.live import messages as live
from mini_sentry.projects.models import OutcomeCount, Project
from mini_sentry.protocol.limits import Limits
from mini_sentry.protocol.outcomes import Tally
from mini_sentry.releases.models import Environment, Release
from mini_sentry.streams import topics
from mini_sentry.streams.consumer import Consumer
from mini_sentry.streams.engines.memory import MemoryLog
from tests.digest.arrivals import NOON, accept, crash, envelope

pytestmark = pytest.mark.django_db


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def bodies(tmp_path: Path) -> Bodies:
    return open_bodies(tmp_path / "bodies", load_dictionary=load)


@pytest.fixture
def drain(log: MemoryLog, bodies: Bodies) -> Callable[[], Consumer]:
    """Digest all that is in the log, as a process that has just started."""

    def drained() -> Consumer:
        digest = Digest(log, bodies, limits=Limits(), clock=lambda: NOON)
        reader = Consumer(log, topics.DIGEST, topics.INGEST, digest)
        while reader.run_once(threading.Event(), wait_seconds=0):
            continue
        return reader

    return drained


def counted(project: Project) -> dict[tuple[str, str, str], int]:
    rows = OutcomeCount.objects.filter(project_id=project.pk)
    return {(row.outcome, row.reason, row.category): row.quantity for row in rows}


def test_a_crash_becomes_a_group_with_its_event_and_its_body(log, bodies, drain, shop):
    sent = crash(release="shop@1.0", environment="production", tags={"region": "eu"})
    accept(log, shop, envelope(sent))
    drain()
    group = Group.objects.get()
    event = Event.objects.get()
    assert (group.title, group.count, group.number, group.status) == ("LookupError: no such order", 1, 1, "unresolved")
    assert (event.group_id, event.event_id.hex, event.environment) == (group.pk, sent["event_id"], "production")
    assert event.release == Release.objects.get(version="shop@1.0") == group.first_release
    body = bodies.read(event.body_id, event.received_at.date())
    assert msgspec.json.decode(body.payload)["exception"] == sent["exception"]
    assert body.facts["tags"]["region"] == "eu"


def test_events_of_one_crash_share_a_group_and_move_its_counters_once_each(log, drain, shop):
    for minute in range(3):
        accept(log, shop, envelope(crash(environment="production")), at=NOON + 60 * minute)
    accept(log, shop, envelope(crash(environment="staging")), at=NOON + 600)
    drain()
    group = Group.objects.get()
    assert (group.count, group.stored_count) == (4, 4)
    assert group.first_seen == datetime.fromtimestamp(NOON, UTC)
    assert group.last_seen == datetime.fromtimestamp(NOON + 600, UTC)
    scopes = {scope.environment: scope.count for scope in GroupScope.objects.all()}
    assert scopes == {"production": 3, "staging": 1}
    assert set(Environment.objects.values_list("name", flat=True)) == {"production", "staging"}


def test_a_second_copy_of_an_event_counts_as_a_duplicate_only(log, drain, shop):
    sent = crash()
    accept(log, shop, envelope(sent))
    accept(log, shop, envelope(sent))
    drain()
    accept(log, shop, envelope(sent))
    drain()
    assert Group.objects.get().count == Event.objects.count() == 1
    assert counted(shop) == {("accepted", "", "error"): 1, ("filtered", "duplicate", "error"): 2}


def test_a_batch_that_is_read_again_changes_nothing(log, drain, shop):
    accept(log, shop, envelope(crash()))
    drain()
    log.commit(topics.DIGEST, topics.INGEST, 1)
    drain()
    assert Group.objects.get().count == 1
    assert counted(shop) == {("accepted", "", "error"): 1}


def test_a_consumer_that_was_replaced_stores_nothing(log, bodies, drain, shop):
    accept(log, shop, envelope(crash()))
    slow = Digest(log, bodies, limits=Limits(), clock=lambda: NOON)
    slow.resume()
    records = log.read(topics.INGEST, 1)
    drain()
    with pytest.raises(positions.Fenced):
        slow.digest(records)
    assert Event.objects.count() == 1
    assert counted(shop) == {("accepted", "", "error"): 1}


def test_what_a_batch_owes_is_sent_after_a_crash_behind_the_transaction(log, bodies, drain, shop):
    accept(log, shop, envelope(crash()))
    crashed = Digest(log, bodies, limits=Limits(), clock=lambda: NOON)
    crashed.resume()
    crashed.digest(log.read(topics.INGEST, 1))
    assert Outbox.objects.count() == 1
    assert log.read(topics.EVENTS, 1) == []
    drain()
    assert Outbox.objects.count() == 0
    [row] = [decode_event(record.value) for record in log.read(topics.EVENTS, 1)]
    assert (row.group_id, row.title) == (Group.objects.get().pk, "LookupError: no such order")
    [tally] = [decode_outcome(record.value) for record in log.read(topics.OUTCOMES, 1)]
    assert (tally.outcome, tally.quantity) == ("accepted", 1)


def test_a_payload_that_is_no_json_becomes_a_dead_letter_and_spoils_no_neighbour(log, drain, shop):
    accept(log, shop, envelope(crash()))
    accept(log, shop, b'{}\n{"type":"event"}\nthis is no JSON')
    accept(log, shop, envelope(crash()))
    drain()
    assert Group.objects.get().count == 2
    [letter] = [topics.unpack_dead_letter(record.value) for record in log.read(topics.DEAD_LETTERS, 1)]
    assert (letter.offset, letter.reason) == (2, "malformed")
    assert counted(shop) == {("accepted", "", "error"): 2, ("invalid", "dead_letter", "error"): 1}


def test_bytes_that_are_no_message_become_a_dead_letter(log, drain, shop):
    log.append(topics.INGEST, [(b"1", b"\xc1 nothing of ours")])
    accept(log, shop, envelope(crash()))
    drain()
    assert Event.objects.count() == 1
    [letter] = [topics.unpack_dead_letter(record.value) for record in log.read(topics.DEAD_LETTERS, 1)]
    assert letter.value == b"\xc1 nothing of ours"


def test_a_store_that_is_away_while_a_batch_is_read_makes_no_dead_letter(log, shop):
    class Away(Projects):
        def get(self, project_id):
            raise OperationalError("database is locked")

    accept(log, shop, envelope(crash()))
    with pytest.raises(OperationalError):
        decode(log.read(topics.INGEST, 1), projects=Away(), limits=Limits())


def test_a_group_that_was_deleted_is_made_anew_for_later_events(log, drain, shop):
    accept(log, shop, envelope(crash()))
    drain()
    with connection.cursor() as cursor:
        for table in ("activity", "groupscope"):
            cursor.execute(f"DELETE FROM groups_{table}")
        cursor.execute("DELETE FROM groups_group")
    accept(log, shop, envelope(crash()))
    assert "deleted while events fell" in drain().status.error
    assert drain().status.error is None
    group = Group.objects.get()
    assert (group.count, group.number, Event.objects.filter(group=group).count()) == (1, 2, 1)


def test_a_record_that_the_store_refuses_is_found_by_halving_and_buried(log, drain, shop, monkeypatch):
    refused = crash()["event_id"]
    stored = occurrences.place

    def place(candidates, **options):
        if any(candidate.event.event_id == refused for candidate in candidates):
            raise IntegrityError("refused")
        return stored(candidates, **options)

    monkeypatch.setattr(consumer, "place", place)
    for number in range(7):
        accept(log, shop, envelope(crash(**({"event_id": refused} if number == 4 else {}))))
    reader = drain()
    assert Event.objects.count() == 6
    assert reader.status.dead_letter_count == 1
    [letter] = [topics.unpack_dead_letter(record.value) for record in log.read(topics.DEAD_LETTERS, 1)]
    assert (letter.offset, letter.detail) == (5, "IntegrityError: refused")


def test_items_that_are_not_kept_yet_are_counted(log, drain, shop):
    items = b'{}\n{"type":"transaction"}\n{}\n{"type":"something_new"}\n{}'
    accept(log, shop, items)
    drain()
    assert counted(shop) == {
        ("filtered", "unsupported", "transaction"): 1,
        ("filtered", "unsupported", "default"): 1,
    }


def test_what_a_client_dropped_itself_is_counted_under_its_own_reason(log, drain, shop):
    report = b'{"discarded_events":[{"reason":"ratelimit_backoff","category":"error","quantity":7}]}'
    accept(log, shop, b'{}\n{"type":"client_report"}\n' + report)
    drain()
    assert counted(shop)["client_discard", "ratelimit_backoff", "error"] == 7


def test_what_the_edge_refused_is_counted_with_the_rest(log, drain, shop):
    refused = Tally(shop.pk, int(NOON), "rate_limited", "project_limit", "error", 12)
    encoded = msgspec.json.encode([refused])
    accept(log, shop, encoded, kind="tallies")
    drain()
    assert counted(shop) == {("rate_limited", "project_limit", "error"): 12}


def test_items_that_the_edge_dropped_are_not_digested(log, drain, shop):
    accept(log, shop, envelope(crash(), crash()), dropped=[1])
    drain()
    assert Event.objects.count() == 1


def test_a_resolved_group_that_occurs_again_regresses(log, drain, shop):
    accept(log, shop, envelope(crash()))
    drain()
    Group.objects.update(status=Status.RESOLVED, resolved_at=datetime.fromtimestamp(NOON + 60, UTC))
    accept(log, shop, envelope(crash()), at=NOON + 120)
    drain()
    group = Group.objects.get()
    assert (group.status, group.resolved_at) == (Status.UNRESOLVED, None)
    assert group.regressed_at == datetime.fromtimestamp(NOON + 120, UTC)
    assert list(Activity.objects.order_by("pk").values_list("kind", flat=True)) == ["first_seen", "regressed"]


def test_an_event_older_than_the_resolution_does_not_regress_a_group(log, drain, shop):
    accept(log, shop, envelope(crash()))
    drain()
    Group.objects.update(status=Status.RESOLVED, resolved_at=datetime.fromtimestamp(NOON + 60, UTC))
    accept(log, shop, envelope(crash()), at=NOON + 30)
    drain()
    assert Group.objects.get().status == Status.RESOLVED


def test_secrets_never_reach_a_store(log, bodies, drain, shop):
    sent = crash(extra={"environ": {"SENTRY_AUTH_TOKEN": "s3cr3t-token"}}, tags={"password": "hunter22"})
    accept(log, shop, envelope(sent))
    drain()
    event = Event.objects.get()
    body = bodies.read(event.body_id, event.received_at.date())
    kept = body.payload + msgspec.json.encode(body.facts) + log.read(topics.EVENTS, 1)[0].value
    assert b"s3cr3t" not in kept
    assert b"hunter22" not in kept


def test_the_explanation_is_kept_with_the_hash(log, drain, shop):
    accept(log, shop, envelope(crash()))
    drain()
    found = GroupHash.objects.first()
    assert found is not None
    assert found.explanation[0]["contributes"] is True
    assert found.config == Group.objects.get().grouping_config


def test_waiters_and_open_pages_learn_of_a_batch(log, drain, shop):
    accept(log, shop, b'{"message": "it broke"}', kind="rest", record_id=b"r" * 16)
    drain()
    announced = live.decode(bytes(Announcement.objects.get().body))
    group = Group.objects.get()
    event_id = Event.objects.get().event_id.hex
    assert announced.fates == [live.Fate(b"r" * 16, live.FateKind.NEW, event_id, group.pk)]
    [news] = announced.projects
    assert (news.project_id, news.events, news.groups[0].short_id) == (shop.pk, 1, "SHOP-1")
    assert news.groups[0].kind is live.GroupKind.NEW


def test_events_of_a_project_that_is_gone_are_counted_as_invalid(log, drain, shop):
    accept(log, shop, envelope(crash()))
    Project.objects.all().delete()
    drain()
    assert Event.objects.count() == 0
    assert counted(shop) == {("invalid", "unknown_project", "error"): 1}


def test_bodies_are_compressed_with_a_dictionary_once_there_are_enough_to_learn_from(log, bodies, drain, shop):
    from mini_sentry.groups.dictionaries import Sampler, train

    sampler = Sampler(seen=0, stage=0)
    samples = [
        (f"{number}", msgspec.json.encode(crash(f"order {number} is gone", extra={"n": number})))
        for number in range(120)
    ]
    for grouping_hash, body in samples:
        sampler.take(grouping_hash, body)
    assert sampler.end_batch()
    dictionary = train(sampler.next_stage())
    assert dictionary is not None
    assert sampler.stage == 1
    plain = Compressor(0, None).compress(samples[0][1])
    assert len(Compressor(1, dictionary).compress(samples[0][1])) < len(plain) / 2


def test_a_dictionary_that_fits_no_more_is_followed_by_another():
    from mini_sentry.groups.dictionaries import FEWEST_BETWEEN, TRAIN_AFTER, USUAL_AFTER, Sampler

    sampler = Sampler(seen=TRAIN_AFTER[-1], stage=len(TRAIN_AFTER))

    def take(count: int, stored_bytes: int, dictionary_id: int = 3) -> bool:
        for number in range(count):
            sampler.take(f"{number}", b"%05d" % number * 2, dictionary_id=dictionary_id, stored_bytes=stored_bytes)
        return sampler.end_batch()

    assert not take(USUAL_AFTER, 2)
    assert not take(2 * FEWEST_BETWEEN, 2)
    assert not sampler.samples
    assert take(USUAL_AFTER, 4)
    assert len(sampler.next_stage()) > 64
    assert not take(FEWEST_BETWEEN, 4)  # the next one is being trained, or could not be
    assert not take(FEWEST_BETWEEN, 2, dictionary_id=4)
    assert not take(2 * FEWEST_BETWEEN, 2, dictionary_id=4)


def test_a_dictionary_is_learned_from_the_newest_bodies():
    from mini_sentry.groups.dictionaries import MOST_SAMPLE_BYTES, Sampler

    sampler = Sampler(seen=0, stage=0)
    size = MOST_SAMPLE_BYTES // 20
    for number in range(120):
        sampler.take(f"{number}", b"%03d" % number + b"." * (size - 3))
    assert [body[:3] for body in sampler.next_stage()] == [b"%03d" % number for number in range(100, 120)]
