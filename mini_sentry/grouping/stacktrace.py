"""A stack trace as grouping sees it: which of its frames contribute to the app hash and to the system hash, and why not.

A frame contributes unless a rule says otherwise, it repeats its caller (recursion), or it names nothing. A stack whose
frames all come out of a minified bundle without source map does not contribute: those names change in every build.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mini_sentry.protocol.event import ExceptionValue, Frame, Stacktrace

from .in_app import MEMORY, FrameFacts, InAppRules, Verdicts

RECURSION = "recursion: it repeats the frame that called it"
BEYOND_MAX_FRAMES = "a rule's max-frames keeps only the frames nearest to the crash"
INLINE_SCRIPT = "a single frame of a page, without function"
TOO_FEW_FRAMES = "a rule's min-frames asks for more frames"
MINIFIED = "every frame comes from a minified bundle without source map"
NO_FRAMES = "no frame contributes"
NOT_IN_APP = "not in app"


@dataclass(slots=True)
class Stack:
    """A judged stack.

    `app` and `system` hold the indexes of contributing frames, in order. `why_not` says why neither contributes, empty
    when one does. `verdicts` is None when no rule looked beyond single frames: `facts` then say it all.
    """

    frames: Sequence[Frame]
    facts: list[FrameFacts]
    verdicts: Verdicts | None
    app: list[int] = field(default_factory=list)
    system: list[int] = field(default_factory=list)
    why_not: str = ""
    dropped: dict[int, str] = field(default_factory=dict)

    @property
    def is_minified(self) -> bool:
        return self.why_not == MINIFIED

    def contributing(self, variant: str) -> list[int]:
        """Indexes of the frames that make the `app` or `system` variant; none when the stack does not contribute."""
        return [] if self.why_not else self.app if variant == "app" else self.system

    def encoded(self, variant: str) -> bytes:
        facts = self.facts
        return b"".join([facts[index].strings.encoded for index in self.contributing(variant)])

    def is_in_app(self, index: int) -> bool:
        return self.facts[index].in_app if self.verdicts is None else self.verdicts.in_app[index]

    def in_app_reason(self, index: int) -> str:
        return self.facts[index].in_app_reason if self.verdicts is None else self.verdicts.in_app_reasons[index]

    def why_frame_not(self, index: int, variant: str) -> str:
        """Why a frame does not contribute to a variant; empty when it does."""
        if self.why_not:
            return self.why_not
        if index in self.contributing(variant):
            return ""
        facts = self.facts[index]
        is_grouped = facts.is_grouped if self.verdicts is None else self.verdicts.grouped[index]
        if not is_grouped:
            return facts.ungrouped_reason if self.verdicts is None else self.verdicts.ungrouped_reasons[index]
        if facts.strings.why_nothing:
            return facts.strings.why_nothing
        if index in self.dropped:
            return self.dropped[index]
        if variant == "app" and not self.is_in_app(index):
            return NOT_IN_APP
        return BEYOND_MAX_FRAMES if self.contributing(variant) else TOO_FEW_FRAMES

    def last_in_app(self) -> int | None:
        """The in-app frame nearest to the crash, contributing or not; the last frame when none is in app."""
        count = len(self.frames)
        for index in range(count - 1, -1, -1):
            if self.is_in_app(index):
                return index
        return count - 1 if count else None


def judge(
    stacktrace: Stacktrace | None, *, platform: str, rules: InAppRules, error: ExceptionValue | None = None
) -> Stack | None:
    """Decide which frames count. None when there is no frame at all. `error` is what rules about errors look at."""
    if stacktrace is None or not stacktrace.frames:
        return None
    frames = stacktrace.frames
    facts = MEMORY.facts(frames, rules, platform)
    verdicts: Verdicts | None = None
    for fact in facts:
        if not fact.is_alone:
            verdicts = rules.verdicts(frames, facts, error=error)
            break
    stack = Stack(frames, facts, verdicts)
    _collect(stack)
    if verdicts is not None:
        _limit(stack, verdicts)
    stack.why_not = _why_not(stack, verdicts)
    return stack


def _collect(stack: Stack) -> None:
    app, system = stack.app, stack.system
    verdicts = stack.verdicts
    previous: Frame | None = None
    index = -1
    for frame, fact in zip(stack.frames, stack.facts, strict=True):
        index += 1
        caller, previous = previous, frame
        if verdicts is None:
            encoded, in_app = fact.encoded, fact.in_app
        else:
            encoded = fact.strings.encoded if verdicts.grouped[index] else b""
            in_app = verdicts.in_app[index]
        if not encoded:
            continue
        if caller is not None and frame.lineno == caller.lineno and _repeats(frame, caller):
            stack.dropped[index] = RECURSION
            continue
        system.append(index)
        if in_app:
            app.append(index)


def _repeats(frame: Frame, caller: Frame) -> bool:
    return (
        frame.function == caller.function
        and frame.colno == caller.colno
        and frame.filename == caller.filename
        and frame.abs_path == caller.abs_path
        and frame.module == caller.module
        and frame.package == caller.package
    )


def _limit(stack: Stack, verdicts: Verdicts) -> None:
    if verdicts.frames_at_most is not None:
        keep = verdicts.frames_at_most
        stack.app = stack.app[-keep:] if keep else []
        stack.system = stack.system[-keep:] if keep else []
    if len(stack.app) < verdicts.frames_at_least:
        stack.app = []


def _why_not(stack: Stack, verdicts: Verdicts | None) -> str:
    deciding = stack.app or stack.system
    if not deciding:
        return NO_FRAMES
    if verdicts is not None and len(stack.system) < verdicts.frames_at_least:
        return TOO_FEW_FRAMES
    facts = stack.facts
    # The last frame alone settles it for almost every stack.
    if not facts[deciding[-1]].strings.is_minified:
        return INLINE_SCRIPT if len(stack.system) == 1 and facts[deciding[0]].strings.is_bare else ""
    if all(facts[index].strings.is_minified for index in deciding):
        return INLINE_SCRIPT if len(stack.system) == 1 and facts[deciding[0]].strings.is_bare else MINIFIED
    return ""
