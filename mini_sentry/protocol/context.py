"""What is known about an event besides its payload: who received it, when, for which project, from where."""

import msgspec

from mini_sentry.protocol.limits import DEFAULT


class Context(msgspec.Struct, kw_only=True):
    """`received_at` is Unix seconds. `event_id` is the envelope header's or the edge's and wins over the payload's; "" is none.

    `fallback_id` serves when nobody named the event: 32 hex digits that are the same each time the record is read.
    `client_ip` and `user_agent` are the connection's. `sent_at` is the envelope header's, as written. `release` and
    `environment` stand in where the payload has none (the query of a security report).
    """

    project_id: int
    received_at: float
    event_id: str = ""
    fallback_id: str = ""
    client_ip: str = ""
    user_agent: str = ""
    sent_at: str = ""
    release: str = ""
    environment: str = ""
    platform: str = "other"

    def is_plausible(self, timestamp: float) -> bool:
        """Whether a client's time lies close enough to the time of receipt to be shown and filtered by."""
        return self.received_at - DEFAULT.past_seconds <= timestamp <= self.received_at + DEFAULT.future_seconds
