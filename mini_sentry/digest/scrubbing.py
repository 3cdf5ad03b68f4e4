"""Secrets out of a payload before anything of it is stored: passwords, tokens, cookies, card numbers.

Works on the JSON text itself, in one pass: a linear-time pattern (RE2) finds the few places worth a look, and Python judges
each. What is sensitive by its key loses the whole value; inside longer text only the secret part goes. Each is replaced by
`[Filtered]`; null, true, false and empty values say nothing and stay. The text stays as valid as it was, and scrubbing it
twice changes nothing more.

Spec: https://develop.sentry.dev/sdk/expected-features/data-handling/
"""

import re
from functools import lru_cache

import re2

FILTERED = b"[Filtered]"
_FILTERED_STRING = b'"[Filtered]"'

# Words that begin the judgement of a key. `Key` below decides; this only has to miss nothing.
_WORDS = (
    rb"pass(?:word|wd|code|phrase)|pwd|secret|api[_-]?key|access[_-]?key|private[_-]?key|auth|credential|token|card"
    rb"|session|sessid|[cx]srf|cookie|cv[vc]|cc[_-]?num"
)
# A key ends at the quote of a JSON key, of a repr or of JSON within a string, or at an equals sign.
_KEY_END = rb"""[\w.\[\]-]{0,40}(?:\\*"\s*:|\\+"\s*,|'\s*[:,]|=)"""
_CANDIDATE = re2.compile(
    rb"(?i)(?:" + _WORDS + rb")" + _KEY_END
    # ["Authorization", "…"]: maps that are sent as pairs.
    + rb"""|\[\s*"[\w-]{0,40}(?:""" + _WORDS + rb""")[\w-]{0,40}"\s*,"""
    + rb"|bearer\s+[\w.~+/=-]{6,}|basic\s+[\w+/=-]{6,}"
    + rb"""|://[^\s/@:"'\\<>]{0,100}:[^\s/@"'\\<>]{1,200}@"""
    + rb"|[2-6][0-9]{12,18}|[2-6][0-9]{3}[ -][0-9]{4,6}[ -][0-9]{4,5}(?:[ -][0-9]{1,4})?"
)  # fmt: skip

_HARD = re.compile(
    r"passw(?:or)?d|passcode|passphrase|secret|apikey|accesskey|privatekey|credential|mysqlpwd|[cx]srf"
    r"|cardnumber|creditcard|ccnum|authorization|stripetoken"
)
_SOFT_WORDS = frozenset(
    {"auth", "oauth", "authtoken", "token", "tokens", "cookie", "cookies", "pwd", "bearer", "cvv", "cvc"}
)
_SOFT_ENDS = ("session", "sessionid", "sessionkey", "sessid", "token")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_KEY_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.[]$-")

_SPACE = re.compile(rb"\s*")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NUMBER = re.compile(rb"-?[0-9][0-9.eE+-]*")
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{\]}]', re.DOTALL)
_VERSION = re.compile(rb'"v?[0-9]+(?:\.[0-9A-Za-z+_-]{1,12}){1,5}"')

# Inside a JSON string: whole escape pairs are stepped over, so that no cut falls into one.
_SINGLE_QUOTED = re.compile(rb"""(?:[^'"\\]|\\\\(?:\\.|[^"\\])|\\[^\\])*""", re.DOTALL)
_BARE = re.compile(rb"""(?:(?i:bearer|basic) +)?[^\s,;&}\])"'\\<>({\[=]+""")
_QUERY_VALUE = re.compile(rb"""(?:(?i:bearer|basic) +)?[^\s&;,"'\\()<>]+""")
_BRACKETS = re.compile(rb"""[^"\\()\[\]{}]+|\\.|[()\[\]{}]""", re.DOTALL)
_NOTHING_SECRET = frozenset({b"none", b"null", b"true", b"false", b"undefined", b"nil"})

_Cut = tuple[int, int, bytes]
"""From, to (byte offsets) and what to put there."""


def scrub(payload: bytes) -> bytes:
    """`payload` (JSON text, or anything else, which is then searched as one text) without secrets.

    The very same object when there was nothing to remove.
    """
    pieces: list[bytes] = []
    kept_to = 0
    strings = _Strings(payload)
    candidates = _CANDIDATE.finditer(payload)
    while (match := next(candidates, None)) is not None:
        start, end = match.span()
        if start < kept_to:
            if end > kept_to:
                candidates = _CANDIDATE.finditer(payload, kept_to)  # it may hide another that begins behind the cut
            continue
        cut = _judge(payload, start, end, strings)
        if cut is not None and cut[0] >= kept_to:
            pieces.append(payload[kept_to : cut[0]])
            pieces.append(cut[2])
            kept_to = cut[1]
    if not pieces:
        return payload
    pieces.append(payload[kept_to:])
    return b"".join(pieces)


def _judge(payload: bytes, start: int, end: int, strings: "_Strings") -> _Cut | None:
    """What to cut, if anything, at the candidate `payload[start:end]`."""
    first, last = payload[start], payload[end - 1]
    if last == _COLON and first != _BRACKET and (quote := payload.rfind(b'"', start, end)) > 0:
        if payload[quote - 1] == _BACKSLASH and _backslashes_before(payload, quote) % 2:
            return _embedded(payload, start, end, quote)
        opening = payload.rfind(b'"', max(0, start - 100), start)
        key = payload[opening + 1 : quote]
        return _value(payload, end, key) if opening >= 0 and is_sensitive(key) else None
    if first == _COLON:
        return start + 3, end - 1, FILTERED
    if first == _BRACKET:
        return _pair(payload, start, end)
    if first < _COLON:
        return _card(payload, start, end, strings)
    word = payload[start : start + 7].lower()
    if word.startswith((b"bearer", b"basic")) and word.strip(b"abcdefghijklmnopqrstuvwxyz"):
        return _credentials(payload, start, end)
    if last == _EQUALS:
        return _assignment(payload, start, end)
    quote = payload.rfind(b'"', start, end)
    return _single_quoted(payload, start, end) if quote < 0 else _embedded(payload, start, end, quote)


_COLON, _COMMA, _EQUALS, _BRACKET, _BACKSLASH = b":,=[\\"


@lru_cache(maxsize=4096)
def is_sensitive(key: bytes) -> bool:
    """Whether a value under `key` is taken to be a secret: by the words in it, in camel, snake or any other case."""
    return _is_hard(key) or _is_soft(key)


def _is_hard(key: bytes) -> bool:
    """Whether `key` has a word that is never anything else than a secret's name."""
    return _HARD.search(_letters(key.decode("utf-8", "replace"))) is not None


def _is_soft(key: bytes) -> bool:
    """Whether `key` has a word that names secrets and other things."""
    text = key.decode("utf-8", "replace")
    words = {word.lower() for word in _WORD.findall(text)}
    return not words.isdisjoint(_SOFT_WORDS) or _letters(text).endswith(_SOFT_ENDS)


def _letters(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


def _value(payload: bytes, position: int, key: bytes) -> _Cut | None:
    """The JSON value that begins at or after `position`."""
    start = _skip_space(payload, position)
    sign = payload[start : start + 1]
    if sign == b'"':
        string = _STRING.match(payload, start)
        if string is None or string.end() - start == 2 or string[0] == _FILTERED_STRING:
            return None
        if string.end() - start < 40 and _VERSION.fullmatch(string[0]) and not _is_hard(key):
            return None  # "google-auth": "2.3.1" among the modules
        return start, string.end(), _FILTERED_STRING
    if sign in (b"{", b"["):
        if payload.startswith(b'{"":', start):
            return None  # an annotation in `_meta`, which mirrors the payload's keys
        end = _end_of_nested(payload, start)
        return (start, end, _FILTERED_STRING) if end - start > 2 and payload[start + 1 : end - 1].strip() else None
    number = _NUMBER.match(payload, start)
    if number is None or key.lower().endswith(b"tokens"):
        return None
    return start, number.end(), _FILTERED_STRING


def _pair(payload: bytes, start: int, end: int) -> _Cut | None:
    """`["Authorization", "…"]`; longer lists are lists of words."""
    opening = payload.index(b'"', start, end)
    key = payload[opening + 1 : payload.rindex(b'"', start, end)]
    if not is_sensitive(key):
        return None
    value = _STRING.match(payload, _skip_space(payload, end))
    if value is None or value[0] in (b'""', _FILTERED_STRING):
        return None
    after = _skip_space(payload, value.end())
    return (value.start(), value.end(), _FILTERED_STRING) if payload[after : after + 1] == b"]" else None


def _embedded(payload: bytes, start: int, end: int, quote: int) -> _Cut | None:
    r"""`\"password\": \"…\"`: JSON within a JSON string, at any depth."""
    backslashes = _backslashes_before(payload, quote)
    mark = payload[quote - backslashes : quote + 1]
    opening = payload.rfind(mark, max(0, start - 100), start)
    key = payload[opening + len(mark) : quote - backslashes]
    if (
        opening < 0
        or not is_sensitive(key)
        or (payload[end - 1] == _COMMA and payload[opening - 1 : opening] not in b"[(")
    ):
        return None
    value = _skip_space(payload, end)
    if not payload.startswith(mark, value):
        return _bare(payload, value)
    inner = value + len(mark)
    return _unless_empty(payload, inner, _end_of_embedded(payload, inner, backslashes))


def _end_of_embedded(payload: bytes, start: int, backslashes: int) -> int:
    """Where the text ends that began at `start` after a quote with so many backslashes; `start` when nothing ends it.

    A quote with an even number of them ends the JSON string around it all; one with more than `backslashes` is part of the text.
    """
    quote = payload.find(b'"', start)
    while quote >= 0:
        count = _backslashes_before(payload, quote, start)
        if count % 2 == 0:
            return quote
        if count <= backslashes:
            return quote - count
        quote = payload.find(b'"', quote + 1)
    return start


def _single_quoted(payload: bytes, start: int, end: int) -> _Cut | None:
    """`'password': '…'`: the repr of a map, or `('Cookie', '…')` of pairs, in a string."""
    quote = payload.rindex(b"'", start, end)
    opening = payload.rfind(b"'", max(0, start - 100), start)
    key = payload[opening + 1 : quote]
    if (
        opening < 0
        or not is_sensitive(key)
        or (payload[end - 1] == _COMMA and payload[opening - 1 : opening] not in b"[(")
    ):
        return None
    return _quoted_or_bare(payload, _skip_space(payload, end))


def _quoted_or_bare(payload: bytes, position: int) -> _Cut | None:
    """A value in a string: repr text (maybe with the b or u of Python before it), escaped JSON text, or a bare word."""
    if payload[position : position + 2] in (b"b'", b"u'"):
        position += 1
    if payload[position : position + 1] == b"'":
        inner = _SINGLE_QUOTED.match(payload, position + 1)
        return _unless_empty(payload, position + 1, inner.end()) if inner else None
    if payload.startswith(b'\\"', position):
        return _unless_empty(payload, position + 2, _end_of_embedded(payload, position + 2, 1))
    return _bare(payload, position)


def _bare(payload: bytes, position: int) -> _Cut | None:
    """A number or name without quotes, or everything in a pair of brackets."""
    if payload[position : position + 1] in (b"{", b"[", b"("):
        depth = 0
        end = position
        for token in _BRACKETS.finditer(payload, position):
            if token.start() != end:
                break  # the end of the JSON string
            end = token.end()
            depth += token[0] in (b"{", b"[", b"(")
            depth -= token[0] in (b"}", b"]", b")")
            if depth == 0:
                break
        return _unless_empty(payload, position, end) if end - position > 2 else None
    word = _BARE.match(payload, position)
    if word is None or word[0].lower() in _NOTHING_SECRET:
        return None
    return _unless_empty(payload, word.start(), word.end())


def _assignment(payload: bytes, start: int, end: int) -> _Cut | None:
    """`?token=…&`, `PASSWORD=… `, `api_key="…"`. Call arguments such as `f(token=token)` are left, being code."""
    opening = start
    while opening > 0 and start - opening < 100 and payload[opening - 1] in _KEY_BYTES:
        opening -= 1
    if opening > 0 and payload[opening - 1] == _BACKSLASH:
        opening += 1  # the letter of an escape such as \n
    if not is_sensitive(payload[opening : end - 1]):
        return None
    if payload[end : end + 1] == b"'" or payload.startswith(b'\\"', end):
        return _quoted_or_bare(payload, end)
    value = _QUERY_VALUE.match(payload, end)
    if (
        value is None
        or value[0].lower() in _NOTHING_SECRET
        or payload[value.end() : value.end() + 1] in (b",", b"(", b")")
    ):
        return None
    return _unless_empty(payload, value.start(), value.end())


def _credentials(payload: bytes, start: int, end: int) -> _Cut | None:
    """`Bearer …` and `Basic …`. Words of a sentence are short and have no digits and no capitals inside."""
    secret = payload[start:end].split()[-1]
    if len(secret) < 20 and secret[1:].islower() and not any(character in b"0123456789=" for character in secret):
        return None
    return end - len(secret), end, FILTERED


def _card(payload: bytes, start: int, end: int, strings: "_Strings") -> _Cut | None:
    """A card number that passes its own check, unless it is part of a longer word or number."""
    before, after = payload[start - 1 : start] if start else b"", payload[end : end + 1]
    if before.isalnum() or before in (b"_", b"-", b".") or after.isalnum() or after in (b"_", b"-"):
        return None
    if after == b"." and payload[end + 1 : end + 2].isdigit():
        return None
    text = payload[start:end]
    digits = bytes(character for character in text if 48 <= character <= 57)
    if len(digits) not in _card_lengths(digits) or not _passes_luhn(digits):
        return None
    if len(digits) == len(text) and not strings.contain(start):
        return start, start + len(text), _FILTERED_STRING
    return start, start + len(text), FILTERED


def _card_lengths(digits: bytes) -> tuple[int, ...]:
    match digits[:1]:
        case b"4":
            return (13, 16, 19)
        case b"5":
            return (16,)
        case b"2":
            return (16,) if b"2221" <= digits[:4] <= b"2720" else ()
        case b"3":
            return (15,) if digits[1:2] in b"47" else (14,) if digits[1:2] in b"068" else (16,)
        case _:
            return (16, 17, 18, 19)


def _passes_luhn(digits: bytes) -> bool:
    total = 0
    for index, character in enumerate(reversed(digits)):
        digit = character - 48
        if index % 2:
            digit = digit * 2 - 9 if digit > 4 else digit * 2
        total += digit
    return total % 10 == 0


class _Strings:
    """Which positions lie in a JSON string. Asked in ascending order, so that the quotes are counted once."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._counted_to = 0
        self._is_inside = False

    def contain(self, position: int) -> bool:
        while (quote := self._payload.find(b'"', self._counted_to, position)) >= 0:
            if not self._is_inside or _backslashes_before(self._payload, quote, self._counted_to) % 2 == 0:
                self._is_inside = not self._is_inside
            self._counted_to = quote + 1
        return self._is_inside


def _unless_empty(payload: bytes, start: int, end: int) -> _Cut | None:
    return (start, end, FILTERED) if end > start and payload[start:end] != FILTERED else None


def _skip_space(payload: bytes, position: int) -> int:
    space = _SPACE.match(payload, position)
    return space.end() if space else position


def _backslashes_before(payload: bytes, position: int, least: int = 0) -> int:
    """How many backslashes stand directly before `position`, not looking before `least`."""
    start = position
    while start > least and payload[start - 1] == _BACKSLASH:
        start -= 1
    return position - start


def _end_of_nested(payload: bytes, start: int) -> int:
    """Where the object or list that opens at `start` ends; the end of everything when nothing closes it."""
    depth = 0
    for token in _TOKEN.finditer(payload, start):
        sign = token[0]
        if sign in (b"{", b"["):
            depth += 1
        elif sign in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                return token.end()
    return len(payload)
