"""What a notification shows of its event: the stack as text, and the tags. Read when it is sent, for the row may outlive the body.

The stack is that of the exception thrown last, the call that failed first, as a person would paste it into a message.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from mini_sentry.groups.detail import readable_parts, stored
from mini_sentry.groups.models import Event

logger = logging.getLogger(__name__)

MOST_FRAMES: Final = 12
MOST_TAGS: Final = 30
LINE_CHARS: Final = 200


def of_event(project_id: int, event_id: str | None) -> dict[str, Any]:
    """`stack` (text, "" for none) and `tags` (names to values) of an event; nothing when it is not kept any more."""
    if not event_id:
        return {}
    event = (
        Event.objects.select_related("project").filter(project=project_id, event_id=UUID(event_id)).order_by().first()
    )
    if event is None:
        return {}
    try:
        found = stored(event)
        if not found.facts:
            return {}
        tags = dict(sorted(found.facts.get("tags", {}).items())[:MOST_TAGS])
        return {"stack": stack_text(readable_parts(found, event.project)), "tags": tags}
    except Exception:
        # A body that nobody foresaw must not cost a notification.
        logger.exception("Event %s cannot be shown in a notification", event_id)
        return {}


def stack_text(parts: Mapping[str, Any]) -> str:
    """The stack that matters of an event's normalised parts, the latest call first; in-app frames with their line of code."""
    frames = _main_stack(parts)
    latest_first = frames[::-1]
    shown = [frame for frame in latest_first if frame["in_app"]][:MOST_FRAMES] or latest_first[:MOST_FRAMES]
    lines: list[str] = []
    for frame in shown:
        lines.append(f"{_named(frame)}"[:LINE_CHARS])
        if code := (frame.get("context_line") or "").strip():
            lines.append(f"    {code}"[:LINE_CHARS])
    if left_out := len(frames) - len(shown):
        lines.append(f"({left_out} more {'frame' if left_out == 1 else 'frames'})")
    return "\n".join(lines)


def _main_stack(parts: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    threads = sorted(parts["threads"], key=lambda thread: not (thread.get("crashed") or thread.get("current")))
    stacks = (
        *(entry["frames"] for entry in reversed(parts["exceptions"])),
        parts["stacktrace"] or [],
        *(thread["frames"] for thread in threads),
    )
    return next((frames for frames in stacks if frames), [])


def _named(frame: Mapping[str, Any]) -> str:
    path = frame.get("filename") or frame.get("abs_path") or frame.get("module") or "?"
    place = ":".join(str(part) for part in (path, frame.get("lineno")) if part is not None)
    return f"{frame.get('function') or '?'} ({place})"
