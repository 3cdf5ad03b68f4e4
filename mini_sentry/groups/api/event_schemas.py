"""The shapes of events for the API's document; `detail` builds the answers."""

from typing import Any

from rest_framework import serializers

from mini_sentry.groups.api.schemas import ExplanationSerializer
from mini_sentry.groups.models import Level
from mini_sentry.releases.api.symbolicate import ReadableFrameSerializer, WhySerializer


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


class SymbolicatedFramesSerializer(serializers.Serializer[Any]):
    frames = ReadableFrameSerializer(many=True, required=False)


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
    symbolicated = SymbolicatedFramesSerializer(help_text="`{}` when there was nothing to map with.")
    event_id = serializers.CharField()
    title = serializers.CharField()
    timestamp = serializers.DateTimeField(help_text="The client's clock, corrected and held near the time of receipt.")


class EventPageSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = EventSerializer(many=True)


class RawFrameSerializer(serializers.Serializer[Any]):
    function = serializers.CharField(allow_null=True)
    module = serializers.CharField(allow_null=True)
    filename = serializers.CharField(allow_null=True)
    abs_path = serializers.CharField(allow_null=True)
    lineno = serializers.IntegerField(allow_null=True)
    colno = serializers.IntegerField(allow_null=True)


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
    raw = RawFrameSerializer(allow_null=True, help_text="As sent, where a source map or function map changed it.")
    map = serializers.CharField(allow_null=True, help_text="The artifact that it was mapped with.")
    why = WhySerializer(allow_null=True, help_text="Why a minified frame is not mapped.")


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
