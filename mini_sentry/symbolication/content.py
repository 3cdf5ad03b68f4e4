"""What an uploaded file is: a source map, a map of function names, or a minified script."""

import re
from typing import Any, Final, NamedTuple

import msgspec

from mini_sentry.protocol.payload import NOTHING
from mini_sentry.symbolication.maps import NotUsable, SourceMap, plain_json

SOURCE_MAP: Final = "source_map"
FUNCTION_MAP: Final = "function_map"
MINIFIED: Final = "minified"

_SCRIPT_NAME = re.compile(r"\.(?:js|mjs|cjs|jsx|bundle)(?:[?#].*)?$", re.IGNORECASE)
_SCRIPT_TYPE = re.compile(r"(?:text|application)/(?:x-)?(?:java|ecma)script\b", re.IGNORECASE)
_DEBUG_ID = re.compile(rb"//[#@] ?debugId=([0-9A-Fa-f-]{32,36})")
_REFERENCE = re.compile(rb"(?://|/\*)[#@] ?sourceMappingURL=([^\s*]+)")
_TAIL_BYTES: Final = 64 * 1024
_MOST_REFERENCE_CHARS: Final = 1024


class Content(NamedTuple):
    """`file_name` is the map's `file`, `debug_id` 36 characters in lower case, `refers_to` the map a script names; each may be empty."""

    kind: str
    file_name: str = ""
    debug_id: str = ""
    refers_to: str = ""


class _Head(msgspec.Struct):
    """The keys that tell what a JSON object is."""

    version: Any = None
    file: Any = None
    mappings: msgspec.Raw = NOTHING
    sections: msgspec.Raw = NOTHING
    function_map: Any = msgspec.UNSET
    debug_id: Any = None
    debugId: Any = None  # noqa: N815 - the key as maps have it


def recognise(content: bytes, *, name: str, content_type: str = "") -> Content:
    """Tell what `content` is, and read all of it once to be sure. Raises NotUsable with the reason."""
    may_be_script = _SCRIPT_TYPE.match(content_type) is not None or (
        _SCRIPT_NAME.search(name) is not None and "json" not in content_type
    )
    text = plain_json(content)
    if not text[:64].lstrip().startswith(b"{"):
        if may_be_script and text.strip():
            return _script(content)
        raise NotUsable("This is neither a source map nor a function map: it does not start with an object.")
    try:
        head = msgspec.json.decode(text, type=_Head)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        if may_be_script:
            return _script(content)
        raise NotUsable(f"This is not JSON: {error}") from error
    if head.function_map is not msgspec.UNSET:
        if not isinstance(head.function_map, dict) or not all(isinstance(v, str) for v in head.function_map.values()):
            raise NotUsable("function_map must be an object of texts.")
        return Content(FUNCTION_MAP, file_name=head.file[:1024] if isinstance(head.file, str) else "")
    if head.mappings is NOTHING and head.sections is NOTHING:
        raise NotUsable("This is no source map: it has neither mappings nor sections, nor is it a function_map.")
    if head.version not in (3, "3"):
        raise NotUsable(f"This is no source map of version 3, but of {str(head.version)[:20]}.")
    SourceMap(content)
    debug_id = head.debug_id or head.debugId
    return Content(
        SOURCE_MAP,
        file_name=head.file[:1024] if isinstance(head.file, str) else "",
        debug_id=normal_debug_id(debug_id) if isinstance(debug_id, str) else "",
    )


def normal_debug_id(text: str) -> str:
    """A debug id as 36 characters in lower case; "" for what is none."""
    digits = text.replace("-", "").lower()
    if not re.fullmatch(r"[0-9a-f]{32}", digits):
        return ""
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _script(content: bytes) -> Content:
    tail = content[-_TAIL_BYTES:]
    ids, references = _DEBUG_ID.findall(tail), _REFERENCE.findall(tail)
    reference = references[-1].decode("utf-8", "replace") if references else ""
    if reference.startswith("data:") or len(reference) > _MOST_REFERENCE_CHARS:
        reference = ""
    return Content(MINIFIED, debug_id=normal_debug_id(ids[-1].decode("ascii")) if ids else "", refers_to=reference)
