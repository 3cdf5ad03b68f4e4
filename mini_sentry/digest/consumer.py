"""The whole of the digest: a batch of accepted records becomes stored, counted and announced events.

Exactly once: the position moves in the transaction that stores the batch, and only events that are new to the store
touch a counter, the outbox or an announcement. Whatever happens before that transaction (bodies) harms nobody when it
is repeated, and whatever happens after it (the relay) changes nothing when it is.
"""

import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from django.db import InterfaceError, OperationalError, close_old_connections, connection, transaction

from mini_sentry.alerts import triggers
from mini_sentry.analytics.rows import SessionRow, encode, outcome_row
from mini_sentry.digest import positions, relay
from mini_sentry.digest.decode import Counted, Decoded, Unreadable, tallies
from mini_sentry.digest.decoder import Decoder
from mini_sentry.digest.room import NoRoom, Room
from mini_sentry.digest.rows import row_of
from mini_sentry.digest.side_decoders import SideDecoders
from mini_sentry.digest.unready import StoreUnready, told_apart
from mini_sentry.groups import partitions
from mini_sentry.groups.bodies import Bodies, Body
from mini_sentry.groups.dictionaries import Trainer
from mini_sentry.groups.occurrences import (
    Candidate,
    GroupGone,
    Occurrences,
    count,
    day_of,
    let_go,
    place,
    stored_already,
    unknown,
)
from mini_sentry.groups.short_ids import short_id
from mini_sentry.live import messages as live
from mini_sentry.projects import usage
from mini_sentry.protocol.limits import Limits
from mini_sentry.protocol.outcomes import CATEGORY_OF_ITEM, Outcome, Reason
from mini_sentry.releases import registry, sessions
from mini_sentry.streams import topics
from mini_sentry.streams.log import Log, Record

_CATEGORIES = frozenset(CATEGORY_OF_ITEM.values()) | {"default"}

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Digested:
    """What became of a batch."""

    occurrences: Occurrences = field(default_factory=Occurrences)
    duplicates: list[tuple[Candidate, int]] = field(default_factory=list)
    counts: Counter[Counted] = field(default_factory=Counter)
    unreadable: list[Unreadable] = field(default_factory=list)
    sessions: list[SessionRow] = field(default_factory=list)
    debt: relay.Debt | None = None


class Digest:
    """The work on the ingest topic: `of` gives the handler of a partition. Used by one thread.

    `limits` bound what a record may inflate to; `clock` gives Unix seconds. `kick` is called after a batch that alert rules
    must look at.
    """

    operational_errors: tuple[type[Exception], ...] = (
        OperationalError,
        InterfaceError,
        positions.Fenced,
        usage.CountedMeanwhile,
        GroupGone,
        StoreUnready,
        NoRoom,
        sqlite3.OperationalError,
    )

    def __init__(
        self,
        log: Log,
        bodies: Bodies,
        *,
        limits: Limits,
        clock: Callable[[], float] = time.time,
        kick: Callable[[], None] = lambda: None,
        room: Room | None = None,
        herald: live.Herald | None = None,
        side_decoders: SideDecoders | None = None,
    ) -> None:
        self._log = log
        self._bodies = bodies
        self._clock = clock
        self._kick = kick
        self._room = room
        self._herald = herald or live.NoHerald()
        self._trainer = Trainer()
        self._decoder = Decoder(limits, may_repeat=log.may_repeat, trainer=self._trainer)
        self._side_decoders = side_decoders or SideDecoders(0, limits=limits)
        self._positions: dict[int, int | None] = {}
        self.outcomes: Counter[tuple[str, str, str]] = Counter()
        """How many items ended in each outcome, reason and category since the start, for monitoring."""
        self.dead_letter_count = 0

    def of(self, partition: int) -> "PartitionDigest":
        return PartitionDigest(self, partition)

    @told_apart()
    def resume(self, partition: int = 0) -> int | None:
        """Read the position again, send what an earlier run still owed, and return the next offset (None: never digested)."""
        if not connection.in_atomic_block:
            # After a failure the connection may be one that the server has ended.
            close_old_connections()
        self._positions[partition] = positions.load(self._log.log_id, topics.INGEST, partition)
        relay.deliver(self._log)
        return self._positions[partition]

    @told_apart()
    def handle(self, records: Sequence[Record]) -> None:
        """Digest one batch and send what it owes. Raises IntegrityError or DataError when the store refuses its data."""
        if self._room is not None:
            self._room.check()
        try:
            digested = self.digest(records)
        except GroupGone as gone:
            let_go(gone.group_ids)
            raise
        self._settle(digested)

    def digest(self, records: Sequence[Record]) -> Digested:
        """Digest one batch: store it, or nothing of it. The pipeline's table of contents."""
        now = self._clock()
        decoded = self._decode(records)
        digested = Digested(counts=decoded.counts, unreadable=decoded.unreadable)
        counted = self._count_once(decoded, digested)
        fresh = self._deduplicate(decoded, digested)
        if bare := [candidate for candidate in fresh if candidate.is_bare]:
            self._decoder.restore(unknown(bare), records)
        self._store_bodies(fresh)
        with transaction.atomic():
            self._move(records)
            seen = {(c.event.project_id, c.event.release, c.event.environment) for c in fresh}
            releases = registry.observe(seen | decoded.sessions.seen(), now=now)
            if decoded.sessions.updates:
                digested.sessions = sessions.record(decoded.sessions.updates, releases=releases)
            digested.occurrences = place(fresh, releases=releases, explain=self._decoder.explain, now=now)
            self._recount(digested)
            digested.debt = relay.owe(self._owed(digested, records, now))
            # Counters last: whoever else digests the same groups waits for them until the commit.
            count(digested.occurrences, releases=releases)
            with connection.cursor() as cursor:
                usage.remember_counted(cursor, counted, now=now)
                usage.add_tallies(cursor, tallies(digested.counts))
                has_triggers = triggers.owe(cursor, digested.occurrences, now=now)
                # Last, because other digests wait for the announcement's id until this one has committed.
                announced = live.announce(cursor, self._announcement(decoded, digested), now=now)
        self._positions[records[0].partition] = records[-1].offset + 1
        self._tell(digested)
        if announced is not None:
            self._herald.tell(announced)
        if has_triggers:
            self._kick()
        return digested

    @told_apart()
    def bury(self, dead: Record, reason: str) -> None:
        """Give a record up: it becomes a dead letter, and the position moves past it."""
        now = self._clock()
        digested = Digested(unreadable=[Unreadable(dead, "given up", reason)])
        minute = int(now // 60) * 60
        digested.counts[0, minute, Outcome.INVALID.value, Reason.DEAD_LETTER.value, "error"] += 1
        with transaction.atomic():
            self._move([dead])
            with connection.cursor() as cursor:
                usage.add_tallies(cursor, tallies(digested.counts))
            digested.debt = relay.owe(self._owed(digested, [dead], now))
        self._positions[dead.partition] = dead.offset + 1
        self._tell(digested)
        self._settle(digested)

    def _settle(self, digested: Digested) -> None:
        if digested.debt is not None:
            relay.settle(self._log, digested.debt)

    def _tell(self, digested: Digested) -> None:
        """What monitoring wants to know of a batch that is stored."""
        for (_, _, outcome, reason, category), quantity in digested.counts.items():
            if outcome == Outcome.CLIENT_DISCARD:
                # Clients have words of their own for these, as many as they like.
                reason, category = "", category if category in _CATEGORIES else "other"  # noqa: PLW2901
            self.outcomes[outcome, reason, category] += quantity
        self.dead_letter_count += len(digested.unreadable)
        if logger.isEnabledFor(logging.DEBUG):
            for stored in digested.occurrences.stored:
                facts = {
                    "event_id": stored.event.event_id,
                    "project_id": stored.event.project_id,
                    "group_id": stored.group_id,
                }
                logger.debug("An event is stored", extra=facts)

    def _move(self, records: Sequence[Record]) -> None:
        partition = records[0].partition
        positions.move(
            self._log.log_id,
            topics.INGEST,
            partition,
            start=self._positions.get(partition),
            to=records[-1].offset + 1,
        )

    def _decode(self, records: Sequence[Record]) -> Decoded:
        """What the batch holds: read here, or in part by side decoders meanwhile."""
        self._decoder.begin()
        own, shares = self._side_decoders.share(records)
        decoded = self._decoder.decode(own)
        for share in shares:
            if (part := share.decoded()) is None:
                part = self._decoder.decode(share.records)
            else:
                for project_id, bodies in Counter(candidate.event.project_id for candidate in part.candidates).items():
                    self._trainer.pass_by(project_id, bodies)
            decoded.extend(part)
        return decoded

    @staticmethod
    def _count_once(decoded: Decoded, digested: Digested) -> list[bytes]:
        """Count what the records hold beside events, unless an earlier copy of them was counted; the ids of those counted now."""
        if not decoded.once:
            return []
        known = usage.counted_already(decoded.once)
        for record_id, counts in decoded.once.items():
            if record_id not in known:
                digested.counts.update(counts)
        return [record_id for record_id in decoded.once if record_id not in known]

    def _deduplicate(self, decoded: Decoded, digested: Digested) -> list[Candidate]:
        """The candidates that neither the store nor an earlier one of the batch has; counts how each one ended."""
        stored = stored_already(decoded.candidates)
        first: dict[tuple[int, str], Candidate] = {}
        for candidate in decoded.candidates:
            if candidate.key in stored or candidate.key in first:
                digested.duplicates.append((candidate, stored.get(candidate.key, 0)))
                digested.counts[_counted(candidate, Outcome.FILTERED, Reason.DUPLICATE)] += 1
            else:
                first[candidate.key] = candidate
                digested.counts[_counted(candidate, Outcome.ACCEPTED, Reason.NONE)] += 1
        return list(first.values())

    @staticmethod
    def _recount(digested: Digested) -> None:
        """Events that another digest stored since this one looked are duplicates as well."""
        for candidate, group_id in digested.occurrences.overtaken:
            digested.duplicates.append((candidate, group_id))
            digested.counts[_counted(candidate, Outcome.ACCEPTED, Reason.NONE)] -= 1
            digested.counts[_counted(candidate, Outcome.FILTERED, Reason.DUPLICATE)] += 1
        digested.counts = +digested.counts

    def _store_bodies(self, candidates: Sequence[Candidate]) -> None:
        by_day: dict[date, list[Candidate]] = {}
        for candidate in candidates:
            by_day.setdefault(day_of(candidate.event.received_at), []).append(candidate)
        partitions.receive(by_day)
        for day, members in by_day.items():
            body_ids = self._bodies.write(day, [_body(candidate) for candidate in members])
            for candidate, body_id in zip(members, body_ids, strict=True):
                candidate.body_id = body_id
                candidate.body = 0, b""
        self._trainer.train_when_due()

    def _owed(self, digested: Digested, records: Sequence[Record], now: float) -> list[relay.Owed]:
        owed = [
            relay.Owed(topics.EVENTS, topics.project_key(candidate.event.project_id), encode(row_of(candidate)))
            for candidate in digested.occurrences.stored
        ]
        owed += [
            relay.Owed(topics.SESSIONS, topics.project_key(row.project_id), encode(row)) for row in digested.sessions
        ]
        batch = f"{self._log.log_id}:{records[0].partition}:{records[0].offset}"
        owed += [
            relay.Owed(topics.OUTCOMES, topics.project_key(tally.project_id), encode(outcome_row(tally, record=batch)))
            for tally in tallies(digested.counts)
        ]
        owed += [
            relay.Owed(topics.DEAD_LETTERS, dead.record.key, topics.pack_dead_letter(_letter(dead, now)))
            for dead in digested.unreadable
        ]
        return owed

    def _announcement(self, decoded: Decoded, digested: Digested) -> live.Announcement:
        fates = [
            live.Fate(c.record_id, live.FateKind.NEW, c.event.event_id, c.group_id)
            for c in digested.occurrences.stored
            if c.is_awaited
        ]
        fates += [
            live.Fate(c.record_id, live.FateKind.DUPLICATE, c.event.event_id, group_id or None)
            for c, group_id in digested.duplicates
            if c.is_awaited
        ]
        fates += [live.Fate(dead.record_id, live.FateKind.DEAD) for dead in digested.unreadable if dead.record_id]
        made = {(row.project_id, row.session_id) for row in digested.sessions if row.revision == 1}
        fates += decoded.sessions.fates(made)
        return live.Announcement(fates, self._news(digested.occurrences))

    def _news(self, occurrences: Occurrences) -> list[live.ProjectNews]:
        stored: dict[int, list[Candidate]] = {}
        for candidate in occurrences.stored:
            stored.setdefault(candidate.event.project_id, []).append(candidate)
        touched: dict[int, list[live.TouchedGroup]] = {}
        for change in occurrences.changes.values():
            project = self._decoder.projects.get(change.project_id)
            touched.setdefault(change.project_id, []).append(
                live.TouchedGroup(
                    id=change.group_id,
                    short_id=short_id(project.slug if project else "", change.number),
                    count=change.count,
                    last_seen=change.last_seen,
                    title=change.title,
                    level=change.level,
                    kind=live.GroupKind(change.kind.value),
                )
            )
        return [
            live.ProjectNews(
                project_id=project_id,
                events=len(candidates),
                groups=touched.get(project_id, []),
                latest=[
                    live.LatestEvent(
                        event_id=candidate.event.event_id,
                        group=candidate.group_id,
                        title=candidate.grouping.title,
                        level=candidate.event.level,
                        timestamp=candidate.event.timestamp,
                    )
                    for candidate in reversed(candidates[-live.LATEST_COUNT :])
                ],
            )
            for project_id, candidates in stored.items()
        ]


def _body(candidate: Candidate) -> Body:
    event = candidate.event
    return Body(event.project_id, event.event_id, event.received_at, *candidate.body)


class PartitionDigest:
    """The handler of one partition (`streams.consumer.Handler`); all that is worth remembering, its `digest` has."""

    operational_errors = Digest.operational_errors

    def __init__(self, digest: Digest, partition: int) -> None:
        self.handle = digest.handle
        self.bury = digest.bury
        self._digest = digest
        self._partition = partition

    def resume(self) -> int | None:
        return self._digest.resume(self._partition)


def _counted(candidate: Candidate, outcome: Outcome, reason: Reason) -> Counted:
    event = candidate.event
    category = "security" if event.type in {"csp", "expectct", "expectstaple", "hpkp"} else "error"
    return event.project_id, int(event.received_at // 60) * 60, outcome.value, reason.value, category


def _letter(dead: Unreadable, now: float) -> topics.DeadLetter:
    record = dead.record
    return topics.DeadLetter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        died_at=now,
        reason=dead.reason,
        detail=dead.detail,
        value=record.value,
    )
