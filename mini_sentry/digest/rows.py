"""The column rows of stored events: of a batch just stored, and of everything, to fill the columns again."""

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings

from mini_sentry.analytics.rows import EventRow, event_row
from mini_sentry.groups.bodies import BodyMissing, open_bodies
from mini_sentry.groups.models import Event
from mini_sentry.groups.occurrences import Candidate

_PAGE = 1000


def row_of(candidate: Candidate) -> EventRow:
    grouping = candidate.grouping
    return event_row(
        candidate.event,
        group_id=candidate.group_id,
        fingerprint=grouping.hashes[0].hash,
        title=grouping.title,
        culprit=grouping.culprit,
    )


def stored_rows(*, since: datetime | None) -> Iterator[EventRow]:
    """A row for each stored event received at or after `since`, oldest first.

    What only a body knows (tags, for one) is missing where the body was taken by thinning.
    """
    bodies = open_bodies(settings.BODIES_DIR)
    events = Event.objects.select_related("group", "release").order_by("pk")
    if since is not None:
        events = events.filter(received_at__gte=since)
    last = 0
    while page := list(events.filter(pk__gt=last)[:_PAGE]):
        for event in page:
            try:
                facts = bodies.read(event.body_id, event.received_at.date()).facts
            except BodyMissing:
                facts = {}
            yield _row(event, facts)
        last = page[-1].pk


def _row(event: Event, facts: dict[str, object]) -> EventRow:
    hashes, tags, handled = facts.get("hashes"), facts.get("tags"), facts.get("handled")
    # Facts leave out what is as usual.
    message, platform = ("", "other") if facts else (event.message, "")
    return EventRow(
        project_id=event.project_id,
        event_id=event.event_id.hex,
        group_id=event.group_id,
        received_at=round(event.received_at.timestamp() * 1000),
        timestamp=round(event.timestamp.timestamp() * 1000),
        level=event.level,
        type=str(facts.get("kind", "default")),
        environment=event.environment,
        release=event.release.version if event.release else str(facts.get("release", "")),
        title=str(facts.get("title", event.group.title)),
        message=str(facts.get("message", message))[:1000],
        fingerprint=hashes[0][0] if isinstance(hashes, list) and hashes else "",
        user=event.user,
        handled=handled if isinstance(handled, bool) else None,
        tags=tags if isinstance(tags, dict) else {},
        platform=str(facts.get("platform", platform)),
        dist=str(facts.get("dist", "")),
        culprit=str(facts.get("culprit", "")),
        transaction=str(facts.get("transaction", "")),
        trace_id=str(facts.get("trace_id", "")),
    )
