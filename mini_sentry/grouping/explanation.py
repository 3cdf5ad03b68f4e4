"""Why an event was grouped as it was: a tree of components in hash order, each with its value and, if it does not
contribute, the reason."""

import msgspec

from .stacktrace import Judgement, Stack


class Component(msgspec.Struct, omit_defaults=True):
    """One thing that was looked at. `kind` names it: app, system, exception, type, value, stacktrace, frame, module …

    `hash` is set on the outermost ones, the variants. `is_in_app` is set on frames; one that contributes has what it
    contributes as children.
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
    judgement = stack.judgement
    contributes = bool(judgement.contributing(variant))
    return Component(
        kind="stacktrace",
        contributes=contributes,
        reason=judgement.why_not or ("" if contributes else "no frame is in app"),
        children=[_frame_component(judgement, index, variant) for index in range(len(stack.frames))],
    )


def _frame_component(judgement: Judgement, index: int, variant: str) -> Component:
    why_not = judgement.why_frame_not(index, variant)
    parts = judgement.facts[index].strings.parts
    return Component(
        kind="frame",
        contributes=not why_not,
        value=" ".join(part.value for part in parts if part.kind != "context-line"),
        reason="; ".join(reason for reason in (why_not, judgement.in_app_reason(index)) if reason),
        is_in_app=judgement.is_in_app(index),
        children=[]
        if why_not
        else [
            Component(kind=part.kind, contributes=not part.why_not, value=part.value, reason=part.why_not)
            for part in parts
        ],
    )
