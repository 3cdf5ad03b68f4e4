"""What a strategy found in an event: the variants it can be looked up by, and an account of them."""

from dataclasses import dataclass
from typing import Protocol

from mini_sentry.protocol.event import ExceptionValue

from .explanation import Component, stack_component
from .stacktrace import Stack
from .tokens import token

# A stack with fewer frames says too little: without in-app frames the text is added, with them there is no system hash.
THIN_STACK_FRAMES = 3
THIN_STACK = "no frame is in app and fewer than 3 contribute"


@dataclass(slots=True)
class Variant:
    """`data` are the bytes to hash. `why_not` says why an event is not looked up by it; empty when it is."""

    name: str
    data: bytes
    why_not: str = ""


class Evidence(Protocol):
    """`main` is the exception that titles the event, `stack` the one that its culprit is read from."""

    @property
    def strategy(self) -> str: ...
    @property
    def main(self) -> ExceptionValue | None: ...
    @property
    def stack(self) -> Stack | None: ...

    def variants(self) -> list[Variant]:
        """In lookup order. At least one, with `why_not` empty."""
        ...

    def components(self, variant: str) -> list[Component]:
        """What the variant is made of, and what was left out of it."""
        ...


@dataclass(slots=True)
class StringEvidence:
    """A few strings without a stack, as (kind, what was found, what contributes)."""

    strategy: str
    strings: list[tuple[str, str, str]]
    main: ExceptionValue | None = None
    stack: Stack | None = None

    def variants(self) -> list[Variant]:
        return [Variant("default", b"".join(_string(self.strategy, used) for _, _, used in self.strings))]

    def components(self, variant: str) -> list[Component]:
        return [
            Component(kind=kind, contributes=True, value=used, reason="" if used == found else "variable parts named")
            for kind, found, used in self.strings
        ]


def _string(strategy: str, text: str) -> bytes:
    return token("#" + strategy, text)


@dataclass(slots=True)
class StackEvidence:
    """A stack that belongs to no exception. `text` is the message's pattern, added when the stack says too little."""

    strategy: str
    stack: Stack
    text: str
    main: ExceptionValue | None = None

    def _adds_text(self) -> bool:
        return not self.stack.judgement.app and len(self.stack.judgement.system) < THIN_STACK_FRAMES

    def variants(self) -> list[Variant]:
        tail = token("x", self.text) if self.text and self._adds_text() else b""
        data = {name: b"S" + self.stack.judgement.encoded(name) + tail for name in ("app", "system")}
        return stack_variants(
            data,
            has_app=bool(self.stack.judgement.contributing("app")),
            system_frame_count=len(self.stack.judgement.system),
        )

    def components(self, variant: str) -> list[Component]:
        found = [stack_component(self.stack, variant)]
        if self.text:
            adds = self._adds_text()
            found.append(
                Component(
                    kind="message",
                    contributes=adds,
                    value=self.text,
                    reason=THIN_STACK if adds else "the stack decides",
                )
            )
        return found


def stack_variants(data: dict[str, bytes], *, has_app: bool, system_frame_count: int) -> list[Variant]:
    """The app and the system variant of a contributing stack, in lookup order."""
    if not has_app:
        return [Variant("app", b"", "no frame is in app"), Variant("system", data["system"])]
    app = Variant("app", data["app"])
    system = Variant("system", data["system"])
    if system_frame_count < THIN_STACK_FRAMES:
        system.why_not = "fewer than 3 frames would join what the app variant keeps apart"
    elif data["system"] == data["app"]:
        system.why_not = "it equals the app variant"
    return [app, system]
