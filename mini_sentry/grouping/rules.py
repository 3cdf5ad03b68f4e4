"""Project rules as people write them: stack trace rules and fingerprint rules, one a line, `#` starts a comment.

    family:javascript path:vendor/** -app
    [ function:handle_panic ] | function:* ^-group
    error.type:TimeoutError tags.region:eu-* -> timeouts, "{{ tags.region }}" title="Timeout in {{ tags.region }}"

Matchers compare one field with a glob (`*`, `?`; in paths `**` crosses `/`), `!` negates, and all of a line must hold:
those about a frame on one frame, those about an error on one error.
"""

import re
from dataclasses import dataclass, field

RULES_AT_MOST = 1000
LINE_CHARACTERS = 2000


class RuleSyntaxError(ValueError):
    """A rule that cannot be read. `line` and `column` count from 1; `reason` is a sentence for the person who wrote it."""

    def __init__(self, reason: str, *, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {reason}")
        self.reason = reason
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition: `field` is a canonical name, `key` a tag's name with `tags`, `pattern` the glob as written."""

    field: str
    pattern: str
    is_negated: bool = False
    key: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """What a stack trace rule does.

    `name` is app, group (with `value` 1 or 0), category (`text`), max-frames or min-frames (`value`). `range` is "" for
    the frame alone, "^" for it and all towards the crash, "v" for it and all away from it.
    """

    name: str
    value: int = 0
    range: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class StackRule:
    """Matchers of a frame, of the frame that called it, of the frame it calls, and what follows. `text` as written."""

    text: str
    matchers: tuple[Matcher, ...]
    actions: tuple[Action, ...]
    caller: tuple[Matcher, ...] = ()
    callee: tuple[Matcher, ...] = ()


@dataclass(frozen=True, slots=True)
class FingerprintRule:
    """`fingerprint` and `title` may hold variables; an empty title leaves the event's own."""

    text: str
    matchers: tuple[Matcher, ...]
    fingerprint: tuple[str, ...]
    title: str = ""


_STACK_FIELDS = {
    "family": "family",
    "stack.abs_path": "path",
    "path": "path",
    "stack.module": "module",
    "module": "module",
    "stack.function": "function",
    "function": "function",
    "stack.package": "package",
    "package": "package",
    "app": "app",
    "in-app": "app",
    "category": "category",
    "error.type": "error.type",
    "type": "error.type",
    "error.value": "error.value",
    "value": "error.value",
    "error.mechanism": "error.mechanism",
    "mechanism": "error.mechanism",
}
_FINGERPRINT_FIELDS = {
    **{name: field for name, field in _STACK_FIELDS.items() if field not in ("category", "error.mechanism")},
    "message": "message",
    "logger": "logger",
    "level": "level",
    "sdk": "sdk",
    "release": "release",
}
FRAME_FIELDS = frozenset({"path", "module", "function", "package", "app", "category"})
ERROR_FIELDS = frozenset({"error.type", "error.value", "error.mechanism"})
_YES = {"1": "1", "yes": "1", "true": "1", "0": "0", "no": "0", "false": "0"}

_SPACE = re.compile(r"[ \t]*")
_NAME = re.compile(r"(!?)(tags\.[A-Za-z0-9_.:-]+?|[A-Za-z][A-Za-z_.-]*):")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_BARE = re.compile(r"[^\s\"]+")
_PART = re.compile(r"[^\s,\"][^,\"]*?(?=\s*,|\s+title=|\s*$)")
_ACTION = re.compile(r"([v^]?)([+-])(app|group)(?=\s|$)")
_SETTING = re.compile(r"(max-frames|min-frames|category)=([A-Za-z0-9_-]+)(?=\s|$)")
_TITLE = re.compile(r"title=")
_ARROW = re.compile(r"->")


@dataclass(slots=True)
class _Reader:
    """A place in one line."""

    text: str
    line: int
    position: int = field(default=0)

    def skip_space(self) -> None:
        match = _SPACE.match(self.text, self.position)
        self.position = match.end() if match else self.position

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        self.skip_space()
        match = pattern.match(self.text, self.position)
        if match is not None:
            self.position = match.end()
        return match

    def take_text(self, text: str) -> bool:
        self.skip_space()
        if not self.text.startswith(text, self.position):
            return False
        self.position += len(text)
        return True

    def at_end(self) -> bool:
        self.skip_space()
        return self.position >= len(self.text)

    def fail(self, reason: str, *, at: int | None = None) -> RuleSyntaxError:
        return RuleSyntaxError(reason, line=self.line, column=(self.position if at is None else at) + 1)


def parse_stack_rules(text: str) -> tuple[StackRule, ...]:
    """Read stack trace rules. Raises RuleSyntaxError."""
    return tuple(_stack_rule(reader) for reader in _lines(text))


def parse_fingerprint_rules(text: str) -> tuple[FingerprintRule, ...]:
    """Read fingerprint rules. Raises RuleSyntaxError."""
    return tuple(_fingerprint_rule(reader) for reader in _lines(text))


def _lines(text: str) -> list[_Reader]:
    readers: list[_Reader] = []
    for number, line in enumerate(text.splitlines(), start=1):
        written = line.rstrip()
        if not written.strip() or written.lstrip().startswith("#"):
            continue
        reader = _Reader(written, number)
        if len(written) > LINE_CHARACTERS:
            raise reader.fail(f"A rule has at most {LINE_CHARACTERS} characters.", at=LINE_CHARACTERS)
        if len(readers) == RULES_AT_MOST:
            raise reader.fail(f"A project has at most {RULES_AT_MOST} rules.")
        readers.append(reader)
    return readers


def _matchers(reader: _Reader, fields: dict[str, str]) -> tuple[Matcher, ...]:
    matchers: list[Matcher] = []
    while True:
        reader.skip_space()
        start = reader.position
        name = reader.take(_NAME)
        if name is None:
            return tuple(matchers)
        written = name.group(2)
        is_tag = written.startswith("tags.") and fields is _FINGERPRINT_FIELDS
        canonical = "tags" if is_tag else fields.get(written)
        if canonical is None:
            raise reader.fail(f"There is no matcher {written!r}.", at=start + len(name.group(1)))
        at = reader.position
        pattern = _pattern(reader)
        if canonical == "app":
            if pattern.lower() not in _YES:
                raise reader.fail("This matcher takes yes or no.", at=at)
            pattern = _YES[pattern.lower()]
        matchers.append(Matcher(canonical, pattern, name.group(1) == "!", written[5:] if is_tag else ""))


def _pattern(reader: _Reader) -> str:
    # No white space between the colon and its value.
    if (quoted := _QUOTED.match(reader.text, reader.position)) is not None:
        reader.position = quoted.end()
        return _unquoted(quoted)
    if reader.text.startswith('"', reader.position):
        raise reader.fail("This quote is never closed.")
    if (bare := _BARE.match(reader.text, reader.position)) is None:
        raise reader.fail("A matcher needs a value.")
    reader.position = bare.end()
    return bare.group()


def _unquoted(match: re.Match[str]) -> str:
    # Only \" and \\ are escapes, so that Windows paths and globs can be written as they are.
    return re.sub(r'\\(["\\])', r"\1", match.group(1))


def _stack_rule(reader: _Reader) -> StackRule:
    caller: tuple[Matcher, ...] = ()
    callee: tuple[Matcher, ...] = ()
    if reader.take_text("["):
        caller = _neighbour(reader)
        if not reader.take_text("|"):
            raise reader.fail("Expected | after the caller.")
    matchers = _matchers(reader, _STACK_FIELDS)
    if not matchers:
        raise reader.fail("Expected a matcher, such as path:vendor/**.")
    if reader.take_text("|"):
        if not reader.take_text("["):
            raise reader.fail("Expected [ callee matcher ] after |.")
        callee = _neighbour(reader)
    actions: list[Action] = []
    while not reader.at_end():
        start = reader.position
        if (action := reader.take(_ACTION)) is not None:
            actions.append(Action(action.group(3), 1 if action.group(2) == "+" else 0, action.group(1)))
        elif (setting := reader.take(_SETTING)) is not None:
            name, value = setting.groups()
            if name == "category":
                actions.append(Action(name, text=value))
            elif not value.isdecimal():
                raise reader.fail(f"{name} needs a number.", at=start)
            else:
                actions.append(Action(name, int(value)))
        else:
            raise reader.fail("Expected an action: +app, -app, +group, -group, category=, max-frames= or min-frames=.")
    if not actions:
        raise reader.fail("Expected an action, such as -app.")
    return StackRule(reader.text.strip(), matchers, tuple(actions), caller, callee)


def _neighbour(reader: _Reader) -> tuple[Matcher, ...]:
    end = reader.text.find("]", reader.position)
    if end < 0:
        raise reader.fail("Expected ] after the neighbour's matchers.")
    inner = _Reader(reader.text[:end].rstrip(), reader.line, reader.position)
    matchers = _matchers(inner, _STACK_FIELDS)
    if not matchers or not inner.at_end():
        raise inner.fail("Expected a matcher between [ and ].")
    reader.position = end + 1
    return matchers


def _fingerprint_rule(reader: _Reader) -> FingerprintRule:
    matchers = _matchers(reader, _FINGERPRINT_FIELDS)
    if not matchers:
        raise reader.fail("Expected a matcher, such as error.type:TimeoutError.")
    if reader.take(_ARROW) is None:
        raise reader.fail("Expected -> and a fingerprint.")
    parts: list[str] = []
    title = ""
    while True:
        if (quoted := reader.take(_QUOTED)) is not None:
            parts.append(_unquoted(quoted))
        elif not reader.text.startswith("title=", reader.position) and (bare := reader.take(_PART)) is not None:
            parts.append(bare.group())
        else:
            raise reader.fail("Expected a part of the fingerprint.")
        if not reader.take_text(","):
            break
    if reader.take(_TITLE) is not None:
        title = _pattern(reader)
    if not reader.at_end():
        raise reader.fail("Expected a comma, title= or the end of the line.")
    return FingerprintRule(reader.text.strip(), matchers, tuple(parts), title)
