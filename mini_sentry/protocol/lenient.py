"""JSON as clients really write it, read for whatever sense it makes.

Accepts NaN and Infinity (null), raw control characters, invalid UTF-8 and lone surrogates (replaced), NUL (replaced),
numbers of any size (text beyond what fits), duplicate keys (the last counts) and any depth (cut). The result can always be
written as strict JSON.
"""

import json
import math
import re
from typing import Any

from mini_sentry.protocol.errors import PayloadInvalid
from mini_sentry.protocol.limits import DEFAULT

REPLACEMENT = "�"

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)
_INT_64 = 2**63


def parse(payload: bytes, *, depth: int = DEFAULT.depth) -> tuple[dict[str, Any], bool]:
    """The object in `payload`, and whether anything was cut because it was nested deeper than `depth`.

    Raises PayloadInvalid when there is no JSON, or no object.
    """
    text = payload.decode("utf-8", "replace").lstrip("\ufeff")
    try:
        try:
            tree = _decode(text)
        except RecursionError:
            tree = _decode(_shallow(text, depth + 1))
    except (ValueError, RecursionError) as error:
        raise PayloadInvalid(f"the payload is no JSON: {error}") from error
    if not isinstance(tree, dict):
        raise PayloadInvalid("the payload is no JSON object")
    was_cut = False

    def strict(value: Any, room: int) -> Any:
        nonlocal was_cut
        if isinstance(value, str):
            return text_of(value)
        if isinstance(value, dict):
            if room <= 0:
                was_cut = True
                return None
            return {text_of(key): strict(part, room - 1) for key, part in value.items()}
        if isinstance(value, list):
            if room <= 0:
                was_cut = True
                return None
            return [strict(part, room - 1) for part in value]
        return value

    return strict(tree, depth), was_cut


def text_of(text: str) -> str:
    """`text` without NUL and lone surrogates, each replaced by U+FFFD."""
    if text.isascii():
        return text.replace("\0", REPLACEMENT) if "\0" in text else text
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\0", REPLACEMENT)


def _integer(digits: str) -> int | float | str | None:
    if len(digits) < 20:
        value = int(digits)
        if -_INT_64 <= value < 2 * _INT_64:
            return value
    return digits if len(digits) <= 400 else digits[:400]


def _float(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


_decoder = json.JSONDecoder(strict=False, parse_int=_integer, parse_float=_float, parse_constant=lambda _: None)


def _decode(text: str) -> Any:
    return _decoder.decode(text.strip())


def _shallow(text: str, depth: int) -> str:
    """`text` with every list or object that is nested deeper than `depth` replaced by null."""
    pieces: list[str] = []
    level = 0
    kept_to = 0
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in "[{":
            level += 1
            if level == depth + 1:
                pieces.append(text[kept_to : token.start()])
                pieces.append("null")
        elif sign in "]}":
            if level == depth + 1:
                kept_to = token.end()
            level -= 1
    if level <= depth:
        pieces.append(text[kept_to:])
    return "".join(pieces)
