"""What the digest announces of a committed batch, and how announcements are kept.

The digest calls `announce` in the batch's own transaction, so an announcement exists exactly when its batch does. Rows live
in the table `live_announcement (id, created_at, body)` for `KEPT_SECONDS`; ids grow, and the newest row is never deleted.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Protocol

import msgspec

KEPT_SECONDS: Final = 600.0
LATEST_COUNT: Final = 20
GROUPS_COUNT: Final = 200
"""At most so many groups go to an open page at once; it shows fewer."""


class FateKind(StrEnum):
    """What became of a record. DUPLICATE: its event id, or its session, was stored before. DEAD: it is a dead letter."""

    NEW = "new"
    DUPLICATE = "duplicate"
    FILTERED = "filtered"
    DEAD = "dead"


class Fate(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`record_id` is that of `streams.topics.Accepted`. Those of an event that is stored name it and its group."""

    record_id: bytes
    kind: FateKind
    event_id: str = ""
    group_id: int | None = None


class GroupKind(StrEnum):
    """How a group was touched; of several times, the first of these counts."""

    NEW = "new"
    REGRESSION = "regression"
    AGAIN = "again"


class TouchedGroup(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A group as the batch left it. `last_seen` is Unix seconds."""

    id: int
    short_id: str
    count: int
    last_seen: float
    title: str
    level: str
    kind: GroupKind


class LatestEvent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`group` is the group's id, `timestamp` the event's own in Unix seconds."""

    event_id: str
    group: int
    title: str
    level: str
    timestamp: float


class ProjectNews(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a batch stored for one project: new events only. `latest` holds at most `LATEST_COUNT`, newest first."""

    project_id: int
    events: int
    groups: list[TouchedGroup] = msgspec.field(default_factory=list)
    latest: list[LatestEvent] = msgspec.field(default_factory=list)


class Announcement(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`fates` are of the records that somebody may wait for (`Accepted.kind` is `rest` or `session`); the others may be left out."""

    fates: list[Fate] = msgspec.field(default_factory=list)
    projects: list[ProjectNews] = msgspec.field(default_factory=list)


encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Announcement).decode


def decode(body: bytes) -> Announcement:
    """Raises msgspec.DecodeError or msgspec.ValidationError when the bytes are no announcement."""
    return _decode(body)


class Cursor(Protocol):
    """Django's cursor, as far as it is needed here: `%s` stands for a parameter."""

    def execute(self, sql: str, params: Sequence[Any], /) -> Any: ...


def announce(cursor: Cursor, announcement: Announcement, *, now: float) -> bytes | None:
    """Write it down in the caller's transaction, and return what a herald tells once that is committed.

    One that says nothing is not written: None.
    """
    if not announcement.fates and not announcement.projects:
        return None
    body = encode(announcement)
    cursor.execute("INSERT INTO live_announcement (created_at, body) VALUES (%s, %s)", (now, body))
    return body


class Herald(Protocol):
    """Tells other machines of announcements that are committed. Whoever reads the table needs none."""

    def start(self) -> None:
        """Say first of all that what was told before may be incomplete: a death after a commit leaves it untold."""

    def tell(self, body: bytes) -> None:
        """Never waits and never raises."""

    def stop(self) -> None: ...


class NoHerald:
    def start(self) -> None:
        return

    def tell(self, body: bytes) -> None:
        return

    def stop(self) -> None:
        return


def expire(cursor: Cursor, *, now: float) -> None:
    """Delete what is older than `KEPT_SECONDS`; looks at expired rows only. The newest row stays, so that ids are comparable."""
    cursor.execute(
        "DELETE FROM live_announcement WHERE id < coalesce("
        "(SELECT id FROM live_announcement WHERE created_at >= %s ORDER BY id LIMIT 1), "
        "(SELECT max(id) FROM live_announcement))",
        (now - KEPT_SECONDS,),
    )


def merge(news: Iterable[ProjectNews]) -> ProjectNews:
    """Several announcements of one project, oldest first, as one. Needs one at least."""
    earlier, *others = news
    for later in others:
        groups = {group.id: group for group in earlier.groups}
        for group in later.groups:
            before = groups.pop(group.id, group)
            groups[group.id] = msgspec.structs.replace(group, kind=_stronger(before.kind, group.kind))
        earlier = ProjectNews(
            project_id=earlier.project_id,
            events=earlier.events + later.events,
            groups=list(groups.values()),
            latest=(later.latest + earlier.latest)[:LATEST_COUNT],
        )
    return earlier


def as_json(news: ProjectNews, *, slug: str) -> bytes:
    """The data of a `batch` message on the event stream; times are ISO 8601 in UTC. New groups and regressions come first."""
    groups = sorted(news.groups, key=lambda group: (_STRENGTH.index(group.kind), -group.last_seen))[:GROUPS_COUNT]
    return msgspec.json.encode(
        {
            "project": news.project_id,
            "slug": slug,
            "events": news.events,
            "groups": [
                {
                    "id": group.id,
                    "short_id": group.short_id,
                    "count": group.count,
                    "last_seen": _iso(group.last_seen),
                    "title": group.title,
                    "level": group.level,
                    "kind": group.kind,
                }
                for group in groups
            ],
            "latest": [
                {
                    "event_id": event.event_id,
                    "group": event.group,
                    "title": event.title,
                    "level": event.level,
                    "timestamp": _iso(event.timestamp),
                }
                for event in news.latest
            ],
        }
    )


_STRENGTH: Final = list(GroupKind)


def _stronger(one: GroupKind, other: GroupKind) -> GroupKind:
    return min(one, other, key=_STRENGTH.index)


def _iso(unix_seconds: float) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
