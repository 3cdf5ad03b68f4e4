"""Releases and environments in the administration."""

from django.contrib import admin

from mini_sentry.accounts.big_tables import BigTableAdmin
from mini_sentry.releases.models import Environment, Release


@admin.register(Release)
class ReleaseAdmin(BigTableAdmin):
    list_display = ("version", "environment", "project_id", "created_at", "date_released")
    list_filter = ("project",)
    search_fields = ("version",)


@admin.register(Environment)
class EnvironmentAdmin(BigTableAdmin):
    list_display = ("name", "project_id", "created_at")
    list_filter = ("project",)
