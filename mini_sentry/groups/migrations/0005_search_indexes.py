"""On PostgreSQL: indexes that lead to events by their time alone and by words of their message, and to groups by the releases
and environments they were seen in.

The words need the extension `pg_trgm`, which an owner of the database may create wherever it is installed. Without it a
search for words of messages reads the events of its project.
"""

import logging

from django.db import DatabaseError, migrations, transaction

logger = logging.getLogger(__name__)

INDEXES = """
CREATE INDEX event_by_time ON groups_event (received_at, id);
CREATE INDEX group_scope_by_environment ON groups_groupscope (environment, group_id);
CREATE INDEX group_scope_by_release ON groups_groupscope (release_version, group_id);
"""


def make(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    schema_editor.execute(INDEXES)
    try:
        with transaction.atomic(schema_editor.connection.alias):
            schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DatabaseError as error:
        logger.warning("The search for words of events has no index, because pg_trgm cannot be created: %s", error)
        return
    schema_editor.execute("CREATE INDEX event_by_words ON groups_event USING gin (message gin_trgm_ops)")


def unmake(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "DROP INDEX IF EXISTS event_by_time, group_scope_by_environment, group_scope_by_release, event_by_words"
        )


class Migration(migrations.Migration):
    dependencies = [("groups", "0004_announcements_in_order")]

    operations = [migrations.RunPython(make, unmake)]
