"""Triggers → notifications: which rules fire for which groups, and each of them told exactly once.

A pass takes what is pending, asks a fixed number of statements whatever the number of rules (more only with more groups),
decides, and in one transaction takes the triggers away, claims each (rule, group) and writes the notifications. A pass
that dies leaves the triggers to the next; of two passes at once, one finds the triggers taken and starts over.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import msgspec
from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import Q
from django.utils import timezone

from mini_sentry.alerts import occurred
from mini_sentry.alerts.conditions import LEVELS_OF, reached_at, takes_environment, takes_level
from mini_sentry.alerts.models import AlertRule, AlertState, AlertTrigger, Condition
from mini_sentry.alerts.notifying import Firing, notify
from mini_sentry.alerts.occurred import Ranks, Scope
from mini_sentry.alerts.triggers import Changed, read
from mini_sentry.groups.models import Group, Status
from mini_sentry.groups.occurrences import Kind
from mini_sentry.projects.statements import CLOCKS_APART, chunks, moment

logger = logging.getLogger(__name__)

MOST_TRIGGERS: Final = 200
"""Triggers of one pass; a backlog is worked off together, because a group that is in many of them is looked at once."""
MOST_FIRINGS: Final = 100
"""Firings written in one transaction, which the digest may have to wait for."""
PAUSE_RATIO: Final = 19.0
LONGEST_PAUSE_SECONDS: Final = 10.0
"""A pause is this many times as long as the work before it: whatever fires, the digest keeps nearly all of the machine."""
LISTED_COUNT: Final = 2000
"""Thresholds up to this are read off one list of events; for a larger one only the events at its distance are read."""
_CHUNK: Final = 500


class Shape(NamedTuple):
    """What rules of one scope share when they differ in nothing that decides."""

    event_count: int
    window_seconds: float


@dataclass(slots=True)
class Merged:
    """What the triggers of a pass say about one group."""

    group_id: int
    project_id: int
    kinds: set[Kind]
    added: int
    first_at: float
    last_at: float
    levels: set[str]
    environments: set[str]


class RuleRow(NamedTuple):
    """What decides of an active rule. Level and environment are empty for any."""

    id: int
    project_id: int
    condition: str
    level: str
    environment: str
    event_count: int
    window_minutes: int


class Pace:
    """Rests after work, as long as the work asks for. `pause` is given seconds."""

    def __init__(self, pause: Callable[[float], None]) -> None:
        self._pause = pause
        self._since = time.monotonic()

    def rest(self) -> None:
        self._pause(min(PAUSE_RATIO * (time.monotonic() - self._since), LONGEST_PAUSE_SECONDS))
        self._since = time.monotonic()


def evaluate_pending(
    *,
    clock: Callable[[], datetime] = timezone.now,
    pause: Callable[[float], None] = time.sleep,
    goes_on: Callable[[], bool] = lambda: True,
) -> int:
    """Evaluate all that is pending and return how many notifications were written. Raises DatabaseError.

    `goes_on` is asked before each pass.
    """
    written = 0
    pace = Pace(pause)
    while goes_on() and (pending := list(AlertTrigger.objects.order_by("pk")[:MOST_TRIGGERS])):
        try:
            written += _pass(pending, clock=clock, pace=pace)
        except (DatabaseError, InterfaceError):
            raise
        except Exception:
            # One that cannot be evaluated must not keep the others from it.
            logger.exception("A pass over %d triggers failed; they are evaluated one by one", len(pending))
            written += sum(_alone(trigger, clock=clock, pace=pace) for trigger in pending)
        pace.rest()
    return written


def _alone(trigger: AlertTrigger, *, clock: Callable[[], datetime], pace: Pace) -> int:
    try:
        return _pass([trigger], clock=clock, pace=pace)
    except (DatabaseError, InterfaceError):
        raise
    except Exception:
        logger.exception("Trigger %d is given up", trigger.pk)
        AlertTrigger.objects.filter(pk=trigger.pk).delete()
        return 0


def _pass(pending: Sequence[AlertTrigger], *, clock: Callable[[], datetime], pace: Pace) -> int:
    merged = merge(one for trigger in pending for one in _readable(trigger))
    fired = decide(merged, now=clock())
    trigger_ids = [trigger.pk for trigger in pending]
    written = 0
    # Firings beyond one transaction's worth go before the triggers do. Should that end half way, those told keep quiet.
    while len(fired) > MOST_FIRINGS:
        with transaction.atomic():
            written += notify(fired[:MOST_FIRINGS], now=clock())
        fired = fired[MOST_FIRINGS:]
        pace.rest()
    with transaction.atomic():
        taken, _ = AlertTrigger.objects.filter(pk__in=trigger_ids).delete()
        if taken != len(trigger_ids):
            transaction.set_rollback(True)
            return written
        return written + notify(fired, now=clock())


def _readable(trigger: AlertTrigger) -> list[Changed]:
    try:
        return read(bytes(trigger.body))
    except msgspec.MsgspecError:
        logger.exception("Trigger %d cannot be read and is passed over", trigger.pk)
        return []


def merge(changes: Iterable[Changed]) -> dict[int, Merged]:
    """By group id."""
    merged: dict[int, Merged] = {}
    for one in changes:
        found = merged.get(one.group_id)
        if found is None:
            merged[one.group_id] = Merged(
                one.group_id,
                one.project_id,
                {one.kind},
                one.added,
                one.first_at,
                one.last_at,
                set(one.levels),
                set(one.environments),
            )
            continue
        found.kinds.add(one.kind)
        found.added += one.added
        found.first_at = min(found.first_at, one.first_at)
        found.last_at = max(found.last_at, one.last_at)
        found.levels |= one.levels
        found.environments |= one.environments
    return merged


def decide(merged: dict[int, Merged], *, now: datetime) -> list[Firing]:
    """What fires, before anybody else's claim is heard. Resolved and ignored groups do not; the digest has already
    reopened those that regressed."""
    rules = _rules({one.project_id for one in merged.values()})
    counts = _open_groups(merged.keys()) if rules else {}
    groups = [one for one in merged.values() if one.group_id in counts and one.project_id in rules]
    if not groups:
        return []
    quiet = _quiet([one.group_id for one in groups], now=now)
    fired = [
        Firing(rule.id, one.group_id, one.last_at, rule.level, rule.environment)
        for one in groups
        for rule in rules[one.project_id].simple
        if rule.id not in quiet[one.group_id] and _occurs(rule, one)
    ]
    wanted: list[tuple[Merged, Scope, dict[Shape, set[int]]]] = []
    for one in groups:
        for (level, environment), shapes in rules[one.project_id].scopes.items():
            if not (takes_level(level, one.levels) and takes_environment(environment, one.environments)):
                continue
            open_shapes = {
                shape: listening
                for shape, rule_ids in shapes.items()
                if shape.event_count <= counts[one.group_id] and (listening := rule_ids - quiet[one.group_id])
            }
            if open_shapes:
                wanted.append((one, Scope(one.group_id, level, environment), open_shapes))
    ranks = occurred.ranks(
        [_question(one, scope, shapes.keys()) for one, scope, shapes in wanted],
        levels_of=LEVELS_OF,
    )
    for one, scope, shapes in wanted:
        fired += _reached(one, scope, shapes, ranks[scope])
    return fired


class _Rules(NamedTuple):
    """A project's active rules: those that one event decides, and the thresholds by level and environment."""

    simple: list[RuleRow]
    scopes: dict[tuple[str, str], dict[Shape, set[int]]]


def _rules(project_ids: Collection[int]) -> dict[int, _Rules]:
    rules: dict[int, _Rules] = {}
    rows = AlertRule.objects.filter(project__in=project_ids, active=True).exclude(condition=Condition.CRASH_FREE)
    fields = ("id", "project_id", "condition", "level", "environment", "threshold_count", "threshold_window_minutes")
    for row in map(RuleRow._make, rows.values_list(*fields)):
        of_project = rules.setdefault(row.project_id, _Rules([], {}))
        if row.condition != Condition.THRESHOLD:
            of_project.simple.append(row)
            continue
        shape = Shape(row.event_count, row.window_minutes * 60.0)
        of_project.scopes.setdefault((row.level, row.environment), {}).setdefault(shape, set()).add(row.id)
    return rules


def _open_groups(group_ids: Collection[int]) -> dict[int, int]:
    """The count of each group that is neither resolved nor ignored."""
    counts: dict[int, int] = {}
    for part in chunks(sorted(group_ids), _CHUNK):
        rows = Group.objects.filter(pk__in=part, status=Status.UNRESOLVED)
        counts.update(rows.values_list("pk", "count"))
    return counts


def _quiet(group_ids: Sequence[int], *, now: datetime) -> dict[int, set[int]]:
    """By group, the rules that have told of it lately or are snoozed for it."""
    quiet: dict[int, set[int]] = {group_id: set() for group_id in group_ids}
    keeps_quiet = Q(quiet_until__gt=now, notified_at__lte=now + CLOCKS_APART)
    for part in chunks(sorted(group_ids), _CHUNK):
        states = AlertState.objects.filter(keeps_quiet | Q(snoozed_until__gt=now), group__in=part)
        for rule_id, group_id in states.values_list("rule_id", "group_id"):
            quiet[group_id].add(rule_id)
    return quiet


def _occurs(rule: RuleRow, one: Merged) -> bool:
    kind = Kind.NEW if rule.condition == Condition.NEW_GROUP else Kind.REGRESSION
    return (
        kind in one.kinds
        and takes_level(rule.level, one.levels)
        and takes_environment(rule.environment, one.environments)
    )


def _question(one: Merged, scope: Scope, shapes: Collection[Shape]) -> occurred.Question:
    listed = [shape.event_count for shape in shapes if shape.event_count <= LISTED_COUNT]
    return occurred.Question(
        scope=scope,
        since=one.first_at - max(shape.window_seconds for shape in shapes),
        until=one.last_at,
        depth=one.added + max(listed, default=1) - 1,
        width=one.added,
        far={shape.event_count - 1 for shape in shapes if shape.event_count > LISTED_COUNT},
    )


def _reached(one: Merged, scope: Scope, shapes: dict[Shape, set[int]], ranks: Ranks) -> list[Firing]:
    # Stored times are whole microseconds; the edge's are not.
    first_at = moment(one.first_at).timestamp()
    ends = [time for time in ranks.newest[: one.added] if time >= first_at]
    fired: list[Firing] = []
    for shape, rule_ids in shapes.items():
        offset = shape.event_count - 1
        starts = ranks.far[offset] if offset in ranks.far else ranks.newest[offset:]
        at = reached_at(ends, starts, shape.window_seconds)
        if at is not None:
            fired += [Firing(pk, one.group_id, at, scope.level, scope.environment) for pk in rule_ids]
    return fired
