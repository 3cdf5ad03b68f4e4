"""The items of an envelope at the edge: which pass, what they count as, and the id the client is answered with."""

import re
import uuid
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from mini_sentry.ingest.quotas import Bucket, Quotas
from mini_sentry.protocol import ids
from mini_sentry.protocol.envelope import Item
from mini_sentry.protocol.outcomes import CATEGORY_OF_ITEM

BUCKET_OF_ITEM: Final = {
    "event": Bucket.EVENTS,
    "security": Bucket.EVENTS,
    "session": Bucket.SESSIONS,
    "sessions": Bucket.SESSIONS,
}
HAS_EVENT_ID: Final = frozenset({"event", "transaction", "feedback", "security"})
"""Items that are told apart by an event id; a client that sent one is answered with it."""

_FIRST_KEY: Final = re.compile(rb'\s*\{\s*"event_id"\s*:\s*"([^"\\]{1,64})"')


class Admitted(NamedTuple):
    """`dropped` are the indexes of items that do not pass, `limits` the buckets that are full and the seconds to wait."""

    dropped: list[int]
    limits: list[tuple[Bucket, int]]


class _Id(msgspec.Struct, gc=False):
    event_id: msgspec.Raw = msgspec.Raw(b"")


_id = msgspec.json.Decoder(_Id).decode
_text = msgspec.json.Decoder(str).decode


async def admit(items: Sequence[Item], quotas: Quotas, project_id: int, *, now: float) -> Admitted:
    """Take the items' share of the project's quotas. An attachment goes with its event. Raises QuotasUnavailable."""
    wanted: dict[Bucket, list[int]] = {}
    for index, item in enumerate(items):
        bucket = BUCKET_OF_ITEM.get(item.type)
        if bucket is not None:
            wanted.setdefault(bucket, []).append(index)
    dropped: list[int] = []
    limits: list[tuple[Bucket, int]] = []
    for bucket, indexes in wanted.items():
        admission = await quotas.ask(project_id, bucket, len(indexes), now=now)
        if admission.admitted < len(indexes):
            dropped += indexes[admission.admitted :]
            limits.append((bucket, admission.retry_after_seconds))
            if bucket is Bucket.EVENTS and not admission.admitted:
                dropped += [index for index, item in enumerate(items) if item.type == "attachment"]
    dropped.sort()
    return Admitted(dropped, limits)


def categories(items: Sequence[Item], indexes: Sequence[int]) -> dict[str, int]:
    """How many of the items at `indexes` count in which category."""
    counts: dict[str, int] = {}
    for index in indexes:
        category = CATEGORY_OF_ITEM.get(items[index].type, "default")
        counts[category] = counts.get(category, 0) + 1
    return counts


def answered_id(items: Sequence[Item], header_id: str, body: bytes) -> str:
    """The event id of an envelope: its header's, else the one in the payload, else a new one. "" if no item has an event id."""
    for item in items:
        if item.type in HAS_EVENT_ID:
            return header_id or payload_id(body[item.start : item.end]) or uuid.uuid4().hex
    return ""


def payload_id(payload: bytes) -> str:
    """The `event_id` of a JSON object, read without decoding the rest; "" when it has none or cannot be read.

    Only its own: breadcrumbs and contexts may hold ids of other events.
    """
    try:
        raw = bytes(_id(payload).event_id)
        return ids.normalise(_text(raw)) if raw.startswith(b'"') else ""
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # Not quite JSON (a bare NaN, say) but maybe an event all the same: believe it only where it must be the object's own.
        found = _FIRST_KEY.match(payload)
        return ids.normalise(found[1].decode("latin-1")) if found else ""
