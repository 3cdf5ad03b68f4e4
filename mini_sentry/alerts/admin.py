"""Alert rules, who is told, and what was told, in the administration."""

from django.contrib import admin

from mini_sentry.accounts.big_tables import BigTableAdmin, DerivedAdmin
from mini_sentry.alerts.models import AlertRule, AlertTarget, Attempt, Delivery, Notification
from mini_sentry.projects.admin import OfProject


class AlertTargets(admin.TabularInline):  # type: ignore[type-arg]
    model = AlertTarget
    extra = 0
    readonly_fields = ("created_at",)


@admin.register(AlertRule)
class AlertRuleAdmin(BigTableAdmin):
    list_display = ("name", "project", "condition", "level", "environment", "active", "last_triggered_at")
    list_filter = ("active", "condition", OfProject)
    search_fields = ("name__startswith",)
    search_help_text = "By the name's beginning."
    autocomplete_fields = ("project",)
    readonly_fields = ("last_triggered_at", "created_at")
    inlines = (AlertTargets,)


@admin.register(Notification)
class NotificationAdmin(DerivedAdmin):
    list_display = ("created_at", "rule", "group", "is_test")
    shown_with = ("rule", "group")


@admin.register(Delivery)
class DeliveryAdmin(DerivedAdmin):
    list_display = ("target_type", "target_value", "status", "attempt_count", "next_attempt_at", "notification_id")
    list_filter = ("status",)
    shown_with = ()


@admin.register(Attempt)
class AttemptAdmin(DerivedAdmin):
    list_display = ("started_at", "delivery_id", "number", "outcome", "status_code", "duration_ms", "detail")
    list_filter = ("outcome",)
    shown_with = ()
