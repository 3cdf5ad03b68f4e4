"""Which paths are the edge's, and what each of them means."""

import re
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple


class Kind(Enum):
    ENVELOPE = "envelope"
    STORE = "store"
    SECURITY = "security"
    EVENT_BY_TOKEN = "event by token"  # noqa: S105
    EVENT_BY_SLUG = "event by slug"
    SESSION_BY_TOKEN = "session by token"  # noqa: S105
    UNKNOWN = "unknown"
    """Below a project's address, but nothing that is spoken here."""


class Route(NamedTuple):
    """`project_id` is what the path says, 0 when it says nothing; `name` is the token or slug in it, or ""."""

    kind: Kind
    project_id: int
    name: str


# `/api/0/` is what the CLIs speak, so 0 is no project.
_PROJECT: Final = re.compile(r"/api/(?!0+/)([0-9]{1,20})/(.+?)/?")
_REST: Final = re.compile(r"/api/(events|sessions)/ingest/(?:(token)/)?([^/]+)/?")
_ENDPOINTS: Final = {
    "envelope": Kind.ENVELOPE,
    "store": Kind.STORE,
    "security": Kind.SECURITY,
    "csp-report": Kind.SECURITY,
}


@lru_cache(maxsize=8192)
def route(path: str) -> Route | None:
    """What a path (decoded, without the prefix the server lives under) means, with or without its final slash.

    None when it is not the edge's.
    """
    if found := _PROJECT.fullmatch(path):
        return Route(_ENDPOINTS.get(found[2], Kind.UNKNOWN), int(found[1]), "")
    if path in ("/api/store/", "/api/store"):
        return Route(Kind.STORE, 0, "")
    if found := _REST.fullmatch(path):
        noun, by_token, name = found.groups()
        if noun == "events":
            return Route(Kind.EVENT_BY_TOKEN if by_token else Kind.EVENT_BY_SLUG, 0, name)
        if by_token:
            return Route(Kind.SESSION_BY_TOKEN, 0, name)
    return None


def handles(path: str) -> bool:
    """Whether the edge answers for this path, whatever the method: also with 404 and 405."""
    return route(path) is not None


def without_prefix(path: str, root_path: str) -> str:
    """`path` as it is below the prefix that the server lives under ("" for none)."""
    if root_path and path.startswith(root_path):
        return path[len(root_path) :]
    return path
