"""A worker process on a lease file or on Redis. Its tasks write lines into a diary: so a test can tell what ran, and how often."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

from celery import Celery

from mini_sentry.config import leases, redis_transport
from mini_sentry.config.embedded_celery import EmbeddedCelery
from mini_sentry.config.redis import broker_options

QUEUE = "tests"
VISIBILITY_SECONDS = 2


def make_app(path: Path, broker: str = "") -> Celery:
    """An app on the lease file `path`, or on the Redis at `broker`, set as the product's own is."""
    redis_transport.register()
    app = Celery("tests", fixups=[], set_as_current=False)
    app.conf.update(
        broker_url=broker or leases.url(path),
        broker_transport_options=broker_options(broker, visibility_seconds=VISIBILITY_SECONDS),
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        result_backend=None,
        result_expires=None,
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_default_queue=QUEUE,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=bool(broker),
        worker_hijack_root_logger=False,
        beat_schedule={"tick": {"task": "note", "schedule": 0.3, "args": (str(path.with_name("diary")), "tick")}},
    )

    @app.task(name="note")  # type: ignore[untyped-decorator]
    def note(diary: str, line: str, seconds: float = 0.0) -> None:
        time.sleep(seconds)
        write(diary, line)

    @app.task(name="hang_once")  # type: ignore[untyped-decorator]
    def hang_once(diary: str, line: str) -> None:
        """The first run never ends; a later one writes the line."""
        if f"{line} hangs" not in lines(Path(diary)):
            write(diary, f"{line} hangs")
            time.sleep(600)
        write(diary, line)

    @app.task(name="fail_twice", bind=True, max_retries=5)  # type: ignore[untyped-decorator]
    def fail_twice(self: object, diary: str) -> None:
        write(diary, "tried")
        if lines(Path(diary)).count("tried") < 3:
            raise self.retry(countdown=0.1)  # type: ignore[attr-defined]

    return app


def write(diary: str, line: str) -> None:
    """One append is one write, so lines of several processes do not mix."""
    target = os.open(diary, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(target, f"{line}\n".encode())
    finally:
        os.close(target)


def lines(diary: Path) -> list[str]:
    return diary.read_text().splitlines() if diary.exists() else []


def work(path: Path, *, broker: str = "", with_beat: bool = False) -> None:
    """The process: works until SIGTERM, then stops in order."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    app = make_app(path, broker)
    app.set_default()
    celery = EmbeddedCelery(app=app, with_beat=with_beat)
    celery.start()
    stopping.wait()
    celery.stop()
    raise SystemExit(1 if celery.is_alive() else 0)


@contextmanager
def worker(path: Path, *, broker: str = "", with_beat: bool = False) -> Iterator[BaseProcess]:
    """A worker process, killed at the end if it still runs."""
    process = get_context("spawn").Process(target=work, args=(path,), kwargs={"broker": broker, "with_beat": with_beat})
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()
        process.close()
