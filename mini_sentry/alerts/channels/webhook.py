"""Webhooks: a signed POST of JSON to an address that a person gave, on one connection, within ten seconds in all.

The receiver is not trusted: redirects are not followed, its answer's body is not read, its name is resolved once and the
connection goes to the address that was checked. The whole exchange has one deadline, however slowly bytes drip.
"""

import hashlib
import hmac
import ipaddress
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from http.client import HTTPConnection, HTTPException
from typing import Final
from urllib.parse import quote, unquote

import msgspec
from django.conf import settings

import mini_sentry
from mini_sentry.alerts.addresses import TargetInvalid, webhook
from mini_sentry.alerts.channels.base import Message, SendFailed

CONNECT_SECONDS: Final = 3.0
WHOLE_SECONDS: Final = 10.0
PASSING_CODES: Final = frozenset({408, 421, 425, 429})
"""Codes below 500 that say: not now."""


class Webhook:
    """`whole_seconds` bounds one exchange from the connection to the answer's first line and headers."""

    def __init__(self, *, connect_seconds: float = CONNECT_SECONDS, whole_seconds: float = WHOLE_SECONDS) -> None:
        self._connect_seconds = connect_seconds
        self._whole_seconds = whole_seconds

    def send(self, target: str, message: Message) -> int:
        try:
            parts = webhook(target)
        except TargetInvalid as error:
            raise SendFailed(str(error), is_permanent=True) from error
        host = (parts.hostname or "").encode("idna").decode()
        is_tls = parts.scheme == "https"
        port = parts.port or (443 if is_tls else 80)
        body = payload(message)
        default_port = parts.port is None
        shown_host = f"[{host}]" if ":" in host else host
        headers = {
            "Host": shown_host if default_port else f"{shown_host}:{port}",
            "Content-Type": "application/json",
            "User-Agent": f"mini-sentry/{mini_sentry.__version__}",
            "X-Mini-Sentry-Delivery": message.uid,
            "X-Mini-Sentry-Attempt": str(message.attempt),
            "X-Mini-Sentry-Signature": f"sha256={signature(message.secret, body)}",
            "Connection": "close",
        }
        if parts.username is not None:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers["Authorization"] = f"Basic {b64encode(login.encode()).decode()}"
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~") + (
            f"?{quote(parts.query, safe='/%:@!$&()*+,;=~?')}" if parts.query else ""
        )
        status = self._exchange(host, port, path, body, headers, is_tls=is_tls)
        if 200 <= status < 300:
            return status
        if 300 <= status < 400:
            raise SendFailed(
                "It answered with a redirect, which is not followed.", status_code=status, is_permanent=True
            )
        is_permanent = status < 500 and status not in PASSING_CODES
        raise SendFailed(f"It answered {status}.", status_code=status, is_permanent=is_permanent)

    def _exchange(self, host: str, port: int, path: str, body: bytes, headers: dict[str, str], *, is_tls: bool) -> int:
        deadline = time.monotonic() + self._whole_seconds
        try:
            with self._connected(host, port) as raw, _closing_at(raw, deadline) as is_late:
                try:
                    return _post(raw, host, path, body, headers, is_tls=is_tls)
                except (OSError, HTTPException, ValueError) as error:
                    if is_late() or isinstance(error, TimeoutError):
                        raise SendFailed(
                            f"It did not answer within {self._whole_seconds:g} s.", is_unreachable=True
                        ) from error
                    raise SendFailed(
                        f"The exchange failed: {error or type(error).__name__}", is_unreachable=True
                    ) from error
        except OSError as error:
            raise SendFailed(f"It cannot be reached: {error}", is_unreachable=True) from error

    @contextmanager
    def _connected(self, host: str, port: int) -> Iterator[socket.socket]:
        """A connection to the first of the host's addresses that may be used and answers. Raises OSError, SendFailed."""
        refused: list[str] = []
        last: OSError | None = None
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[:4]:
            if not may_reach(str(address[0]), refuse_private=settings.WEBHOOK_REFUSE_PRIVATE_ADDRESSES):
                refused.append(str(address[0]))
                continue
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(self._connect_seconds)
                connection.connect(address)
                connection.settimeout(self._whole_seconds)
            except OSError as error:
                connection.close()
                last = error
                continue
            with connection:
                yield connection
            return
        if last is None:
            raise SendFailed(f"Its address {', '.join(refused)} may not be reached.", is_permanent=True)
        raise last


def _post(raw: socket.socket, host: str, path: str, body: bytes, headers: dict[str, str], *, is_tls: bool) -> int:
    connection = HTTPConnection(host)
    connection.sock = raw
    if is_tls:
        # Shaken hands with only now: the deadline closes `raw`, which the wrapped socket shares.
        connection.sock = _tls().wrap_socket(raw.dup(), server_hostname=host)
    try:
        connection.request("POST", path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


@contextmanager
def _closing_at(raw: socket.socket, deadline: float) -> Iterator[Callable[[], bool]]:
    """Cut the connection off at `deadline` (monotonic), whoever reads or writes it; the function says whether it was."""
    is_late = threading.Event()

    def close() -> None:
        is_late.set()
        with suppress(OSError):
            raw.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, deadline - time.monotonic()), close)
    timer.daemon = True
    timer.start()
    try:
        yield is_late.is_set
    finally:
        timer.cancel()


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def may_reach(address: str, *, refuse_private: bool) -> bool:
    """Whether a webhook may go to an IP address. Link-local ones (where clouds keep their machines' credentials),
    multicast and the unspecified one never; loopback and private networks unless they are refused."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    if found.is_link_local or found.is_multicast or found.is_unspecified:
        return False
    return found.is_global or not refuse_private


def payload(message: Message) -> bytes:
    """The body: the facts, the seven keys of the contract among them, the rendered texts, and what names the delivery."""
    return msgspec.json.encode(
        {
            **message.facts,
            "subject": message.subject,
            "text": message.text,
            "delivery": message.uid,
            "is_test": message.is_test,
            "sent_at": int(time.time()),
        }
    )


def signature(secret: str, body: bytes) -> str:
    """HMAC-SHA256 of the body, in hex."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
