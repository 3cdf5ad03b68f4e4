"""Groups, their events and what was said of them in the administration."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from mini_sentry.accounts.big_tables import DerivedAdmin
from mini_sentry.groups import short_ids
from mini_sentry.groups.models import Activity, Comment, Event, Group, GroupHash
from mini_sentry.projects.admin import OfProject
from mini_sentry.projects.models import Project
from mini_sentry.protocol import ids

SEARCH_HELP = "By event id (32 hex digits) or short id (SHOP-1F3)."


def _event(term: str) -> QuerySet[Event] | None:
    """The event of this id; None for what is no event id. Ids are indexed within their projects."""
    event_id = ids.normalise(term)
    if not event_id:
        return None
    return Event.objects.filter(project__in=list(Project.objects.values_list("pk", flat=True)), event_id=event_id)


def _named_groups(term: str) -> list[int]:
    """The ids of the groups that a short id names: project slugs may differ in their case alone."""
    parsed = short_ids.parse(term)
    if parsed is None:
        return []
    return list(Group.objects.filter(project__slug__iexact=parsed[0], number=parsed[1]).values_list("pk", flat=True))


@admin.register(Group)
class GroupAdmin(DerivedAdmin):
    list_display = (
        "short_id",
        "title",
        "project",
        "level",
        "status",
        "count",
        "stored_count",
        "first_seen",
        "last_seen",
    )
    list_display_links = ("short_id", "title")
    list_filter = ("status", "level", OfProject)
    search_fields = ("number",)
    search_help_text = SEARCH_HELP
    ordered_by_filter = {"project": ("-last_seen", "-pk")}

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> Any:
        term = search_term.strip()
        if not term:
            return queryset, False
        found = _event(term)
        groups = _named_groups(term) if found is None else list(found.values_list("group", flat=True))
        return queryset.filter(pk__in=groups), False

    @admin.display(description="short id")
    def short_id(self, group: Group) -> str:
        return short_ids.short_id(group.project.slug, group.number)


@admin.register(Event)
class EventAdmin(DerivedAdmin):
    list_display = ("event", "message", "project", "group", "level", "environment", "release", "received_at")
    list_filter = (OfProject,)
    search_fields = ("event_id",)
    search_help_text = SEARCH_HELP
    shown_with = ("project", "group", "release")
    ordered_by_filter = {"project": ("-received_at", "-pk"), "group__id__exact": ("-received_at", "-pk")}

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> Any:
        term = search_term.strip()
        if not term:
            return queryset, False
        found = _event(term)
        if found is not None:
            return queryset.filter(pk__in=list(found.values_list("pk", flat=True))), False
        of_groups = Q(group__in=_named_groups(term))
        return queryset.filter(of_groups).order_by("-received_at", "-pk"), False

    @admin.display(description="event id")
    def event(self, event: Event) -> str:
        return event.event_id.hex


@admin.register(GroupHash)
class GroupHashAdmin(DerivedAdmin):
    list_display = ("hash", "variant", "project", "group", "config", "created_at")
    list_filter = (OfProject,)
    shown_with = ("project", "group")


@admin.register(Activity)
class ActivityAdmin(DerivedAdmin):
    list_display = ("kind", "group", "author", "created_at")
    list_filter = ("kind",)
    shown_with = ("group",)


@admin.register(Comment)
class CommentAdmin(DerivedAdmin):
    list_display = ("group", "author", "body", "created_at")
    shown_with = ("group",)
