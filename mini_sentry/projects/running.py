"""When a task that may run for long ends: the worker is told to stop, or its time is up. It goes on the next time."""

import time
from collections.abc import Callable
from typing import Final

from celery.worker import state

MOST_SECONDS: Final = 1800.0
"""A run ends after this long and the next one goes on; a broker with a time limit must not hand out a running task."""


def goes_on() -> bool:
    """Whether the worker of this process works on. Always True outside a worker."""
    # What tells it to stop is the exit code, and that may be 0.
    return state.should_stop is None or state.should_stop is False


def goes_on_for(most_seconds: float = MOST_SECONDS) -> Callable[[], bool]:
    """`goes_on`, but for no longer than so many seconds from now."""
    deadline = time.monotonic() + most_seconds
    return lambda: goes_on() and time.monotonic() < deadline
