"""Which code ran where: releases and environments, as events and sessions mention them, their files, sessions and deployments."""

from django.db import models
from django.utils import timezone

from mini_sentry.projects.models import Project
from mini_sentry.protocol import session as protocol


class Release(models.Model):
    """A version of a project's code in one environment; the row is made on first sight."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="releases")
    version = models.CharField(max_length=200)
    environment = models.CharField(max_length=64, blank=True, default="production")
    created_at = models.DateTimeField(default=timezone.now)
    date_released = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "version", "environment"], name="release_once")]

    def __str__(self) -> str:
        return self.version


class Environment(models.Model):
    """A place where a project's code runs; the empty name stands for events that named none."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="environments")
    name = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="environment_once")]

    def __str__(self) -> str:
        return self.name


class Artifact(models.Model):
    """A file that belongs to a release, for making stack traces readable. Its content is kept once, by its checksum.

    Several may have one name: the newest is used, the others are its history. `dist` is empty for a file of every build.
    `file_name` is what the map says it is the map of, `refers_to` the map that a minified file names as its own.
    `checksum` is the SHA-256 of the content in hex, `size` its bytes. `debug_id` is 36 characters in lower case; with one,
    the file also serves other releases of the project, and needs none itself. `is_applied` once the events that were
    stored before it have been mapped with it. `used_at` is when its content last mapped an event, to the day.
    """

    class Kind(models.TextChoices):
        SOURCE_MAP = "source_map"
        FUNCTION_MAP = "function_map"
        MINIFIED = "minified"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="artifacts")
    release = models.ForeignKey(Release, null=True, on_delete=models.CASCADE, related_name="artifacts")
    name = models.CharField(max_length=1024)
    dist = models.CharField(max_length=64, blank=True, default="")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    content_type = models.CharField(max_length=128, blank=True, default="")
    file_name = models.CharField(max_length=1024, blank=True, default="")
    refers_to = models.CharField(max_length=1024, blank=True, default="")
    debug_id = models.CharField(max_length=36, blank=True, default="")
    checksum = models.CharField(max_length=64, db_index=True)
    size = models.BigIntegerField()
    is_applied = models.BooleanField(default=False)
    used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["project", "debug_id"], name="artifact_by_debug_id"),
            models.Index(fields=["id"], name="artifact_to_apply", condition=models.Q(is_applied=False)),
        ]

    def __str__(self) -> str:
        return self.name


class SessionStatus(models.IntegerChoices):
    """How a session stands; it can only rise (`protocol.session.Status`)."""

    INIT = protocol.Status.INIT.value, "init"
    OK = protocol.Status.OK.value, "ok"
    ERRORED = protocol.Status.ERRORED.value, "errored"
    EXITED = protocol.Status.EXITED.value, "exited"
    ABNORMAL = protocol.Status.ABNORMAL.value, "abnormal"
    UNHANDLED = protocol.Status.UNHANDLED.value, "unhandled"
    CRASHED = protocol.Status.CRASHED.value, "crashed"


class Session(models.Model):
    """One run of an app as its updates left it, or `quantity` runs of one count that ended alike.

    Times are Unix milliseconds: when it began, the latest update's own time, and when its first update was received, which
    never changes. `placed_at` is that of the update that named release and environment. `user` is the client's distinct id, ""
    for none. `revision` rises with every change.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    session_id = models.CharField(max_length=200)
    release = models.ForeignKey(Release, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    environment = models.CharField(max_length=64, blank=True)
    user = models.CharField(max_length=128, blank=True)
    status = models.PositiveSmallIntegerField(choices=SessionStatus.choices)
    errors = models.PositiveIntegerField()
    duration_ms = models.BigIntegerField(null=True)
    quantity = models.PositiveIntegerField()
    started_at = models.BigIntegerField()
    updated_at = models.BigIntegerField()
    received_at = models.BigIntegerField()
    placed_at = models.BigIntegerField()
    revision = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "session_id"], name="session_once")]
        indexes = [models.Index(fields=["project", "started_at"], name="session_by_start")]

    def __str__(self) -> str:
        return self.session_id


class Deployment(models.Model):
    """A release put somewhere; under way until it is finished. `url` leads to whoever did it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="deployments", db_index=False)
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="deployments")
    environment = models.CharField(max_length=64, default="production")
    name = models.CharField(max_length=200, blank=True, default="")
    url = models.URLField(max_length=500, blank=True, default="")
    date_started = models.DateTimeField(default=timezone.now)
    date_finished = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["project", "-date_started"], name="deployment_by_start")]

    def __str__(self) -> str:
        return self.name or f"deployment {self.pk}"
