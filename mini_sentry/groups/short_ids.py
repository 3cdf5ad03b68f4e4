"""The short id of a group: `WEB-1F3`, the project's slug and the group's number within it.

Digits are Crockford's base 32 (no I, L, O or U), so that one can be read out loud. Reading takes either case, and the
letters that are left out for the digits they look like.
"""

import re
from typing import Final

_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES: Final = {digit: value for value, digit in enumerate(_DIGITS)} | {"I": 1, "L": 1, "O": 0}
_SHORT_ID = re.compile(r"([A-Za-z0-9_-]{1,50})-([0-9A-Za-z]{1,12})")


def short_id(slug: str, number: int) -> str:
    return f"{slug.upper()}-{_encode(number)}"


def parse(text: str) -> tuple[str, int] | None:
    """The slug (in the case it was written in) and the number; None when the text is no short id."""
    match = _SHORT_ID.fullmatch(text.strip())
    if match is None:
        return None
    number = _decode(match[2])
    return None if number is None else (match[1], number)


def _encode(number: int) -> str:
    digits = ""
    while True:
        number, digit = divmod(number, 32)
        digits = _DIGITS[digit] + digits
        if number == 0:
            return digits


def _decode(text: str) -> int | None:
    number = 0
    for digit in text.upper():
        value = _VALUES.get(digit)
        if value is None:
            return None
        number = number * 32 + value
    return number
