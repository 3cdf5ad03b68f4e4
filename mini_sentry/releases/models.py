"""Which code ran where: releases and environments, as events and sessions mention them."""

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
