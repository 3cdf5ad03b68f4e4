"""What the edge works with: everything it needs from elsewhere, handed in once."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Protocol

from mini_sentry.ingest.counts import Counts
from mini_sentry.ingest.guard import Guard
from mini_sentry.ingest.quotas import Quotas
from mini_sentry.ingest.refusals import Refusals
from mini_sentry.ingest.replies import Refused
from mini_sentry.ingest.senders import Senders
from mini_sentry.projects.keys import KeyMap
from mini_sentry.protocol.limits import DEFAULT, Limits
from mini_sentry.streams.log import Log
from mini_sentry.streams.publisher import Publisher

Peer = tuple[str, int]
"""Address and port of the other end of a connection."""


class Announcements(Protocol):
    """Who hears what became of a record (`live.bus.Bus`)."""

    def expect(self, project_id: int, record_id: bytes) -> asyncio.Future[Any]:
        """A future of the record's fate, registered before the record is appended. Cancel it to stop waiting."""


@dataclass(slots=True, kw_only=True)
class Edge:
    """The edge's collaborators.

    `read_event(project_id, event_id)` gives a stored event as the REST API's JSON, None when it is not there;
    `read_session(project_id, session_id)` a session likewise.
    `digest_lag_seconds` says how old the oldest undigested record is. `now` gives Unix seconds. `X-Forwarded-For` is
    believed from `trusted_proxies` only.
    """

    keys: KeyMap
    log: Log
    quotas: Quotas
    guard: Guard
    bus: Announcements
    read_event: Callable[[int, str], Awaitable[bytes | None]]
    read_session: Callable[[int, str], Awaitable[bytes | None]]
    digest_lag_seconds: Callable[[], float]
    refusals: Refusals
    limits: Limits = DEFAULT
    trusted_proxies: Sequence[IPv4Network | IPv6Network] = ()
    counts: Counts = field(default_factory=Counts)
    now: Callable[[], float] = time.time
    wait_seconds: float = 2.0


@dataclass(slots=True)
class Intake:
    """An edge that has started, in its event loop."""

    edge: Edge
    publisher: Publisher
    senders: Senders = field(init=False)

    def __post_init__(self) -> None:
        self.senders = Senders(self.edge.keys)

    def count(self, refused: Refused) -> None:
        """What did not pass becomes an outcome, unless it was counted elsewhere already."""
        if refused.quantity:
            self.edge.refusals.count(
                refused.project_id, refused.outcome, refused.reason, refused.category, refused.quantity
            )

    def client_ip(self, peer: Peer | None, headers: dict[bytes, bytes]) -> str:
        """The address a request comes from: the first one that a trusted proxy names, else the peer's; "" when unknown."""
        address = peer[0] if peer else ""
        if not self.edge.trusted_proxies:
            return address
        forwarded = headers.get(b"x-forwarded-for")
        if forwarded is None or not self._is_trusted(address):
            return address
        first = forwarded.partition(b",")[0].strip().decode("latin-1")
        try:
            return str(ip_address(first.strip("[]")))
        except ValueError:
            return address

    def _is_trusted(self, address: str) -> bool:
        try:
            peer = ip_address(address)
        except ValueError:
            return False
        return any(peer in network for network in self.edge.trusted_proxies)
