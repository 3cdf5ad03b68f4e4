"""The services of docker-compose.yml as processes of this machine, in the order and with the checks that Compose would use.

Commands, variables and health checks are the file's own. Only what belongs to containers is put in place: paths of volumes
become directories, ports become free ones. The engines are named in the `.env`, as an operator would who has them elsewhere.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.deploy.composed import ROOT, Composed, Service, read
from tests.installation import Installation, descendants, free_port, kill

BIN: Final = Path(sys.executable).parent
PAGES: Final = {"8000": "web", "5173": "frontend"}
HEALTHY_SECONDS: Final = 120.0

SHIM: Final = """#!{python}
\"\"\"Stands in for `docker`: `docker compose exec SERVICE COMMAND …` beside the running services.\"\"\"
import os, sys
words = sys.argv[1:]
environments = {environments!r}
if words[:2] != ["compose", "exec"] or words[2] not in environments:
    sys.exit("not understood: " + " ".join(words))
os.chdir({directory!r})
os.execvpe(words[3], words[3:], environments[words[2]])
"""


class Native:
    """`dotenv` is the `.env`; everything is kept below `directory`."""

    def __init__(self, directory: Path, dotenv: Mapping[str, str]) -> None:
        self.directory = directory
        self.composed: Composed = read(dotenv=dotenv)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        ours = [service.name for service in self.composed.ours]
        self._ports = {name: free_port() for name in ours}
        self.started: list[str] = []
        for volume in {volume for name in ours for volume in self.composed.services[name].mounts.values()}:
            (directory / "volumes" / volume).mkdir(parents=True)
        (directory / "manage.py").symlink_to(ROOT / "manage.py")

    def client(self, name: str) -> Installation:
        """To ask a web server with."""
        return Installation(self.directory, port=self._ports[name])

    def here(self, service: Service, text: str) -> str:
        """A word of the file with this machine's paths and ports in it."""
        for mount, volume in service.mounts.items():
            if text == mount or text.startswith(f"{mount}/"):
                return str(self.directory / "volumes" / volume) + text.removeprefix(mount)
        for port, name in {**PAGES, "8001": service.name}.items():
            text = re.sub(rf"(?<!\d){port}(?!\d)", str(self._ports[name]), text)
        return text

    def environment(self, service: Service) -> dict[str, str]:
        kept = {"PATH": f"{BIN}:{os.environ['PATH']}", "LANG": "C.UTF-8", "HOME": str(self.directory)}
        return kept | {name: self.here(service, value) for name, value in service.environment.items()}

    def up(self) -> None:
        """Start everything as the file says: what a service waits for first, until it is healthy."""
        waiting = list(self.composed.ours)
        while waiting:
            ours = {service.name for service in self.composed.ours}
            ready = [s for s in waiting if set(s.waits_for) & ours <= set(self.started)]
            assert ready, f"these wait for each other: {waiting}"
            for service in ready:
                for name, condition in service.waits_for.items():
                    if name in ours:
                        self._await(name, condition)
                self.start(service.name)
                waiting.remove(service)
        for name in self.started:
            if name in self._processes:
                self._await(name, "service_healthy")

    def start(self, name: str) -> None:
        service = self.composed.services[name]
        command = [self.here(service, word) for word in service.command]
        with (self.directory / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command,
                cwd=self.directory,
                env=self.environment(service),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(name)

    def pid(self, name: str) -> int:
        return self._processes[name].pid

    def is_healthy(self, name: str) -> bool:
        """What the file's health check says now."""
        service = self.composed.services[name]
        kind, *command = (self.here(service, word) for word in service.health["test"])
        assert kind == "CMD"
        done = subprocess.run(
            command, cwd=self.directory, env=self.environment(service), capture_output=True, timeout=30, check=False
        )
        return done.returncode == 0

    def output(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text(errors="replace")

    def shell(self, script: str, *, cwd: Path | None = None) -> str:
        """What a shell prints for what a page tells people to paste, with the pages' ports put in. Fails where a command does."""
        bin_dir = self.directory / "bin"
        bin_dir.mkdir(exist_ok=True)
        environments = {service.name: self.environment(service) for service in self.composed.ours}
        shim = bin_dir / "docker"
        shim.write_text(
            SHIM.format(python=sys.executable, environments=environments, directory=str(self.directory)), "utf-8"
        )
        shim.chmod(0o755)
        for port, name in PAGES.items():
            script = script.replace(f"localhost:{port}", f"localhost:{self._ports[name]}")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=cwd or self.directory,
            env={"PATH": f"{bin_dir}:{BIN}:{os.environ['PATH']}", "HOME": str(self.directory), "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def exec(self, name: str, *words: str, variables: Mapping[str, str] | None = None) -> str:
        """`docker compose exec NAME WORDS`, with more variables as `--env` gives them."""
        given = " ".join(f"{key}={shlex.quote(value)}" for key, value in (variables or {}).items())
        return self.shell(f"docker compose exec {name} env {given} {shlex.join(words)}")

    def down(self) -> dict[str, int]:
        """SIGTERM to all, the last first; the exit codes of those that ran, by name. What is not gone in time is killed."""
        codes = {}
        running = [name for name in reversed(self.started) if self._processes[name].poll() is None]
        for name in running:
            self._processes[name].send_signal(signal.SIGTERM)
        for name in running:
            grace = int(self.composed.services[name].facts["stop_grace_period"].removesuffix("s"))
            try:
                codes[name] = self._processes[name].wait(grace)
            except subprocess.TimeoutExpired:
                for pid in [*descendants(self.pid(name)), self.pid(name)]:
                    kill(pid)
                codes[name] = self._processes[name].wait(10)
        return codes

    def _await(self, name: str, condition: str) -> None:
        process = self._processes[name]
        if condition == "service_completed_successfully":
            assert process.wait(HEALTHY_SECONDS) == 0, self.output(name)[-4000:]
            return
        if process.poll() == 0 and self.composed.services[name].health.get("disable"):
            return
        deadline = time.monotonic() + HEALTHY_SECONDS
        while not self.is_healthy(name):
            assert process.poll() is None, f"{name} ended with {process.returncode}\n{self.output(name)[-4000:]}"
            assert time.monotonic() < deadline, f"{name} is not healthy\n{self.output(name)[-4000:]}"
            time.sleep(0.2)
