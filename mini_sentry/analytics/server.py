"""Where a ClickHouse server is and how to speak to it, read from one url; and whether it answers at all.

`http(s)://user:password@host:port/database?ca_cert=/path/ca.pem&verify=0`: the port is 8123, or 8443 behind https; the
user `default`; `ca_cert` names the authority that signed the server's certificate, `verify=0` believes any certificate.
"""

import http.client
import re
import ssl
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

DATABASE: Final = "sentry"

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OFF: Final = frozenset({"0", "false", "no", "off"})


class Server(msgspec.Struct, frozen=True):
    """The parts of the url. `ca_cert` is a file, empty for the system's authorities."""

    scheme: str
    host: str
    port: int
    user: str
    password: str
    database: str
    ca_cert: str = ""
    verify: bool = True

    @property
    def is_local(self) -> bool:
        return self.host in {"127.0.0.1", "localhost", "::1"}


def parse(url: str, *, database: str = DATABASE) -> Server:
    """`database` is the one to use when the url names none. Raises ValueError with what is wrong, never with the url itself,
    because it holds a password."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        raise ValueError("it must begin with http:// or https://")
    if not parts.hostname:
        raise ValueError("it names no host")
    try:
        port = parts.port
    except ValueError as error:
        raise ValueError("its port is no number up to 65535") from error
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    ca_cert, verify = options.pop("ca_cert", ""), options.pop("verify", "1")
    if options:
        raise ValueError(f"it may have ca_cert and verify behind the question mark, and not {', '.join(options)}")
    named = unquote(parts.path.strip("/")) or database
    if not _NAME.fullmatch(named):
        raise ValueError("its database must be of letters, digits and underscores, and not begin with a digit")
    return Server(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or (8443 if parts.scheme == "https" else 8123),
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        database=named,
        ca_cert=ca_cert,
        verify=verify.lower() not in _OFF,
    )


def without_password(url: str) -> str:
    """The url as it may be shown: what stands before the @ is left out."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def answers(server: Server, *, timeout_seconds: float) -> None:
    """Ask the server for a sign of life. Raises OSError or HTTPException when none comes in that time.

    It says nothing about rights or tables; a server that is stopped, hung or unreachable does not do even this.
    """
    connection: http.client.HTTPConnection
    if server.scheme == "https":
        context = ssl.create_default_context(cafile=server.ca_cert or None)
        if not server.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(server.host, server.port, timeout=timeout_seconds, context=context)
    else:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=timeout_seconds)
    try:
        connection.request("GET", "/ping")
        reply = connection.getresponse()
        reply.read()
        if reply.status >= 500:
            raise ConnectionError(f"the server answered {reply.status} to a ping")
    finally:
        connection.close()
