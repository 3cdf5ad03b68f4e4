"""Projects and their keys in the administration."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from mini_sentry.accounts.big_tables import DerivedAdmin
from mini_sentry.projects.models import OutcomeCount, Project, ProjectKey


class OfProject(admin.SimpleListFilter):
    """The rows of one project; there even with a single one, unlike Django's own, which then leaves the parameter aside."""

    title = "project"
    parameter_name = "project"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        return list(Project.objects.order_by("slug").values_list("pk", "slug"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.value()
        if wanted is None:
            return queryset
        return queryset.filter(project=wanted) if wanted.isdecimal() and len(wanted) < 19 else queryset.none()


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
class OutcomeCountAdmin(DerivedAdmin):
    list_display = ("hour", "project_id", "outcome", "reason", "category", "quantity")
    shown_with = ()
