"""A minified frame → the frame as it was written: source, position, function, lines around it; or why not.

Frames come and go in the order caller to callee. Columns come in 1-based, as browsers print them; `orig_column` goes out 0-based, as
maps count.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple

import msgspec

from mini_sentry.symbolication import paths
from mini_sentry.symbolication.lookup import Code, Find, Found, Why
from mini_sentry.symbolication.maps import Maps, NotUsable, Position, SourceMap

CONTEXT_LINES: Final = 5
LINE_CHARS: Final = 200
_DECLARATION_LINES: Final = 150

_NOT_A_FILE = re.compile(r"^$|^<.*>$|^\[?native code\]?$|^native$|^node:|^(?:chrome|moz|safari-web)-extension:")
_SHORT_OWNER = re.compile(r"^[\w$]{1,2}\.(?=[\w$])")
# Patterns are made once and tell the names they find: to make one for each name costs more than all the rest.
_CALL = re.compile(r"([A-Za-z_$][\w$]*)\s*(?:\?\.)?\s*(?:<[^<>()]*>)?\s*[(`]")
_DECLARATION = re.compile(
    r"\bfunction\b\s*\*?\s*([\w$]+)"
    r"|(?:\b(?:const|let|var)\s+|[\s,{.])([\w$]+)\s*[:=](?!=)"
    r"|^\s*(?:(?:public|private|protected|static|async|override|get|set)\s+)*\*?([\w$]+)\s*(?:<[^>]*>)?\([^;]*$"
)


class Place(NamedTuple):
    """A frame's place in a script, as sent. `path` is its URL or path; line and column are 1-based; `function` may be empty."""

    path: str
    line: int | None
    column: int | None
    function: str


class Readable(msgspec.Struct, omit_defaults=True, gc=False):
    """A frame with what is known of it. `orig_file` is empty while it is not mapped; `why` then says what stands in the way.

    `file`, `line` and `column` are as sent; `raw_function` is, where `function` was replaced. `orig_line` is 1-based, `orig_column` 0-based.
    `map` is the name of the artifact that it was mapped with, `checksum` its content; with `source_id` it leads to the lines around
    (`around`), which an event does not carry along.
    """

    function: str = ""
    file: str = ""
    line: int | None = None
    column: int | None = None
    orig_file: str = ""
    orig_line: int | None = None
    orig_column: int | None = None
    raw_function: str = ""
    module: str = ""
    in_app: bool | None = None
    context_line: str | None = None
    map: str = ""
    checksum: str = ""
    source_id: int = -1
    why: Why | None = None


class _Mapped(msgspec.Struct, gc=False):
    """What one position of one map always gives. `called` is the name of what is called there, or ""."""

    position: Position
    module: str
    in_app: bool
    text: str | None
    function: str
    called: str


ENGINE: Final = Why(
    Code.NOT_A_SCRIPT, "The frame is in no file that could be uploaded, but in the engine or an extension."
)


def is_script(path: str) -> bool:
    """Whether a frame's path can be of an uploaded file, rather than of the engine or an extension."""
    return _NOT_A_FILE.match(path) is None


def symbolicate(
    places: Sequence[Place], *, find: Find, maps: Maps, debug_ids: dict[str, str] | None = None
) -> list[Readable]:
    """One for each place, in order. `debug_ids` are by a script's path."""
    known = debug_ids or {}
    scripts: dict[str, _Script] = {}
    out: list[Readable] = []
    called = ""
    for at in places:
        frame = Readable(function=at.function, file=at.path, line=at.line, column=at.column)
        out.append(frame)
        if not is_script(at.path):
            frame.why = ENGINE
            called = ""
            continue
        script = scripts.get(at.path)
        if script is None:
            script = scripts[at.path] = _script(at.path, find=find, maps=maps, debug_id=known.get(at.path, ""))
        mapped = _map(at, frame, script, maps)
        name = _better_name(at.function, mapped, script, called)
        called = mapped.called if mapped is not None else ""
        if name and name != at.function:
            frame.function, frame.raw_function = name, at.function
    return out


class _Script(NamedTuple):
    """What is known of one script for all frames in it: its map or why there is none, and names of functions."""

    found: Found | None
    source_map: SourceMap | None
    why: Why | None
    names: dict[str, str]


def _script(path: str, *, find: Find, maps: Maps, debug_id: str) -> _Script:
    names: dict[str, str] = {}
    for checksum in reversed(find.function_maps(path)):
        with suppress(NotUsable):
            names |= maps.function_map(checksum).names
    found = find.source_map(path, debug_id)
    if isinstance(found, Why):
        return _Script(None, None, found, names)
    try:
        return _Script(found, maps.source_map(found.checksum), None, names)
    except NotUsable as error:
        return _Script(found, None, Why(Code.UNREADABLE, str(error), [found.name]), names)


def _map(at: Place, frame: Readable, script: _Script, maps: Maps) -> _Mapped | None:
    """Fill `frame` in, or say in it why not."""
    found, source_map = script.found, script.source_map
    if found is None or source_map is None:
        frame.why = script.why
        return None
    if at.line is None or at.column is None or at.line < 1:
        frame.why = Why(Code.NO_POSITION, "The frame has no line and column.")
        return None
    line, column = at.line - 1, max(at.column - 1, 0)
    mapped = maps.position(
        (found.checksum, found.bundle, line, column),
        lambda: _look(source_map, found, line=line, column=column, maps=maps),
    )
    if mapped is None:
        text = f"{found.name} has no source for line {at.line}, column {at.column}."
        frame.why = Why(Code.OUTSIDE, text, [found.name])
        return None
    position = mapped.position
    frame.map = found.name
    frame.orig_file, frame.orig_line, frame.orig_column = position.source, position.line + 1, position.column
    frame.module, frame.in_app = mapped.module, mapped.in_app
    frame.context_line, frame.checksum, frame.source_id = mapped.text, found.checksum, position.source_id
    return mapped


def _look(source_map: SourceMap, found: Found, *, line: int, column: int, maps: Maps) -> _Mapped | None:
    position = source_map.position(line, column)
    if position is None:
        return None
    lines = source_map.lines(position.source_id)
    text = lines[position.line] if lines is not None and position.line < len(lines) else None
    function = ""
    if found.bundle and (scopes := maps.scopes(found.bundle, found.checksum)) is not None:
        function = scopes.function(line, column)
    return _Mapped(
        position=position,
        module=paths.module(position.source),
        in_app=not (position.source_id in source_map.ignored or paths.is_vendored(position.source)),
        text=None if text is None else _cut(text, position.column),
        function=function,
        called=position.name if text is None or _is_called(position.name, text) else "",
    )


def around(maps: Maps, *, checksum: str, source_id: int, line: int) -> tuple[list[str], list[str]]:
    """The source's lines before and after `line` (1-based), CONTEXT_LINES of each; none where the map or its text is gone."""

    def look() -> tuple[list[str], list[str]]:
        try:
            lines = maps.source_map(checksum).lines(source_id) if checksum else None
        except NotUsable:
            lines = None
        if lines is None or not 1 <= line <= len(lines):
            return [], []
        before = lines[max(0, line - 1 - CONTEXT_LINES) : line - 1]
        return [_cut(text, 0) for text in before], [_cut(text, 0) for text in lines[line : line + CONTEXT_LINES]]

    return maps.position((checksum, source_id, line), look)


def _better_name(function: str, mapped: _Mapped | None, script: _Script, called: str) -> str:
    """A better name for the function than the minified one, or "". `called` is what the caller's source calls there."""
    if script.names and (name := script.names.get(function) or script.names.get(function.rpartition(".")[2])):
        return name
    if mapped is None:
        return ""
    if mapped.function:
        return mapped.function
    if called and script.source_map is not None and _is_declared(called, mapped, script.source_map):
        return called
    # A member keeps its name; what it is a member of is a minified variable.
    return _SHORT_OWNER.sub("", function)


def _is_called(name: str, line: str) -> bool:
    return bool(name) and name in line and any(found[1] == name for found in _CALL.finditer(line))


def _is_declared(name: str, mapped: _Mapped, source_map: SourceMap) -> bool:
    """Whether the source declares a function of this name above the place: the caller may know it by another name."""
    lines = source_map.lines(mapped.position.source_id)
    if lines is None:
        return True
    last = mapped.position.line
    return any(
        name in found.groups()
        for text in lines[max(0, last - _DECLARATION_LINES) : last + 1]
        if name in text
        for found in _DECLARATION.finditer(text)
    )


def _cut(text: str, column: int) -> str:
    """A line of code, of which a very long one is cut to what is around the column."""
    if len(text) <= LINE_CHARS:
        return text
    start = max(0, min(column - LINE_CHARS // 2, len(text) - LINE_CHARS))
    return f"{'…' if start else ''}{text[start : start + LINE_CHARS]}{'…' if start + LINE_CHARS < len(text) else ''}"
