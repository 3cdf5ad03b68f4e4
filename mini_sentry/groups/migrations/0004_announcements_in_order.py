"""On PostgreSQL: announcements get their ids in the order of their commits.

Of two batches at once the one that took its id first may commit last, and whoever has seen the higher id would never look for
the lower one. So the id is taken under a lock that is held until the commit, which follows at once.
"""

from django.db import migrations

ORDER = """
CREATE FUNCTION live_announcement_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('live_announcement'));
    NEW.id := nextval('live_announcement_id_seq');
    RETURN NEW;
END $$;
CREATE TRIGGER live_announcement_in_order BEFORE INSERT ON live_announcement
    FOR EACH ROW EXECUTE FUNCTION live_announcement_in_order();
"""
DISORDER = """
DROP TRIGGER live_announcement_in_order ON live_announcement;
DROP FUNCTION live_announcement_in_order;
"""


def order(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(ORDER)


def disorder(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(DISORDER)


class Migration(migrations.Migration):
    dependencies = [("groups", "0003_bodies_and_gone_days")]

    operations = [migrations.RunPython(order, disorder)]
