"""Releases, environments and the files of releases in the administration."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from mini_sentry.accounts.big_tables import BigTableAdmin, DerivedAdmin
from mini_sentry.projects.admin import OfProject
from mini_sentry.releases.models import Artifact, Environment, Release


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
