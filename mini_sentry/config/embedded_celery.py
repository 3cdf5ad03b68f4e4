"""Celery's worker and beat as threads of a process: of `engine`, or each in a process of its own."""

import logging
import threading
import time
from collections import Counter
from typing import Any, Final

from celery import Celery, signals
from celery.beat import Scheduler, Service
from celery.worker import state

from mini_sentry.config import metrics
from mini_sentry.config.celery import app as product
from mini_sentry.config.metrics import Sample

logger = logging.getLogger(__name__)

CONCURRENCY: Final = 4
"""Tasks at once. A retention or a source map may take minutes, and alerts must not wait for them."""
BEAT_SECONDS: Final = 1.0
STOP_SECONDS: Final = 15.0
BROKER_SECONDS: Final = 2.0


class EmbeddedCelery:
    """One worker and one beat, in threads. Django must be set up. There may be only one in a process at a time.

    A task that is still running after `stop` has waited for it runs again after the next start.
    """

    def __init__(
        self,
        *,
        app: Celery = product,
        concurrency: int = CONCURRENCY,
        with_worker: bool = True,
        with_beat: bool = True,
    ) -> None:
        self._app = app
        self._concurrency = concurrency
        self._with_worker = with_worker
        self._beat = Service(app, max_interval=BEAT_SECONDS, scheduler_cls=Scheduler) if with_beat else None
        self._threads: list[threading.Thread] = []
        self._is_ready = threading.Event()
        self._ended: Counter[tuple[str, str]] = Counter()
        self._counting = threading.Lock()

    @property
    def name(self) -> str:
        return "tasks" if self._with_worker and self._beat else "worker" if self._with_worker else "beat"

    def start(self) -> None:
        """Returns at once; tasks are taken a few milliseconds later."""
        if self._with_worker:
            state.should_stop = None
            signals.task_postrun.connect(self._note_ended)
            worker = self._app.WorkController(
                app=self._app,
                pool="threads",
                concurrency=self._concurrency,
                without_gossip=True,
                without_mingle=True,
                without_heartbeat=True,
                ready_callback=self._note_ready,
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

    def missing(self) -> str:
        if not self.is_alive():
            return "it does not run"
        return "" if not self._with_worker or self._is_ready.is_set() else "the broker was not reached yet"

    def samples(self) -> list[Sample]:
        return metrics.of_tasks(self._ended.copy(), self._waiting_tasks(), self._app.conf.task_default_queue)

    def _waiting_tasks(self) -> int | None:
        """How many tasks wait for a worker; None when the broker does not tell within BROKER_SECONDS."""
        conf = self._app.conf
        in_time = {"socket_connect_timeout": BROKER_SECONDS, "socket_timeout": BROKER_SECONDS}
        broker = self._app.connection_for_read(transport_options={**conf.broker_transport_options, **in_time})
        try:
            with broker:
                return int(broker.channel().queue_declare(conf.task_default_queue, passive=True).message_count)
        except broker.channel_errors:
            # There is no such queue: Redis keeps no empty list.
            return 0
        except (*broker.connection_errors, OSError) as error:
            logger.debug("The broker does not tell how many tasks wait: %s", error)
            return None

    def _note_ready(self, consumer: Any) -> None:
        self._is_ready.set()

    def _note_ended(self, sender: Any = None, state: str = "", **_: object) -> None:
        key = getattr(sender, "name", "unknown"), state.lower()
        with self._counting:
            self._ended[key] += 1

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
