"""The roles as processes of their own, each with a port for its probes: started, killed, stopped and started again."""

import signal
import subprocess

from tests.installation import Installation, command_line, descendants, free_port, kill
from tests.scraping import is_ready, value

ROLES = ("web", "digest", "snuba", "worker", "beat")
WEB_WORKERS = 2


class Roles:
    """Of one installation, whose tables are there. `web` runs several workers."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.ports = {role: free_port() for role in ROLES} | {"web": installation.port}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *names: str, variables: dict[str, str] | None = None) -> "Roles":
        """All of them unless some are named. Returns when they are ready."""
        joins = self.installation.joins()
        self.spawn(*names, variables=variables)
        for name in names or ROLES:
            self.wait_until_ready(name)
        if "digest" in (names or ROLES):
            self.installation.wait_for_a_digest(joins)
        return self

    def spawn(self, *names: str, variables: dict[str, str] | None = None) -> None:
        """As `start`, without waiting."""
        for name in names or ROLES:
            port = str(self.ports[name])
            arguments = ["--port", port, "--workers", str(WEB_WORKERS)] if name == "web" else []
            own = {} if name == "web" else {"MINI_SENTRY_HEALTH_PORT": port}
            self._processes[name] = self.installation.spawn(name, *arguments, variables=own | (variables or {}))

    def wait_until_ready(self, name: str) -> None:
        self.installation.wait_until(lambda: is_ready(self.ports[name]), f"{name} is ready", seconds=60)

    def pids(self) -> dict[str, int]:
        """Of the processes that the roles were started as."""
        return {name: process.pid for name, process in self._processes.items()}

    def kill9(self, name: str) -> None:
        """SIGKILL to the process that the role was started as, and wait until it and its children are gone."""
        process = self._processes[name]
        children = descendants(process.pid)
        kill(process.pid)
        process.wait(10)
        self.installation.wait_until(
            lambda: not any("mini_sentry.config.cli" in command_line(child) for child in children), "its children end"
        )

    def kill9_a_worker(self) -> None:
        """SIGKILL to one of the web workers; its parent starts another."""
        [*workers] = descendants(self._processes["web"].pid)
        kill(workers[0])

    def stop(self, name: str) -> int:
        """SIGTERM; the exit code."""
        process = self._processes[name]
        process.send_signal(signal.SIGTERM)
        return process.wait(30)

    def value(self, role: str, name: str, **labels: str) -> float:
        """One of the role's metrics."""
        return value(self.ports[role], name, **labels)
