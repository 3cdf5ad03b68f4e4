"""How an event is called: title, the place it happened at, and the parts that a list shows apart from each other."""

from dataclasses import dataclass

from mini_sentry.protocol.event import Event, ExceptionValue

from . import functions, security
from .platforms import JAVASCRIPT, NATIVE
from .stacktrace import Stack

VALUE_CHARACTERS = 256
TYPE_CHARACTERS = 128
CULPRIT_CHARACTERS = 200
UNLABELED = "<unlabeled event>"
UNKNOWN = "<unknown>"


@dataclass(frozen=True, slots=True)
class Title:
    """`type` is empty and `value` the message where no exception titles the event."""

    title: str
    type: str
    value: str


def title_of(event: Event, main: ExceptionValue | None, stack: Stack | None) -> Title:
    """Name an event. `main` is the exception that titles it, None for messages and reports."""
    if main is not None:
        return _of_exception(main, stack, platform=event.platform)
    if event.csp is not None:
        text = first_line(event.message) or security.title_of(event.csp)
    else:
        text = first_line(event.message) or first_line(event.message_template)
    return Title(text or UNLABELED, "", text)


def culprit_of(event: Event, stack: Stack | None) -> str:
    """Where it happened: what the client says, else the in-app frame nearest to the crash. Empty when unknown."""
    if named := event.culprit or event.transaction:
        return named[:CULPRIT_CHARACTERS]
    frame = stack.crashing_frame if stack is not None else None
    if frame is None:
        return ""
    where = frame.module or frame.filename or frame.abs_path or ""
    function = frame.function or ""
    if (frame.platform or event.platform) in JAVASCRIPT:
        return f"{function or '?'}({where})"[:CULPRIT_CHARACTERS] if function or where else ""
    return (f"{where} in {function}" if where and function else where or function)[:CULPRIT_CHARACTERS]


def first_line(text: str) -> str:
    """The first line that is not blank, cut at 256 characters."""
    stripped = text.lstrip()
    line = stripped.splitlines()[0].rstrip() if "\n" in stripped or "\r" in stripped else stripped.rstrip()
    return line if len(line) <= VALUE_CHARACTERS else line[: VALUE_CHARACTERS - 1] + "…"


def _of_exception(main: ExceptionValue, stack: Stack | None, *, platform: str) -> Title:
    type_ = (main.type or "").strip()[:TYPE_CHARACTERS]
    value = first_line(main.value or "")
    is_synthetic = main.mechanism is not None and main.mechanism.synthetic is True
    # The type of a native crash is a signal, the same for all of them. A type that a JavaScript SDK made up for a thrown
    # text still reads better than the name of a function.
    if not type_ or (is_synthetic and platform in NATIVE):
        frame = stack.crashing_frame if stack is not None else None
        place = functions.clean(frame.function, frame.raw_function, platform=platform) if frame is not None else ""
        if place:
            return Title(place[: VALUE_CHARACTERS + TYPE_CHARACTERS], type_, value)
    if type_:
        return Title(f"{type_}: {value}" if value else type_, type_, value)
    return Title(value or UNKNOWN, "", value)
