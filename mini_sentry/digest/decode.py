"""A batch of log records → grouped events, tallies, and what could not be read.

A pure function but for the projects and the `finish` it is handed. Nothing in one record can spoil another: whatever goes wrong with a
record makes that record (or that item of it) a dead letter with a reason, and the rest goes on.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
from django.db import InterfaceError, OperationalError

from mini_sentry.digest.projects import ProjectFacts, Projects
from mini_sentry.digest.scrubbing import scrub
from mini_sentry.digest.sessions import Gathered, gather_item, gather_rest
from mini_sentry.grouping.configs import Config
from mini_sentry.grouping.group import Grouping, group
from mini_sentry.groups.occurrences import Candidate
from mini_sentry.protocol import client_report, envelope, rest_event, security, store
from mini_sentry.protocol.context import Context
from mini_sentry.protocol.errors import OutOfTime, ProtocolError
from mini_sentry.protocol.event import Event
from mini_sentry.protocol.inflate import inflate
from mini_sentry.protocol.limits import Limits
from mini_sentry.protocol.normalize import normalize
from mini_sentry.protocol.outcomes import CATEGORY_OF_ITEM, Outcome, Reason, Tally
from mini_sentry.streams.log import Record
from mini_sentry.streams.topics import Accepted, unpack
from mini_sentry.symbolication import stacktext

logger = logging.getLogger(__name__)

FAILED = "failed"
"""Why a record is a dead letter that broke the decoder, rather than the rules."""

Counted = tuple[int, int, str, str, str]
"""Project id, minute (Unix seconds), outcome, reason, category."""


@dataclass(slots=True)
class Unreadable:
    """A record that becomes a dead letter, wholly or for one of its items. `record_id` is empty when it has none."""

    record: Record
    reason: str
    detail: str
    record_id: bytes = b""


@dataclass(slots=True)
class Decoded:
    """What a batch holds. Every item is in exactly one of these.

    `symbolicate` is called with each event before it is grouped. `finish` is called with each candidate as soon as it is
    grouped, while the processor still has its payload at hand. `once` is None where no record comes twice; else it holds by
    record id what that record counts beside events, whose own ids protect them.
    """

    symbolicate: Callable[[Event], None] | None = None
    finish: Callable[[Candidate], None] | None = None
    candidates: list[Candidate] = field(default_factory=list)
    sessions: Gathered = field(default_factory=Gathered)
    counts: Counter[Counted] = field(default_factory=Counter)
    unreadable: list[Unreadable] = field(default_factory=list)
    once: dict[bytes, Counter[Counted]] | None = None

    def group(self, event: Event, *, config: Config) -> Grouping:
        if self.symbolicate is not None:
            self.symbolicate(event)
        return group(event, config=config)

    def add(self, candidate: Candidate) -> None:
        if self.finish is not None:
            self.finish(candidate)
        self.candidates.append(candidate)

    def bare(self) -> "Decoded":
        """The same for another process: events without what was only needed to group them, most of all their stacks."""
        for candidate in self.candidates:
            candidate.is_bare = True
            event = candidate.event
            event.exceptions, event.threads, event.stacktrace = [], [], None
            event.template = event.csp = None
        self.symbolicate = self.finish = None
        return self

    def extend(self, later: "Decoded") -> None:
        """Add what comes after it in the batch."""
        self.candidates += later.candidates
        self.sessions.extend(later.sessions)
        self.counts.update(later.counts)
        self.unreadable += later.unreadable
        if self.once is not None and later.once is not None:
            self.once |= later.once

    def count(self, accepted: Accepted, outcome: Outcome, reason: str, category: str, quantity: int = 1) -> None:
        minute = int(accepted.received_at // 60) * 60
        self.counts_of(accepted)[accepted.project_id, minute, outcome.value, str(reason), category] += quantity

    def counts_of(self, accepted: Accepted) -> Counter[Counted]:
        """Where to count what no id but the record's own protects from being counted twice."""
        return self.counts if self.once is None else self.once.setdefault(accepted.record_id, Counter())


def distinct(records: Sequence[Record]) -> list[Record]:
    """For a batch that several will decode, from a log that may hold a record twice: each once, and those that cannot be read."""
    seen: set[bytes] = set()
    kept = []
    for record in records:
        try:
            record_id = unpack(record.value).record_id
        except msgspec.MsgspecError:
            kept.append(record)
            continue
        if record_id not in seen:
            seen.add(record_id)
            kept.append(record)
    return kept


def decode(
    records: Sequence[Record],
    *,
    projects: Projects,
    limits: Limits,
    symbolicate: Callable[[Event], None] | None = None,
    finish: Callable[[Candidate], None] | None = None,
    may_repeat: bool = False,
) -> Decoded:
    """Read every record. What `finish` raises for a candidate makes its record a dead letter.

    `may_repeat` says that the log may hold the same record twice; of those in one batch only the first is read.
    """
    decoded = Decoded(symbolicate=symbolicate, finish=finish, once={} if may_repeat else None)
    read: set[bytes] = set()
    for record in records:
        try:
            accepted = unpack(record.value)
        except msgspec.MsgspecError as error:
            decoded.unreadable.append(Unreadable(record, "not a message of the ingest topic", str(error)))
            continue
        if may_repeat:
            if accepted.record_id in read:
                continue
            read.add(accepted.record_id)
        with _OneFate(record, accepted, decoded, "error"):
            _decode_one(record, accepted, decoded, projects=projects, limits=limits)
    return decoded


class _OneFate:
    """Whatever is raised inside makes the record a dead letter, and only it; but the store's being away stops the batch.

    A class, because a generator costs three times as much, and there are two of these for every record.
    """

    __slots__ = ("_accepted", "_category", "_decoded", "_record")

    def __init__(self, record: Record, accepted: Accepted, decoded: Decoded, category: str) -> None:
        self._record, self._accepted, self._decoded, self._category = record, accepted, decoded, category

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if error is None:
            return False
        if isinstance(error, OperationalError | InterfaceError) or not isinstance(error, Exception):
            return False  # the store is away, or we are told to stop, which is no fault of the record's
        record, accepted, decoded = self._record, self._accepted, self._decoded
        if isinstance(error, ProtocolError):
            reason, detail = "malformed", str(error)
        else:
            logger.error(
                "Record %s of %s could not be decoded",
                record.offset,
                record.topic,
                exc_info=error,
                extra={"event_id": accepted.event_id, "project_id": accepted.project_id},
            )
            reason, detail = FAILED, f"{type(error).__name__}: {error}"
        decoded.unreadable.append(Unreadable(record, reason, detail, accepted.record_id))
        decoded.count(accepted, Outcome.INVALID, Reason.DEAD_LETTER, self._category)
        return True


def _decode_one(record: Record, accepted: Accepted, decoded: Decoded, *, projects: Projects, limits: Limits) -> None:
    if accepted.kind == "tallies":
        for tally in msgspec.json.decode(accepted.body, type=list[Tally]):
            key = (tally.project_id, tally.minute, tally.outcome, tally.reason, tally.category)
            decoded.counts_of(accepted)[key] += tally.quantity
        return
    project = projects.get(accepted.project_id)
    if project is None:
        decoded.count(accepted, Outcome.INVALID, Reason.UNKNOWN_PROJECT, "error")
        return
    body = inflate(accepted.body, accepted.encoding, max_bytes=limits.inflated_bytes)
    match accepted.kind:
        case "envelope":
            _envelope(record, accepted, body, decoded, project=project, limits=limits)
        case "store":
            _event(accepted, store.payload(body, limits=limits), decoded, project=project, event_id=accepted.event_id)
        case "security":
            with _OneFate(record, accepted, decoded, "security"):
                reports = security.payloads(body, query=accepted.query, user_agent=accepted.user_agent)
                for index, payload in enumerate(reports):
                    event_id = accepted.event_id if index == 0 else ""
                    _event(accepted, payload, decoded, project=project, event_id=event_id, item=index)
        case "rest":
            _rest(accepted, body, decoded, project=project)
        case "session":
            with _OneFate(record, accepted, decoded, "session"):
                gather_rest(decoded.sessions, accepted, body)
                decoded.count(accepted, Outcome.ACCEPTED, Reason.NONE, "session")
        case _:
            category = CATEGORY_OF_ITEM.get(accepted.kind, "default")
            decoded.count(accepted, Outcome.FILTERED, Reason.UNSUPPORTED, category)


def _envelope(
    record: Record, accepted: Accepted, body: bytes, decoded: Decoded, *, project: ProjectFacts, limits: Limits
) -> None:
    parsed = envelope.scan(body, limits=limits)
    event_id = parsed.event_id or accepted.event_id
    for index, item in enumerate(parsed.items):
        if index in accepted.dropped:
            continue
        category = CATEGORY_OF_ITEM.get(item.type, "default")
        with _OneFate(record, accepted, decoded, category):
            payload = body[item.start : item.end]
            if item.type == "event":
                # A second event of an envelope goes by its own id.
                header_id, event_id = event_id, ""
                _event(
                    accepted, payload, decoded, project=project, event_id=header_id, sent_at=parsed.sent_at, item=index
                )
            elif item.type in ("session", "sessions"):
                try:
                    gather_item(
                        decoded.sessions, accepted, payload, kind=item.type, index=index, sent_at=parsed.sent_at
                    )
                    decoded.count(accepted, Outcome.ACCEPTED, Reason.NONE, category)
                except OutOfTime:
                    decoded.count(accepted, Outcome.INVALID, Reason.TIMESTAMP, category)
            elif item.type == "client_report":
                discarded = client_report.parse(payload)
                decoded.count(accepted, Outcome.ACCEPTED, Reason.NONE, category)
                for entry in discarded:
                    decoded.count(accepted, Outcome.CLIENT_DISCARD, entry.reason, entry.category, entry.quantity)
            else:
                decoded.count(accepted, Outcome.FILTERED, Reason.UNSUPPORTED, category)


def _context(accepted: Accepted, *, event_id: str, sent_at: str = "", item: int = 0) -> Context:
    return Context(
        project_id=accepted.project_id,
        received_at=accepted.received_at,
        event_id=event_id,
        fallback_id=_fallback_id(accepted, item),
        client_ip=accepted.client_ip,
        user_agent=accepted.user_agent,
        sent_at=sent_at,
    )


def _fallback_id(accepted: Accepted, item: int) -> str:
    """An id for an event that has none: the same each time the record is read."""
    if item == 0:
        return accepted.event_id or accepted.record_id.hex()
    number = int.from_bytes(accepted.record_id) + item
    return f"{number % (1 << 128):032x}"


def _event(
    accepted: Accepted,
    payload: bytes,
    decoded: Decoded,
    *,
    project: ProjectFacts,
    event_id: str = "",
    sent_at: str = "",
    item: int = 0,
) -> None:
    """Raises ProtocolError when the payload is no event at all."""
    scrubbed = scrub(payload)
    event = normalize(scrubbed, _context(accepted, event_id=event_id, sent_at=sent_at, item=item))
    if event.payload is not scrubbed:
        # The tolerant way may have brought to light what the scrubber could not see in broken JSON.
        event.payload = scrub(event.payload)
    decoded.add(Candidate(event, decoded.group(event, config=project.config), record_id=accepted.record_id))


def _rest(accepted: Accepted, body: bytes, decoded: Decoded, *, project: ProjectFacts) -> None:
    rest = rest_event.parse(scrub(body), accepted.content_type)
    event = rest_event.to_event(rest, _context(accepted, event_id=accepted.event_id), parse_stack=stacktext.parse)
    grouping = decoded.group(event, config=project.config)
    decoded.add(Candidate(event, grouping, record_id=accepted.record_id, is_awaited=True))


def tallies(counts: Counter[Counted]) -> Iterable[Tally]:
    for (project_id, minute, outcome, reason, category), quantity in sorted(counts.items()):
        yield Tally(project_id, minute, outcome, reason, category, quantity)
