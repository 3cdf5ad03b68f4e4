"""Celery's worker and beat as threads of a process: of `engine`, or of a process of their own (`worker`, `beat`)."""

import logging
import signal
import threading
import time
from types import FrameType
from typing import Final

import django
from celery import Celery
from celery.beat import Scheduler, Service
from celery.worker import state

logger = logging.getLogger(__name__)

CONCURRENCY: Final = 2
BEAT_SECONDS: Final = 1.0
STOP_SECONDS: Final = 15.0


class EmbeddedCelery:
    """One worker and one beat, in threads. Django must be set up. There may be only one in a process at a time.

    A task that is still running after `stop` has waited for it runs again after the next start.
    """

    def __init__(
        self, app: Celery, *, concurrency: int = CONCURRENCY, with_worker: bool = True, with_beat: bool = True
    ) -> None:
        self._app = app
        self._concurrency = concurrency
        self._with_worker = with_worker
        self._beat = Service(app, max_interval=BEAT_SECONDS, scheduler_cls=Scheduler) if with_beat else None
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Returns at once; tasks are taken a few milliseconds later."""
        if self._with_worker:
            state.should_stop = None
            worker = self._app.WorkController(
                app=self._app,
                pool="threads",
                concurrency=self._concurrency,
                without_gossip=True,
                without_mingle=True,
                without_heartbeat=True,
            )
            self._threads.append(threading.Thread(target=worker.start, name="celery-worker", daemon=True))
        if self._beat is not None:
            self._threads.append(
                threading.Thread(target=_run_beat, args=(self._beat,), name="celery-beat", daemon=True)
            )
        for thread in self._threads:
            thread.start()

    def is_alive(self) -> bool:
        """False once a thread has ended; what it died of, if it was not stopped, is in the log."""
        return bool(self._threads) and all(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Take no more tasks, and wait at most STOP_SECONDS for those that run."""
        deadline = time.monotonic() + STOP_SECONDS
        if self._with_worker:
            # The worker's own thread sees this between two polls and winds the worker up.
            state.should_stop = 0
        if self._beat is not None:
            self._beat.stop()
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            logger.warning("Tasks still ran after %d s; they run again after the next start", STOP_SECONDS)


def _run_beat(beat: Service) -> None:
    try:
        beat.start()
    except Exception:
        logger.exception("The schedule of tasks has stopped")
    finally:
        beat.scheduler.connection.close()


def run_worker() -> int:
    """The command `worker`: run tasks until SIGTERM or SIGINT. Returns the exit code."""
    return _run(with_beat=False)


def run_beat() -> int:
    """The command `beat`: keep the schedule until SIGTERM or SIGINT. Returns the exit code."""
    return _run(with_worker=False)


def _run(*, with_worker: bool = True, with_beat: bool = True) -> int:
    django.setup()
    from mini_sentry.config.celery import app

    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    celery = EmbeddedCelery(app, with_worker=with_worker, with_beat=with_beat)
    celery.start()
    while not stopping.wait(1.0):
        if not celery.is_alive():
            celery.stop()
            return 1
    celery.stop()
    return 0
