"""The words of a notification. A template names facts in single braces, `{group_title}`; it can do nothing else.

Only the seven names below mean anything. Whatever else stands in braces stays as it is, and so does what a fact
itself says: its text is never read as a template.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

NAMES: Final = ("project", "group_id", "group_title", "level", "message", "count", "received_at")
SUBJECT_CHARS: Final = 250
DEFAULT_SUBJECT: Final = "[Mini Sentry] {project}: {group_title}"

_NAME = re.compile(r"\{(" + "|".join(NAMES) + r")\}")
_BREAKS = re.compile(r"[\s\x00-\x1f\x7f\u2028\u2029]+")


def render(template: str, facts: Mapping[str, Any]) -> str:
    """The template with each of the seven names replaced by its fact; an absent fact is no text."""
    return _NAME.sub(lambda found: _text(facts.get(found[1])), template)


def subject(template: str, facts: Mapping[str, Any]) -> str:
    """One line; the default one says the project's slug and the group's title."""
    line = _BREAKS.sub(" ", render(template or DEFAULT_SUBJECT, facts)).strip()
    return line if len(line) <= SUBJECT_CHARS else line[: SUBJECT_CHARS - 1] + "…"


def body(template: str, facts: Mapping[str, Any]) -> str:
    """The text of a mail; the default one tells what fired, of which event, its stack and tags, and where to look."""
    if template:
        return render(template, facts)
    told = [(label, _text(facts.get(name))) for label, name in _LABELS]
    lines = [_text(facts.get("group_title")), _text(facts.get("reason")), ""]
    if (message := _text(facts.get("message"))) and message not in lines[0] and message != lines[1]:
        lines += [message, ""]
    lines += [f"{label + ':':<13}{text}" for label, text in told if text]
    if stack := _text(facts.get("stack")):
        lines += ["", "Stack, latest call first:", *(f"  {line}" for line in stack.splitlines())]
    if isinstance(tags := facts.get("tags"), Mapping) and tags:
        lines += ["", "Tags:", *(f"  {name}: {_BREAKS.sub(' ', _text(value))}" for name, value in tags.items())]
    if url := facts.get("url"):
        lines += ["", str(url)]
    return "\n".join([*lines, "", f"Sent by the rule {_text(facts.get('rule_name'))!r}.", ""])


_LABELS: Final = (
    ("Issue", "short_id"),
    ("Where", "culprit"),
    ("Project", "project"),
    ("Level", "level"),
    ("Environment", "environment"),
    ("Release", "release"),
    ("In all", "total_count"),
    ("First seen", "first_seen"),
    ("Received", "received_at"),
)


def _text(value: Any) -> str:
    return "" if value is None else str(value)
