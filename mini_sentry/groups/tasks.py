"""What is done to groups and events by the clock."""

import logging
import time
from datetime import timedelta
from typing import Final

from celery import shared_task
from celery.worker import state
from django.conf import settings
from django.utils import timezone

from mini_sentry.groups import retention
from mini_sentry.groups.bodies import Bodies

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
