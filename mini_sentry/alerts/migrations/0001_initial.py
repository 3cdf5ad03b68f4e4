import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import mini_sentry.alerts.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("groups", "0001_initial"),
        ("projects", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="AlertTrigger",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField()),
                ("body", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("target_type", models.CharField(choices=[("email", "Email"), ("webhook", "Webhook")], max_length=16)),
                ("target_value", models.CharField(max_length=2000)),
                ("subject_template", models.CharField(blank=True, default="", max_length=500)),
                ("body_template", models.TextField(blank=True, default="")),
                ("destination", models.CharField(max_length=300)),
                (
                    "status",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("sent", "Sent"), ("failed", "Failed")],
                        default="waiting",
                        max_length=16,
                    ),
                ),
                ("attempt_count", models.PositiveIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(default=django.utils.timezone.now, null=True)),
                ("leased_until", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="AlertRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200)),
                (
                    "condition",
                    models.CharField(
                        choices=[
                            ("threshold", "Threshold"),
                            ("new_group", "New Group"),
                            ("regression", "Regression"),
                            ("crash_free", "Crash Free"),
                        ],
                        default="threshold",
                        max_length=16,
                    ),
                ),
                (
                    "level",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("fatal", "Fatal"),
                            ("error", "Error"),
                            ("warning", "Warning"),
                            ("info", "Info"),
                            ("debug", "Debug"),
                        ],
                        default="",
                        max_length=16,
                    ),
                ),
                ("environment", models.CharField(blank=True, default="", max_length=64)),
                ("threshold_count", models.PositiveIntegerField(default=10)),
                ("threshold_window_minutes", models.PositiveIntegerField(default=5)),
                ("crash_free_below", models.FloatField(blank=True, null=True)),
                ("notify_interval_minutes", models.PositiveIntegerField(default=60)),
                ("rearm_after_minutes", models.PositiveIntegerField(default=60)),
                ("last_triggered_at", models.DateTimeField(blank=True, null=True)),
                (
                    "target_type",
                    models.CharField(
                        choices=[("email", "Email"), ("webhook", "Webhook")], default="email", max_length=16
                    ),
                ),
                ("target_value", models.CharField(max_length=2000)),
                ("secret", models.CharField(default=mini_sentry.alerts.models.new_secret, max_length=128)),
                ("active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="alert_rules", to="projects.project"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AlertState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("notified_at", models.DateTimeField(blank=True, null=True)),
                ("quiet_until", models.DateTimeField(blank=True, null=True)),
                ("snoozed_until", models.DateTimeField(blank=True, null=True)),
                (
                    "group",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="groups.group"),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="states", to="alerts.alertrule"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AlertTarget",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("target_type", models.CharField(choices=[("email", "Email"), ("webhook", "Webhook")], max_length=16)),
                ("target_value", models.CharField(max_length=2000)),
                ("subject_template", models.CharField(blank=True, default="", max_length=500)),
                ("body_template", models.TextField(blank=True, default="", max_length=20000)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "rule",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="targets", to="alerts.alertrule"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("duration_ms", models.PositiveIntegerField(null=True)),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[("sent", "Sent"), ("refused", "Refused"), ("failed", "Failed")],
                        default="",
                        max_length=16,
                    ),
                ),
                ("status_code", models.PositiveIntegerField(null=True)),
                ("detail", models.CharField(blank=True, default="", max_length=500)),
                (
                    "delivery",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="attempts", to="alerts.delivery"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, unique=True)),
                ("is_test", models.BooleanField(default=False)),
                ("facts", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                (
                    "group",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="groups.group"
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notifications",
                        to="alerts.alertrule",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="delivery",
            name="notification",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="deliveries", to="alerts.notification"
            ),
        ),
        migrations.AddIndex(
            model_name="alertrule",
            index=models.Index(
                fields=["project", "active", "condition", "threshold_count"], name="alert_rule_watching"
            ),
        ),
        migrations.AddConstraint(
            model_name="alertstate",
            constraint=models.UniqueConstraint(fields=("rule", "group"), name="alert_state_once"),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.UniqueConstraint(fields=("delivery", "number"), name="alert_attempt_once"),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(fields=["rule", "-id"], name="alert_notification_of_rule"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("status", "waiting")), fields=["next_attempt_at"], name="alert_delivery_due"
            ),
        ),
    ]
