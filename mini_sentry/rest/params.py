"""Values from a query string. Nonsense is a 400 that names the parameter; an absent or empty one is the default."""

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from django.http import QueryDict
from django.utils.dateparse import parse_datetime

from mini_sentry.rest.errors import invalid

MAX_TEXT_CHARS: Final = 1024
MAX_WORDS: Final = 100
MAX_RANGE: Final = timedelta(days=400)
MAX_BUCKETS: Final = 2000

_DURATION = re.compile(r"(\d{1,6})\s*(s|m|h|d|w)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Span(NamedTuple):
    """From `start` up to, not including, `end`; both aware, in UTC."""

    start: datetime
    end: datetime


def text(query: QueryDict, name: str, default: str = "") -> str:
    """Without blanks around it. Raises the 400 for a NUL or more than MAX_TEXT_CHARS characters."""
    value = query.get(name, "").strip()
    if "\0" in value:
        raise invalid(name, "This holds a character that cannot be used.")
    if len(value) > MAX_TEXT_CHARS:
        raise invalid(name, f"This has more than {MAX_TEXT_CHARS} characters.")
    return value or default


def words(query: QueryDict, name: str, *, allowed: Collection[str] | None = None) -> list[str]:
    """A list: the parameter repeated, or its parts separated by commas. Without repeats, in order."""
    found: dict[str, None] = {}
    for value in query.getlist(name):
        for part in value.split(","):
            word = part.strip()
            if "\0" in word:
                raise invalid(name, "This holds a character that cannot be used.")
            if word:
                found[word] = None
    if len(found) > MAX_WORDS:
        raise invalid(name, f"This lists more than {MAX_WORDS} values.")
    if allowed is not None:
        for word in found:
            if word not in allowed:
                raise invalid(name, f"{word!r} is not one of {', '.join(allowed)}.")
    return list(found)


def choice(query: QueryDict, name: str, allowed: Collection[str], default: str) -> str:
    value = text(query, name, default)
    if value not in allowed:
        raise invalid(name, f"{value!r} is not one of {', '.join(allowed)}.")
    return value


def flag(query: QueryDict, name: str, *, default: bool) -> bool:
    """`true` or `1`, `false` or `0`."""
    return choice(query, name, ("true", "false", "1", "0"), "true" if default else "false") in ("true", "1")


def number(query: QueryDict, name: str, default: int, *, least: int = 0, most: int = 2**53) -> int:
    """A whole number, held to `most`; less than `least` is a 400."""
    value = query.get(name, "").strip()
    if not value:
        return default
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", value) or int(value) < least:
        raise invalid(name, f"This must be a whole number, {least} or more.")
    return min(int(value), most)


def ids(query: QueryDict, name: str, *, most: int) -> list[int]:
    """Row ids, the parameter repeated or separated by commas."""
    found: dict[int, None] = {}
    for value in query.getlist(name):
        for part in value.split(","):
            word = part.strip()
            if not word:
                continue
            if not re.fullmatch(r"[0-9]{1,18}", word):
                raise invalid(name, f"{word[:40]!r} is not an id.")
            found[int(word)] = None
    if len(found) > most:
        raise invalid(name, f"This lists more than {most} ids.")
    return list(found)


def duration(value: str, name: str) -> timedelta:
    """`15m`, `24h`, `7d`: seconds, minutes, hours, days or weeks, more than none."""
    match = _DURATION.fullmatch(value.strip().lower())
    if match is None or int(match[1]) == 0:
        raise invalid(name, f"{value[:40]!r} is not a duration such as 15m, 24h or 7d.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def moment(value: str, name: str) -> datetime:
    """ISO 8601; without an offset it is UTC, a date alone is its midnight."""
    try:
        # In a query string that was not quoted, the + of an offset arrives as a blank.
        parsed = parse_datetime(
            value.replace(" ", "+") if re.search(r" \d\d:?\d\d$", value) and "T" in value else value
        )
        if parsed is None:
            parsed = datetime.fromisoformat(value)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise invalid(name, f"{value[:40]!r} is not a time such as 2026-03-14T12:00:00Z.") from error


def span(query: QueryDict, *, now: datetime, default: timedelta | None) -> Span | None:
    """The time asked for: `from` and `to`, or the `range` before now. None when nothing is asked and there is no default."""
    since, until = text(query, "from"), text(query, "to")
    length = text(query, "range")
    if not (since or until or length):
        return None if default is None else Span(now - default, now)
    end = moment(until, "to") if until else now
    if since:
        start = moment(since, "from")
    else:
        try:
            start = end - (duration(length, "range") if length else default or MAX_RANGE)
        except OverflowError as error:
            raise invalid("range" if length else "to", "This is too far back.") from error
    if start >= end:
        raise invalid("from" if since else "to", "The time ends before it starts.")
    return Span(start, end)


def bounded_span(query: QueryDict, *, now: datetime, default: timedelta) -> Span:
    """As `span`, for what is counted over the whole of it: at most MAX_RANGE."""
    found = span(query, now=now, default=default)
    assert found is not None  # noqa: S101 - there is a default
    if found.end - found.start > MAX_RANGE:
        raise invalid("from" if text(query, "from") else "range", f"This is longer than {MAX_RANGE.days} days.")
    return found


def interval(query: QueryDict, asked: Span, *, default: timedelta) -> timedelta:
    """The width of a bucket. Raises the 400 when it cuts the time into more than MAX_BUCKETS."""
    value = text(query, "interval")
    width = duration(value, "interval") if value else default
    if (asked.end - asked.start) / width > MAX_BUCKETS:
        raise invalid("interval", f"This cuts the time into more than {MAX_BUCKETS} buckets.")
    return width
