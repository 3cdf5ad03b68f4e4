"""Groups (the UI says issues), the events in them, and what people and the pipeline did to them."""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.utils import timezone

from mini_sentry.groups import partitions
from mini_sentry.groups.compressed import CompressedJSON
from mini_sentry.projects.models import Project
from mini_sentry.releases.models import Release


class Status(models.TextChoices):
    UNRESOLVED = "unresolved"
    RESOLVED = "resolved"
    IGNORED = "ignored"


class Level(models.TextChoices):
    FATAL = "fatal"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    DEBUG = "debug"


class Group(models.Model):
    """What events with the same fingerprint gather in.

    `number` counts within the project and gives the short id. `count` is every event that was ever counted,
    `stored_count` those still kept. `first_seen` and `last_seen` follow the times at which the edge received events.
    `type`, `value`, `title` and `culprit` are the latest event's.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="groups")
    number = models.PositiveBigIntegerField()
    title = models.CharField(max_length=512)
    type = models.CharField(max_length=256, blank=True, default="")
    value = models.CharField(max_length=512, blank=True, default="")
    culprit = models.CharField(max_length=256, blank=True, default="")
    level = models.CharField(max_length=16, choices=Level.choices, default=Level.ERROR)
    platform = models.CharField(max_length=64, blank=True, default="")
    handled = models.BooleanField(null=True)
    grouping_config = models.CharField(max_length=64, blank=True, default="")
    count = models.BigIntegerField(default=0)
    stored_count = models.BigIntegerField(default=0)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    first_release = models.ForeignKey(Release, null=True, on_delete=models.SET_NULL, related_name="+")
    last_release = models.ForeignKey(Release, null=True, on_delete=models.SET_NULL, related_name="+")
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.UNRESOLVED)
    resolved_at = models.DateTimeField(null=True, blank=True)
    regressed_at = models.DateTimeField(null=True, blank=True)
    assignee = models.CharField(max_length=200, blank=True, default="")
    is_bookmarked = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="group_number_once")]
        indexes = [
            models.Index(fields=["project", "status", "-last_seen", "-id"], name="group_by_last_seen"),
            models.Index(fields=["project", "-last_seen", "-id"], name="group_all_by_last_seen"),
            models.Index(fields=["project", "-first_seen", "-id"], name="group_by_first_seen"),
            models.Index(fields=["project", "-count", "-id"], name="group_by_count"),
        ]

    def __str__(self) -> str:
        return self.title


class GroupHash(models.Model):
    """A hash that leads to a group, and why the first event with it got it (`explanation`, a list of components)."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    hash = models.CharField(max_length=32)
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="hashes", db_constraint=False)
    variant = models.CharField(max_length=32)
    config = models.CharField(max_length=64)
    explanation = CompressedJSON(default=list)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "hash"], name="group_hash_once")]

    def __str__(self) -> str:
        return self.hash


class GroupScope(models.Model):
    """How often a group was seen in one environment and release; what the filters of the issue list ask.

    `release_version` and `environment` are empty for events that named none.
    """

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="scopes", db_constraint=False)
    environment = models.CharField(max_length=64, blank=True)
    release_version = models.CharField(max_length=200, blank=True)
    count = models.BigIntegerField(default=0)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["group", "environment", "release_version"], name="group_scope_once")
        ]

    def __str__(self) -> str:
        return f"{self.group_id} {self.environment} {self.release_version}"


class _Events(models.QuerySet["Event"]):
    """Rows may be of any day: the store makes room for it first."""

    def bulk_create(self, objs: Iterable["Event"], *args: Any, **options: Any) -> list["Event"]:
        rows = list(objs)
        partitions.receive(row.received_at for row in rows)
        return super().bulk_create(rows, *args, **options)


class Event(models.Model):
    """One stored event. `received_at` is the edge's clock, `timestamp` the client's, corrected and clamped.

    `body_id` names the body in the store of `received_at`'s day (`groups.bodies`). `message` is cut to what search needs.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    group = models.ForeignKey(
        Group, on_delete=models.CASCADE, related_name="events", db_index=False, db_constraint=False
    )
    event_id = models.UUIDField()
    received_at = models.DateTimeField()
    timestamp = models.DateTimeField()
    level = models.CharField(max_length=16)
    environment = models.CharField(max_length=64, blank=True, default="")
    release = models.ForeignKey(Release, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    user = models.CharField(max_length=200, blank=True, default="")
    message = models.CharField(max_length=200, blank=True, default="")
    body_id = models.BigIntegerField()

    objects = _Events.as_manager()

    class Meta:
        base_manager_name = "objects"
        # On PostgreSQL it is kept by a table of its own (migration 0002).
        constraints = [models.UniqueConstraint(fields=["project", "event_id"], name="event_once")]
        indexes = [
            models.Index(fields=["project", "received_at", "id"], name="event_by_received"),
            models.Index(fields=["group", "received_at", "id"], name="event_of_group"),
        ]

    def __str__(self) -> str:
        return self.event_id.hex

    def save(self, *args: Any, **options: Any) -> None:
        if self._state.adding:
            partitions.receive([self.received_at])
        super().save(*args, **options)


class Activity(models.Model):
    """Something that happened to a group: a change of status, an assignment, a regression."""

    class Kind(models.TextChoices):
        FIRST_SEEN = "first_seen"
        RESOLVED = "resolved"
        UNRESOLVED = "unresolved"
        IGNORED = "ignored"
        REGRESSED = "regressed"
        ASSIGNED = "assigned"
        UNASSIGNED = "unassigned"
        BOOKMARKED = "bookmarked"
        UNBOOKMARKED = "unbookmarked"

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="activities")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    author = models.CharField(max_length=200, blank=True, default="")
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.kind


class Comment(models.Model):
    """What a person wrote under a group; plain text."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="comments")
    author = models.CharField(max_length=200, blank=True, default="")
    body = models.TextField(max_length=8192)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.body[:40]


class BodyDictionary(models.Model):
    """A zstd dictionary that bodies were compressed with. Kept as long as a body refers to it."""

    project_id = models.BigIntegerField(db_index=True)
    data = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"dictionary {self.pk}"


class DigestPosition(models.Model):
    """How far the digest has got in one partition of one log: moved in the transaction that stored the work."""

    log_id = models.CharField(max_length=64)
    topic = models.CharField(max_length=64)
    partition = models.IntegerField(default=0)
    next_offset = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["log_id", "topic", "partition"], name="digest_position_once")]

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}: {self.next_offset}"


class Outbox(models.Model):
    """Messages that a committed batch owes to the log's other topics; a row goes when they are durable there."""

    body = models.BinaryField()

    def __str__(self) -> str:
        return f"outbox {self.pk}"


class Announcement(models.Model):
    """What a committed batch did, for waiters and open pages. Kept ten minutes. `created_at` is Unix seconds."""

    created_at = models.FloatField()
    body = models.BinaryField()

    class Meta:
        db_table = "live_announcement"

    def __str__(self) -> str:
        return f"announcement {self.pk}"
