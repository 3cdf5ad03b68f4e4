"""On PostgreSQL: bodies partitioned by the day of receipt, what each day of them takes, and the events that left with their
day and are still to be counted down from their groups."""

from django.db import migrations

TABLES = """
CREATE TABLE groups_body (
    day date NOT NULL,
    id bigint NOT NULL,
    event uuid NOT NULL,
    dictionary bigint NOT NULL,
    data bytea NOT NULL,
    CONSTRAINT groups_body_pkey PRIMARY KEY (day, id)
) PARTITION BY RANGE (day);
-- Compressed already.
ALTER TABLE groups_body ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE groups_bodyday (
    day date NOT NULL CONSTRAINT groups_bodyday_pkey PRIMARY KEY,
    body_bytes bigint NOT NULL,
    dictionaries bigint[] NOT NULL
);

CREATE TABLE groups_goneevents (
    group_id bigint NOT NULL CONSTRAINT groups_goneevents_pkey PRIMARY KEY,
    count bigint NOT NULL
);
"""


def make(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(TABLES)


def unmake(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TABLE groups_body, groups_bodyday, groups_goneevents")


class Migration(migrations.Migration):
    dependencies = [("groups", "0002_event_partitions")]

    operations = [migrations.RunPython(make, unmake)]
