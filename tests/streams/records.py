"""Records put into a log and read from it, in few words."""

from mini_sentry.streams.log import Log
from mini_sentry.streams.topics import INGEST

FOREVER = 1e9


def append(log: Log, *values: bytes, topic: str = INGEST) -> None:
    log.append(topic, [(b"1", value) for value in values])


def trim_passed(log: Log) -> int:
    """Keep nothing for replay."""
    return log.trim(INGEST, keep_seconds=FOREVER, keep_bytes=0)


def values(log: Log, offset: int = 1, topic: str = INGEST, **bounds: int) -> list[bytes]:
    return [record.value for record in log.read(topic, offset, **bounds)]
