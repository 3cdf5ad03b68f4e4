"""The search language: a text → a tree of terms. What a term means for groups and events is `matching`'s.

    is:unresolved level:error,fatal !env:staging release:4.8.* events:>100 age:-24h
    browser:Firefox tags[flag]:on (TypeError OR "out of memory") "a phrase" Time*out

Parts stand beside each other (all must match) or with OR between them; parentheses group; `!` negates what follows.
`key:a,b` matches either value, `*` any run of characters. A key that is no field is a tag. Words without a key are
looked for in the title, type, message, place and short id, ignoring case. Pure: no database, no clock.
"""

import difflib
import re
from collections.abc import Callable, Collection, Iterator
from typing import Final, NamedTuple

MAX_CHARS: Final = 1024
MAX_TERMS: Final = 40
MAX_DEPTH: Final = 10


class SearchInvalid(Exception):
    """A word that cannot be understood: where it stands (characters from 0), and the nearest one that can, or ""."""

    def __init__(self, reason: str, *, word: str, position: int, nearest: str = "") -> None:
        hint = f" Did you mean {nearest}?" if nearest else ""
        super().__init__(f"{word!r} at character {position + 1}: {reason}{hint}")
        self.word = word
        self.position = position
        self.nearest = nearest


class Value(NamedTuple):
    """`is_pattern` when `text` has an asterisk that was not quoted."""

    text: str
    is_pattern: bool


class Term(NamedTuple):
    """`key:value[,value…]`: any of the values. `key` is one of FIELDS, or a tag's name when `is_tag`."""

    key: str
    values: tuple[Value, ...]
    is_tag: bool
    word: str
    position: int

    def refuse(self, reason: str, *, nearest: str = "") -> SearchInvalid:
        return SearchInvalid(reason, word=self.word, position=self.position, nearest=nearest)


class Word(NamedTuple):
    """Free text."""

    value: Value


class Not(NamedTuple):
    part: "Node"


class All(NamedTuple):
    parts: tuple["Node", ...]


class Either(NamedTuple):
    parts: tuple["Node", ...]


Node = Term | Word | Not | All | Either

_NOTHING: Final = All(())

FIELDS: Final = frozenset(
    {"is", "level", "env", "release", "first", "assigned", "user", "platform", "type", "id", "age", "seen", "events"}
)
SYNONYMS: Final = {"environment": "env", "assignee": "assigned", "firstseen": "age", "lastseen": "seen"}

_NAMES: Final = sorted(FIELDS | SYNONYMS.keys())
_KEY = re.compile(r"(?:tags\[([^\]\s]{1,200})\]|([A-Za-z][A-Za-z0-9_.-]*)):(?![:/\\])")
_TOKEN = re.compile(r"\s*(?:([()])|(!)|(OR(?=[\s()]|$))|)")
_PLAIN = re.compile(r'[^\s()"]+')
_PLAIN_VALUE = re.compile(r'[^\s()",]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


def parse(text: str) -> All:
    """Raises SearchInvalid. A text without words gives an `All` without parts, which matches everything."""
    if len(text) > MAX_CHARS:
        raise SearchInvalid(f"a search has at most {MAX_CHARS} characters.", word=text[:20], position=MAX_CHARS)
    return _Reader(text).read()


def terms(node: Node) -> Iterator[Term]:
    """Every term of the tree, in order."""
    match node:
        case Term():
            yield node
        case Not(part):
            yield from terms(part)
        case All(parts) | Either(parts):
            for part in parts:
                yield from terms(part)


def nearest_of(word: str, known: Collection[str]) -> str:
    """The known word that was probably meant, or ""."""
    close = difflib.get_close_matches(word.lower(), known, n=1)
    return close[0] if close else ""


class _Reader:
    """One pass from left to right over one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._terms = 0

    def read(self) -> All:
        node = self._either()
        if self._next() == ")":
            raise SearchInvalid("this closes nothing.", word=")", position=self._at)
        return node if isinstance(node, All) else All((node,))

    def _next(self) -> str:
        """The sign ahead: `(`, `)`, `!`, `OR`, `end`, or `word` for anything else. Skips blanks."""
        token = _TOKEN.match(self._text, self._at)
        assert token is not None  # noqa: S101 - the pattern matches nothing as well
        self._at = token.end() - len(token[1] or token[2] or token[3] or "")
        if self._at >= len(self._text):
            return "end"
        return token[1] or token[2] or token[3] or "word"

    def _either(self) -> Node:
        parts = [self._all()]
        while self._next() == "OR":
            start = self._at
            self._at += 2
            if parts[-1] == _NOTHING or self._next() in ("end", ")", "OR"):
                raise SearchInvalid("OR stands between two parts.", word="OR", position=start)
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _all(self) -> Node:
        parts: list[Node] = []
        while self._next() not in ("end", ")", "OR"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _one(self) -> Node:
        match self._next():
            case "!":
                start = self._at
                self._at += 1
                if (
                    self._at < len(self._text)
                    and not self._text[self._at].isspace()
                    and self._next() not in ("end", ")", "OR")
                ):
                    return Not(self._deeper(self._one, start))
                raise SearchInvalid("something to negate must follow.", word="!", position=start)
            case "(":
                start = self._at
                self._at += 1
                node = self._deeper(self._either, start)
                if self._next() != ")":
                    raise SearchInvalid("this is not closed.", word="(", position=start)
                if node == _NOTHING:
                    raise SearchInvalid("something must stand in the parentheses.", word="(", position=start)
                self._at += 1
                return node
            case _:
                return self._word()

    def _deeper(self, read: Callable[[], Node], start: int) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise SearchInvalid(f"at most {MAX_DEPTH} levels nest.", word=self._text[start], position=start)
        node = read()
        self._depth -= 1
        return node

    def _word(self) -> Node:
        self._terms += 1
        start = self._at
        if self._terms > MAX_TERMS:
            raise SearchInvalid(
                f"a search has at most {MAX_TERMS} parts.", word=self._text[start : start + 20], position=start
            )
        if key := _KEY.match(self._text, start):
            after = self._text[key.end() : key.end() + 1]
            if after and not after.isspace() and after not in "()":
                self._at = key.end()
                values = self._values(start)
                return self._term(key[1], key[2], values, start)
            if key[1] or _field(key[2]):
                raise SearchInvalid("a value must follow the colon.", word=key[0], position=start)
        value = self._value(_PLAIN)
        return Word(value)

    def _term(self, tag: str | None, name: str, values: tuple[Value, ...], start: int) -> Term:
        word = self._text[start : self._at]
        if tag is not None:
            return Term(tag, values, True, word, start)
        if field := _field(name):
            return Term(field, values, False, word, start)
        if nearest := _misspelt(name):
            raise SearchInvalid(
                f"there is no key {name!r}; for a tag of that name write tags[{name}].",
                word=word,
                position=start,
                nearest=f"{nearest}:",
            )
        return Term(name, values, True, word, start)

    def _values(self, start: int) -> tuple[Value, ...]:
        values = [self._value(_PLAIN_VALUE)]
        while self._text[self._at : self._at + 1] == ",":
            self._at += 1
            after = self._text[self._at : self._at + 1]
            if not after or after.isspace() or after in "(),":
                raise SearchInvalid("a value must follow the comma.", word=self._text[start : self._at], position=start)
            values.append(self._value(_PLAIN_VALUE))
        return tuple(values)

    def _value(self, plain: re.Pattern[str]) -> Value:
        start = self._at
        if quoted := _QUOTED.match(self._text, start):
            self._at = quoted.end()
            return Value(re.sub(r"\\(.)", r"\1", quoted[1]), False)
        bare = plain.match(self._text, start)
        if bare is None:
            sign = self._text[start : start + 20]
            reason = "this quote is not closed." if sign.startswith('"') else "a value must stand here."
            raise SearchInvalid(reason, word=sign, position=start)
        self._at = bare.end()
        return Value(bare[0], "*" in bare[0])


def _field(name: str) -> str:
    """The field a key means, or ""."""
    lowered = name.lower()
    lowered = SYNONYMS.get(lowered, lowered)
    return lowered if lowered in FIELDS else ""


def _misspelt(name: str) -> str:
    """The long field name that a key misses by one slip, or "". Short ones are too near to names that tags have (`page`)."""
    lowered = name.lower()
    return next((known for known in _NAMES if len(known) > 4 and _is_one_slip(lowered, known)), "")


def _is_one_slip(one: str, other: str) -> bool:
    """Whether a letter was left out, added, replaced or swapped with the next one."""
    if len(one) > len(other):
        one, other = other, one
    if len(other) - len(one) > 1:
        return False
    start = next((index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    if len(one) < len(other):
        return one[start:] == other[start + 1 :]
    rest, wanted = one[start:], other[start:]
    return rest[1:] == wanted[1:] or (rest[:2] == wanted[1::-1] and rest[2:] == wanted[2:])
