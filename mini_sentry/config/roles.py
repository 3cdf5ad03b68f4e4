"""What each process runs: `web`, and `engine` or one of its parts on its own.

`engine` stops in order: digest, the columns' consumers, tasks, the column server. Each part is a `Part` with a start and
a stop; a part that dies takes the process with it, so that whoever watches the process starts it again.
"""

import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

import django

from mini_sentry.config.supervisor import CannotStart

if TYPE_CHECKING:
    from mini_sentry.config.metrics import Sample
    from mini_sentry.config.probes import ProbeServer

logger = logging.getLogger(__name__)

SWITCH_SECONDS = 0.0005
"""One interpreter runs several threads; the default of 5 ms would let one that computes hold up those that answer."""


GARBAGE_THRESHOLDS = (20_000, 50, 100)
"""A batch makes some hundred thousand objects and no cycles; the collector's usual 700 would look through the whole heap
again and again, for a quarter of the digest's time."""


class Part(Protocol):
    """`missing` says what it waits for before it can do its work, and is empty when it does."""

    @property
    def name(self) -> str: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def is_alive(self) -> bool: ...

    def missing(self) -> str: ...

    def samples(self) -> "list[Sample]": ...


def web(
    host: str,
    port: int,
    *,
    supervised: bool,
    reload: bool = False,
    listen_fd: int | None = None,
    counts: Path | None = None,
) -> int:
    """Serve until SIGINT or SIGTERM. Event streams get a second to end, other requests five.

    `listen_fd` is an inherited socket to serve on in place of one of its own, and `counts` the file that this worker counts in
    beside those of the others. Raises BadSetting.
    """
    import uvicorn

    from mini_sentry.ingest.http import EdgeProtocol

    if supervised:
        _stop_with_supervisor()
    sys.setswitchinterval(SWITCH_SECONDS)
    options: dict[str, Any] = {
        "host": host.strip("[]"),
        "port": port,
        "loop": "uvloop",
        "http": EdgeProtocol,
        "ws": "none",
        "lifespan": "on",
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "date_header": False,
        "backlog": 2048,
        "proxy_headers": False,
        "timeout_graceful_shutdown": 5,
    }
    if reload:
        uvicorn.run("mini_sentry.config.asgi:application", reload=True, reload_dirs=["mini_sentry"], **options)
        return 0
    from mini_sentry.config.asgi import application

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            application.end_streams()
            await super().shutdown(sockets)

    settle_heap()
    application.counts_path = counts
    server = Server(uvicorn.Config(application, **options))
    # The server exits when the start failed, with a code of its own.
    with suppress(SystemExit):
        server.run([socket.socket(fileno=listen_fd)] if listen_fd is not None else None)
    if application.bad_setting is not None:
        raise application.bad_setting
    return 0 if server.started else 1


def engine(role: str, *, supervised: bool) -> int:
    """Run `engine`, or the one part that `role` names, until SIGINT or SIGTERM. Returns 1 when a part died."""
    stopping = threading.Event()
    _on_stop_signals(stopping.set)
    if supervised:
        _stop_with_supervisor()
    sys.setswitchinterval(SWITCH_SECONDS)
    django.setup()
    from mini_sentry.config import parts

    with ExitStack() as running:
        started: list[Part] = []
        all_parts = parts.of(role)
        if probes := _probes(role, all_parts, started):
            probes.start()
            running.callback(probes.stop)
        for part in all_parts:
            part.start()
            running.callback(part.stop)
            started.append(part)
        settle_heap()
        logger.info("%s is ready", role)
        while not stopping.wait(0.5):
            if not all(part.is_alive() for part in started):
                logger.error("%s stops because one of its parts ended", role)
                return 1
    return 0


def _probes(role: str, every: "list[Part]", started: "list[Part]") -> "ProbeServer | None":
    """What answers about this process, when a port is given for that. Raises CannotStart when it cannot be had.

    It outlives the parts: while they stop, the process is alive and not ready.
    """
    from django.conf import settings

    if not settings.MINI_SENTRY_HEALTH_PORT:
        return None
    from mini_sentry.config import metrics
    from mini_sentry.config.probes import ProbeServer, Vitals

    def missing() -> dict[str, str]:
        return {part.name: what for part in every if (what := _missing(part, started))}

    def samples() -> "list[Sample]":
        return [*metrics.of_build(role), *(sample for part in list(started) for sample in part.samples())]

    host, port = settings.MINI_SENTRY_HEALTH_HOST, settings.MINI_SENTRY_HEALTH_PORT
    vitals = Vitals(
        role=role,
        is_live=lambda: all(part.is_alive() for part in list(started)),
        missing=missing,
        samples=samples,
        token=settings.METRICS_TOKEN,
    )
    try:
        return ProbeServer(host, port, vitals)
    except OSError as error:
        raise CannotStart(f"MINI_SENTRY_HEALTH_PORT {port} on {host} cannot be used ({error.strerror}).") from error


def _missing(part: Part, started: "list[Part]") -> str:
    if part not in started:
        return "it has not started yet"
    return part.missing() if part.is_alive() else "it has ended"


def settle_heap() -> None:
    """What the start made stays: the collector need not look at it again, nor look so often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)


def _on_stop_signals(stop: Callable[[], None]) -> None:
    def heed(number: int, frame: FrameType | None) -> None:
        stop()

    signal.signal(signal.SIGINT, heed)
    signal.signal(signal.SIGTERM, heed)


def _stop_with_supervisor() -> None:
    """Standard input is a pipe that the supervisor holds: its end means that the supervisor is gone."""

    def watch() -> None:
        while os.read(0, 1024):
            continue
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="supervisor-watch", daemon=True).start()
