"""Bring the columns' schema up to date: the files of `schema/`, in the order of their names, each once.

A file is a list of statements that end in `;` at a line's end, with `{database}`, `{engine}`, `{engine_by_revision}` and
`{on_cluster}` to be filled in. It is remembered after its last statement, so a file that was cut off runs again from its start: statements
must bear that (`IF NOT EXISTS`). What is not remembered in files is how long rows are kept; that follows the setting
at each run.
"""

import re
from importlib import resources
from typing import Final

from mini_sentry.analytics.store import Store

EMBEDDED_ENGINE: Final = "ReplacingMergeTree"

EXPIRES_AT: Final = {
    "events": "toDateTime(received_at)",
    "sessions": "toDateTime(received_at)",
    "outcomes": "minute",
}
"""Table to the time its rows age from."""

FOR_EVER_DAYS: Final = 10_000
"""From here on a retention is for ever: later times do not fit the engine's type for them, and would lie in the past."""

_STATEMENT_END = re.compile(r";[ \t]*(?:\n|\Z)")


def migrate(store: Store, *, retention_days: int, engine: str = EMBEDDED_ENGINE, cluster: str = "") -> list[str]:
    """Apply what is missing and return the names of the files applied now.

    `engine` stands behind ENGINE: a ReplacingMergeTree, or on a cluster its replicated form with its macros; `cluster`
    is the cluster's name, empty for one server. Rows older than `retention_days` go; 0, or FOR_EVER_DAYS and more, keeps
    them for ever.
    Raises ColumnsUnavailable, or ColumnsRejected when the engine does not take a statement.
    """
    database = store.database
    on_cluster = f"ON CLUSTER {cluster}" if cluster else ""
    applied_engine = engine.replace("Replacing", "")
    store.command(f"CREATE DATABASE IF NOT EXISTS {database} {on_cluster}")
    store.command(
        f"CREATE TABLE IF NOT EXISTS {database}.schema_applied {on_cluster} "
        f"(name String, applied_at DateTime('UTC') DEFAULT now()) ENGINE = {applied_engine} ORDER BY name"
    )
    applied = {name for (name,) in store.query("SELECT name FROM schema_applied SETTINGS final = 0")}
    fresh = [name for name in schema_files() if name not in applied]
    for name in fresh:
        for statement in statements(name, database=database, engine=engine, on_cluster=on_cluster):
            store.command(statement)
        store.command(
            f"INSERT INTO {database}.schema_applied (name) SELECT {{name:String}}",
            {"name": name},
        )
    days = retention_days if 0 < retention_days < FOR_EVER_DAYS else 0
    for table, expires_at in EXPIRES_AT.items():
        _keep(store, f"{database}.{table} {on_cluster}", table, expires_at, days)
    return fresh


def schema_files() -> list[str]:
    folder = resources.files("mini_sentry.analytics") / "schema"
    return sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))


def statements(name: str, *, database: str, engine: str, on_cluster: str) -> list[str]:
    """The file's statements, filled in. `{engine_by_revision}` keeps the row with the highest `revision`."""
    text = (resources.files("mini_sentry.analytics") / "schema" / name).read_text()
    arguments = engine.rstrip(")")
    filled = {
        "{database}": database,
        "{engine}": engine,
        "{engine_by_revision}": f"{arguments}{', ' if '(' in arguments else '('}revision)",
        "{on_cluster}": on_cluster,
    }
    for key, value in filled.items():
        text = text.replace(key, value)
    return [statement.strip() for statement in _STATEMENT_END.split(text) if statement.strip()]


def _keep(store: Store, target: str, table: str, expires_at: str, days: int) -> None:
    [(definition,)] = store.query(
        "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = {table:String}",
        {"table": table},
    )
    found = re.search(r"\bTTL .*?toIntervalDay\((\d+)\)", definition)
    now = int(found[1]) if found else 0
    if now == days:
        return
    if days:
        store.command(f"ALTER TABLE {target} MODIFY TTL {expires_at} + toIntervalDay({days})")
    else:
        store.command(f"ALTER TABLE {target} REMOVE TTL")
