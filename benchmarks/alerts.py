"""What alert rules cost a batch: writing its trigger in the digest, and evaluating it afterwards.

`python -m benchmarks.alerts <rules>` prints one line of JSON; it runs in a process of its own, on tables in the directory
that `MINI_SENTRY_DATA` names. The batch has 300 events in 60 groups of one project, whose groups have 200 earlier events
each; the rules differ in level, count and window, and one in four is about new groups or regressions.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.report import Report
from tests.installation import Installation

GROUPS, EARLIER, BATCH = 60, 200, 300


def measure(report: Report, *, quick: bool) -> None:
    for rules in (0, 10, 1000):
        with tempfile.TemporaryDirectory() as directory:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.alerts", str(rules), "10" if quick else "40"],
                env={**os.environ, "MINI_SENTRY_DATA": directory},
                capture_output=True,
                text=True,
                check=True,
            )
        found = json.loads(done.stdout.splitlines()[-1])
        report.add(
            f"alerts, {rules:,} rules: in the digest, per batch of {BATCH} events",
            f"{found['owe_ms']:.2f} ms, {found['owe_statements']} statements",
        )
        if rules:
            report.add(
                f"alerts, {rules:,} rules: evaluation per batch",
                f"{found['evaluate_ms']:.1f} ms, {found['statements']} statements; "
                f"{found['first_ms']:.0f} ms for the first one, which told {found['told']:,}",
            )


def make_rules(made: Installation, project_id: int, count: int, *, fire: bool) -> None:
    """Rules over the API: of the same kinds, one in eight or so firing for every new group, or such as look at every batch and do not
    fire."""
    chance = random.Random(7)
    for number in range(count):
        rule = _rule(number, chance) if fire else _waiting(number, chance)
        reply = made.post("/api/alert-rules/", {"project": project_id, "target_value": "ops@x.test", **rule})
        assert reply.status == 201, reply.body


def _waiting(number: int, chance: random.Random) -> dict[str, Any]:
    # The events are errors; a count of 2 makes every group of a batch one that is looked at.
    fatal = {"level": "fatal", "threshold_count": 2}
    unreached = {"level": chance.choice(("", "error")), "threshold_count": 2000 + chance.randrange(1000)}
    return {
        "name": f"Rule {number}",
        "threshold_window_minutes": chance.choice((1, 5, 10, 60, 1440)),
        **(fatal if number % 10 == 0 else unreached),
    }


def _rule(number: int, chance: random.Random) -> dict[str, Any]:
    return {
        "name": f"Rule {number}",
        "condition": ("threshold", "threshold", "threshold", chance.choice(("new_group", "regression")))[number % 4],
        "level": chance.choice(("", "error", "fatal", "warning")),
        "threshold_count": chance.choice((50, 100, 250, 500, 1000)) + chance.randrange(50),
        "threshold_window_minutes": chance.choice((1, 5, 10, 60, 1440)),
    }


def main(rules: int, rounds: int) -> None:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "mini_sentry.config.settings"
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    print(json.dumps(_measured(rules, rounds)))


def _measured(rules: int, rounds: int) -> dict[str, Any]:
    from django.db import connection, transaction
    from django.test.utils import CaptureQueriesContext

    from mini_sentry.alerts.evaluation import evaluate_pending
    from mini_sentry.alerts.models import Notification
    from mini_sentry.alerts.triggers import owe

    project_id = _seed(rules)
    owe_ms, evaluate_ms, owe_statements, statements, told = [], [], 0, 0, 0
    for number in range(rounds + 1):
        at = datetime.now(UTC)
        occurrences = _batch(project_id, number, at)
        with CaptureQueriesContext(connection) as queries, transaction.atomic(), connection.cursor() as cursor:
            started = time.perf_counter()
            owe(cursor, occurrences, now=at.timestamp())
            owe_ms.append((time.perf_counter() - started) * 1000)
        owe_statements = _asked(queries.captured_queries)
        started = time.perf_counter()
        with CaptureQueriesContext(connection) as queries:
            evaluate_pending(pause=lambda seconds: None)
        evaluate_ms.append((time.perf_counter() - started) * 1000)
        statements = _asked(queries.captured_queries)
        if number == 0:
            told = Notification.objects.count()
    return {
        "owe_ms": statistics.median(owe_ms[1:]),
        "owe_statements": owe_statements,
        "evaluate_ms": statistics.median(evaluate_ms[1:]),
        "first_ms": evaluate_ms[0],
        "statements": statements,
        "told": told,
    }


def _asked(queries: list[dict[str, str]]) -> int:
    return sum(not query["sql"].startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")) for query in queries)


def _seed(rules: int) -> int:
    from mini_sentry.alerts.models import AlertRule
    from mini_sentry.groups.models import Event, Group
    from mini_sentry.projects.create import create_project

    project = create_project("Shop", "shop")
    chance = random.Random(7)
    AlertRule.objects.bulk_create(
        AlertRule(project=project, target_value="ops@x.test", **_rule(number, chance)) for number in range(rules)
    )
    now = datetime.now(UTC)
    groups = Group.objects.bulk_create(
        Group(project=project, number=number, title=f"E: {number}", count=EARLIER, first_seen=now, last_seen=now)
        for number in range(1, GROUPS + 1)
    )
    Event.objects.bulk_create(
        [
            _event(group, now - timedelta(seconds=chance.random() * 7200), chance)
            for group in groups
            for _ in range(EARLIER)
        ],
        batch_size=500,
    )
    return project.pk


def _event(group: Any, at: datetime, chance: random.Random) -> Any:
    import uuid

    from mini_sentry.groups.models import Event

    return Event(
        project_id=group.project_id,
        group=group,
        event_id=uuid.UUID(int=chance.getrandbits(128)),
        received_at=at,
        timestamp=at,
        level="error",
        environment="production",
        body_id=1,
    )


def _batch(project_id: int, number: int, at: datetime) -> Any:
    """A batch's events in the store, and what the digest says of them."""
    from django.db.models import F

    from mini_sentry.grouping.configs import config
    from mini_sentry.grouping.group import group as grouping_of
    from mini_sentry.groups.models import Event, Group
    from mini_sentry.groups.occurrences import Candidate, GroupChange, Kind, Occurrences
    from mini_sentry.protocol.event import Event as SentEvent

    chance = random.Random(1000 + number)
    groups = list(Group.objects.filter(project=project_id))
    rows = [_event(chance.choice(groups), at, chance) for _ in range(BATCH)]
    Event.objects.bulk_create(rows, batch_size=500)
    occurrences = Occurrences()
    for row in rows:
        sent = SentEvent(
            event_id=row.event_id.hex,
            project_id=project_id,
            received_at=at.timestamp(),
            timestamp=at.timestamp(),
            payload=b"{}",
            environment="production",
            message=row.group.title,
        )
        grouping = grouping_of(sent, config=config())
        occurrences.stored.append(Candidate(sent, grouping, group_id=row.group_id))
        change = occurrences.changes.get(row.group_id)
        if change is None:
            change = occurrences.changes[row.group_id] = GroupChange(
                group_id=row.group_id,
                project_id=project_id,
                number=row.group.number,
                kind=Kind.AGAIN,
                count=row.group.count,
                added=0,
                last_seen=at.timestamp(),
                title=row.group.title,
                level="error",
            )
        change.count += 1
        change.added += 1
    for group_id, change in occurrences.changes.items():
        Group.objects.filter(pk=group_id).update(count=F("count") + change.added)
    return occurrences


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
