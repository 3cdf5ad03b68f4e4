"""Stored events mapped anew, after a file of their release or with their debug id was uploaded. What they are grouped by stays.

Small batches with pauses, the newest events first: the digest writes to the same files. It may be cut off anywhere and run by several at
once, for an event that is mapped already is left as it is.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from mini_sentry.digest.mapping import Mapper
from mini_sentry.groups.bodies import Bodies, BodyMissing, Compressor, StoredBody, pack
from mini_sentry.groups.dictionaries import latest
from mini_sentry.groups.models import Event as EventRow
from mini_sentry.groups.models import Group, GroupScope
from mini_sentry.projects.statements import chunks
from mini_sentry.protocol import rest_event
from mini_sentry.protocol.context import Context
from mini_sentry.protocol.errors import ProtocolError
from mini_sentry.protocol.event import Event
from mini_sentry.protocol.normalize import normalize
from mini_sentry.releases.models import Release
from mini_sentry.rest.pagination import rows_behind
from mini_sentry.symbolication import stacktext
from mini_sentry.symbolication.symbolicate import PLATFORMS

MOST_EVENTS: Final = 25
"""Events in one batch."""
PAUSE_RATIO: Final = 1.0
"""A pause is this many times as long as the batch before it."""
LOOK_BACK: Final = timedelta(days=1)
MOST_OF_GROUP: Final = 1000
"""Nothing leads from a debug id to events: those of other releases are looked through, so long back and so many of a group."""


class Remapped(NamedTuple):
    """`event_count` are those that changed; `is_complete` is False when `goes_on` ended it."""

    event_count: int
    is_complete: bool


def remap(
    project_id: int,
    version: str,
    *,
    bodies: Bodies,
    mapper: Mapper,
    goes_on: Callable[[], bool] = lambda: True,
    pause: Callable[[float], None] = time.sleep,
) -> Remapped:
    """Map the stored events of a version, in all its environments."""
    return _run(_batches(project_id, version), project_id, bodies=bodies, mapper=mapper, goes_on=goes_on, pause=pause)


def remap_by_debug_id(
    project_id: int,
    debug_ids: Collection[str],
    *,
    besides: str | None,
    now: datetime,
    bodies: Bodies,
    mapper: Mapper,
    goes_on: Callable[[], bool] = lambda: True,
    pause: Callable[[float], None] = time.sleep,
) -> Remapped:
    """Map recent events that name one of the debug ids, of whatever release or of none but the version `besides`."""
    digits = [debug_id.replace("-", "").encode() for debug_id in debug_ids]

    def is_named(payload: bytes) -> bool:
        if b'"debug_meta"' not in payload:
            return False
        plain = payload.lower().replace(b"-", b"")
        return any(one in plain for one in digits)

    return _run(
        _recent(project_id, besides, since=now - LOOK_BACK),
        project_id,
        bodies=bodies,
        mapper=mapper,
        goes_on=goes_on,
        pause=pause,
        is_wanted=is_named,
    )


def _run(
    batches: Iterable[list[EventRow]],
    project_id: int,
    *,
    bodies: Bodies,
    mapper: Mapper,
    goes_on: Callable[[], bool],
    pause: Callable[[float], None],
    is_wanted: Callable[[bytes], bool] = lambda payload: True,
) -> Remapped:
    dictionary_id, dictionary = latest(project_id) or (0, None)
    compressor = Compressor(dictionary_id, dictionary)
    event_count = 0
    for rows in batches:
        if not goes_on():
            return Remapped(event_count, is_complete=False)
        started_at = time.monotonic()
        mapper.begin()
        event_count += _remap(rows, bodies=bodies, mapper=mapper, compressor=compressor, is_wanted=is_wanted)
        pause(PAUSE_RATIO * (time.monotonic() - started_at))
    return Remapped(event_count, is_complete=True)


def _recent(project_id: int, besides: str | None, *, since: datetime) -> Iterator[list[EventRow]]:
    """By group, the newest first."""
    groups = Group.objects.filter(project=project_id, platform__in=PLATFORMS, last_seen__gte=since)
    for group_id in groups.order_by("-last_seen", "-pk").values_list("pk", flat=True):
        events = EventRow.objects.filter(group=group_id, received_at__gte=since).order_by("-received_at", "-pk")
        if besides is not None:
            events = events.exclude(release__version=besides)
        ids = list(events.values_list("pk", flat=True)[:MOST_OF_GROUP])
        for part in chunks(ids, MOST_EVENTS):
            yield list(EventRow.objects.filter(pk__in=part).select_related("release").order_by("-received_at", "-pk"))


def _batches(project_id: int, version: str) -> Iterator[list[EventRow]]:
    """By group, because only that leads to the events of a release without reading all the project's."""
    releases = list(Release.objects.filter(project=project_id, version=version).values_list("pk", flat=True))
    scopes = GroupScope.objects.filter(
        group__project=project_id, group__platform__in=PLATFORMS, release_version=version
    )
    for group_id in scopes.order_by("-last_seen").values_list("group_id", flat=True):
        events = EventRow.objects.filter(group=group_id, release__in=releases).select_related("release")
        events = events.order_by("-received_at", "-pk")
        last: EventRow | None = None
        while True:
            page = events
            if last is not None:
                page = page.filter(rows_behind("received_at", last.received_at, last.pk))
            rows = list(page[:MOST_EVENTS])
            if rows:
                yield rows
            if len(rows) < MOST_EVENTS:
                break
            last = rows[-1]


def _remap(
    rows: list[EventRow],
    *,
    bodies: Bodies,
    mapper: Mapper,
    compressor: Compressor,
    is_wanted: Callable[[bytes], bool],
) -> int:
    changed: dict[date, list[tuple[int, tuple[int, bytes]]]] = {}
    for row in rows:
        day = row.received_at.astimezone(UTC).date()
        try:
            body = bodies.read(row.body_id, day)
        except BodyMissing:
            continue
        event = _event(row, body) if is_wanted(body.payload) else None
        if event is None:
            continue
        mapper(event)
        symbolicated = msgspec.json.decode(event.symbolicated) if event.symbolicated else None
        if symbolicated is None or symbolicated == body.facts.get("symbolicated"):
            continue
        packed = pack(body.payload, msgspec.json.encode(body.facts | {"symbolicated": symbolicated}))
        changed.setdefault(day, []).append((row.body_id, (compressor.dictionary_id, compressor.compress(packed))))
    for day, replaced in changed.items():
        bodies.replace(day, replaced)
    return sum(map(len, changed.values()))


def _event(row: EventRow, body: StoredBody) -> Event | None:
    """The event as it came, for its frames; None when its body cannot be read as one."""
    facts = body.facts
    context = Context(
        project_id=row.project_id, received_at=row.received_at.timestamp(), event_id=row.event_id.hex, fallback_id=""
    )
    try:
        event = normalize(body.payload, context)
        if not (event.exceptions or event.threads or event.stacktrace):
            event = rest_event.to_event(rest_event.parse(body.payload), context, parse_stack=stacktext.parse)
    except ProtocolError:
        return None
    event.platform = str(facts.get("platform", "other"))
    event.release = row.release.version if row.release is not None else ""
    event.environment, event.dist = row.environment, str(facts.get("dist", ""))
    return event
