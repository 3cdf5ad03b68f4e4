"""What a single field may hold: releases, environments, levels, tags, addresses. Values in, the value to keep out."""

import re
from functools import lru_cache
from ipaddress import ip_address as _parse_ip
from typing import Any

from mini_sentry.protocol.limits import DEFAULT

LEVELS = frozenset({"fatal", "error", "warning", "info", "debug"})

_LEVEL_WORDS = {
    **{level: level for level in LEVELS},
    "log": "info",
    "warn": "warning",
    "notice": "info",
    "trace": "debug",
    "critical": "fatal",
    "emergency": "fatal",
    "alert": "fatal",
    "panic": "fatal",
    "err": "error",
}
_LEVEL_NUMBERS = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "fatal"}

CLOSED_TAGS = frozenset({"release", "dist", "user", "filename", "function", "environment"})
"""Keys that name a field of the event: a client's tag of that name is not kept as a tag."""

_TAG_KEY = re.compile(rf"[A-Za-z0-9_.:-]{{1,{DEFAULT.tag_key_chars}}}").fullmatch
_RELEASE_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f/\\]").search
_DIST = re.compile(r"[A-Za-z0-9_.-]+").fullmatch
_ENVIRONMENT_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f/]").search


@lru_cache(maxsize=4096)
def release(text: str) -> str:
    """The release's version, or "" when it cannot be one: blank, too long, a path, `.`, `..`, `latest`."""
    text = text.strip()
    if len(text) > DEFAULT.release_chars or text.lower() in ("", ".", "..", "latest") or _RELEASE_FORBIDDEN(text):
        return ""
    return text


@lru_cache(maxsize=1024)
def dist(text: str) -> str:
    """The build's name, or "" when it cannot be one."""
    text = text.strip()
    return text if len(text) <= DEFAULT.dist_chars and _DIST(text) else ""


@lru_cache(maxsize=1024)
def environment(text: str) -> str:
    """The environment's name, or "" when it cannot be one."""
    text = text.strip()
    if len(text) > DEFAULT.environment_chars or text.lower() == "none" or _ENVIRONMENT_FORBIDDEN(text):
        return ""
    return text


def level(value: str | int | float) -> str:
    """One of LEVELS for a word or for one of Python's logging numbers (also as text), or "" for anything else."""
    if isinstance(value, str):
        word = value.strip().lower()
        found = _LEVEL_WORDS.get(word)
        if found is not None:
            return found
        value = int(word) if word.isascii() and word.isdigit() and len(word) < 4 else 0
    return _LEVEL_NUMBERS.get(int(value) // 10 * 10, "") if 0 <= value < 60 else ""


@lru_cache(maxsize=4096)
def is_tag_key(key: str) -> bool:
    return _TAG_KEY(key) is not None


def tag_value(text: str) -> str:
    """One line without white space around it, cut to the limit."""
    text = text.strip()
    if len(text) > DEFAULT.tag_value_chars:
        text = text[: DEFAULT.tag_value_chars]
    return text if text.isprintable() else " ".join(text.split())


def plain(value: Any) -> str | None:
    """A JSON scalar as text (`true`, `5`, `1.5`), or None for null, lists and objects."""
    if isinstance(value, str):
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int | float):
        try:
            return str(value)
        except ValueError:  # an integer of thousands of digits
            return None
    return None


@lru_cache(maxsize=4096)
def ip_address(text: str) -> str:
    """The address in its shortest usual form, or "" when it is none."""
    try:
        return str(_parse_ip(text.strip()))
    except ValueError:
        return ""


def cut(text: str, chars: int) -> str:
    """`text`, or its beginning with an ellipsis when it has more than `chars` characters."""
    return text if len(text) <= chars else text[: chars - 1] + "…"
