"""The relational store as Django's settings: SQLite in the data directory, or PostgreSQL at `DATABASE_URL`.

PostgreSQL is spoken to through psycopg 3 and Django's connection pool, one pool a process. Each connection carries
time-outs, so that neither a forgotten transaction nor a slow question holds locks that the digest needs.
"""

import sys
from pathlib import Path
from typing import Any

from mini_sentry.config.environment import BadSetting, Environment

_SQLITE_PRAGMAS = (
    "PRAGMA page_size=16384; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY;"
    "PRAGMA cache_size=-6144; PRAGMA journal_size_limit=67108864;"
)
_WANTED = "it must be an address like postgresql://user:password@host:5432/name"


def database(env: Environment, *, sqlite_path: Path) -> dict[str, Any]:
    """The settings of Django's `default` database. Raises BadSetting."""
    address = env.text("DATABASE_URL", "")
    if address:
        return postgres(address, env)
    # The REST framework loads PostgreSQL's fields wherever the driver is installed: 11 MB a process, for nobody.
    sys.modules.setdefault("django.contrib.postgres.fields", None)  # type: ignore[arg-type]  # "not there"
    return sqlite(sqlite_path)


def sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "CONN_MAX_AGE": None,
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": _SQLITE_PRAGMAS},
        "TEST": {"NAME": None},
    }


def postgres(address: str, env: Environment) -> dict[str, Any]:
    """`address` is a libpq address; what its query names (`sslmode`, `application_name`, …) goes to libpq. Raises BadSetting."""
    import dj_database_url

    try:
        parsed: dict[str, Any] = dict(dj_database_url.parse(address, conn_max_age=0, conn_health_checks=True))
    except (dj_database_url.ParseError, dj_database_url.UnknownSchemeError) as error:
        raise BadSetting("DATABASE_URL", _without_password(address), _WANTED) from error
    if parsed["ENGINE"] != "django.db.backends.postgresql" or not parsed["NAME"]:
        raise BadSetting("DATABASE_URL", _without_password(address), _WANTED)
    given = parsed.get("OPTIONS") or {}
    parsed["OPTIONS"] = {
        "connect_timeout": 10,
        "application_name": "mini-sentry",
        # A peer that went without a word (a pulled cable, a paused machine) is noticed within a minute.
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        **given,
        "options": " ".join(part for part in (given.get("options", ""), _time_outs(env)) if part),
        "pool": {
            "min_size": 1,
            "max_size": max(2, env.number("DATABASE_POOL_SIZE", 16)),
            "timeout": 10,
            # As long as somebody waits for a connection. The pool's own five minutes double its pauses meanwhile, and after a
            # minute without the server the next try would be a minute away.
            "reconnect_timeout": 10,
            "max_idle": 300,
            "name": "mini-sentry",
        },
    }
    return parsed


def _time_outs(env: Environment) -> str:
    """Server settings for each connection, in milliseconds; 0 is no time-out."""
    seconds = {
        "statement_timeout": env.number("DATABASE_STATEMENT_TIMEOUT_SECONDS", 60),
        "lock_timeout": env.number("DATABASE_LOCK_TIMEOUT_SECONDS", 10),
        "idle_in_transaction_session_timeout": env.number("DATABASE_IDLE_TRANSACTION_TIMEOUT_SECONDS", 60),
    }
    return " ".join(f"-c {name}={value * 1000}" for name, value in seconds.items())


def _without_password(address: str) -> str:
    credentials, at, rest = address.rpartition("@")
    scheme, separator, user = credentials.partition("://")
    return f"{scheme}{separator}{user.partition(':')[0]}{at}{rest}" if at else address
