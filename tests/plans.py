"""How the relational store would look for rows: which of our indexes a statement uses, and what else it does."""

from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True)
class Plan:
    """`indexes` are names as the models give them. `looks_through` is true when a whole table is read, `sorts` when rows are
    put in order afterwards. `text` is the store's own."""

    indexes: set[str]
    looks_through: bool
    sorts: bool
    text: str


def plan_of(statement: str) -> Plan:
    """The plan of a statement with its parameters written in. PostgreSQL is told to read no table as a whole and to sort
    nothing if there is any other way, because its tables are small in tests."""
    return _postgres(statement) if connection.vendor == "postgresql" else _sqlite(statement)


def _sqlite(statement: str) -> Plan:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
        text = " / ".join(row[3] for row in cursor.fetchall())
        cursor.execute("SELECT name, tbl_name FROM sqlite_master WHERE type = 'index'")
        found = {name for name, _ in cursor.fetchall() if f"INDEX {name} " in text}
    # The index of a unique constraint has a number for a name.
    if "sqlite_autoindex_groups_event_1" in found or "event_once" in found:
        found.add("event_by_event_id")
    return Plan(found, looks_through="SCAN" in text, sorts="TEMP B-TREE" in text, text=text)


def _postgres(statement: str) -> Plan:
    with connection.cursor() as cursor:
        for method in ("seqscan", "sort", "bitmapscan", "hashjoin"):
            cursor.execute(f"SET enable_{method} = off")
        cursor.execute(f"EXPLAIN {statement}")
        text = "\n".join(line for (line,) in cursor.fetchall())
        for method in ("seqscan", "sort", "bitmapscan", "hashjoin"):
            cursor.execute(f"RESET enable_{method}")
        # An index of a partition has a name of its own.
        cursor.execute(
            "SELECT part.relname, whole.relname FROM pg_class AS part LEFT JOIN pg_inherits ON inhrelid = part.oid "
            "LEFT JOIN pg_class AS whole ON whole.oid = inhparent WHERE part.relkind IN ('i', 'I')"
        )
        found = {whole or name for name, whole in cursor.fetchall() if f" {name} " in text}
    return Plan(found, looks_through="Seq Scan" in text, sorts="Sort  (" in text, text=text)
