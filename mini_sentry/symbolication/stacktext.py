"""A stack trace as text → frames: what browsers, Node and Python print.

Reads the formats of V8 (Chrome, Edge, Node), of SpiderMonkey and JavaScriptCore (Firefox, Safari), bare `file:line:column`
lines, and Python tracebacks. Lines that are no frame (the message, carets, notes) are passed over.
"""

import re
from collections.abc import Callable

from mini_sentry.protocol.event import Frame
from mini_sentry.protocol.limits import DEFAULT

ANONYMOUS = "<anon>"

MAX_CHARS = 256 * 1024
_MAX_LINE_CHARS = 2048

_PLACE = re.compile(r"(?P<file>.+?):(?P<line>\d{1,9})(?::(?P<column>\d{1,9}))?").fullmatch
_FILE = re.compile(r"(?:[A-Za-z]:\\|[\w.+-]{2,20}://)?[^\s]*[A-Za-z/][^\s]*").fullmatch
_EVAL_ORIGIN = re.compile(r"\((?P<place>[^()]*:\d{1,9}:\d{1,9})\)")
_GECKO_EVAL = re.compile(r"(?P<file>.+?) line (?P<line>\d{1,9}) > .*").fullmatch
_ALIAS = re.compile(r" \[as [^\]]{1,200}\]$")
_PYTHON = re.compile(r'\s*File "(?P<file>[^"]+)", line (?P<line>\d{1,9})(?:, in (?P<function>.+?))?\s*$').fullmatch
_PYTHON_START = "Traceback (most recent call last)"
_NATIVE = frozenset({"native", "[native code]", "native code", "<anonymous>", "index 0"})


def parse(text: str) -> list[Frame]:
    """The frames in `text`, caller first and the one that raised last; [] when it is no stack trace. At most 250: the ends stay.

    A function without a name is `<anon>`. Lines and columns are 1-based, as printed. Of a chain of Python tracebacks the last
    one counts, of a JavaScript error with causes the first.
    """
    lines = text[:MAX_CHARS].splitlines()
    frames = _python(lines) if 'File "' in text[:MAX_CHARS] else []
    if not frames:
        frames = _javascript(lines)
        frames.reverse()
    if len(frames) > DEFAULT.frames:
        half = DEFAULT.frames // 2
        frames = frames[:half] + frames[-half:]
    return frames


def _python(lines: list[str]) -> list[Frame]:
    frames: list[Frame] = []
    was_frame = False
    for line in lines:
        if line.lstrip(" |+-").startswith(_PYTHON_START):
            frames = []
            was_frame = False
            continue
        match = _PYTHON(line.lstrip(" |")) if len(line) <= _MAX_LINE_CHARS else None
        if match:
            path, function = match["file"], match["function"]
            frames.append(
                Frame(
                    filename=path[: DEFAULT.frame_path_chars],
                    abs_path=path[: DEFAULT.frame_path_chars],
                    function=function[: DEFAULT.frame_name_chars] if function else ANONYMOUS,
                    lineno=_number(match["line"]),
                )
            )
            was_frame = True
        elif was_frame:
            # The source line, indented deeper than `File`, comes directly below.
            if line.startswith("    ") and line.strip() and not line.strip(" ^~|"):
                continue
            if line.startswith("    ") and line.strip():
                frames[-1].context_line = line.strip()[: DEFAULT.context_line_chars]
            was_frame = False
    return frames


def _javascript(lines: list[str]) -> list[Frame]:
    """Frames as printed: the one that threw first."""
    frames: list[Frame] = []
    for line in lines:
        if len(line) > _MAX_LINE_CHARS:
            continue
        if (frames and line.lstrip().startswith("Caused by:")) or line.lstrip().startswith("[cause]:"):
            break
        for read in _READERS:
            frame = read(line)
            if frame is not None:
                frames.append(frame)
                break
    return frames


def _v8(line: str) -> Frame | None:
    """`at fn (file:1:2)`, `at async fn (…)`, `at file:1:2`, `at eval (eval at fn (file:1:2), <anonymous>:1:1)`."""
    text = line.strip()
    if not text.startswith("at "):
        return None
    text = text[3:].strip()
    function: str | None = None
    place = text
    if text.endswith(")"):
        function, bracket, place = text[:-1].partition(" (")
        if not bracket:
            return None
    if place.startswith("eval at "):
        # The eval's own position says nothing; the place that called it does.
        origin = _EVAL_ORIGIN.search(place)
        if origin is None:
            return None
        place = origin["place"]
    return _frame(function, place)


def _gecko(line: str) -> Frame | None:
    """`fn@file:1:2`, `@file:1:2`, `fn@file:1`, `async*fn@file:1:2`, `Foo.prototype.bar/<@file:1:2`, `map@[native code]`."""
    function, sign, place = line.strip().partition("@")
    if not sign or "://" in function:
        return None
    evaluated = _GECKO_EVAL(place)
    if evaluated is not None:
        place = f"{evaluated['file']}:{evaluated['line']}"
    return _frame(function.rpartition("*")[2].rstrip("/<") or ANONYMOUS, place)


def _bare(line: str) -> Frame | None:
    """`file:1:2`, maybe in brackets."""
    place = line.strip().removeprefix("(").removesuffix(")")
    position = _PLACE(place)
    if position is None or position["column"] is None or not _FILE(position["file"]):
        return None
    return _frame(None, place)


_READERS: tuple[Callable[[str], Frame | None], ...] = (_v8, _gecko, _bare)


def _frame(function: str | None, place: str) -> Frame | None:
    """`place` is `file:line[:column]`, or the engine's own code."""
    name = _ALIAS.sub("", (function or "").strip())
    name = name.removeprefix("async ")
    if name in ("", "<anonymous>", "anonymous", "Anonymous function", "?"):
        name = ANONYMOUS
    position = _PLACE(place)
    if position is None:
        if place not in _NATIVE or not function:
            return None
        return Frame(filename=place, function=name[: DEFAULT.frame_name_chars], in_app=False)
    path = position["file"][: DEFAULT.frame_path_chars]
    column = position["column"]
    return Frame(
        filename=path,
        abs_path=path,
        function=name[: DEFAULT.frame_name_chars],
        lineno=_number(position["line"]),
        colno=_number(column) if column else None,
    )


def _number(digits: str) -> int:
    return int(digits)
