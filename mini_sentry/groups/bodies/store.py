"""What every store of bodies promises.

- `write` returns when all of a batch is stored. It is durable at the latest with the next transaction that the same thread
  commits to the relational store, so before any event can refer to it.
- Ids count for one day. An id that was given out is never given to the body of another event.
- A body leaves by `remove` or with its day; reading it then raises BodyMissing, as does an id that never was.
- Every method may be called by several threads and processes at once.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple, Protocol

from mini_sentry.groups.bodies.packing import StoredBody


class Body(NamedTuple):
    """A compressed body on its way into the store, and the event it belongs to.

    `event_id` is 32 hex digits, `received_at` Unix seconds within the day it is written to. Engines may use the three to
    recognise a body that a batch which is digested again has written before.
    """

    project_id: int
    event_id: str
    received_at: float
    dictionary_id: int
    data: bytes


class BodyMissing(Exception):
    """No body of that id is kept for that day: retention or thinning took it."""


class Bodies(Protocol):
    def write(self, day: date, bodies: Sequence[Body]) -> list[int]:
        """Store the bodies of events received on a day (UTC); their ids, each at least 1, in order."""

    def read(self, body_id: int, day: date) -> StoredBody:
        """Raises BodyMissing."""

    def replace(self, day: date, bodies: Sequence[tuple[int, tuple[int, bytes]]]) -> None:
        """Put `(dictionary id, compressed body)` in the place of the body with the id before it; of those that are still kept."""

    def remove(self, day: date, ids: Sequence[int]) -> None:
        """Remove these bodies of a day. An engine may keep one of them, where its id must not be given out again."""

    def shrink(self, day: date) -> int:
        """Give some of the room that removed bodies left in a day back to the disk; 0 when there is nothing more to give."""

    def sizes(self) -> dict[date, int]:
        """The bytes that the bodies of each day take; the room that removed ones left does not count."""

    def dictionaries(self) -> set[int]:
        """The ids of the dictionaries that bodies may refer to."""

    def retire(self, before: date) -> int:
        """Remove the bodies of the days before `before`; how many days these were."""

    def close(self) -> None:
        """Close what this thread holds open."""
