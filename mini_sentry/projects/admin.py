"""Projects and their keys in the administration."""

from django.contrib import admin
from django.http import HttpRequest

from mini_sentry.accounts.big_tables import BigTableAdmin
from mini_sentry.projects.models import OutcomeCount, Project, ProjectKey


class ProjectKeys(admin.TabularInline):  # type: ignore[type-arg]
    model = ProjectKey
    extra = 0
    fields = ("label", "public_key", "is_active", "created_at")
    readonly_fields = ("public_key", "created_at")


@admin.register(Project)
class ProjectAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "slug", "platform", "is_active", "created_at", "last_event_at")
    search_fields = ("name", "slug")
    readonly_fields = ("ingest_token", "next_group_number", "created_at", "first_event_at", "last_event_at")
    inlines = (ProjectKeys,)

    def has_delete_permission(self, request: HttpRequest, obj: Project | None = None) -> bool:
        """Not here: it would read every event of the project into memory."""
        return False


@admin.register(OutcomeCount)
class OutcomeCountAdmin(BigTableAdmin):
    list_display = ("hour", "project_id", "outcome", "reason", "category", "quantity")
    list_filter = ("outcome",)
