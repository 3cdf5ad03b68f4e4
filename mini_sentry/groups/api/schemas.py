"""The shapes of groups and what is counted of them, for the API's document. Answers are built as plain objects (`shape`, `detail`), because
a serializer costs more than the rows themselves; the tests hold the two together."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import build_object_type
from drf_spectacular.utils import Direction, extend_schema_field
from rest_framework import serializers

from mini_sentry.groups.models import Activity, Level, Status
from mini_sentry.groups.transitions import ASSIGNEE_CHARS, Action

SUBSTATUSES = ("new", "regressed", "ongoing")


class GroupSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    project = serializers.IntegerField()
    title = serializers.CharField()
    level = serializers.ChoiceField(choices=Level.values)
    count = serializers.IntegerField(help_text="Every event that was ever counted.")
    first_seen = serializers.DateTimeField()
    last_seen = serializers.DateTimeField()
    status = serializers.ChoiceField(choices=Status.values)
    resolved_at = serializers.DateTimeField(allow_null=True)
    assignee = serializers.CharField(help_text="Empty for nobody.")
    is_bookmarked = serializers.BooleanField()
    short_id = serializers.CharField(help_text="The project's slug and the group's number within it: `WEB-1F3`.")
    stored_count = serializers.IntegerField(help_text="Those of `count` that are still kept.")
    type = serializers.CharField()
    value = serializers.CharField()
    culprit = serializers.CharField()
    platform = serializers.CharField()
    handled = serializers.BooleanField(allow_null=True, help_text="Of the latest event; null if nothing says.")
    environments = serializers.ListField(child=serializers.CharField())
    substatus = serializers.ChoiceField(choices=SUBSTATUSES, allow_null=True, help_text="null when not unresolved.")
    first_release = serializers.CharField(allow_null=True, help_text="A version.")
    last_release = serializers.CharField(allow_null=True, help_text="A version.")
    hash_count = serializers.IntegerField()
    grouping = serializers.CharField(help_text="The grouping configuration that made the group.")


class OkSerializer(serializers.Serializer[Any]):
    ok = serializers.BooleanField()


class AssignSerializer(serializers.Serializer[Any]):
    assignee = serializers.CharField(max_length=ASSIGNEE_CHARS, allow_blank=True, help_text="Empty takes it away.")


class BulkActionSerializer(serializers.Serializer[Any]):
    project = serializers.CharField(help_text="A slug.")
    action = serializers.ChoiceField(
        choices=[action.value for action in Action],
        help_text="`undo` takes back the last change of status, unless the group has come back since.",
    )
    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), required=False, max_length=10_000
    )
    q = serializers.CharField(
        required=False,
        allow_blank=True,
        help_text="Instead of `ids`: all that match. The list's other filters go into the query string.",
    )
    assignee = serializers.CharField(max_length=ASSIGNEE_CHARS, required=False, allow_blank=True)


class BulkResultSerializer(serializers.Serializer[Any]):
    changed = serializers.ListField(child=serializers.IntegerField())


class CommentSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    group = serializers.IntegerField()
    author = serializers.CharField(help_text="Empty when nobody was named.")
    body = serializers.CharField()
    created_at = serializers.DateTimeField()


class NewCommentSerializer(serializers.Serializer[Any]):
    body = serializers.CharField(max_length=8192, trim_whitespace=False)
    author = serializers.CharField(
        max_length=200, required=False, allow_blank=True, default="", help_text="Not used when somebody is signed in."
    )


class ActivitySerializer(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="Unique within the list.")
    kind = serializers.ChoiceField(choices=[*Activity.Kind.values, "comment"])
    author = serializers.CharField()
    data = serializers.DictField()  # type: ignore[assignment]
    created_at = serializers.DateTimeField()


class GroupStatSerializer(serializers.Serializer[Any]):
    trend = serializers.ListField(child=serializers.IntegerField(), min_length=24, max_length=24)
    users = serializers.IntegerField()
    count = serializers.IntegerField()


class GroupStatsSerializer(serializers.Serializer[Any]):
    """By group id."""


class _GroupStatsShape(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    target_class = GroupStatsSerializer

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        one = auto_schema.resolve_serializer(GroupStatSerializer, direction).ref
        return build_object_type(additionalProperties=one, description=GroupStatsSerializer.__doc__)


class TagValueSerializer(serializers.Serializer[Any]):
    value = serializers.CharField()
    count = serializers.IntegerField()
    share = serializers.FloatField(help_text="Of the events that have the tag, 0 to 1.")


class TagSharesSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    total = serializers.IntegerField()
    value_count = serializers.IntegerField()
    values = TagValueSerializer(many=True)


@extend_schema_field({"type": "array", "items": {"$ref": "#/components/schemas/Explanation"}})
class ExplanationsField(serializers.ListField):
    """Of the same shape as what it is in."""


class ExplanationSerializer(serializers.Serializer[Any]):
    component = serializers.CharField()
    value = serializers.CharField()
    contributes = serializers.BooleanField()
    reason = serializers.CharField(allow_null=True)
    hash = serializers.CharField(allow_null=True, help_text="Of the outermost ones.")
    is_in_app = serializers.BooleanField(allow_null=True, help_text="Of frames.")
    children = ExplanationsField()


class GroupHashSerializer(serializers.Serializer[Any]):
    hash = serializers.CharField()
    variant = serializers.CharField()
    count = serializers.IntegerField(help_text="Stored events that it decided; 0 when the columns are away.")
    config = serializers.CharField()
    explanation = ExplanationSerializer(many=True)
    first_seen = serializers.DateTimeField()


class SeriesBucketSerializer(serializers.Serializer[Any]):
    bucket = serializers.DateTimeField()
    error = serializers.IntegerField()
    warning = serializers.IntegerField()
    info = serializers.IntegerField()
    fatal = serializers.IntegerField()
    debug = serializers.IntegerField()


class TopGroupSerializer(serializers.Serializer[Any]):
    fingerprint = serializers.CharField()
    title = serializers.CharField()
    count = serializers.IntegerField()
    group = serializers.IntegerField()


class ColumnEventSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    project = serializers.CharField(help_text="A slug.")
    level = serializers.CharField()
    fingerprint = serializers.CharField()
    title = serializers.CharField()
    message = serializers.CharField()
    received_at = serializers.DateTimeField()
