"""Making frames readable on request: frames or a stack's text in, the same frames with their original places out."""

from typing import Any, Final

import msgspec
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mini_sentry.projects.api import project_or_404
from mini_sentry.protocol.limits import DEFAULT
from mini_sentry.releases import artifacts
from mini_sentry.releases.api.releases import OneLineField
from mini_sentry.releases.models import Release
from mini_sentry.rest.errors import Missing, invalid
from mini_sentry.rest.routing import route
from mini_sentry.symbolication import javascript, stacktext
from mini_sentry.symbolication.javascript import Place, Readable
from mini_sentry.symbolication.lookup import Code

MAX_FRAMES: Final = 1000
MAX_STACK_CHARS: Final = stacktext.MAX_CHARS

_PATHS: Final = ("file", "abs_path", "filename", "fileName", "url")
_LINES: Final = ("line", "lineno", "lineNumber", "lineNo")
_COLUMNS: Final = ("column", "colno", "columnNumber", "colNo", "col")
_FUNCTIONS: Final = ("function", "functionName", "methodName", "method")


class WhySerializer(serializers.Serializer[Any]):
    code = serializers.ChoiceField(choices=[code.value for code in Code])
    text = serializers.CharField()
    names = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="The files, builds or releases that there are instead."
    )


class ReadableFrameSerializer(serializers.Serializer[Any]):
    """The frame's own keys, and what was found out; keys that do not apply are left out."""

    function = serializers.CharField(required=False, help_text="The better name where one is known.")
    file = serializers.CharField(required=False, allow_null=True)
    line = serializers.IntegerField(required=False, allow_null=True)
    column = serializers.IntegerField(required=False, allow_null=True, help_text="1-based.")
    orig_file = serializers.CharField(required=False)
    orig_line = serializers.IntegerField(required=False, help_text="1-based.")
    orig_column = serializers.IntegerField(required=False, help_text="0-based.")
    raw_function = serializers.CharField(required=False, help_text="As sent, where `function` is a better name.")
    module = serializers.CharField(required=False)
    in_app = serializers.BooleanField(required=False)
    pre_context = serializers.ListField(child=serializers.CharField(allow_blank=True), required=False)
    context_line = serializers.CharField(required=False)
    post_context = serializers.ListField(child=serializers.CharField(allow_blank=True), required=False)
    map = serializers.CharField(required=False, help_text="The artifact that it was mapped with.")
    why = WhySerializer(required=False, help_text="What stands in the way, where it is not mapped.")


class SymbolicateSerializer(serializers.Serializer[Any]):
    project = serializers.CharField(help_text="A slug.")
    release = OneLineField(max_length=DEFAULT.release_chars, help_text="A version.")
    environment = OneLineField(
        max_length=DEFAULT.environment_chars, required=False, allow_blank=True, default="production"
    )
    dist = OneLineField(max_length=DEFAULT.dist_chars, required=False, allow_blank=True, default="")
    frames = serializers.ListField(
        child=serializers.DictField(), required=False, max_length=MAX_FRAMES, help_text="The one that threw first."
    )
    stack = serializers.CharField(
        required=False, allow_blank=True, max_length=MAX_STACK_CHARS, help_text="Text as an engine prints it."
    )


class SymbolicatedSerializer(serializers.Serializer[Any]):
    frames = ReadableFrameSerializer(many=True)


class SymbolicateView(APIView):
    @extend_schema(
        operation_id="symbolicate",
        request=SymbolicateSerializer,
        responses=SymbolicatedSerializer,
        tags=["releases"],
    )
    def post(self, request: Request) -> Response:
        """Frames of minified scripts, in order, each with its original place or with the reason why it has none.

        The release's files in the named environment come first, then those of the version in any.
        """
        sent = SymbolicateSerializer(data=_checked(request.data))
        sent.is_valid(raise_exception=True)
        asked = sent.validated_data
        project = project_or_404(asked["project"])
        if not Release.objects.filter(project=project, version=asked["release"]).exists():
            raise Missing(f"Project {project.slug} has no release {asked['release']!r}.")
        frames = asked.get("frames") or []
        if not frames and (text := asked.get("stack")):
            frames = stack_frames(text)
        library = artifacts.library()
        library.refresh()
        find = library.finder(
            project.pk, version=asked["release"], environment=asked["environment"], dist=asked["dist"]
        )
        # Caller first, as the names of functions are found from their callers.
        readable = javascript.symbolicate(
            [_place(frame) for frame in reversed(frames)], find=find, maps=artifacts.maps()
        )
        shown = [frame | found_out(one) for frame, one in zip(frames, reversed(readable), strict=True)]
        return Response({"frames": shown})


def stack_frames(text: str) -> list[dict[str, Any]]:
    """The frames of a stack's text, in the order printed."""
    parsed = stacktext.parse(text)
    if 'File "' not in text:
        parsed.reverse()
    return [
        {"function": frame.function, "file": frame.filename, "line": frame.lineno, "column": frame.colno}
        for frame in parsed
    ]


def found_out(frame: Readable) -> dict[str, Any]:
    """What a frame has beyond its own keys, with the lines around it."""
    known: dict[str, Any] = msgspec.to_builtins(frame)
    for name in ("file", "line", "column", "checksum", "source_id"):
        known.pop(name, None)
    if frame.context_line is not None:
        known["pre_context"], known["post_context"] = javascript.around(
            artifacts.maps(), checksum=frame.checksum, source_id=frame.source_id, line=frame.orig_line or 0
        )
    if not frame.raw_function:
        known.pop("function", None)
    return known


def _checked(data: Any) -> Any:
    """The list's items and the texts must be what they are said to be; the serializer would turn numbers into text."""
    if isinstance(data, dict):
        for name in ("project", "release", "environment", "dist", "stack"):
            if name in data and not isinstance(data[name], str):
                raise invalid(name, "Not a valid string.")
        if "frames" in data and not isinstance(data["frames"], list):
            raise invalid("frames", "Expected a list of items.")
    return data


def _place(frame: dict[str, Any]) -> Place:
    return Place(
        path=_text(frame, _PATHS)[: DEFAULT.frame_path_chars],
        line=_number(frame, _LINES),
        column=_number(frame, _COLUMNS),
        function=_text(frame, _FUNCTIONS)[: DEFAULT.frame_name_chars],
    )


def _text(frame: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((frame[name] for name in names if isinstance(frame.get(name), str) and frame[name]), "")


def _number(frame: dict[str, Any], names: tuple[str, ...]) -> int | None:
    for name in names:
        value = frame.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
            return int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if type(value) is int and 0 <= value < 2**31:
            return value
    return None


urlpatterns = [route("api/symbolicate/", SymbolicateView.as_view(), name="symbolicate")]
