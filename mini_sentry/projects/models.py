"""What sends events: projects, the keys they send with, and how their items ended."""

import secrets

from django.db import models
from django.utils import timezone


def new_ingest_token() -> str:
    """48 hex digits, unguessable."""
    return secrets.token_hex(24)


def new_public_key() -> str:
    """32 lower-case hex digits, the only form that every SDK and Relay accept."""
    return secrets.token_hex(16)


class Project(models.Model):
    """An app, or a part of one, that sends events. `next_group_number` is the number its next group will get."""

    name = models.CharField(max_length=200, unique=True)
    slug = models.SlugField(max_length=50, unique=True)
    platform = models.CharField(max_length=64, blank=True, default="")
    ingest_token = models.CharField(max_length=64, unique=True, default=new_ingest_token)
    is_active = models.BooleanField(default=True)
    next_group_number = models.PositiveBigIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)
    first_event_at = models.DateTimeField(null=True, blank=True)
    last_event_at = models.DateTimeField(null=True, blank=True)
    grouping_config = models.CharField(max_length=64, blank=True, default="")
    stack_rules = models.TextField(blank=True, default="")
    fingerprint_rules = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return self.slug


class ProjectKey(models.Model):
    """The public half of a DSN. A project may have several; a key that is not active is refused."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="keys")
    public_key = models.CharField(max_length=32, unique=True, default=new_public_key)
    label = models.CharField(max_length=64, blank=True, default="Default")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.project_id}:{self.label}"


class OutcomeCount(models.Model):
    """How many items of a project ended one way in the hour that starts at `hour`.

    `project_id` is 0 for items that no project could be told for.
    """

    project_id = models.BigIntegerField()
    hour = models.DateTimeField()
    outcome = models.CharField(max_length=16)
    reason = models.CharField(max_length=64, blank=True, default="")
    category = models.CharField(max_length=32)
    quantity = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project_id", "hour", "outcome", "reason", "category"], name="outcome_count_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.outcome} {self.reason} {self.category}: {self.quantity}"


class CountedRecord(models.Model):
    """A record of the log whose counts are in, where the log may hold a record twice: its second copy counts nothing."""

    record_id = models.UUIDField(primary_key=True)
    counted_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.record_id.hex
