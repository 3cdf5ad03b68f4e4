"""What is done to groups and events by the clock."""

import logging
import math
import time
from contextlib import closing
from datetime import timedelta
from typing import Final

from celery import shared_task
from celery.worker import state
from django.conf import settings
from django.utils import timezone

from mini_sentry.groups import retention
from mini_sentry.groups.bodies import Bodies
from mini_sentry.streams import dead_letters
from mini_sentry.streams.open import open_logs

logger = logging.getLogger(__name__)

MOST_SECONDS: Final = 1800.0
"""A run ends after this long and the next one goes on; a broker with a time limit must not hand out a running task."""


@shared_task(name="groups.retire_events")  # type: ignore[untyped-decorator]
def retire_events() -> None:
    """Delete what is older than `RETENTION_DAYS`; 0 keeps everything."""
    if not settings.RETENTION_DAYS:
        return
    deadline = time.monotonic() + MOST_SECONDS

    def goes_on() -> bool:
        is_stopping = state.should_stop is not None and state.should_stop is not False
        return not is_stopping and time.monotonic() < deadline

    bodies = Bodies(settings.BODIES_DIR)
    try:
        retired = retention.retire(
            timezone.now() - timedelta(days=settings.RETENTION_DAYS), bodies=bodies, goes_on=goes_on
        )
    finally:
        bodies.close()
    if retired.event_count or retired.day_count:
        logger.info("Retired %d events and the bodies of %d days", retired.event_count, retired.day_count)


@shared_task(name="groups.expire_dead_letters")  # type: ignore[untyped-decorator]
def expire_dead_letters() -> None:
    """Let dead letters go after `RETENTION_DAYS`, and the oldest once there are too many; 0 days keeps all but those."""
    days = settings.RETENTION_DAYS or math.inf
    with closing(open_logs(settings.DATA_DIR)) as log:
        if gone := dead_letters.expire(log, keep_seconds=days * 86_400.0):
            logger.info("Let %d dead letters go", gone)
