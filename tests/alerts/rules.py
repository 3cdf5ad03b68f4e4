"""Rules and what a batch did to groups, as tests need them."""

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from mini_sentry.alerts.models import AlertRule
from mini_sentry.alerts.triggers import owe
from mini_sentry.grouping.configs import config
from mini_sentry.grouping.group import group as grouping_of
from mini_sentry.groups.models import Group
from mini_sentry.groups.occurrences import Candidate, GroupChange, Kind, Occurrences
from mini_sentry.projects.models import Project
from mini_sentry.protocol.event import Event as SentEvent
from mini_sentry.releases.models import Session, SessionStatus
from tests.factories import NOON, make_event

_names = itertools.count(1)


def make_rule(project: Project, **fields: Any) -> AlertRule:
    return AlertRule.objects.create(
        **{
            "project": project,
            "name": f"Rule {next(_names)}",
            "threshold_count": 3,
            "target_type": "webhook",
            "target_value": "http://127.0.0.1:9/hook",
        }
        | fields
    )


def occur(
    group: Group,
    *,
    at: Iterable[float] = (0.0,),
    kind: Kind = Kind.AGAIN,
    level: str = "error",
    environment: str = "production",
) -> bool:
    """Store events of a group, received so many seconds after noon, as one batch, and write its trigger; False when no rule
    had to hear of it."""
    return occur_all([(group, list(at))], kind=kind, level=level, environment=environment)


def occur_all(
    batch: Iterable[tuple[Group, list[float]]],
    *,
    kind: Kind = Kind.AGAIN,
    level: str = "error",
    environment: str = "production",
) -> bool:
    occurrences = Occurrences()
    with transaction.atomic(), connection.cursor() as cursor:
        for group, seconds in batch:
            times = [NOON.timestamp() + second for second in seconds]
            for time in times:
                make_event(group, received_at=datetime.fromtimestamp(time, UTC), level=level, environment=environment)
            group.refresh_from_db()
            group.count += len(times)
            group.stored_count = group.count
            group.save(update_fields=["count", "stored_count"])
            occurrences.stored += [_candidate(group, time, level, environment) for time in times]
            occurrences.changes[group.pk] = GroupChange(
                group_id=group.pk,
                project_id=group.project_id,
                number=group.number,
                kind=kind,
                count=group.count,
                added=len(times),
                last_seen=max(times),
                title=group.title,
                level=level,
            )
        return owe(cursor, occurrences, now=NOON.timestamp())


def no_rest(seconds: float) -> None:
    """A pause for tests, which takes no time."""


def make_session(project: Project, name: str, *, at: datetime, status: SessionStatus, **fields: Any) -> Session:
    time = round(at.timestamp() * 1000)
    times = dict.fromkeys(("started_at", "updated_at", "received_at", "placed_at"), time)
    values = {"environment": "production", "errors": 0, "quantity": 1, "revision": 1, **times, **fields}
    return Session.objects.create(project=project, session_id=name, status=status, **values)


def _candidate(group: Group, received_at: float, level: str, environment: str) -> Candidate:
    event = SentEvent(
        event_id="0" * 32,
        project_id=group.project_id,
        received_at=received_at,
        timestamp=received_at,
        level=level,
        environment=environment,
        payload=b"{}",
        message=group.title,
    )
    return Candidate(event, grouping_of(event, config=config()), group_id=group.pk)
