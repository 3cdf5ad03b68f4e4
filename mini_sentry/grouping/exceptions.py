"""Exceptions as evidence: a chain from the oldest cause to what was thrown, or an exception group reduced to what differs.

A stack speaks for its exception together with the type; the value counts only where there is no contributing stack, or
where the stack says too little.
"""

from dataclasses import dataclass, field

from mini_sentry.protocol.event import Event, ExceptionValue

from .evidence import THIN_STACK, THIN_STACK_FRAMES, Variant, stack_variants
from .explanation import Component, stack_component
from .in_app import InAppRules
from .message import pattern_of
from .stacktrace import Stack, judge
from .tokens import token

SYNTHETIC_SINGLE_FRAME = "the SDK made this exception up and a single frame contributes"


@dataclass(slots=True)
class Link:
    """One exception of a chain. `why_value` says why the value counts beside the stack; empty when it does not."""

    error: ExceptionValue
    stack: Stack | None
    is_synthetic: bool
    why_value: str = ""
    _value: str | None = None

    @property
    def type(self) -> str:
        return "" if self.is_synthetic else (self.error.type or "")

    @property
    def value(self) -> str:
        """What the value says beyond this one event. Apple's errors are told apart by domain and code."""
        if self._value is None:
            self._value = _apple_error(self.error) or pattern_of(self.error.value or "")
        return self._value

    @property
    def contributes(self) -> bool:
        return bool(self.type) or (self.stack is not None and not self.stack.judgement.why_not) or bool(self.value)

    def encoded(self, variant: str) -> bytes:
        """Empty when nothing of the exception contributes."""
        frames = self.stack.judgement.encoded(variant) if self.stack is not None else b""
        type_token = token("t", self.type) if self.type else b""
        if frames and not self.why_value:
            return b"E%sS%s." % (type_token, frames)
        value = self.value
        if not (type_token or frames or value):
            return b""
        return b"E%s%s%s." % (type_token, b"S" + frames if frames else b"", token("v", value) if value else b"")

    def component(self, variant: str, *, why_not: str = "") -> Component:
        has_stack = self.stack is not None and bool(self.stack.judgement.contributing(variant))
        counts_value = not has_stack or bool(self.why_value)
        children = [
            Component(
                kind="type",
                contributes=bool(self.type) and not why_not,
                value=self.error.type or "",
                reason="made up by the SDK" if self.is_synthetic else "" if self.error.type else "there is none",
            ),
            Component(
                kind="value",
                contributes=counts_value and bool(self.value) and not why_not,
                value=self.value,
                reason=self.why_value if has_stack and counts_value else "" if counts_value else "the stack decides",
            ),
        ]
        if self.stack is not None:
            children.append(stack_component(self.stack, variant))
        return Component(
            kind="exception",
            contributes=not why_not and bool(self.encoded(variant)),
            value=self.error.type or "",
            reason=why_not,
            children=children,
        )


@dataclass(slots=True)
class ErrorEvidence:
    """The exceptions that count, in hash order; those of a group that repeat others are in `left_out`, with the reason."""

    links: list[Link]
    main: ExceptionValue | None
    stack: Stack | None
    left_out: list[tuple[Link, str]] = field(default_factory=list)
    strategy: str = "exception"

    def variants(self) -> list[Variant]:
        links = self.links
        judged = [link.stack.judgement for link in links if link.stack is not None and not link.stack.judgement.why_not]
        if not judged:
            is_minified = any(link.stack is not None and link.stack.judgement.is_minified for link in links)
            data = b"".join([link.encoded("system") for link in links])
            return [Variant("minified" if is_minified else "default", data)]
        has_app = any(judgement.app for judgement in judged)
        return stack_variants(
            {
                "app": b"".join([link.encoded("app") for link in links]) if has_app else b"",
                "system": b"".join([link.encoded("system") for link in links]),
            },
            has_app=has_app,
            system_frame_count=sum(len(judgement.system) for judgement in judged),
        )

    def components(self, variant: str) -> list[Component]:
        found = [link.component(variant) for link in self.links]
        return found + [link.component(variant, why_not=why_not) for link, why_not in self.left_out]


def evidence(event: Event, *, rules: InAppRules) -> ErrorEvidence | None:
    """Read the exceptions of an event. None when there are none, or nothing of them contributes."""
    errors = event.exceptions
    if not errors:
        return None
    links = [_link(error, platform=event.platform, rules=rules) for error in errors]
    groups = _tree(errors)
    found = _from_group(links, groups) if groups is not None else _from_chain(links)
    if not any(link.contributes for link in found.links):
        return None
    return found


def _link(error: ExceptionValue, *, platform: str, rules: InAppRules) -> Link:
    mechanism = error.mechanism
    return Link(
        error=error,
        stack=judge(error.stacktrace, platform=platform, rules=rules, error=error),
        is_synthetic=mechanism is not None and mechanism.synthetic is True,
    )


def _from_chain(links: list[Link]) -> ErrorEvidence:
    _weigh(links)
    main = _titling(links)
    return ErrorEvidence(links, main.error, main.stack)


def _weigh(links: list[Link]) -> None:
    """Decide where the value must help the stack, alike for all variants: a shared system hash would undo it."""
    any_in_app = False
    for link in links:
        if link.stack is not None and link.stack.judgement.contributing("app"):
            any_in_app = True
            break
    for link in links:
        link.why_value = ""
        if link.stack is None or link.stack.judgement.why_not:
            continue
        judgement = link.stack.judgement
        if link.is_synthetic and len(judgement.app or judgement.system) == 1:
            link.why_value = SYNTHETIC_SINGLE_FRAME
        elif not any_in_app and len(judgement.system) < THIN_STACK_FRAMES:
            link.why_value = THIN_STACK


_REACT_RECOVERED = ("error during hydration", "error while hydrating", "error during concurrent rendering")
_RXJAVA_WRAPPERS = frozenset({"OnErrorNotImplementedException", "CompositeException", "UndeliverableException"})


def _titling(links: list[Link]) -> Link:
    """The outermost exception, but for wrappers that say nothing of the problem: their cause."""
    at = len(links) - 1
    while at > 0 and _is_wrapper(links[at].error):
        at -= 1
    return links[at]


def _is_wrapper(error: ExceptionValue) -> bool:
    if error.type in _RXJAVA_WRAPPERS:
        return (error.module or "").startswith(("io.reactivex", "rx."))
    value = error.value
    return value is not None and "error " in value and any(text in value for text in _REACT_RECOVERED)


@dataclass(slots=True)
class _Tree:
    """Positions in the event's list: the root, and the children of each."""

    root: int
    children: dict[int, list[int]]


def _tree(errors: list[ExceptionValue]) -> _Tree | None:
    """The tree of an exception group. None when there is no group, or the ids contradict each other."""
    if not any(error.mechanism is not None and error.mechanism.is_exception_group for error in errors):
        return None
    places: dict[int, int] = {}
    for place, error in enumerate(errors):
        if error.mechanism is None or error.mechanism.exception_id is None:
            return None
        places[error.mechanism.exception_id] = place
    if len(places) != len(errors):
        return None
    root: int | None = None
    children: dict[int, list[int]] = {}
    for identifier, place in sorted(places.items()):
        mechanism = errors[place].mechanism
        parent = mechanism.parent_id if mechanism is not None else None
        if parent is None:
            if root is not None:
                return None
            root = place
        elif parent not in places or parent == identifier:
            return None
        else:
            children.setdefault(places[parent], []).append(place)
    if root is None:
        return None
    tree = _Tree(root, children)
    return tree if len(_descendants(tree, root)) == len(errors) else None


def _descendants(tree: _Tree, place: int) -> list[int]:
    """An exception after all that it was caused by: the oldest cause comes first."""
    found: list[int] = []
    waiting = [place]
    while waiting:
        at = waiting.pop()
        found.append(at)
        waiting.extend(tree.children.get(at, ()))
    return found[::-1]


def _from_group(links: list[Link], tree: _Tree) -> ErrorEvidence:
    """Reduce a group to the units that differ: each top-level leaf with its own causes."""
    _weigh(links)
    units: list[list[Link]] = []
    left_out: list[tuple[Link, str]] = []
    waiting = [tree.root]
    while waiting:
        place = waiting.pop()
        children = tree.children.get(place, ())
        mechanism = links[place].error.mechanism
        if mechanism is not None and mechanism.is_exception_group and children:
            waiting.extend(reversed(children))
            if place != tree.root:
                left_out.append((links[place], "an exception group inside another"))
        else:
            units.append([links[at] for at in _descendants(tree, place)])

    variant = (
        "app"
        if any(link.stack is not None and link.stack.judgement.contributing("app") for link in links)
        else "system"
    )
    distinct: dict[bytes, list[Link]] = {}
    for unit in units:
        encoded = b"".join(link.encoded(variant) for link in unit)
        if encoded in distinct:
            left_out += [(link, "it repeats another exception of the group") for link in unit]
        else:
            distinct[encoded] = unit
    root = links[tree.root]
    if len(distinct) == 1:
        [unit] = distinct.values()
        if unit[-1] is not root:
            left_out.append((root, "the group holds one distinct exception"))
        _weigh(unit)
        return ErrorEvidence(unit, unit[-1].error, unit[-1].stack, left_out)
    # Concurrent tasks fail in any order.
    kept = [link for _, unit in sorted(distinct.items(), key=lambda pair: pair[0]) for link in unit]
    kept.append(root)
    _weigh(kept)
    return ErrorEvidence(kept, root.error, root.stack, left_out)


def _apple_error(error: ExceptionValue) -> str:
    """Domain and code of an NSError; empty when it is none."""
    if error.mechanism is None or not isinstance(error.mechanism.meta, dict):
        return ""
    found = error.mechanism.meta.get("ns_error")
    if not isinstance(found, dict) or found.get("domain") is None or found.get("code") is None:
        return ""
    return f"{found['domain']} {found['code']}"
