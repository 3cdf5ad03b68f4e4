"""The days of PostgreSQL's big tables: each table is partitioned by the day of receipt, a day's partition is made before
the day comes and dropped when its time is up. The embedded store has none, and nothing here to do.

Nothing waits for long. A new day is made as a table of its own and then attached, which reads and writes of the other days
do not notice. An old day is detached, for which the whole table must be free for a moment: whoever holds it is waited for
only LOCK_MILLISECONDS, because everybody else queues up behind. Its rows leave afterwards, when nobody sees it any more.
"""

import logging
import re
import time
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final

from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections, transaction
from django.db.backends.utils import CursorWrapper

logger = logging.getLogger(__name__)

AHEAD: Final = timedelta(days=3)
"""Partitions are made so far ahead of time; a day that was missed for longer is made by its first write."""
LOCK_MILLISECONDS: Final = 500
PAUSES_SECONDS: Final = (0.5, 1.0, 2.0, 4.0)
"""Between attempts to detach a day that others hold. After the last one it waits for the next retention."""

# A row is kept whole up to 4 kB, two to a page: bodies are compressed already, and seldom larger.
BODY_STORAGE: Final = "toast_tuple_target = 4080"

_DAY: Final = re.compile(r"_(\d{8})$")
_LOCKED: Final = frozenset({"55P03", "40P01"})
"""SQLSTATEs: lock not available, deadlock."""


class DayPartitions:
    """The partitions of one table. `storage` are storage parameters of each, as SQL has them; `using` names the database."""

    def __init__(
        self,
        table: str,
        *,
        storage: str = "",
        using: str = DEFAULT_DB_ALIAS,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.table = table
        self._storage = storage
        self._using = using
        self._pause = pause

    def _cursor(self) -> CursorWrapper:
        return connections[self._using].cursor()

    def name(self, day: date) -> str:
        return f"{self.table}_{day:%Y%m%d}"

    def ensure(self, days: Collection[date]) -> int:
        """Make the partitions of these days that are missing; how many they were. One statement when there are all."""
        by_name = {self.name(day): day for day in days}
        with self._cursor() as cursor:
            cursor.execute(
                "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NULL", [list(by_name)]
            )
            missing = sorted(name for (name,) in cursor.fetchall())
        return sum(self._make(by_name[name]) for name in missing)

    def _make(self, day: date) -> bool:
        name = self.name(day)
        with transaction.atomic(self._using), self._cursor() as cursor:
            self._alone(cursor)
            # Read as a row, because a name that was looked up before may be remembered as missing.
            cursor.execute(
                "SELECT count(*) FROM pg_class WHERE relname = %s AND relnamespace = current_schema()::regnamespace",
                [name],
            )
            if cursor.fetchone()[0]:
                return False
            cursor.execute(f"CREATE TABLE {name} (LIKE {self.table} INCLUDING ALL EXCLUDING IDENTITY)")
            if self._storage:
                cursor.execute(f"ALTER TABLE {name} SET ({self._storage})")
            cursor.execute(
                f"ALTER TABLE {self.table} ATTACH PARTITION {name} "
                f"FOR VALUES FROM ('{day} 00:00:00+00') TO ('{day + timedelta(days=1)} 00:00:00+00')"
            )
        return True

    def _alone(self, cursor: CursorWrapper) -> None:
        """Of two who make, detach or drop days of the table, the second waits for the end of the first's transaction."""
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [self.table])

    def days(self) -> list[date]:
        """Those that have a partition, ascending."""
        with self._cursor() as cursor:
            cursor.execute(
                "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = %s::regclass",
                [self.table],
            )
            names = [name for (name,) in cursor.fetchall()]
        return sorted(date.fromisoformat(found[1]) for name in names if (found := _DAY.search(name)))

    def detach(self, before: date) -> int:
        """Take the days before `before` out of the table, so that their rows are not there any more; how many days.

        They stay behind as tables of their own (`detached`). Those that others hold for too long are left for the next time.
        """
        return sum(self._detach(day) for day in self.days() if day < before)

    def _detach(self, day: date) -> bool:
        for pause_seconds in (*PAUSES_SECONDS, 0.0):
            try:
                with transaction.atomic(self._using), self._cursor() as cursor:
                    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                    cursor.execute(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}")
                    self._alone(cursor)
                    cursor.execute("SELECT to_regclass(%s)::oid", [self.name(day)])
                    (oid,) = cursor.fetchone()
                    if oid is None:
                        return False
                    cursor.execute(f"ALTER TABLE {self.table} DETACH PARTITION {self.name(day)}")
                    cursor.execute(f"ALTER TABLE {self.name(day)} RENAME TO {self.name(day)}_gone_{oid}")
                    cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
            except OperationalError as error:
                if getattr(error.__cause__, "sqlstate", "") not in _LOCKED:
                    raise
                self._pause(pause_seconds)
            else:
                return True
        logger.warning("%s could not be detached: others hold %s. It goes the next time", self.name(day), self.table)
        return False

    def detached(self) -> list[str]:
        """The tables that days were before they were detached, the oldest day first. They may be dropped at any time."""
        with self._cursor() as cursor:
            cursor.execute(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND NOT relispartition "
                "AND relnamespace = current_schema()::regnamespace AND relname ~ %s ORDER BY relname",
                [f"^{self.table}_[0-9]{{8}}_gone_[0-9]+$"],
            )
            return [name for (name,) in cursor.fetchall()]

    def size_bytes(self, day: date) -> int:
        """On disk, with indexes and free room; 0 without a partition."""
        with self._cursor() as cursor:
            cursor.execute("SELECT coalesce(pg_total_relation_size(to_regclass(%s)), 0)", [self.name(day)])
            return int(cursor.fetchone()[0])

    def rewrite(self, day: date) -> int:
        """Write a day's table anew without its free room; how many bytes that gave back, 0 when others hold it.

        Its rows are out of reach meanwhile.
        """
        before = self.size_bytes(day)
        try:
            with transaction.atomic(self._using), self._cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}")
                cursor.execute("SET LOCAL statement_timeout = 0")
                cursor.execute(
                    "SELECT indexrelid::regclass::text FROM pg_index WHERE indisprimary AND indrelid = to_regclass(%s)",
                    [self.name(day)],
                )
                if (row := cursor.fetchone()) is None:
                    return 0
                cursor.execute(f"CLUSTER {self.name(day)} USING {row[0]}")
                cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
                cursor.execute("SET LOCAL statement_timeout TO DEFAULT")
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") not in _LOCKED:
                raise
            return 0
        return max(0, before - self.size_bytes(day))

    def drop(self, detached: str, *, before: Callable[[CursorWrapper], object] = lambda cursor: None) -> bool:
        """Drop a table that was detached, after `before` in the same transaction; False when another has."""
        with transaction.atomic(self._using), self._cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            self._alone(cursor)
            cursor.execute("SELECT to_regclass(%s) IS NULL", [detached])
            if cursor.fetchone()[0]:
                return False
            before(cursor)
            cursor.execute(f"DROP TABLE {detached}")
        return True


EVENTS: Final = DayPartitions("groups_event")
BODIES: Final = DayPartitions("groups_body", storage=BODY_STORAGE)


def partitioned() -> tuple[DayPartitions, ...]:
    """The tables that are partitioned in this store: the one place that knows."""
    return (EVENTS, BODIES) if connection.vendor == "postgresql" else ()


def event_days() -> DayPartitions | None:
    """The partitions of events; None in a store that has none."""
    return EVENTS if EVENTS in partitioned() else None


def make_ahead(now: datetime) -> int:
    """Make the partitions of today and of the days ahead; how many were missing."""
    today = now.date()
    days = [today + timedelta(days=ahead) for ahead in range(AHEAD.days + 1)]
    return sum(table.ensure(days) for table in partitioned())


def receive(times: Iterable[date]) -> None:
    """Make sure that events received at these times, or on these days (UTC), can be stored."""
    if connection.vendor == "postgresql":
        EVENTS.ensure({time.astimezone(UTC).date() if isinstance(time, datetime) else time for time in times})
