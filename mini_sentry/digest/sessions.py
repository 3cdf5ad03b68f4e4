"""The sessions of a batch: gathered by their ids while records are decoded, one update left of each."""

from collections.abc import Collection
from dataclasses import dataclass, field

from mini_sentry.live.messages import Fate, FateKind
from mini_sentry.protocol import session
from mini_sentry.protocol.session import SessionUpdate
from mini_sentry.releases.registry import Seen
from mini_sentry.releases.sessions import Key
from mini_sentry.streams.topics import Accepted


@dataclass(slots=True)
class Gathered:
    """`awaited` are the ids of records that somebody waits to hear of, in the log's order, with their session."""

    updates: dict[Key, SessionUpdate] = field(default_factory=dict)
    awaited: list[tuple[bytes, Key]] = field(default_factory=list)

    def add(self, project_id: int, update: SessionUpdate) -> Key:
        key = project_id, update.session_id
        earlier = self.updates.get(key)
        self.updates[key] = update if earlier is None else session.merge(earlier, update)
        return key

    def extend(self, later: "Gathered") -> None:
        """Add what comes after it in the log."""
        for (project_id, _), update in later.updates.items():
            self.add(project_id, update)
        self.awaited += later.awaited

    def seen(self) -> set[Seen]:
        """The releases and environments that the updates name."""
        return {(project_id, update.release, update.environment) for (project_id, _), update in self.updates.items()}

    def fates(self, made: Collection[Key]) -> list[Fate]:
        """`made` are the sessions that had no row before; of several records about one, the first made it."""
        left = set(made)
        fates: list[Fate] = []
        for record_id, key in self.awaited:
            fates.append(Fate(record_id, FateKind.NEW if key in left else FateKind.DUPLICATE))
            left.discard(key)
        return fates


def gather_item(gathered: Gathered, accepted: Accepted, payload: bytes, *, kind: str, index: int, sent_at: str) -> None:
    """Take an envelope's item of type `session` or `sessions`. Raises PayloadInvalid and OutOfTime."""
    name = f"{accepted.record_id.hex()}:{index}"
    if kind == "session":
        updates = [session.parse_update(payload, received_at=accepted.received_at, fallback_id=name, sent_at=sent_at)]
    else:
        updates = session.parse_aggregates(payload, received_at=accepted.received_at, key=name, sent_at=sent_at)
    for update in updates:
        gathered.add(accepted.project_id, update)


def gather_rest(gathered: Gathered, accepted: Accepted, body: bytes) -> None:
    """Take the body of a REST session request. Raises ProtocolError."""
    update = session.to_update(session.parse_rest(body), received_at=accepted.received_at)
    gathered.awaited.append((accepted.record_id, gathered.add(accepted.project_id, update)))
