"""Points in time as clients write them: Unix seconds as a number or as text, or RFC 3339 with any number of digits."""

from datetime import UTC, datetime
from typing import Any

_YEAR_9999 = 253402300799.0


def parse(value: Any) -> float | None:
    """Unix seconds (UTC), or None when `value` is no point in time. A time without a zone is UTC."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return _from_text(value.strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        try:
            return moment.timestamp()
        except (OverflowError, ValueError):
            return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _in_range(value)
    return None


def _from_text(text: str) -> float | None:
    """What `fromisoformat` does not read as it stands: white space around it, a comma for the point, a bare number."""
    try:
        return _in_range(float(text))
    except ValueError:
        pass
    text = text.replace(",", ".")
    if text[-1:] in ("z", "Z"):
        text = text[:-1] + "+00:00"
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _in_range(seconds: float) -> float | None:
    """NaN and what lies beyond the calendar fail the comparison."""
    return float(seconds) if 0 <= seconds <= _YEAR_9999 else None


def iso(seconds: float) -> str:
    """RFC 3339 in UTC with microseconds and a final Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
