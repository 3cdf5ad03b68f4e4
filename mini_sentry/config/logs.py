"""What the processes write to standard error: lines for people, or one JSON object a line (`LOG_FORMAT=json`).

An object has `time` (ISO 8601, UTC), `level`, `logger` and `message`; `event_id` where the line is about one event, and
`exception` with the stack where there is one. Whoever logs about an event passes `extra={"event_id": …}`.
"""

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from mini_sentry.config.environment import BadSetting

FORMATS: Final = ("line", "json")
LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

EXTRA: Final = ("event_id", "project_id", "group_id", "topic", "partition", "offset")
"""What a line may carry beside its message."""


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in EXTRA:
            value = getattr(record, name, None)
            if value is not None and value != "":
                line[name] = value
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


class LineFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        line = super().formatMessage(record)
        event_id = getattr(record, "event_id", "")
        return f"{line} (event {event_id})" if event_id and event_id not in line else line


def configuration(level: str, form: str) -> dict[str, Any]:
    """For `logging.config.dictConfig`. Raises BadSetting for a level or a format that does not exist."""
    if level not in LEVELS:
        raise BadSetting("LOG_LEVEL", level, f"it must be one of {', '.join(LEVELS)}")
    if form not in FORMATS:
        raise BadSetting("LOG_FORMAT", form, f"it must be one of {', '.join(FORMATS)}")
    formatter = JsonFormatter if form == "json" else LineFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"chosen": {"()": formatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "chosen"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": level, "propagate": True},
            # Celery says each task twice at INFO.
            "celery": {"level": "WARNING" if level == "INFO" else level},
            # The web server says what we say better, but for its warnings.
            "uvicorn": {"level": "WARNING"},
        },
    }


def say(message: str, *, form: str) -> None:
    """A line of a process that has no logging: the one that starts and watches the others."""
    if form == "json":
        record = logging.LogRecord("mini_sentry.config.supervisor", logging.INFO, "", 0, message, None, None)
        message = JsonFormatter().format(record)
    print(message, file=sys.stderr, flush=True)
