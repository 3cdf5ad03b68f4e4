"""From the topics `events`, `sessions` and `outcomes` into the columns: one insert a batch, the records' bytes as they are.

An insert that is repeated changes nothing (see `rows.py`), so a batch may come again with any boundaries, and after a
stop that was no clean one the last minutes are read again: what the engine had not yet written to the disk is there anew.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from mini_sentry.analytics.rows import EVENTS_TABLE, OUTCOMES_TABLE, SESSIONS_TABLE, EventRow, SessionRow, encode
from mini_sentry.analytics.store import ColumnsBusy, ColumnsRejected, ColumnsUnavailable, Store
from mini_sentry.streams.consumer import POLL_SECONDS, BadRecord, Consumer, LogHandler, Unavailable
from mini_sentry.streams.group import GroupConsumer, attempts_path
from mini_sentry.streams.log import Log, Reading, Record
from mini_sentry.streams.topics import EVENTS, OUTCOMES, SESSIONS, SNUBA

TABLE_OF_TOPIC: Final = {EVENTS: EVENTS_TABLE, SESSIONS: SESSIONS_TABLE, OUTCOMES: OUTCOMES_TABLE}

BATCH_RECORDS: Final = 10_000
BATCH_BYTES: Final = 12 << 20
REWIND_SECONDS: Final = 600

REST_SECONDS: Final = {EVENTS: 0.2, SESSIONS: 0.5, OUTCOMES: 1.0}
"""How long a topic gathers after an insert. An insert costs 20 ms of CPU however few its rows are, so a trickle must not
make one each; after a longer silence the first record goes in at once."""

_SCHEMA_CODES: Final = frozenset({16, 47, 48, 60, 62, 80, 81, 115, 192, 193, 194, 291, 344, 497})
"""Engine errors that speak of the tables or of our rights: no batch would pass, so none is to be given up for it."""


def insert(store: Store, records: Sequence[Record]) -> None:
    """Insert a batch of records of these topics, one insert a table, durable when it returns.

    Raises BadRecord when the engine cannot read one of them (nothing says which), Unavailable, ColumnsUnavailable or
    ColumnsBusy when the batch may pass later.
    """
    for topic, table in TABLE_OF_TOPIC.items():
        documents = [record.value for record in records if record.topic == topic]
        try:
            store.insert_documents(table, documents)
        except ColumnsRejected as rejection:
            if rejection.code in _SCHEMA_CODES:
                raise Unavailable(str(rejection)) from rejection
            raise BadRecord(str(rejection)) from rejection


class Inserter(LogHandler):
    """The work on one topic. It begins where the log says, or earlier after a stop that was no clean one."""

    def __init__(
        self,
        log: Log,
        topic: str,
        store: Store,
        *,
        rewind_to: float | None = None,
        reading: Reading | None = None,
        partition: int = 0,
    ) -> None:
        """`rewind_to` is the Unix time from which records are to be read again; None for no rewind."""
        super().__init__(
            log,
            SNUBA,
            topic,
            lambda records: insert(store, records),
            operational_errors=(ColumnsUnavailable, ColumnsBusy),
            reading=reading,
            partition=partition,
        )
        self._rewind_to = rewind_to

    def resume(self) -> int:
        position = super().resume()
        if self._rewind_to is not None:
            position = rewind_offset(
                self._log, self._topic, position=position, since=self._rewind_to, partition=self._partition
            )
            self._rewind_to = None
        return position


@dataclass(slots=True)
class RestingConsumer(Consumer):
    """Waits `rest_seconds` after each batch that was not full, so that the next one is larger."""

    rest_seconds: float = 0.0

    def run_once(self, stop: threading.Event, *, wait_seconds: float = POLL_SECONDS) -> int:
        count = Consumer.run_once(self, stop, wait_seconds=wait_seconds)
        if 0 < count < self.batch_records:
            stop.wait(self.rest_seconds)
        return count


def consumers(
    log: Log,
    store: Store,
    *,
    topics: Iterable[str] = (EVENTS, SESSIONS, OUTCOMES),
    attempts_dir: Path | None = None,
    rewind_to: float | None = None,
    rest_seconds: Mapping[str, float] = REST_SECONDS,
) -> list[GroupConsumer]:
    """One member of the group per topic, each for a thread of its own.

    `attempts_dir` remembers over crashes what was being inserted; `rewind_to` as for `Inserter`. Topics that have no
    table yet are left out. `rest_seconds` is by topic.
    """

    def member(topic: str) -> GroupConsumer:
        rewound: set[int] = set()

        def consumer(reading: Reading, partition: int) -> Consumer:
            since = rewind_to if partition not in rewound else None
            rewound.add(partition)
            return RestingConsumer(
                reading,
                SNUBA,
                topic,
                Inserter(log, topic, store, rewind_to=since, reading=reading, partition=partition),
                attempts_path=attempts_path(attempts_dir, f"snuba-{topic}", partition),
                batch_records=BATCH_RECORDS,
                batch_bytes=BATCH_BYTES,
                rest_seconds=rest_seconds.get(topic, 0.0),
                partition=partition,
            )

        return GroupConsumer(log, SNUBA, topic, consumer)

    return [member(topic) for topic in topics if topic in TABLE_OF_TOPIC]


def rewind_offset(log: Log, topic: str, *, position: int, since: float, partition: int = 0) -> int:
    """The offset of the first record kept that was appended at or after `since` (Unix seconds), at most `position`."""
    low, high = log.first_offset(topic, partition), position
    while low < high:
        middle = (low + high) // 2
        records = log.read(topic, middle, partition=partition, limit=1)
        if not records or records[0].timestamp >= since:
            high = middle
        else:
            low = records[0].offset + 1
    return min(low, position)


def rebuild(
    store: Store,
    rows: Iterable[EventRow] | Iterable[SessionRow],
    *,
    table: str = EVENTS_TABLE,
    batch_rows: int = 10_000,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Insert rows of `table` that were made again from the relational store; how many. Rows still there stay single.

    `progress` hears after each batch how many rows are in. Raises ColumnsError; what was inserted until then stays.
    """
    source: Iterator[EventRow | SessionRow] = iter(rows)
    count = 0
    while batch := [encode(row) for row in islice(source, batch_rows)]:
        store.insert_documents(table, batch)
        count += len(batch)
        if progress is not None:
            progress(count)
    return count
