"""Which code ran where: releases and environments, as events and sessions mention them, and the files of each."""

from django.db import models
from django.utils import timezone

from mini_sentry.projects.models import Project


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
    the file also serves other releases of the project, and needs none itself.
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
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["project", "debug_id"], name="artifact_by_debug_id")]

    def __str__(self) -> str:
        return self.name
