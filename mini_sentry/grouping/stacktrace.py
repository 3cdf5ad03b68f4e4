"""A stack trace as grouping sees it: which of its frames contribute to the app hash and to the system hash, and why not.

A frame contributes unless a rule says otherwise, it repeats its caller (recursion), or it names nothing. A stack whose
frames all come out of a minified bundle without source map does not contribute: those names change in every build.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from mini_sentry.protocol.event import ExceptionValue, Frame, Stacktrace

from .in_app import MEMORY, FrameFacts, InAppRules, Verdicts
from .tokens import raw_digest

REMEMBERED_STACKS = 1024

RECURSION = "recursion: it repeats the frame that called it"
BEYOND_MAX_FRAMES = "a rule's max-frames keeps only the frames nearest to the crash"
INLINE_SCRIPT = "a single frame of a page, without function"
TOO_FEW_FRAMES = "a rule's min-frames asks for more frames"
MINIFIED = "every frame comes from a minified bundle without source map"
NO_FRAMES = "no frame contributes"
NOT_IN_APP = "not in app"


class Judgement:
    """What was decided about a stack, without the stack itself: equal stacks share one.

    `app` and `system` hold the indexes of contributing frames, in order. `why_not` says why neither contributes, empty
    when one does. `nearest` is the index of the in-app frame nearest to the crash, contributing or not, or of the last
    frame when none is in app. `verdicts` is None when no rule looked beyond single frames: `facts` then say it all.
    """

    __slots__ = ("_app_bytes", "_system_bytes", "app", "dropped", "facts", "nearest", "system", "verdicts", "why_not")

    def __init__(self, frames: Sequence[Frame], facts: list[FrameFacts], verdicts: Verdicts | None) -> None:
        self.facts = facts
        self.verdicts = verdicts
        self.dropped: set[int] = set()
        self.app: list[int] = []
        self.system: list[int] = []
        self.nearest = len(facts) - 1
        self._collect(frames)
        if verdicts is not None:
            self._limit(verdicts)
        self.why_not = self._why_not()
        self._app_bytes = self._encode(self.app)
        self._system_bytes = self._encode(self.system)

    @property
    def is_minified(self) -> bool:
        return self.why_not == MINIFIED

    def contributing(self, variant: str) -> list[int]:
        """Indexes of the frames that make the `app` or `system` variant; none when the stack does not contribute."""
        return [] if self.why_not else self.app if variant == "app" else self.system

    def encoded(self, variant: str) -> bytes:
        """16 bytes made of all that the variant's frames contribute; empty when the stack does not contribute."""
        return self._app_bytes if variant == "app" else self._system_bytes

    def is_in_app(self, index: int) -> bool:
        return self.facts[index].in_app if self.verdicts is None else self.verdicts.in_app[index]

    def in_app_reason(self, index: int) -> str:
        return self.facts[index].in_app_reason if self.verdicts is None else self.verdicts.in_app_reasons[index]

    def why_frame_not(self, index: int, variant: str) -> str:
        """Why a frame does not contribute to a variant; empty when it does."""
        if index in self.contributing(variant):
            return ""
        facts = self.facts[index]
        is_grouped = facts.is_grouped if self.verdicts is None else self.verdicts.grouped[index]
        if not is_grouped:
            return facts.ungrouped_reason if self.verdicts is None else self.verdicts.ungrouped_reasons[index]
        if facts.strings.why_nothing:
            return facts.strings.why_nothing
        if index in self.dropped:
            return RECURSION
        if self.why_not:
            return self.why_not
        if variant == "app" and not self.is_in_app(index):
            return NOT_IN_APP
        return BEYOND_MAX_FRAMES if self.contributing(variant) else TOO_FEW_FRAMES

    def _collect(self, frames: Sequence[Frame]) -> None:
        verdicts = self.verdicts
        caller: FrameFacts | None = None
        for index, facts in enumerate(self.facts):
            if verdicts is None:
                encoded, in_app = facts.encoded, facts.in_app
            else:
                encoded = facts.strings.encoded if verdicts.grouped[index] else b""
                in_app = verdicts.in_app[index]
            if in_app:
                self.nearest = index
            if facts is caller and _place(frames[index]) == _place(frames[index - 1]):
                self.dropped.add(index)
            elif encoded:
                self.system.append(index)
                if in_app:
                    self.app.append(index)
            caller = facts

    def _limit(self, verdicts: Verdicts) -> None:
        if verdicts.frames_at_most is not None:
            keep = verdicts.frames_at_most
            self.app = self.app[-keep:] if keep else []
            self.system = self.system[-keep:] if keep else []
        if len(self.app) < verdicts.frames_at_least:
            self.app = []

    def _why_not(self) -> str:
        deciding = self.app or self.system
        if not deciding:
            return NO_FRAMES
        if self.verdicts is not None and len(self.system) < self.verdicts.frames_at_least:
            return TOO_FEW_FRAMES
        strings = [self.facts[index].strings for index in deciding]
        if len(self.system) == 1 and strings[0].is_bare:
            return INLINE_SCRIPT
        return MINIFIED if all(found.is_minified for found in strings) else ""

    def _encode(self, indexes: list[int]) -> bytes:
        if self.why_not or not indexes:
            return b""
        return raw_digest(b"".join(self.facts[index].strings.encoded for index in indexes))


@dataclass(slots=True)
class Stack:
    """The frames of a stack, from the outermost caller to the crash, and what was decided about them."""

    frames: Sequence[Frame]
    judgement: Judgement

    @property
    def crashing_frame(self) -> Frame:
        """The in-app frame nearest to the crash, else the frame that crashed."""
        return self.frames[self.judgement.nearest]


_Key = tuple[int, ...]


class _StackMemory:
    """Judgements of the stacks seen last, by the identity of their frames' facts, which the judgement keeps alive."""

    def __init__(self) -> None:
        self._young: dict[_Key, Judgement] = {}
        self._old: dict[_Key, Judgement] = {}

    def get(self, key: _Key) -> Judgement | None:
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: _Key, judgement: Judgement) -> None:
        if len(self._young) >= REMEMBERED_STACKS:
            self._old = self._young
            self._young = {}
        self._young[key] = judgement


_MEMORY = _StackMemory()


def judge(
    stacktrace: Stacktrace | None, *, platform: str, rules: InAppRules, error: ExceptionValue | None = None
) -> Stack | None:
    """Decide which frames count. None when there is no frame at all. `error` is what rules about errors look at."""
    if stacktrace is None or not stacktrace.frames:
        return None
    frames = stacktrace.frames
    facts = MEMORY.facts(frames, rules, platform)
    key = tuple(map(id, facts))
    judgement = _MEMORY.get(key)
    if judgement is not None:
        return Stack(frames, judgement)
    verdicts: Verdicts | None = None
    if not all(fact.is_alone for fact in facts):
        verdicts = rules.verdicts(frames, facts, error=error)
    judgement = Judgement(frames, facts, verdicts)
    # Only what follows from the facts may be remembered: neither line numbers (recursion) nor the error do.
    is_recursive = any(fact is caller for caller, fact in pairwise(facts))
    if not is_recursive and (verdicts is None or not verdicts.depends_on_error):
        _MEMORY.put(key, judgement)
    return Stack(frames, judgement)


def _place(frame: Frame) -> tuple[int | None, int | None]:
    return frame.lineno, frame.colno
