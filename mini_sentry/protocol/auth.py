"""Who sends: the public key, wherever a client has put it.

Clients use the `X-Sentry-Auth` header, `Authorization` with the same syntax or as Basic, or the query string; the first
of these that names a key counts. A key in the path is the route's business, and the DSN in an envelope's header
(`envelope.Envelope.dsn`) is the last resort of tunnels and offline caches.

Spec: https://develop.sentry.dev/sdk/foundations/transport/authentication/
"""

import binascii
import re
from functools import lru_cache
from urllib.parse import unquote_plus

import msgspec

MAX_HEADER_BYTES = 4096
MAX_KEY_CHARS = 128

_PAIR_KEY = re.compile(rb"(?:^|[\s,])sentry_key\s*=\s*\"?([^\s,\"]+)", re.IGNORECASE)
_PAIR_CLIENT = re.compile(rb"(?:^|[\s,])sentry_client\s*=\s*\"?([^\s,\"]+)", re.IGNORECASE)
_QUERY_KEY = re.compile(rb"(?:^|&)sentry_key=([^&]+)")
_QUERY_CLIENT = re.compile(rb"(?:^|&)sentry_client=([^&]+)")


class Credentials(msgspec.Struct, frozen=True, gc=False):
    """`client` is what the SDK calls itself (`sentry.python/2.75.0`), or "". The key is as sent: whether it exists is for others."""

    public_key: str
    client: str = ""


@lru_cache(maxsize=4096)
def credentials(auth: bytes | None, authorization: bytes | None, query_string: bytes) -> Credentials | None:
    """Read the key from the raw `X-Sentry-Auth` and `Authorization` headers (None when absent) and the raw query string.

    None when there is no key in any of them. An SDK sends the same bytes each time, so the answer is kept.
    """
    for header in (auth, authorization):
        if header and len(header) <= MAX_HEADER_BYTES and (found := _from_header(header)):
            return found
    if b"sentry_key=" in query_string[:MAX_HEADER_BYTES]:
        key = _QUERY_KEY.search(query_string, 0, MAX_HEADER_BYTES)
        client = _QUERY_CLIENT.search(query_string, 0, MAX_HEADER_BYTES)
        if key:
            return _credentials(_unquote(key[1]), _unquote(client[1]) if client else "")
    return None


def _from_header(header: bytes) -> Credentials | None:
    scheme, _, rest = header.strip().partition(b" ")
    scheme = scheme.lower()
    if scheme == b"basic":
        try:
            key, _, _ = binascii.a2b_base64(rest.strip()).partition(b":")
        except binascii.Error:
            return None
        return _credentials(key.decode("latin-1").strip(), "")
    if scheme == b"bearer":
        return None
    key_pair = _PAIR_KEY.search(header)
    if key_pair is None:
        return None
    client = _PAIR_CLIENT.search(header)
    return _credentials(key_pair[1].decode("latin-1"), client[1].decode("latin-1") if client else "")


def _credentials(key: str, client: str) -> Credentials | None:
    if not key or len(key) > MAX_KEY_CHARS:
        return None
    return Credentials(key, client[:MAX_KEY_CHARS])


def _unquote(value: bytes) -> str:
    return unquote_plus(value.decode("latin-1"))
