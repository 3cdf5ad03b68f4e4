"""Fingerprints: what a client or a project's rule says an event belongs to, with the variables in it filled in.

`["{{ default }}"]` is no more than automatic grouping; with other parts beside it they refine it (hybrid); without it
they replace it (custom).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mini_sentry.protocol.event import Event, ExceptionValue, Frame

from .patterns import Patterns, Wish, family_holds
from .platforms import families
from .rules import ERROR_FIELDS, FRAME_FIELDS, FingerprintRule, Matcher
from .stacktrace import Stack
from .tokens import token

DEFAULT = "{{ default }}"

_VARIABLE = re.compile(r"\{\{\s*([^\s{}]{1,256})\s*\}\}")
_DEFAULTS = re.compile(r"^\s*\{\{\s*default\s*\}\}\s*$")


@dataclass(slots=True)
class Fingerprint:
    """Resolved parts. `{{ default }}` stands where automatic grouping does; `rule` is the text of the rule it is from."""

    parts: list[str]
    title: str = ""
    rule: str = ""

    @property
    def reason(self) -> str:
        return f"fingerprint rule: {self.rule}" if self.rule else "fingerprint set by the client"

    @property
    def is_hybrid(self) -> bool:
        return DEFAULT in self.parts

    def encoded(self, automatic: str = "") -> bytes:
        """The bytes to hash. `automatic` is the hash that goes where `{{ default }}` stands."""
        return b"#fingerprint" + b"".join(
            token("a", automatic) if part == DEFAULT else token("p", part) for part in self.parts
        )


@dataclass(slots=True)
class Facts:
    """Where matchers and variables look: the event, its main exception and that one's stack; `stacks` finds them all."""

    event: Event
    main: ExceptionValue | None
    stack: Stack | None
    stacks: Callable[[], Sequence[Stack]]


@dataclass(frozen=True, slots=True)
class _Compiled:
    source: FingerprintRule
    families: tuple[Matcher, ...]
    event: Wish
    error: Wish
    frame: Wish


class FingerprintRules:
    """Rules in order; the first that matches decides."""

    def __init__(self, rules: Sequence[FingerprintRule]) -> None:
        self._event = Patterns()
        self._error = Patterns()
        self._frame = Patterns()
        self._rules = [self._compile(rule) for rule in rules]
        self._by_platform: dict[str, list[_Compiled]] = {}

    def first(self, facts: Facts) -> FingerprintRule | None:
        platform = facts.event.platform
        rules = self._by_platform.get(platform)
        if rules is None:
            named = families(platform)
            rules = [rule for rule in self._rules if all(family_holds(matcher, named) for matcher in rule.families)]
            if len(self._by_platform) < 256:
                self._by_platform[platform] = rules
        if not rules:
            return None
        held = _Held(self._event, self._error, self._frame, facts)
        for rule in rules:
            if (
                (rule.error.is_empty or any(map(rule.error.holds, held.by_error())))
                and (rule.event.is_empty or rule.event.holds(held.by_event()))
                and (rule.frame.is_empty or any(map(rule.frame.holds, held.by_frame())))
            ):
                return rule.source
        return None

    def _compile(self, rule: FingerprintRule) -> _Compiled:
        fields = FRAME_FIELDS | ERROR_FIELDS | {"family"}
        return _Compiled(
            source=rule,
            families=tuple(matcher for matcher in rule.matchers if matcher.field == "family"),
            event=self._event.wish(matcher for matcher in rule.matchers if matcher.field not in fields),
            error=self._error.wish(matcher for matcher in rule.matchers if matcher.field in ERROR_FIELDS),
            frame=self._frame.wish(matcher for matcher in rule.matchers if matcher.field in FRAME_FIELDS),
        )


@dataclass(slots=True)
class _Held:
    """Which globs hold, found out when first asked."""

    event_patterns: Patterns
    error_patterns: Patterns
    frame_patterns: Patterns
    facts: Facts
    _event: set[int] | None = None
    _errors: list[set[int]] | None = None
    _frames: list[set[int]] | None = None

    def by_event(self) -> set[int]:
        if self._event is None:
            event = self.facts.event
            values: dict[tuple[str, str], Sequence[str]] = {
                ("message", ""): [event.message, *(error.value for error in event.exceptions if error.value)],
                ("logger", ""): [event.logger],
                ("level", ""): [event.level],
                ("sdk", ""): [event.sdk_name],
                ("release", ""): [event.release],
            }
            for name, value in event.tags.items():
                values["tags", name] = [value]
            self._event = self.event_patterns.holding(values)
        return self._event

    def by_error(self) -> list[set[int]]:
        """For each exception. An event without any has one that says nothing, so that `!error.type:…` can hold."""
        if self._errors is None:
            self._errors = [
                self.error_patterns.holding(
                    {("error.type", ""): [error.type or ""], ("error.value", ""): [error.value or ""]}
                )
                for error in self.facts.event.exceptions
            ] or [set()]
        return self._errors

    def by_frame(self) -> list[set[int]]:
        if self._frames is None:
            self._frames = [
                self.frame_patterns.holding(_frame_values(frame, in_app=stack.judgement.is_in_app(index)))
                for stack in self.facts.stacks()
                for index, frame in enumerate(stack.frames)
            ]
        return self._frames


def _frame_values(frame: Frame, *, in_app: bool) -> Mapping[tuple[str, str], Sequence[str]]:
    return {
        ("path", ""): [path for path in (frame.abs_path, frame.filename) if path],
        ("module", ""): [frame.module] if frame.module else [],
        ("function", ""): [frame.function] if frame.function else [],
        ("package", ""): [frame.package] if frame.package else [],
        ("app", ""): ["1" if in_app else "0"],
    }


def resolve(facts: Facts, *, project: FingerprintRules, built_in: FingerprintRules) -> Fingerprint | None:
    """The fingerprint that applies, or None for automatic grouping.

    A project's rule replaces what the client sent; what the client sent is stronger than a built-in rule.
    """
    rule = project.first(facts)
    sent = [part for part in facts.event.fingerprint if not _DEFAULTS.match(part)]
    if rule is None and not sent:
        rule = built_in.first(facts)
    if rule is not None:
        parts: Sequence[str] = rule.fingerprint
    elif sent:
        parts = facts.event.fingerprint
    else:
        return None
    resolved = [DEFAULT if _DEFAULTS.match(part) else expand(part, facts) for part in parts]
    title = expand(rule.title, facts) if rule is not None else ""
    if all(part == DEFAULT for part in resolved) and not title:
        return None
    return Fingerprint(resolved, title, rule.text if rule is not None else "")


def expand(text: str, facts: Facts) -> str:
    """Fill in the variables of a text: `<no-NAME>` for what the event lacks, `<unrecognized-variable-NAME>` for others."""
    if "{{" not in text:
        return text
    return _VARIABLE.sub(lambda match: _value(match.group(1), facts), text)


def _value(name: str, facts: Facts) -> str:
    event, main = facts.event, facts.main
    if name.startswith("tags."):
        return event.tags.get(name[5:]) or f"<no-{name}>"
    if name in _FRAME_VARIABLES:
        frame = facts.stack.crashing_frame if facts.stack is not None else None
        return (_FRAME_VARIABLES[name](frame) if frame is not None else None) or f"<no-{name}>"
    values: dict[str, str | None] = {
        "transaction": event.transaction,
        "message": event.message or (main.value if main is not None else None),
        "error.type": main.type if main is not None else None,
        "error.value": main.value if main is not None else None,
        "level": event.level,
        "logger": event.logger,
        "release": event.release,
    }
    values["type"], values["value"] = values["error.type"], values["error.value"]
    if name not in values:
        return f"<unrecognized-variable-{name}>"
    return values[name] or f"<no-{name}>"


_FRAME_VARIABLES: dict[str, Callable[[Frame], str | None]] = {
    "function": lambda frame: frame.function,
    "stack.function": lambda frame: frame.function,
    "path": lambda frame: frame.abs_path or frame.filename,
    "stack.abs_path": lambda frame: frame.abs_path or frame.filename,
    "stack.filename": lambda frame: frame.filename,
    "module": lambda frame: frame.module,
    "stack.module": lambda frame: frame.module,
    "package": lambda frame: frame.package,
    "stack.package": lambda frame: frame.package,
}
