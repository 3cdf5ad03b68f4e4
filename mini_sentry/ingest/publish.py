"""Admitted bytes to the topic `ingest`: durable when `publish` returns."""

from mini_sentry.ingest.guard import DISK_FULL, UNREACHABLE
from mini_sentry.ingest.replies import closed
from mini_sentry.streams.log import LogError, LogFull
from mini_sentry.streams.publisher import Publisher
from mini_sentry.streams.topics import INGEST, Accepted, pack


async def publish(publisher: Publisher, key: bytes, message: Accepted, *, category: str) -> None:
    """Raises Refused (503) when the record cannot be made durable; then it may still turn up, but nobody was told so."""
    try:
        await publisher.publish(INGEST, key, pack(message))
    except LogError as error:
        state = DISK_FULL if isinstance(error, LogFull) else UNREACHABLE
        raise closed(state, project_id=message.project_id, category=category) from error
