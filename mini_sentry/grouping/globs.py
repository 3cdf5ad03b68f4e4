"""Globs of rules against fields of frames and events, many at once and in time linear in the text.

`*` is any text, `?` one character. In a path `*` and `?` stop at `/`, `**` does not; case does not matter, `\\` is `/`,
and a pattern that does not start with `/` may begin after any `/`.
"""

import re
from collections.abc import Sequence

import re2

_STATE_BYTES = 32 << 20


def _body(glob: str, *, is_path: bool) -> str:
    if not is_path:
        return "".join(".*" if part == "*" else "." if part == "?" else _literal(part) for part in _split(glob))
    parts = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(parts.get(part) or _literal(part) for part in _split(glob.replace("\\", "/")))


def _split(glob: str) -> list[str]:
    return [part for part in re.split(r"(\*+|\?)", glob) if part] if "*" in glob or "?" in glob else [glob]


def _literal(text: str) -> str:
    return re2.escape(text) if text else ""


class GlobSet:
    """Some globs over one field; `matches` gives the indexes of those that match a text."""

    def __init__(self, globs: Sequence[str], *, is_path: bool = False) -> None:
        self._is_path = is_path
        self._set = None
        if not globs:
            return
        options = re2.Options()
        options.max_mem = _STATE_BYTES
        options.log_errors = False
        self._set = re2.Set.FullMatchSet(options)
        for glob in globs:
            self._set.Add(_expression(glob, is_path=is_path))
        self._set.Compile()

    def matches(self, text: str) -> list[int]:
        if self._set is None:
            return []
        if self._is_path:
            text = text.replace("\\", "/")
            if not text.startswith("/"):
                text = "/" + text
        found: list[int] | None = self._set.Match(text.encode("utf-8", "replace"))
        return found or []


def _expression(glob: str, *, is_path: bool) -> str:
    collapsed = re.sub(r"\*{3,}", "**", glob) if is_path else re.sub(r"\*+", "*", glob)
    if not is_path:
        return f"(?s:{_body(collapsed, is_path=False)})"
    anchored = collapsed.replace("\\", "/").startswith("/")
    return f"(?si:{'' if anchored else '(?:.*/)?'}{_body(collapsed, is_path=True)})"


def matches(glob: str, text: str, *, is_path: bool = False) -> bool:
    """Whether one glob matches one text."""
    return bool(GlobSet([glob], is_path=is_path).matches(text))
