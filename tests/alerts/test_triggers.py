"""What a digested batch owes to alert rules."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mini_sentry.alerts.evaluation import evaluate_pending
from mini_sentry.alerts.models import AlertTrigger, Notification
from mini_sentry.alerts.triggers import Kick, read
from mini_sentry.digest.consumer import Digest
from mini_sentry.groups.bodies import open_bodies
from mini_sentry.groups.dictionaries import load
from mini_sentry.groups.models import Group
from mini_sentry.groups.occurrences import Kind
from mini_sentry.groups.transitions import Action, change
from mini_sentry.projects.models import Project
from mini_sentry.protocol.limits import Limits
from mini_sentry.streams import topics
from mini_sentry.streams.consumer import Consumer
from mini_sentry.streams.engines.memory import MemoryLog
from tests.alerts.rules import make_rule, no_rest
from tests.digest.arrivals import NOON, accept, crash, envelope
from tests.factories import NOON as NOON_TIME

pytestmark = pytest.mark.django_db


class Intake:
    """Accepts crashes of a project and digests them; remembers how often an evaluation was asked for."""

    def __init__(self, directory: Path, project: Project) -> None:
        self._log = MemoryLog()
        self._bodies = open_bodies(directory, load_dictionary=load)
        self._project = project
        self.kicks = 0

    def take(self, *, count: int = 1, at: float = NOON, **fields: Any) -> None:
        for _ in range(count):
            accept(self._log, self._project, envelope(crash(**fields)), at=at)
        digest = Digest(self._log, self._bodies, limits=Limits(), clock=lambda: at, kick=self._kick)
        reader = Consumer(self._log, topics.DIGEST, topics.INGEST, digest)
        while reader.run_once(threading.Event(), wait_seconds=0):
            continue

    def _kick(self) -> None:
        self.kicks += 1


@pytest.fixture
def intake(tmp_path: Path, shop: Project) -> Intake:
    return Intake(tmp_path / "bodies", shop)


def test_a_batch_of_a_project_without_rules_owes_nothing(intake: Intake) -> None:
    intake.take(count=5)
    assert (AlertTrigger.objects.count(), intake.kicks) == (0, 0)


def test_a_batch_owes_what_its_groups_became(intake: Intake, shop: Project) -> None:
    make_rule(shop, threshold_count=2)
    intake.take(count=3, environment="staging", level="fatal")
    (changed,) = read(bytes(AlertTrigger.objects.get().body))
    assert (changed.group_id, changed.kind, changed.added) == (Group.objects.get().pk, Kind.NEW, 3)
    assert (changed.levels, changed.environments) == ({"fatal"}, {"staging"})
    assert (changed.first_at, changed.last_at, intake.kicks) == (NOON, NOON, 1)


def test_events_that_come_twice_are_not_counted_twice(intake: Intake, shop: Project) -> None:
    make_rule(shop, threshold_count=2)
    for _ in range(2):
        intake.take(event_id="a" * 32)
    evaluate_pending(clock=lambda: NOON_TIME, pause=no_rest)
    assert Notification.objects.count() == 0


def test_a_resolved_group_alerts_only_when_it_regresses(intake: Intake, shop: Project) -> None:
    rule = make_rule(shop, condition="regression")
    loud = make_rule(shop, threshold_count=1)
    intake.take()
    evaluate_pending(clock=lambda: NOON_TIME, pause=no_rest)
    assert list(Notification.objects.values_list("rule", flat=True)) == [loud.pk]
    change([Group.objects.get().pk], Action.RESOLVE, author="", now=NOON_TIME)
    intake.take(at=NOON - 1)
    evaluate_pending(clock=lambda: NOON_TIME, pause=no_rest)
    assert not Notification.objects.filter(rule=rule).exists()
    intake.take(at=NOON + 1)
    evaluate_pending(clock=lambda: NOON_TIME, pause=no_rest)
    assert Notification.objects.filter(rule=rule).count() == 1


def test_many_requests_for_an_evaluation_become_few() -> None:
    sent: list[float] = []
    kick = Kick(lambda: sent.append(time.monotonic()), every_seconds=0.1)
    for _ in range(50):
        kick()
        time.sleep(0.005)
    time.sleep(0.25)
    assert 2 <= len(sent) <= 6


def test_a_broker_that_is_away_does_not_end_the_requests() -> None:
    sent: list[int] = []

    def send() -> None:
        sent.append(1)
        raise OSError("no broker")

    kick = Kick(send, every_seconds=0.01)
    for _ in range(3):
        kick()
        time.sleep(0.05)
    assert len(sent) == 3
