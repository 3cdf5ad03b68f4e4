"""Records that were given up: list them, look at one, send them again, let the old ones go.

A dead letter is named by its offset in the topic. Which ones were sent again is written as a record of the same topic whose
`reason` is `REPLAYED` and whose `detail` is that offset, so that marking needs no table and expires with the rest.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from mini_sentry.streams.log import Log, Record
from mini_sentry.streams.topics import DEAD_LETTERS, DeadLetter, pack_dead_letter, unpack_dead_letter

REPLAYED: Final = "replayed"
EXPIRE_BYTES: Final = 1 << 30
_PAGE: Final = 200


class Buried(msgspec.Struct, frozen=True):
    """A dead letter as people look at it. `id` is its offset among the dead letters; times are Unix seconds.

    `topic`, `partition` and `offset` say where the record was read, `key` is its partition key and `value` its bytes.
    """

    id: int
    topic: str
    partition: int
    offset: int
    died_at: float
    reason: str
    detail: str
    size_bytes: int
    is_replayed: bool
    key: bytes
    value: bytes


class NotBuried(LookupError):
    """No dead letter has this id (any more)."""


def dead_letters(log: Log) -> Iterator[Buried]:
    """All that are kept, oldest first; read page by page, so the whole topic need not fit into memory."""
    replayed = _replayed(log)
    for record in _records(log):
        letter = _letter(record)
        if letter is not None and letter.reason != REPLAYED:
            yield _buried(record, letter, is_replayed=record.offset in replayed)


def show(log: Log, dead_letter_id: int) -> Buried:
    """Raises NotBuried."""
    for record in log.read(DEAD_LETTERS, dead_letter_id, limit=1):
        letter = _letter(record)
        if record.offset == dead_letter_id and letter is not None and letter.reason != REPLAYED:
            replayed = _replayed(log, dead_letter_id + 1)
            return _buried(record, letter, is_replayed=dead_letter_id in replayed)
    raise NotBuried(f"there is no dead letter {dead_letter_id}")


def replay(log: Log, dead_letter_id: int, *, now: float) -> Buried:
    """Append the record to its topic again, as it was, then mark it as replayed. What it was, before.

    A crash between the two leaves it unmarked; replaying twice is safe, because every reader bears the same record twice.
    Raises NotBuried, LogError, and KeyError for a topic that is no more.
    """
    buried = show(log, dead_letter_id)
    log.append(buried.topic, [(buried.key, buried.value)])
    mark = DeadLetter(
        topic=buried.topic,
        partition=buried.partition,
        offset=buried.offset,
        died_at=now,
        reason=REPLAYED,
        detail=str(dead_letter_id),
        value=b"",
    )
    log.append(DEAD_LETTERS, [(buried.key, pack_dead_letter(mark))])
    return buried


def expire(log: Log, *, keep_seconds: float, keep_bytes: int = EXPIRE_BYTES) -> int:
    """Delete those that died longer ago, and the oldest above `keep_bytes`; how many records went."""
    return log.trim(DEAD_LETTERS, keep_seconds=keep_seconds, keep_bytes=keep_bytes)


def _records(log: Log, offset: int = 0) -> Iterator[Record]:
    while records := log.read(DEAD_LETTERS, offset, limit=_PAGE):
        yield from records
        offset = records[-1].offset + 1


def _letter(record: Record) -> DeadLetter | None:
    """None for bytes that are no dead letter; nothing can be said about those."""
    try:
        return unpack_dead_letter(record.value)
    except msgspec.MsgspecError:
        return None


def _replayed(log: Log, offset: int = 0) -> set[int]:
    """The dead letters that records from `offset` on mark as replayed."""
    letters = (_letter(record) for record in _records(log, offset))
    return {int(letter.detail) for letter in letters if letter is not None and letter.reason == REPLAYED}


def _buried(record: Record, letter: DeadLetter, *, is_replayed: bool) -> Buried:
    return Buried(
        id=record.offset,
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        died_at=letter.died_at,
        reason=letter.reason,
        detail=letter.detail,
        size_bytes=len(letter.value),
        is_replayed=is_replayed,
        key=record.key,
        value=letter.value,
    )
