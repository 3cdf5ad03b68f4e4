"""Parts of a batch that another process decodes: what comes of them is what would have come of them here."""

import pickle
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from pathlib import Path

import msgspec
import pytest

from mini_sentry.digest import side_decoders as module
from mini_sentry.digest.consumer import Digest
from mini_sentry.digest.decode import Decoded, distinct
from mini_sentry.digest.decoder import Decoder
from mini_sentry.digest.side_decoders import Share, SideDecoders, Terms, serve
from mini_sentry.groups import dictionaries
from mini_sentry.groups.bodies import Bodies, open_bodies
from mini_sentry.groups.dictionaries import Trainer, load
from mini_sentry.groups.models import Event, Group, GroupHash
from mini_sentry.projects.models import OutcomeCount, Project
from mini_sentry.protocol.limits import Limits
from mini_sentry.releases.models import Session
from mini_sentry.streams import topics
from mini_sentry.streams.engines.memory import MemoryLog
from mini_sentry.streams.log import Record
from tests.digest.arrivals import NOON, accept, crash, envelope


@dataclass
class Elsewhere:
    """A share that a decoder of its own has decoded, sent as helpers send it."""

    records: Sequence[Record]
    may_repeat: bool

    def decoded(self) -> Decoded:
        decoder = Decoder(Limits(), may_repeat=self.may_repeat)
        decoder.begin()
        sent: Decoded = pickle.loads(pickle.dumps(decoder.decode(self.records).bare()))
        return sent


class Halves(SideDecoders):
    """Leaves the later half of every batch to somebody else."""

    def __init__(self, *, may_repeat: bool = False) -> None:
        super().__init__(1, limits=Limits(), may_repeat=may_repeat)

    def share(self, records: Sequence[Record]) -> tuple[Sequence[Record], list[Elsewhere]]:  # type: ignore[override]
        if self._may_repeat:
            records = distinct(records)
        middle = len(records) // 2
        return records[:middle], [Elsewhere(records[middle:], self._may_repeat)]


class RepeatingLog(MemoryLog):
    may_repeat = True


@pytest.fixture
def bodies(tmp_path: Path) -> Bodies:
    return open_bodies(tmp_path / "bodies", load_dictionary=load)


def digested(log: MemoryLog, bodies: Bodies) -> None:
    digest = Digest(log, bodies, limits=Limits(), clock=lambda: NOON, side_decoders=Halves(may_repeat=log.may_repeat))
    digest.resume()
    digest.handle(log.read(topics.INGEST, 1))


def counted(project: Project) -> dict[tuple[str, str, str], int]:
    rows = OutcomeCount.objects.filter(project_id=project.pk)
    return {(row.outcome, row.reason, row.category): row.quantity for row in rows}


@pytest.mark.django_db
def test_events_of_either_half_are_stored_grouped_and_explained(bodies: Bodies, shop: Project) -> None:
    log = MemoryLog()
    twice = crash("here and there")
    accept(log, shop, envelope(twice))
    accept(log, shop, envelope(crash(tags={"half": "first"})))
    accept(log, shop, envelope(crash(tags={"half": "second"})))
    accept(log, shop, envelope(twice))
    accept(log, shop, envelope({"message": "only there", "platform": "python"}))
    accept(log, shop, b'{}\n{"type":"event"}\nno JSON')
    digested(log, bodies)
    assert sorted((group.type, group.count) for group in Group.objects.all()) == [("", 1), ("LookupError", 3)]
    assert counted(shop) == {
        ("accepted", "", "error"): 4,
        ("filtered", "duplicate", "error"): 1,
        ("invalid", "dead_letter", "error"): 1,
    }
    halves = {
        bodies.read(event.body_id, event.received_at.date()).facts["tags"].get("half") for event in Event.objects.all()
    }
    assert halves == {None, "first", "second"}
    assert all(found.explanation for found in GroupHash.objects.all())


@pytest.mark.django_db
def test_a_group_that_only_the_other_half_has_is_explained_by_its_frames(bodies: Bodies, shop: Project) -> None:
    log = MemoryLog()
    accept(log, shop, envelope({"message": "here"}))
    accept(log, shop, envelope(crash("there")))
    digested(log, bodies)
    explained = GroupHash.objects.get(group__type="LookupError", explanation__isnull=False).explanation
    assert "shop.orders" in str(explained)


@pytest.mark.django_db
def test_a_dictionary_is_due_after_as_many_bodies_as_without(
    bodies: Bodies, shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[int] = []
    monkeypatch.setattr(Trainer, "_train", lambda trainer, project_id, samples: trained.append(project_id))
    monkeypatch.setattr(dictionaries, "FEWEST_SAMPLES", 1)
    log = MemoryLog()
    for _ in range(dictionaries.TRAIN_AFTER[0]):
        accept(log, shop, envelope(crash()))
    digested(log, bodies)
    deadline = time.monotonic() + 5
    while not trained and time.monotonic() < deadline:
        time.sleep(0.01)
    assert trained == [shop.pk]


@pytest.mark.django_db
def test_updates_of_one_session_in_both_halves_make_one(bodies: Bodies, shop: Project) -> None:
    log = MemoryLog()
    for status in ("ok", "crashed"):
        update = f'{{"sid":"{"a" * 32}","status":"{status}","init":{str(status == "ok").lower()},"started":"2026-03-14T12:00:00Z","timestamp":"2026-03-14T12:00:00Z","attrs":{{"release":"shop@1"}}}}'
        accept(log, shop, b"{}\n" + b'{"type":"session"}\n' + update.encode())
    digested(log, bodies)
    session = Session.objects.get()
    assert session.get_status_display() == "crashed"
    assert counted(shop) == {("accepted", "", "session"): 2}


@pytest.mark.django_db
def test_a_record_that_the_log_holds_in_both_halves_counts_once(bodies: Bodies, shop: Project) -> None:
    log = RepeatingLog()
    report = (
        b'{}\n{"type":"client_report"}\n{"discarded_events":[{"reason":"sample_rate","category":"error","quantity":3}]}'
    )
    letter = b'{}\n{"type":"event"}\nno JSON'
    for record_id, body in ((b"a", letter), (b"b", report), (b"a", letter), (b"b", report), (b"c", report)):
        accept(log, shop, body, record_id=record_id * 16)
    digested(log, bodies)
    assert counted(shop) == {
        ("accepted", "", "internal"): 2,
        ("client_discard", "sample_rate", "error"): 6,
        ("invalid", "dead_letter", "error"): 1,
    }


def served(monkeypatch: pytest.MonkeyPatch, *messages: object) -> list[tuple[int, Decoded | None]]:
    """What the other side answers to these."""
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.1)
    ours, theirs = Pipe()
    with ours, theirs:
        for message in messages:
            ours.send(message)
        serve(theirs)
        answers = []
        while ours.poll():
            answers.append(ours.recv())
    return answers


def terms(**changed: str) -> Terms:
    return msgspec.structs.replace(Terms.here(Limits(), may_repeat=False), **changed)


@pytest.mark.django_db
def test_the_other_side_decodes(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    log = MemoryLog()
    nested: dict[str, object] = {}
    for _ in range(500):
        nested = {"a": nested}
    accept(log, shop, envelope(crash(template=nested)))
    accept(log, shop, envelope({"message": "hello"}))
    accept(log, shop, b'{}\n{"type":"event"}\nno JSON')
    up, answer = served(monkeypatch, terms(), (1, log.read(topics.INGEST, 1)))
    assert up == (0, None)
    number, decoded = answer
    assert number == 1
    assert decoded is not None
    assert [candidate.grouping.title for candidate in decoded.candidates] == ["LookupError: no such order", "hello"]
    assert all(candidate.is_bare and not candidate.event.exceptions for candidate in decoded.candidates)
    assert all(stored for _, stored in (candidate.body for candidate in decoded.candidates))
    assert [unreadable.reason for unreadable in decoded.unreadable] == ["malformed"]


@pytest.mark.django_db
def test_the_other_side_hands_back_what_breaks_it(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    log = MemoryLog()
    accept(log, shop, envelope(crash()))

    def breaks(payload: bytes) -> bytes:
        raise LookupError("a column that is not there yet")

    monkeypatch.setattr("mini_sentry.digest.decode.scrub", breaks)
    assert served(monkeypatch, terms(), (1, log.read(topics.INGEST, 1))) == [(0, None), (1, None)]


@pytest.mark.django_db
@pytest.mark.parametrize("changed", [{"version": "0.0.1"}, {"store": "another"}])
def test_another_program_or_store_decodes_nothing(changed: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="have changed"):
        served(monkeypatch, terms(**changed))


PROGRAM = """
import os, sys, time
import django
django.setup()
from collections import Counter
from multiprocessing.connection import Connection
from mini_sentry.digest.decode import Decoded
connection = Connection(int(sys.argv[1]))
connection.recv()
connection.send((0, None))
while connection.poll(30):
    number, records = connection.recv()
    if records[0].value == b"dies":
        os._exit(3)
    if records[0].value == b"garbles":
        connection.send_bytes(b"no message")
    if records[0].value == b"hangs":
        time.sleep(60)
    counts = Counter({(1, 0, "accepted", "", "error"): len(records)})
    connection.send((number, None if records[0].value == b"refused" else Decoded(counts=counts)))
"""


@pytest.fixture
def side_decoders(monkeypatch: pytest.MonkeyPatch) -> Iterator[SideDecoders]:
    monkeypatch.setattr(module, "FEWEST_RECORDS", 2)
    made = SideDecoders(1, (sys.executable, "-c", PROGRAM), limits=Limits())
    yield made
    made.stop()


def records(count: int, value: bytes = b"fine", *, partition: int = 0) -> list[Record]:
    return [Record("ingest", partition, offset, 0.0, b"", value) for offset in range(1, count + 1)]


def until_shared(side_decoders: SideDecoders, batch: list[Record]) -> list[Share]:
    """Full batches until another process takes a part of one."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        own, shares = side_decoders.share(batch)
        if shares:
            taken = [record for share in shares for record in share.records]
            assert [*own, *taken] == batch
            return shares
        assert own == batch
        time.sleep(0.05)
    raise AssertionError("nobody took anything")


@pytest.mark.slow
def test_a_full_batch_is_halved_once_batches_stay_full(side_decoders: SideDecoders) -> None:
    [share] = until_shared(side_decoders, records(5))
    assert len(share.records) == 2
    decoded = share.decoded()
    assert decoded is not None
    assert sum(decoded.counts.values()) == 2
    assert side_decoders.share(records(1)) == (records(1), [])


@pytest.mark.slow
def test_a_partition_without_backlog_does_not_hide_that_of_another(side_decoders: SideDecoders) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        side_decoders.share(records(1, partition=1))
        if side_decoders.share(records(4, partition=0))[1]:
            return
        time.sleep(0.05)
    raise AssertionError("nobody took anything")


@pytest.mark.slow
def test_no_two_get_a_record_that_the_log_holds_twice(monkeypatch: pytest.MonkeyPatch, shop: Project) -> None:
    monkeypatch.setattr(module, "FEWEST_RECORDS", 2)
    log = MemoryLog()
    for record_id in (b"a", b"b", b"c", b"a", b"d", b"b"):
        accept(log, shop, b"{}", record_id=record_id * 16)
    batch = log.read(topics.INGEST, 1)
    side_decoders = SideDecoders(1, (sys.executable, "-c", PROGRAM), limits=Limits(), may_repeat=True)
    deadline = time.monotonic() + 30
    try:
        shares: list[Share] = []
        while not shares and time.monotonic() < deadline:
            own, shares = side_decoders.share(batch)
            time.sleep(0.05)
        assert [*own, *shares[0].records] == [batch[0], batch[1], batch[2], batch[4]]
    finally:
        side_decoders.stop()


@pytest.mark.slow
@pytest.mark.parametrize("value", [b"dies", b"refused", b"garbles"])
def test_what_could_not_be_done_elsewhere_is_left_to_the_digest(side_decoders: SideDecoders, value: bytes) -> None:
    [share] = until_shared(side_decoders, records(4, value))
    assert share.decoded() is None


@pytest.mark.slow
def test_one_that_hangs_is_not_waited_for_for_ever(
    side_decoders: SideDecoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "END_SECONDS", 0.2)
    [share] = until_shared(side_decoders, records(4, b"hangs"))
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)
    assert share.decoded() is None
    assert side_decoders.share(records(4)) == (records(4), [])


@pytest.mark.slow
def test_one_that_stands_still_holds_nobody_up(side_decoders: SideDecoders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(module, "END_SECONDS", 0.2)
    [share] = until_shared(side_decoders, records(4))
    share.decoded()
    share.decoder.process.send_signal(signal.SIGSTOP)
    large = records(4, b"x" * 4_000_000)
    [asked] = side_decoders.share(large)[1]
    assert asked.decoded() is None


@pytest.mark.slow
def test_after_one_was_lost_none_is_started_for_a_while(
    side_decoders: SideDecoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    [share] = until_shared(side_decoders, records(4, b"dies"))
    assert share.decoded() is None
    for _ in range(20):
        assert side_decoders.share(records(4)) == (records(4), [])
    monkeypatch.setattr(side_decoders, "_rests_until", 0.0)
    assert until_shared(side_decoders, records(4))


@pytest.mark.slow
def test_one_that_ended_leaves_nothing_behind(side_decoders: SideDecoders) -> None:
    [share] = until_shared(side_decoders, records(4, b"dies"))
    process = share.decoder.process
    deadline = time.monotonic() + 10
    while Path(f"/proc/{process.pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{process.pid}").exists(), "its exit code was not fetched"
    side_decoders.share(records(1))
    assert share.decoder._connection.closed


@pytest.mark.slow
def test_an_answer_that_nobody_fetched_is_not_taken_for_the_next_one(side_decoders: SideDecoders) -> None:
    [forgotten] = until_shared(side_decoders, records(4))
    [share] = until_shared(side_decoders, records(6))
    assert share.number == forgotten.number + 1
    decoded = share.decoded()
    assert decoded is not None
    assert sum(decoded.counts.values()) == 3
