"""On PostgreSQL: events partitioned by the day of receipt, and the table that keeps their ids unique.

A unique constraint of a partitioned table must hold the column it is partitioned by, so `(project_id, event_id)` is unique
in `groups_event_key`, which is partitioned by hash. Triggers keep it in step with rows that come and go through the models;
the digest writes it itself and says so (`mini_sentry.event_keys`), and a day's keys are trimmed when its partition goes.

Events refer to projects and releases without foreign keys: their checks would lock a project's row once an event, and
dropping a day would lock those tables.
"""

from datetime import timedelta

from django.db import migrations

TABLES = """
ALTER TABLE groups_event RENAME TO groups_event_whole;
ALTER TABLE groups_event_whole DROP CONSTRAINT groups_event_pkey;
DROP INDEX event_by_received;
DROP INDEX event_of_group;
ALTER SEQUENCE groups_event_id_seq RENAME TO groups_event_whole_id_seq;

CREATE SEQUENCE groups_event_id_seq CACHE 1;
CREATE TABLE groups_event (
    id bigint NOT NULL DEFAULT nextval('groups_event_id_seq'),
    project_id bigint NOT NULL,
    group_id bigint NOT NULL,
    release_id bigint,
    body_id bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    "timestamp" timestamp with time zone NOT NULL,
    event_id uuid NOT NULL,
    level varchar(16) NOT NULL,
    environment varchar(64) NOT NULL,
    "user" varchar(200) NOT NULL,
    message varchar(200) NOT NULL,
    CONSTRAINT groups_event_pkey PRIMARY KEY (id, received_at)
) PARTITION BY RANGE (received_at);
ALTER SEQUENCE groups_event_id_seq OWNED BY groups_event.id;
CREATE INDEX event_by_received ON groups_event (project_id, received_at, id);
CREATE INDEX event_of_group ON groups_event (group_id, received_at, id);
CREATE INDEX event_by_event_id ON groups_event (project_id, event_id);

CREATE TABLE groups_event_key (
    project_id bigint NOT NULL,
    event_id uuid NOT NULL,
    received_at timestamp with time zone NOT NULL,
    CONSTRAINT event_once_by_key PRIMARY KEY (project_id, event_id)
) PARTITION BY HASH (project_id, event_id);
"""

KEY_PARTITIONS = 8

KEYS = """
-- Keys come in about the order of receipt: what is too old is found by the ranges of a few blocks.
CREATE INDEX event_key_by_received ON groups_event_key USING brin (received_at) WITH (pages_per_range = 16, autosummarize = on);

CREATE FUNCTION groups_event_keys_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO groups_event_key (project_id, event_id, received_at)
    SELECT project_id, event_id, received_at FROM added ORDER BY project_id, event_id;
    RETURN NULL;
END $$;
CREATE TRIGGER groups_event_added AFTER INSERT ON groups_event REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT WHEN (current_setting('mini_sentry.event_keys', true) IS DISTINCT FROM 'written')
    EXECUTE FUNCTION groups_event_keys_added();

CREATE FUNCTION groups_event_keys_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM groups_event_key USING removed
    WHERE groups_event_key.project_id = removed.project_id AND groups_event_key.event_id = removed.event_id;
    RETURN NULL;
END $$;
CREATE TRIGGER groups_event_removed AFTER DELETE ON groups_event REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION groups_event_keys_removed();
"""

COLUMNS = (
    "id, project_id, group_id, release_id, body_id, received_at, timestamp, event_id, level, environment, "
    '"user", message'
)


def partition(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(TABLES)
        for number in range(KEY_PARTITIONS):
            cursor.execute(
                f"CREATE TABLE groups_event_key_{number} PARTITION OF groups_event_key "
                f"FOR VALUES WITH (MODULUS {KEY_PARTITIONS}, REMAINDER {number})"
            )
        cursor.execute(KEYS)
        cursor.execute("SELECT DISTINCT (received_at AT TIME ZONE 'UTC')::date FROM groups_event_whole")
        for (day,) in cursor.fetchall():
            cursor.execute(
                f"CREATE TABLE groups_event_{day:%Y%m%d} PARTITION OF groups_event "
                f"FOR VALUES FROM ('{day} 00:00:00+00') TO ('{day + timedelta(days=1)} 00:00:00+00')"
            )
        cursor.execute(f"INSERT INTO groups_event ({COLUMNS}) SELECT {COLUMNS} FROM groups_event_whole")  # noqa: S608
        cursor.execute("SELECT setval('groups_event_id_seq', coalesce(max(id), 0) + 1, false) FROM groups_event_whole")
        cursor.execute("DROP TABLE groups_event_whole")


class Migration(migrations.Migration):
    dependencies = [("groups", "0001_initial")]

    operations = [
        migrations.AlterModelOptions(name="event", options={"base_manager_name": "objects"}),
        migrations.RunPython(partition, migrations.RunPython.noop),
    ]
