"""Releases, environments, and the files, sessions and deployments of releases in the administration."""

from datetime import datetime

from django.contrib import admin
from django.db import models
from django.db.models import Model
from django.http import HttpRequest

from mini_sentry.accounts.big_tables import BigTableAdmin, DerivedAdmin
from mini_sentry.projects.admin import OfProject
from mini_sentry.projects.statements import moment
from mini_sentry.releases.models import Artifact, Deployment, Environment, Release, Session


@admin.register(Release)
class ReleaseAdmin(BigTableAdmin):
    """`date_released` can be set; the rest says what events named."""

    list_display = ("version", "environment", "project", "created_at", "date_released")
    list_filter = (OfProject,)
    search_fields = ("version__startswith",)
    search_help_text = "By the version's beginning."
    readonly_fields = ("project", "version", "environment", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Not here: it would look through every event."""
        return False


@admin.register(Environment)
class EnvironmentAdmin(DerivedAdmin):
    list_display = ("name", "project", "created_at")
    list_filter = (OfProject,)


@admin.register(Artifact)
class ArtifactAdmin(DerivedAdmin):
    list_display = ("name", "kind", "project", "release", "dist", "debug_id", "size", "created_at")
    list_filter = (OfProject, "kind")
    search_fields = ("name__startswith", "=debug_id", "=checksum")
    search_help_text = "By the name's beginning, or by the whole debug id or checksum."
    shown_with = ("project", "release")


@admin.register(Session)
class SessionAdmin(DerivedAdmin):
    list_display = ("session_id", "project", "status", "release", "environment", "quantity", "started", "updated")
    list_filter = (OfProject,)
    shown_with = ("project", "release")
    ordered_by_filter = {"project": ("-started_at",)}

    @admin.display
    def started(self, session: Session) -> datetime:
        return moment(session.started_at / 1000)

    @admin.display
    def updated(self, session: Session) -> datetime:
        return moment(session.updated_at / 1000)


@admin.register(Deployment)
class DeploymentAdmin(BigTableAdmin):
    list_display = ("name", "project", "release", "environment", "url", "date_started", "date_finished")
    list_display_links = ("name", "date_started")
    list_filter = (OfProject,)
    shown_with = ("project", "release")
    ordered_by_filter = {"project": ("-date_started",)}
    fields = ("project", "release", "environment", "name", "url", "date_started", "date_finished")
    autocomplete_fields = ("project", "release")
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """What was put where does not change afterwards."""
        return ("project", "release") if obj else ()
