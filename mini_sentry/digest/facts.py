"""What is kept beside an event's payload: everything the digest found out that the payload alone does not say."""

import msgspec

from mini_sentry.grouping.group import Grouping
from mini_sentry.protocol.event import Event, EventError, User
from mini_sentry.protocol.payload import NOTHING


class Facts(msgspec.Struct, omit_defaults=True):
    """`received_at` and `timestamp` are Unix seconds; `hashes` are `[hash, variant]` in lookup order.

    `symbolicated` are `symbolication`'s Stacks, for events that could be mapped.
    """

    received_at: float
    timestamp: float
    title: str
    config: str
    hashes: list[tuple[str, str]]
    type: str = ""
    value: str = ""
    culprit: str = ""
    kind: str = "default"
    level: str = "error"
    platform: str = "other"
    message: str = ""
    release: str = ""
    dist: str = ""
    environment: str = ""
    transaction: str = ""
    handled: bool | None = None
    trace_id: str = ""
    tags: dict[str, str] = {}
    user: User | None = None
    errors: list[EventError] = []
    symbolicated: msgspec.Raw = NOTHING


_encode = msgspec.json.Encoder().encode


def facts_of(event: Event, grouping: Grouping) -> bytes:
    """The facts as a JSON object."""
    return _encode(
        Facts(
            received_at=event.received_at,
            timestamp=event.timestamp,
            title=grouping.title,
            config=grouping.config,
            hashes=[(found.hash, found.variant) for found in grouping.hashes],
            type=grouping.type,
            value=grouping.value,
            culprit=grouping.culprit,
            kind=event.type,
            level=event.level,
            platform=event.platform,
            message=event.message,
            release=event.release,
            dist=event.dist,
            environment=event.environment,
            transaction=event.transaction,
            handled=event.handled,
            trace_id=event.trace_id,
            tags=event.tags,
            user=event.user,
            errors=event.errors,
            symbolicated=msgspec.Raw(event.symbolicated) if event.symbolicated else NOTHING,
        )
    )
