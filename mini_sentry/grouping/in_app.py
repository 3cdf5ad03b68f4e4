"""Which frames are the user's own code, and which take part in grouping: the SDK's word, then the rules in order.

What a frame's own fields decide is decided once for equal frames and remembered. Rules that look at other frames, at
the error, or at what earlier rules said are played through for each stack, and only for stacks that they touch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

import msgspec

from mini_sentry.protocol.event import ExceptionValue, Frame

from .frames import FrameStrings, strings_of
from .patterns import Patterns, Wish, family_holds
from .platforms import families
from .rules import ERROR_FIELDS, Matcher, StackRule

REMEMBERED_FRAMES = 12_288

_SDK_YES = "marked in app by the SDK"
_SDK_NO = "marked not in app by the SDK"
_UNMARKED = "nothing marks it in app"


class FrameFacts(msgspec.Struct, gc=False, frozen=True):
    """All that is known of a frame by itself: its strings, its verdict by the rules about single frames.

    `rules` are the indexes of the rules whose own frame matchers hold here, `neighbours` the numbers of the caller and
    callee conditions that do. `is_alone`: no rule that looks beyond the frame is among them.
    """

    strings: FrameStrings
    encoded: bytes
    in_app: bool
    in_app_reason: str
    is_grouped: bool
    ungrouped_reason: str
    rules: frozenset[int]
    neighbours: frozenset[int]
    is_alone: bool


@dataclass(slots=True)
class Verdicts:
    """What the rules say of each frame of a stack, in its order. `frames_at_most` None: no limit.

    `depends_on_error`: a rule about errors was asked, so that an equal stack of another error may differ.
    """

    in_app: list[bool]
    in_app_reasons: list[str]
    grouped: list[bool]
    ungrouped_reasons: list[str]
    frames_at_most: int | None = None
    frames_at_least: int = 0
    depends_on_error: bool = False


@dataclass(frozen=True, slots=True)
class _Condition:
    """Matchers that one frame must meet. `state` are those about what earlier rules said."""

    families: tuple[Matcher, ...]
    fields: Wish
    state: Wish

    def holds(self, held: set[int], platform_families: frozenset[str]) -> bool:
        return self.fields.holds(held) and all(family_holds(matcher, platform_families) for matcher in self.families)


@dataclass(frozen=True, slots=True)
class _Rule:
    source: StackRule
    is_built_in: bool
    own: _Condition
    caller: _Condition | None
    callee: _Condition | None
    error: Wish

    @property
    def is_about_one_frame(self) -> bool:
        return not (
            self.caller
            or self.callee
            or not self.error.is_empty
            or not self.own.state.is_empty
            or any(action.range or action.name.endswith("-frames") for action in self.source.actions)
        )

    @property
    def reason(self) -> str:
        return f"{'built-in' if self.is_built_in else 'project'} rule: {self.source.text}"


class InAppRules:
    """Rules, compiled, after those of `built_in`. Safe to share between threads."""

    def __init__(self, rules: Sequence[StackRule], *, built_in: "InAppRules | None" = None) -> None:
        self._patterns: Patterns = Patterns(built_in._patterns if built_in is not None else None)
        self._error_patterns: Patterns = Patterns(built_in._error_patterns if built_in is not None else None)
        self._states: Patterns = Patterns(built_in._states if built_in is not None else None)
        self._rules: list[_Rule] = [*built_in._rules] if built_in is not None else []
        self._rules += [self._compile(rule, is_built_in=built_in is None) for rule in rules]
        self._about_others = frozenset(index for index, rule in enumerate(self._rules) if not rule.is_about_one_frame)
        # Rules by one glob that must hold; those without any are asked about every frame.
        self._by_pattern: dict[int, list[int]] = {}
        self._always: list[int] = []
        for index, rule in enumerate(self._rules):
            if rule.own.fields.wanted:
                self._by_pattern.setdefault(min(rule.own.fields.wanted), []).append(index)
            else:
                self._always.append(index)
        self._neighbours = [
            (number, condition)
            for index, rule in enumerate(self._rules)
            for number, condition in ((2 * index, rule.caller), (2 * index + 1, rule.callee))
            if condition is not None
        ]

    def facts_of(self, frame: Frame, *, platform: str) -> FrameFacts:
        """Read a frame, without memory. `platform` is the event's."""
        platform = frame.platform or platform
        strings = strings_of(frame, platform=platform)
        platform_families = families(platform)
        held = self._patterns.holding(
            {
                ("path", ""): {path for path in (frame.abs_path, frame.filename) if path},
                ("module", ""): (frame.module,) if frame.module else (),
                ("function", ""): {name for name in (frame.function, strings.function) if name},
                ("package", ""): (frame.package,) if frame.package else (),
            }
        )
        candidates = sorted({*self._always, *(index for number in held for index in self._by_pattern.get(number, ()))})
        rules = [index for index in candidates if self._rules[index].own.holds(held, platform_families)]

        in_app = frame.in_app is True
        in_app_reason = _UNMARKED if frame.in_app is None else _SDK_YES if in_app else _SDK_NO
        is_grouped, ungrouped_reason = True, ""
        for index in rules:
            if index in self._about_others:
                continue
            rule = self._rules[index]
            for action in rule.source.actions:
                if action.name == "app":
                    in_app, in_app_reason = action.value == 1, rule.reason
                elif action.name == "group":
                    is_grouped, ungrouped_reason = action.value == 1, rule.reason
        return FrameFacts(
            strings=strings,
            encoded=strings.encoded if is_grouped else b"",
            in_app=in_app,
            in_app_reason=in_app_reason,
            is_grouped=is_grouped,
            ungrouped_reason=ungrouped_reason,
            rules=frozenset(rules),
            neighbours=frozenset(
                number for number, condition in self._neighbours if condition.holds(held, platform_families)
            ),
            is_alone=self._about_others.isdisjoint(rules),
        )

    def verdicts(
        self, frames: Sequence[Frame], facts: Sequence[FrameFacts], *, error: ExceptionValue | None
    ) -> Verdicts:
        """Play all rules through in order for one stack. `facts` are those of `frames`, one each."""
        verdicts = Verdicts(
            in_app=[frame.in_app is True for frame in frames],
            in_app_reasons=[
                _UNMARKED if frame.in_app is None else _SDK_YES if frame.in_app else _SDK_NO for frame in frames
            ],
            grouped=[True] * len(frames),
            ungrouped_reasons=[""] * len(frames),
        )
        categories = [""] * len(frames)
        held_by_error = self._error_patterns.holding(_error_values(error))
        for index in sorted({index for fact in facts for index in fact.rules}):
            rule = self._rules[index]
            verdicts.depends_on_error |= not rule.error.is_empty
            if not rule.error.holds(held_by_error):
                continue
            # All frames are matched before any is changed, so that a rule does not see its own work.
            places = [
                place
                for place, fact in enumerate(facts)
                if index in fact.rules and self._holds_here(rule, index, place, facts, verdicts, categories)
            ]
            for place in places:
                _apply(rule, place, verdicts, categories)
        return verdicts

    def _holds_here(
        self,
        rule: _Rule,
        index: int,
        place: int,
        facts: Sequence[FrameFacts],
        verdicts: Verdicts,
        categories: list[str],
    ) -> bool:
        if not self._state_holds(rule.own, place, verdicts, categories):
            return False
        for condition, number, at in ((rule.caller, 2 * index, place - 1), (rule.callee, 2 * index + 1, place + 1)):
            if condition is not None and not (
                0 <= at < len(facts)
                and number in facts[at].neighbours
                and self._state_holds(condition, at, verdicts, categories)
            ):
                return False
        return True

    def _state_holds(self, condition: _Condition, place: int, verdicts: Verdicts, categories: list[str]) -> bool:
        if condition.state.is_empty:
            return True
        held = self._states.holding(
            {("app", ""): ("1" if verdicts.in_app[place] else "0",), ("category", ""): (categories[place],)}
        )
        return condition.state.holds(held)

    def _compile(self, rule: StackRule, *, is_built_in: bool) -> _Rule:
        everywhere = (*rule.matchers, *rule.caller, *rule.callee)
        return _Rule(
            source=rule,
            is_built_in=is_built_in,
            own=self._condition(rule.matchers),
            caller=self._condition(rule.caller) if rule.caller else None,
            callee=self._condition(rule.callee) if rule.callee else None,
            error=self._error_patterns.wish(matcher for matcher in everywhere if matcher.field in ERROR_FIELDS),
        )

    def _condition(self, matchers: Sequence[Matcher]) -> _Condition:
        return _Condition(
            families=tuple(m for m in matchers if m.field == "family"),
            fields=self._patterns.wish(m for m in matchers if m.field in ("path", "module", "function", "package")),
            state=self._states.wish(m for m in matchers if m.field in ("app", "category")),
        )


def _error_values(error: ExceptionValue | None) -> dict[tuple[str, str], tuple[str, ...]]:
    if error is None:
        return {}
    mechanism = error.mechanism.type if error.mechanism else None
    return {
        (name, ""): (text,)
        for name, text in (("error.type", error.type), ("error.value", error.value), ("error.mechanism", mechanism))
        if text
    }


def _apply(rule: _Rule, place: int, verdicts: Verdicts, categories: list[str]) -> None:
    for action in rule.source.actions:
        if action.name == "max-frames":
            verdicts.frames_at_most = action.value
            continue
        if action.name == "min-frames":
            verdicts.frames_at_least = action.value
            continue
        # Frames run from the outermost caller to the crash: `^` is forwards in the list.
        first = 0 if action.range == "v" else place
        last = len(verdicts.in_app) - 1 if action.range == "^" else place
        for at in range(first, last + 1):
            if action.name == "app":
                verdicts.in_app[at] = action.value == 1
                verdicts.in_app_reasons[at] = rule.reason
            elif action.name == "group":
                verdicts.grouped[at] = action.value == 1
                verdicts.ungrouped_reasons[at] = rule.reason
            else:
                categories[at] = action.text


_fields = attrgetter(
    "platform",
    "abs_path",
    "filename",
    "module",
    "package",
    "function",
    "raw_function",
    "context_line",
    "in_app",
)
_Fields = tuple[object, ...]


class FrameMemory:
    """Facts of the frames seen last: two generations of at most 4096, the older one dropped when the newer is full."""

    def __init__(self) -> None:
        self._count = 0
        self._young: dict[tuple[InAppRules, str], dict[_Fields, FrameFacts]] = {}
        self._old: dict[tuple[InAppRules, str], dict[_Fields, FrameFacts]] = {}

    def facts(self, frames: Sequence[Frame], rules: InAppRules, platform: str) -> list[FrameFacts]:
        """The facts of each frame. Equal frames that stand side by side get the same object."""
        place = (rules, platform)
        young = self._young.get(place)
        if young is None:
            young = self._young[place] = {}
        get = young.get
        found = [get(_fields(frame)) for frame in frames]
        if all(found):
            return found  # type: ignore[return-value]
        return [
            self._recall(place, frame) if facts is None else facts for frame, facts in zip(frames, found, strict=True)
        ]

    def _recall(self, place: tuple[InAppRules, str], frame: Frame) -> FrameFacts:
        key = _fields(frame)
        young = self._young.setdefault(place, {})
        facts = young.get(key)
        if facts is not None:
            return facts
        facts = self._old.get(place, {}).get(key)
        if facts is None:
            rules, platform = place
            facts = rules.facts_of(frame, platform=platform)
        if self._count >= REMEMBERED_FRAMES:
            self._old, self._young, self._count = self._young, {}, 0
            young = self._young.setdefault(place, {})
        young[key] = facts
        self._count += 1
        return facts


MEMORY = FrameMemory()
