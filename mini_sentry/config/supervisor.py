"""`mini-sentry run`: one command that starts `web` and `engine`, watches them and stops them in order.

This process imports no Django, so it stays small and starts at once. Children live in process sessions of their own and
hold the read end of a pipe as standard input: when the supervisor is gone, however it went, they see the end of that
pipe and stop, so no orphan keeps the columns' directory open.
"""

import fcntl
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import IO

import mini_sentry
from mini_sentry.config.environment import published_on
from mini_sentry.config.logs import say

START_SECONDS = 60.0
WEB_STOP_SECONDS = 10.0
ENGINE_STOP_SECONDS = 20.0
FIRST_BACKOFF_SECONDS = 0.2
LONGEST_BACKOFF_SECONDS = 3.0
STEADY_SECONDS = 30.0
"""A child that lived this long is started again at once; one that died sooner waits longer each time."""


BAD_SETTING_CODE = os.EX_CONFIG
"""How a process ends that cannot use a setting: to start it again would change nothing."""


class CannotStart(Exception):
    """The start was refused; the text is for the person at the terminal."""


def lock(data_dir: Path) -> IO[str]:
    """Hold the data directory for this process. Raises CannotStart when another one has it."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        held = (data_dir / "run.lock").open("a+")
    except OSError as error:
        raise CannotStart(f"The data directory {data_dir} cannot be used: {error.strerror}.") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        held.seek(0)
        owner = held.read().strip() or "another process"
        raise CannotStart(
            f"Mini Sentry already runs on {data_dir} ({owner}). Stop it first, or set MINI_SENTRY_DATA to another directory."
        ) from error
    held.truncate(0)
    held.write(f"process {os.getpid()}")
    held.flush()
    return held


def check_address(host: str, port: int, *, published_on: str = "") -> None:
    """Raises CannotStart when others could reach the address, or something else listens there.

    `published_on` is where a container's ports are published, as the operator says (`MINI_SENTRY_PUBLISHED_ON`); inside it the
    server listens on every address.
    """
    try:
        is_loopback = _is_loopback(host)
    except ValueError as error:
        raise CannotStart(f"--host {host} is not an address. Use 127.0.0.1, ::1 or localhost.") from error
    if not is_loopback and not published_on:
        raise CannotStart(
            f"--host {host} is not a loopback address. There is no sign-in yet, so the server only listens on this "
            "machine; put it behind an authenticating proxy, or use 127.0.0.1. In a container whose ports are published "
            "on this machine only, say so with MINI_SENTRY_PUBLISHED_ON=127.0.0.1."
        )
    if published_on:
        _check_published(published_on)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as error:
            raise CannotStart(
                f"Port {port} on {host} cannot be used ({error.strerror}). Stop what listens there, or choose another with --port."
            ) from error


def _is_loopback(host: str) -> bool:
    """Raises ValueError when it is no address."""
    return host == "localhost" or ip_address(host.strip("[]")).is_loopback


def _check_published(on: str) -> None:
    """Raises CannotStart when ports that are published there can be reached from other machines."""
    try:
        if _is_loopback(on):
            return
    except ValueError as error:
        raise CannotStart(f"MINI_SENTRY_PUBLISHED_ON={on} is not an address. Use 127.0.0.1 or ::1.") from error
    raise CannotStart(
        f"MINI_SENTRY_PUBLISHED_ON={on} is not a loopback address: other machines would reach a server without sign-in. "
        "Publish the ports on 127.0.0.1, and put an authenticating proxy before them for others."
    )


def _shown(host: str) -> str:
    """How the address stands in a link; a server that listens on every address is asked on this machine's own."""
    bare = host.strip("[]")
    if bare in {"0.0.0.0", "::"}:  # noqa: S104 - told apart, not listened on
        return "127.0.0.1"
    return f"[{bare}]" if ":" in bare else bare


def migration_stamp() -> str:
    """Changes whenever a migration is added or changed, or the version moves."""
    package = Path(mini_sentry.__file__).parent
    digest = hashlib.sha256(mini_sentry.__version__.encode())
    for path in sorted(package.glob("*/migrations/[0-9]*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def migrate(data_dir: Path, environment: Mapping[str, str]) -> None:
    """Bring the tables up to date, unless the stamp says that they are. Raises CannotStart when that fails."""
    stamp = data_dir / "migrated"
    wanted = migration_stamp()
    # Only of the file beside it: a database elsewhere may be another one than the last time.
    is_beside = not environment.get("DATABASE_URL") and (data_dir / "main.db").exists()
    if is_beside and stamp.exists() and stamp.read_text() == wanted:
        return
    print("Preparing the database …", flush=True)
    command = [sys.executable, "-m", "mini_sentry.config.cli", "manage", "migrate", "--verbosity", "0"]
    if subprocess.run(command, env=dict(environment), check=False).returncode != 0:
        raise CannotStart("The database could not be brought up to date; see the lines above.")
    stamp.write_text(wanted)


class Child:
    """One role in a process of its own, started again when it dies."""

    def __init__(
        self,
        name: str,
        arguments: list[str],
        environment: Mapping[str, str],
        stop_seconds: float,
        *,
        pass_fds: tuple[int, ...] = (),
    ) -> None:
        """`pass_fds` are open files that the process inherits, under the same numbers."""
        self.name = name
        self.stop_seconds = stop_seconds
        self._pass_fds = pass_fds
        self._command = [sys.executable, "-m", "mini_sentry.config.cli", *arguments, "--supervised"]
        self._environment = dict(environment)
        self._backoff_seconds = FIRST_BACKOFF_SECONDS
        self._start_at = 0.0
        self._started_at = 0.0
        self._has_died = False
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._started_at = time.monotonic()
        self.process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            env=self._environment,
            start_new_session=True,
            pass_fds=self._pass_fds,
        )

    def watch(self) -> None:
        """Start the process again if it died, not sooner than its back-off allows.

        Raises CannotStart when the first one could not use a setting. A later one may meet a file that is being edited.
        """
        now = time.monotonic()
        if self.process is not None and (code := self.process.poll()) is not None:
            self._release()
            if code == BAD_SETTING_CODE and not self._has_died:
                raise CannotStart("A setting cannot be used; see the line above.")
            self._has_died = True
            if now - self._started_at > STEADY_SECONDS:
                self._backoff_seconds = FIRST_BACKOFF_SECONDS
            self._start_at = now + self._backoff_seconds
            self._say(f"{self.name} ended with code {code}; starting it again in {self._backoff_seconds:.1f} s")
            self._backoff_seconds = min(self._backoff_seconds * 2, LONGEST_BACKOFF_SECONDS)
        if self.process is None and now >= self._start_at:
            self.start()

    def tell_to_stop(self) -> None:
        """Ask it to end, without waiting for that."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        if self.process is None:
            return
        self.tell_to_stop()
        if self.process.poll() is None:
            try:
                self.process.wait(self.stop_seconds)
            except subprocess.TimeoutExpired:
                self._say(f"{self.name} did not stop in {self.stop_seconds:.0f} s and was killed")
                self.process.kill()
                self.process.wait()
        self._release()

    def _say(self, message: str) -> None:
        say(message, form=self._environment.get("LOG_FORMAT", ""))

    def _release(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
        self.process = None


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as reply:  # noqa: S310 - our own address
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def run(host: str, port: int, *, data_dir: Path, environment: Mapping[str, str]) -> int:
    """Start everything, print the address, and stay until SIGINT or SIGTERM. Raises CannotStart."""
    held = lock(data_dir)
    check_address(host, port, published_on=published_on(environment))
    environment = {**environment, "MINI_SENTRY_DATA": str(data_dir)}
    shown = _shown(host)
    address = f"http://{shown}:{port}/"
    # For links in mails and for commands given in another terminal (`projects.addresses`).
    (data_dir / "address").write_text(address)
    migrate(data_dir, environment)
    web = Child("web", ["web", "--host", host, "--port", str(port)], environment, WEB_STOP_SECONDS)
    engine = Child("engine", ["engine"], environment, ENGINE_STOP_SECONDS)
    stopping = stop_on_signals()
    try:
        engine.start()
        web.start()
        _announce(address, data_dir, children=(engine, web), stopping=stopping)
        while not stopping():
            engine.watch()
            web.watch()
            time.sleep(0.1)
    finally:
        web.stop()
        engine.stop()
        held.close()
    return 0


def _announce(address: str, data_dir: Path, *, children: tuple[Child, ...], stopping: Callable[[], bool]) -> None:
    """Wait until the server answers, then say where it is. Raises CannotStart after START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while not stopping():
        if _answers(f"{address}api/health/"):
            print(f"Mini Sentry {mini_sentry.__version__} is at {address}", flush=True)
            print(f"Data is kept in {data_dir}. Stop with Ctrl+C.", flush=True)
            return
        if time.monotonic() > deadline:
            raise CannotStart(
                f"The server did not answer at {address} within {START_SECONDS:.0f} s; see the lines above."
            )
        for child in children:
            child.watch()
        time.sleep(0.05)


def stop_on_signals() -> Callable[[], bool]:
    """A function that tells whether SIGINT or SIGTERM has come."""
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)

    signal.signal(signal.SIGINT, note)
    signal.signal(signal.SIGTERM, note)
    return lambda: bool(came)
