"""What leaves when its time is up: every step, in order. A package that keeps rows adds its own step here.

One task takes them one after the other, because they all want the same write lock.
"""

import logging
from collections.abc import Callable
from contextlib import closing
from typing import Final

from celery import shared_task
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Q
from django.utils import timezone

from mini_sentry.alerts.models import AlertState, Notification
from mini_sentry.config.wiring import open_log
from mini_sentry.groups import retention, thinning
from mini_sentry.groups.bodies import open_bodies
from mini_sentry.projects.retention import Sweep, expire_outcomes, forget_counted, sweep_of
from mini_sentry.projects.running import goes_on_for
from mini_sentry.releases import artifacts
from mini_sentry.releases.sessions import retire_sessions
from mini_sentry.streams import dead_letters

logger = logging.getLogger(__name__)

Step = Callable[[Sweep], int]


def _events(sweep: Sweep) -> int:
    with closing(open_bodies(settings.BODIES_DIR)) as bodies:
        return retention.retire_events(sweep, bodies=bodies)


def _bodies_of_loud_groups(sweep: Sweep) -> int:
    with closing(open_bodies(settings.BODIES_DIR)) as bodies:
        return thinning.thin_bodies(sweep, bodies=bodies, limit_bytes=settings.EVENT_STORAGE_LIMIT_MB << 20)


def _dictionaries(sweep: Sweep) -> int:
    with closing(open_bodies(settings.BODIES_DIR)) as bodies:
        return retention.expire_dictionaries(sweep, bodies=bodies)


def _dead_letters(sweep: Sweep) -> int:
    """Those that are too old, and the oldest once there are too many."""
    with closing(open_log()) as log:
        return dead_letters.expire(log, keep_seconds=(sweep.now - sweep.before).total_seconds())


def _notifications(sweep: Sweep) -> int:
    """What was told, with its deliveries and attempts."""
    return sweep.delete(Notification.objects.filter(created_at__lt=sweep.before).order_by("created_at"))


def _alert_states(sweep: Sweep) -> int:
    """How rules stand with groups that they told of so long ago, and keep quiet about no more."""
    is_quiet = Q(quiet_until__gte=sweep.now) | Q(snoozed_until__gte=sweep.now) | Q(notified_at__gte=sweep.before)
    return sweep.delete(AlertState.objects.exclude(is_quiet).order_by("pk"))


def _sign_ins(sweep: Sweep) -> int:
    return sweep.delete(Session.objects.filter(expire_date__lt=sweep.now).order_by("expire_date"))


def _artifacts(sweep: Sweep) -> int:
    """Never sooner than the events that were mapped with them, of which a page shows the lines around a frame."""
    if not (settings.RETENTION_DAYS and settings.ARTIFACT_RETENTION_DAYS):
        return 0
    # A use is noted once a day.
    return artifacts.retire(sweep, days=max(settings.ARTIFACT_RETENTION_DAYS, settings.RETENTION_DAYS + 1))


def _contents_of_artifacts(sweep: Sweep) -> int:
    """Files whose releases or artifacts were deleted."""
    return artifacts.contents().sweep(artifacts.is_used)


STEPS: Final[dict[str, Step]] = {
    "events": _events,
    "bodies of loud groups": _bodies_of_loud_groups,
    "dictionaries": _dictionaries,
    "sessions": retire_sessions,
    "counts of outcomes": expire_outcomes,
    "marks of counted records": forget_counted,
    "notifications": _notifications,
    "alert states": _alert_states,
    "artifacts": _artifacts,
    "contents of artifacts": _contents_of_artifacts,
    "dead letters": _dead_letters,
    "sign-ins": _sign_ins,
}
"""What goes, in words for the log, to what takes it away."""


@shared_task(name="retention")  # type: ignore[untyped-decorator]
def retain() -> None:
    """Take every step; one that fails is told of and holds none of the others up."""
    sweep = sweep_of(settings.RETENTION_DAYS, now=timezone.now(), goes_on=goes_on_for())
    for what, step in STEPS.items():
        try:
            gone = step(sweep)
        except Exception:
            logger.exception("Retention failed: %s", what)
            continue
        if gone:
            logger.info("Retention: %d %s went", gone, what)
