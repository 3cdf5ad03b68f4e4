"""What is watched (rules), who is told (targets), and what was told (notifications, their deliveries and attempts)."""

import secrets
import uuid

from django.db import models
from django.utils import timezone

from mini_sentry.groups.models import Group, Level
from mini_sentry.projects.models import Project


def new_secret() -> str:
    """48 hex digits, unguessable."""
    return secrets.token_hex(24)


class Condition(models.TextChoices):
    """When a rule fires."""

    THRESHOLD = "threshold"
    NEW_GROUP = "new_group"
    REGRESSION = "regression"
    CRASH_FREE = "crash_free"


class TargetType(models.TextChoices):
    EMAIL = "email"
    WEBHOOK = "webhook"


class AlertRule(models.Model):
    """What a project's people want to hear of.

    `level` and `environment` are empty for any. `threshold_count` is a number of events or, for a crash-free rule, the
    fewest sessions that say anything. `crash_free_below` is a percentage, for crash-free rules alone.
    `rearm_after_minutes` takes the place of a `notify_interval_minutes` of 0. `secret` signs the bodies of webhooks.
    `target_type` and `target_value` count while the rule has no `AlertTarget`.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="alert_rules")
    name = models.CharField(max_length=200)
    condition = models.CharField(max_length=16, choices=Condition.choices, default=Condition.THRESHOLD)
    level = models.CharField(max_length=16, choices=Level.choices, blank=True, default="")
    environment = models.CharField(max_length=64, blank=True, default="")
    threshold_count = models.PositiveIntegerField(default=10)
    threshold_window_minutes = models.PositiveIntegerField(default=5)
    crash_free_below = models.FloatField(null=True, blank=True)
    notify_interval_minutes = models.PositiveIntegerField(default=60)
    rearm_after_minutes = models.PositiveIntegerField(default=60)
    last_triggered_at = models.DateTimeField(null=True, blank=True)
    target_type = models.CharField(max_length=16, choices=TargetType.choices, default=TargetType.EMAIL)
    target_value = models.CharField(max_length=2000)
    secret = models.CharField(max_length=128, default=new_secret)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["project", "active", "condition", "threshold_count"], name="alert_rule_watching")
        ]

    def __str__(self) -> str:
        return self.name


class AlertTarget(models.Model):
    """One place that a rule's notifications go to. Templates are empty for the usual text (`alerts.templates`)."""

    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="targets")
    target_type = models.CharField(max_length=16, choices=TargetType.choices)
    target_value = models.CharField(max_length=2000)
    subject_template = models.CharField(max_length=500, blank=True, default="")
    body_template = models.TextField(max_length=20_000, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.target_type} {self.target_value}"


class AlertState(models.Model):
    """How a rule stands with one group: told of it at `notified_at`, not to be told of it before `quiet_until`, and
    silenced by a person until `snoozed_until`. Whoever moves `quiet_until` on is the one who notifies."""

    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="states")
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="+")
    notified_at = models.DateTimeField(null=True, blank=True)
    quiet_until = models.DateTimeField(null=True, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "group"], name="alert_state_once")]

    def __str__(self) -> str:
        return f"{self.rule_id} on {self.group_id}"


class AlertTrigger(models.Model):
    """What a digested batch changed and rules must still look at (`alerts.triggers`); gone once they have."""

    created_at = models.DateTimeField()
    body = models.BinaryField()

    def __str__(self) -> str:
        return f"trigger {self.pk}"


class Notification(models.Model):
    """A rule fired. `facts` are what the seven names of templates and more stand for, as webhooks get them.

    `group` is null for a project's crash-free rate. `uid` stays the same over every attempt to deliver it.
    """

    uid = models.UUIDField(unique=True, default=uuid.uuid4)
    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="notifications", db_index=False)
    group = models.ForeignKey(Group, null=True, on_delete=models.CASCADE, related_name="+")
    is_test = models.BooleanField(default=False)
    facts = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        indexes = [models.Index(fields=["rule", "-id"], name="alert_notification_of_rule")]

    def __str__(self) -> str:
        return f"{self.rule_id} at {self.created_at:%Y-%m-%d %H:%M}"


class Delivery(models.Model):
    """A notification on its way to one target, which is copied here: a target may change or go meanwhile.

    Waiting, it is due at `next_attempt_at`; whoever attempts it holds it until `leased_until`. Deliveries of one
    `destination` (a webhook's address, or all mail) wait for each other and for nobody else.
    """

    class Status(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        FAILED = "failed"

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="deliveries")
    target_type = models.CharField(max_length=16, choices=TargetType.choices)
    target_value = models.CharField(max_length=2000)
    subject_template = models.CharField(max_length=500, blank=True, default="")
    body_template = models.TextField(blank=True, default="")
    destination = models.CharField(max_length=300)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.WAITING)
    attempt_count = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, default=timezone.now)
    leased_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["next_attempt_at"], name="alert_delivery_due", condition=models.Q(status="waiting"))
        ]

    def __str__(self) -> str:
        return f"{self.target_type} {self.target_value}: {self.status}"


class Attempt(models.Model):
    """One try to deliver. `outcome` is empty while it runs, and stays so if its process died; `status_code` is the
    receiver's HTTP or SMTP code; `detail` says what went wrong."""

    class Outcome(models.TextChoices):
        SENT = "sent"
        REFUSED = "refused"
        FAILED = "failed"

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField(default=timezone.now)
    duration_ms = models.PositiveIntegerField(null=True)
    outcome = models.CharField(max_length=16, choices=Outcome.choices, blank=True, default="")
    status_code = models.PositiveIntegerField(null=True)
    detail = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="alert_attempt_once")]

    def __str__(self) -> str:
        return f"attempt {self.number}: {self.outcome or 'running'}"
