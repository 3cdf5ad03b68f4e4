"""Bodies in one table of PostgreSQL with a partition a day; retention drops the partition.

A body's id is made from its event: the second of its day, so that a batch touches the end of the index, and bits of a
digest of project and event id. Written again, it is found under its id and left as it is. Should two events ever come to one
id, `event`, which is the whole digest, tells them apart, and the later one takes the next id.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.utils import CursorWrapper

from mini_sentry.groups.bodies.packing import Decompressors, StoredBody
from mini_sentry.groups.bodies.store import Body, BodyMissing
from mini_sentry.groups.partitions import BODY_STORAGE, DayPartitions

ROW_BYTES: Final = 100
"""What a row takes beside its data, its index entry included."""
BLOAT: Final = 1.5
"""A day's table is written anew once it is this many times as large as the bodies in it."""
LEAST_BLOAT_BYTES: Final = 1 << 20
DIGEST_BITS: Final = 46
"""With the 17 bits of a second of the day they make a positive number of 64 bits."""
_DAY_SECONDS: Final = 86_400


class PartitionedBodies:
    """The table `groups_body` (`store.Bodies`), through Django's connection of each thread to the database `using`.

    `groups_bodyday` has a row for each day: the bytes of its bodies, and the dictionaries that they were compressed with.
    """

    def __init__(
        self,
        *,
        load_dictionary: Callable[[int], bytes],
        using: str = DEFAULT_DB_ALIAS,
        digest_bits: int = DIGEST_BITS,
    ) -> None:
        self._decompressors = Decompressors(load_dictionary)
        self._using = using
        self._digest_bits = digest_bits
        self._days = DayPartitions("groups_body", storage=BODY_STORAGE, using=using)

    def write(self, day: date, bodies: Sequence[Body]) -> list[int]:
        names = [_name(body) for body in bodies]
        start = datetime.combine(day, time(), UTC).timestamp()
        ids = [self._id(body.received_at - start, name) for body, name in zip(bodies, names, strict=True)]
        if not bodies:
            return ids
        self._days.ensure([day])
        with self._hasty_transaction() as cursor:
            added = 0
            waiting = list(range(len(bodies)))
            while waiting:
                made, waiting = _place(cursor, day, bodies, names, ids, waiting)
                added += sum(len(bodies[index].data) + ROW_BYTES for index in made)
            # Last, because whoever writes to the same day waits for this row until the commit.
            _note(cursor, day, added, {body.dictionary_id for body in bodies})
        return ids

    def read(self, body_id: int, day: date) -> StoredBody:
        with self._cursor() as cursor:
            cursor.execute("SELECT dictionary, data FROM groups_body WHERE day = %s AND id = %s", [day, body_id])
            row = cursor.fetchone()
        if row is None:
            raise BodyMissing(f"body {body_id} of {day} is not kept")
        return self._decompressors.unpack(row[0], bytes(row[1]))

    def replace(self, day: date, bodies: Sequence[tuple[int, tuple[int, bytes]]]) -> None:
        with transaction.atomic(self._using), self._cursor() as cursor:
            cursor.execute(
                "SELECT id, octet_length(data) FROM groups_body WHERE day = %s AND id = ANY(%s) ORDER BY id FOR UPDATE",
                [day, [body_id for body_id, _ in bodies]],
            )
            before: dict[int, int] = dict(cursor.fetchall())
            kept = [(body_id, *one) for body_id, one in bodies if body_id in before]
            if not kept:
                return
            cursor.executemany(
                "UPDATE groups_body SET dictionary = %s, data = %s WHERE day = %s AND id = %s",
                [(dictionary, data, day, body_id) for body_id, dictionary, data in kept],
            )
            added = sum(len(data) - before[body_id] for body_id, _, data in kept)
            _note(cursor, day, added, {dictionary for _, dictionary, _ in kept})

    def remove(self, day: date, ids: Sequence[int]) -> None:
        with transaction.atomic(self._using), self._cursor() as cursor:
            cursor.execute(
                "DELETE FROM groups_body WHERE day = %s AND id = ANY(%s) RETURNING octet_length(data)", [day, list(ids)]
            )
            sizes = [size + ROW_BYTES for (size,) in cursor.fetchall()]
            if sizes:
                _note(cursor, day, -sum(sizes), set())

    def shrink(self, day: date) -> int:
        """Writes the table of a day that is over anew, while nobody can read that day's bodies. Today's is left: new bodies
        take the room that others left."""
        if day >= datetime.now(UTC).date():
            return 0
        bloat = self._days.size_bytes(day) - int(BLOAT * self.sizes().get(day, 0))
        return self._days.rewrite(day) if bloat > LEAST_BLOAT_BYTES else 0

    def sizes(self) -> dict[date, int]:
        """What was written less what was removed."""
        with self._cursor() as cursor:
            cursor.execute("SELECT day, body_bytes FROM groups_bodyday WHERE body_bytes > 0 ORDER BY day")
            return dict(cursor.fetchall())

    def dictionaries(self) -> set[int]:
        with self._cursor() as cursor:
            cursor.execute("SELECT DISTINCT unnest(dictionaries) FROM groups_bodyday")
            return {dictionary for (dictionary,) in cursor.fetchall()}

    def retire(self, before: date) -> int:
        retired = self._days.detach(before)
        for table in self._days.detached():
            self._days.drop(table)
        with self._cursor() as cursor:
            cursor.execute(
                "DELETE FROM groups_bodyday WHERE day < %s AND NOT day = ANY(%s)", [before, self._days.days()]
            )
        return retired

    def close(self) -> None:
        """The connection is Django's, who closes it."""

    def _id(self, second: float, name: UUID) -> int:
        prefix = 1 + min(max(int(second), 0), _DAY_SECONDS)
        return (prefix << self._digest_bits) + (name.int & (1 << self._digest_bits) - 1)

    def _cursor(self) -> CursorWrapper:
        return connections[self._using].cursor()

    @contextmanager
    def _hasty_transaction(self) -> Iterator[CursorWrapper]:
        """One whose commit does not wait for the disk: the commit of what refers to the bodies will, and they lie before it."""
        is_outermost = not connections[self._using].in_atomic_block
        with transaction.atomic(self._using), self._cursor() as cursor:
            if is_outermost:
                cursor.execute("SET LOCAL synchronous_commit = off")
            yield cursor


def _name(body: Body) -> UUID:
    return UUID(bytes=blake2b(b"%d %s" % (body.project_id, body.event_id.encode()), digest_size=16).digest())


def _place(
    cursor: CursorWrapper,
    day: date,
    bodies: Sequence[Body],
    names: Sequence[UUID],
    ids: list[int],
    waiting: Sequence[int],
) -> tuple[list[int], list[int]]:
    """Try to store the bodies at the places `waiting` of the batch under their ids: which of them were stored, and which found
    their id taken by another event's and have the next id now. The others were there already."""
    first: dict[int, int] = {}
    for index in waiting:
        first.setdefault(ids[index], index)
    free = _insert(cursor, day, [(body_id, names[index], bodies[index]) for body_id, index in first.items()])
    holders = {body_id: names[first[body_id]] for body_id in free}
    if taken := [body_id for body_id in first if body_id not in free]:
        cursor.execute("SELECT id, event FROM groups_body WHERE day = %s AND id = ANY(%s)", [day, taken])
        holders.update(cursor.fetchall())
    crowded = [index for index in waiting if holders.get(ids[index]) != names[index]]
    made = [first[body_id] for body_id in free]
    for index in crowded:
        ids[index] += 1
    return made, crowded


def _insert(cursor: CursorWrapper, day: date, rows: Sequence[tuple[int, UUID, Body]]) -> set[int]:
    """Insert those whose ids are free; which these were."""
    values: list[Any] = [
        day,
        [body_id for body_id, _, _ in rows],
        [name for _, name, _ in rows],
        [body.dictionary_id for _, _, body in rows],
        [body.data for _, _, body in rows],
    ]
    # Past Django's cursor, which would write the bodies into the text of the statement: six times as slow.
    with cursor.db.wrap_database_errors, psycopg.Cursor(cursor.connection) as plain:
        plain.execute(
            "INSERT INTO groups_body (day, id, event, dictionary, data) SELECT %s, new.* "
            "FROM unnest(%b::bigint[], %b::uuid[], %b::bigint[], %b::bytea[]) AS new "
            "ON CONFLICT (day, id) DO NOTHING RETURNING id",
            values,
        )
        return {body_id for (body_id,) in plain.fetchall()}


def _note(cursor: CursorWrapper, day: date, added_bytes: int, dictionaries: set[int]) -> None:
    cursor.execute(
        "INSERT INTO groups_bodyday (day, body_bytes, dictionaries) VALUES (%s, %s, %s::bigint[]) "
        "ON CONFLICT (day) DO UPDATE SET body_bytes = greatest(0, groups_bodyday.body_bytes + %s), "
        "dictionaries = CASE WHEN groups_bodyday.dictionaries @> excluded.dictionaries THEN groups_bodyday.dictionaries "
        "ELSE ARRAY(SELECT DISTINCT unnest(groups_bodyday.dictionaries || excluded.dictionaries)) END",
        [day, max(0, added_bytes), sorted(dictionaries), added_bytes],
    )
