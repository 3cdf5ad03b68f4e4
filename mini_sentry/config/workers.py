"""`mini-sentry web --workers N`: N processes that share one port, each replaced when it dies.

Every worker has a listening socket of its own on the port (`SO_REUSEPORT`), so that the system spreads connections evenly.
The sockets are made here and handed down: while a worker is replaced its socket stays, and who connects to it waits a moment
instead of being refused. This process imports no Django and answers nothing itself.
"""

import shutil
import socket
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from mini_sentry.config.supervisor import WEB_STOP_SECONDS, CannotStart, Child, stop_on_signals

BACKLOG = 2048


def serve(host: str, port: int, count: int, *, environment: Mapping[str, str]) -> int:
    """Run `count` workers until SIGINT or SIGTERM.

    Raises CannotStart when the port cannot be had or a setting cannot be used.
    """
    stopping = stop_on_signals()
    counts = Path(tempfile.mkdtemp(prefix="mini-sentry-web-"))
    sockets = _listen(host, port, count)
    workers = []
    try:
        for number, listening in enumerate(sockets):
            told = ["--listen-fd", str(listening.fileno()), "--counts", str(counts / f"web-{number}")]
            arguments = ["web", "--host", host, "--port", str(port), *told]
            workers.append(
                Child(f"web {number}", arguments, environment, WEB_STOP_SECONDS, pass_fds=(listening.fileno(),))
            )
        for worker in workers:
            worker.start()
        while not stopping():
            for worker in workers:
                worker.watch()
            time.sleep(0.1)
    finally:
        # Nobody is let in any more, and all workers end at once.
        for listening in sockets:
            listening.close()
        for worker in workers:
            worker.tell_to_stop()
        for worker in workers:
            worker.stop()
        shutil.rmtree(counts, ignore_errors=True)
    return 0


def _listen(host: str, port: int, count: int) -> list[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sockets: list[socket.socket] = []
    try:
        for _ in range(count):
            made = socket.socket(family, socket.SOCK_STREAM)
            sockets.append(made)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            made.bind((host.strip("[]"), port))
            made.listen(BACKLOG)
            made.set_inheritable(True)
    except OSError as error:
        for made in sockets:
            made.close()
        raise CannotStart(f"Port {port} on {host} cannot be used ({error.strerror}).") from error
    return sockets
