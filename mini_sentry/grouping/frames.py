"""What one frame contributes to a hash: its module or file, its function, its line of code. Never a line number."""

import re
from typing import NamedTuple

import msgspec

from mini_sentry.protocol.event import Frame

from . import functions
from .platforms import JAVA, JAVASCRIPT, NATIVE, WITH_CONTEXT_LINES
from .tokens import token

CONTEXT_LINE_CHARACTERS = 120
MINIFIED_FUNCTION_CHARACTERS = 2

_LETTERS = {"module": "m", "filename": "p", "function": "f", "context-line": "l"}

_URL = re.compile(r"(?:https?|blob|applewebdata):", re.IGNORECASE)
_NOT_A_FILE = re.compile(r"<.*>$|\[native code\]$", re.DOTALL)
_NO_SOURCE = frozenset({"<anonymous>", "[native code]", "native code", "eval code"})
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,5}(?:[?#].*)?$")
_QUERY = re.compile(r"[?#].*$", re.DOTALL)

# Java names classes at run time: lambdas, accessors, proxies. What follows the marker changes from run to run.
_JAVA_LAMBDA = re.compile(r"\$\$Lambda(?:\$|/|$)|\$\$ExternalSyntheticLambda|\$Lambda\$")
_JAVA_GENERATED = [
    (re.compile(r"(Generated(?:Method|Constructor|SerializationConstructor)Accessor)\d+"), r"\1"),
    (re.compile(r"(\$\$(?:EnhancerBy|FastClassBy)[A-Za-z]*)\$\$[0-9a-fA-F]+"), r"\1"),
    (re.compile(r"(\$\$[A-Za-z]*CGLIB)\$\$[0-9a-fA-F]+"), r"\1"),
    (re.compile(r"(\$HibernateProxy)\$\w+"), r"\1"),
    (re.compile(r"(_\$\$_(?:javassist|jvst)\w*?)_?[0-9a-fA-F]*_\d+$"), r"\1"),
    (re.compile(r"(\$\$?Proxy)\d+"), r"\1"),
    (re.compile(r"(fn__)\d+"), r"\1"),
]


class Part(NamedTuple):
    """One string of a frame. `why_not` says why it does not contribute; empty when it does."""

    kind: str
    value: str
    why_not: str


class FrameStrings(msgspec.Struct, gc=False, frozen=True):
    """A frame as grouping sees it.

    `encoded` is what it adds to a hash, empty when that is nothing, and `why_nothing` then says why. `is_bare`: it has
    no function and its file is a URL, as inline scripts have. `is_minified`: nothing but a short name out of a bundle
    without source map, different in every build.
    """

    parts: tuple[Part, ...]
    encoded: bytes
    why_nothing: str
    function: str
    is_bare: bool
    is_minified: bool


def strings_of(frame: Frame, *, platform: str) -> FrameStrings:
    """Read what a frame contributes. `platform` is the event's; a frame that names its own goes by that."""
    platform = frame.platform or platform
    path = frame.abs_path or frame.filename or ""
    is_javascript = platform in JAVASCRIPT
    is_url = _URL.match(path) is not None
    function = functions.clean(frame.function, frame.raw_function, platform=platform)

    parts: list[Part] = []
    if platform not in NATIVE:
        parts.append(_module_or_file(frame, path, platform=platform, is_url=is_url))
    context_line = _context_line(frame, platform=platform, hides=is_javascript and is_url and not function)
    # A source map gives the code of a browser's frame; the names around it are a guess of the minifier's.
    is_mapped = platform == "javascript" and context_line is not None and not context_line.why_not
    parts.append(_function(frame, function, is_mapped=is_mapped))
    if context_line is not None:
        parts.append(context_line)
    parts = [part for part in parts if part.value or part.why_not]

    why_nothing = ""
    if is_javascript and function == "eval":
        why_nothing = "eval is no code of its own"
    elif is_javascript and path in _NO_SOURCE:
        why_nothing = "it has no source"
    encoded = (
        b"" if why_nothing else b"".join(token(_LETTERS[part.kind], part.value) for part in parts if not part.why_not)
    )
    if not encoded and not why_nothing:
        why_nothing = "it names neither module, file, function nor code"
    return FrameStrings(
        parts=tuple(parts),
        encoded=b"F" + encoded + b"." if encoded else b"",
        why_nothing=why_nothing,
        function=function,
        is_bare=is_javascript and is_url and not function,
        is_minified=(
            is_javascript and is_url and not frame.context_line and len(function) <= MINIFIED_FUNCTION_CHARACTERS
        ),
    )


def _module_or_file(frame: Frame, path: str, *, platform: str, is_url: bool) -> Part:
    why_not = ""
    if module := (frame.module or "").strip():
        if platform in JAVASCRIPT:
            if "/" in module and _EXTENSION.sub("", path).endswith(module):
                why_not = "the module is only the path"
        elif platform in JAVA:
            if _JAVA_LAMBDA.search(module):
                why_not = "the class of a lambda is made at run time"
            else:
                for pattern, replacement in _JAVA_GENERATED:
                    module = pattern.sub(replacement, module)
        elif platform == "php":
            module = functions.clean(module, None, platform=platform)
        if not why_not:
            return Part("module", module, "")
    filename = (frame.filename or frame.abs_path or "").strip()
    if platform in JAVASCRIPT:
        filename = filename if is_url else _QUERY.sub("", filename)
    name = filename.replace("\\", "/").rsplit("/", 1)[-1].lower()
    if not name:
        return Part("module", module, why_not)
    if is_url or _URL.match(filename):
        return Part("filename", name, "the file is a URL, whose name may change with each build")
    if _NOT_A_FILE.match(filename) or _NOT_A_FILE.match(name):
        return Part("filename", name, "it is no file")
    return Part("filename", name, "")


def _function(frame: Frame, function: str, *, is_mapped: bool) -> Part:
    if not function:
        sent = frame.function or frame.raw_function or ""
        return Part("function", sent, "it names no function" if sent else "")
    return Part("function", function, "names are unreliable where a source map gave the code" if is_mapped else "")


def _context_line(frame: Frame, *, platform: str, hides: bool) -> Part | None:
    if not frame.context_line or platform not in WITH_CONTEXT_LINES:
        return None
    line = " ".join(frame.context_line.split())
    if not line:
        return None
    if len(line) > CONTEXT_LINE_CHARACTERS:
        return Part("context-line", line[:CONTEXT_LINE_CHARACTERS] + "…", "it is too long to be written by hand")
    return Part("context-line", line, "a line of a page without function" if hides else "")
