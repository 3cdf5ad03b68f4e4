"""A recorded set of sessions as clients send them, and what they come to when counted by hand."""

import json
from datetime import UTC, datetime
from typing import Any, Final

NOON: Final = datetime(2026, 3, 14, 12, 0, tzinfo=UTC).timestamp()

Item = tuple[str, dict[str, Any]]


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def update(sid: str, status: str, *, ago: float = 600, at: float = 590, release: str = "1.0", **more: Any) -> Item:
    """An update of a session that began `ago` seconds before noon, itself made `at` seconds before noon."""
    place = {"release": release, "environment": "production"}
    sent = {"sid": sid * 32, "status": status, "started": iso(NOON - ago), "timestamp": iso(NOON - at), "attrs": place}
    return "session", sent | more


def counts(*entries: dict[str, Any], ago: float = 120, release: str = "1.0") -> Item:
    place = {"release": release, "environment": "production"}
    return "sessions", {"aggregates": [{"started": iso(NOON - ago)} | entry for entry in entries], "attrs": place}


UPDATES: Final = [
    update("a", "ok", init=True, did="u1"),
    update("a", "exited", at=580, did="u1", duration=1.5),
    # Crashed, and a late word from before, with a later clock.
    update("b", "ok", init=True, did="u2"),
    update("b", "crashed", at=570, errors=1, did="u2"),
    update("b", "ok", at=560, did="u2"),
    # Its user is named late, its error only in an update that is overtaken.
    update("c", "ok", at=590),
    update("c", "ok", at=585, errors=1),
    update("c", "ok", at=580, did="u1"),
    # As browsers send them: never closed, never crashed. The first update was lost.
    update("d", "unhandled", ago=300, at=290, errors=1, did="u3"),
    update("e", "abnormal", ago=300, at=280, did="u2"),
    update("f", "exited", ago=60, at=30, release="1.1", did="u5"),
    # Two hours old.
    update("9", "ok", ago=7200, at=7100, release="1.1"),
    update("9", "crashed", ago=7200, at=7000, release="1.1"),
]
"""Every one of them may come late, twice and in any order."""

AGGREGATES: Final = [counts({"exited": 5, "errored": 2, "crashed": 1}, {"crashed": 1, "did": "u4"})]
"""These have no id but their record's: each is sent once."""

ERRORS: Final = 3
"""Events of release 1.0."""

LAST_HOUR: Final = [
    {
        "version": "1.0",
        "environment": "production",
        "total_sessions": 14,
        "crashed_sessions": 3,
        "crash_free_rate": 78.57,
        "unhandled_sessions": 1,
        "unhandled_free_rate": 92.86,
        "abnormal_sessions": 1,
        "errored_sessions": 3,
        "healthy_sessions": 6,
        "users": 4,
        "crashed_users": 2,
        "crash_free_users_rate": 50.0,
        "unhandled_free_users_rate": 75.0,
        "adoption": 87.5,
        "adoption_users": 80.0,
        "errors": 3,
        "errors_per_100_sessions": 21.43,
    },
    {
        "version": "1.1",
        "environment": "production",
        "total_sessions": 1,
        "crashed_sessions": 0,
        "crash_free_rate": 100.0,
        "unhandled_sessions": 0,
        "unhandled_free_rate": 100.0,
        "abnormal_sessions": 0,
        "errored_sessions": 0,
        "healthy_sessions": 1,
        "users": 1,
        "crashed_users": 0,
        "crash_free_users_rate": 100.0,
        "unhandled_free_users_rate": 100.0,
        "adoption": 12.5,
        "adoption_users": 20.0,
        "errors": 0,
        "errors_per_100_sessions": 0.0,
    },
]
"""The hour up to noon. Adoption is of the 24 hours: 14 and 2 of 16 sessions, 4 and 1 of 5 users."""

BY_FIVE_MINUTES: Final = {"11:50": (3, 1), "11:55": (11, 2)}
"""Of release 1.0: all and crashed by the start of the interval; every other one has none."""


def envelope(*items: Item) -> bytes:
    lines = ["{}"]
    for kind, payload in items:
        lines += [json.dumps({"type": kind}), json.dumps(payload)]
    return "\n".join(lines).encode()
