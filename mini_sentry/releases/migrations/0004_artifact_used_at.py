from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("releases", "0003_session_deployment")]

    operations = [
        migrations.AddField("artifact", "used_at", models.DateTimeField(blank=True, null=True)),
    ]
