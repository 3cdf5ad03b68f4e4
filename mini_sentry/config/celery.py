"""Celery: where its broker is, how its tasks are run, and when. Importing this makes `app` the process's default app.

`CELERY_BROKER_URL` unset means the embedded broker, one SQLite file in the data directory (`leases`).
`CELERY_RESULT_BACKEND` unset means that results are ignored. Tasks are acknowledged late, so each must be idempotent.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from celery import Celery, Task, signals
from celery.schedules import schedule
from django.db import connections

from mini_sentry.config import leases
from mini_sentry.config.redis import QUEUE, SCHEMES, broker_options
from mini_sentry.config.settings import CELERY_BROKER_URL, DATA_DIR, env

BROKER_URL: Final = CELERY_BROKER_URL
RESULT_BACKEND: Final = env.text("CELERY_RESULT_BACKEND", "")
VISIBILITY_SECONDS: Final = env.number("CELERY_VISIBILITY_TIMEOUT_SECONDS", 3600)
TASKS_PATH: Final = DATA_DIR / "tasks.db"

TASK_MODULES: Final = (
    "mini_sentry.alerts.tasks",
    "mini_sentry.config.retention",
    "mini_sentry.digest.tasks",
    "mini_sentry.groups.tasks",
)
HOURLY: Final = ("retention", "groups.make_days")
OFTEN: Final = {
    "alerts.catch_up": timedelta(seconds=10),
    "alerts.watch_sessions": timedelta(minutes=1),
    "digest.map_stored_events": timedelta(seconds=10),
}
SETTLE: Final = timedelta(minutes=1)


def _steady(started_at: datetime, monotonic: Callable[[], float] = time.monotonic) -> Callable[[], datetime]:
    """The time since `started_at` as it passes, whatever the clock is set to meanwhile."""
    began = monotonic()
    return lambda: started_at + timedelta(seconds=monotonic() - began)


def _schedule(now: Callable[[], datetime]) -> dict[str, dict[str, Any]]:
    """Each entry first runs a minute after the start, so that short-lived installations are kept clean as well; those that
    run more often, after their interval. `now` must be steady: beat would wait for a clock that was set back to catch up.

    Nothing is remembered over a restart: the tasks may run more often than their schedule says, and an entry that no
    worker took within its interval expires.
    """
    intervals = dict.fromkeys(HOURLY, timedelta(hours=1)) | OFTEN
    return {
        name: {
            "task": name,
            "schedule": schedule(interval, nowfun=now),
            "last_run_at": now() - interval + min(SETTLE, interval),
            "options": {"expires": interval.total_seconds()},
        }
        for name, interval in intervals.items()
    }


if BROKER_URL.startswith(SCHEMES):
    from mini_sentry.config import redis_transport

    redis_transport.register()

# No fix-up for Django: it would run all system checks in every worker, for which it loads every view.
app = Celery("mini_sentry", fixups=[])
app.conf.update(
    broker_url=BROKER_URL or leases.url(TASKS_PATH),
    broker_transport_options=broker_options(BROKER_URL, visibility_seconds=VISIBILITY_SECONDS),
    broker_connection_retry_on_startup=True,
    # A broker that is away for an hour is waited for, and what runs meanwhile is not begun a second time.
    broker_connection_max_retries=None,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    result_backend=RESULT_BACKEND or None,
    result_expires=timedelta(days=1) if RESULT_BACKEND else None,
    task_ignore_result=not RESULT_BACKEND,
    include=TASK_MODULES,
    task_default_queue=QUEUE,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=bool(BROKER_URL),
    worker_hijack_root_logger=False,
    enable_utc=True,
    timezone="UTC",
    beat_schedule=_schedule(_steady(datetime.now(UTC))),
)
app.set_default()


def _close_connections(sender: Task | None = None, **_: object) -> None:
    """A pool thread keeps no database connection between two tasks: it would hold memory, and may be dead by then."""
    if sender is not None and not sender.request.is_eager:
        connections.close_all()


signals.task_postrun.connect(_close_connections, weak=False)
