"""What the SDK itself dropped: counts by reason and data category, in the client's own words.

Spec: https://develop.sentry.dev/sdk/telemetry/client-reports/
"""

from typing import Any

import msgspec

from mini_sentry.protocol import lenient

MAX_ENTRIES = 200
MAX_CHARS = 64
MAX_QUANTITY = 2**31 - 1

# Relays report what they limited and filtered themselves under names of their own.
_LISTS = ("discarded_events", "rate_limited_events", "filtered_events", "filtered_sampling_events")


class Discarded(msgspec.Struct, frozen=True, gc=False):
    """`quantity` items of `category` that never left the client, because of `reason`. Both words are as sent."""

    reason: str
    category: str
    quantity: int


def parse(payload: bytes) -> list[Discarded]:
    """The entries of a report that make sense; at most 200. Raises PayloadInvalid when it is no JSON object."""
    report, _ = lenient.parse(payload)
    found: list[Discarded] = []
    for name in _LISTS:
        entries = report.get(name)
        for entry in entries[:MAX_ENTRIES] if isinstance(entries, list) else ():
            discarded = _entry(entry) if isinstance(entry, dict) else None
            if discarded is not None:
                found.append(discarded)
    return found[:MAX_ENTRIES]


def _entry(entry: dict[str, Any]) -> Discarded | None:
    reason, category, quantity = entry.get("reason"), entry.get("category"), entry.get("quantity")
    if isinstance(quantity, float) and quantity.is_integer():
        quantity = int(quantity)
    if not isinstance(reason, str) or not isinstance(category, str) or type(quantity) is not int or quantity <= 0:
        return None
    return Discarded(reason[:MAX_CHARS], category[:MAX_CHARS] or "default", min(quantity, MAX_QUANTITY))
