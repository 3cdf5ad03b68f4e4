"""The DSN: the address an SDK is given, as text and in parts.

`{scheme}://{public_key}[:{secret}]@{host}[:port][/{path prefix}]/{project_id}`; the secret is a relic that old SDKs still send.

Spec: https://develop.sentry.dev/sdk/foundations/transport/authentication/
"""

from functools import lru_cache
from urllib.parse import SplitResult, quote, unquote, urlsplit

import msgspec

from mini_sentry.protocol.errors import DsnInvalid

MAX_CHARS = 2048


class Dsn(msgspec.Struct, frozen=True, gc=False):
    """`port` is None for the scheme's own. `path` is the prefix before the project id: "" or "/errors", never with a final slash."""

    scheme: str
    public_key: str
    host: str
    project_id: str
    port: int | None = None
    path: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{quote(self.public_key, safe='')}@{self._netloc()}{self.path}/{self.project_id}"

    @property
    def base_url(self) -> str:
        """Where `/api/...` hangs below."""
        return f"{self.scheme}://{self._netloc()}{self.path}"

    def endpoint(self, name: str) -> str:
        """The URL to post to: `name` is `envelope`, `store` or `security`."""
        return f"{self.base_url}/api/{self.project_id}/{name}/"

    def _netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


@lru_cache(maxsize=1024)
def parse(text: str) -> Dsn:
    """Raises DsnInvalid when a part is missing or the text is no URL. The project id is not looked at beyond being there."""
    if len(text) > MAX_CHARS:
        raise DsnInvalid("the DSN is too long")
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as error:
        raise DsnInvalid(f"not a DSN: {error}") from error
    path, _, project_id = parts.path.rstrip("/").rpartition("/")
    if parts.scheme not in ("http", "https"):
        raise DsnInvalid("a DSN starts with http:// or https://")
    if not parts.username:
        raise DsnInvalid("the DSN has no public key")
    if not parts.hostname:
        raise DsnInvalid("the DSN has no host")
    if not project_id:
        raise DsnInvalid("the DSN has no project id")
    return Dsn(parts.scheme, unquote(parts.username), parts.hostname, project_id, port, path)


def build(base_url: str, *, public_key: str, project_id: int) -> Dsn:
    """The DSN of a project's key on a server whose public address is `base_url` (scheme, host, any port and path prefix)."""
    parts: SplitResult = urlsplit(base_url)
    return Dsn(parts.scheme, public_key, parts.hostname or "", str(project_id), parts.port, parts.path.rstrip("/"))
