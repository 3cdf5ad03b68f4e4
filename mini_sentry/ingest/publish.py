"""Admitted bytes to the topic `ingest`: durable when `publish` returns."""

import os
from collections.abc import Iterator
from typing import Final

from mini_sentry.ingest.guard import DISK_FULL, UNREACHABLE
from mini_sentry.ingest.replies import Refused, closed
from mini_sentry.protocol.outcomes import Reason
from mini_sentry.streams.log import LogError, LogFull, RecordRefused
from mini_sentry.streams.publisher import Publisher
from mini_sentry.streams.topics import INGEST, Accepted, pack

RECORD_ID_BYTES: Final = 16


def _record_ids() -> Iterator[bytes]:
    # One system call for 256 of them: a process that is forked must not go on with its parent's, and none of ours is.
    while True:
        block = os.urandom(RECORD_ID_BYTES * 256)
        for start in range(0, len(block), RECORD_ID_BYTES):
            yield block[start : start + RECORD_ID_BYTES]


new_record_id = _record_ids().__next__
"""16 random bytes that name a record before it is appended. For one thread, the event loop's."""


async def publish(publisher: Publisher, key: bytes, message: Accepted, *, category: str) -> None:
    """Raises Refused (503) when the record cannot be made durable; then it may still turn up, but nobody was told so."""
    try:
        await publisher.publish(INGEST, key, pack(message))
    except LogError as error:
        raise unavailable(error, project_id=message.project_id, category=category) from error


def unavailable(error: LogError, *, project_id: int, category: str) -> Refused:
    """503 for what the log could not make durable, 413 for what is larger than it ever takes."""
    if isinstance(error, RecordRefused):
        detail = {"detail": "The request is larger than the server's log takes."}
        return Refused(413, detail, Reason.TOO_LARGE, project_id=project_id, category=category)
    state = DISK_FULL if isinstance(error, LogFull) else UNREACHABLE
    return closed(state, project_id=project_id, category=category)
