"""The stored JSON of events: write a batch, read one.

A body is the scrubbed payload as the SDK sent it plus the facts the digest found out (`packing`). It is written before
the transaction that stores its event: one that no event refers to (the process died in between) harms nobody. Embedded,
bodies lie in one SQLite file a day; with PostgreSQL in a table with one partition a day. Either way retention takes whole
days. `store` is the contract, `opening` the one place that knows which engine it is.
"""

from mini_sentry.groups.bodies.opening import open_bodies
from mini_sentry.groups.bodies.packing import Compressor, StoredBody, pack
from mini_sentry.groups.bodies.store import Bodies, Body, BodyMissing

__all__ = ["Bodies", "Body", "BodyMissing", "Compressor", "StoredBody", "open_bodies", "pack"]
