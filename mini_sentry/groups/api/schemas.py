"""The shapes of groups and events for the API's document. Answers are built as plain objects (`shape`, `detail`), because
a serializer costs more than the rows themselves; the tests hold the two together."""

from collections.abc import Iterable
from copy import copy
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
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
    action = serializers.ChoiceField(choices=[action.value for action in Action])
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


class GroupStatsSerializer(serializers.Serializer[Any]):
    trend = serializers.ListField(child=serializers.IntegerField(), min_length=24, max_length=24)
    users = serializers.IntegerField()
    count = serializers.IntegerField()


class GroupStatsMapSerializer(serializers.DictField):
    """By group id."""

    child = GroupStatsSerializer()


class TagValueSerializer(serializers.Serializer[Any]):
    value = serializers.CharField()
    count = serializers.IntegerField()
    share = serializers.FloatField(help_text="Of the events that have the tag, 0 to 1.")


class TagSharesSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    total = serializers.IntegerField()
    value_count = serializers.IntegerField()
    values = TagValueSerializer(many=True)


class ExplanationSerializer(serializers.Serializer[Any]):
    component = serializers.CharField()
    value = serializers.CharField()
    contributes = serializers.BooleanField()
    reason = serializers.CharField(allow_null=True)
    hash = serializers.CharField(allow_null=True, help_text="Of the outermost ones.")
    is_in_app = serializers.BooleanField(allow_null=True, help_text="Of frames.")
    children = serializers.ListField(child=serializers.DictField(), help_text="Of the same shape.")


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


class KeyValueSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    value = serializers.CharField()


class GroupEventSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    event_id = serializers.CharField()
    message = serializers.CharField()
    level = serializers.ChoiceField(choices=Level.values)
    timestamp = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    release = serializers.CharField(allow_null=True, help_text="A version.")
    environment = serializers.CharField()
    user = serializers.CharField(help_text="Empty for nobody.")
    tags = KeyValueSerializer(many=True)


class EventSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="32 lower-case hex digits.")
    project = serializers.IntegerField()
    group = serializers.IntegerField(allow_null=True)
    message = serializers.CharField()
    level = serializers.ChoiceField(choices=Level.values)
    payload = serializers.DictField(help_text="The body as sent, without its secrets.")
    received_at = serializers.DateTimeField()
    release = serializers.IntegerField(allow_null=True)
    environment = serializers.CharField()
    tags = serializers.JSONField(help_text="As sent: a list or a map; `[]` when there are none.")
    stack = serializers.CharField(allow_null=True, help_text="The text of a stack trace, where the body has one.")
    symbolicated = serializers.DictField(help_text="`{}`, or `frames`.")
    event_id = serializers.CharField()
    title = serializers.CharField()
    timestamp = serializers.DateTimeField(help_text="The client's clock, corrected and held near the time of receipt.")


class EventPageSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = EventSerializer(many=True)


class FrameSerializer(serializers.Serializer[Any]):
    function = serializers.CharField(allow_null=True)
    module = serializers.CharField(allow_null=True)
    filename = serializers.CharField(allow_null=True)
    abs_path = serializers.CharField(allow_null=True)
    lineno = serializers.IntegerField(allow_null=True)
    colno = serializers.IntegerField(allow_null=True)
    in_app = serializers.BooleanField(help_text="Whether it is the user's own code, after all rules.")
    in_app_reason = serializers.CharField()
    in_app_sent = serializers.BooleanField(allow_null=True, help_text="What the client said.")
    pre_context = serializers.ListField(child=serializers.CharField())
    context_line = serializers.CharField(allow_null=True)
    post_context = serializers.ListField(child=serializers.CharField())
    vars = serializers.DictField()
    package = serializers.CharField(allow_null=True)


class ExceptionSerializer(serializers.Serializer[Any]):
    type = serializers.CharField(allow_null=True)
    value = serializers.CharField(allow_null=True)
    module = serializers.CharField(allow_null=True)
    mechanism = serializers.DictField(allow_null=True)
    thread_id = serializers.JSONField(allow_null=True)
    relation = serializers.ChoiceField(
        choices=("cause", "context", "group"), allow_null=True, help_text="To the exception after it."
    )
    frames = FrameSerializer(many=True, help_text="Caller to callee: the frame that raised comes last.")


class ThreadSerializer(serializers.Serializer[Any]):
    id = serializers.JSONField(allow_null=True)
    name = serializers.CharField(allow_null=True)
    crashed = serializers.BooleanField(allow_null=True)
    current = serializers.BooleanField(allow_null=True)
    frames = FrameSerializer(many=True)


class MessageSerializer(serializers.Serializer[Any]):
    formatted = serializers.CharField()
    template = serializers.CharField(allow_null=True)
    params = serializers.JSONField(allow_null=True)


class BreadcrumbSerializer(serializers.Serializer[Any]):
    timestamp = serializers.DateTimeField(allow_null=True)
    type = serializers.CharField()
    category = serializers.CharField()
    message = serializers.CharField()
    level = serializers.ChoiceField(choices=Level.values)
    data = serializers.DictField()  # type: ignore[assignment]


class PairsField(serializers.ListField):
    """`[[key, value], …]`, in the order sent; a key may repeat."""

    child = serializers.ListField(child=serializers.JSONField(), min_length=2, max_length=2)


class RequestSerializer(serializers.Serializer[Any]):
    method = serializers.CharField(allow_null=True)
    url = serializers.CharField(allow_null=True)
    query_string = PairsField()
    data = serializers.JSONField(allow_null=True)  # type: ignore[assignment]
    cookies = PairsField()
    headers = PairsField()
    env = PairsField()


class SdkSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(allow_null=True)
    version = serializers.CharField(allow_null=True)


class NoteSerializer(serializers.Serializer[Any]):
    type = serializers.CharField()
    name = serializers.CharField()
    value = serializers.CharField()


class NormalizedSerializer(serializers.Serializer[Any]):
    exceptions = ExceptionSerializer(many=True, help_text="The oldest cause first, the one thrown last.")
    threads = ThreadSerializer(many=True)
    stacktrace = FrameSerializer(many=True, allow_null=True)
    message = MessageSerializer(allow_null=True)
    breadcrumbs = BreadcrumbSerializer(many=True)
    request = RequestSerializer(allow_null=True)
    contexts = serializers.DictField(child=serializers.DictField())
    extra = serializers.DictField()
    modules = serializers.DictField(child=serializers.CharField())
    sdk = SdkSerializer(allow_null=True)
    errors = NoteSerializer(many=True)  # type: ignore[assignment]


class UserSerializer(serializers.Serializer[Any]):
    """And whatever else the client said of the user."""

    id = serializers.CharField(allow_null=True)
    username = serializers.CharField(allow_null=True)
    email = serializers.CharField(allow_null=True)
    ip_address = serializers.CharField(allow_null=True)


class HashSerializer(serializers.Serializer[Any]):
    hash = serializers.CharField()
    variant = serializers.CharField()


class GroupingSerializer(serializers.Serializer[Any]):
    config = serializers.CharField()
    hashes = HashSerializer(many=True)
    explanation = ExplanationSerializer(many=True)


class NeighboursSerializer(serializers.Serializer[Any]):
    previous = serializers.CharField(allow_null=True)
    next = serializers.CharField(allow_null=True)
    first = serializers.CharField(allow_null=True)
    latest = serializers.CharField(allow_null=True)


class EventDetailSerializer(EventSerializer):
    culprit = serializers.CharField()
    type = serializers.CharField()
    platform = serializers.CharField()
    dist = serializers.CharField(allow_null=True)
    release_version = serializers.CharField(allow_null=True)
    transaction = serializers.CharField()
    trace_id = serializers.CharField()
    handled = serializers.BooleanField(allow_null=True)
    tag_list = KeyValueSerializer(many=True, help_text="The client's tags and the derived ones.")
    user = UserSerializer(allow_null=True)
    normalized = NormalizedSerializer()
    grouping = GroupingSerializer()
    neighbours = NeighboursSerializer()
    position = serializers.IntegerField(help_text="From 1, among those that match.")
    stored = serializers.IntegerField(help_text="How many match.")
    counted = serializers.IntegerField(help_text="How many the group ever had.")
    body_is_kept = serializers.BooleanField(help_text="false when retention took the body and left the row.")


def filter_of(name: str, text: str, *, many: bool = False, kind: Any = str, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, kind, description=text, many=many, explode=True if many else None, **more)


PROJECT = filter_of("project", "A slug. An unknown one gives an empty list.")
ENVIRONMENT = filter_of("environment", "Repeatable, or separated by commas.", many=True)
RANGE = filter_of("range", "Back from `to` or now: `15m`, `24h`, `7d`.")
TIMES = [
    RANGE,
    filter_of("from", "ISO 8601; wins over `range`.", kind=OpenApiTypes.DATETIME),
    filter_of("to", "ISO 8601, exclusive; now when absent.", kind=OpenApiTypes.DATETIME),
]
SEARCH = filter_of("q", "The search language: `is:unresolved level:error browser:Firefox !env:staging words`.")
FILTERS = [
    PROJECT,
    filter_of("level", "Repeatable, or separated by commas.", many=True, enum=Level.values),
    ENVIRONMENT,
    filter_of("release", "A version."),
    filter_of("status", "Of the group. Repeatable, or separated by commas.", many=True, enum=Status.values),
    *TIMES,
    SEARCH,
]
IDS = filter_of("id", "Group ids, at most 100. Repeatable, or separated by commas.", many=True, kind=int)


def required(parameter: OpenApiParameter) -> OpenApiParameter:
    """The same parameter where it cannot be left out."""
    changed = copy(parameter)
    changed.required = True
    return changed


def number(name: str, text: str) -> OpenApiParameter:
    return filter_of(name, text, kind=int)


def path(name: str, text: str) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.PATH, description=text)


def choice(name: str, values: Iterable[str], text: str) -> OpenApiParameter:
    return filter_of(name, text, enum=list(values))


LIMIT = filter_of("limit", "1 to 100.", kind=int)
CURSOR = filter_of("cursor", "From the `Link` header of the page before.")
INTERVAL = filter_of("interval", "The width of a bucket: `5m`, `1h`.")
PAGE_HEADERS = [
    OpenApiParameter(
        "Link", str, OpenApiParameter.HEADER, response=True, description='The next page, `rel="next"`, with its cursor.'
    ),
    OpenApiParameter("X-Hits", int, OpenApiParameter.HEADER, response=True, description="How many match in all."),
]
