"""The columns on the other side of a move: filled from the rows that came, and for events whose body is no longer kept, which
alone knew their tags, with the column rows that came along."""

from array import array
from collections.abc import Iterable, Iterator
from typing import Final

from mini_sentry.analytics.lookups import rows_of
from mini_sentry.analytics.rows import EVENTS_TABLE, OUTCOMES_TABLE, SESSIONS_TABLE, OutcomeRow, encode
from mini_sentry.analytics.snuba import rebuild
from mini_sentry.analytics.store import Store
from mini_sentry.digest.rows import stored_rows
from mini_sentry.groups.models import Event
from mini_sentry.moving.parts import Heard, batches
from mini_sentry.projects.models import OutcomeCount
from mini_sentry.projects.statements import chunks
from mini_sentry.releases import sessions

COLUMNS_OF_EVENTS: Final = "columns-of-events"
"""The member of an export that holds a document of the topic `events` for each event without a body."""

_PAGE: Final = 500


def columns_of(store: Store, ids: "array[int]") -> Iterator[bytes]:
    """The column rows of the events with these ids, as documents of the topic `events`, in their order. Raises ColumnsError."""
    for part in chunks(ids, _PAGE):
        by_project: dict[int, list[Event]] = {}
        events = list(Event.objects.filter(pk__in=list(part)).order_by("pk"))
        for event in events:
            by_project.setdefault(event.project_id, []).append(event)
        found = {}
        for project_id, members in by_project.items():
            times = [event.received_at for event in members]
            rows = rows_of(
                store, project_id, [event.event_id.hex for event in members], start=min(times), end=max(times)
            )
            found.update({(project_id, event_id): row for event_id, row in rows.items()})
        for event in events:
            if (row := found.get((event.project_id, event.event_id.hex))) is not None:
                yield encode(row)


def fill(store: Store, documents: Iterable[bytes], *, heard: Heard) -> int:
    """Fill empty columns from the rows, then with `documents` of the topic `events`; how many rows. Raises ColumnsError."""
    count = rebuild(store, stored_rows(since=None), progress=heard)
    for batch in batches(documents, 10_000):
        store.insert_documents(EVENTS_TABLE, batch)
    count += rebuild(store, sessions.stored_rows(since=None), table=SESSIONS_TABLE)
    for batch in batches(_outcomes(), 10_000):
        store.insert_documents(OUTCOMES_TABLE, batch)
        count += len(batch)
    return count


def _outcomes() -> Iterator[bytes]:
    """Hours for minutes: what is left of them in the relational store."""
    for row in OutcomeCount.objects.order_by("pk").iterator():
        yield encode(
            OutcomeRow(
                project_id=row.project_id,
                minute=int(row.hour.timestamp()),
                outcome=row.outcome,
                reason=row.reason,
                category=row.category,
                record=f"hour:{row.pk}",
                quantity=row.quantity,
            )
        )
