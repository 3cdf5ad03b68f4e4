"""What is done about alerts after a batch, and by the clock."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from celery import shared_task
from django.utils import timezone

from mini_sentry.alerts import crash_free
from mini_sentry.alerts.delivery import deliver_due, is_any_due
from mini_sentry.alerts.evaluation import evaluate_pending
from mini_sentry.alerts.models import AlertTrigger
from mini_sentry.projects.running import goes_on

logger = logging.getLogger(__name__)

EXPIRES_SECONDS: Final = 60
"""A task that nobody took by then is made up for by a later one."""


@shared_task(name="alerts.evaluate", expires=EXPIRES_SECONDS)  # type: ignore[untyped-decorator]
def evaluate() -> None:
    """Evaluate what digested batches owe, and see that what fired is delivered. One run in a process is enough, as below."""
    _one_evaluation(_evaluate)


@shared_task(name="alerts.deliver", expires=EXPIRES_SECONDS)  # type: ignore[untyped-decorator]
def deliver() -> None:
    """Deliver what is due. One run in a process is enough: it looks again as long as anything is under way, and once more
    for each that was asked for meanwhile."""
    _one_courier(lambda: deliver_due(goes_on=goes_on))


@shared_task(name="alerts.catch_up", expires=EXPIRES_SECONDS)  # type: ignore[untyped-decorator]
def catch_up() -> None:
    """What a lost task or a killed worker left behind, and retries that have become due."""
    if AlertTrigger.objects.exists():
        evaluate()
    if is_any_due(timezone.now()):
        deliver()


@shared_task(name="alerts.watch_sessions", expires=EXPIRES_SECONDS)  # type: ignore[untyped-decorator]
def watch_sessions() -> None:
    """Evaluate the rules about crash-free rates."""
    if crash_free.evaluate(now=timezone.now(), count=crash_free.count_sessions):
        deliver.delay()


def _evaluate() -> None:
    if evaluate_pending(goes_on=goes_on):
        deliver.delay()


class _OneAtOnce:
    """Runs one call at a time; who comes meanwhile has it run again afterwards instead of waiting."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._is_running = False
        self._is_wanted = False

    def __call__(self, run: Callable[[], object]) -> None:
        with self._mutex:
            self._is_wanted = True
            if self._is_running:
                return
            self._is_running = True
        try:
            while self._takes_wish():
                run()
        except BaseException:
            with self._mutex:
                self._is_running = False
            raise

    def _takes_wish(self) -> bool:
        with self._mutex:
            is_wanted, self._is_wanted = self._is_wanted, False
            self._is_running = is_wanted
            return is_wanted


_one_evaluation = _OneAtOnce()
_one_courier = _OneAtOnce()
