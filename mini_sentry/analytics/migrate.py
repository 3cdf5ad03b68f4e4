"""Bring the columns' schema up to date: the files of `schema/`, in the order of their names, each once.

A file is a list of statements that end in `;` at a line's end, with words in braces to be filled in:

    {database}      the database
    {local}         on a cluster `_local`, behind the name of the table that holds a node's own rows; else nothing
    {on_cluster}    on a cluster ON CLUSTER with its name; else nothing
    {replicated}    on a cluster `Replicated`, before the name of a table engine; else nothing
    {cluster_only}  before a statement that a single server does without
    {cluster}       the cluster's name, in such a statement

On a cluster each table is two: `events_local` holds the rows of its shard on every replica of it, and `events` is the
Distributed one that is asked and written to. All rows of a project lie on one shard, so what is exact on one server (a key's
rows are one, `FINAL`) is exact there.

A file is remembered after its last statement, so one that was cut off runs again from its start: statements must bear that
(`IF NOT EXISTS`). What is not remembered in files is how long rows are kept; that follows the setting at each run.
Whoever calls this sees to it that nobody else does at the same time.
"""

import re
from importlib import resources
from typing import Final

from mini_sentry.analytics.store import ColumnsRejected, Store

EXPIRES_AT: Final = {
    "events": "toDateTime(received_at)",
    "sessions": "toDateTime(received_at)",
    "outcomes": "minute",
}
"""Table to the time its rows age from."""

UNKNOWN_DATABASE: Final = 81

FOR_EVER_DAYS: Final = 10_000
"""From here on a retention is for ever: later times do not fit the engine's type for them, and would lie in the past."""

CLUSTER_ONLY: Final = "{cluster_only}"

_WORD = re.compile(r"\{(\w+)\}")
_STATEMENT_END = re.compile(r";[ \t]*(?:\n|\Z)")


def migrate(store: Store, *, retention_days: int, cluster: str = "") -> list[str]:
    """Apply what is missing and return the names of the files applied now.

    `cluster` is the cluster's name, empty for one server. Rows older than `retention_days` go; 0, or FOR_EVER_DAYS and
    more, keeps them for ever.
    Raises ColumnsUnavailable, or ColumnsRejected when the engine does not take a statement.
    """
    database = store.database
    make_database, *others = preparation(database, cluster)
    # A user who may only fill a database that is there may not even try to make it.
    if cluster or not _has_database(store):
        store.command(make_database)
    for statement in others:
        store.command(statement)
    applied = {name for (name,) in store.query("SELECT name FROM schema_applied SETTINGS final = 0")}
    fresh = [name for name in schema_files() if name not in applied]
    for name in fresh:
        for statement in statements(name, database=database, cluster=cluster):
            store.command(statement)
        store.command(
            f"INSERT INTO {database}.schema_applied (name) SELECT {{name:String}}",
            {"name": name},
        )
    days = retention_days if 0 < retention_days < FOR_EVER_DAYS else 0
    for table, expires_at in EXPIRES_AT.items():
        _keep(store, f"{table}_local" if cluster else table, expires_at, days, cluster)
    return fresh


def preparation(database: str, cluster: str) -> list[str]:
    """What is run at every start: the database, the table that remembers the files, and on a cluster its being up to date."""
    on_cluster = _on_cluster(cluster)
    # Every node has all rows, whatever its shard; the two macros together name a node.
    engine = "ReplicatedMergeTree('/clickhouse/tables/{uuid}/all', '{shard}-{replica}')" if cluster else "MergeTree"
    made = [
        f"CREATE DATABASE IF NOT EXISTS {database} {on_cluster}",
        (
            f"CREATE TABLE IF NOT EXISTS {database}.schema_applied {on_cluster} "
            f"(name String, applied_at DateTime('UTC') DEFAULT now()) ENGINE = {engine} ORDER BY name"
        ),
    ]
    return [*made, f"SYSTEM SYNC REPLICA {database}.schema_applied"] if cluster else made


def schema_files() -> list[str]:
    folder = resources.files("mini_sentry.analytics") / "schema"
    return sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))


def statements(name: str, *, database: str, cluster: str = "") -> list[str]:
    """The file's statements, filled in."""
    text = (resources.files("mini_sentry.analytics") / "schema" / name).read_text()
    filled = {
        "database": database,
        "local": "_local" if cluster else "",
        "on_cluster": _on_cluster(cluster),
        "replicated": "Replicated" if cluster else "",
        "cluster": f"'{cluster}'",
        "cluster_only": "",
    }
    wanted = [one for one in _STATEMENT_END.split(text) if cluster or CLUSTER_ONLY not in one]
    # In one pass: what is filled in may be a macro of the server's, in braces as well.
    filled_in = (_WORD.sub(lambda word: filled[word[1]], statement).strip() for statement in wanted)
    return [statement for statement in filled_in if statement]


def keeping(target: str, expires_at: str, days: int, cluster: str) -> str:
    """The statement that lets a table's rows age from `expires_at` on, or (0 days) never."""
    change = f"MODIFY TTL {expires_at} + toIntervalDay({days})" if days else "REMOVE TTL"
    return f"ALTER TABLE {target} {_on_cluster(cluster)} {change}"


def _has_database(store: Store) -> bool:
    try:
        store.query("SELECT 1")
    except ColumnsRejected as rejection:
        if rejection.code == UNKNOWN_DATABASE:
            return False
        raise
    return True


def _on_cluster(cluster: str) -> str:
    return f"ON CLUSTER '{cluster}'" if cluster else ""


def _keep(store: Store, table: str, expires_at: str, days: int, cluster: str) -> None:
    [(definition,)] = store.query(
        "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = {table:String}",
        {"table": table},
    )
    found = re.search(r"\bTTL .*?toIntervalDay\((\d+)\)", definition)
    if days != (int(found[1]) if found else 0):
        store.command(keeping(f"{store.database}.{table}", expires_at, days, cluster))
