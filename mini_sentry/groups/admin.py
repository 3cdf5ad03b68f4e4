"""Groups, their events and what was said of them in the administration."""

from django.contrib import admin

from mini_sentry.accounts.big_tables import BigTableAdmin
from mini_sentry.groups.models import Activity, Comment, Event, Group, GroupHash


@admin.register(Group)
class GroupAdmin(BigTableAdmin):
    list_display = ("title", "project_id", "number", "level", "status", "count", "first_seen", "last_seen")
    list_filter = ("project", "status", "level")
    raw_id_fields = ("project", "first_release", "last_release")


@admin.register(Event)
class EventAdmin(BigTableAdmin):
    list_display = ("event_id", "message", "project_id", "group_id", "level", "environment", "received_at")
    list_filter = ("project",)
    raw_id_fields = ("project", "group", "release")


@admin.register(GroupHash)
class GroupHashAdmin(BigTableAdmin):
    list_display = ("hash", "variant", "project_id", "group_id", "config", "created_at")
    list_filter = ("project",)
    raw_id_fields = ("project", "group")


@admin.register(Activity)
class ActivityAdmin(BigTableAdmin):
    list_display = ("kind", "group_id", "author", "created_at")
    list_filter = ("kind",)
    raw_id_fields = ("group",)


@admin.register(Comment)
class CommentAdmin(BigTableAdmin):
    list_display = ("group_id", "author", "body", "created_at")
    raw_id_fields = ("group",)
