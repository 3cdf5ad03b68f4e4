"""A digested batch → what rules must look at, written down in the batch's own transaction.

So a death at any moment loses nothing: either the batch and its trigger are there, or neither. Evaluation takes the
trigger away in the transaction that writes the notifications.
"""

import logging
import threading
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec
from django.db.backends.utils import CursorWrapper

from mini_sentry.alerts.models import Condition
from mini_sentry.groups.occurrences import GroupChange, Kind, Occurrences
from mini_sentry.projects.statements import column_time

logger = logging.getLogger(__name__)

KICK_SECONDS: Final = 0.5


class Changed(msgspec.Struct, array_like=True):
    """What a batch did to one group: `added` events, received from `first_at` to `last_at` (Unix seconds)."""

    group_id: int
    project_id: int
    kind: Kind
    added: int
    first_at: float
    last_at: float
    levels: set[str]
    environments: set[str]


class _Watch(NamedTuple):
    """What a project's active rules wait for; `fewest` is the smallest threshold, 0 when there is none."""

    kinds: frozenset[Kind]
    fewest: int


_KIND_OF: Final = {Condition.NEW_GROUP: Kind.NEW, Condition.REGRESSION: Kind.REGRESSION}


def owe(cursor: CursorWrapper, occurrences: Occurrences, *, now: float) -> bool:
    """Write down what active rules must look at, inside the caller's transaction; True when there is anything.

    One statement asks which projects have rules at all, a second one writes; a group that cannot have reached any
    rule's count is left out.
    """
    watches = _watches(cursor, {change.project_id for change in occurrences.changes.values()})
    if not watches:
        return False
    changes = {
        group_id: change
        for group_id, change in occurrences.changes.items()
        if (watch := watches.get(change.project_id)) and _concerns(watch, change)
    }
    if not changes:
        return False
    changed: dict[int, Changed] = {}
    for candidate in occurrences.stored:
        event, group_id = candidate.event, candidate.group_id
        if group_id not in changes:
            continue
        at = event.received_at
        one = changed.get(group_id)
        if one is None:
            kind = changes[group_id].kind
            changed[group_id] = Changed(group_id, event.project_id, kind, 1, at, at, {event.level}, {event.environment})
            continue
        one.added += 1
        one.first_at = min(one.first_at, at)
        one.last_at = max(one.last_at, at)
        one.levels.add(event.level)
        one.environments.add(event.environment)
    cursor.execute(
        "INSERT INTO alerts_alerttrigger (created_at, body) VALUES (%s, %s)",
        [column_time(now), msgspec.msgpack.encode(list(changed.values()))],
    )
    return True


def read(body: bytes) -> list[Changed]:
    """A trigger's content. Raises msgspec.MsgspecError."""
    return msgspec.msgpack.decode(body, type=list[Changed])


def _watches(cursor: CursorWrapper, project_ids: set[int]) -> dict[int, _Watch]:
    if not project_ids:
        return {}
    marks = ", ".join(["%s"] * len(project_ids))
    cursor.execute(
        "SELECT project_id, condition, min(threshold_count) FROM alerts_alertrule "  # noqa: S608
        f"WHERE active AND condition <> 'crash_free' AND project_id IN ({marks}) GROUP BY project_id, condition",
        list(project_ids),
    )
    watches: dict[int, _Watch] = {}
    for project_id, condition, fewest in cursor.fetchall():
        kinds, so_far = watches.get(project_id, _Watch(frozenset(), 0))
        if condition == Condition.THRESHOLD:
            watches[project_id] = _Watch(kinds, fewest)
        else:
            watches[project_id] = _Watch(kinds | {_KIND_OF[Condition(condition)]}, so_far)
    return watches


def _concerns(watch: _Watch, change: GroupChange) -> bool:
    return change.kind in watch.kinds or (watch.fewest > 0 and change.count >= watch.fewest)


class Kick:
    """Asks for an evaluation soon after a batch, from a thread of its own and not oftener than every KICK_SECONDS: to
    hand a task to the broker takes as long as many events. A request that is lost is made up for by the schedule."""

    def __init__(self, send: Callable[[], object], *, every_seconds: float = KICK_SECONDS) -> None:
        self._send = send
        self._every_seconds = every_seconds
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def __call__(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="alerts-kick", daemon=True)
            self._thread.start()
        self._wanted.set()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            self._wanted.wait()
            self._wanted.clear()
            try:
                self._send()
            except Exception:
                logger.exception("Alerts wait for the schedule, because no task could be sent")
            pause.wait(self._every_seconds)
