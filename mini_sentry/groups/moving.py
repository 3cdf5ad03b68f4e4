"""What of groups is moved to another installation: rows, and the events with their bodies.

A body travels as the payload and the facts that it holds, not as it is kept: the other installation keeps it its own way,
compressed with the dictionary that its project brings along.
"""

from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from datetime import UTC, date
from typing import Any, Final

import msgspec

from mini_sentry.groups.bodies import Body, BodyMissing, Compressor, StoredBody, pack
from mini_sentry.groups.detail import bodies
from mini_sentry.groups.dictionaries import latest
from mini_sentry.groups.models import Activity, BodyDictionary, Comment, Event, Group, GroupHash, GroupScope
from mini_sentry.moving.archive import Damaged
from mini_sentry.moving.parts import Heard, Part, Rows, batches, decode, encode

PAGE_EVENTS: Final = 500
NO_BODY: Final = 0
"""The body id of an event whose body is no longer kept: ids that are given out begin at 1."""


class Events(Rows):
    """Events with their bodies. `without_body` holds the ids of those whose body was not kept, after `documents` or `load`."""

    def __init__(self) -> None:
        super().__init__("events", Event)
        self.without_body: array[int] = array("q")
        self._written: dict[date, list[list[int]]] = {}

    def begin(self) -> None:
        """Forget what earlier calls wrote."""
        self._written.clear()

    def take_back(self) -> None:
        """Remove the bodies written since `begin`: the transaction that their events were in was rolled back."""
        for day, written in self._written.items():
            for ids in written:
                bodies().remove(day, list(ids))
        self._written.clear()

    def documents(self) -> Iterator[bytes]:
        self.without_body = array("q")
        for page in self.pages(PAGE_EVENTS):
            for row in page:
                body_id = row.pop("body_id")
                try:
                    row["body"] = _shown(bodies().read(body_id, _day(row["received_at"])))
                except BodyMissing:
                    row["body"] = None
                    self.without_body.append(row["id"])
                yield encode(row)

    def load(self, documents: Iterable[bytes], heard: Heard) -> None:
        self.without_body = array("q")
        compressors: dict[int, Compressor] = {}
        count = 0
        for batch in batches(documents, PAGE_EVENTS):
            rows: list[Any] = []
            by_day: dict[date, list[tuple[Any, Body]]] = {}
            for document in batch:
                values = decode(self.name, document)
                body = values.pop("body", None)
                row: Any = self.row(values | {"body_id": NO_BODY})
                rows.append(row)
                if body is None:
                    self.without_body.append(row.pk)
                    continue
                if (compressor := compressors.get(row.project_id)) is None:
                    compressor = compressors[row.project_id] = Compressor(*(latest(row.project_id) or (0, None)))
                stored = Body(
                    row.project_id,
                    row.event_id.hex,
                    row.received_at.timestamp(),
                    compressor.dictionary_id,
                    compressor.compress(_packed(body)),
                )
                by_day.setdefault(_day(row.received_at), []).append((row, stored))
            for day, members in by_day.items():
                body_ids = bodies().write(day, [stored for _, stored in members])
                self._written.setdefault(day, []).append(body_ids)
                for (row, _), body_id in zip(members, body_ids, strict=True):
                    row.body_id = body_id
            self.insert(rows)
            count += len(batch)
            heard(count)


def _day(received_at: Any) -> date:
    day: date = received_at.astimezone(UTC).date()
    return day


def _shown(body: StoredBody) -> dict[str, Any]:
    try:
        return {"payload": body.payload.decode(), "facts": body.facts}
    except UnicodeDecodeError:
        return {"payload_base64": b64encode(body.payload).decode(), "facts": body.facts}


def _packed(body: dict[str, Any]) -> bytes:
    try:
        payload = body["payload"].encode() if "payload" in body else b64decode(body["payload_base64"])
        return pack(payload, msgspec.json.encode(body["facts"]))
    except (KeyError, ValueError, AttributeError) as error:
        raise Damaged(f"The body of an event cannot be read: {error!r}") from error


EVENTS: Final = Events()

PARTS: Final[tuple[Part, ...]] = (
    Rows("groups", Group),
    Rows("group-hashes", GroupHash),
    Rows("group-scopes", GroupScope),
    Rows("activities", Activity),
    Rows("comments", Comment),
    # Before the events, whose bodies are compressed with them.
    Rows("body-dictionaries", BodyDictionary),
    EVENTS,
)

STAYS: Final = {
    "groups_digestposition": "how far this installation's digest is in its own log",
    "groups_outbox": "what is on its way to the columns, which are filled from the rows on the other side",
    "live_announcement": "what pages were told in the last ten minutes",
}
