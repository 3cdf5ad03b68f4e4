"""What a channel is: one way to tell somebody, and how it says that it could not.

SendFailed      not this time, or never: `is_permanent` says whether to try again
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One notification for one target. `uid` stays the same over all attempts, so that a receiver can tell a repeated
    one; `attempt` counts from 1. `facts` are JSON values, `secret` the rule's."""

    uid: str
    attempt: int
    subject: str
    text: str
    facts: Mapping[str, Any]
    secret: str
    is_test: bool = False


class SendFailed(Exception):
    """`status_code` is the receiver's HTTP or SMTP code, None when it gave none. `is_unreachable` when there was no
    answer at all: others to the same destination need not try just now."""

    def __init__(
        self, detail: str, *, status_code: int | None = None, is_permanent: bool = False, is_unreachable: bool = False
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status_code = status_code
        self.is_permanent = is_permanent
        self.is_unreachable = is_unreachable


class Channel(Protocol):
    def send(self, target: str, message: Message) -> int | None:
        """Send within a bounded time and return the receiver's code, if it has one. Raises SendFailed. Safe in threads."""
