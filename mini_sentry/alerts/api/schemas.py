"""The shapes of rules, targets and notifications: what may be sent, and for the API's document what is answered."""

from collections.abc import Mapping
from typing import Any, Final

from rest_framework import serializers
from rest_framework.fields import empty

from mini_sentry.alerts.addresses import TargetInvalid, check
from mini_sentry.alerts.models import AlertRule, Attempt, Condition, Delivery, TargetType
from mini_sentry.groups.models import Level
from mini_sentry.projects.api import MAX_ID, ProjectIdField
from mini_sentry.projects.models import Project
from mini_sentry.protocol.limits import DEFAULT

MAX_COUNT: Final = 1_000_000
MAX_WINDOW_MINUTES: Final = 30 * 24 * 60
MAX_QUIET_MINUTES: Final = 366 * 24 * 60
REQUIRED: Final = ("project", "name", "target_value")
LEVELS: Final = [level.value for level in Level]


class _Flag(serializers.BooleanField):
    """In a form, too, a flag that is not sent is not a no."""

    default_empty_html = empty


class RuleFieldsSerializer(serializers.Serializer[Any]):
    """What decides when a rule fires. Absent fields take their defaults or, in a change, stay as they are."""

    condition = serializers.ChoiceField(
        choices=Condition.values,
        default=Condition.THRESHOLD,
        help_text="`threshold`: a group's events within the window reach the count. `new_group`: a group is seen for the "
        "first time. `regression`: a resolved group occurs again. `crash_free`: the project's crash-free rate over the "
        "window is below the limit.",
    )
    level = serializers.ChoiceField(
        choices=LEVELS,
        allow_blank=True,
        default="",
        help_text="Empty for any; `error` takes in fatal. Does not count for crash-free rules.",
    )
    environment = serializers.CharField(
        max_length=DEFAULT.environment_chars, allow_blank=True, default="", help_text="Empty for any."
    )
    threshold_count = serializers.IntegerField(
        min_value=1,
        max_value=MAX_COUNT,
        default=10,
        help_text="Events or, for a crash-free rule, the fewest sessions that say anything.",
    )
    threshold_window_minutes = serializers.IntegerField(min_value=1, max_value=MAX_WINDOW_MINUTES, default=5)
    crash_free_below = serializers.FloatField(
        min_value=0, max_value=100, allow_null=True, default=None, help_text="Percent; for crash-free rules."
    )
    notify_interval_minutes = serializers.IntegerField(
        min_value=0,
        max_value=MAX_QUIET_MINUTES,
        default=60,
        help_text="At most one notification per rule and group in this time; 0 takes `rearm_after_minutes`.",
    )
    rearm_after_minutes = serializers.IntegerField(min_value=1, max_value=MAX_QUIET_MINUTES, default=60)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if _after(self, attrs, "condition") == Condition.CRASH_FREE and _after(self, attrs, "crash_free_below") is None:
            raise serializers.ValidationError({"crash_free_below": ["A crash-free rule needs a limit."]})
        return attrs


class AlertRuleSerializer(RuleFieldsSerializer):
    id = serializers.IntegerField(read_only=True)
    project = serializers.IntegerField(min_value=1, max_value=MAX_ID, help_text="An id. A rule stays in its project.")
    name = serializers.CharField(max_length=200)
    last_triggered_at = serializers.DateTimeField(read_only=True, allow_null=True)
    target_type = serializers.ChoiceField(choices=TargetType.values, default=TargetType.EMAIL)
    target_value = serializers.CharField(
        max_length=2000,
        help_text="Addresses separated by commas, or the address of a webhook. Counts while the rule has no targets of "
        "its own.",
    )
    active = _Flag(default=True)
    secret = serializers.CharField(
        max_length=128, required=False, help_text="The key of the signature of webhooks; made when it is not given."
    )
    created_at = serializers.DateTimeField(read_only=True)

    def validate_project(self, value: int) -> int:
        if isinstance(self.instance, AlertRule):
            if value != self.instance.project_id:
                raise serializers.ValidationError("A rule stays in its project.")
        elif not Project.objects.filter(pk=value).exists():
            raise serializers.ValidationError(f"There is no project {value}.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return _with_target(self, super().validate(attrs))


class GroupRuleSerializer(AlertRuleSerializer):
    """A rule as it stands with one group."""

    suppress_until = serializers.DateTimeField(allow_null=True, help_text="Silenced for this group until then.")
    last_notified_at = serializers.DateTimeField(allow_null=True, help_text="Of this group.")


class AlertTargetSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    rule = serializers.IntegerField(read_only=True)
    target_type = serializers.ChoiceField(choices=TargetType.values)
    target_value = serializers.CharField(max_length=2000)
    subject_template = serializers.CharField(
        max_length=500,
        allow_blank=True,
        default="",
        help_text="Names in single braces: project, group_id, group_title, level, message, count, received_at.",
    )
    body_template = serializers.CharField(max_length=20_000, allow_blank=True, default="", trim_whitespace=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return _with_target(self, attrs)


def _after(of: serializers.Serializer[Any], attrs: Mapping[str, Any], name: str) -> Any:
    """What a field will be after the change."""
    return attrs[name] if name in attrs else getattr(of.instance, name, None)


def _with_target(of: serializers.Serializer[Any], attrs: dict[str, Any]) -> dict[str, Any]:
    """With the target as it is kept, where the change touches it."""
    if "target_type" in attrs or "target_value" in attrs:
        try:
            attrs["target_value"] = check(_after(of, attrs, "target_type"), _after(of, attrs, "target_value"))
        except TargetInvalid as error:
            raise serializers.ValidationError({"target_value": [str(error)]}) from error
    return attrs


class SnoozeSerializer(serializers.Serializer[Any]):
    group = serializers.IntegerField(min_value=0, max_value=MAX_ID)
    minutes = serializers.IntegerField(min_value=1, max_value=MAX_QUIET_MINUTES, default=60)


class UnsnoozeSerializer(serializers.Serializer[Any]):
    group = serializers.IntegerField(min_value=0, max_value=MAX_ID)


class SnoozedSerializer(serializers.Serializer[Any]):
    ok = serializers.BooleanField()
    suppress_until = serializers.DateTimeField()


class DoneSerializer(serializers.Serializer[Any]):
    ok = serializers.BooleanField()


class AttemptSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="From 1.")
    started_at = serializers.DateTimeField()
    duration_ms = serializers.IntegerField(allow_null=True, help_text="null while it runs.")
    outcome = serializers.ChoiceField(
        choices=Attempt.Outcome.values, allow_blank=True, help_text="Empty while it runs. Refused is not tried again."
    )
    status_code = serializers.IntegerField(allow_null=True, help_text="The receiver's HTTP or SMTP code.")
    detail = serializers.CharField(help_text="What went wrong; empty if nothing did.")


class DeliverySerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    target_type = serializers.ChoiceField(choices=TargetType.values)
    target_value = serializers.CharField()
    status = serializers.ChoiceField(choices=Delivery.Status.values)
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    attempts = AttemptSerializer(many=True)


class NotificationSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    uid = serializers.CharField(help_text="The `X-Mini-Sentry-Delivery` of webhooks.")
    rule = serializers.IntegerField()
    group = serializers.IntegerField(allow_null=True, help_text="null for crash-free rates and tests.")
    is_test = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    facts = serializers.DictField(help_text="What webhooks are sent, the seven names of templates among it.")
    deliveries = DeliverySerializer(many=True)


class PreviewFiringSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    group = serializers.IntegerField(allow_null=True)
    short_id = serializers.CharField()
    title = serializers.CharField()


class PreviewSerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField(help_text="Later than asked when there were too many events to look at.")
    end = serializers.DateTimeField()
    is_complete = serializers.BooleanField(help_text="Whether all of the time asked for was looked at.")
    count = serializers.IntegerField(help_text="How often it would have notified.")
    groups = serializers.IntegerField(help_text="Of how many groups.")
    firings = PreviewFiringSerializer(many=True, help_text="The newest 500, newest first.")


class PreviewRuleSerializer(RuleFieldsSerializer):
    project = ProjectIdField(help_text="An id.")
