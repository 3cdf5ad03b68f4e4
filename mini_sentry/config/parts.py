"""The parts of the engine: digest, the columns' consumers with their server, tasks, and the housekeeping of the logs."""

import ctypes
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, connection
from django.utils import timezone

from mini_sentry.alerts import tasks
from mini_sentry.alerts.triggers import Kick
from mini_sentry.analytics import columns, snuba
from mini_sentry.analytics.chdb_server import ColumnServer
from mini_sentry.analytics.store import ColumnsError, Store
from mini_sentry.config import metrics, retention
from mini_sentry.config.column_store import migrate_columns
from mini_sentry.config.embedded_celery import EmbeddedCelery
from mini_sentry.config.exclusive import Occupied
from mini_sentry.config.metrics import Sample
from mini_sentry.config.roles import Part
from mini_sentry.config.side_decoder import COMMAND as SIDE_DECODER
from mini_sentry.config.wiring import limits, open_herald, open_log
from mini_sentry.digest.consumer import Digest
from mini_sentry.digest.room import Room
from mini_sentry.digest.side_decoders import SideDecoders
from mini_sentry.digest.unready import StoreUnready, told_apart
from mini_sentry.groups import partitions
from mini_sentry.groups.bodies import open_bodies
from mini_sentry.live import messages
from mini_sentry.streams import topics
from mini_sentry.streams.consumer import Consumer, Status
from mini_sentry.streams.group import GroupConsumer, attempts_path
from mini_sentry.streams.log import Log, LogError, Reading

logger = logging.getLogger(__name__)

KEEP_SECONDS = 300.0
KEEP_BYTES = 512 << 20
TOPIC_KEEP_SECONDS = snuba.REWIND_SECONDS + 60.0
TOPIC_BYTES = 2 << 30
HOUSEKEEPING_SECONDS = 5.0
DIGEST_BATCH_BYTES = 1_500_000
"""Compressed bytes of a batch: some 300 real events, or 1,000 small ones. A batch is held inflated, four times as large;
more would cost memory and save nothing."""


def of(role: str) -> list[Part]:
    """The parts a role runs, in the order they start; they stop the other way round. Raises KeyError for no role."""
    data_dir: Path = settings.DATA_DIR
    makers: dict[str, list[Callable[[], Part]]] = {
        "columns": [] if settings.CLICKHOUSE_URL else [lambda: _Columns(data_dir)],
        "snuba": [_Snuba],
        "digest": [lambda: Threads("digest", _digest_work)],
        "tasks": [EmbeddedCelery],
        "worker": [lambda: EmbeddedCelery(with_beat=False)],
        "beat": [lambda: EmbeddedCelery(with_worker=False)],
    }
    contents = {"engine": ("columns", "tasks", "snuba", "digest"), "snuba": ("columns", "snuba")}
    return [make() for name in contents.get(role, (role,)) for make in makers[name]]


Loop = Callable[[threading.Event], None]


class Work(NamedTuple):
    """What a part's threads do, by their names, and the readers among them. `missing` is what they wait for, empty when all is
    well; `samples` what they tell beside how the readers fare."""

    loops: dict[str, Loop]
    readers: list[GroupConsumer]
    missing: Callable[[], str] = str
    samples: Callable[[], list[Sample]] = list


class Threads:
    """A part of several loops, each in a thread of its own, over one open log."""

    def __init__(self, name: str, work: Callable[[Log], Work]) -> None:
        self.name = name
        self._make_work = work
        self._work: Work | None = None
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._log: Log | None = None

    def start(self) -> None:
        self._log = open_log()
        self._work = self._make_work(self._log)
        for name, loop in self._work.loops.items():
            thread = threading.Thread(target=self._run, args=(name, loop), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _run(self, name: str, loop: Loop) -> None:
        try:
            loop(self._stop)
        except Exception:
            logger.exception("%s ended", name)
        finally:
            connection.close()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(15)
        if self._log is not None:
            self._log.close()

    def is_alive(self) -> bool:
        return all(thread.is_alive() for thread in self._threads)

    def missing(self) -> str:
        if self._work is None or self._stop.is_set():
            return "it does not run"
        if what := self._work.missing():
            return what
        return next((status.error for status in self._statuses() if status.error), "")

    def samples(self) -> list[Sample]:
        return [] if self._work is None else [*metrics.of_readers(self._statuses()), *self._work.samples()]

    def _statuses(self) -> list[Status]:
        return [] if self._work is None else [status for reader in self._work.readers for status in reader.statuses()]

    def is_stopped(self) -> bool:
        """Whether every loop has ended, after `stop`."""
        return not any(thread.is_alive() for thread in self._threads)


class _Columns:
    """The embedded column engine."""

    name = "columns"

    def __init__(self, data_dir: Path) -> None:
        self._server = ColumnServer(data_dir)

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def is_alive(self) -> bool:
        return True

    def missing(self) -> str:
        return ""

    def samples(self) -> list[Sample]:
        return []


def _digest_work(log: Log) -> Work:
    herald = open_herald()
    side_decoders = SideDecoders(
        settings.DIGEST_SIDE_DECODERS, SIDE_DECODER, limits=limits(), may_repeat=log.may_repeat
    )
    digest = Digest(
        log,
        open_bodies(settings.BODIES_DIR),
        limits=limits(),
        kick=Kick(tasks.evaluate.delay),
        room=Room(settings.DATA_DIR, retention.retain.delay),
        herald=herald,
        side_decoders=side_decoders,
    )

    def consumer(reading: Reading, partition: int) -> Consumer:
        return Consumer(
            reading,
            topics.DIGEST,
            topics.INGEST,
            digest.of(partition),
            attempts_path=attempts_path(settings.DATA_DIR, "digest.attempts", partition),
            batch_bytes=DIGEST_BATCH_BYTES,
            partition=partition,
        )

    group = GroupConsumer(log, topics.DIGEST, topics.INGEST, consumer)

    def consume(stop: threading.Event) -> None:
        herald.start()
        try:
            group.run(stop)
        finally:
            side_decoders.stop()
            herald.stop()

    return Work(
        {"digest": consume, "housekeeping": lambda stop: _keep_house(log, group, stop)},
        [group],
        samples=lambda: metrics.of_digest(digest),
    )


class _Snuba(Threads):
    """The columns' consumers. A file says that they run: finding it at the start means that the last stop was no clean one."""

    def __init__(self) -> None:
        super().__init__("snuba", self._consuming)
        self._mark: Path = settings.DATA_DIR / "snuba.running"

    def start(self) -> None:
        self._rewind_to = time.time() - snuba.REWIND_SECONDS if self._mark.exists() else None
        self._mark.touch()
        super().start()

    def stop(self) -> None:
        super().stop()
        if self.is_stopped():
            self._mark.unlink(missing_ok=True)

    def _consuming(self, log: Log) -> Work:
        store = Store(columns.url)
        has_tables = threading.Event()
        consumers = snuba.consumers(
            log,
            store,
            topics=settings.COLUMN_TOPICS,
            attempts_dir=settings.DATA_DIR,
            rewind_to=self._rewind_to,
        )

        def after_migration(consume: Loop) -> Loop:
            def loop(stop: threading.Event) -> None:
                while not has_tables.wait(0.1):
                    if stop.is_set():
                        return
                consume(stop)

            return loop

        def migrate_then_wait(stop: threading.Event) -> None:
            _migrate_columns(store, stop)
            has_tables.set()
            stop.wait()

        loops = {f"snuba-{consumer.topic}": after_migration(consumer.run) for consumer in consumers}
        return Work(
            {"snuba-migrate": migrate_then_wait, **loops},
            consumers,
            missing=lambda: "" if has_tables.is_set() else "the columns have no tables yet",
            samples=lambda: metrics.of_dead_letters(consumers),
        )


def _migrate_columns(store: Store, stop: threading.Event) -> None:
    """Bring the column store's tables up to date; a store that is away is waited for."""
    told = ""
    while not stop.is_set():
        try:
            migrate_columns(store)
            return
        except ColumnsError as error:
            if str(error) != told:
                logger.warning("The columns are not there yet: %s", error)
            told = str(error)
        except (Occupied, OperationalError) as error:
            logger.debug("The columns' schema waits: %s", error)
        stop.wait(1.0)


def _keep_house(log: Log, digest: GroupConsumer, stop: threading.Event) -> None:
    """Make the days ahead, then again and again trim what every reader has passed, forget old announcements, and give memory
    back after a busy while."""
    digested = 0
    has_days = False
    while not stop.wait(HOUSEKEEPING_SECONDS):
        try:
            with told_apart():
                if not has_days:
                    partitions.make_ahead(timezone.now())
                    has_days = True
                log.trim(topics.INGEST, keep_seconds=KEEP_SECONDS, keep_bytes=KEEP_BYTES)
                for topic in (topics.EVENTS, topics.SESSIONS, topics.OUTCOMES):
                    log.trim(topic, keep_seconds=TOPIC_KEEP_SECONDS, keep_bytes=KEEP_BYTES, max_bytes=TOPIC_BYTES)
                with connection.cursor() as cursor:
                    messages.expire(cursor, now=time.time())
                statuses = digest.statuses()
                before, digested = digested, sum(status.record_count for status in statuses)
                if before != digested and not any(status.lag for status in statuses):
                    _give_memory_back()
        except (LogError, InterfaceError, OperationalError, StoreUnready) as error:
            logger.warning("Housekeeping waits: %s", error)
        # Not held while there is nothing to do, and not again if the server has ended it.
        close_old_connections()


def _give_memory_back() -> None:
    """The C library keeps freed memory for itself unless it is asked; only glibc can be asked."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
