"""Event ids and trace ids: 32 lower-case hex digits, however a client writes them."""

import re

_HEX_32 = re.compile(r"[0-9a-f]{32}").fullmatch
_UUID = re.compile(r"[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}").fullmatch


def normalise(text: str) -> str:
    """`text` with hyphens or braces taken out and in lower case; "" when it is no such id or all zeros."""
    if _HEX_32(text) is None:
        stripped = text.strip().strip("{}")
        if _UUID(stripped) is None:
            return ""
        text = stripped.replace("-", "").lower()
    return "" if text == "0" * 32 else text
