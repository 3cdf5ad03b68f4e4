"""What an orchestrator and Prometheus ask a process: `/health/live`, `/health/ready` and `/metrics`.

The web process answers on its own port; the others on one of their own, `MINI_SENTRY_HEALTH_PORT`. Live means that the
process need not be started anew; ready, that it does its work now. Metrics are for this machine, or for whoever has
`METRICS_TOKEN`.
"""

import hmac
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

import msgspec

from mini_sentry.config.metrics import CONTENT_TYPE, Sample, render

PATHS: Final = frozenset({"/health/live", "/health/ready", "/metrics"})
JSON: Final = "application/json"
LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
FORWARDING: Final = ("x-forwarded-for", "x-real-ip", "forwarded", "via")

logger = logging.getLogger(__name__)


class Vitals(msgspec.Struct, frozen=True):
    """What a process tells of itself. The functions are called in any thread and take no time.

    `missing` names what it waits for, by part; empty when it is ready.
    """

    role: str
    is_live: Callable[[], bool]
    missing: Callable[[], dict[str, str]]
    samples: Callable[[], Iterable[Sample]]
    token: str = ""


class Answer(NamedTuple):
    status: int
    content_type: str
    body: bytes


def answer(path: str, peer: str, headers: Mapping[str, str], vitals: Vitals) -> Answer:
    """To a GET of one of PATHS. `peer` is the asker's address, the names in `headers` are in lower case."""
    match path:
        case "/health/live":
            is_live = vitals.is_live()
            return _told(200 if is_live else 503, role=vitals.role, live=is_live)
        case "/health/ready":
            missing = vitals.missing()
            return _told(503 if missing else 200, role=vitals.role, ready=not missing, missing=missing)
    if not may_read(peer, headers, vitals.token):
        wanted = (
            "Send METRICS_TOKEN as a bearer token." if vitals.token else "Ask from this machine, or set METRICS_TOKEN."
        )
        return _told(403, detail=f"Metrics are not for everybody. {wanted}")
    return Answer(200, CONTENT_TYPE, render(vitals.samples()))


def may_read(peer: str, headers: Mapping[str, str], token: str) -> bool:
    """Whoever has the token, and this machine; but no page in a browser here, and nobody behind a proxy here."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if token and scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode()):
        return True
    if any(name in headers for name in FORWARDING):
        return False
    name = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
    try:
        address = ip_address(peer)
        address = getattr(address, "ipv4_mapped", None) or address
        return address.is_loopback and name.lower() in LOOPBACK_NAMES
    except ValueError:
        return False


def _told(status: int, **facts: Any) -> Answer:
    return Answer(status, JSON, json.dumps(facts).encode() + b"\n")


class ProbeServer:
    """Answers on a port of its own, in threads of its own, until it is stopped."""

    def __init__(self, host: str, port: int, vitals: Vitals) -> None:
        """Raises OSError when the port cannot be had."""

        class Handler(BaseHTTPRequestHandler):
            timeout = 5

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                headers = {name.lower(): value for name, value in self.headers.items()}
                try:
                    told = (
                        answer(path, str(self.client_address[0]), headers, vitals)
                        if path in PATHS
                        else _told(404, detail="Not found.")
                    )
                except Exception:
                    logger.exception("%s could not be answered", path)
                    told = _told(500, detail="This could not be told.")
                self.send_response(told.status)
                self.send_header("Content-Type", told.content_type)
                self.send_header("Content-Length", str(len(told.body)))
                self.end_headers()
                self.wfile.write(told.body)

            def log_message(self, *args: Any) -> None:
                """Probes come every few seconds."""

        class Server(ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
            daemon_threads = True

        self._server = Server((host.strip("[]"), port), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="probes", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
