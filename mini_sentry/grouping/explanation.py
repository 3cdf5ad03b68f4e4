"""Why an event was grouped as it was: a tree of components in hash order, each with its value and, if it does not
contribute, the reason."""

import msgspec

from .stacktrace import Stack


class Component(msgspec.Struct, omit_defaults=True):
    """One thing that was looked at. `kind` names it: app, system, exception, type, value, stacktrace, frame, module …

    `hash` is set on the outermost ones, the variants. `is_in_app` is set on frames.
    """

    kind: str
    contributes: bool
    value: str = ""
    reason: str = ""
    hash: str = ""
    is_in_app: bool | None = None
    children: list["Component"] = []


def stack_component(stack: Stack, variant: str) -> Component:
    """A stack trace in one variant, with all its frames, the outermost caller first."""
    return Component(
        kind="stacktrace",
        contributes=bool(stack.contributing(variant)),
        reason=stack.why_not or ("" if stack.contributing(variant) else "no frame is in app"),
        children=[_frame_component(stack, index, variant) for index in range(len(stack.frames))],
    )


def _frame_component(stack: Stack, index: int, variant: str) -> Component:
    why_not = stack.why_frame_not(index, variant)
    in_app = stack.is_in_app(index)
    children = [
        Component(
            kind=part.kind, contributes=not (why_not or part.why_not), value=part.value, reason=why_not or part.why_not
        )
        for part in stack.facts[index].strings.parts
    ]
    return Component(
        kind="frame",
        contributes=not why_not,
        reason="; ".join(reason for reason in (why_not, stack.in_app_reason(index)) if reason),
        is_in_app=in_app,
        children=children,
    )
